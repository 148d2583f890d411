import { type AttributeValue, type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { type Item, isConditionFailure, number, numberOf, text, textOf } from './dynamodb-items.ts';

/** What `rotate` remembers from run to run. */
interface IdentityNotes {
  /** The version of the refresh token's secret that the provider rejected last, and when, epoch milliseconds. */
  readonly rejected?: { readonly versionId: string; readonly atMs: number };
  /** The version of the API key's secret since which all other keys of ours are gone. */
  readonly tidiedVersionId?: string;
}

/** The right to refresh, which nobody else has until `untilMs`. */
export interface Claim {
  /** Grows with every claim. */
  readonly fence: number;
  readonly untilMs: number;
}

/**
 * One claim on the sign-in at a time, and notes. A claim ends by itself, so that a killed holder keeps nobody out for long; its holder
 * must have ended by then.
 */
export interface IdentityStore {
  read(): Promise<IdentityNotes>;
  /** `undefined`: somebody else has it. */
  claim(nowMs: number, untilMs: number): Promise<Claim | undefined>;
  /** The same claim for longer; `undefined`: it was lost. */
  extend(claim: Claim, nowMs: number, untilMs: number): Promise<Claim | undefined>;
  /** Gives it back early. One that was lost is nobody's to give back. */
  release(claim: Claim): Promise<void>;
  noteRejected(versionId: string, atMs: number): Promise<void>;
  /** `undefined` forgets it. */
  noteTidied(versionId: string | undefined): Promise<void>;
}

const KEY = { pk: text('sign-in') };

/** The table `identity`: item `sign-in` with `fence`, `claimedUntilMs`, `rejectedVersionId`, `rejectedAtMs`, `tidiedVersionId`. */
export function createIdentityStore(client: DynamoDBClient, tableName: string): IdentityStore {
  async function update(expression: string, values: Record<string, AttributeValue>, condition?: string): Promise<Item | undefined> {
    try {
      const { Attributes } = await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: KEY,
          UpdateExpression: expression,
          ...(condition === undefined ? {} : { ConditionExpression: condition }),
          ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes ?? {};
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }

  return {
    async read() {
      const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: KEY, ConsistentRead: true }));
      const [versionId, atMs, tidiedVersionId] = [
        textOf(Item, 'rejectedVersionId'),
        numberOf(Item, 'rejectedAtMs'),
        textOf(Item, 'tidiedVersionId'),
      ];
      return {
        ...(versionId === undefined || atMs === undefined ? {} : { rejected: { versionId, atMs } }),
        ...(tidiedVersionId === undefined ? {} : { tidiedVersionId }),
      };
    },
    async claim(nowMs, untilMs) {
      const item = await update(
        'ADD fence :one SET claimedUntilMs = :until',
        { ':one': number(1), ':until': number(untilMs), ':now': number(nowMs) },
        'attribute_not_exists(claimedUntilMs) OR claimedUntilMs <= :now',
      );
      const fence = numberOf(item, 'fence');
      return fence === undefined ? undefined : { fence, untilMs };
    },
    async extend({ fence }, nowMs, untilMs) {
      const item = await update(
        'SET claimedUntilMs = :until',
        { ':fence': number(fence), ':until': number(untilMs), ':now': number(nowMs) },
        'fence = :fence AND claimedUntilMs > :now',
      );
      return item && { fence, untilMs };
    },
    async release({ fence }) {
      await update('REMOVE claimedUntilMs', { ':fence': number(fence) }, 'fence = :fence');
    },
    async noteRejected(versionId, atMs) {
      await update('SET rejectedVersionId = :version, rejectedAtMs = :at', { ':version': text(versionId), ':at': number(atMs) });
    },
    async noteTidied(versionId) {
      if (versionId === undefined) await update('REMOVE tidiedVersionId', {});
      else await update('SET tidiedVersionId = :version', { ':version': text(versionId) });
    },
  };
}
