import { type Lane, MICROS_PER_MS } from './slots.ts';

/** When a process that found the horizon full may try again: spread, so that those who wait do not all write at once. */

/** Spread of the first retry after a full horizon, three times as long with each that finds it full again: up to 146 s. */
const TURN_SPREAD_MS = 200;
const TURN_GROWTH = 3;
const TURN_LOSSES_MAX = 6;
/** The longest that a turn waits for room, before the spread: then the item is looked at again, because it may have been deleted. */
export const ROOM_WAIT_MAX_MICROS = 5_000_000;

interface Turn {
  readonly atMicros: number;
  /** When there will be room, as far as is known; later than the turn where that is far off. */
  readonly roomAtMicros: number;
  /** Writes that found it full, less leases: estimates how many others wait, on a logarithmic scale. */
  readonly losses: number;
}

const NEVER_LOST: Turn = { atMicros: 0, roomAtMicros: 0, losses: 0 };

export class Turns {
  readonly #turns: Record<Lane, Turn> = { live: NEVER_LOST, background: NEVER_LOST };
  readonly #random: () => number;

  /** `random` is from [0, 1). */
  constructor(random: () => number) {
    this.#random = random;
  }

  of(lane: Lane): Turn {
    return this.#turns[lane];
  }

  /** Sets the next turn after a horizon that is full for `fullMicros`; returns how long that and the spread are. */
  lose(lane: Lane, nowMicros: number, fullMicros: number, wasWritten: boolean): number {
    const { losses } = this.#turns[lane];
    const spreadMicros = this.#random() * TURN_SPREAD_MS * MICROS_PER_MS * TURN_GROWTH ** losses;
    this.#turns[lane] = {
      atMicros: nowMicros + Math.min(fullMicros, ROOM_WAIT_MAX_MICROS) + spreadMicros,
      roomAtMicros: nowMicros + fullMicros + spreadMicros,
      losses: Math.min(TURN_LOSSES_MAX, losses + (wasWritten ? 1 : 0)),
    };
    return fullMicros + spreadMicros;
  }

  win(lane: Lane): void {
    this.#turns[lane] = { ...NEVER_LOST, losses: Math.max(0, this.#turns[lane].losses - 1) };
  }

  /** Forgets when, not how many wait: for a clock that was set back. */
  restart(lane: Lane): void {
    this.#turns[lane] = { ...NEVER_LOST, losses: this.#turns[lane].losses };
  }
}
