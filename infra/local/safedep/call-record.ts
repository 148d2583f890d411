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

/** How often the event loop is looked at, in milliseconds. */
const STALL_PROBE_MS = 5;

export class CallRecord {
  #byMethod = new Map<string, number>();
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
