import { BatchGetItemCommand, BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import { deleteAll, getAll, type Item, putAll, text } from '../../../shared/aws/dynamodb-items.ts';
import { startTables } from '../../simulation/local-tables.ts';

let db: DynamoDb;
let client: DynamoDBClient;
let batchCalls = 0;
/** DynamoDB does so much of a batch call and hands the rest back; everything unless a test says otherwise. */
let doesAtMost = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  db = await startTables();
  client = new DynamoDBClient({
    endpoint: db.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const input = args.input as { RequestItems?: Record<string, { Keys?: Item[] } | unknown[]> };
      const requested = input.RequestItems?.['inventory'];
      if (!requested) return next(args);
      batchCalls += 1;
      const all: unknown[] = Array.isArray(requested) ? requested : (requested.Keys ?? []);
      const [now, later] = [all.slice(0, doesAtMost), all.slice(doesAtMost)];
      const slice = (entries: unknown[]) => ({ inventory: Array.isArray(requested) ? entries : { ...requested, Keys: entries } });
      if (now.length === 0) return { response: {}, output: { UnprocessedItems: slice(later), UnprocessedKeys: slice(later) } as never };
      const answer = await next({ ...args, input: { ...args.input, RequestItems: slice(now) } as typeof args.input });
      if (later.length > 0) Object.assign(answer.output, { UnprocessedItems: slice(later), UnprocessedKeys: slice(later) });
      return answer;
    },
    { step: 'initialize' },
  );
});
afterAll(async () => {
  client.destroy();
  await db.close();
});
beforeEach(() => {
  batchCalls = 0;
  doesAtMost = Number.POSITIVE_INFINITY;
});

const keys = (count: number): Item[] => Array.from({ length: count }, (_, index) => ({ pk: text('p'), sk: text(String(index)) }));
const sortKeys = (items: Item[]) => items.map((item) => Number(item['sk']?.S)).sort((a, b) => a - b);

describe('batch calls', () => {
  it('write, read and delete any number of items, by 25 and by 100', async () => {
    await putAll(client, 'inventory', keys(130));
    expect(batchCalls).toBe(6);
    const found = await getAll(client, 'inventory', keys(140));
    expect(sortKeys(found)).toEqual(Array.from({ length: 130 }, (_, index) => index));
    expect(batchCalls).toBe(8);
    await deleteAll(client, 'inventory', keys(130));
    expect(await getAll(client, 'inventory', keys(130))).toEqual([]);
  });

  it('ask nothing for nothing', async () => {
    await putAll(client, 'inventory', []);
    expect(await getAll(client, 'inventory', [])).toEqual([]);
    expect(batchCalls).toBe(0);
  });

  it('go on with what was left unprocessed, and lose none of it', async () => {
    doesAtMost = 10;
    await putAll(client, 'inventory', keys(25));
    expect(sortKeys(await getAll(client, 'inventory', keys(25)))).toEqual(Array.from({ length: 25 }, (_, index) => index));
    expect(batchCalls).toBe(6);
    await deleteAll(client, 'inventory', keys(25));
    expect(await getAll(client, 'inventory', keys(25))).toEqual([]);
  });

  it('end with an error that counts what is left, instead of an answer that lacks it', { timeout: 30_000 }, async () => {
    doesAtMost = 0;
    const outcomes = await Promise.allSettled([getAll(client, 'inventory', keys(3)), putAll(client, 'inventory', keys(2))]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual([
      'Error: DynamoDB left 3 keys of inventory unread after 8 rounds',
      'Error: DynamoDB left 2 writes to inventory undone after 8 rounds',
    ]);
  });

  it('pass on what the service refuses', async () => {
    await expect(client.send(new BatchGetItemCommand({ RequestItems: {} }))).rejects.toThrow();
    await expect(client.send(new BatchWriteItemCommand({ RequestItems: {} }))).rejects.toThrow();
    await expect(getAll(client, 'inventory', [...keys(1), ...keys(1)])).rejects.toThrow('duplicates');
  });
});
