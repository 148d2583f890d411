import pLimit from 'p-limit';
import { type AssessedPackage, assessPackage, concludeScan, countScan, saysTheSame } from '../../shared/findings/assess.ts';
import { derivePoisonings } from '../../shared/findings/derive.ts';
import type { FindingStore } from '../../shared/findings/dynamodb.ts';
import { type PublishPorts, publishFindings, publishScan, REPORT_INTENT } from '../../shared/findings/publish.ts';
import { type FindingWrite, planWrites, type StoredFinding } from '../../shared/findings/transition.ts';
import type { InsightStore } from '../../shared/insights/dynamodb.ts';
import { type InventoryStore, SnapshotGoneError } from '../../shared/inventory/dynamodb.ts';
import { type LockFileContent, lockFilesByPackage, poisoningsByPackage, readSnapshot } from '../../shared/inventory/read-snapshot.ts';
import type { RefItem, SnapshotFacts } from '../../shared/inventory/ref-item.ts';
import { askable } from '../../shared/inventory/snapshot.ts';
import type { AnswerSource } from '../../shared/messages/bus-events.ts';
import type { Evaluate, ReportRequest } from '../../shared/messages/queue-messages.ts';
import type { Finding } from '../../shared/model/finding.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import { type RefId, refKey } from '../../shared/model/repository.ts';
import type { Settings } from '../../shared/model/settings/settings.ts';
import type { ScanStore } from '../../shared/scans/dynamodb.ts';
import { isSettled, type Scan } from '../../shared/scans/scan.ts';
import { findingEvent, scanEvent } from './events.ts';

const WRITES_AT_ONCE = 16;
/** Times that a snapshot is read again because it was replaced meanwhile. */
const READ_ATTEMPTS = 4;
/** An evaluation that was overtaken looks again after one to five seconds: concurrent ones then do not meet again. */
const AGAIN_MIN_SECONDS = 1;
const AGAIN_SPREAD_SECONDS = 5;

export interface EvaluatePorts extends PublishPorts {
  readonly inventory: InventoryStore;
  readonly scans: ScanStore;
  readonly insights: InsightStore;
  readonly findings: FindingStore;
  readonly answers: AnswerSource;
  readonly reports: boolean;
  sendAgain(message: Evaluate, delaySeconds: number): Promise<void>;
  nowMs(): number;
  random(): number;
}

/** Everything that one evaluation goes by, read after its number was taken. */
interface View {
  readonly refItem: RefItem;
  readonly snapshot: SnapshotFacts;
  readonly scan: Scan;
  readonly contents: readonly LockFileContent[];
  /** The package versions of the scope; absent for the whole ref. */
  readonly scope: readonly PackageVersion[] | undefined;
}

/**
 * Decides what is so at a ref now, and writes what changed (design, section 4, "results, evaluate"). Any number of these may
 * run at once and be repeated: every write is conditioned on this evaluation's number, and one that was overtaken after it
 * wrote sends itself again: who overtook it may have found nothing to write before.
 */
export async function evaluateRef(message: Evaluate, settings: Settings, ports: EvaluatePorts): Promise<void> {
  const { ref } = message;
  const view = await takeView(message, ports);
  if (!view) return;
  const { refItem, snapshot, scan, contents, scope } = view;
  const number = refItem.evaluation;

  const assessed = await assess(ref, view, settings, ports);
  const settled = isSettled(scan);
  const outcome = scope === undefined && settled ? concludeScan(snapshot.problems, contents, assessed) : undefined;
  const mayResolve = settled && (outcome ?? scan.outcome)?.status === 'complete';

  const inScope = scope === undefined ? undefined : new Set(scope.map(packageKey));
  const stored = (await ports.findings.readAll(ref)).filter(({ finding }) => !inScope || inScope.has(packageKey(finding.packageVersion)));
  const current = await ports.inventory.readRef(ref);
  if (!current || current.wholeEvaluation > number) return;

  const present = lockFilesByPackage(contents);
  const writes = planWrites(
    stored,
    [...assessed.flatMap(({ findings }) => [...findings]), ...poisonedGaps(ref, view, settings)],
    mayResolve,
    (finding) => resolveReason(finding, snapshot, present.has(packageKey(finding.packageVersion))),
  );
  const written = await writeFindings(ref, writes, view, ports);
  await publishFindings([...waitingBefore(ref, stored, written), ...written], ports);

  if (outcome) await endScan(ref, view, outcome, assessed, ports);

  if (writes.length > 0) await lookAgainIfOvertaken(message, number, snapshot, ports);
}

/** Takes an evaluation number and reads. A scoped evaluation of an incomplete scan becomes one of the whole ref. */
async function takeView(message: Evaluate, ports: EvaluatePorts): Promise<View | undefined> {
  const { ref } = message;
  let scope: readonly PackageVersion[] | undefined = message.packages;
  for (let attempt = 1; ; attempt += 1) {
    const refItem = await ports.inventory.takeEvaluation(ref, scope === undefined);
    const snapshot = refItem?.snapshot;
    if (!refItem || !snapshot) return undefined;
    const scan = await ports.scans.read({ ref, generation: snapshot.generation });
    if (!scan) return undefined;
    if (scope !== undefined && scan.outcome?.status === 'incomplete') {
      scope = undefined;
      continue;
    }
    try {
      return { refItem, snapshot, scan, scope, contents: await readSnapshot(ports.inventory, ref, snapshot) };
    } catch (error) {
      if (!(error instanceof SnapshotGoneError) || attempt >= READ_ATTEMPTS) throw error;
    }
  }
}

async function assess(ref: RefId, view: View, settings: Settings, ports: EvaluatePorts): Promise<AssessedPackage[]> {
  const byPackage = lockFilesByPackage(view.contents);
  const poisonings = poisoningsByPackage(view.contents);
  const wanted =
    view.scope === undefined
      ? [...byPackage.values()]
      : view.scope.flatMap((packageVersion) => byPackage.get(packageKey(packageVersion)) ?? []);
  const verdicts = await ports.insights.read(askable(wanted.map(({ packageVersion }) => packageVersion)));
  const times = {
    startedAtMs: view.scan.startedAtMs,
    settled: isSettled(view.scan),
    ...(view.scan.closedAtMs === undefined ? {} : { closedAtMs: view.scan.closedAtMs }),
  };
  return wanted.map(({ packageVersion, paths }) =>
    assessPackage(
      ref,
      packageVersion,
      paths,
      verdicts.get(packageKey(packageVersion)),
      times,
      settings.policy,
      poisonings.get(packageKey(packageVersion)),
    ),
  );
}

/** Signs of poisoning about what is no package that anybody is asked about, such as a private one. */
function poisonedGaps(ref: RefId, { contents, scope }: View, settings: Settings): Finding[] {
  if (scope !== undefined) return [];
  const listed = lockFilesByPackage(contents);
  return [...poisoningsByPackage(contents)].flatMap(([key, entries]) =>
    listed.has(key) ? [] : derivePoisonings(ref, entries, settings.policy),
  );
}

function resolveReason(finding: Finding, snapshot: SnapshotFacts, isPresent: boolean): string {
  if (snapshot.deleted) return `${finding.packageVersion.name}: the ref was deleted`;
  if (isPresent) return finding.kind === 'poisoned-lock-file' ? 'no lock file shows it any more' : 'SafeDep no longer reports it';
  return `no lock file resolves to ${finding.packageVersion.name} ${finding.packageVersion.version} any more`;
}

/** Writes findings with their events; resolves to those whose events now wait. */
async function writeFindings(ref: RefId, writes: readonly FindingWrite[], view: View, ports: EvaluatePorts) {
  const limit = pLimit(WRITES_AT_ONCE);
  const key = refKey(ref);
  const results = await Promise.all(
    writes.map((write) =>
      limit(async () => {
        const nowMs = ports.nowMs();
        const event =
          write.kind === undefined
            ? undefined
            : JSON.stringify(findingEvent(ref, view.refItem, view.snapshot, write, ports.answers, nowMs));
        const result = await ports.findings.write(ref, write, view.refItem.evaluation, event, nowMs);
        if (result === 'refused' || event === undefined) return [];
        const stored: StoredFinding = {
          finding: write.finding,
          state: write.state,
          transition: write.transition,
          lastEvaluation: view.refItem.evaluation,
          intents: { [String(write.transition)]: event },
        };
        return [{ ref: key, stored }];
      }),
    ),
  );
  return results.flat();
}

/** Events that an earlier evaluation wrote and did not live to publish. They come before those of this one. */
function waitingBefore(ref: RefId, stored: readonly StoredFinding[], written: readonly { stored: StoredFinding }[]) {
  const newTransitions = new Map(written.map((entry) => [entry.stored.finding.id, entry.stored.transition]));
  return stored
    .filter(({ intents }) => Object.keys(intents).length > 0)
    .map((entry) => ({
      ref: refKey(ref),
      stored: {
        ...entry,
        intents: Object.fromEntries(
          Object.entries(entry.intents).filter(([transition]) => Number(transition) !== newTransitions.get(entry.finding.id)),
        ),
      },
    }));
}

/** Writes how the scan ended, if that is news, and publishes what must follow; ends the baseline of a ref's first scan. */
async function endScan(
  ref: RefId,
  view: View,
  outcome: NonNullable<Scan['outcome']>,
  assessed: readonly AssessedPackage[],
  ports: EvaluatePorts,
): Promise<void> {
  const { refItem, snapshot, contents } = view;
  let scan = view.scan;
  if (scan.outcome?.status === 'superseded') return;
  // Before its summary is written: whatever is found after the summary was made is told by itself.
  if (endsBaseline(view, outcome)) await ports.inventory.endBaseline(ref, scan.generation);
  while (isOther(scan, outcome, refItem.evaluation)) {
    const news = !saysTheSame(scan.outcome, outcome);
    const outcomeNumber = scan.outcomeNumber + (news ? 1 : 0);
    const nowMs = ports.nowMs();
    const event = scanEvent(ref, refItem, snapshot, outcome, outcomeNumber, countScan(contents, assessed), assessed, ports.answers, nowMs);
    const report: ReportRequest = {
      version: 1,
      kind: 'report',
      ref,
      repositoryName: snapshot.repositoryName,
      generation: scan.generation,
      commit: scan.commit,
    };
    const reportable = ports.reports && ports.answers !== 'stand-in' && !snapshot.deleted;
    const result = await ports.scans.writeOutcome(
      scan,
      outcome,
      refItem.evaluation,
      outcomeNumber,
      !news
        ? {}
        : { [`event-${outcomeNumber}`]: JSON.stringify(event), ...(reportable ? { [REPORT_INTENT]: JSON.stringify(report) } : {}) },
      nowMs,
    );
    const after = await ports.scans.read(scan);
    if (!after) return;
    scan = after;
    if (result === 'written') break;
  }
  if (Object.keys(scan.intents).length > 0) await publishScan(scan, ports);
}

/** A first scan that could not read the repository knows nothing of it: what the next one finds is still the baseline. */
function endsBaseline({ refItem, snapshot, contents }: View, outcome: NonNullable<Scan['outcome']>): boolean {
  if (refItem.baselineGeneration !== undefined) return false;
  return outcome.status === 'complete' || (snapshot.problems.length === 0 && contents.some(({ lockFile }) => lockFile.status === 'read'));
}

/** Whether this evaluation has another word on the scan: not on a superseded one, nor after a later evaluation has spoken. */
function isOther(scan: Scan, outcome: NonNullable<Scan['outcome']>, evaluation: number): boolean {
  if (scan.outcome?.status === 'superseded' || scan.outcomeEvaluation >= evaluation) return false;
  return JSON.stringify(scan.outcome) !== JSON.stringify(outcome);
}

async function lookAgainIfOvertaken(message: Evaluate, number: number, snapshot: SnapshotFacts, ports: EvaluatePorts): Promise<void> {
  const now = await ports.inventory.readRef(message.ref);
  if (now && now.evaluation === number && now.snapshot?.generation === snapshot.generation) return;
  await ports.sendAgain(message, AGAIN_MIN_SECONDS + Math.floor(ports.random() * AGAIN_SPREAD_SECONDS));
}
