import { type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { isConditionFailure, number, text } from '../aws/dynamodb-items.ts';
import { type RefId, refKey } from '../model/repository.ts';

export interface ReportCursorStore {
  /**
   * Moves the cursor on a scan row from what it was read as (`undefined`: there was none) to another one. Refused when somebody else has moved it
   * meanwhile, or the row is gone: two invocations never send the same scan.
   */
  move(scan: { readonly ref: RefId; readonly generation: number }, before: string | undefined, after: string): Promise<'moved' | 'refused'>;
}

export function createReportCursorStore(client: DynamoDBClient, scansTableName: string): ReportCursorStore {
  return {
    async move({ ref, generation }, before, after) {
      const isUnmoved = before === undefined ? 'attribute_not_exists(reportCursor)' : 'reportCursor = :before';
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: scansTableName,
            Key: { ref: text(refKey(ref)), generation: number(generation) },
            UpdateExpression: 'SET reportCursor = :after',
            ConditionExpression: `attribute_exists(generation) AND ${isUnmoved}`,
            ExpressionAttributeValues: { ':after': text(after), ...(before === undefined ? {} : { ':before': text(before) }) },
          }),
        );
        return 'moved';
      } catch (error) {
        if (isConditionFailure(error)) return 'refused';
        throw error;
      }
    },
  };
}
