import { PAUSE_MAX_MS, recoveredSpacingMicros } from './feedback.ts';
import type { Advance, Booking, LimitState } from './store.ts';

/**
 * The arithmetic of slots: how far apart they are, how many a lease has, how far ahead it may lie. Pure.
 *
 * Slots are planned on the fleet's clock and arrive at the server late by something in `[d, d + D]`. Any window of length W then
 * sees slots out of a span of W + D, at most `ceil((W + D) / e)` of them: a statement about the spread of clocks and delays.
 */

/** At most `requests` in any `perSeconds` seconds, as the settings say it. */
export interface WindowLimit {
  readonly requests: number;
  readonly perSeconds: number;
}

export type Lane = 'live' | 'background';

export const MICROS_PER_MS = 1_000;
const MICROS_PER_SECOND = 1_000_000;

/** Error bound that every worker's clock keeps; who has a larger one pads its leases. SNTP within a region is well below. */
export const FLEET_CLOCK_BOUND_MS = 2;
/** Permits left unused per window for jitter: 6 standard deviations of the count at a network jitter of about 3 ms. */
const MARGIN_PERMITS = 8;
/** A slot later than this is dropped, never used: four slots at 490/s. */
export const LATENESS_MAX_MS = 8;
/** Timers have a grain of 1 ms: half of it early, rather than all of it late. */
export const EARLINESS_MAX_MS = 0.5;
/** Spread of network delays that the hard form allows for. */
const NETWORK_SPREAD_MS = 24;
/** Below this many requests a window, a margin of 8 would cost more than 8 %: the worst case is cheaper. */
const HARD_FORM_BELOW_REQUESTS = 100;
/** One write per 64 calls; a crash wastes at most these. */
export const LEASE_SLOTS_MAX = 64;
/** Longest lease: slow limits have fewer slots in one, 4 at 20/s. */
const LEASE_SPAN_MAX_MS = 250;
/** From asking to the first slot that can still be met: about the 90th percentile of a write's round trip. */
export const LEAD_MS = 12;
/** The same where a lease came too late for all of its slots, at most: what lies before it stays empty for everybody. */
export const LEAD_MAX_MS = 100;
/** The next lease is fetched when fewer than this is left of the last one: a write's round trip with its tail. */
export const PREFETCH_MS = 60;
/** Background never books further ahead than 300 ms, which is all that live work can find in its way. */
const HORIZON_MS: Readonly<Record<Lane, number>> = { live: 2_000, background: 300 };
/** Background work older than this reaches further ahead, up to live's horizon, so that live work cannot starve it for ever. */
const AGEING_FROM_MS = 10 * 60_000;
const AGEING_TO_MS = 60 * 60_000;
/** A clock worse than this is no clock: pads would be larger than leases. */
export const CLOCK_BOUND_MAX_MS = 250;
/** A lease is good for clocks as bad as the one that booked it, and this: what that one drifts at 15 ppm while slots are in hand. */
export const HELD_DRIFT_MS = 0.2;
/** The last slot lies this much before the deadline: the 99th percentile of a call. */
const CALL_ALLOWANCE_MS = 300;
/** Share of a longer window's limit that may be used at once; the rest is its rate. */
const LONG_WINDOW_BURST_SHARE = 0.04;

interface LongWindow {
  readonly seconds: number;
  readonly spacingMicros: number;
  readonly burst: number;
}

/** A key's limits as numbers to compute with. */
export interface Pacing {
  /** Smallest distance between two slots. */
  readonly spacingMicros: number;
  /**
   * The silence before the first slot of a new item: the shortest window, and as long as slots of a deleted item of the same key
   * may still be in somebody's hand.
   */
  readonly quietMicros: number;
  readonly longWindows: readonly LongWindow[];
}

export interface PacingOptions {
  /** Default `MARGIN_PERMITS`; 6 where the jitter is known to be 2 ms. */
  readonly marginPermits?: number;
}

/**
 * Distance between slots that keeps every window within the limit. Soft form `(W + 2 eps) / (L - m)`: jitter is independent per
 * call and m covers it. Hard form `(W + D) / L` for small limits: every delay at its worst.
 */
export function emissionMicros(limit: WindowLimit, marginPermits: number = MARGIN_PERMITS): number {
  const windowMicros = limit.perSeconds * MICROS_PER_SECOND;
  const clockMicros = 2 * FLEET_CLOCK_BOUND_MS * MICROS_PER_MS;
  if (limit.requests >= HARD_FORM_BELOW_REQUESTS) return Math.ceil((windowMicros + clockMicros) / (limit.requests - marginPermits));
  const spreadMicros = clockMicros + (EARLINESS_MAX_MS + LATENESS_MAX_MS + NETWORK_SPREAD_MS) * MICROS_PER_MS;
  return Math.ceil((windowMicros + spreadMicros) / limit.requests);
}

/**
 * Paces by the shortest window and keeps a theoretical arrival time for each longer one that is tighter. Between booking and
 * sending lies up to a horizon and a lease, so a longer window admits `burst + rate * (W + that)`.
 */
export function planPacing(limits: readonly WindowLimit[], options: PacingOptions = {}): Pacing {
  const [shortest, ...longer] = limits.toSorted((a, b) => a.perSeconds - b.perSeconds);
  if (!shortest) throw new Error('a permit source needs at least one limit, {requests, perSeconds}');
  for (const limit of limits) {
    if (!(limit.requests >= 1 && limit.perSeconds > 0)) {
      throw new Error(`not a limit: ${limit.requests} requests in ${limit.perSeconds} s; both must be positive`);
    }
  }
  const spacingMicros = emissionMicros(shortest, options.marginPermits);
  const aheadMicros = horizonMicros('live', spacingMicros, 0) + leaseSlotsMax(spacingMicros) * spacingMicros;
  const longWindows = longer.flatMap((limit): LongWindow[] => {
    const windowMicros = limit.perSeconds * MICROS_PER_SECOND;
    if (Math.ceil((windowMicros + aheadMicros) / spacingMicros) <= limit.requests) return [];
    const burst = Math.max(1, Math.floor(limit.requests * LONG_WINDOW_BURST_SHARE));
    if (burst >= limit.requests) throw new Error(`a window of ${limit.perSeconds} s needs a limit of at least 2 requests`);
    return [
      {
        seconds: limit.perSeconds,
        spacingMicros: Math.ceil((windowMicros + aheadMicros) / (limit.requests - burst)),
        burst,
      },
    ];
  });
  // Whoever still has slots of a deleted item may have the worst clock that is let book at all.
  const strayMicros = 2 * CLOCK_BOUND_MAX_MS * MICROS_PER_MS;
  return { spacingMicros, quietMicros: Math.max(shortest.perSeconds * MICROS_PER_SECOND, aheadMicros) + strayMicros, longWindows };
}

/** Requests a second that all the windows together allow for good. */
export function sustainedPerSecond(limits: readonly WindowLimit[]): number {
  return Math.min(...limits.map(({ requests, perSeconds }) => requests / perSeconds));
}

/**
 * How far ahead of now the next free slot can lie, however fast or slow the limit is: behind the longest pause or the silence of
 * a new item. An operator's slowest policy stays below that.
 */
export function farthestSlotMicros({ quietMicros }: Pacing): number {
  return Math.max(quietMicros, PAUSE_MAX_MS * MICROS_PER_MS) + 2 * CLOCK_BOUND_MAX_MS * MICROS_PER_MS;
}

export function leaseSlotsMax(spacingMicros: number): number {
  const slots = Math.floor((LEASE_SPAN_MAX_MS * MICROS_PER_MS) / spacingMicros);
  return Math.min(LEASE_SLOTS_MAX, Math.max(1, slots));
}

/** How far ahead of now the next free slot may lie for a booking; never under two leases. `ageMs`: how long the work has waited. */
export function horizonMicros(lane: Lane, spacingMicros: number, ageMs: number): number {
  const grown = Math.min(1, Math.max(0, (ageMs - AGEING_FROM_MS) / (AGEING_TO_MS - AGEING_FROM_MS)));
  const baseMs = HORIZON_MS[lane] + (lane === 'background' ? grown * (HORIZON_MS.live - HORIZON_MS.background) : 0);
  return Math.max(baseMs * MICROS_PER_MS, 2 * leaseSlotsMax(spacingMicros) * spacingMicros);
}

/** Distance between slots now: the largest of what the settings, the operator and the last slowdown ask for. */
export function currentSpacingMicros(pacing: Pacing, state: LimitState, nowMicros: number): number {
  const allowed = Math.max(pacing.spacingMicros, state.policySpacingMicros ?? 0);
  return state.slowdown ? recoveredSpacingMicros(state.slowdown, allowed, nowMicros) : allowed;
}

export function slotsPerSecond(spacingMicros: number): number {
  return MICROS_PER_SECOND / spacingMicros;
}

/** Slots on each side of a lease that stay empty because this worker's clock is worse than the fleet's. */
export function paddingSlots(clockBoundMicros: number, spacingMicros: number): number {
  return Math.max(0, Math.ceil((clockBoundMicros - FLEET_CLOCK_BOUND_MS * MICROS_PER_MS) / spacingMicros));
}

/** Which form worked last, by window in seconds; `pace` for the shortest. */
export type RememberedForms = Readonly<Record<number | 'pace', Advance['form'] | undefined>>;

/** The forms that fit a state that was read just now. */
export function formsFor(
  state: LimitState,
  pacing: Pacing,
  nowMicros: number,
  leadMicros: number = LEAD_MS * MICROS_PER_MS,
): RememberedForms {
  const forms: Record<number | 'pace', Advance['form'] | undefined> = {
    pace: state.nextSlotMicros < nowMicros + leadMicros ? 'idle' : 'busy',
  };
  for (const { seconds } of pacing.longWindows) forms[seconds] = (state.longWindows[seconds] ?? 0) < nowMicros ? 'idle' : 'busy';
  return forms;
}

export interface BookingRequest {
  readonly pacing: Pacing;
  /** The item as last seen. Its times can only have grown since, so what they rule out is ruled out for good. */
  readonly state: LimitState;
  readonly forms: RememberedForms;
  readonly slotsWanted: number;
  readonly lane: Lane;
  readonly ageMs: number;
  readonly nowMicros: number;
  readonly clockBoundMicros: number;
  readonly deadlineMicros: number;
  /** How far ahead a slot must lie to be met; default `LEAD_MS`. */
  readonly leadMicros?: number;
}

export type BookingPlan =
  | { readonly possible: true; readonly write: Booking; readonly slots: number; readonly padding: number; readonly spacingMicros: number }
  | { readonly possible: false; readonly reason: 'horizon-full' | 'deadline'; readonly retryAfterMicros: number };

/** The one write that books the next lease, or why there can be none now. */
export function planBooking(request: BookingRequest): BookingPlan {
  const { pacing, state, nowMicros } = request;
  const spacingMicros = currentSpacingMicros(pacing, state, nowMicros);
  const horizonEnd = nowMicros + horizonMicros(request.lane, spacingMicros, request.ageMs);
  if (state.nextSlotMicros > horizonEnd) {
    return { possible: false, reason: 'horizon-full', retryAfterMicros: state.nextSlotMicros - horizonEnd };
  }
  const padding = paddingSlots(request.clockBoundMicros, spacingMicros);
  const lastSend = request.deadlineMicros - CALL_ALLOWANCE_MS * MICROS_PER_MS;
  const firstSlot = Math.max(state.nextSlotMicros, firstToMeet(request));
  const slotsInTime = Math.floor((lastSend - firstSlot) / spacingMicros) + 1 - 2 * padding;
  if (slotsInTime < 1) return { possible: false, reason: 'deadline', retryAfterMicros: 0 };

  let slots = Math.min(request.slotsWanted, leaseSlotsMax(spacingMicros), slotsInTime);
  for (const window of pacing.longWindows) {
    const arrival = Math.max(state.longWindows[window.seconds] ?? 0, nowMicros);
    const room = Math.floor((nowMicros + window.burst * window.spacingMicros - arrival) / window.spacingMicros);
    if (room < 1) {
      const retryAfterMicros = arrival - nowMicros - (window.burst - 1) * window.spacingMicros;
      return { possible: false, reason: 'horizon-full', retryAfterMicros };
    }
    slots = Math.min(slots, room);
  }
  const spanMicros = (slots + 2 * padding) * spacingMicros;
  const write: Booking = {
    kind: 'book',
    version: state.version,
    pace: advancePace(request, spanMicros, Math.min(horizonEnd, lastSend - spanMicros + spacingMicros)),
    longWindows: pacing.longWindows.map((window) => ({ seconds: window.seconds, advance: advanceLongWindow(request, window, slots) })),
    spacingMicros,
    stampMicros: nowMicros - Math.ceil(request.clockBoundMicros),
  };
  return { possible: true, write, slots, padding, spacingMicros };
}

function firstToMeet({ nowMicros, leadMicros = LEAD_MS * MICROS_PER_MS }: BookingRequest): number {
  return nowMicros + leadMicros;
}

function advancePace(request: BookingRequest, spanMicros: number, latestMicros: number): Advance {
  const { state, forms, nowMicros } = request;
  const firstSlot = firstToMeet(request);
  const isBusy = state.nextSlotMicros >= firstSlot || forms.pace === 'busy';
  if (isBusy) return { form: 'busy', byMicros: spanMicros, fromMicros: nowMicros, toMicros: Math.floor(latestMicros) };
  return { form: 'idle', toMicros: firstSlot + spanMicros, belowMicros: firstSlot };
}

function advanceLongWindow({ state, forms, nowMicros }: BookingRequest, window: LongWindow, slots: number): Advance {
  const byMicros = slots * window.spacingMicros;
  const isBusy = (state.longWindows[window.seconds] ?? 0) >= nowMicros || forms[window.seconds] === 'busy';
  if (!isBusy) return { form: 'idle', toMicros: nowMicros + byMicros, belowMicros: nowMicros };
  return { form: 'busy', byMicros, fromMicros: nowMicros, toMicros: nowMicros + window.burst * window.spacingMicros - byMicros };
}

/** The slots of a lease that may be used: the middle ones, where its clock needed padding. `before` is what the write found. */
export function leasedSlots(plan: Extract<BookingPlan, { possible: true }>, before: LimitState): number[] {
  const { pace } = plan.write;
  const spanMicros = (plan.slots + 2 * plan.padding) * plan.spacingMicros;
  const firstMicros = pace.form === 'busy' ? before.nextSlotMicros : pace.toMicros - spanMicros;
  return Array.from({ length: plan.slots }, (_, index) => firstMicros + (plan.padding + index) * plan.spacingMicros);
}

/**
 * The item of a key that has none: silence first, because a deleted item looks the same. Longer windows start with an empty bucket,
 * so that only they may be exceeded by a deletion. Who knows that nobody holds slots may be content with a shorter silence: one window.
 */
export function newLimitState(
  pacing: Pacing,
  nowMicros: number,
  clockBoundMicros: number,
  quietMicros: number = pacing.quietMicros,
): LimitState {
  const longWindows = pacing.longWindows.map(({ seconds, spacingMicros, burst }) => [seconds, nowMicros + burst * spacingMicros]);
  return {
    nextSlotMicros: nowMicros + quietMicros + Math.ceil(2 * clockBoundMicros),
    // A second life of the item does not repeat the versions of its first.
    version: Math.floor(nowMicros / MICROS_PER_MS),
    stampMicros: nowMicros - Math.ceil(clockBoundMicros),
    spacingMicros: pacing.spacingMicros,
    longWindows: Object.fromEntries(longWindows),
  };
}
