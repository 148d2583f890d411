import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startDynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import { dynamoLimitStore } from '../../../shared/rate-limit/dynamodb.ts';
import type { Advance, LimitState, LimitStore, LimitWrite } from '../../../shared/rate-limit/store.ts';
import { MemoryLimitTable } from './memory-limit-store.ts';

const NOW = 1_700_000_000_000_000;

interface Engine {
  readonly url: string;
  close(): Promise<void>;
}

/** dynalite as it is: ignores `ReturnValuesOnConditionCheckFailure`, so that every refusal is read again. */
async function startPlainDynalite(): Promise<Engine> {
  const dynalite = createRequire(import.meta.url)('dynalite') as (options: { createTableMs: number }) => Server;
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

describe.each([
  ['an engine that returns no item with a refusal', startPlainDynalite],
  ['an engine that returns the item', () => startDynamoDb([])],
])('the store on %s', (_name, start) => {
  let engine: Engine;
  let client: DynamoDBClient;
  let store: LimitStore;

  beforeAll(async () => {
    engine = await start();
    client = new DynamoDBClient({
      endpoint: engine.url,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
    });
    await client.send(
      new CreateTableCommand({
        TableName: 'rate-limits',
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      }),
    );
    store = dynamoLimitStore(client, 'rate-limits');
    while ((await store.read('ready').catch(() => 'not yet')) === 'not yet');
  });

  afterAll(async () => {
    client.destroy();
    await engine.close();
  });

  const time = fc.integer({ min: 0, max: 20 }).map((step) => NOW + step);
  const advance: fc.Arbitrary<Advance> = fc.oneof(
    fc
      .record({ form: fc.constant('busy' as const), byMicros: fc.integer({ min: 1, max: 5 }), fromMicros: time, reach: fc.nat(20) })
      .map(({ reach, ...busy }) => ({ ...busy, toMicros: busy.fromMicros + reach })),
    fc.record({ form: fc.constant('idle' as const), toMicros: time, belowMicros: time }),
  );
  const version = fc.integer({ min: 1, max: 3 });
  const slowdown = fc.record({ spacingMicros: time, atMicros: time, refusedSpacingMicros: time });
  const state: fc.Arbitrary<LimitState> = fc.record(
    {
      nextSlotMicros: time,
      version,
      stampMicros: time,
      spacingMicros: fc.integer({ min: 1, max: 9 }),
      policySpacingMicros: fc.integer({ min: 1, max: 9 }),
      slowdown,
      longWindows: fc.oneof(fc.constant({}), fc.record({ 60: time }), fc.record({ 60: time, 3600: time })),
    },
    { requiredKeys: ['nextSlotMicros', 'version', 'stampMicros', 'spacingMicros', 'longWindows'] },
  );
  const longWindow = fc.record({ seconds: fc.constantFrom(60, 3600), advance });
  const write: fc.Arbitrary<LimitWrite> = fc.oneof(
    fc.record({ kind: fc.constant('create' as const), state }),
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('book' as const),
        version,
        pace: advance,
        longWindows: fc.uniqueArray(longWindow, { selector: (window) => window.seconds, maxLength: 2 }),
        spacingMicros: fc.integer({ min: 1, max: 9 }),
        stampMicros: time,
      }),
    },
    fc.record(
      { kind: fc.constant('slow-down' as const), version, slowdown, pauseUntilMicros: time, stampMicros: time },
      { requiredKeys: ['kind', 'version', 'slowdown', 'stampMicros'] },
    ),
    fc.record(
      { kind: fc.constant('set-policy' as const), version, policySpacingMicros: fc.integer({ min: 1, max: 9 }) },
      { requiredKeys: ['kind', 'version'] },
    ),
  );

  it('means by its expressions what the model of the item means', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), async (writes) => {
        runs += 1;
        const key = `rl#contract#${runs}#data`;
        const table = new MemoryLimitTable();
        for (const one of writes) {
          expect(await store.write(key, one)).toEqual(table.write(key, one));
          expect(await store.read(key)).toEqual(table.items.get(key));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('lets exactly one of many writers at once have each slot', async () => {
    const key = 'rl#concurrent#1#data';
    await store.write(key, {
      kind: 'create',
      state: { nextSlotMicros: NOW, version: 1, stampMicros: NOW, spacingMicros: 7, longWindows: {} },
    });
    const booking: LimitWrite = {
      kind: 'book',
      version: 1,
      pace: { form: 'busy', byMicros: 7, fromMicros: NOW, toMicros: NOW + 7 * 19 },
      longWindows: [],
      spacingMicros: 7,
      stampMicros: NOW,
    };
    const results = await Promise.all(Array.from({ length: 40 }, () => store.write(key, booking)));
    const starts = results.flatMap((result) => (result.applied && result.before ? [result.before.nextSlotMicros] : []));
    expect(starts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => NOW + 7 * index));
  });

  it('refuses an item that is not a limit, and says which attribute is missing', async () => {
    await client.send(new PutItemCommand({ TableName: 'rate-limits', Item: { pk: { S: 'rl#broken' }, v: { N: '1' } } }));
    await expect(store.read('rl#broken')).rejects.toThrow(/"rl#broken" .* no number "t"/);
  });

  it('refuses an item whose policy is no number, instead of going on without one', async () => {
    const one = { N: '1' };
    const Item = { pk: { S: 'rl#edited' }, t: one, v: one, c: one, e: one, policy: { S: '5000' } };
    await client.send(new PutItemCommand({ TableName: 'rate-limits', Item }));
    await expect(store.read('rl#edited')).rejects.toThrow(/"rl#edited" .* no number "policy"/);
  });

  it('fails where the store does not answer, instead of calling that a refusal', async () => {
    const away = dynamoLimitStore(client, 'no-such-table');
    await expect(away.read('rl#x')).rejects.toThrow();
  });

  it('fails where a write is throttled, instead of calling that a refusal of its condition', async () => {
    const send = vi.spyOn(client, 'send').mockImplementationOnce(() => Promise.reject(new Error('throttled')));
    await expect(store.write('rl#throttled', { kind: 'set-policy', version: 1 })).rejects.toThrow('throttled');
    send.mockRestore();
  });
});
