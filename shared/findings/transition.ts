import type { Decision, Finding } from '../model/finding.ts';

export type FindingState = 'open' | 'resolved';

/** A finding as it is kept, with the transitions that the bus has not taken yet. */
export interface StoredFinding {
  readonly finding: Finding;
  readonly state: FindingState;
  /** Counts what happened to it, as the bus is told; part of each event's id. */
  readonly transition: number;
  /** Number of the evaluation that wrote it last. */
  readonly lastEvaluation: number;
  /** Events that wait, as JSON, by transition number. */
  readonly intents: Readonly<Record<string, string>>;
}

/** A stored finding with the key of its ref. */
export interface StoredFindingAt {
  readonly ref: string;
  readonly stored: StoredFinding;
}

/** `changed`: the policy decides otherwise of an open finding, because what is known of it changed, or the policy. */
type TransitionKind = 'opened' | 'changed' | 'resolved' | 'reopened';

/** One write: the finding as it is to be, and the transition in it, if there is one. */
export interface FindingWrite {
  readonly finding: Finding;
  readonly state: FindingState;
  readonly transition: number;
  readonly kind?: TransitionKind;
  /** What was decided before, where that changed. */
  readonly formerDecision?: Decision;
  readonly reason?: string;
}

/**
 * What to write so that the stored findings say what was found now. With `mayResolve` false - the scan goes on, or is
 * incomplete - it opens and resolves nothing: what was not seen may only not have been seen yet.
 *
 * `stored` and `found` are of the same scope: the whole ref, or the same package versions.
 */
export function planWrites(
  stored: readonly StoredFinding[],
  found: readonly Finding[],
  mayResolve: boolean,
  resolveReason: (finding: Finding) => string,
): FindingWrite[] {
  const writes: FindingWrite[] = [];
  const storedById = new Map(stored.map((entry) => [entry.finding.id, entry]));
  for (const finding of found) {
    const known = storedById.get(finding.id);
    if (!known) writes.push({ finding, state: 'open', transition: 1, kind: 'opened' });
    else if (known.state === 'resolved') writes.push({ finding, state: 'open', transition: known.transition + 1, kind: 'reopened' });
    else if (known.finding.decision !== finding.decision) {
      const formerDecision = known.finding.decision;
      writes.push({ finding, state: 'open', transition: known.transition + 1, kind: 'changed', formerDecision });
    } else if (!sameStatement(known.finding, finding)) writes.push({ finding, state: 'open', transition: known.transition });
  }
  if (!mayResolve) return writes;
  const foundIds = new Set(found.map(({ id }) => id));
  for (const { finding, state, transition } of stored) {
    if (state === 'resolved' || foundIds.has(finding.id)) continue;
    writes.push({ finding, state: 'resolved', transition: transition + 1, kind: 'resolved', reason: resolveReason(finding) });
  }
  return writes;
}

/**
 * Whether a finding says the same of the same thing: what its id does not hold may change without a transition. Of the lock files
 * that it does not list it says only how many they are.
 */
function sameStatement(a: Finding, b: Finding): boolean {
  return (
    a.severity === b.severity &&
    a.title === b.title &&
    a.decisionReason === b.decisionReason &&
    a.lockFileCount === b.lockFileCount &&
    a.lockFiles.length === b.lockFiles.length &&
    a.lockFiles.every((path, index) => path === b.lockFiles[index])
  );
}
