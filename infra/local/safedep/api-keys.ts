import { randomBytes } from 'node:crypto';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { CreateApiKeyRequest, ListApiKeyFilter } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import { notFound } from './refusals.ts';

interface KeptKey {
  readonly keyId: string;
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  readonly description: string;
  expiresAtMs: number;
}

/** What may be shown of a key: all but the key itself. */
export type ShownKey = Omit<KeptKey, 'key'>;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Of the keys that the stand-in begins with, in days: the longest that SafeDep allows. */
const FIRST_KEY_DAYS = 365;

/** The tenants' API keys. One that is deleted or expired opens nothing from that moment on. */
export class ApiKeys {
  readonly #byId = new Map<string, KeptKey>();
  readonly #byKey = new Map<string, KeptKey>();

  /** The key that a tenant has from the beginning. */
  addFirst(tenant: string, key = newKey()): string {
    this.#keep({ keyId: newId(), key, tenant, name: 'first', description: '', expiresAtMs: Date.now() + FIRST_KEY_DAYS * DAY_MS });
    return key;
  }

  /** The tenant that a key opens now. */
  tenantOf(key: string, nowMs: number): string | undefined {
    const kept = this.#byKey.get(key);
    return kept !== undefined && kept.expiresAtMs > nowMs ? kept.tenant : undefined;
  }

  /** The one answer that shows the key. */
  create(tenant: string, { name, description = '', expiryDays }: CreateApiKeyRequest) {
    const kept = { keyId: newId(), key: newKey(), tenant, name, description, expiresAtMs: Date.now() + expiryDays * DAY_MS };
    this.#keep(kept);
    return { keyId: kept.keyId, key: kept.key, expiresAt: timestampFromMs(kept.expiresAtMs) };
  }

  /** Oldest first. What `include_current_user` means is not known: here keys belong to nobody in particular. */
  list(tenant: string, filter: Pick<ListApiKeyFilter, 'name' | 'includeExpired'> | undefined) {
    const nowMs = Date.now();
    return this.shown()
      .filter((key) => key.tenant === tenant && key.name.includes(filter?.name ?? ''))
      .filter(({ expiresAtMs }) => filter?.includeExpired || expiresAtMs > nowMs)
      .map(({ keyId, name, description, expiresAtMs }) => ({ keyId, name, description, expiresAt: timestampFromMs(expiresAtMs) }));
  }

  /** @throws ConnectError NotFound. */
  delete(tenant: string, keyId: string): void {
    const kept = this.#byId.get(keyId);
    if (kept === undefined || kept.tenant !== tenant) throw notFound('api key');
    this.#byId.delete(keyId);
    this.#byKey.delete(kept.key);
  }

  /** Ends the life of all keys of that name, or of all. Returns how many there are. */
  expire(name: string | undefined, atMs: number): number {
    const keys = [...this.#byId.values()].filter((kept) => name === undefined || kept.name === name);
    for (const kept of keys) kept.expiresAtMs = atMs;
    return keys.length;
  }

  shown(): readonly ShownKey[] {
    return [...this.#byId.values()].map(({ key: _secret, ...shown }) => shown);
  }

  #keep(kept: KeptKey): void {
    this.#byId.set(kept.keyId, kept);
    this.#byKey.set(kept.key, kept);
  }
}

function newKey(): string {
  return `sfd_${randomBytes(20).toString('hex')}`;
}

function newId(): string {
  return `made-up-${randomBytes(6).toString('hex')}`;
}
