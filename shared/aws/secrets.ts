import { GetSecretValueCommand, ResourceNotFoundException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** Five minutes, as AWS's own extension caches; a refusal by the other side refreshes sooner. */
const SECRET_CACHE_MS = 5 * 60_000;
/** While Secrets Manager does not answer, a known value is used on, and asked for again after this. Ours. */
const STALE_RETRY_MS = 30_000;

export interface SecretReader {
  /** The current value. Throws `SecretError` when there is none. */
  read(secretId: string): Promise<string>;
  /** The same with its version's id, which tells a replaced value from one that was only read again. */
  readVersion(secretId: string): Promise<ReadSecret>;
  /** The current value and the previous one, while both are valid (a rotation's overlap). Throws `SecretError` when there is no current one. */
  readAll(secretId: string): Promise<readonly string[]>;
  /** Forgets what is cached of this secret: the next read asks again. */
  forget(secretId: string): void;
}

export interface ReadSecret {
  readonly versionId: string;
  readonly value: string;
}

export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/**
 * Reads secrets by name or ARN, at most once per five minutes and secret, and only once for callers that come together. A known value
 * outlasts an outage of Secrets Manager, unless it was to be forgotten: who asked for that was refused with it.
 */
export function createSecretReader(client: SecretsManagerClient, nowMs: () => number): SecretReader {
  const cache = new Map<string, { readonly value: Promise<ReadSecret | undefined>; readonly goodUntilMs: number }>();

  async function fetchStage(secretId: string, stage: string): Promise<ReadSecret | undefined> {
    try {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }));
      return answer.SecretString ? { versionId: answer.VersionId ?? '', value: answer.SecretString } : undefined;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  async function stage(secretId: string, name: string): Promise<ReadSecret | undefined> {
    const key = `${secretId}\n${name}`;
    const cached = cache.get(key);
    if (cached && nowMs() < cached.goodUntilMs) return cached.value;
    const value = fetchStage(secretId, name).catch((error: unknown) => {
      if (!cached) throw error;
      if (cache.get(key)?.value === value) cache.set(key, { value: cached.value, goodUntilMs: nowMs() + STALE_RETRY_MS });
      return cached.value;
    });
    cache.set(key, { value, goodUntilMs: nowMs() + SECRET_CACHE_MS });
    const drop = () => void (cache.get(key)?.value === value && cache.delete(key));
    // A failed read is no answer to keep, and a missing secret is about to be put.
    value.then((found) => void (found === undefined && name === 'AWSCURRENT' && drop()), drop);
    return value;
  }

  async function current(secretId: string): Promise<ReadSecret> {
    const found = await stage(secretId, 'AWSCURRENT');
    if (!found) throw new SecretError(`the secret ${secretId} has no value; put one with: aws secretsmanager put-secret-value`);
    return found;
  }

  return {
    read: async (secretId) => (await current(secretId)).value,
    readVersion: current,
    async readAll(secretId) {
      const { value } = await current(secretId);
      const previous = await stage(secretId, 'AWSPREVIOUS');
      return previous && previous.value !== value ? [value, previous.value] : [value];
    },
    forget(secretId) {
      cache.delete(`${secretId}\nAWSCURRENT`);
      cache.delete(`${secretId}\nAWSPREVIOUS`);
    },
  };
}
