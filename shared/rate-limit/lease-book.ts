import type { ClockReading, FleetClock } from './clock.ts';
import { cut, PAUSE_MAX_MS, type RefusalWatch, watchRefusal } from './feedback.ts';
import {
  CLOCK_BOUND_MAX_MS,
  currentSpacingMicros,
  FLEET_CLOCK_BOUND_MS,
  farthestSlotMicros,
  formsFor,
  HELD_DRIFT_MS,
  LATENESS_MAX_MS,
  type Lane,
  LEAD_MAX_MS,
  LEAD_MS,
  leasedSlots,
  MICROS_PER_MS,
  newLimitState,
  type Pacing,
  planBooking,
  type RememberedForms,
} from './slots.ts';
import type { Booking, LimitState, LimitStore, LimitWrite, SlowDown, WriteResult } from './store.ts';
import { ROOM_WAIT_MAX_MICROS, Turns } from './turns.ts';

/** Writes for one lease: one, two if the form or the version was guessed wrong; more only while the policy keeps changing. */
const WRITES_PER_LEASE_MAX = 4;
/** When to ask again after a store that did not answer, or a clock that nobody could set. */
const RETRY_AFTER_TROUBLE_MS = 1_000;
/** A store that failed is left alone for this long, whoever asks: it may have failed because it is asked too much. */
const STORE_REST_MICROS = 50_000;

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

export type Lease =
  | {
      readonly leased: true;
      readonly slotsMicros: readonly number[];
      /** A clock with a larger bound must not use these slots: they were padded for a better one, or not at all. */
      readonly clockBoundMaxMicros: number;
    }
  | LeaseRefusal;

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

const STORE_UNAVAILABLE: LeaseRefusal = { leased: false, reason: 'store-unavailable', retryAfterMs: RETRY_AFTER_TROUBLE_MS };

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
  /** When the item was last read or written. */
  #knownAtMicros = 0;
  /** Slots of an idle item start that far ahead: longer where leases came too late. */
  #leadMicros = LEAD_MS * MICROS_PER_MS;
  #storeFailedAtMicros = 0;
  readonly #turns: Turns;
  #reporting: Promise<void> = Promise.resolve();

  constructor(options: LeaseBookOptions) {
    this.#options = options;
    this.#turns = new Turns(options.random);
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
      let hasWritten = false;
      for (let attempt = 0; attempt < WRITES_PER_LEASE_MAX; attempt += 1) {
        const reading = await this.#trustedReading();
        if (!reading) return { leased: false, reason: 'clock', retryAfterMs: RETRY_AFTER_TROUBLE_MS };
        if (Math.abs(reading.nowMicros - this.#storeFailedAtMicros) < STORE_REST_MICROS) return STORE_UNAVAILABLE;
        const state = this.#state ?? (await this.#open());
        if (!state) return { leased: false, reason: 'clock', retryAfterMs: RETRY_AFTER_TROUBLE_MS };
        const answer = await this.#tryOnce(request, state, hasWritten);
        if (typeof answer === 'object') return answer;
        hasWritten ||= answer === 'written';
      }
      return { leased: false, reason: 'horizon-full', retryAfterMs: LEAD_MS };
    } catch (error) {
      this.#storeFailedAtMicros = this.#options.clock.read()?.nowMicros ?? 0;
      this.#options.warn('the rate limit could not be read or booked; no call is made until the store answers', error);
      return STORE_UNAVAILABLE;
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
    this.#warnOfFarSlot(state);
    return state;
  }

  /** A next slot further ahead than any write puts it was booked by a wrong clock, and no worker may move it back. */
  #warnOfFarSlot({ nextSlotMicros }: LimitState): void {
    const { clock, pacing, key, warn } = this.#options;
    const nowMicros = clock.read()?.nowMicros;
    if (nowMicros === undefined || nextSlotMicros <= nowMicros + farthestSlotMicros(pacing)) return;
    const seconds = Math.round((nextSlotMicros - nowMicros) / 1_000_000);
    warn(`the rate limit has no free slot for ${seconds} s: a clock was ahead when they were booked; deleting the item ${key} ends that`);
  }

  #write(write: LimitWrite): Promise<WriteResult> {
    this.totals.writes += 1;
    return this.#options.store.write(this.#options.key, write);
  }

  /** A lease that came too late for all of its slots tells how far ahead the next one must start; a quicker write, that it need not. */
  #adaptLead(startedMicros: number, lastSlotMicros: number | undefined): void {
    const nowMicros = this.#options.clock.read()?.nowMicros;
    if (nowMicros === undefined) return;
    const isLost = lastSlotMicros !== undefined && lastSlotMicros < nowMicros - LATENESS_MAX_MS * MICROS_PER_MS;
    const neededMicros = Math.max(LEAD_MS * MICROS_PER_MS, nowMicros - startedMicros);
    this.#leadMicros = isLost ? Math.min(LEAD_MAX_MS * MICROS_PER_MS, neededMicros) : Math.min(this.#leadMicros, neededMicros);
  }

  /** How long until this process may book again for the lane, or `undefined`: it may. */
  #waitMicros(lane: Lane, nowMicros: number): number | undefined {
    const turn = this.#turns.of(lane);
    const notBeforeMicros = Math.max(this.#pausedUntilMicros, turn.atMicros);
    if (notBeforeMicros <= nowMicros) return undefined;
    if (notBeforeMicros <= nowMicros + PAUSE_MAX_MS * MICROS_PER_MS) return Math.max(notBeforeMicros, turn.roomAtMicros) - nowMicros;
    // Further ahead than any wait is: the clock was set back since.
    this.#pausedUntilMicros = 0;
    this.#turns.restart(lane);
    return undefined;
  }

  /** One plan, at most one write. `written`, `outdated`: the guess was wrong, or too old to refuse by; the state is known better now. */
  async #tryOnce(request: LeaseRequest, state: LimitState, isRetry: boolean): Promise<Lease | 'written' | 'outdated'> {
    const reading = this.#options.clock.read();
    if (!reading) return 'outdated';
    const { nowMicros } = reading;
    const waitMicros = this.#waitMicros(request.lane, nowMicros);
    if (waitMicros !== undefined) return { leased: false, reason: 'horizon-full', retryAfterMs: waitMicros / MICROS_PER_MS };
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
      leadMicros: this.#leadMicros,
    });
    if (!plan.possible) {
      // Times in the item only grow, so that what they once ruled out stays ruled out; but the item may have been deleted.
      if (Math.abs(nowMicros - this.#knownAtMicros) >= ROOM_WAIT_MAX_MICROS) {
        await this.#open();
        return 'outdated';
      }
      const isTurnLost = plan.reason === 'horizon-full';
      const delayMicros = isTurnLost ? this.#turns.lose(request.lane, nowMicros, plan.retryAfterMicros, isRetry) : plan.retryAfterMicros;
      return { leased: false, reason: plan.reason, retryAfterMs: delayMicros / MICROS_PER_MS };
    }

    const result = await this.#write(plan.write);
    const slotsMicros = result.applied && result.before ? leasedSlots(plan, result.before) : [];
    this.#adaptLead(nowMicros, slotsMicros.at(-1));
    if (!result.applied) {
      if (result.current) this.#adopt(result.current);
      else this.#state = undefined;
      return 'written';
    }
    if (!result.before) throw new Error('the store applied a booking without returning the state before it');
    this.#remember(plan.write, result.before);
    this.totals.booked += slotsMicros.length;
    this.#turns.win(request.lane);
    if (!this.#isProvenWrong(result.before)) {
      const clockBoundMaxMicros = Math.max(FLEET_CLOCK_BOUND_MS * MICROS_PER_MS, reading.boundMicros) + HELD_DRIFT_MS * MICROS_PER_MS;
      return { leased: true, slotsMicros, clockBoundMaxMicros };
    }
    this.totals.dropped += slotsMicros.length;
    return 'written';
  }

  #adopt(state: LimitState): void {
    this.#state = state;
    this.#isProvenWrong(state);
    const reading = this.#options.clock.read();
    if (!reading) return;
    this.#forms = formsFor(state, this.#options.pacing, reading.nowMicros, this.#leadMicros);
    this.#knownAtMicros = reading.nowMicros;
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
    this.#knownAtMicros = booking.stampMicros;
    this.#state = { ...before, nextSlotMicros, longWindows, stampMicros: booking.stampMicros, spacingMicros: booking.spacingMicros };
  }

  /** A stamp is a time that was past when it was written: a clock that has not reached it yet is behind, or the writer's was ahead. */
  #isProvenWrong(state: LimitState): boolean {
    const reading = this.#options.clock.read();
    if (!reading || state.stampMicros <= reading.nowMicros + reading.boundMicros) return false;
    this.totals.clockAlarms += 1;
    const isDistrusted = this.#options.clock.distrust();
    if (isDistrusted) {
      const aheadMs = Math.round((state.stampMicros - reading.nowMicros) / MICROS_PER_MS);
      this.#options.warn(`another worker's clock is ahead of this one by ${aheadMs} ms or more; this one is set anew`);
    }
    return isDistrusted;
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
