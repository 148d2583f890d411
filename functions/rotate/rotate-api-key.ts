import type { IdentityStore } from '../../shared/aws/identity-store.ts';
import type { LogFields } from '../../shared/aws/log.ts';
import { CURRENT, PENDING, type SecretVersions, versionWith } from '../../shared/aws/secret-versions.ts';
import type { CallFailure, CallResult, Credential } from '../../shared/safedep/calls.ts';
import type { ApiKey, CreatedApiKey } from '../../shared/safedep/control-plane-client.ts';
import { type ApiKeySecret, parseApiKeySecret } from '../../shared/safedep/credentials.ts';
import type { KeyNames } from './key-name.ts';

/** How long a new key lives, in days: no key is older than this. The template replaces it after two thirds of that. */
const KEY_EXPIRY_DAYS = 90;
/** A new key that is refused may only not have arrived everywhere: it is tried so often, so far apart. Ours. */
const TRIES = 4;
const BETWEEN_TRIES_MS = 1_000;

/** Secrets Manager's own names for the steps of a rotation, in its order. */
export const ROTATION_STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

/** SafeDep's side of it: the control plane with the service JWT, and the data plane with a key that is on trial. */
export interface KeyService {
  /** The tenant that the service's user signed in for. `undefined`: nobody is signed in. */
  tenantId(): Promise<string | undefined>;
  createApiKey(key: {
    readonly name: string;
    readonly description: string;
    readonly expiryDays: number;
  }): Promise<CallResult<CreatedApiKey>>;
  listApiKeys(): Promise<CallResult<readonly ApiKey[]>>;
  deleteApiKey(keyId: string): Promise<CallResult<void>>;
  /** `undefined`: the data plane takes it. */
  tryOut(credential: Credential): Promise<CallFailure | undefined>;
}

export interface KeyPorts {
  readonly secrets: SecretVersions;
  readonly apiKeySecretId: string;
  readonly identity: Pick<IdentityStore, 'read' | 'noteTidied'>;
  readonly keys: KeyService;
  readonly names: KeyNames;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
  readonly log: { info(message: string, fields?: LogFields): void; warn(message: string, fields?: LogFields): void };
}

/** A step that cannot be done now, as a sentence for the operator. Secrets Manager tries again; the key in use stays. */
export class RotationError extends Error {
  override readonly name = 'RotationError';
}

/**
 * One step of Secrets Manager's rotation of the API key: makes a key into the pending version, tries it on the data plane, makes it the
 * current one. Each step can be repeated, and killed anywhere. The old key is good for its whole life: nothing here ends it.
 */
export async function rotateApiKey(step: RotationStep, versionId: string, ports: KeyPorts): Promise<void> {
  const { secrets, apiKeySecretId } = ports;
  const { stages } = await secrets.describe(apiKeySecretId);
  const labels = stages.get(versionId);
  if (labels?.includes(CURRENT)) return;
  if (!labels?.includes(PENDING)) {
    throw new RotationError(`the version ${versionId} of ${apiKeySecretId} is not the one that is being rotated in: nothing was changed`);
  }
  switch (step) {
    case 'createSecret':
      return createPending(versionId, ports);
    case 'setSecret':
      // SafeDep made the key, so it knows it already.
      return;
    case 'testSecret':
      return testPending(versionId, ports);
    case 'finishSecret':
      return finish(versionId, versionWith(stages, CURRENT), ports);
  }
}

async function createPending(versionId: string, { secrets, apiKeySecretId, identity, keys, names, nowMs, log }: KeyPorts): Promise<void> {
  if (await secrets.read(apiKeySecretId, { versionId })) return;
  const tenantId = await keys.tenantId();
  if (tenantId === undefined) {
    throw new RotationError('no robot user is signed in, who could make an API key: npm run cli -- auth login --service');
  }
  const current = await secrets.read(apiKeySecretId);
  const currentTenantId = current && parseApiKeySecret(current.value).tenantId;
  if (currentTenantId !== undefined && currentTenantId !== tenantId) {
    throw new RotationError(
      `the API key is of the tenant ${currentTenantId} and the robot user of ${tenantId}: sign in for the key's tenant (auth login --service --tenant), or put a key of the other one`,
    );
  }
  // A key whose secret is lost with this run has to be found again.
  await identity.noteTidied(undefined);
  const madeAtMs = nowMs();
  const created = await keys.createApiKey({
    name: names.nameAt(madeAtMs),
    description: 'Made and replaced by safedep-watch, which deletes it when it is no longer used',
    expiryDays: KEY_EXPIRY_DAYS,
  });
  if (created.kind !== 'answered') throw new RotationError(`SafeDep made no API key: ${created.reason}`);
  const { key, keyId, expiresAtMs } = created.response;
  const secret: ApiKeySecret = {
    apiKey: key,
    tenantId,
    keyId,
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
  };
  if ((await secrets.putPending(apiKeySecretId, versionId, JSON.stringify(secret))) === 'taken') {
    log.warn('another run of the same rotation was faster: its key is used, this one is deleted later', { keyId });
  }
}

async function testPending(versionId: string, ports: KeyPorts): Promise<void> {
  const version = await ports.secrets.read(ports.apiKeySecretId, { versionId });
  if (version === undefined) {
    // Secrets Manager tests a new schedule with this step alone, also while nobody has put a key yet.
    ports.log.warn('there is no API key to test yet', { secretId: ports.apiKeySecretId });
    return;
  }
  const failure = await whyUnusable(version.value, ports);
  if (failure) throw new RotationError(`the new API key does not work, and the old one stays in use: ${failure}`);
}

/** Why a key does not work; `undefined`: it does. Throws `CredentialError` where the value is no key. */
export async function whyUnusable(value: string, { keys, sleep }: Pick<KeyPorts, 'keys' | 'sleep'>): Promise<string | undefined> {
  const { apiKey, tenantId } = parseApiKeySecret(value);
  for (let tries = 1; ; tries += 1) {
    const failure = await keys.tryOut({ authorization: apiKey, tenantId });
    if (failure === undefined) return undefined;
    if (tries === TRIES) return failure.reason;
    await sleep(BETWEEN_TRIES_MS);
  }
}

export async function finish(versionId: string, currentId: string | undefined, { secrets, apiKeySecretId, log }: KeyPorts): Promise<void> {
  const version = await secrets.read(apiKeySecretId, { versionId });
  if (version === undefined) throw new RotationError('the version that is being rotated in has no key: nothing was changed');
  const { keyId, expiresAt } = parseApiKeySecret(version.value);
  if ((await secrets.promote(apiKeySecretId, versionId, currentId)) === 'taken') {
    throw new RotationError('another API key became the current one meanwhile: nothing was changed');
  }
  log.info('the API key was replaced', { keyId, expiresAt });
}
