import type { LimitScope } from '../rate-limit/limit-key.ts';
import type { PacedPermitSource, PermitRequest } from '../rate-limit/permits.ts';
import type { CallFailure } from '../safedep/calls.ts';

/**
 * Metrics as log lines: CloudWatch takes them out of the log (Embedded Metric Format), so that no call is made and none can fail.
 * A dimension's values are few and known in advance, never an id, a name that somebody chose, a key or a secret: each
 * combination of them is paid for as metrics of their own.
 */

export const METRICS_NAMESPACE = 'safedep-watch';
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

/** How the service's sign-in and its API key are. What is not known is absent. */
export interface IdentityMetrics {
  /** 1 while only a person can go on, by signing in; else 0. */
  readonly signInNeeded?: number;
  readonly refreshTokenAgeDays?: number;
  readonly apiKeyLeftDays?: number;
  /** 1 for a step of a rotation that failed. */
  readonly rotationFailed?: number;
}

/**
 * What is wrong where SafeDep does not take a credential: it does not know the key or token (`sign-in`), the tenant's plan or rights lack
 * something (`missing-entitlement`), or the secret could not be read (`unreadable`).
 */
export const AUTHENTICATION_FAILURES = ['sign-in', 'missing-entitlement', 'unreadable'] as const;
export type AuthenticationFailure = (typeof AUTHENTICATION_FAILURES)[number];

const IDENTITY_UNITS = {
  signInNeeded: 'Count',
  refreshTokenAgeDays: 'None',
  apiKeyLeftDays: 'None',
  rotationFailed: 'Count',
} as const satisfies Record<keyof IdentityMetrics, string>;

/** The dimension of `IdentityMetrics`. */
export const IDENTITY_DIMENSION = { function: 'rotate' } as const;

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
    writeMetrics(PERMITS_USED, { durationMs: endedAtMs - startedAtMs }, dimensions, used, UNITS, endedAtMs);
  };
}

export function writeIdentityMetrics(metrics: IdentityMetrics, nowMs: number): void {
  if (Object.keys(metrics).length > 0) writeMetrics('sign-in and API key', {}, IDENTITY_DIMENSION, metrics, IDENTITY_UNITS, nowMs);
}

/** Counts an invocation's failed calls by what was wrong with the credential; `write` makes a line of each kind that there was. */
export function countAuthenticationFailures(nowMs: () => number) {
  const counts = new Map<AuthenticationFailure, number>();
  return {
    /** Takes any failed call's result, and counts those that are about the credential. */
    add({ kind, errorClass }: Pick<CallFailure, 'kind' | 'errorClass'>): void {
      if (kind !== 'credentials') return;
      const failure = AUTHENTICATION_FAILURES.find((candidate) => candidate === errorClass) ?? 'unreadable';
      counts.set(failure, (counts.get(failure) ?? 0) + 1);
    },
    write(): void {
      for (const [failure, authenticationFailures] of counts) {
        writeMetrics('SafeDep did not take the credential', {}, { failure }, { authenticationFailures }, AUTHENTICATION_UNITS, nowMs());
      }
      counts.clear();
    },
  };
}

const AUTHENTICATION_UNITS = { authenticationFailures: 'Count' } as const;

/** One line; `fields` are in it for its readers and are no metrics. Each metric must have a value. */
function writeMetrics<M extends object>(
  message: string,
  fields: Readonly<Record<string, number>>,
  dimensions: PermitDimensions | Readonly<Record<string, string>>,
  metrics: M,
  units: Readonly<Record<keyof M & string, string>>,
  nowMs: number,
): void {
  const names = Object.keys(metrics) as (keyof M & string)[];
  const directive = {
    Namespace: METRICS_NAMESPACE,
    Dimensions: [Object.keys(dimensions)],
    Metrics: names.map((name) => ({ Name: name, Unit: units[name] })),
  };
  const _aws = { Timestamp: nowMs, CloudWatchMetrics: [directive] };
  process.stdout.write(`${JSON.stringify({ level: 'info', message, ...fields, ...dimensions, ...metrics, _aws })}\n`);
}
