import { randomBytes } from 'node:crypto';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { CreateApiKeyRequest } from '#safedep-api/safedep/services/controltower/v1/api_key_pb.js';
import type { Access } from './access.ts';

interface KeptKey {
  readonly keyId: string;
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly expiresAtMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** The keys that were made through the API. They open the data plane until they expire or are deleted. */
export class ApiKeys {
  readonly #access: Access;
  readonly #keys = new Map<string, KeptKey>();

  constructor(access: Access) {
    this.#access = access;
  }

  create({ name, description = '', expiryDays }: CreateApiKeyRequest) {
    const kept: KeptKey = {
      keyId: `made-up-${randomBytes(6).toString('hex')}`,
      key: `sfd_${randomBytes(20).toString('hex')}`,
      name,
      description,
      expiresAtMs: Date.now() + expiryDays * DAY_MS,
    };
    this.#keys.set(kept.keyId, kept);
    this.#access.addKey(kept.key, kept.expiresAtMs);
    return { keyId: kept.keyId, key: kept.key, expiresAt: timestampFromMs(kept.expiresAtMs) };
  }

  list() {
    return [...this.#keys.values()].map(({ keyId, name, description, expiresAtMs }) => ({
      keyId,
      name,
      description,
      expiresAt: timestampFromMs(expiresAtMs),
    }));
  }

  delete(keyId: string) {
    const kept = this.#keys.get(keyId);
    if (kept === undefined) throw new ConnectError('api key: record not found', Code.NotFound);
    this.#keys.delete(keyId);
    this.#access.removeKey(kept.key);
    return {};
  }
}
