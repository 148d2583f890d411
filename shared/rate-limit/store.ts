/** What one limit's item holds, and the conditional writes that change it. Times are whole microseconds since the epoch on the fleet's clock. */

/** A past cut of the rate, from which the current rate follows by time alone: recovery costs no write. */
export interface Slowdown {
  /** Distance between slots right after the cut. */
  readonly spacingMicros: number;
  readonly atMicros: number;
  /** Distance between slots at which the server refused. */
  readonly refusedSpacingMicros: number;
}

export interface LimitState {
  /** The next slot that nobody has. Never decreases. */
  readonly nextSlotMicros: number;
  /** Changes with every change of policy; a lease is granted only under the version it was computed with. */
  readonly version: number;
  /** Time before which the last writer's write cannot have happened: its clock less that clock's error bound. */
  readonly stampMicros: number;
  /** Distance between slots of the last lease; for people, nothing is computed from it. */
  readonly spacingMicros: number;
  /** Smallest distance that an operator allows; absent where only the settings decide. */
  readonly policySpacingMicros?: number;
  readonly slowdown?: Slowdown;
  /** Theoretical arrival times of the longer windows, by window length in seconds. */
  readonly longWindows: Readonly<Record<number, number>>;
}

/**
 * How one theoretical arrival time moves. DynamoDB's expressions have no `max`, so a time in the past needs another write
 * than one in the future.
 *
 * - `busy`: `t += by`, if `from <= t <= to`.
 * - `idle`: `t = to`, if `t < below` (or, for a longer window, there is none yet).
 */
export type Advance =
  | { readonly form: 'busy'; readonly byMicros: number; readonly fromMicros: number; readonly toMicros: number }
  | { readonly form: 'idle'; readonly toMicros: number; readonly belowMicros: number };

export interface Booking {
  readonly kind: 'book';
  readonly version: number;
  readonly pace: Advance;
  readonly longWindows: readonly { readonly seconds: number; readonly advance: Advance }[];
  readonly spacingMicros: number;
  readonly stampMicros: number;
}

/** Makes the item, if there is none. */
interface Creation {
  readonly kind: 'create';
  readonly state: LimitState;
}

/** Slows and, with `pauseUntilMicros`, pauses the whole fleet; then refused where `t` is already later. */
export interface SlowDown {
  readonly kind: 'slow-down';
  readonly version: number;
  readonly slowdown: Slowdown;
  readonly pauseUntilMicros?: number;
  readonly stampMicros: number;
}

/** An operator's limit; without a spacing the settings alone decide again. Forgets a past slowdown. */
export interface SetPolicy {
  readonly kind: 'set-policy';
  readonly version: number;
  readonly policySpacingMicros?: number;
}

export type LimitWrite = Booking | Creation | SlowDown | SetPolicy;

export type WriteResult =
  /** `before` is the item as the write found it; absent only for a creation. */
  | { readonly applied: true; readonly before?: LimitState }
  /** The condition did not hold; `current` is absent where there is no item. */
  | { readonly applied: false; readonly current?: LimitState };

/** Where the item lives. Both methods throw when the store does not answer: the write may then have happened or not. */
export interface LimitStore {
  write(key: string, write: LimitWrite): Promise<WriteResult>;
  read(key: string): Promise<LimitState | undefined>;
}
