/**
 * The fleet's clock: monotonic time plus an offset, with a bound on its error. Slots are only as exact as the workers' clocks
 * agree, and each millisecond of disagreement costs a quarter of a percent of the limit. What counts is the difference between
 * workers, so an error of the time server that all of them share does no harm.
 */

export interface ClockReading {
  /** Whole microseconds since the epoch on the fleet's clock. */
  readonly nowMicros: number;
  /** The fleet's time lies within this of `nowMicros`. */
  readonly boundMicros: number;
}

export interface FleetClock {
  /** The time, or `undefined` while there is no trustworthy one: never set, or the machine's clock was moved since. */
  read(): ClockReading | undefined;
  /** Makes the clock trustworthy if it is not; returns at once if it is. Never rejects: `read` tells how it went. */
  discipline(): Promise<void>;
  /** Told that another worker's stamp lies ahead. `false`: this clock was set too recently to believe the stamp over it. */
  distrust(): boolean;
}

/** One measurement of how far the fleet's clock is ahead of this machine's monotonic one. */
export interface OffsetSample {
  readonly offsetMicros: number;
  /** Hard bound on the offset's error: half of the round trip. */
  readonly boundMicros: number;
}

/** Where time comes from. Rejects when it cannot be asked; several samples, of which the tightest is used. */
export interface TimeSource {
  readonly name: string;
  measure(): Promise<readonly OffsetSample[]>;
}

export interface FleetClockOptions {
  /** Asked in order; the first that answers sets the clock. */
  readonly sources: readonly TimeSource[];
  /**
   * How wrong the machine's own clock may be where no source answers. AWS disciplines it by NTP, so that 50 ms is generous; who
   * runs on it pads every lease by that. Absent: without a source there is no time, and no permit.
   */
  readonly wallBoundMs?: number;
  readonly monotonicMicros?: () => number;
  readonly wallMicros?: () => number;
  readonly warn?: (message: string, error?: unknown) => void;
}

/** After this the clock is set anew: at 15 ppm it has drifted by 0.9 ms. */
const SET_EVERY_MICROS = 60_000_000;
/** Drift of a clock that the machine disciplines itself; chrony's usual ceiling. */
const DRIFT_PARTS_PER_MILLION = 15;
/** A wall clock that moved more than this against the monotonic one: stepped, or the machine was frozen. */
const STEP_MICROS = 2_000;
/** Two readings further apart than this say nothing of each other: the process was preempted in between. */
const SIMULTANEOUS_MICROS = 500;
/** A stamp from another worker is not believed against a clock that was set within this time. */
const SETTLED_MICROS = 5_000_000;
/** Default of `wallBoundMs` on Lambda, see there. */
export const LAMBDA_WALL_BOUND_MS = 50;

interface Setting {
  readonly offsetMicros: number;
  readonly boundMicros: number;
  readonly setAtMicros: number;
  /** Wall less monotonic time when it was set. */
  readonly wallOffsetMicros: number | undefined;
}

export function createFleetClock(options: FleetClockOptions): FleetClock {
  const { sources, wallBoundMs, warn = () => undefined } = options;
  const monotonicMicros = options.monotonicMicros ?? (() => performance.now() * 1_000);
  const wallMicros = options.wallMicros ?? (() => Date.now() * 1_000);
  let setting: Setting | undefined;
  let isDistrusted = false;
  let setNextAtMicros = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  /** Wall less monotonic time, or `undefined` where the two could not be read together. */
  function wallOffset(): number | undefined {
    const before = monotonicMicros();
    const wall = wallMicros();
    return monotonicMicros() - before <= SIMULTANEOUS_MICROS ? wall - before : undefined;
  }

  function isStepped(current: Setting): boolean {
    const offset = wallOffset();
    if (offset === undefined || current.wallOffsetMicros === undefined) return false;
    return Math.abs(offset - current.wallOffsetMicros) > STEP_MICROS;
  }

  function wallSetting(): Setting | undefined {
    const offset = wallOffset() ?? wallMicros() - monotonicMicros();
    if (wallBoundMs === undefined) return undefined;
    return { offsetMicros: offset, boundMicros: wallBoundMs * 1_000, setAtMicros: monotonicMicros(), wallOffsetMicros: offset };
  }

  async function measure(): Promise<Setting | undefined> {
    for (const source of sources) {
      try {
        const samples = await source.measure();
        const best = samples.toSorted((a, b) => a.boundMicros - b.boundMicros)[0];
        if (best) return { ...best, setAtMicros: monotonicMicros(), wallOffsetMicros: wallOffset() };
      } catch (error) {
        warn(`${source.name} does not tell the time`, error);
      }
    }
    return undefined;
  }

  function boundMicrosNow({ boundMicros, setAtMicros }: Setting): number {
    return boundMicros + ((monotonicMicros() - setAtMicros) * DRIFT_PARTS_PER_MILLION) / 1_000_000;
  }

  /** A measurement on a slow way, or none, is worse than a good one a minute ago; unless the two cannot both be right. */
  function isBetter(current: Setting, measured: Setting | undefined): boolean {
    if (!measured) return true;
    const [currentBound, measuredBound] = [boundMicrosNow(current), boundMicrosNow(measured)];
    const isConsistent = Math.abs(current.offsetMicros - measured.offsetMicros) <= currentBound + measuredBound;
    return isConsistent && currentBound <= measuredBound;
  }

  async function set(): Promise<void> {
    const current = setting && !isDistrusted && !isStepped(setting) ? setting : undefined;
    const measured = await measure();
    if (!current || isStepped(current) || !isBetter(current, measured)) setting = measured ?? wallSetting();
    isDistrusted = false;
    setNextAtMicros = monotonicMicros() + SET_EVERY_MICROS;
  }

  return {
    read() {
      if (!setting || isDistrusted || isStepped(setting)) return undefined;
      return { nowMicros: Math.round(monotonicMicros() + setting.offsetMicros), boundMicros: boundMicrosNow(setting) };
    },
    discipline() {
      const isFresh = setting !== undefined && !isDistrusted && monotonicMicros() < setNextAtMicros && !isStepped(setting);
      if (isFresh) return Promise.resolve();
      underWay ??= set().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    distrust() {
      if (!setting || monotonicMicros() - setting.setAtMicros < SETTLED_MICROS) return false;
      isDistrusted = true;
      return true;
    },
  };
}
