import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Kinds whose entries die with the grant that they were given by. */
const OF_A_GRANT = new Set(['AccessToken', 'RefreshToken', 'DeviceCode']);

/** Expired entries are looked for after so many writes. Ours. */
const SWEEP_EVERY_WRITES = 1_000;

/** How long an expired entry is still known as such, in milliseconds. Ours. */
const EXPIRED_KEPT_MS = 60 * 60 * 1000;

interface Kept {
  readonly kind: string;
  payload: AdapterPayload;
  expiresAtMs: number;
  consumedAtMs?: number;
}

/**
 * Everything the provider remembers, in memory.
 *
 * A refresh token that was used stays usable for `reuseLeewayMs`, which is what a provider's leeway is: a second use within it brings
 * another successor, and a later one is a reuse that ends the grant.
 */
export class GrantStore {
  readonly #kept = new Map<string, Kept>();
  readonly #reuseLeewayMs: () => number;
  #writes = 0;

  constructor(reuseLeewayMs: () => number) {
    this.#reuseLeewayMs = reuseLeewayMs;
  }

  /** What the library keeps things of one kind by. */
  adapter(kind: string): Adapter {
    const keyOf = (id: string) => `${kind} ${id}`;
    const find = (matches: (payload: AdapterPayload) => boolean) => {
      for (const [key, kept] of this.#kept) if (kept.kind === kind && matches(kept.payload)) return this.#payload(key);
      return undefined;
    };
    return {
      upsert: async (id, payload, expiresInSeconds) => {
        const key = keyOf(id);
        const consumedAtMs = this.#kept.get(key)?.consumedAtMs;
        const expiresAtMs = Date.now() + (expiresInSeconds || Number.POSITIVE_INFINITY) * 1000;
        this.#kept.set(key, { kind, payload, expiresAtMs, ...(consumedAtMs !== undefined && { consumedAtMs }) });
        if (++this.#writes % SWEEP_EVERY_WRITES === 0) this.#sweep();
      },
      find: async (id) => this.#payload(keyOf(id)),
      findByUserCode: async (userCode) => find((payload) => payload.userCode === userCode),
      findByUid: async (uid) => find((payload) => payload.uid === uid),
      consume: async (id) => {
        const kept = this.#kept.get(keyOf(id));
        // The first use counts: a use within the leeway does not make it longer.
        if (kept) kept.consumedAtMs ??= Date.now();
      },
      destroy: async (id) => void this.#kept.delete(keyOf(id)),
      revokeByGrantId: async (grantId) => {
        for (const [key, { kind: of, payload }] of this.#kept)
          if (OF_A_GRANT.has(of) && payload.grantId === grantId) this.#kept.delete(key);
      },
    };
  }

  /** Payloads of a kind that are alive and were not used up. */
  alive(kind: string): readonly AdapterPayload[] {
    const nowMs = Date.now();
    return [...this.#kept.values()]
      .filter((kept) => kept.kind === kind && kept.expiresAtMs > nowMs && kept.consumedAtMs === undefined)
      .map(({ payload }) => payload);
  }

  /** An expired entry is still found: the library itself says that it is expired, which is another answer than that it never was. */
  #payload(key: string): AdapterPayload | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const { kind, payload, consumedAtMs } = kept;
    if (consumedAtMs === undefined) return payload;
    if (kind === 'RefreshToken' && Date.now() - consumedAtMs < this.#reuseLeewayMs()) return payload;
    return { ...payload, consumed: Math.floor(consumedAtMs / 1000) };
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const [key, { expiresAtMs }] of this.#kept) if (expiresAtMs + EXPIRED_KEPT_MS < nowMs) this.#kept.delete(key);
  }
}
