/** Calls of one credential in the last second, oldest first, as a ring that grows. */
export class SlidingSecond {
  #times = new Float64Array(1024);
  #first = 0;
  #count = 0;

  /** How many calls were noted in the second that ends at `nowMs`, its start not included. */
  countAt(nowMs: number): number {
    while (this.#count > 0 && (this.#times[this.#first] ?? 0) <= nowMs - 1000) {
      this.#first = (this.#first + 1) % this.#times.length;
      this.#count--;
    }
    return this.#count;
  }

  note(nowMs: number): void {
    if (this.#count === this.#times.length) this.#grow();
    this.#times[(this.#first + this.#count) % this.#times.length] = nowMs;
    this.#count++;
  }

  #grow(): void {
    const larger = new Float64Array(this.#times.length * 2);
    for (let i = 0; i < this.#count; i++) larger[i] = this.#times[(this.#first + i) % this.#times.length] ?? 0;
    this.#times = larger;
    this.#first = 0;
  }
}

/** What arrived since the start or the last reset, whether it was answered or refused. */
export interface CallReport {
  /** Calls by method: `InsightService/GetPackageVersionInsight`. */
  readonly byMethod: Readonly<Record<string, number>>;
  readonly total: number;
  /** The most calls of one credential (keyless calls count as one) in any second that ends with a call. */
  readonly maxInAnySecond: number;
  /** Package versions that were asked about, and the most calls for one of them. */
  readonly distinctPackageVersions: number;
  readonly maxCallsPerPackageVersion: number;
  /** The longest time that this process did not get to its timers: above 10 ms `maxInAnySecond` says little. */
  readonly longestStallMs: number;
  /** Processor time of the whole process since the reset, in microseconds. */
  readonly cpuMicroseconds: number;
}

/** An error that was sent. */
export interface SentError {
  readonly atMs: number;
  readonly method: string;
  /** Name of the canonical code. */
  readonly code: string;
  readonly message: string;
}

/** Errors that are remembered, the latest. Ours: what fits on a page. */
const ERRORS_MAX = 20;

/** Rates are means of so many whole seconds. */
const RATE_SECONDS = 10;

/** Calls by second, for the last seconds. */
class Rate {
  readonly #counts = new Uint32Array(RATE_SECONDS + 1);
  #second = 0;

  note(nowMs: number): void {
    this.#advance(nowMs);
    const index = this.#second % this.#counts.length;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** Without the second that is not over yet. */
  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    const sum = this.#counts.reduce((total, count) => total + count, 0) - (this.#counts[this.#second % this.#counts.length] ?? 0);
    return sum / RATE_SECONDS;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    for (let next = Math.max(this.#second + 1, second - RATE_SECONDS); next <= second; next++) this.#counts[next % this.#counts.length] = 0;
    this.#second = second;
  }
}

/** How often the event loop is looked at, in milliseconds. */
const STALL_PROBE_MS = 5;

export class CallRecord {
  #byMethod = new Map<string, number>();
  #rates = new Map<string, Rate>();
  #errors: SentError[] = [];
  #byPackage = new Map<string, number>();
  #seconds = new Map<string, SlidingSecond>();
  #maxInAnySecond = 0;
  #longestStallMs = 0;
  #lastProbeMs = performance.now();
  #cpu = process.cpuUsage();
  readonly #probe: NodeJS.Timeout;

  constructor() {
    this.#probe = setInterval(() => {
      const nowMs = performance.now();
      this.#longestStallMs = Math.max(this.#longestStallMs, nowMs - this.#lastProbeMs - STALL_PROBE_MS);
      this.#lastProbeMs = nowMs;
    }, STALL_PROBE_MS).unref();
  }

  arrived(method: string, caller: string, nowMs: number): void {
    this.#byMethod.set(method, (this.#byMethod.get(method) ?? 0) + 1);
    let rate = this.#rates.get(method);
    if (rate === undefined) {
      rate = new Rate();
      this.#rates.set(method, rate);
    }
    rate.note(nowMs);
    let second = this.#seconds.get(caller);
    if (second === undefined) {
      second = new SlidingSecond();
      this.#seconds.set(caller, second);
    }
    second.note(nowMs);
    this.#maxInAnySecond = Math.max(this.#maxInAnySecond, second.countAt(nowMs));
  }

  asked(packageKey: string): void {
    this.#byPackage.set(packageKey, (this.#byPackage.get(packageKey) ?? 0) + 1);
  }

  refused(error: SentError): void {
    this.#errors.push(error);
    if (this.#errors.length > ERRORS_MAX) this.#errors.shift();
  }

  /** Latest first. */
  lastErrors(): readonly SentError[] {
    return this.#errors.toReversed();
  }

  /** Calls in a second by method, as a mean of the last ten. */
  perSecond(nowMs: number): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#rates].map(([method, rate]) => [method, rate.perSecond(nowMs)]));
  }

  report(): CallReport {
    const { user, system } = process.cpuUsage(this.#cpu);
    let maxCallsPerPackageVersion = 0;
    for (const count of this.#byPackage.values()) maxCallsPerPackageVersion = Math.max(maxCallsPerPackageVersion, count);
    return {
      byMethod: Object.fromEntries([...this.#byMethod].sort(([a], [b]) => (a < b ? -1 : 1))),
      total: [...this.#byMethod.values()].reduce((sum, count) => sum + count, 0),
      maxInAnySecond: this.#maxInAnySecond,
      distinctPackageVersions: this.#byPackage.size,
      maxCallsPerPackageVersion,
      longestStallMs: Math.round(this.#longestStallMs * 10) / 10,
      cpuMicroseconds: user + system,
    };
  }

  reset(): void {
    this.#byMethod.clear();
    this.#rates.clear();
    this.#errors = [];
    this.#byPackage.clear();
    this.#seconds.clear();
    this.#maxInAnySecond = 0;
    this.#longestStallMs = 0;
    this.#lastProbeMs = performance.now();
    this.#cpu = process.cpuUsage();
  }

  close(): void {
    clearInterval(this.#probe);
  }
}
