import type { FindingStore } from '../../shared/findings/dynamodb.ts';
import { type PublishPorts, publishFindings, publishScan } from '../../shared/findings/publish.ts';
import type { InsightStore } from '../../shared/insights/dynamodb.ts';
import { type InventoryStore, SnapshotGoneError } from '../../shared/inventory/dynamodb.ts';
import { packagesToAsk, readSnapshot } from '../../shared/inventory/read-snapshot.ts';
import { type Evaluation, type Lane, type LookupBatch, toBatches } from '../../shared/messages/queue-messages.ts';
import type { ScanStore } from '../../shared/scans/dynamodb.ts';
import { GIVE_UP_AFTER_MS, LOOK_GAP_MAX_MS, type Scan } from '../../shared/scans/scan.ts';

/** What is only just written is in somebody's hands: a mark counts as forgotten after a minute. */
const FORGOTTEN_AFTER_MS = 60_000;
/** Marks of one kind that one sweep takes: the next minute takes more. */
const MARKS_PER_SWEEP = 200;

export interface SweepPorts extends PublishPorts {
  readonly inventory: InventoryStore;
  readonly scans: ScanStore;
  readonly insights: Pick<InsightStore, 'unFanned' | 'clearFanOut'>;
  readonly findings: FindingStore;
  sendLookups(lane: Lane, batches: readonly LookupBatch[]): Promise<void>;
  sendEvaluations(messages: readonly Evaluation[]): Promise<void>;
  nowMs(): number;
}

export interface SweepResult {
  readonly scansLookedAt: number;
  readonly scansGivenUp: number;
  readonly batchesSentAgain: number;
  readonly answersFannedOut: number;
  readonly intentsPublished: number;
}

/**
 * Finds marks that nobody cleared and does what they ask for. Everything here may be done twice. One mark that cannot be served
 * keeps none of the others waiting: its error is thrown at the end.
 */
export async function sweep(ports: SweepPorts): Promise<SweepResult> {
  const nowMs = ports.nowMs();
  const errors: unknown[] = [];
  const serve = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => errors.push(error));
  };

  let scansGivenUp = 0;
  let batchesSentAgain = 0;
  const open = await ports.scans.openBefore(nowMs, MARKS_PER_SWEEP);
  for (const scan of open) {
    await serve(async () => {
      const sent = await lookAt(scan, nowMs, ports);
      if (sent === 'given-up') scansGivenUp += 1;
      else batchesSentAgain += sent;
    });
  }

  const answers = await ports.insights.unFanned(nowMs - FORGOTTEN_AFTER_MS, MARKS_PER_SWEEP);
  for (const { packageVersion, digest } of answers) {
    await serve(async () => {
      await ports.sendEvaluations([{ version: 1, kind: 'answer-changed', packageVersion, digest }]);
      await ports.insights.clearFanOut(packageVersion, digest);
    });
  }

  const findings = await ports.findings.withIntentsBefore(nowMs - FORGOTTEN_AFTER_MS, MARKS_PER_SWEEP);
  await serve(() => publishFindings(findings, ports));
  for (const { ref, stored } of findings) {
    if (Object.keys(stored.intents).length === 0) await serve(() => ports.findings.clearEmptyMark(ref, stored.finding.id));
  }
  const scans = await ports.scans.withIntentsBefore(nowMs - FORGOTTEN_AFTER_MS, MARKS_PER_SWEEP);
  for (const scan of scans) {
    await serve(() => (Object.keys(scan.intents).length > 0 ? publishScan(scan, ports) : ports.scans.clearEmptyMark(scan)));
  }

  if (errors.length > 0) throw errors[0];
  return {
    scansLookedAt: open.length,
    scansGivenUp,
    batchesSentAgain,
    answersFannedOut: answers.length,
    intentsPublished: findings.length + scans.length,
  };
}

/** A scan from which no number has left for a while: superseded, given up, or its open batches are sent again. */
async function lookAt(scan: Scan, nowMs: number, ports: SweepPorts): Promise<number | 'given-up'> {
  const refItem = await ports.inventory.readRef(scan.ref);
  const snapshot = refItem?.snapshot;
  if (!snapshot || snapshot.generation !== scan.generation) {
    // Not the snapshot that counts. Below it: superseded. Above it: its extract has not swapped, and if it never does, its message
    // comes back with a higher generation; until then the row is left alone.
    const isOver = (refItem?.seenGeneration ?? 0) >= scan.generation || nowMs - scan.startedAtMs > GIVE_UP_AFTER_MS.background;
    if (isOver) await ports.scans.supersede(scan, nowMs);
    else await ports.scans.takeLook(scan, nowMs, Math.min(LOOK_GAP_MAX_MS, scan.lookGapMs * 2));
    return 0;
  }
  if (scan.openBatches.size === 0) {
    if (await ports.scans.takeLook(scan, nowMs, Math.min(LOOK_GAP_MAX_MS, scan.lookGapMs * 2))) {
      await ports.sendEvaluations([{ version: 1, kind: 'evaluate', ref: scan.ref }]);
    }
    return 0;
  }
  if (nowMs - scan.lastLeftAtMs >= GIVE_UP_AFTER_MS[scan.lane]) {
    await giveUp(scan, nowMs, ports);
    return 'given-up';
  }
  if (!(await ports.scans.takeLook(scan, nowMs, nextGapMs(scan, nowMs)))) return 0;
  const batches = await openBatches(scan, ports);
  await ports.sendLookups(scan.lane, batches);
  return batches.length;
}

/** The gap doubles, but no look comes later than the time at which the scan is given up. */
function nextGapMs(scan: Scan, nowMs: number): number {
  const leftMs = scan.lastLeftAtMs + GIVE_UP_AFTER_MS[scan.lane] - nowMs;
  return Math.max(1_000, Math.min(LOOK_GAP_MAX_MS, scan.lookGapMs * 2, leftMs));
}

/** Ends the waiting: what has no answer now reads as failed. The evaluation that follows says so. */
export async function giveUp(
  scan: Pick<Scan, 'ref' | 'generation'>,
  nowMs: number,
  ports: Pick<SweepPorts, 'scans' | 'sendEvaluations'>,
): Promise<void> {
  const closed = await ports.scans.close(scan, nowMs);
  if (closed && !closed.outcome) await ports.sendEvaluations([{ version: 1, kind: 'evaluate', ref: scan.ref }]);
}

/** Makes the open batches again, from the snapshot: the n-th slice is always the same. */
async function openBatches(scan: Scan, ports: SweepPorts): Promise<LookupBatch[]> {
  const snapshot = (await ports.inventory.readRef(scan.ref))?.snapshot;
  if (!snapshot || snapshot.generation !== scan.generation) return [];
  const contents = await readSnapshot(ports.inventory, scan.ref, snapshot).catch((error: unknown) => {
    // Replaced this very moment: its scan is over.
    if (error instanceof SnapshotGoneError) return [];
    throw error;
  });
  const slices = toBatches(packagesToAsk(contents));
  return [...scan.openBatches]
    .sort((a, b) => a - b)
    .flatMap((batchNumber) => {
      const packages = slices[batchNumber];
      const { ref, generation, lane } = scan;
      return packages ? [{ version: 1 as const, kind: 'lookups' as const, lane, scan: { ref, generation, batchNumber }, packages }] : [];
    });
}
