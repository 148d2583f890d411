import { GetSecretValueCommand, ResourceNotFoundException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** Five minutes, as AWS's own extension caches; a refusal by the other side refreshes sooner. */
const SECRET_CACHE_MS = 5 * 60_000;

export interface SecretReader {
  /** The current value. Throws `SecretError` when there is none. */
  read(secretId: string): Promise<string>;
  /** The current value and the previous one, while both are valid (a rotation's overlap). Throws `SecretError` when there is no current one. */
  readAll(secretId: string): Promise<readonly string[]>;
  /** Forgets what is cached of this secret: the next read asks again. */
  forget(secretId: string): void;
}

export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** Reads secrets by name or ARN, at most once per five minutes and secret, and only once for callers that come together. */
export function createSecretReader(client: SecretsManagerClient, nowMs: () => number): SecretReader {
  const cache = new Map<string, { readonly value: Promise<string | undefined>; readonly readAtMs: number }>();

  async function fetchStage(secretId: string, stage: string): Promise<string | undefined> {
    try {
      const answer = await client.send(new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }));
      return answer.SecretString;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  }

  async function stage(secretId: string, name: string): Promise<string | undefined> {
    const key = `${secretId}\n${name}`;
    const cached = cache.get(key);
    if (cached && nowMs() - cached.readAtMs < SECRET_CACHE_MS) return cached.value;
    const value = fetchStage(secretId, name);
    cache.set(key, { value, readAtMs: nowMs() });
    // A failed read is no answer to keep, and a missing secret is about to be put.
    value.then(
      (text) => text === undefined && name === 'AWSCURRENT' && cache.delete(key),
      () => cache.delete(key),
    );
    return value;
  }

  async function current(secretId: string): Promise<string> {
    const value = await stage(secretId, 'AWSCURRENT');
    if (!value) throw new SecretError(`the secret ${secretId} has no value; put one with: aws secretsmanager put-secret-value`);
    return value;
  }

  return {
    read: current,
    async readAll(secretId) {
      const value = await current(secretId);
      const previous = await stage(secretId, 'AWSPREVIOUS');
      return previous && previous !== value ? [value, previous] : [value];
    },
    forget(secretId) {
      cache.delete(`${secretId}\nAWSCURRENT`);
      cache.delete(`${secretId}\nAWSPREVIOUS`);
    },
  };
}
