import { createHash } from 'node:crypto';

/** Whose requests are counted together. */
export interface LimitScope {
  readonly tenant: string;
  /** Digest of the credential, see `digestCredential`; `keyless` where there is none. */
  readonly keyId: string;
  readonly plane: (typeof PLANES)[number];
}

export const PLANES = ['data', 'control', 'community'] as const;

/** What every limit's key begins with. */
export const KEY_PREFIX = 'rl#';

/** The item's key, `rl#TENANT#KEY#PLANE`; a `#` in a part is escaped, so that two scopes never share a key. */
export function limitKey({ tenant, keyId, plane }: LimitScope): string {
  return `${KEY_PREFIX}${encodeURIComponent(tenant)}#${encodeURIComponent(keyId)}#${plane}`;
}

/** The scope that a key names, or `undefined` where it is no key of a limit. */
export function parseLimitKey(key: string): LimitScope | undefined {
  const [, tenant, keyId, name] = /^rl#([^#]+)#([^#]+)#([^#]+)$/.exec(key) ?? [];
  const plane = PLANES.find((candidate) => candidate === name);
  if (tenant === undefined || keyId === undefined || plane === undefined) return undefined;
  try {
    return { tenant: decodeURIComponent(tenant), keyId: decodeURIComponent(keyId), plane };
  } catch {
    return undefined; // not what encodeURIComponent writes
  }
}

/** Names a credential without giving it away: 16 hex digits of its SHA-256. */
export function digestCredential(credential: string): string {
  return createHash('sha256').update(credential).digest('hex').slice(0, 16);
}

/** The limit of SafeDep's look-ups: each API key has its own, all look-ups without one share another. */
export function lookupLimitKey(tenant: string, credential: string | undefined): string {
  return credential === undefined
    ? limitKey({ tenant, keyId: 'keyless', plane: 'community' })
    : limitKey({ tenant, keyId: digestCredential(credential), plane: 'data' });
}
