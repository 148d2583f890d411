import type { FleetClock } from './clock.ts';
import { LeaseBook, type LeaseRefusal, type PermitTotals } from './lease-book.ts';
import {
  EARLINESS_MAX_MS,
  LATENESS_MAX_MS,
  type Lane,
  MICROS_PER_MS,
  type PacingOptions,
  PREFETCH_MS,
  planPacing,
  slotsPerSecond,
  type WindowLimit,
} from './slots.ts';
import type { LimitStore } from './store.ts';
import { type Timers, wallTimers } from './timers.ts';

export type PermitAnswer =
  | { readonly granted: true; readonly slotAtMs: number }
  | { readonly granted: false; readonly reason: LeaseRefusal['reason']; readonly retryAfterMs: number };

export interface PermitRequest {
  /** Calls that the session will make; a lease is never larger than what is left of them. */
  readonly need: number;
  readonly lane: Lane;
  /** When the function ends, milliseconds since the epoch: nothing is reserved that does not fit before it. */
  readonly deadlineAtMs: number;
  /** Since when the work waits, milliseconds since the epoch. Background work that waited long may book further ahead. */
  readonly waitingSinceMs?: number;
  /** Calls that the caller can have under way at a time: a lease is never larger. Default: as large as leases get, 64. */
  readonly callsAtOnce?: number;
  /** How long `next()` waits for this process's turn before it refuses with `horizon-full`; default 300 ms. */
  readonly patienceMs?: number;
  /** Ends the session as `close` does. */
  readonly signal?: AbortSignal;
}

export interface PermitSource {
  open(request: PermitRequest): PermitSession;
}

export interface PermitSession {
  /**
   * Resolves at the instant of this session's next slot: send at once. Each attempt of a call takes one permit. Several callers
   * may wait at a time; they are served in order. Refusals are values: all waiting callers get the same one. `retryAfterMs` is
   * when asking again makes sense, at the earliest.
   */
  next(): Promise<PermitAnswer>;
  /**
   * Serves the slots whose instant has come, which the session's own timer may reach too late while the process is busy. Call it
   * between pieces of work; it costs two comparisons where nobody waits.
   */
  serveDue(): void;
  /** Told of a `ResourceExhausted`, with the server's Retry-After if it gave one: shared with all workers. */
  refused(retryAfterMs?: number): void;
  /** Gives up all slots; waiting callers are refused. Resolves when nothing of the session is under way. Never rejects. */
  close(): Promise<void>;
}

export interface PermitSourceOptions extends PacingOptions {
  readonly store: LimitStore;
  /** The item's key, from `limitKey`. */
  readonly key: string;
  /** One or more windows that hold together. */
  readonly limits: readonly WindowLimit[];
  readonly clock: FleetClock;
  readonly timers?: Timers;
  /** In [0, 1); spreads retries of many workers. */
  readonly random?: () => number;
  /** Told why permits are refused when it is nobody's turn: the store or the clock is away. */
  readonly warn?: (message: string, error?: unknown) => void;
}

/** A process's permits for one limit. Make one per key and keep it for the life of the process. */
export interface PacedPermitSource extends PermitSource {
  /** Sets the clock and makes the item, ahead of the first call. Throws where the store does not answer. */
  prepare(): Promise<void>;
  totals(): Readonly<PermitTotals>;
  status(): PermitStatus;
}

/** How the limit stands, as far as this process knows it: what it has not read yet is absent. */
export interface PermitStatus {
  /** Slots that the settings, an operator and the last slowdown leave now, for the whole fleet. */
  readonly slotsPerSecond?: number;
  /** Hard bound on this clock's error. */
  readonly clockBoundMs?: number;
}

/** Longest wait for a turn inside `next()`, unless the request says otherwise. Longer waits are the caller's, who can give its message back. */
const PATIENCE_MS = 300;
/** Timers are re-armed at least so often, because setting the clock moves the instants they stand for. */
const TIMER_MAX_MS = 100;

export function createPermitSource(options: PermitSourceOptions): PacedPermitSource {
  const { store, key, clock, limits, timers = wallTimers, random = Math.random, warn = () => undefined } = options;
  const book = new LeaseBook({ store, key, clock, pacing: planPacing(limits, options), random, warn });
  return {
    open: (request) => new PacedSession({ book, clock, timers, request }),
    prepare: () => book.prepare(),
    totals: () => ({ ...book.totals }),
    status() {
      const reading = clock.read();
      const { spacingMicros } = book;
      return {
        ...(spacingMicros === undefined ? {} : { slotsPerSecond: slotsPerSecond(spacingMicros) }),
        ...(reading === undefined ? {} : { clockBoundMs: reading.boundMicros / MICROS_PER_MS }),
      };
    },
  };
}

interface Waiter {
  /** Absent until the clock is set: a time of another clock is none to count from. */
  sinceMicros: number | undefined;
  resolve(answer: PermitAnswer): void;
}

/** A slot in hand. A clock with a larger bound must not use it. */
interface HeldSlot {
  readonly slotMicros: number;
  readonly clockBoundMaxMicros: number;
}

interface SessionParts {
  readonly book: LeaseBook;
  readonly clock: FleetClock;
  readonly timers: Timers;
  readonly request: PermitRequest;
}

class PacedSession implements PermitSession {
  readonly #book: LeaseBook;
  readonly #clock: FleetClock;
  readonly #timers: Timers;
  readonly #request: PermitRequest;
  readonly #waiters: Waiter[] = [];
  #slots: HeldSlot[] = [];
  #granted = 0;
  #isClosed = false;
  #filling: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #endTurnWait: (() => void) | undefined;
  readonly #onAbort = (): void => this.#end();

  constructor({ book, clock, timers, request }: SessionParts) {
    this.#book = book;
    this.#clock = clock;
    this.#timers = timers;
    this.#request = request;
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (request.signal?.aborted) this.#end();
  }

  next(): Promise<PermitAnswer> {
    if (this.#isClosed) return Promise.resolve({ granted: false, reason: 'deadline', retryAfterMs: 0 });
    return new Promise((resolve) => {
      this.#waiters.push({ sinceMicros: this.#clock.read()?.nowMicros, resolve });
      this.#pump();
      this.#startFilling();
    });
  }

  serveDue(): void {
    if (this.#slots.length > 0 && this.#waiters.length > 0) this.#serveAndFill();
  }

  refused(retryAfterMs?: number): void {
    this.#book.refused(retryAfterMs);
  }

  async close(): Promise<void> {
    this.#end();
    await this.#filling;
    await this.#book.settled();
  }

  #end(): void {
    this.#isClosed = true;
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.#cancelTimer?.();
    this.#endTurnWait?.();
    this.#dropAll();
    this.#refuseAll({ granted: false, reason: 'deadline', retryAfterMs: 0 });
  }

  #dropAll(): void {
    this.#book.totals.dropped += this.#slots.length;
    this.#slots = [];
  }

  #refuseAll(answer: PermitAnswer): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(answer);
  }

  /** Serves every slot whose instant has come, drops those that it is too late for, and sets the timer for the next one. */
  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    let used = 0;
    for (const { slotMicros, clockBoundMaxMicros } of this.#slots) {
      const reading = this.#clock.read();
      if (!reading) {
        this.#dropAll();
        return;
      }
      const aheadMs = (slotMicros - reading.nowMicros) / MICROS_PER_MS;
      const isClockWorse = reading.boundMicros > clockBoundMaxMicros;
      const isUnusable = aheadMs < -LATENESS_MAX_MS || slotMicros < this.#book.pausedUntilMicros || isClockWorse;
      if (!isUnusable) {
        const waiter = this.#waiters[0];
        if (!waiter) break;
        if (aheadMs > EARLINESS_MAX_MS) {
          const delayMs = Math.min(TIMER_MAX_MS, Math.max(1, Math.floor(aheadMs + EARLINESS_MAX_MS)));
          this.#cancelTimer = this.#timers.start(() => this.#serveAndFill(), delayMs);
          break;
        }
        this.#waiters.shift();
        this.#grant(waiter, slotMicros, reading.nowMicros);
      } else {
        this.#book.totals.dropped += 1;
      }
      used += 1;
    }
    if (used > 0) this.#slots.splice(0, used);
  }

  #serveAndFill(): void {
    this.#pump();
    this.#startFilling();
  }

  #grant(waiter: Waiter, slotMicros: number, nowMicros: number): void {
    this.#granted += 1;
    this.#book.totals.granted += 1;
    this.#book.totals.waitedMs += Math.max(0, nowMicros - (waiter.sinceMicros ?? nowMicros)) / MICROS_PER_MS;
    waiter.resolve({ granted: true, slotAtMs: slotMicros / MICROS_PER_MS });
  }

  #slotsWanted(): number {
    const wanted = Math.max(this.#request.need - this.#granted, this.#waiters.length) - this.#slots.length;
    return Math.min(wanted, this.#request.callsAtOnce ?? wanted);
  }

  #isLeaseDue(): boolean {
    return this.#slotsLastMs() < PREFETCH_MS;
  }

  /** How long the slots in hand last. */
  #slotsLastMs(): number {
    const last = this.#slots.at(-1);
    const reading = this.#clock.read();
    return last === undefined || !reading ? 0 : Math.max(0, last.slotMicros - reading.nowMicros) / MICROS_PER_MS;
  }

  #startFilling(): void {
    if (this.#filling || this.#isClosed || this.#slotsWanted() < 1 || !this.#isLeaseDue()) return;
    if (this.#waiters.length === 0 && this.#slots.length === 0) return;
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
      // Who came after the last answer, and before this, found it filling.
      if (this.#slots.length === 0 && this.#waiters.length > 0) this.#startFilling();
    });
  }

  /** Books leases until the slots in hand reach far enough, or until it is not this session's turn. */
  async #fill(): Promise<void> {
    let patienceMs = this.#request.patienceMs ?? PATIENCE_MS;
    while (!this.#isClosed) {
      const slotsWanted = this.#slotsWanted();
      if (slotsWanted < 1 || !this.#isLeaseDue()) return;
      const { lane, deadlineAtMs, waitingSinceMs } = this.#request;
      const lease = await this.#book.lease({
        slotsWanted,
        lane,
        deadlineAtMs,
        ...(waitingSinceMs === undefined ? {} : { waitingSinceMs }),
      });
      if (lease.leased) {
        const nowMicros = this.#clock.read()?.nowMicros;
        for (const waiter of this.#waiters) waiter.sinceMicros ??= nowMicros;
        const { slotsMicros, clockBoundMaxMicros } = lease;
        this.#slots.push(...slotsMicros.map((slotMicros) => ({ slotMicros, clockBoundMaxMicros })));
        if (this.#isClosed) this.#dropAll();
        this.#pump();
        continue;
      }
      const { reason, retryAfterMs } = lease;
      const slotsLastMs = this.#slotsLastMs();
      if (reason === 'horizon-full' && retryAfterMs <= patienceMs + slotsLastMs) {
        patienceMs -= Math.max(0, retryAfterMs - slotsLastMs);
        await this.#waitForTurn(retryAfterMs);
        continue;
      }
      if (this.#slots.length === 0) this.#refuseAll({ granted: false, reason, retryAfterMs });
      return;
    }
  }

  #waitForTurn(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.start(resolve, delayMs);
      this.#endTurnWait = () => {
        cancel();
        resolve();
      };
    });
  }
}
