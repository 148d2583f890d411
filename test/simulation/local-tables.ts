import { type DynamoDb, type DynamoDbOptions, startDynamoDb } from '../../infra/local/engines/dynamodb.ts';
import type { TablePlan } from '../../infra/local/engines/plan.ts';
import { TABLE_SHAPES, type TableName, type TableShape } from '../../shared/aws/tables.ts';

function toPlan(name: TableName): TablePlan {
  const shape: TableShape = TABLE_SHAPES[name];
  const keys = (key: Pick<TableShape, 'partitionKey' | 'sortKey'>) => [
    { AttributeName: key.partitionKey.name, KeyType: 'HASH' as const },
    ...(key.sortKey ? [{ AttributeName: key.sortKey.name, KeyType: 'RANGE' as const }] : []),
  ];
  const indexes = Object.entries(shape.indexes);
  const attributes = [shape, ...indexes.map(([, index]) => index)].flatMap(({ partitionKey, sortKey }) =>
    sortKey ? [partitionKey, sortKey] : [partitionKey],
  );
  const types = new Map(attributes.map(({ name: attribute, type }) => [attribute, type]));
  return {
    stackName: 'test',
    logicalId: name,
    name,
    arn: `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`,
    keySchema: keys(shape),
    attributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    globalSecondaryIndexes: indexes.map(([IndexName, index]) => ({
      IndexName,
      KeySchema: keys(index),
      Projection: { ProjectionType: 'KEYS_ONLY' },
    })),
    localSecondaryIndexes: [],
    ...(shape.timeToLiveAttribute ? { timeToLiveAttribute: shape.timeToLiveAttribute } : {}),
  };
}

/** All tables of the product, empty, on an engine of its own. */
export function startTables(options: DynamoDbOptions = {}): Promise<DynamoDb> {
  return startDynamoDb((Object.keys(TABLE_SHAPES) as TableName[]).map(toPlan), options);
}
