import { GetSecretValueCommand, ResourceNotFoundException, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createSecretReader, SecretError } from '../../../shared/aws/secrets.ts';

const secretsManager = mockClient(SecretsManagerClient);
const missing = new ResourceNotFoundException({ message: 'none', $metadata: {} });
const FIVE_MINUTES_MS = 5 * 60_000;
let nowMs = 0;
const reader = () => createSecretReader(new SecretsManagerClient({}), () => nowMs);
const calls = () => secretsManager.commandCalls(GetSecretValueCommand).length;

beforeEach(() => {
  nowMs = 0;
  secretsManager.reset();
  secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' }).resolves({ SecretString: 'new' });
  secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSPREVIOUS' }).resolves({ SecretString: 'old' });
});

describe('a secret reader', () => {
  it('asks once for callers that come together, and again after five minutes', async () => {
    const secrets = reader();
    expect(await Promise.all([secrets.read('s'), secrets.read('s')])).toEqual(['new', 'new']);
    nowMs = FIVE_MINUTES_MS - 1;
    await secrets.read('s');
    expect(calls()).toBe(1);
    nowMs = FIVE_MINUTES_MS;
    await secrets.read('s');
    expect(calls()).toBe(2);
  });

  it('asks at once after it was told to forget, and keeps other secrets', async () => {
    const secrets = reader();
    await secrets.read('s');
    await secrets.read('t');
    secrets.forget('s');
    await secrets.read('s');
    await secrets.read('t');
    expect(calls()).toBe(3);
  });

  it('gives both values during a rotation, and one where there is no other', async () => {
    expect(await reader().readAll('s')).toEqual(['new', 'old']);
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSPREVIOUS' }).resolves({ SecretString: 'new' });
    expect(await reader().readAll('s')).toEqual(['new']);
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSPREVIOUS' }).rejects(missing);
    expect(await reader().readAll('s')).toEqual(['new']);
  });

  it('keeps neither a failed read nor a missing value', async () => {
    const secrets = reader();
    secretsManager
      .on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' })
      .rejectsOnce(new Error('away'))
      .rejectsOnce(missing)
      .resolves({ SecretString: 'put' });
    await expect(secrets.read('s')).rejects.toThrow('away');
    await expect(secrets.read('s')).rejects.toThrow(SecretError);
    expect(await secrets.read('s')).toBe('put');
  });

  it('tells versions apart', async () => {
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' }).resolves({ SecretString: 'new', VersionId: 'v2' });
    expect(await reader().readVersion('s')).toEqual({ value: 'new', versionId: 'v2' });
  });

  it('goes on with a known value while Secrets Manager is away, and asks again after half a minute', async () => {
    const secrets = reader();
    await secrets.read('s');
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' }).rejects(new Error('away'));
    nowMs = FIVE_MINUTES_MS;
    expect(await secrets.read('s')).toBe('new');
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' }).resolves({ SecretString: 'newer' });
    nowMs += 29_999;
    expect(await secrets.read('s')).toBe('new');
    nowMs += 1;
    expect(await secrets.read('s')).toBe('newer');
  });

  it('does not go on with a value that was to be forgotten', async () => {
    const secrets = reader();
    await secrets.read('s');
    secretsManager.on(GetSecretValueCommand, { VersionStage: 'AWSCURRENT' }).rejects(new Error('away'));
    secrets.forget('s');
    await expect(secrets.read('s')).rejects.toThrow('away');
  });

  it('refuses a secret without a value, by its name and with what to do', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString: '' });
    await expect(reader().read('safedep/api-key')).rejects.toThrow(
      'the secret safedep/api-key has no value; put one with: aws secretsmanager',
    );
  });
});
