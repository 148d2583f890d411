import type { Slowdown } from './store.ts';

/**
 * What the fleet makes of `ResourceExhausted`: multiplicative decrease by one shared write, increase by time alone. Every worker
 * computes the same rate from the last cut, so recovery needs no write and no new version.
 */

/** Share of the rate that is left after a cut. */
const DECREASE = 0.85;
/** Seconds after a cut before the rate grows. */
const HOLD_SECONDS = 3;
const GROWTH_PER_SECOND = 1.04;
/** Near the rate that was refused the fleet feels its way. */
const CAREFUL_GROWTH_PER_SECOND = 1.004;
const CAREFUL_FROM_SHARE = 0.93;
const CAREFUL_TO_SHARE = 1.1;
/** The rate is never cut below this share of what is allowed: a server that refuses everything is probed, not abandoned. */
const SLOWEST_SHARE = 1 / 50;
/** Two refusals within this time are a signal, and so is a longer Retry-After; one alone is noise (a stall of the server bunches calls). */
const SIGNAL_WITHIN_MICROS = 1_000_000;
/** The fleet cuts at most once in this time: calls that were under way tell nothing of the new rate. */
const CUT_EVERY_MICROS = 1_000_000;
/** Longest pause that one Retry-After may impose on the fleet. A pause cannot be taken back: slots never move backwards. */
export const PAUSE_MAX_MS = 5 * 60_000;

/** Distance between slots at `nowMicros` after a cut, never under `allowedSpacingMicros`. */
export function recoveredSpacingMicros(slowdown: Slowdown, allowedSpacingMicros: number, nowMicros: number): number {
  let secondsLeft = (nowMicros - slowdown.atMicros) / 1_000_000 - HOLD_SECONDS;
  const refusedRate = 1 / slowdown.refusedSpacingMicros;
  let rate = 1 / slowdown.spacingMicros;
  const stages: readonly (readonly [number, number])[] = [
    [refusedRate * CAREFUL_FROM_SHARE, GROWTH_PER_SECOND],
    [refusedRate * CAREFUL_TO_SHARE, CAREFUL_GROWTH_PER_SECOND],
    [Number.POSITIVE_INFINITY, GROWTH_PER_SECOND],
  ];
  for (const [upTo, growth] of stages) {
    if (secondsLeft <= 0) break;
    if (rate >= upTo) continue;
    const secondsInStage = Math.min(secondsLeft, Math.log(upTo / rate) / Math.log(growth));
    rate *= growth ** secondsInStage;
    secondsLeft -= secondsInStage;
  }
  return Math.max(allowedSpacingMicros, Math.ceil(1 / rate));
}

/** The cut that follows a signal, or `undefined` where the fleet has just made one. */
export function cut(
  previous: Slowdown | undefined,
  spacingMicros: number,
  allowedSpacingMicros: number,
  nowMicros: number,
): Slowdown | undefined {
  if (previous && nowMicros - previous.atMicros < CUT_EVERY_MICROS) return undefined;
  return {
    spacingMicros: Math.min(Math.ceil(spacingMicros / DECREASE), Math.ceil(allowedSpacingMicros / SLOWEST_SHARE)),
    atMicros: nowMicros,
    refusedSpacingMicros: spacingMicros,
  };
}

/** One process's view of refusals: tells signals from noise. */
export interface RefusalWatch {
  readonly lastRefusalMicros?: number;
  readonly lastSignalMicros?: number;
}

export function watchRefusal(
  watch: RefusalWatch,
  nowMicros: number,
  retryAfterMs: number | undefined,
): { readonly watch: RefusalWatch; readonly isSignal: boolean } {
  const isSecond = watch.lastRefusalMicros !== undefined && nowMicros - watch.lastRefusalMicros <= SIGNAL_WITHIN_MICROS;
  const isLong = (retryAfterMs ?? 0) * 1_000 > SIGNAL_WITHIN_MICROS;
  const isDue = watch.lastSignalMicros === undefined || nowMicros - watch.lastSignalMicros >= CUT_EVERY_MICROS;
  const isSignal = (isSecond || isLong) && isDue;
  return {
    watch: { ...watch, lastRefusalMicros: nowMicros, ...(isSignal ? { lastSignalMicros: nowMicros } : {}) },
    isSignal,
  };
}
