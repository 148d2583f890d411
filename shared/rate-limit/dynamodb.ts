import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { KEY_PREFIX } from './limit-key.ts';
import type { Advance, Booking, LimitState, LimitStore, LimitWrite, SetPolicy, SlowDown, WriteResult } from './store.ts';

/**
 * The limits' store on DynamoDB: table `rate-limits`, one item per key, under 200 bytes, one write unit per write.
 *
 * | attribute | |
 * |---|---|
 * | `pk` | the key, see `limitKey` |
 * | `t` | next free slot, whole microseconds since the epoch |
 * | `t60`, `t3600`, ... | theoretical arrival time of a longer window of so many seconds |
 * | `e` | spacing of the last lease, microseconds |
 * | `v` | policy version |
 * | `c` | last writer's clock less its error bound |
 * | `policy` | an operator's spacing, where there is one |
 * | `bad`, `slow`, `dec` | the last cut: spacing refused, spacing after it, time |
 *
 * The client should have `maxAttempts: 2` and request timeouts of about a second: each retry is safe, but a write that happened
 * twice leaves its slots unused, and an answer that is given up may have been a lease. Never give the table a time to live.
 */
export function dynamoLimitStore(client: DynamoDBClient, tableName: string): LimitStore {
  async function read(key: string): Promise<LimitState | undefined> {
    const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: keyOf(key), ConsistentRead: true }));
    return Item && toState(Item);
  }

  /** An item that comes with the refusal is the state at that very moment; an engine that leaves it out is asked again. */
  async function refused(error: unknown, key: string): Promise<WriteResult> {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const current = error.Item ? toState(error.Item) : await read(key);
    return { applied: false, ...(current ? { current } : {}) };
  }

  return {
    read,
    async write(key, write): Promise<WriteResult> {
      try {
        if (write.kind === 'create') {
          const Item = { ...keyOf(key), ...toItem(write.state) };
          await client.send(
            new PutItemCommand({
              TableName: tableName,
              Item,
              ConditionExpression: 'attribute_not_exists(pk)',
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            }),
          );
          return { applied: true };
        }
        const { Attributes } = await client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(key),
            ...toExpressions(write),
            ReturnValues: 'ALL_OLD',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { applied: true, ...(Attributes ? { before: toState(Attributes) } : {}) };
      } catch (error) {
        return refused(error, key);
      }
    },
  };
}

/**
 * Every limit of the table, for people: one item a credential. Throws where the table cannot be read, or an item is none that a
 * limit can go on with.
 */
export async function listLimits(
  client: DynamoDBClient,
  tableName: string,
): Promise<{ readonly key: string; readonly state: LimitState }[]> {
  const limits: { key: string; state: LimitState }[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName, ConsistentRead: true })) {
    for (const item of Items) {
      const key = item['pk']?.S;
      // Its items must not be called broken limits, which one deletes.
      if (!key?.startsWith(KEY_PREFIX)) throw new Error(`the table ${tableName} is none of rate limits, it has items of another kind`);
      limits.push({ key, state: toState(item) });
    }
  }
  return limits;
}

function keyOf(key: string): Record<string, AttributeValue> {
  return { pk: { S: key } };
}

const SLOWDOWN_ATTRIBUTES = { spacingMicros: 'slow', atMicros: 'dec', refusedSpacingMicros: 'bad' } as const;

function toItem(state: LimitState): Record<string, AttributeValue> {
  const values: Record<string, number | undefined> = {
    t: state.nextSlotMicros,
    v: state.version,
    c: state.stampMicros,
    e: state.spacingMicros,
    policy: state.policySpacingMicros,
    slow: state.slowdown?.spacingMicros,
    dec: state.slowdown?.atMicros,
    bad: state.slowdown?.refusedSpacingMicros,
  };
  for (const [seconds, arrivalMicros] of Object.entries(state.longWindows)) values[`t${seconds}`] = arrivalMicros;
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, number(value)]])));
}

function toState(item: Record<string, AttributeValue>): LimitState {
  const required = (name: string): number => {
    const text = item[name]?.N;
    if (text === undefined) {
      throw new Error(
        `the item ${JSON.stringify(item['pk']?.S)} of the rate-limits table has no number "${name}"; delete it to start anew`,
      );
    }
    return Number(text);
  };
  /** What is there and no number was meant to slow the fleet: it is not passed over. */
  const value = (name: string): number | undefined => (item[name] === undefined ? undefined : required(name));
  const policySpacingMicros = value('policy');
  const [spacingMicros, atMicros, refusedSpacingMicros] = [value('slow'), value('dec'), value('bad')];
  const hasSlowdown = spacingMicros !== undefined && atMicros !== undefined && refusedSpacingMicros !== undefined;
  const longWindows: Record<number, number> = {};
  for (const name of Object.keys(item)) {
    const seconds = /^t(\d+)$/.exec(name)?.[1];
    if (seconds) longWindows[Number(seconds)] = required(name);
  }
  return {
    nextSlotMicros: required('t'),
    version: required('v'),
    stampMicros: required('c'),
    spacingMicros: required('e'),
    ...(policySpacingMicros === undefined ? {} : { policySpacingMicros }),
    ...(hasSlowdown ? { slowdown: { spacingMicros, atMicros, refusedSpacingMicros } } : {}),
    longWindows,
  };
}

function number(value: number): AttributeValue {
  return { N: String(Math.round(value)) };
}

type Expressions = Pick<
  UpdateItemCommandInput,
  'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

/** Collects an update; every name is aliased, because DynamoDB reserves hundreds of words. */
class UpdateBuilder {
  readonly #names: Record<string, string> = {};
  readonly #values: Record<string, AttributeValue> = {};
  readonly sets: string[] = [];
  readonly removes: string[] = [];
  readonly conditions: string[] = [];

  name(attribute: string): string {
    this.#names[`#${attribute}`] = attribute;
    return `#${attribute}`;
  }

  value(value: number): string {
    const alias = `:x${Object.keys(this.#values).length}`;
    this.#values[alias] = number(value);
    return alias;
  }

  set(attribute: string, value: number): void {
    this.sets.push(`${this.name(attribute)} = ${this.value(value)}`);
  }

  advance(attribute: string, advance: Advance, mayBeMissing: boolean): void {
    const name = this.name(attribute);
    if (advance.form === 'busy') {
      this.sets.push(`${name} = ${name} + ${this.value(advance.byMicros)}`);
      this.conditions.push(`${name} BETWEEN ${this.value(advance.fromMicros)} AND ${this.value(advance.toMicros)}`);
      return;
    }
    this.set(attribute, advance.toMicros);
    const isPast = `${name} < ${this.value(advance.belowMicros)}`;
    this.conditions.push(mayBeMissing ? `(attribute_not_exists(${name}) OR ${isPast})` : isPast);
  }

  toExpressions(): Expressions {
    const removes = this.removes.length > 0 ? ` REMOVE ${this.removes.join(', ')}` : '';
    return {
      UpdateExpression: `SET ${this.sets.join(', ')}${removes}`,
      ConditionExpression: this.conditions.join(' AND '),
      ExpressionAttributeNames: this.#names,
      ExpressionAttributeValues: this.#values,
    };
  }
}

function toExpressions(write: Exclude<LimitWrite, { kind: 'create' }>): Expressions {
  const update = new UpdateBuilder();
  update.conditions.push(`${update.name('v')} = ${update.value(write.version)}`);
  if (write.kind === 'book') addBooking(update, write);
  else if (write.kind === 'slow-down') addSlowDown(update, write);
  else addPolicy(update, write);
  return update.toExpressions();
}

function addBooking(update: UpdateBuilder, booking: Booking): void {
  update.advance('t', booking.pace, false);
  for (const { seconds, advance } of booking.longWindows) update.advance(`t${seconds}`, advance, true);
  update.set('e', booking.spacingMicros);
  update.set('c', booking.stampMicros);
}

function addSlowDown(update: UpdateBuilder, write: SlowDown): void {
  update.set('v', write.version + 1);
  update.set('c', write.stampMicros);
  for (const [field, attribute] of Object.entries(SLOWDOWN_ATTRIBUTES)) {
    update.set(attribute, write.slowdown[field as keyof typeof SLOWDOWN_ATTRIBUTES]);
  }
  if (write.pauseUntilMicros === undefined) return;
  update.set('t', write.pauseUntilMicros);
  update.conditions.push(`${update.name('t')} < ${update.value(write.pauseUntilMicros)}`);
}

function addPolicy(update: UpdateBuilder, write: SetPolicy): void {
  update.set('v', write.version + 1);
  if (write.policySpacingMicros === undefined) update.removes.push(update.name('policy'));
  else update.set('policy', write.policySpacingMicros);
  for (const attribute of Object.values(SLOWDOWN_ATTRIBUTES)) update.removes.push(update.name(attribute));
}
