/**
 * What came of asking one question about one package version.
 *
 * - `known`: SafeDep answered.
 * - Gaps, limits of what can be known now: `not-analysed` (SafeDep does not know this version, or is still at it),
 *   `unsupported` (an ecosystem, origin or name that is not served), `unresolved` (a range without a lock, a private name).
 * - Failures, ours to mend: `throttled`, `failed`.
 */
export type CheckState = 'known' | GapState | FailureState;
export type GapState = 'not-analysed' | 'unsupported' | 'unresolved';
type FailureState = 'throttled' | 'failed';

export interface Check {
  readonly state: CheckState;
  /** One sentence for the reader; present whenever the state is not `known`. */
  readonly reason?: string;
}

/** The two questions that are asked of every package version. */
export interface Checks {
  readonly vulnerabilities: Check;
  readonly malware: Check;
}

export type Outcome = 'finding' | FailureState | GapState | 'benign';

/** Which of two states decides the outcome: the earlier one here. */
const PRECEDENCE: readonly CheckState[] = ['failed', 'throttled', 'unresolved', 'unsupported', 'not-analysed'];

/** A package's outcome: a finding wins, then failures, then gaps; `benign` only when both questions were answered. */
export function deriveOutcome(checks: Checks, hasFinding: boolean): Outcome {
  if (hasFinding) return 'finding';
  const states = [checks.vulnerabilities.state, checks.malware.state];
  for (const state of PRECEDENCE) {
    if (states.includes(state)) return state as Outcome;
  }
  return 'benign';
}

export function isFailure(check: Check): boolean {
  return check.state === 'failed' || check.state === 'throttled';
}
