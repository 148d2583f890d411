import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../../../infra/local/engines/event-bus.ts';
import { Secrets } from '../../../infra/local/engines/secrets.ts';
import { serveSecretsAndBus } from '../../../infra/local/engines/secrets-and-bus.ts';
import {
  CURRENT,
  createSecretVersions,
  PENDING,
  PREVIOUS,
  type SecretVersions,
  successorId,
  versionWith,
} from '../../../shared/aws/secret-versions.ts';

const plan = (name: string, value?: string) => ({
  stackName: 'App',
  logicalId: name,
  name,
  arn: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-abcdef`,
  ...(value === undefined ? {} : { value }),
});
let secrets: SecretVersions;
let close: () => Promise<void>;

/** The SDK's own client, over a socket. */
beforeEach(async () => {
  const server = await serveSecretsAndBus(new Secrets([plan('key', 'one'), plan('empty')]), new EventBus([], [], () => undefined));
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new SecretsManagerClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  secrets = createSecretVersions(client);
  close = async () => {
    client.destroy();
    await server.close();
  };
});
afterEach(() => close());

const current = async () => (await secrets.read('key'))?.versionId ?? '';

describe('versions of a secret', () => {
  it('are read by label and by id, with the time that they were written', async () => {
    const beganAtMs = Date.now();
    const version = await secrets.read('key');
    expect(version).toMatchObject({ value: 'one' });
    expect(version?.createdAtMs).toBeGreaterThanOrEqual(beganAtMs - 5_000);
    expect(await secrets.read('key', { versionId: version?.versionId ?? '' })).toEqual(version);
    expect(await secrets.read('key', { stage: PENDING })).toBeUndefined();
    expect(await secrets.read('key', { versionId: successorId(version?.versionId) })).toBeUndefined();
    expect(await secrets.read('empty')).toBeUndefined();
  });

  it('are written beside the current one first, and then take its place', async () => {
    const from = await current();
    const to = successorId(from);
    expect(await secrets.putPending('key', to, 'two')).toBe('written');
    expect(await secrets.read('key')).toMatchObject({ value: 'one' });
    expect(await secrets.promote('key', to, from)).toBe('current');
    const { stages, changedAtMs, isRotated } = await secrets.describe('key');
    expect([versionWith(stages, CURRENT), versionWith(stages, PREVIOUS)]).toEqual([to, from]);
    expect([typeof changedAtMs, isRotated]).toEqual(['number', false]);
  });

  it('can be written and promoted again with nothing changed', async () => {
    const from = await current();
    const to = successorId(from);
    for (let times = 0; times < 2; times += 1) {
      expect(await secrets.putPending('key', to, 'two')).toBe('written');
      expect(await secrets.promote('key', to, from)).toBe('current');
    }
    expect(await secrets.read('key')).toMatchObject({ versionId: to, value: 'two' });
  });

  it('have one successor: the second writer of it is refused', async () => {
    const to = successorId(await current());
    expect(await Promise.all([secrets.putPending('key', to, 'two'), secrets.putPending('key', to, 'another two')])).toEqual([
      'written',
      'taken',
    ]);
  });

  it('do not take the place of another one than they were made from', async () => {
    const from = await current();
    await secrets.putPending('key', successorId(from), 'two');
    await secrets.putPending('key', 'by-a-person-0123456789-0123456789', 'theirs');
    expect(await secrets.promote('key', 'by-a-person-0123456789-0123456789', from)).toBe('current');
    expect(await secrets.promote('key', successorId(from), from)).toBe('taken');
    expect(await secrets.read('key')).toMatchObject({ value: 'theirs' });
  });

  it('begin with a first one, which is current at once', async () => {
    expect(await secrets.putFirst('empty', successorId(undefined), 'first')).toBe('written');
    expect(await secrets.putFirst('empty', successorId(undefined), 'another')).toBe('taken');
    expect(await secrets.read('empty')).toMatchObject({ value: 'first' });
  });

  it('lose AWSPENDING where a rotation is given up', async () => {
    const to = successorId(await current());
    await secrets.putPending('key', to, 'two');
    await secrets.dropPending('key', to);
    expect(versionWith((await secrets.describe('key')).stages, PENDING)).toBeUndefined();
  });
});

describe('successorId', () => {
  it('is one for each version, in the form that Secrets Manager takes', () => {
    const ids = [undefined, 'a', 'b'].map(successorId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(successorId('a')).toBe(ids[1]);
  });
});
