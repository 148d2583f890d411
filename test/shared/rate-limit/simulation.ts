import type { FleetClock } from '../../../shared/rate-limit/clock.ts';
import { createPermitSource, type PacedPermitSource, type PermitSession, type PermitSource } from '../../../shared/rate-limit/permits.ts';
import type { Lane, WindowLimit } from '../../../shared/rate-limit/slots.ts';
import type { LimitStore } from '../../../shared/rate-limit/store.ts';
import { MemoryLimitTable } from './memory-limit-store.ts';
import { VirtualTime } from './virtual-time.ts';
import { countWindows, quantile } from './windows.ts';

/**
 * Discrete-event simulation of a fleet on the real session code: only time, timers, store, network and server are models.
 * DynamoDB answers lognormally (median 4 ms, 99 % within 20 ms) and commits half-way; the API takes 90 ms (300 ms); one way takes
 * 8 ms and something exponential; workers crash, and freeze, at given rates per batch.
 */
export interface FleetModel {
  readonly limits: readonly WindowLimit[];
  readonly seconds: number;
  readonly workers: number;
  readonly seed: number;
  readonly marginPermits?: number;
  /** Uniform error of each worker's clock; the bound that the clock reports is the same. */
  readonly clockErrorMs?: number;
  readonly crashShare?: number;
  readonly freezeShare?: number;
  readonly jitterMs?: number;
  /** Calls that take up to 200 ms longer on their way. */
  readonly spikeShare?: number;
  readonly callsPerBatch?: number;
  readonly gapMs?: number;
  readonly apiMedianMs?: number;
  /** Calls of one worker under way at a time. */
  readonly streams?: number;
  /** The server's own limit per second at a time since the start; without it nothing is refused. */
  readonly serverLimitAt?: (second: number) => number;
  /** Seconds since the start during which the store does not answer. */
  readonly storeAway?: readonly [number, number];
  /** Live jobs of 1 to 5 calls that come in beside the background, a second. */
  readonly liveJobsPerSecond?: number;
}

export interface FleetRun {
  readonly sent: number;
  readonly refused: number;
  readonly refusedAtSeconds: readonly number[];
  /** Share of the shortest window's limit that was sent, from the first slot on. */
  readonly used: number;
  readonly maxAtSenders: number;
  readonly maxAtServer: number;
  readonly overAtServer: number;
  readonly writesPerPermit: number;
  readonly droppedShare: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly liveWaitP99Ms: number;
  readonly booked: number;
  readonly granted: number;
  readonly dropped: number;
  /** Send times, seconds since the start. */
  readonly sendSeconds: readonly number[];
}

/** Standard-normal quantile of 0.99: from a median and a 99th percentile to a lognormal's sigma. */
const Z99 = 2.326;

function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Sandbox {
  readonly source: PacedPermitSource;
  readonly freeze: { untilMicros: number };
}

class Fleet {
  readonly time = new VirtualTime();
  readonly startMicros = this.time.nowMicros;
  readonly table = new MemoryLimitTable();
  readonly random: () => number;
  readonly model: FleetModel;
  readonly sources: PacedPermitSource[] = [];
  readonly sends: number[] = [];
  readonly arrivals: number[] = [];
  readonly waitsMs: number[] = [];
  readonly liveWaitsMs: number[] = [];
  readonly refusedAtSeconds: number[] = [];
  readonly #accepted: number[] = [];
  #acceptedFrom = 0;
  readonly #endMicros: number;

  constructor(model: FleetModel) {
    this.model = model;
    this.random = makeRandom(model.seed);
    this.#endMicros = this.startMicros + model.seconds * 1e6;
  }

  async run(): Promise<FleetRun> {
    for (let worker = 0; worker < this.model.workers; worker += 1) {
      this.time.after(this.random() * 100_000, () => this.#invoke(this.#sandbox()));
    }
    if (this.model.liveJobsPerSecond) this.#scheduleLive(this.model.liveJobsPerSecond);
    await this.time.runUntil(this.#endMicros);
    return this.#report();
  }

  /** One execution environment: keeps its permit source, its clock error and its knowledge of the item. */
  #sandbox(): Sandbox {
    const errorMs = this.model.clockErrorMs ?? 2;
    const error = Math.round((this.random() * 2 - 1) * errorMs * 1_000);
    const clock: FleetClock = {
      read: () => ({ nowMicros: Math.round(this.time.nowMicros) + error, boundMicros: errorMs * 1_000 }),
      discipline: () => Promise.resolve(),
      distrust: () => false,
    };
    const freeze = { untilMicros: 0 };
    const source = createPermitSource({
      store: this.#store(),
      key: 'rl#simulation',
      limits: this.model.limits,
      clock,
      random: this.random,
      timers: {
        start: (callback, delayMs) => {
          let cancel = (): void => undefined;
          const fire = (): void => {
            if (freeze.untilMicros > this.time.nowMicros) cancel = this.time.at(freeze.untilMicros, fire);
            else callback();
          };
          cancel = this.time.after(delayMs * 1_000 + this.#timerLateness(), fire);
          return () => cancel();
        },
      },
      ...(this.model.marginPermits === undefined ? {} : { marginPermits: this.model.marginPermits }),
    });
    this.sources.push(source);
    return { source, freeze };
  }

  #timerLateness(): number {
    return this.random() * 1_000 + (this.random() < 0.005 ? this.random() * 3_000 : 0);
  }

  #lognormalMs(medianMs: number, p99Ms: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    return medianMs * Math.exp((Math.log(p99Ms / medianMs) / Z99) * normal);
  }

  #store(): LimitStore {
    const through = <T>(act: () => T): Promise<T> => {
      const latencyMicros = this.#lognormalMs(4, 20) * 1_000;
      return new Promise((resolve, reject) => {
        this.time.after(
          latencyMicros / 2,
          () => {
            const [from, to] = this.model.storeAway ?? [0, 0];
            const second = (this.time.nowMicros - this.startMicros) / 1e6;
            if (second >= from && second < to) {
              this.time.after(300_000, () => reject(new Error('the store is away')));
              return;
            }
            const result = act();
            this.time.after(latencyMicros / 2, () => resolve(result));
          },
          true,
        );
      });
    };
    return {
      write: (key, write) => through(() => this.table.write(key, write)),
      read: (key) => through(() => this.table.items.get(key)),
    };
  }

  /** One invocation after another, each with a batch of calls; a crash takes the sandbox and its slots with it. */
  #invoke(sandbox: Sandbox): void {
    const { callsPerBatch = 64, gapMs = 25, crashShare = 0, freezeShare = 0 } = this.model;
    const again = (next: Sandbox, delayMs: number): void => {
      this.time.after(delayMs * 1_000, () => this.#invoke(next));
    };
    let isCrashed = false;
    const crashAtCall = this.random() < crashShare ? Math.floor(this.random() * callsPerBatch) : undefined;
    const freezeAtCall = this.random() < freezeShare ? Math.floor(this.random() * callsPerBatch) : undefined;
    this.#work(sandbox.source, 'background', callsPerBatch, {
      isGone: () => isCrashed,
      onSend: (call) => {
        if (call === freezeAtCall) sandbox.freeze.untilMicros = this.time.nowMicros + (200 + this.random() * 1_800) * 1_000;
        if (call === crashAtCall && !isCrashed) {
          isCrashed = true;
          again(this.#sandbox(), 200);
        }
      },
      onEnd: (retryAfterMs) => again(sandbox, gapMs * (0.5 + this.random()) + retryAfterMs),
    });
  }

  #scheduleLive(jobsPerSecond: number): void {
    const sandboxes = Array.from({ length: 4 }, () => this.#sandbox());
    let turn = 0;
    const job = (): void => {
      const sandbox = sandboxes[turn % sandboxes.length] as Sandbox;
      turn += 1;
      const calls = 1 + Math.floor(this.random() * 5);
      this.#work(sandbox.source, 'live', calls, { isGone: () => false, onSend: () => undefined, onEnd: () => undefined });
      this.time.after((-Math.log(1 - this.random()) / jobsPerSecond) * 1e6, job);
    };
    // After the new item's quiet time, which says nothing of lanes.
    this.time.after(4e6, job);
  }

  #work(
    source: PermitSource,
    lane: Lane,
    calls: number,
    hooks: { isGone(): boolean; onSend(call: number): void; onEnd(retryAfterMs: number): void },
  ): void {
    const session = source.open({ need: calls, lane, deadlineAtMs: this.time.nowMicros / 1_000 + 15_000, patienceMs: 0 });
    const askedAt = this.time.nowMicros;
    let started = 0;
    let open = 0;
    let retryAfterMs = 0;
    const finishOne = (): void => {
      if (hooks.isGone()) return;
      open -= 1;
      if (started < calls) startOne();
      else if (open === 0) void session.close().then(() => hooks.onEnd(retryAfterMs));
    };
    const attempt = (call: number): void => {
      void session.next().then((answer) => {
        if (hooks.isGone()) return;
        if (!answer.granted) {
          retryAfterMs = Math.max(retryAfterMs, answer.retryAfterMs);
          started = calls;
          finishOne();
          return;
        }
        (lane === 'live' ? this.liveWaitsMs : this.waitsMs).push((this.time.nowMicros - askedAt) / 1_000);
        hooks.onSend(call);
        this.#send(session, () => (hooks.isGone() ? undefined : attempt(call)), finishOne);
      });
    };
    const startOne = (): void => {
      const call = started;
      started += 1;
      open += 1;
      attempt(call);
    };
    while (started < Math.min(calls, this.model.streams ?? 64)) startOne();
  }

  #send(session: PermitSession, onRefused: () => void, onAnswered: () => void): void {
    const { jitterMs = 2, apiMedianMs = 90, spikeShare = 0.0005 } = this.model;
    this.sends.push(this.time.nowMicros);
    const spikeMs = this.random() < spikeShare ? this.random() * 200 : 0;
    const oneWayMicros = (8 - Math.log(1 - this.random()) * jitterMs + spikeMs) * 1_000;
    this.time.after(
      oneWayMicros,
      () => {
        const isAccepted = this.#arrive();
        const backMicros = isAccepted ? this.#lognormalMs(apiMedianMs, apiMedianMs * 3.33) * 1_000 : 8_000;
        this.time.after(backMicros, () => {
          if (isAccepted) onAnswered();
          else {
            session.refused();
            onRefused();
          }
        });
      },
      true,
    );
  }

  #arrive(): boolean {
    const now = this.time.nowMicros;
    this.arrivals.push(now);
    const second = (now - this.startMicros) / 1e6;
    const limit = this.model.serverLimitAt?.(second);
    if (limit === undefined) return true;
    while (this.#acceptedFrom < this.#accepted.length && (this.#accepted[this.#acceptedFrom] as number) <= now - 1e6)
      this.#acceptedFrom += 1;
    if (this.#accepted.length - this.#acceptedFrom >= limit) {
      this.refusedAtSeconds.push(second);
      return false;
    }
    this.#accepted.push(now);
    return true;
  }

  #report(): FleetRun {
    const { limits, seconds } = this.model;
    const shortest = limits.toSorted((a, b) => a.perSeconds - b.perSeconds)[0] as WindowLimit;
    const windowMicros = shortest.perSeconds * 1e6;
    const senders = countWindows(this.sends, windowMicros, shortest.requests);
    const server = countWindows(this.arrivals, windowMicros, shortest.requests);
    const total = { booked: 0, granted: 0, dropped: 0, writes: 0 };
    for (const source of this.sources) {
      const totals = source.totals();
      for (const name of ['booked', 'granted', 'dropped', 'writes'] as const) total[name] += totals[name];
    }
    const firstSend = this.sends.reduce((least, stamp) => Math.min(least, stamp), Number.POSITIVE_INFINITY);
    const runSeconds = seconds - (firstSend - this.startMicros) / 1e6;
    return {
      sent: senders.count,
      refused: this.refusedAtSeconds.length,
      refusedAtSeconds: this.refusedAtSeconds,
      used: senders.count / ((runSeconds / shortest.perSeconds) * shortest.requests),
      maxAtSenders: senders.max,
      maxAtServer: server.max,
      overAtServer: server.over,
      writesPerPermit: total.writes / total.granted,
      droppedShare: total.dropped / total.booked,
      waitP50Ms: quantile(this.waitsMs, 0.5),
      waitP99Ms: quantile(this.waitsMs, 0.99),
      liveWaitP99Ms: quantile(this.liveWaitsMs, 0.99),
      booked: total.booked,
      granted: total.granted,
      dropped: total.dropped,
      sendSeconds: this.sends.map((stamp) => (stamp - this.startMicros) / 1e6),
    };
  }
}

export function simulateFleet(model: FleetModel): Promise<FleetRun> {
  return new Fleet(model).run();
}
