import type { Caller, Host } from './access.ts';
import { SlidingSecond } from './call-record.ts';
import { rateLimited } from './refusals.ts';

/** Calls in any second, for each credential; `none` for benches. */
export type Limit = number | 'none';

export type LimitsByHost = Readonly<Record<Host, Limit>>;

/** Documented: 500 a second for each API key, 20 for management. The community host's is not published; here it has the data plane's. */
export const DEFAULT_LIMITS: LimitsByHost = { data: 500, control: 20, community: 500 };

/** Credentials whose last second is remembered. Ours: they change when tokens are refreshed, and the stand-in may run for weeks. */
const BUCKETS_MAX = 1_000;

/** The limit of each credential. */
export class Limits {
  #limits: LimitsByHost;
  readonly #seconds = new Map<string, SlidingSecond>();

  constructor(limits: LimitsByHost) {
    this.#limits = limits;
  }

  set(limits: Partial<LimitsByHost>): void {
    this.#limits = { ...this.#limits, ...limits };
  }

  /** Counts an admitted call. @throws ConnectError when its credential made the limit's number of calls in the last second. */
  spend({ host, bucket }: Caller, nowMs: number): void {
    const limit = this.#limits[host];
    if (limit === 'none') return;
    let second = this.#seconds.get(bucket);
    if (second === undefined) {
      if (this.#seconds.size >= BUCKETS_MAX) this.#seconds.clear();
      second = new SlidingSecond();
      this.#seconds.set(bucket, second);
    }
    if (second.countAt(nowMs) >= limit) throw rateLimited();
    second.note(nowMs);
  }
}
