import { createHash } from 'node:crypto';
import { type AttributeValue, type DynamoDBClient, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { getAll, type Item, isConditionFailure, number, numberOf, text, textOf } from '../aws/dynamodb-items.ts';
import { type PackageVersion, packageKey, parsePackageKey } from '../model/package-version.ts';
import { dueAtMs } from './freshness.ts';
import type { Verdict } from './verdict.ts';

/** The due index's shards: enough that none takes more than a sixteenth of the writes. */
export const DUE_SHARDS = 16;
/** A verdict that nobody refreshed for 90 days has no user any more. */
const VERDICT_LIFETIME_MS = 90 * 24 * 3_600_000;
const SORT_KEY = 'verdict';

export interface DueVerdict {
  readonly packageVersion: PackageVersion;
  readonly dueAtMs: number;
}

export interface UnFannedAnswer {
  readonly packageVersion: PackageVersion;
  readonly digest: string;
}

export type InsightStore = ReturnType<typeof createInsightStore>;

/** Verdicts of one source of answers (`sourceKey`). Every write is one conditional write on one item. */
export function createInsightStore(client: DynamoDBClient, tableName: string, source: string) {
  const partitionOf = (packageVersion: PackageVersion): string => `${source}#${packageKey(packageVersion)}`;
  const keyOf = (packageVersion: PackageVersion): Item => ({ pk: text(partitionOf(packageVersion)), sk: text(SORT_KEY) });
  const packageOf = (partition: string): PackageVersion | undefined =>
    partition.startsWith(`${source}#`) ? parsePackageKey(partition.slice(source.length + 1)) : undefined;

  async function update(
    packageVersion: PackageVersion,
    update: string,
    condition: string | undefined,
    values: Item,
    returnValues: 'ALL_NEW' | 'NONE' = 'NONE',
  ): Promise<Item | 'refused'> {
    try {
      const answer = await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(packageVersion),
          UpdateExpression: update,
          ...(condition === undefined ? {} : { ConditionExpression: condition }),
          ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
          ReturnValues: returnValues,
        }),
      );
      return answer.Attributes ?? {};
    } catch (error) {
      if (isConditionFailure(error)) return 'refused';
      throw error;
    }
  }

  return {
    /** By package key; a package version that was never asked has no entry. Strongly consistent. */
    async read(packages: readonly PackageVersion[]): Promise<Map<string, Verdict>> {
      const items = await getAll(client, tableName, packages.map(keyOf));
      return new Map(items.map((item) => [textOf(item, 'pk')?.slice(source.length + 1) ?? '', toVerdict(item)]));
    },

    /**
     * Claims the package version for one asker until a deadline. `foreign` names the time until which somebody else has it: wait
     * for that, it is no failure. Resolves to the verdict as it is under the claim.
     */
    async claim(
      packageVersion: PackageVersion,
      owner: string,
      untilMs: number,
      nowMs: number,
    ): Promise<{ verdict: Verdict } | { foreignUntilMs: number }> {
      const item = await update(
        packageVersion,
        'SET claimOwner = :owner, claimUntilMs = :until, expiresAtSeconds = if_not_exists(expiresAtSeconds, :expires)',
        'attribute_not_exists(claimOwner) OR claimUntilMs < :now OR claimOwner = :owner',
        { ':owner': text(owner), ':until': number(untilMs), ':now': number(nowMs), ':expires': expiry(nowMs) },
        'ALL_NEW',
      );
      if (item !== 'refused') return { verdict: toVerdict(item) };
      const [current] = await getAll(client, tableName, [keyOf(packageVersion)]);
      return { foreignUntilMs: numberOf(current, 'claimUntilMs') ?? nowMs };
    },

    /**
     * Stores what an ask brought and ends the claim; `lost` when somebody else holds it by now. A due mark that was set after
     * `claimedAtMs` keeps its time in the due index, because nobody has asked since.
     */
    async store(
      packageVersion: PackageVersion,
      owner: string,
      verdict: Verdict,
      claimedAtMs: number,
      nowMs: number,
    ): Promise<'stored' | 'lost'> {
      const sets = ['verdict = :verdict', 'expiresAtSeconds = :expires'];
      const values: Item = {
        ':owner': text(owner),
        ':verdict': text(
          JSON.stringify({ answers: verdict.answers, facts: verdict.facts, failures: verdict.failures, digest: verdict.digest }),
        ),
        ':expires': expiry(nowMs),
      };
      if (verdict.fanOut !== undefined) {
        sets.push('fanOut = :fanOut', 'fanOutMark = :mark', 'fanOutAtMs = :now');
        values[':fanOut'] = text(verdict.fanOut);
        values[':mark'] = text('un-fanned');
        values[':now'] = number(nowMs);
      }
      const write = async (due: readonly string[], condition: string, dueValues: Item) =>
        (await update(packageVersion, `SET ${[...sets, ...due].join(', ')} REMOVE claimOwner, claimUntilMs`, condition, {
          ...values,
          ...dueValues,
        })) !== 'refused';
      const due = dueAtMs(verdict);
      if (due !== undefined) {
        const dueValues = { ':shard': text(shardOf(partitionOf(packageVersion))), ':due': number(due), ':claimed': number(claimedAtMs) };
        const isUnmarked = '(attribute_not_exists(dueMarkedAtMs) OR dueMarkedAtMs <= :claimed)';
        if (await write(['dueShard = :shard', 'dueAtMs = :due'], `claimOwner = :owner AND ${isUnmarked}`, dueValues)) return 'stored';
      }
      return (await write([], 'claimOwner = :owner', {})) ? 'stored' : 'lost';
    },

    /** Gives a claim back without an answer. */
    async release(packageVersion: PackageVersion, owner: string): Promise<void> {
      await update(packageVersion, 'REMOVE claimOwner, claimUntilMs', 'claimOwner = :owner', { ':owner': text(owner) });
    },

    /** Asks for both questions again, whatever their age. A package version that was never asked needs no mark. */
    async markDue(packageVersion: PackageVersion, nowMs: number): Promise<void> {
      await update(packageVersion, 'SET dueMarkedAtMs = :now, dueShard = :shard, dueAtMs = :now', 'attribute_exists(pk)', {
        ':now': number(nowMs),
        ':shard': text(shardOf(partitionOf(packageVersion))),
      });
    },

    /** Puts off the next look of `rescan` at this package version, so that what waits in the queue is not sent again meanwhile. */
    async postpone(packageVersion: PackageVersion, dueAtMs: number, untilMs: number): Promise<void> {
      await update(packageVersion, 'SET dueAtMs = :until', 'dueAtMs = :due', { ':due': number(dueAtMs), ':until': number(untilMs) });
    },

    /**
     * Nobody depends on it any more: it is not refreshed, and leaves when its time has come. Only while it is due since `dueAtMs`:
     * whoever has asked since then has a use for it.
     */
    async forgetDue(packageVersion: PackageVersion, dueAtMs: number): Promise<void> {
      await update(packageVersion, 'REMOVE dueShard, dueAtMs', 'dueAtMs = :due', { ':due': number(dueAtMs) });
    },

    /** Package versions of one shard that are due before a time, the longest due first. */
    async due(shard: number, beforeMs: number, limit: number): Promise<DueVerdict[]> {
      const found: DueVerdict[] = [];
      let from: Item | undefined;
      do {
        const answer = await client.send(
          new QueryCommand({
            TableName: tableName,
            IndexName: 'due',
            KeyConditionExpression: 'dueShard = :shard AND dueAtMs < :before',
            ExpressionAttributeValues: { ':shard': text(String(shard)), ':before': number(beforeMs) },
            Limit: limit,
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        for (const item of answer.Items ?? []) {
          const packageVersion = packageOf(textOf(item, 'pk') ?? '');
          if (packageVersion) found.push({ packageVersion, dueAtMs: numberOf(item, 'dueAtMs') ?? 0 });
        }
        from = answer.LastEvaluatedKey;
      } while (from && found.length < limit);
      return found.slice(0, limit);
    },

    /** Answers that changed before a time and still wait for their fan-out. */
    async unFanned(beforeMs: number, limit: number): Promise<UnFannedAnswer[]> {
      const answer = await client.send(
        new QueryCommand({
          TableName: tableName,
          IndexName: 'un-fanned',
          KeyConditionExpression: 'fanOutMark = :mark AND fanOutAtMs < :before',
          ExpressionAttributeValues: { ':mark': text('un-fanned'), ':before': number(beforeMs) },
          Limit: limit,
        }),
      );
      const keys = (answer.Items ?? []).map((item) => ({ pk: item['pk'] ?? text(''), sk: item['sk'] ?? text(SORT_KEY) }));
      const items = await getAll(client, tableName, keys);
      return items.flatMap((item) => {
        const packageVersion = packageOf(textOf(item, 'pk') ?? '');
        const digest = textOf(item, 'fanOut');
        return packageVersion && digest ? [{ packageVersion, digest }] : [];
      });
    },

    /** The fan-out of this digest has begun; a newer one keeps its mark. */
    async clearFanOut(packageVersion: PackageVersion, digest: string): Promise<void> {
      await update(packageVersion, 'REMOVE fanOut, fanOutMark, fanOutAtMs', 'fanOut = :digest', { ':digest': text(digest) });
    },
  };
}

function expiry(nowMs: number): AttributeValue {
  return number(Math.ceil((nowMs + VERDICT_LIFETIME_MS) / 1000));
}

function shardOf(partition: string): string {
  return String((createHash('sha256').update(partition).digest()[0] ?? 0) % DUE_SHARDS);
}

function toVerdict(item: Item): Verdict {
  const stored = textOf(item, 'verdict');
  const told = stored
    ? (JSON.parse(stored) as Pick<Verdict, 'answers' | 'facts' | 'failures' | 'digest'>)
    : { answers: {}, facts: {}, failures: {}, digest: '' };
  const dueMarkedAtMs = numberOf(item, 'dueMarkedAtMs');
  const fanOut = textOf(item, 'fanOut');
  const owner = textOf(item, 'claimOwner');
  return {
    ...told,
    ...(dueMarkedAtMs === undefined ? {} : { dueMarkedAtMs }),
    ...(fanOut === undefined ? {} : { fanOut }),
    ...(owner === undefined ? {} : { claim: { owner, untilMs: numberOf(item, 'claimUntilMs') ?? 0 } }),
  };
}
