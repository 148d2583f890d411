import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startDynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import { createIdentityStore, type IdentityStore } from '../../../shared/aws/identity-store.ts';
import { TABLE_SHAPES } from '../../../shared/aws/tables.ts';
import { identityInMemory } from '../../functions/rotate/rotate-world.ts';

let client: DynamoDBClient;
let close: () => Promise<void>;
let tables = 0;

beforeAll(async () => {
  const server = await startDynamoDb([]);
  client = new DynamoDBClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  close = async () => {
    client.destroy();
    await server.close();
  };
});
afterAll(() => close());

async function onDynamoDb(): Promise<IdentityStore> {
  tables += 1;
  const { name: AttributeName, type: AttributeType } = TABLE_SHAPES.identity.partitionKey;
  await client.send(
    new CreateTableCommand({
      TableName: `identity-${tables}`,
      KeySchema: [{ AttributeName, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName, AttributeType }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  // The engine answers before the table can be used.
  await waitUntilTableExists({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 10 }, { TableName: `identity-${tables}` });
  return createIdentityStore(client, `identity-${tables}`);
}

describe.each([
  ['on DynamoDB', onDynamoDb],
  ['in memory, as other tests have it', async () => identityInMemory()],
])('the claim on the sign-in, %s', (_, make) => {
  let store: IdentityStore;
  beforeEach(async () => {
    store = await make();
  });

  it('is one writer’s at a time, of many who ask at once', async () => {
    const claims = await Promise.all(Array.from({ length: 10 }, () => store.claim(1_000, 2_000)));
    expect(claims.filter((claim) => claim !== undefined)).toEqual([{ fence: 1, untilMs: 2_000 }]);
  });

  it('ends by itself, and the next one’s fence is higher', async () => {
    await store.claim(1_000, 2_000);
    expect(await store.claim(1_999, 3_000)).toBeUndefined();
    expect(await store.claim(2_000, 3_000)).toEqual({ fence: 2, untilMs: 3_000 });
  });

  it('can be given back early, by its holder only', async () => {
    const first = (await store.claim(1_000, 2_000)) ?? expect.fail();
    const second = (await store.claim(2_000, 3_000)) ?? expect.fail();
    await store.release(first);
    expect(await store.claim(2_500, 4_000)).toBeUndefined();
    await store.release(second);
    expect(await store.claim(2_500, 4_000)).toMatchObject({ fence: 3 });
  });

  it('can be held for longer, while it is still held', async () => {
    const first = (await store.claim(1_000, 2_000)) ?? expect.fail();
    const longer = (await store.extend(first, 1_500, 5_000)) ?? expect.fail();
    expect(longer).toEqual({ fence: 1, untilMs: 5_000 });
    expect(await store.claim(3_000, 6_000)).toBeUndefined();
    expect(await store.extend(longer, 5_000, 9_000)).toBeUndefined();
    await store.claim(5_000, 6_000);
    expect(await store.extend(longer, 5_500, 9_000)).toBeUndefined();
  });

  it('stands beside the notes, which it leaves alone', async () => {
    expect(await store.read()).toEqual({});
    await store.noteRejected('v1', 1_000);
    await store.noteTidied('v7');
    await store.claim(1_000, 2_000);
    expect(await store.read()).toEqual({ rejected: { versionId: 'v1', atMs: 1_000 }, tidiedVersionId: 'v7' });
    await store.noteTidied(undefined);
    expect(await store.read()).toEqual({ rejected: { versionId: 'v1', atMs: 1_000 } });
  });
});
