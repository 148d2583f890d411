import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { type BusEvent, EventBus, type EventBusOptions } from '../../../../infra/local/engines/event-bus.ts';
import type { RulePlan, SecretPlan, TargetPlan } from '../../../../infra/local/engines/plan.ts';
import { Secrets } from '../../../../infra/local/engines/secrets.ts';
import { serveSecretsAndBus } from '../../../../infra/local/engines/secrets-and-bus.ts';

const secretPlan = (name: string, rest: Partial<SecretPlan> = {}): SecretPlan => ({
  stackName: 'App',
  logicalId: name.toUpperCase(),
  name,
  arn: `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-abcdef`,
  ...rest,
});
const GENERATE = {
  passwordLength: 20,
  excludeCharacters: 'abc',
  excludeLowercase: false,
  excludeUppercase: true,
  excludeNumbers: true,
  excludePunctuation: true,
  includeSpace: false,
};
const rule = (pattern: Record<string, unknown>, arn: string, enabled = true): RulePlan => ({
  stackName: 'App',
  logicalId: 'Rule',
  name: 'rule',
  arn: 'arn:rule',
  eventBusName: 'app',
  pattern,
  enabled,
  targets: [{ arn }],
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(secrets: Secrets, rules: readonly RulePlan[] = [], options: EventBusOptions = {}) {
  const delivered: { target: TargetPlan; event: BusEvent }[] = [];
  const bus = new EventBus(['app'], rules, (target, event) => void delivered.push({ target, event }), options);
  const server = await serveSecretsAndBus(secrets, bus);
  const configuration = {
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  };
  const secretsManager = new SecretsManagerClient(configuration);
  const eventBridge = new EventBridgeClient(configuration);
  closers.push(
    () => secretsManager.destroy(),
    () => eventBridge.destroy(),
    server.close,
  );
  const read = async (SecretId: string, VersionStage?: string): Promise<string | undefined> =>
    (await secretsManager.send(new GetSecretValueCommand({ SecretId, ...(VersionStage ? { VersionStage } : {}) }))).SecretString;
  const put = (...Entries: PutEventsRequestEntry[]) => eventBridge.send(new PutEventsCommand({ Entries }));
  return { secretsManager, read, put, delivered };
}

describe('secrets', () => {
  it('have the value that was given, that the template has or generates, or none', async () => {
    const { read } = await start(
      new Secrets(
        [
          secretPlan('given'),
          secretPlan('fixed', { value: 'v' }),
          secretPlan('made', { generate: { ...GENERATE, template: { json: '{"user":"u"}', key: 'password' } } }),
          secretPlan('none'),
        ],
        { GIVEN: 'from outside' },
      ),
    );
    expect(await read('given')).toBe('from outside');
    expect(await read('fixed')).toBe('v');
    const made = JSON.parse((await read('made')) ?? '');
    expect(made.user).toBe('u');
    expect(made.password).toMatch(/^[d-z]{20}$/);
    await expect(read('none')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(read('unknown')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('are found by name, by ARN and by ARN without its end', async () => {
    const plan = secretPlan('fixed', { value: 'v' });
    const { read } = await start(new Secrets([plan]));
    for (const id of ['fixed', plan.arn, plan.arn.replace(/-abcdef$/, '')]) expect(await read(id)).toBe('v');
  });

  it('move AWSPREVIOUS with AWSCURRENT, and leave AWSPENDING where it is', async () => {
    const { secretsManager, read } = await start(new Secrets([secretPlan('key', { value: 'one' })]));
    const put = await secretsManager.send(
      new PutSecretValueCommand({
        SecretId: 'key',
        SecretString: 'two',
        ClientRequestToken: 'token-'.padEnd(36, '2'),
        VersionStages: ['AWSPENDING'],
      }),
    );
    expect(await read('key')).toBe('one');
    const current = await secretsManager.send(new GetSecretValueCommand({ SecretId: 'key' }));
    const move = {
      SecretId: 'key',
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: put.VersionId,
    };
    await expect(
      secretsManager.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: put.VersionId })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await secretsManager.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: current.VersionId }));
    expect(await read('key')).toBe('two');
    expect(await read('key', 'AWSPREVIOUS')).toBe('one');
    expect(await read('key', 'AWSPENDING')).toBe('two');
    const described = await secretsManager.send(new DescribeSecretCommand({ SecretId: 'key' }));
    expect(described.VersionIdsToStages).toEqual({
      [String(put.VersionId)]: ['AWSPENDING', 'AWSCURRENT'],
      [String(current.VersionId)]: ['AWSPREVIOUS'],
    });
  });

  it('take the same value under the same token twice, and refuse another value under it', async () => {
    const { secretsManager, read } = await start(new Secrets([]));
    await secretsManager.send(new CreateSecretCommand({ Name: 'key', SecretString: 'one' }));
    const again = { SecretId: 'key', SecretString: 'two', ClientRequestToken: 'token-'.padEnd(36, '2') };
    await secretsManager.send(new PutSecretValueCommand(again));
    await secretsManager.send(new PutSecretValueCommand(again));
    await expect(secretsManager.send(new PutSecretValueCommand({ ...again, SecretString: 'three' }))).rejects.toMatchObject({
      name: 'ResourceExistsException',
    });
    expect(await read('key')).toBe('two');
    await expect(secretsManager.send(new CreateSecretCommand({ Name: 'key' }))).rejects.toMatchObject({ name: 'ResourceExistsException' });
  });
});

describe('a rotation', () => {
  const plan = secretPlan('key', { value: 'one' });
  const stagesOf = async (secretsManager: SecretsManagerClient) =>
    Object.values((await secretsManager.send(new DescribeSecretCommand({ SecretId: 'key' }))).VersionIdsToStages ?? {});

  it('begins with a version that has no value, asks its function for the four steps in order, and takes AWSPENDING off at the end', async () => {
    const steps: string[] = [];
    const done = Promise.withResolvers<void>();
    let ask: SecretsManagerClient | undefined;
    const { secretsManager, read } = await start(
      new Secrets(
        [plan],
        {},
        {
          isRotated: (arn) => arn === plan.arn,
          invoke: async (_, { Step, SecretId, ClientRequestToken }) => {
            steps.push(Step);
            if (Step === 'createSecret') {
              await expect(read('key', 'AWSPENDING')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
              const value = { SecretString: 'two', VersionStages: ['AWSPENDING'] };
              await ask?.send(new PutSecretValueCommand({ SecretId, ClientRequestToken, ...value }));
            }
            if (Step !== 'finishSecret') return;
            const { VersionId: RemoveFromVersionId } = (await ask?.send(new GetSecretValueCommand({ SecretId }))) ?? {};
            const move = { VersionStage: 'AWSCURRENT', MoveToVersionId: ClientRequestToken, RemoveFromVersionId };
            await ask?.send(new UpdateSecretVersionStageCommand({ SecretId, ...move }));
            done.resolve();
          },
        },
      ),
    );
    ask = secretsManager;
    await secretsManager.send(new RotateSecretCommand({ SecretId: 'key' }));
    await done.promise;
    expect(steps).toEqual(['createSecret', 'setSecret', 'testSecret', 'finishSecret']);
    expect([await read('key'), await read('key', 'AWSPREVIOUS')]).toEqual(['two', 'one']);
    await expect.poll(async () => (await stagesOf(secretsManager)).flat().sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  });

  it('ends at a step that fails, and refuses another one until the label is taken off', async () => {
    const away = { isRotated: () => true, invoke: async () => Promise.reject(new Error('away')) };
    const { secretsManager, read } = await start(new Secrets([plan], {}, away));
    const rotate = () => secretsManager.send(new RotateSecretCommand({ SecretId: 'key' }));
    const { VersionId = '' } = await rotate();
    await expect(rotate()).rejects.toThrow("A previous rotation isn't complete");
    expect((await stagesOf(secretsManager)).flat()).toContain('AWSPENDING');
    await secretsManager.send(
      new UpdateSecretVersionStageCommand({ SecretId: 'key', VersionStage: 'AWSPENDING', RemoveFromVersionId: VersionId }),
    );
    await rotate();
    expect(await read('key')).toBe('one');
  });

  it('is refused for a secret that nothing rotates', async () => {
    const { secretsManager } = await start(new Secrets([plan]));
    await expect(secretsManager.send(new RotateSecretCommand({ SecretId: 'key' }))).rejects.toMatchObject({
      name: 'InvalidRequestException',
    });
    expect((await secretsManager.send(new DescribeSecretCommand({ SecretId: 'key' }))).RotationEnabled).toBe(false);
  });
});

describe('the event bus', () => {
  const entry = (detail: unknown, rest: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry => ({
    EventBusName: 'app',
    Source: 'probe',
    DetailType: 'finding.opened',
    Detail: JSON.stringify(detail),
    ...rest,
  });

  it('gives an event to the targets of every rule that matches, and of no other', async () => {
    const { put, delivered } = await start(new Secrets([]), [
      rule({ detail: { severity: ['high'] } }, 'arn:one'),
      rule({ source: ['probe'] }, 'arn:two'),
      rule({ source: ['other'] }, 'arn:three'),
      rule({ source: ['probe'] }, 'arn:disabled', false),
    ]);
    const answer = await put(entry({ severity: 'high' }, { Time: new Date('2030-01-30T09:15:00.7Z'), Resources: ['r'] }));
    expect(answer.FailedEntryCount).toBe(0);
    expect(delivered.map(({ target }) => target.arn)).toEqual(['arn:one', 'arn:two']);
    expect(delivered[0]?.event).toEqual({
      version: '0',
      id: answer.Entries?.[0]?.EventId,
      'detail-type': 'finding.opened',
      source: 'probe',
      account: '000000000000',
      time: '2030-01-30T09:15:00Z',
      region: 'us-east-1',
      resources: ['r'],
      detail: { severity: 'high' },
    });
  });

  it('fails a bad entry alone', async () => {
    const { put, delivered } = await start(new Secrets([]), [rule({ source: ['probe'] }, 'arn:one')], {
      failEntry: ({ Detail }) => (String(Detail).includes('unlucky') ? { code: 'InternalFailure', message: 'later' } : undefined),
    });
    const answer = await put(
      entry({ n: 1 }),
      entry(undefined, { Detail: '{broken' }),
      entry(undefined, { Detail: '[1]' }),
      entry({ n: 4 }, { Source: '' }),
      entry({ n: 5 }, { EventBusName: 'gone' }),
      entry({ unlucky: true }),
      entry({ n: 7 }),
    );
    expect(answer.FailedEntryCount).toBe(5);
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'MalformedDetail',
      'InvalidArgument',
      'ResourceNotFoundException',
      'InternalFailure',
      undefined,
    ]);
    expect(delivered.map(({ event }) => event.detail)).toEqual([{ n: 1 }, { n: 7 }]);
  });

  it('refuses more than 10 entries and more than 1 MB, and takes nothing of them', async () => {
    const { put, delivered } = await start(new Secrets([]), [rule({ source: ['probe'] }, 'arn:one')]);
    await expect(put(...Array.from({ length: 11 }, () => entry({})))).rejects.toMatchObject({ name: 'ValidationException' });
    const half = entry({ text: 'x'.repeat(530_000) });
    await expect(put(half, half)).rejects.toMatchObject({ name: 'ValidationException' });
    expect((await put(half)).FailedEntryCount).toBe(0);
    expect(delivered).toHaveLength(1);
  });
});
