import pLimit from 'p-limit';
import { jitteredSeconds } from '../../shared/aws/sqs-batch.ts';
import { isReportedAsMalware } from '../../shared/findings/derive.ts';
import type { InsightStore } from '../../shared/insights/dynamodb.ts';
import { type Asked, recordAsks } from '../../shared/insights/record-asks.ts';
import { openQuestions, type Question, type Verdict } from '../../shared/insights/verdict.ts';
import type { AnswerChanged, Evaluate, LookupBatch } from '../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../shared/model/package-version.ts';
import type { ScanStore } from '../../shared/scans/dynamodb.ts';
import { BATCH_MAX_FAILURES } from '../../shared/scans/scan.ts';

/** A claim outlives its invocation by this much, so that nobody takes over a package that is still being stored. */
const CLAIM_GRACE_MS = 2_000;
/** A claim of somebody else is looked at again after one or two seconds: whole seconds are all that a visibility has. */
const FOREIGN_CLAIM_MAX_WAIT_MS = 1_000;
/** A batch waits this long for permits at most, also where the server asked the fleet to pause for longer: it may be taken back. */
const PERMIT_MAX_WAIT_MS = 120_000;
/** A batch that waits for permits comes back up to so much later than there may be some: not all that wait come at once. */
const PERMIT_WAIT_SPREAD_SHARE = 0.25;
/** A batch whose asks failed comes back after 1, 2, 4 ... seconds. */
const FAILURE_MAX_WAIT_SECONDS = 120;

/** What asking about one package version came to. A question is in one of the three, or in none where it was not asked. */
export interface AskResult {
  /** Answers, gaps, and failures that asking again will not mend; with the facts that the answers brought. */
  readonly settled: Asked;
  /** Failures that may pass. */
  readonly failing: Asked['checks'];
  /** There was no permit for at least one question: wait this long. */
  readonly waitMs?: number;
}

export interface AnswerPorts {
  readonly insights: Pick<InsightStore, 'read' | 'claim' | 'store' | 'release' | 'clearFanOut'>;
  readonly scans: Pick<ScanStore, 'read' | 'countFailure' | 'finishBatch'>;
  /** Takes a permit for each question and asks; never throws for what the other side does. */
  ask(packageVersion: PackageVersion, questions: readonly Question[]): Promise<AskResult>;
  sendEvaluations(messages: readonly (Evaluate | AnswerChanged)[]): Promise<void>;
  /** Names this invocation in claims. */
  readonly owner: string;
  readonly deadlineAtMs: number;
  /** Nothing new is asked after this: the rest of the batch comes back. */
  readonly askUntilMs: number;
  /** Packages that are asked about at once. */
  readonly packagesAtOnce: number;
  /** Claims, and stores, that are under way at once: more would only queue at the table, before the leases of other workers. */
  readonly writesAtOnce: number;
  /** Called after every write: asks that wait for their instant may go before what follows. */
  onWritten(): void;
  nowMs(): number;
  /** In [0, 1): spreads refreshes and waits. */
  random(): number;
}

export type BatchResult = 'done' | { readonly againAfterSeconds: number };

type PackageResult =
  | { readonly kind: 'answered'; readonly verdict: Verdict }
  | { readonly kind: 'waits'; readonly waitMs: number }
  | { readonly kind: 'failed'; readonly packageVersion: PackageVersion; readonly checks: Asked['checks'] };

/**
 * Answers one batch: whatever is fresh is taken as it is, the rest is claimed, asked and stored. The batch is done when every
 * package has an answer or a failure that its scan counts; until then it comes back, and finds the answered ones fresh.
 */
export async function answerBatch(batch: LookupBatch, given: AnswerPorts): Promise<BatchResult> {
  const ports = withBoundedWrites(given);
  const verdicts = await ports.insights.read(batch.packages);
  const open = batch.packages.filter((packageVersion) => openQuestions(verdicts.get(packageKey(packageVersion)), ports.nowMs()).length > 0);
  const limit = pLimit(ports.packagesAtOnce);
  const results = await Promise.all(open.map((packageVersion) => limit(() => answerPackage(packageVersion, ports))));

  await announceMalware(batch, open, results, ports);

  // Nobody waits for a rescan: what failed keeps its answer and its place in the due index, and the schedule sends it again.
  const failed = batch.scan ? results.filter((result) => result.kind === 'failed') : [];
  if (batch.scan && failed.length > 0) {
    const failures = await countFailure(batch.scan, ports);
    if (failures < BATCH_MAX_FAILURES) return { againAfterSeconds: failureWaitSeconds(failures, ports.random()) };
    const recorded = await Promise.all(failed.map((result) => limit(() => recordFailure(result.packageVersion, result.checks, ports))));
    if (recorded.includes('lost')) return { againAfterSeconds: 1 };
  }
  const waits = results.filter((result) => result.kind === 'waits');
  if (waits.length > 0) {
    return { againAfterSeconds: waitSeconds(Math.min(...waits.map(({ waitMs }) => waitMs)), ports.random()) };
  }
  await finish(batch, ports);
  return 'done';
}

/**
 * Resolves to how often the batch has failed by now. One that has used up its failures, and comes back because other packages of it
 * wait, is not counted on: each count puts off `sweep`'s next look at the scan, and with it the scan's end.
 */
async function countFailure(scan: NonNullable<LookupBatch['scan']>, ports: AnswerPorts): Promise<number> {
  const counted = (await ports.scans.read(scan))?.failures[scan.batchNumber] ?? 0;
  return counted < BATCH_MAX_FAILURES ? ports.scans.countFailure(scan, scan.batchNumber, ports.nowMs()) : counted;
}

function failureWaitSeconds(failures: number, random: number): number {
  return jitteredSeconds(Math.min(FAILURE_MAX_WAIT_SECONDS, 2 ** Math.max(0, failures - 1)), random);
}

/** Never sooner than the wait, or its bound, and spread over a second and a share of it. */
function waitSeconds(waitMs: number, random: number): number {
  const leastMs = Math.min(PERMIT_MAX_WAIT_MS, waitMs);
  const spreadMs = random * (1_000 + PERMIT_WAIT_SPREAD_SHARE * leastMs);
  return Math.max(1, Math.ceil((leastMs + spreadMs) / 1_000));
}

/** Claims and stores have a bound each: a store must not wait for the claims of a whole batch. */
function withBoundedWrites(ports: AnswerPorts): AnswerPorts {
  const claims = pLimit(ports.writesAtOnce);
  const stores = pLimit(ports.writesAtOnce);
  const { insights, onWritten } = ports;
  const afterWrite = <T>(result: T): T => {
    onWritten();
    return result;
  };
  return {
    ...ports,
    insights: {
      ...insights,
      claim: (...args) => claims(() => insights.claim(...args)).then(afterWrite),
      store: (...args) => stores(() => insights.store(...args)).then(afterWrite),
      release: (...args) => stores(() => insights.release(...args)).then(afterWrite),
    },
  };
}

async function answerPackage(packageVersion: PackageVersion, ports: AnswerPorts): Promise<PackageResult> {
  const claimedAtMs = ports.nowMs();
  if (claimedAtMs >= ports.askUntilMs) return { kind: 'waits', waitMs: 0 };
  const claim = await ports.insights.claim(packageVersion, ports.owner, ports.deadlineAtMs + CLAIM_GRACE_MS, claimedAtMs);
  if ('foreignUntilMs' in claim) {
    return { kind: 'waits', waitMs: Math.min(FOREIGN_CLAIM_MAX_WAIT_MS, Math.max(0, claim.foreignUntilMs - claimedAtMs)) };
  }

  const { settled, failing, waitMs } = await ports.ask(packageVersion, openQuestions(claim.verdict, claimedAtMs));

  let verdict = claim.verdict;
  if (Object.keys(settled.checks).length > 0) {
    const nowMs = ports.nowMs();
    verdict = recordAsks(claim.verdict, settled, claimedAtMs, nowMs, ports.random());
    if ((await ports.insights.store(packageVersion, ports.owner, verdict, claimedAtMs, nowMs)) === 'lost')
      return { kind: 'waits', waitMs: 0 };
    await fanOut(packageVersion, verdict, ports);
  } else {
    await ports.insights.release(packageVersion, ports.owner);
  }
  if (Object.keys(failing).length > 0) return { kind: 'failed', packageVersion, checks: failing };
  if (waitMs !== undefined) return { kind: 'waits', waitMs };
  return { kind: 'answered', verdict };
}

/** Writes down that these questions came to nothing, beside whatever answer there is: the scan that needs them counts them as failed. */
async function recordFailure(packageVersion: PackageVersion, checks: Asked['checks'], ports: AnswerPorts): Promise<'stored' | 'lost'> {
  const nowMs = ports.nowMs();
  const claim = await ports.insights.claim(packageVersion, ports.owner, ports.deadlineAtMs + CLAIM_GRACE_MS, nowMs);
  if ('foreignUntilMs' in claim) return 'lost';
  const verdict = recordAsks(claim.verdict, { checks, facts: {} }, nowMs, nowMs, ports.random());
  return ports.insights.store(packageVersion, ports.owner, verdict, nowMs, nowMs);
}

/** Tells the users of an answer that it changed, then clears the mark; who dies in between leaves the mark to others. */
async function fanOut(packageVersion: PackageVersion, verdict: Verdict, ports: AnswerPorts): Promise<void> {
  if (verdict.fanOut === undefined) return;
  await ports.sendEvaluations([{ version: 1, kind: 'answer-changed', packageVersion, digest: verdict.fanOut }]);
  await ports.insights.clearFanOut(packageVersion, verdict.fanOut);
}

/** Malware is not made to wait for the end of its scan. */
async function announceMalware(
  batch: LookupBatch,
  open: readonly PackageVersion[],
  results: readonly PackageResult[],
  ports: AnswerPorts,
): Promise<void> {
  if (!batch.scan) return;
  const malware = open.filter((_, index) => {
    const result = results[index];
    return result?.kind === 'answered' && isReportedAsMalware(result.verdict.facts);
  });
  if (malware.length > 0) await ports.sendEvaluations([{ version: 1, kind: 'evaluate', ref: batch.scan.ref, packages: malware }]);
}

/**
 * Takes the batch off its scan; whoever sees the last one go has the scan evaluated. A repeat does the same again, until the scan is
 * complete: then it has nothing to add.
 */
async function finish(batch: LookupBatch, ports: AnswerPorts): Promise<void> {
  if (!batch.scan) return;
  const scan = await ports.scans.finishBatch(batch.scan, batch.scan.batchNumber, ports.nowMs());
  if (!scan || scan.outcome?.status === 'superseded' || scan.outcome?.status === 'complete') return;
  if (scan.openBatches.size === 0 || scan.closedAtMs !== undefined) {
    await ports.sendEvaluations([{ version: 1, kind: 'evaluate', ref: batch.scan.ref }]);
  }
}
