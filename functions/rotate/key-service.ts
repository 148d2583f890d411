import type { SecretVersions } from '../../shared/aws/secret-versions.ts';
import type { CallFailure, CredentialSource } from '../../shared/safedep/calls.ts';
import { createControlPlaneClient } from '../../shared/safedep/control-plane-client.ts';
import { parseServiceJwtSecret, serviceJwtCredential } from '../../shared/safedep/credentials.ts';
import { ping } from '../../shared/safedep/ping-client.ts';
import type { TransportKind } from '../../shared/safedep/transport.ts';
import type { KeyService } from './rotate-api-key.ts';
import { NoPermitError } from './take-permit.ts';

/** For one call of a run that nobody waits for, in milliseconds: as SafeDep's own tools have it. */
const CALL_DEADLINE_MS = 10_000;

export interface KeyServiceOptions {
  readonly secrets: Pick<SecretVersions, 'read'>;
  readonly serviceJwtSecretId: string;
  readonly controlPlaneUrl: string;
  readonly dataPlaneUrl: string;
  readonly transport: TransportKind;
  /** Awaited before each call to that plane; where it rejects with `NoPermitError` the call has failed for now. */
  takePermit(plane: 'control' | 'data', authorization: string): Promise<void>;
  readonly onFallback: (sentence: string) => void;
}

/** SafeDep's API keys, asked with the service JWT as it is now. `close` ends the connection. */
export function openKeyService(options: KeyServiceOptions): KeyService & { close(): void } {
  const { secrets, serviceJwtSecretId, controlPlaneUrl, dataPlaneUrl, transport, takePermit, onFallback } = options;
  const credential: CredentialSource = async () => serviceJwtCredential(await readJwt());
  const client = createControlPlaneClient({
    baseUrl: controlPlaneUrl,
    transport,
    credential,
    onFallback,
    deadlineMs: CALL_DEADLINE_MS,
    takePermit: async () => takePermit('control', ''),
  });

  async function readJwt(): Promise<string> {
    const version = await secrets.read(serviceJwtSecretId);
    if (version === undefined) throw new Error('there is no service JWT: npm run cli -- auth login --service');
    return version.value;
  }

  return {
    tenantId: async () => {
      const version = await secrets.read(serviceJwtSecretId);
      return version && parseServiceJwtSecret(version.value).tenantId;
    },
    createApiKey: (key) => permitted(() => client.createApiKey(key)),
    listApiKeys: () => permitted(() => client.listApiKeys()),
    deleteApiKey: (keyId) => permitted(() => client.deleteApiKey(keyId)),
    tryOut: (candidate) =>
      permitted(async () => {
        await takePermit('data', candidate.authorization);
        return ping({ baseUrl: dataPlaneUrl, transport, credential: async () => candidate, deadlineMs: CALL_DEADLINE_MS });
      }),
    close: () => client.close(),
  };
}

/** A call that the limit did not let through has not been made. */
async function permitted<R>(call: () => Promise<R>): Promise<R | CallFailure> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof NoPermitError) return { kind: 'throttled', code: 'ResourceExhausted', reason: error.message };
    throw error;
  }
}
