import { RemovalPolicy } from 'aws-cdk-lib';
import { type Attribute, AttributeType, Billing, ProjectionType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { TABLE_SHAPES, type TableName, type TableShape } from '../../../shared/aws/tables.ts';
import { pinLogicalId, toPascalCase } from './logical-id.ts';

type IndexName<N extends TableName> = keyof (typeof TABLE_SHAPES)[N]['indexes'] & string;

/** `dynamodb:` actions on items. None on the table itself: no function makes, changes or describes one. */
export type ItemAction = 'GetItem' | 'BatchGetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'BatchWriteItem';

export const READ = ['GetItem', 'BatchGetItem', 'Query'] as const satisfies readonly ItemAction[];
export const READ_AND_UPDATE = [...READ, 'UpdateItem'] as const;
export const READ_AND_WRITE = [...READ_AND_UPDATE, 'PutItem', 'BatchWriteItem'] as const;

/** One of the tables of `shared/aws/tables.ts`. It outlives its stack: what it holds cannot be made again. */
export class WatchTable<N extends TableName> extends Construct {
  readonly table: TableV2;

  constructor(scope: Construct, id: string, name: N) {
    super(scope, id);
    const shape: TableShape = TABLE_SHAPES[name];
    this.table = new TableV2(this, 'Table', {
      partitionKey: toAttribute(shape.partitionKey),
      ...(shape.sortKey ? { sortKey: toAttribute(shape.sortKey) } : {}),
      globalSecondaryIndexes: Object.entries(shape.indexes).map(([indexName, index]) => ({
        indexName,
        partitionKey: toAttribute(index.partitionKey),
        sortKey: toAttribute(index.sortKey),
        projectionType: ProjectionType.KEYS_ONLY,
      })),
      ...(shape.timeToLiveAttribute ? { timeToLiveAttribute: shape.timeToLiveAttribute } : {}),
      billing: Billing.onDemand(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    pinLogicalId(this.table, `${toPascalCase(name)}Table`);
  }

  /** Lets `grantee` do these on the items, and query the indexes named: an index says who waits, so it is a right of its own. */
  grant(grantee: IGrantable, actions: readonly ItemAction[], indexes: readonly IndexName<N>[] = []): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: actions.map((action) => `dynamodb:${action}`), resources: [this.table.tableArn] }),
    );
    if (indexes.length === 0) return;
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['dynamodb:Query'], resources: indexes.map((index) => `${this.table.tableArn}/index/${index}`) }),
    );
  }
}

function toAttribute({ name, type }: TableShape['partitionKey']): Attribute {
  return { name, type: type === 'N' ? AttributeType.NUMBER : AttributeType.STRING };
}
