import { connect } from 'node:net';
import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it } from 'vitest';
import { type DynamoDbOptions, type StoredWrite, startDynamoDb } from '../../../../infra/local/engines/dynamodb.ts';
import { AwsError } from '../../../../infra/local/engines/loopback-server.ts';
import type { TablePlan } from '../../../../infra/local/engines/plan.ts';

const TABLE: TablePlan = {
  stackName: 'App',
  logicalId: 'Scans',
  name: 'scans',
  arn: 'arn:aws:dynamodb:us-east-1:000000000000:table/scans',
  keySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  attributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'N' },
    { AttributeName: 'dueShard', AttributeType: 'S' },
  ],
  globalSecondaryIndexes: [
    { IndexName: 'due', KeySchema: [{ AttributeName: 'dueShard', KeyType: 'HASH' }], Projection: { ProjectionType: 'KEYS_ONLY' } },
  ],
  localSecondaryIndexes: [],
  timeToLiveAttribute: 'expiresAtSeconds',
};
const KEY = { pk: { S: 'a' }, sk: { N: '1' } };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: DynamoDbOptions = {}) {
  const server = await startDynamoDb([TABLE], options);
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  closers.push(() => client.destroy(), server.close);
  return { client, url: server.url };
}

describe('startDynamoDb', () => {
  it('gives the old item with a failed condition', async () => {
    const { client } = await start();
    await client.send(new PutItemCommand({ TableName: 'scans', Item: { ...KEY, owner: { S: 'first' } } }));
    for (const command of [
      new PutItemCommand({
        TableName: 'scans',
        Item: KEY,
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
      new UpdateItemCommand({
        TableName: 'scans',
        Key: KEY,
        UpdateExpression: 'SET #o = :o',
        ConditionExpression: '#o = :o',
        ExpressionAttributeNames: { '#o': 'owner' },
        ExpressionAttributeValues: { ':o': { S: 'second' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    ]) {
      const error = await client.send(command as PutItemCommand).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(ConditionalCheckFailedException);
      expect((error as ConditionalCheckFailedException).Item).toEqual({ ...KEY, owner: { S: 'first' } });
    }
  });

  it('has the indexes and the time to live of the plan', async () => {
    const { client } = await start();
    await client.send(new PutItemCommand({ TableName: 'scans', Item: { ...KEY, dueShard: { S: '3' }, more: { S: 'x' } } }));
    const found = await client.send(
      new QueryCommand({
        TableName: 'scans',
        IndexName: 'due',
        KeyConditionExpression: 'dueShard = :s',
        ExpressionAttributeValues: { ':s': { S: '3' } },
      }),
    );
    expect(found.Items).toEqual([{ ...KEY, dueShard: { S: '3' } }]);
    const described = await client.send(new DescribeTimeToLiveCommand({ TableName: 'scans' }));
    expect(described.TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAtSeconds' });
    const TimeToLiveSpecification = { Enabled: false, AttributeName: 'expiresAtSeconds' };
    await client.send(new UpdateTimeToLiveCommand({ TableName: 'scans', TimeToLiveSpecification }));
    expect((await client.send(new DescribeTimeToLiveCommand({ TableName: 'scans' }))).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: 'DISABLED',
    });
  });

  it('throttles what the fault hook says, and nothing is written', async () => {
    const asked: string[] = [];
    const { client } = await start({
      fault: (operation, table) => {
        asked.push(`${operation} ${table}`);
        return operation === 'PutItem' ? new AwsError('ProvisionedThroughputExceededException', 'slow down') : undefined;
      },
    });
    await expect(client.send(new PutItemCommand({ TableName: 'scans', Item: KEY }))).rejects.toBeInstanceOf(
      ProvisionedThroughputExceededException,
    );
    expect((await client.send(new GetItemCommand({ TableName: 'scans', Key: KEY }))).Item).toBeUndefined();
    expect(asked.slice(-2)).toEqual(['PutItem scans', 'GetItem scans']);
  });

  it('tells of every write once it is stored, and of nothing else', async () => {
    const writes: StoredWrite[] = [];
    const { client } = await start({
      onWrite: (write) => {
        writes.push(write);
        return undefined;
      },
    });
    await client.send(new PutItemCommand({ TableName: 'scans', Item: { ...KEY, more: { S: 'x' } } }));
    await client.send(new GetItemCommand({ TableName: 'scans', Key: KEY }));
    await expect(
      client.send(new PutItemCommand({ TableName: 'scans', Item: KEY, ConditionExpression: 'attribute_not_exists(pk)' })),
    ).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    const other = { pk: { S: 'b' }, sk: { N: '2' } };
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { scans: [{ PutRequest: { Item: other } }, { DeleteRequest: { Key: KEY } }] } }),
    );
    expect(writes).toEqual([
      { operation: 'PutItem', items: [{ table: 'scans', key: KEY }] },
      {
        operation: 'BatchWriteItem',
        items: [
          { table: 'scans', key: other },
          { table: 'scans', key: KEY },
        ],
      },
    ]);
  });

  it('keeps a write whose answer was dropped', async () => {
    let isDropped = false;
    const { client } = await start({ onWrite: () => (isDropped ? 'drop' : undefined) });
    isDropped = true;
    await expect(client.send(new PutItemCommand({ TableName: 'scans', Item: KEY }))).rejects.toThrow();
    expect((await client.send(new GetItemCommand({ TableName: 'scans', Key: KEY }))).Item).toEqual(KEY);
  });

  it('outlives a caller that dies in the middle of its request', async () => {
    const { client, url } = await start();
    const { hostname, port } = new URL(url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: DynamoDB_20120810.PutItem\r\ncontent-length: 400000\r\n\r\n{"Table',
          () => {
            socket.destroy();
          },
        );
      });
      socket.on('close', () => resolve());
    });
    await client.send(new PutItemCommand({ TableName: 'scans', Item: KEY }));
    expect((await client.send(new GetItemCommand({ TableName: 'scans', Key: KEY }))).Item).toEqual(KEY);
  });
});
