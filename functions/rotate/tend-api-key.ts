import { CURRENT, PENDING, type SecretState, type SecretVersion, versionWith } from '../../shared/aws/secret-versions.ts';
import { type ApiKeySecret, CredentialError, noted, parseApiKeySecret } from '../../shared/safedep/credentials.ts';
import { finish, type KeyPorts, whyUnusable } from './rotate-api-key.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;

/** How long a replaced key stays, in milliseconds. Ours: readers learn of the new one within minutes, a day forgives everything. */
export const GRACE_MS = DAY_MS;
/** A rotation that has not moved for this long is stuck, in milliseconds. Ours: Secrets Manager itself tries again for hours. */
export const STUCK_MS = 6 * HOUR_MS;
/**
 * A key with less than this left should have been replaced, in milliseconds. Ours: the schedule leaves thirty days; a key that a person
 * made may be shorter-lived than the schedule is long.
 */
export const OVERDUE_LEFT_MS = 25 * DAY_MS;

export interface ApiKeyStatus {
  /** Absent where nobody wrote down when the key ends. */
  readonly expiresAtMs?: number;
}

/**
 * What a rotation leaves behind, looked at by the schedule: finishes or gives up one that is stuck, asks for one that is overdue, and
 * deletes keys of ours that are no longer used, the former one included, when the grace is over. A key that is not ours, by its name, is
 * never touched. `canAsk`: the service JWT is good.
 */
export async function tendApiKey(ports: KeyPorts, { canAsk }: { readonly canAsk: boolean }): Promise<ApiKeyStatus> {
  const { secrets, apiKeySecretId, nowMs } = ports;
  const state = await secrets.describe(apiKeySecretId);
  const current = await secrets.read(apiKeySecretId);
  const secret = current && parseApiKeySecret(current.value);
  const expiresAtMs = noted(secret?.expiresAt);
  const quietMs = state.changedAtMs === undefined ? 0 : nowMs() - state.changedAtMs;
  const pendingId = pendingOf(state);
  if (pendingId !== undefined) {
    if (quietMs >= STUCK_MS) await repair(pendingId, state, canAsk, ports);
  } else if (canAsk && state.isRotated && expiresAtMs !== undefined && expiresAtMs - nowMs() < OVERDUE_LEFT_MS) {
    await askForRotation('the API key ends soon', ports);
  } else if (canAsk && current && secret && quietMs >= GRACE_MS) {
    await tidy(current, secret, ports);
  }
  return expiresAtMs === undefined ? {} : { expiresAtMs };
}

/** The label stays on a version that was finished: that is no rotation under way. */
function pendingOf({ stages }: SecretState): string | undefined {
  const pendingId = versionWith(stages, PENDING);
  return pendingId === versionWith(stages, CURRENT) ? undefined : pendingId;
}

/** While a version is pending Secrets Manager begins no other rotation. */
async function repair(pendingId: string, state: SecretState, canAsk: boolean, ports: KeyPorts): Promise<void> {
  const { secrets, apiKeySecretId, identity, log } = ports;
  const pending = await secrets.read(apiKeySecretId, { versionId: pendingId });
  const why = pending ? await whyNotFinished(pending, ports) : 'no key was made';
  if (why === undefined) {
    log.warn('a rotation that was stuck is finished: its key works', {});
    await finish(pendingId, versionWith(state.stages, CURRENT), ports);
    return;
  }
  log.warn('a rotation that was stuck is given up', { reason: why });
  await identity.noteTidied(undefined);
  await secrets.dropPending(apiKeySecretId, pendingId);
  if (canAsk && state.isRotated) await askForRotation('the last one was given up', ports);
}

async function whyNotFinished({ value }: SecretVersion, ports: KeyPorts): Promise<string | undefined> {
  try {
    return await whyUnusable(value, ports);
  } catch (error) {
    if (error instanceof CredentialError) return error.message;
    throw error;
  }
}

async function askForRotation(reason: string, { secrets, apiKeySecretId, log }: KeyPorts): Promise<void> {
  log.info('a rotation of the API key is asked for', { reason });
  await secrets.rotate(apiKeySecretId);
}

async function tidy(current: SecretVersion, { keyId: currentKeyId }: ApiKeySecret, ports: KeyPorts): Promise<void> {
  const { identity, keys, names, nowMs, log } = ports;
  if ((await identity.read()).tidiedVersionId === current.versionId) return;
  const listed = await keys.listApiKeys();
  if (listed.kind !== 'answered') {
    log.warn('SafeDep did not list its API keys: unused ones are deleted later', { reason: listed.reason });
    return;
  }
  let left = 0;
  for (const { keyId, name } of listed.response) {
    const madeAtMs = names.madeAtMs(name);
    // Without its id the current key could be any of them.
    if (madeAtMs === undefined || currentKeyId === undefined || keyId === currentKeyId) continue;
    if (nowMs() - madeAtMs < GRACE_MS) {
      left += 1;
      continue;
    }
    const deleted = await keys.deleteApiKey(keyId);
    if (deleted.kind === 'answered' || deleted.code === 'NotFound')
      log.info('an API key of ours that is no longer used was deleted', { keyId });
    else {
      left += 1;
      log.warn('an API key of ours that is no longer used could not be deleted yet', { keyId, reason: deleted.reason });
    }
  }
  if (left === 0) await identity.noteTidied(current.versionId);
}
