import { type DynamoDBClient, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { getAll, type Item, isConditionFailure, number, numberOf, text, textOf } from '../aws/dynamodb-items.ts';
import type { Lane } from '../messages/queue-messages.ts';
import { parseRefKey, type RefId, refKey } from '../model/repository.ts';
import { BATCH_MAX_FAILURES, LOOK_GAP_MS, type Scan, type ScanOutcome } from './scan.ts';

/** The row of a superseded scan is of no use to anyone after a month. The scan of the current snapshot stays: evaluations go by it. */
const SUPERSEDED_LIFETIME_MS = 30 * 24 * 3_600_000;
const OPEN_MARK = 'open';
const INTENT_MARK = 'intent';

export interface ScanKey {
  readonly ref: RefId;
  readonly generation: number;
}

export type ScanStore = ReturnType<typeof createScanStore>;

/** Scan rows. Every write is one conditional write on one row, and every one may be repeated. */
export function createScanStore(client: DynamoDBClient, tableName: string) {
  const keyOf = ({ ref, generation }: ScanKey): Item => ({ ref: text(refKey(ref)), generation: number(generation) });

  async function update(
    scan: ScanKey,
    expression: string,
    condition: string,
    values: Item,
    names: Record<string, string> = {},
  ): Promise<Scan | 'refused'> {
    try {
      const answer = await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: keyOf(scan),
          UpdateExpression: expression,
          ConditionExpression: condition,
          ...(Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {}),
          ...(Object.keys(names).length > 0 ? { ExpressionAttributeNames: names } : {}),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return toScan(answer.Attributes ?? {});
    } catch (error) {
      if (isConditionFailure(error)) return 'refused';
      throw error;
    }
  }

  async function read(scan: ScanKey): Promise<Scan | undefined> {
    const [item] = await getAll(client, tableName, [keyOf(scan)]);
    return item ? toScan(item) : undefined;
  }

  async function marked(index: 'open' | 'intents', before: { attribute: string; atMs: number }, limit: number): Promise<Scan[]> {
    const [markName, markValue] = index === 'open' ? ['openMark', OPEN_MARK] : ['intentMark', INTENT_MARK];
    const answer = await client.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: index,
        KeyConditionExpression: '#mark = :mark AND #at < :before',
        ExpressionAttributeNames: { '#mark': markName, '#at': before.attribute },
        ExpressionAttributeValues: { ':mark': text(markValue), ':before': number(before.atMs) },
        Limit: limit,
      }),
    );
    const keys = (answer.Items ?? []).map((item) => ({ ref: item['ref'] ?? text(''), generation: item['generation'] ?? number(0) }));
    return (await getAll(client, tableName, keys)).map(toScan);
  }

  /** Takes the mark off a row without intents: who took the last one may have died before the mark went. */
  async function clearEmptyMark(scan: ScanKey): Promise<void> {
    await update(scan, 'REMOVE intentMark, intentAtMs', 'attribute_exists(intentMark) AND size(intents) = :zero', { ':zero': number(0) });
  }

  return {
    read,

    /** Opens the scan of a generation. A row that is there already is left: it is a repeat of the same request. */
    async open(
      scan: ScanKey,
      facts: { commit: string; repositoryName: string; lane: Lane; batchCount: number },
      nowMs: number,
    ): Promise<void> {
      const numbers = Array.from({ length: facts.batchCount }, (_, index) => String(index));
      const Item: Item = {
        ...keyOf(scan),
        commit: text(facts.commit),
        repositoryName: text(facts.repositoryName),
        lane: text(facts.lane),
        startedAtMs: number(nowMs),
        batchCount: number(facts.batchCount),
        ...(numbers.length > 0 ? { openBatches: { NS: numbers } } : {}),
        failures: { M: {} },
        intents: { M: {} },
        lastLeftAtMs: number(nowMs),
        openMark: text(OPEN_MARK),
        lookAtMs: number(nowMs + LOOK_GAP_MS),
        lookGapMs: number(LOOK_GAP_MS),
      };
      try {
        await client.send(new PutItemCommand({ TableName: tableName, Item, ConditionExpression: 'attribute_not_exists(generation)' }));
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
      }
    },

    async markSent(scan: ScanKey): Promise<void> {
      await update(scan, 'SET sent = :true', 'attribute_exists(generation)', { ':true': { BOOL: true } });
    },

    /** Takes a batch's number off; resolves to the scan as it is then, or `undefined` when there is no such scan. */
    async finishBatch(scan: ScanKey, batchNumber: number, nowMs: number): Promise<Scan | undefined> {
      const after = await update(
        scan,
        'SET lastLeftAtMs = :now, lookAtMs = :look, lookGapMs = :gap DELETE openBatches :numbers',
        'attribute_exists(generation) AND contains(openBatches, :number)',
        {
          ':now': number(nowMs),
          ':look': number(nowMs + LOOK_GAP_MS),
          ':gap': number(LOOK_GAP_MS),
          ':numbers': { NS: [String(batchNumber)] },
          ':number': number(batchNumber),
        },
      );
      return after === 'refused' ? read(scan) : after;
    },

    /**
     * Counts a failed ask of a batch; resolves to how many there were, and to the most where there is no such scan: nobody waits.
     * A batch that fails is in somebody's hands: `sweep` need not send it again for a while.
     */
    async countFailure(scan: ScanKey, batchNumber: number, nowMs: number): Promise<number> {
      const after = await update(
        scan,
        'SET failures.#batch = if_not_exists(failures.#batch, :zero) + :one, lookAtMs = :look',
        'attribute_exists(generation)',
        { ':zero': number(0), ':one': number(1), ':look': number(nowMs + LOOK_GAP_MS) },
        { '#batch': String(batchNumber) },
      );
      return after === 'refused' ? BATCH_MAX_FAILURES : (after.failures[batchNumber] ?? 0);
    },

    /** No answer will come any more. The numbers stay: a late batch still answers. */
    async close(scan: ScanKey, nowMs: number): Promise<Scan | undefined> {
      const after = await update(scan, 'SET closedAtMs = if_not_exists(closedAtMs, :now)', 'attribute_exists(generation)', {
        ':now': number(nowMs),
      });
      return after === 'refused' ? undefined : after;
    },

    /** A newer snapshot took its place. An outcome that was reached before stays; the row goes when its time has come. */
    async supersede(scan: ScanKey, nowMs: number): Promise<void> {
      await update(
        scan,
        'SET outcome = if_not_exists(outcome, :outcome), expiresAtSeconds = :expires REMOVE openMark, lookAtMs',
        'attribute_exists(generation)',
        { ':outcome': text(JSON.stringify({ status: 'superseded', reasons: [] } satisfies ScanOutcome)), ':expires': expiry(nowMs) },
      );
    },

    /**
     * Writes how the scan ended, with what must follow from it, in one write. Refused when an evaluation with a higher number
     * has written already, or when another one has taken this outcome number: each is part of an event id. With nothing to follow
     * it puts the outcome of this number in other words.
     */
    async writeOutcome(
      scan: ScanKey,
      outcome: ScanOutcome,
      evaluation: number,
      outcomeNumber: number,
      intents: Readonly<Record<string, string>>,
      nowMs: number,
    ): Promise<'written' | 'refused'> {
      const names: Record<string, string> = {};
      const values: Item = {
        ':outcome': text(JSON.stringify(outcome)),
        ':evaluation': number(evaluation),
        ':outcomeNumber': number(outcomeNumber),
      };
      const sets = ['outcome = :outcome', 'outcomeEvaluation = :evaluation', 'outcomeNumber = :outcomeNumber'];
      Object.entries(intents).forEach(([name, body], index) => {
        names[`#intent${index}`] = name;
        values[`:intent${index}`] = text(body);
        sets.push(`intents.#intent${index} = :intent${index}`);
      });
      if (Object.keys(intents).length > 0) {
        sets.push('intentMark = :mark', 'intentAtMs = :now');
        values[':mark'] = text(INTENT_MARK);
        values[':now'] = number(nowMs);
      }
      const after = await update(
        scan,
        `SET ${sets.join(', ')} REMOVE openMark, lookAtMs`,
        `attribute_exists(generation) AND (attribute_not_exists(outcomeNumber)
          OR (outcomeEvaluation < :evaluation AND outcomeNumber ${Object.keys(intents).length > 0 ? '<' : '='} :outcomeNumber))`,
        values,
        names,
      );
      return after === 'refused' ? 'refused' : 'written';
    },

    /** An intent was taken; the mark goes with the last one, also where the last two are taken at once. */
    async removeIntent(scan: ScanKey, name: string): Promise<void> {
      const names = { '#name': name };
      const last = await update(
        scan,
        'REMOVE intents.#name, intentMark, intentAtMs',
        'attribute_exists(intents.#name) AND size(intents) = :one',
        { ':one': number(1) },
        names,
      );
      if (last !== 'refused') return;
      await update(scan, 'REMOVE intents.#name', 'attribute_exists(generation)', {}, names);
      await clearEmptyMark(scan);
    },

    clearEmptyMark,

    /** Takes the turn to look at a stalled scan: only one looker gets it, and the next look comes after a longer gap. */
    async takeLook(scan: Scan, nowMs: number, nextGapMs: number): Promise<boolean> {
      const after = await update(scan, 'SET lookAtMs = :next, lookGapMs = :gap', 'lookAtMs = :seen AND attribute_exists(openMark)', {
        ':next': number(nowMs + nextGapMs),
        ':gap': number(nextGapMs),
        ':seen': number(scan.lookAtMs ?? 0),
      });
      return after !== 'refused';
    },

    /** Scans that have not ended and whose time to be looked at has come. */
    openBefore: (atMs: number, limit: number): Promise<Scan[]> => marked('open', { attribute: 'lookAtMs', atMs }, limit),

    /** Scans with intents that have stood since before a time. */
    withIntentsBefore: (atMs: number, limit: number): Promise<Scan[]> => marked('intents', { attribute: 'intentAtMs', atMs }, limit),
  };
}

function expiry(nowMs: number): { N: string } {
  return { N: String(Math.ceil((nowMs + SUPERSEDED_LIFETIME_MS) / 1000)) };
}

function toScan(item: Item): Scan {
  const closedAtMs = numberOf(item, 'closedAtMs');
  const lookAtMs = numberOf(item, 'lookAtMs');
  const outcome = textOf(item, 'outcome');
  return {
    ref: parseRefKey(textOf(item, 'ref') ?? ''),
    generation: numberOf(item, 'generation') ?? 0,
    commit: textOf(item, 'commit') ?? '',
    repositoryName: textOf(item, 'repositoryName') ?? '',
    lane: textOf(item, 'lane') === 'background' ? 'background' : 'live',
    startedAtMs: numberOf(item, 'startedAtMs') ?? 0,
    batchCount: numberOf(item, 'batchCount') ?? 0,
    openBatches: new Set((item['openBatches']?.NS ?? []).map(Number)),
    sent: item['sent']?.BOOL === true,
    failures: Object.fromEntries(Object.entries(item['failures']?.M ?? {}).map(([batch, value]) => [Number(batch), Number(value.N)])),
    lastLeftAtMs: numberOf(item, 'lastLeftAtMs') ?? 0,
    outcomeNumber: numberOf(item, 'outcomeNumber') ?? 0,
    outcomeEvaluation: numberOf(item, 'outcomeEvaluation') ?? 0,
    intents: Object.fromEntries(Object.entries(item['intents']?.M ?? {}).map(([name, value]) => [name, value.S ?? ''])),
    lookGapMs: numberOf(item, 'lookGapMs') ?? LOOK_GAP_MS,
    ...(closedAtMs === undefined ? {} : { closedAtMs }),
    ...(lookAtMs === undefined ? {} : { lookAtMs }),
    ...(outcome === undefined ? {} : { outcome: JSON.parse(outcome) as ScanOutcome }),
  };
}
