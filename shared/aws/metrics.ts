import type { LimitScope } from '../rate-limit/limit-key.ts';
import type { PacedPermitSource, PermitRequest } from '../rate-limit/permits.ts';

/**
 * Metrics as log lines: CloudWatch takes them out of the log (Embedded Metric Format), so that no call is made and none can fail.
 * A dimension's values are few and known in advance, never an id, a name that somebody chose, a key or a secret: each
 * combination of them is paid for as metrics of their own.
 */

const NAMESPACE = 'safedep-watch';
/** Message of a line about permits. */
export const PERMITS_USED = 'permits used';

export interface PermitDimensions {
  readonly plane: LimitScope['plane'];
  readonly lane: PermitRequest['lane'];
}

/** What such a line says of its invocation, beside `durationMs`, the dimensions and what CloudWatch needs. */
export interface PermitsUsed {
  readonly permitsGranted: number;
  readonly slotsBooked: number;
  readonly slotsDropped: number;
  readonly waitedMs: number;
  readonly leaseWrites: number;
  /** `ResourceExhausted` answers. */
  readonly refusals: number;
  readonly slowDowns: number;
  /** What is in force for the whole fleet; absent where the item was not read. */
  readonly slotsPerSecond?: number;
  readonly clockBoundMs?: number;
}

const UNITS = {
  permitsGranted: 'Count',
  slotsBooked: 'Count',
  slotsDropped: 'Count',
  waitedMs: 'Milliseconds',
  leaseWrites: 'Count',
  refusals: 'Count',
  slowDowns: 'Count',
  slotsPerSecond: 'Count/Second',
  clockBoundMs: 'Milliseconds',
} as const satisfies Record<keyof PermitsUsed, string>;

/**
 * Begins to measure what an invocation takes of a limit; the returned function writes it down, as one line. Sessions that are to
 * count must be closed by then: what they still hold is neither granted nor dropped.
 */
export function meterPermits(
  source: Pick<PacedPermitSource, 'totals' | 'status'>,
  dimensions: PermitDimensions,
  nowMs: () => number,
): () => void {
  const startedAtMs = nowMs();
  const before = source.totals();
  return () => {
    const after = source.totals();
    const used: PermitsUsed = {
      permitsGranted: after.granted - before.granted,
      slotsBooked: after.booked - before.booked,
      slotsDropped: after.dropped - before.dropped,
      waitedMs: after.waitedMs - before.waitedMs,
      leaseWrites: after.writes - before.writes,
      refusals: after.refused - before.refused,
      slowDowns: after.slowDowns - before.slowDowns,
      ...source.status(),
    };
    const endedAtMs = nowMs();
    writeMetrics(PERMITS_USED, { durationMs: endedAtMs - startedAtMs }, dimensions, used, endedAtMs);
  };
}

/** One line; `fields` are in it for its readers and are no metrics. */
function writeMetrics(
  message: string,
  fields: Readonly<Record<string, number>>,
  { plane, lane }: PermitDimensions,
  metrics: PermitsUsed,
  nowMs: number,
): void {
  const names = Object.keys(metrics) as (keyof PermitsUsed)[];
  const directive = {
    Namespace: NAMESPACE,
    Dimensions: [['plane', 'lane']],
    Metrics: names.map((name) => ({ Name: name, Unit: UNITS[name] })),
  };
  const _aws = { Timestamp: nowMs, CloudWatchMetrics: [directive] };
  process.stdout.write(`${JSON.stringify({ level: 'info', message, ...fields, plane, lane, ...metrics, _aws })}\n`);
}
