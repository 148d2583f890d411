import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';

export type Item = Record<string, AttributeValue>;

/** DynamoDB takes 100 keys a BatchGetItem and 25 requests a BatchWriteItem. */
const BATCH_GET_MAX_KEYS = 100;
const BATCH_WRITE_MAX_REQUESTS = 25;
/** Batch calls that go on at once for one caller: enough to hide their latency, few enough not to throttle a new table. */
const BATCHES_AT_ONCE = 8;
/** Rounds for what a batch call left unprocessed; each waits twice as long as the one before, 50 ms first. */
const UNPROCESSED_ROUNDS = 8;

export const number = (value: number): AttributeValue => ({ N: String(value) });
export const text = (value: string): AttributeValue => ({ S: value });

export const numberOf = (item: Item | undefined, name: string): number | undefined => {
  const value = item?.[name]?.N;
  return value === undefined ? undefined : Number(value);
};
export const textOf = (item: Item | undefined, name: string): string | undefined => item?.[name]?.S;

export function isConditionFailure(error: unknown): error is ConditionalCheckFailedException {
  return error instanceof ConditionalCheckFailedException;
}

async function inSlices<T, R>(values: readonly T[], size: number, atOnce: number, run: (slice: readonly T[]) => Promise<R>): Promise<R[]> {
  const slices: T[][] = [];
  for (let start = 0; start < values.length; start += size) slices.push(values.slice(start, start + size));
  const results: R[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < slices.length) {
      const index = next;
      next += 1;
      results[index] = await run(slices[index] ?? []);
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, slices.length) }, work));
  return results;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads items by key, strongly consistent, in no order. Keys that are not there are missing from the answer. */
export async function getAll(client: DynamoDBClient, tableName: string, keys: readonly Item[]): Promise<Item[]> {
  const found = await inSlices(keys, BATCH_GET_MAX_KEYS, BATCHES_AT_ONCE, async (slice) => {
    const items: Item[] = [];
    let open: Item[] = [...slice];
    for (let round = 0; open.length > 0; round += 1) {
      if (round === UNPROCESSED_ROUNDS) throw new Error(`DynamoDB left ${open.length} keys of ${tableName} unread after ${round} rounds`);
      if (round > 0) await wait(50 * 2 ** (round - 1));
      const answer = await client.send(new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: open, ConsistentRead: true } } }));
      items.push(...(answer.Responses?.[tableName] ?? []));
      open = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
    return items;
  });
  return found.flat();
}

async function writeAll(client: DynamoDBClient, tableName: string, requests: readonly WriteRequest[], atOnce: number): Promise<void> {
  await inSlices(requests, BATCH_WRITE_MAX_REQUESTS, atOnce, async (slice) => {
    let open: WriteRequest[] = [...slice];
    for (let round = 0; open.length > 0; round += 1) {
      if (round === UNPROCESSED_ROUNDS) throw new Error(`DynamoDB left ${open.length} writes to ${tableName} undone after ${round} rounds`);
      if (round > 0) await wait(50 * 2 ** (round - 1));
      const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: open } }));
      open = answer.UnprocessedItems?.[tableName] ?? [];
    }
  });
}

/** Puts items without condition: only for rows whose key names their writer, so that nobody else's can be overwritten. */
export function putAll(client: DynamoDBClient, tableName: string, items: readonly Item[], atOnce = BATCHES_AT_ONCE): Promise<void> {
  return writeAll(
    client,
    tableName,
    items.map((Item) => ({ PutRequest: { Item } })),
    atOnce,
  );
}

export function deleteAll(client: DynamoDBClient, tableName: string, keys: readonly Item[]): Promise<void> {
  return writeAll(
    client,
    tableName,
    keys.map((Key) => ({ DeleteRequest: { Key } })),
    BATCHES_AT_ONCE,
  );
}
