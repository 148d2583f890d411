import { createHash } from 'node:crypto';
import type { AssessedPackage, ScanCounts } from '../../shared/findings/assess.ts';
import { worstFirst } from '../../shared/findings/order.ts';
import type { FindingWrite } from '../../shared/findings/transition.ts';
import type { RefItem, SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import type { AnswerSource, FindingEvent, ScanEvent } from '../../shared/messages/bus-events.ts';
import { toPurl } from '../../shared/model/purl.ts';
import { type RefId, refKey } from '../../shared/model/repository.ts';
import type { ScanOutcome } from '../../shared/scans/scan.ts';

/** Findings that a scan's event lists, the worst first: enough for a summary, and an event of a few kilobytes. */
const WORST_MAX = 20;

const DETAIL_TYPES = {
  opened: 'finding opened',
  changed: 'finding changed',
  resolved: 'finding resolved',
  reopened: 'finding reopened',
} as const;

function repository(ref: RefId, snapshot: SnapshotFacts): FindingEvent['repository'] {
  return { ...ref, name: snapshot.repositoryName, isDefaultBranch: snapshot.isDefaultBranch, commit: snapshot.commit };
}

/** The event of one transition. Its id is the finding's and the transition's number: the same whoever sends it again. */
export function findingEvent(
  ref: RefId,
  refItem: RefItem,
  snapshot: SnapshotFacts,
  write: FindingWrite,
  answers: AnswerSource,
  nowMs: number,
): FindingEvent {
  const { finding } = write;
  return {
    version: 1,
    eventId: `${finding.id}-${write.transition}`,
    occurredAt: new Date(nowMs).toISOString(),
    answers,
    repository: repository(ref, snapshot),
    detailType: DETAIL_TYPES[write.kind ?? 'opened'],
    baseline: refItem.baselineGeneration === undefined,
    finding: {
      id: finding.id,
      factId: finding.factId,
      transition: write.transition,
      kind: finding.kind,
      severity: finding.severity,
      purl: toPurl(finding.packageVersion),
      primaryId: finding.primaryId,
      title: finding.title,
      decision: finding.decision,
      decisionReason: finding.decisionReason,
      ...(write.formerDecision === undefined ? {} : { formerDecision: write.formerDecision }),
      lockFiles: [...finding.lockFiles],
      ...(finding.lockFileCount === undefined ? {} : { lockFileCount: finding.lockFileCount }),
    },
    ...(write.reason === undefined ? {} : { reason: write.reason }),
  };
}

export function scanEvent(
  ref: RefId,
  refItem: RefItem,
  snapshot: SnapshotFacts,
  outcome: ScanOutcome,
  outcomeNumber: number,
  counts: ScanCounts,
  assessed: readonly AssessedPackage[],
  answers: AnswerSource,
  nowMs: number,
): ScanEvent {
  const findings = assessed.flatMap((entry) => [...entry.findings]).sort(worstFirst);
  const decided = { reject: 0, warn: 0, accept: 0 };
  for (const { decision } of findings) decided[decision] += 1;
  const scanId = createHash('sha256').update(refKey(ref)).digest('hex').slice(0, 32);
  return {
    version: 1,
    eventId: `${scanId}-${snapshot.generation}-${outcomeNumber}`,
    occurredAt: new Date(nowMs).toISOString(),
    answers,
    repository: repository(ref, snapshot),
    detailType: outcome.status === 'complete' ? 'scan complete' : 'scan incomplete',
    generation: snapshot.generation,
    // The first word on the scan that ended the baseline, which may have been ended by a run that did not live to say it.
    baseline: refItem.baselineGeneration === undefined || (refItem.baselineGeneration === snapshot.generation && outcomeNumber === 1),
    reasons: [...outcome.reasons],
    counts: { ...counts, findings: decided },
    worst: findings.slice(0, WORST_MAX).map((finding) => ({
      kind: finding.kind,
      severity: finding.severity,
      purl: toPurl(finding.packageVersion),
      title: finding.title,
      decision: finding.decision,
    })),
  };
}
