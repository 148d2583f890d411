import { createHash } from 'node:crypto';

/** Whose requests are counted together. */
export interface LimitScope {
  readonly tenant: string;
  /** Digest of the credential, see `digestCredential`; `keyless` where there is none. */
  readonly keyId: string;
  readonly plane: 'data' | 'control' | 'community';
}

/** The item's key, `rl#TENANT#KEY#PLANE`; a `#` in a part is escaped, so that two scopes never share a key. */
export function limitKey({ tenant, keyId, plane }: LimitScope): string {
  return `rl#${encodeURIComponent(tenant)}#${encodeURIComponent(keyId)}#${plane}`;
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
