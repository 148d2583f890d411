import type { CreatedApiKey } from '../../../shared/safedep/control-plane-client.ts';
import type { CredentialStore } from '../auth/credential-store.ts';
import { API_KEY_SECRET, openOperatorSecrets } from '../auth/operator-secrets.ts';

/** Where a key is kept: with the sign-in on this machine, or in a deployed stack's secret. Throws `CommandError` where that does not work. */
export interface KeyHolder {
  /** For sentences. */
  readonly place: string;
  /** The id of the key that is kept now. `undefined`: none is. Without `keyId`: one whose id nobody wrote down. */
  read(): Promise<{ readonly keyId?: string } | undefined>;
  put(key: CreatedApiKey, tenantId: string): Promise<void>;
}

export function storedKeyHolder(store: CredentialStore): KeyHolder {
  return {
    place: store.place,
    read: async () => (await store.read())?.apiKey,
    put: async ({ key, keyId, expiresAtMs }, tenantId) => {
      const apiKey = { key, keyId, tenantId, ...(expiresAtMs !== undefined && { expiresAtMs }) };
      await store.update(async (profile) => ({ ...profile, apiKey }));
    },
  };
}

/** Asks AWS at once whether the secret is there: before a key is made that nothing could keep. */
export async function secretKeyHolder(prefix: string | undefined): Promise<KeyHolder> {
  const secrets = openOperatorSecrets(prefix);
  await secrets.requireAll([API_KEY_SECRET]);
  return {
    place: `the secret ${secrets.nameOf(API_KEY_SECRET)}`,
    read: async () => {
      const value = await secrets.read(API_KEY_SECRET);
      return value === undefined ? undefined : keyIdOf(value);
    },
    put: async ({ key, keyId, expiresAtMs }, tenantId) => {
      const expiresAt = expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() };
      await secrets.put(API_KEY_SECRET, { apiKey: key, tenantId, keyId, ...expiresAt });
    },
  };
}

function keyIdOf(secret: string): { readonly keyId?: string } {
  try {
    const { keyId } = JSON.parse(secret) as { keyId?: unknown };
    return typeof keyId === 'string' && keyId !== '' ? { keyId } : {};
  } catch {
    return {}; // a value of another form: about to be replaced by a right one
  }
}
