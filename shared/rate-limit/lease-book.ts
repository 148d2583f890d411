import type { ClockReading, FleetClock } from './clock.ts';
import { cut, PAUSE_MAX_MS, type RefusalWatch, watchRefusal } from './feedback.ts';
import {
  CLOCK_BOUND_MAX_MS,
  currentSpacingMicros,
  formsFor,
  type Lane,
  LEAD_MS,
  leasedSlots,
  MICROS_PER_MS,
  newLimitState,
  type Pacing,
  planBooking,
  type RememberedForms,
} from './slots.ts';
import type { Booking, LimitState, LimitStore, LimitWrite, SlowDown, WriteResult } from './store.ts';

/** Writes for one lease: one, two if the form or the version was guessed wrong; more only while the policy keeps changing. */
const WRITES_PER_LEASE_MAX = 4;
/** Spread of the first retry after a full horizon, three times as long with each that finds it full again: up to 146 s. */
const TURN_SPREAD_MS = 200;
const TURN_GROWTH = 3;
const TURN_LOSSES_MAX = 6;
/** When to ask again after a store that did not answer, or a clock that nobody could set. */
const RETRY_AFTER_TROUBLE_MS = 1_000;

export interface LeaseRequest {
  readonly slotsWanted: number;
  readonly lane: Lane;
  /** Since when the work waits, milliseconds since the epoch; absent: since now. */
  readonly waitingSinceMs?: number;
  readonly deadlineAtMs: number;
}

export interface LeaseRefusal {
  readonly leased: false;
  readonly reason: 'horizon-full' | 'deadline' | 'store-unavailable' | 'clock';
  readonly retryAfterMs: number;
}

export type Lease = { readonly leased: true; readonly slotsMicros: readonly number[] } | LeaseRefusal;

/** What a process has done since it started; `booked = granted + dropped + in hand`. */
export interface PermitTotals {
  booked: number;
  granted: number;
  /** Slots that passed unused: too late, nobody waiting, or the session ended. */
  dropped: number;
  writes: number;
  reads: number;
  /** `ResourceExhausted` answers that callers reported. */
  refused: number;
  /** Cuts of the fleet's rate that this process wrote. */
  slowDowns: number;
  /** Times that another worker's stamp proved this clock wrong. */
  clockAlarms: number;
  /** Sum over granted permits, from `next()` to its slot; before the first lease only as far as the clock was set. */
  waitedMs: number;
}

export interface LeaseBookOptions {
  readonly store: LimitStore;
  readonly key: string;
  readonly pacing: Pacing;
  readonly clock: FleetClock;
  /** In [0, 1); spreads the retries of many workers. */
  readonly random: () => number;
  readonly warn: (message: string, error?: unknown) => void;
}

/** When a lane may try again after it found the horizon full. */
interface Turn {
  readonly atMicros: number;
  /** Writes that found it full, less leases: estimates how many others wait, on a logarithmic scale. */
  readonly losses: number;
}

/** One process's dealings with one limit: knows the item as last seen, books leases, reports refusals. Shared by its sessions. */
export class LeaseBook {
  readonly totals: PermitTotals = {
    booked: 0,
    granted: 0,
    dropped: 0,
    writes: 0,
    reads: 0,
    refused: 0,
    slowDowns: 0,
    clockAlarms: 0,
    waitedMs: 0,
  };
  readonly #options: LeaseBookOptions;
  #state: LimitState | undefined;
  #forms: RememberedForms = { pace: undefined };
  #watch: RefusalWatch = {};
  #pausedUntilMicros = 0;
  readonly #turns: Record<Lane, Turn> = { live: { atMicros: 0, losses: 0 }, background: { atMicros: 0, losses: 0 } };
  #reporting: Promise<void> = Promise.resolve();

  constructor(options: LeaseBookOptions) {
    this.#options = options;
  }

  /** The item as last seen. */
  get state(): LimitState | undefined {
    return this.#state;
  }

  /** Distance between slots now, or `undefined` before the item was read and while there is no time. */
  get spacingMicros(): number | undefined {
    const reading = this.#options.clock.read();
    return this.#state && reading && currentSpacingMicros(this.#options.pacing, this.#state, reading.nowMicros);
  }

  /** Slots before this are not used: the server asked this process to wait. */
  get pausedUntilMicros(): number {
    return this.#pausedUntilMicros;
  }

  /** Books the next lease. One write where the guess was right; refusals, also a store that is away, are values. */
  async lease(request: LeaseRequest): Promise<Lease> {
    try {
      for (let attempt = 0; attempt < WRITES_PER_LEASE_MAX; attempt += 1) {
        const reading = await this.#trustedReading();
        if (!reading) return { leased: false, reason: 'clock', retryAfterMs: RETRY_AFTER_TROUBLE_MS };
        const state = this.#state ?? (await this.#open());
        if (!state) return { leased: false, reason: 'clock', retryAfterMs: RETRY_AFTER_TROUBLE_MS };
        const answer = await this.#tryOnce(request, state, attempt > 0);
        if (answer) return answer;
      }
      return { leased: false, reason: 'horizon-full', retryAfterMs: LEAD_MS };
    } catch (error) {
      this.#options.warn('the rate limit could not be read or booked; no call is made until the store answers', error);
      return { leased: false, reason: 'store-unavailable', retryAfterMs: RETRY_AFTER_TROUBLE_MS };
    }
  }

  /** Disciplines the clock and makes the item where there is none, so that its quiet window passes before the first call. Throws. */
  async prepare(): Promise<void> {
    if (await this.#trustedReading()) await this.#open();
  }

  /** Told of a refusal by the server. One alone only pauses this process; a signal slows the fleet. */
  refused(retryAfterMs: number | undefined): void {
    this.totals.refused += 1;
    const reading = this.#options.clock.read();
    if (!reading) return;
    const pauseMs = Math.min(retryAfterMs ?? 0, PAUSE_MAX_MS);
    this.#pausedUntilMicros = Math.max(this.#pausedUntilMicros, reading.nowMicros + pauseMs * MICROS_PER_MS);
    const { watch, isSignal } = watchRefusal(this.#watch, reading.nowMicros, retryAfterMs);
    this.#watch = watch;
    if (isSignal) {
      this.#reporting = this.#reporting
        .then(() => this.#slowDown(pauseMs))
        .catch((error: unknown) => this.#options.warn('the refusals could not be reported to the other workers', error));
    }
  }

  /** Resolves when no report to the store is under way. */
  settled(): Promise<void> {
    return this.#reporting;
  }

  async #trustedReading(): Promise<ClockReading | undefined> {
    await this.#options.clock.discipline();
    const reading = this.#options.clock.read();
    return reading && reading.boundMicros <= CLOCK_BOUND_MAX_MS * MICROS_PER_MS ? reading : undefined;
  }

  /** Reads the item, or makes it. The silence of a new one counts from just before its write, however long the read took. */
  async #open(): Promise<LimitState | undefined> {
    const { store, key, pacing } = this.#options;
    this.totals.reads += 1;
    let state = await store.read(key);
    while (!state) {
      const reading = await this.#trustedReading();
      if (!reading) return undefined;
      const created = newLimitState(pacing, reading.nowMicros, reading.boundMicros);
      const result = await this.#write({ kind: 'create', state: created });
      state = result.applied ? created : result.current;
    }
    this.#adopt(state);
    return state;
  }

  #write(write: LimitWrite): Promise<WriteResult> {
    this.totals.writes += 1;
    return this.#options.store.write(this.#options.key, write);
  }

  /** One plan, one write. `undefined`: the guess was wrong, and the state is known better now. */
  async #tryOnce(request: LeaseRequest, state: LimitState, isRetry: boolean): Promise<Lease | undefined> {
    const reading = this.#options.clock.read();
    if (!reading) return undefined;
    const { nowMicros } = reading;
    const notBeforeMicros = Math.max(this.#pausedUntilMicros, this.#turns[request.lane].atMicros);
    if (notBeforeMicros > nowMicros) {
      return { leased: false, reason: 'horizon-full', retryAfterMs: (notBeforeMicros - nowMicros) / MICROS_PER_MS };
    }
    const plan = planBooking({
      pacing: this.#options.pacing,
      state,
      forms: this.#forms,
      slotsWanted: request.slotsWanted,
      lane: request.lane,
      ageMs: nowMicros / MICROS_PER_MS - (request.waitingSinceMs ?? nowMicros / MICROS_PER_MS),
      nowMicros,
      clockBoundMicros: reading.boundMicros,
      deadlineMicros: request.deadlineAtMs * MICROS_PER_MS,
    });
    if (!plan.possible) {
      const isTurnLost = plan.reason === 'horizon-full';
      const delayMicros = isTurnLost ? this.#loseTurn(request.lane, nowMicros, plan.retryAfterMicros, isRetry) : plan.retryAfterMicros;
      return { leased: false, reason: plan.reason, retryAfterMs: delayMicros / MICROS_PER_MS };
    }

    const result = await this.#write(plan.write);
    if (!result.applied) {
      if (result.current) this.#adopt(result.current);
      else this.#state = undefined;
      return undefined;
    }
    if (!result.before) throw new Error('the store applied a booking without returning the state before it');
    const slotsMicros = leasedSlots(plan, result.before);
    this.#remember(plan.write, result.before);
    this.totals.booked += slotsMicros.length;
    this.#turns[request.lane] = { atMicros: 0, losses: Math.max(0, this.#turns[request.lane].losses - 1) };
    if (!this.#isProvenWrong(result.before)) return { leased: true, slotsMicros };
    this.totals.dropped += slotsMicros.length;
    return undefined;
  }

  /** Sets the lane's next turn: when there is room again, and a random while later, so that those who wait do not all write. */
  #loseTurn(lane: Lane, nowMicros: number, fullMicros: number, wasWritten: boolean): number {
    const { losses } = this.#turns[lane];
    const spreadMicros = TURN_SPREAD_MS * MICROS_PER_MS * TURN_GROWTH ** losses;
    const delayMicros = fullMicros + this.#options.random() * spreadMicros;
    this.#turns[lane] = {
      atMicros: nowMicros + delayMicros,
      losses: Math.min(TURN_LOSSES_MAX, losses + (wasWritten ? 1 : 0)),
    };
    return delayMicros;
  }

  #adopt(state: LimitState): void {
    this.#state = state;
    this.#isProvenWrong(state);
    const reading = this.#options.clock.read();
    if (reading) this.#forms = formsFor(state, this.#options.pacing, reading.nowMicros);
  }

  #remember(booking: Booking, before: LimitState): void {
    const longWindows: Record<number, number> = { ...before.longWindows };
    const forms: Record<number | 'pace', Booking['pace']['form']> = { pace: booking.pace.form };
    for (const { seconds, advance } of booking.longWindows) {
      forms[seconds] = advance.form;
      longWindows[seconds] = advance.form === 'busy' ? (before.longWindows[seconds] ?? 0) + advance.byMicros : advance.toMicros;
    }
    const { pace } = booking;
    const nextSlotMicros = pace.form === 'busy' ? before.nextSlotMicros + pace.byMicros : pace.toMicros;
    this.#forms = forms;
    this.#state = { ...before, nextSlotMicros, longWindows, stampMicros: booking.stampMicros, spacingMicros: booking.spacingMicros };
  }

  /** A stamp is a time that was past when it was written: a clock that has not reached it yet is behind, or the writer's was ahead. */
  #isProvenWrong(state: LimitState): boolean {
    const reading = this.#options.clock.read();
    if (!reading || state.stampMicros <= reading.nowMicros + reading.boundMicros) return false;
    this.totals.clockAlarms += 1;
    return this.#options.clock.distrust();
  }

  /** Cuts the fleet's rate and, where the server said how long, pauses it. The first reporter wins; the others adopt. */
  async #slowDown(pauseMs: number): Promise<void> {
    const { pacing, clock } = this.#options;
    for (let attempt = 0; attempt < WRITES_PER_LEASE_MAX; attempt += 1) {
      const reading = clock.read();
      const state = this.#state;
      if (!reading || !state) return;
      const { nowMicros } = reading;
      const pauseUntilMicros = Math.ceil(nowMicros + pauseMs * MICROS_PER_MS);
      const pauses = pauseMs > 0 && state.nextSlotMicros < pauseUntilMicros;
      const allowed = Math.max(pacing.spacingMicros, state.policySpacingMicros ?? 0);
      const newCut = cut(state.slowdown, currentSpacingMicros(pacing, state, nowMicros), allowed, nowMicros);
      const slowdown = newCut ?? (pauses ? state.slowdown : undefined);
      if (!slowdown) return;
      const write: SlowDown = {
        kind: 'slow-down',
        version: state.version,
        slowdown,
        ...(pauses ? { pauseUntilMicros } : {}),
        stampMicros: nowMicros - Math.ceil(reading.boundMicros),
      };
      const result = await this.#write(write);
      if (!result.applied) {
        if (!result.current) return;
        this.#adopt(result.current);
        continue;
      }
      this.totals.slowDowns += 1;
      const nextSlotMicros = Math.max(result.before?.nextSlotMicros ?? 0, pauses ? pauseUntilMicros : 0, state.nextSlotMicros);
      this.#state = { ...state, version: write.version + 1, slowdown, nextSlotMicros };
      return;
    }
  }
}
