import { type DynamoDBClient, GetItemCommand, QueryCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { getAll, type Item, isConditionFailure, number, numberOf, text, textOf } from '../aws/dynamodb-items.ts';
import { parseRefKey, type RefId, refKey } from '../model/repository.ts';
import { formatReportState, parseReportState, type ReportState } from './report-state.ts';
import { decodeSettled, encodeSettled, type SettledMessages } from './settled-messages.ts';

/** A state as it was read, with the number that its next write is conditioned on; 0 where there is none yet. */
export interface StoredReportState {
  readonly number: number;
  readonly state?: ReportState;
}

/** What was acknowledged in a session, and how many pages tell it: the next page has that number. */
export interface AcknowledgedMessages {
  readonly messages: SettledMessages;
  readonly pageCount: number;
}

export type ReportStore = ReturnType<typeof createReportStore>;

const STATE_PREFIX = 'report#';
const ACKNOWLEDGED_PREFIX = 'report-acknowledged#';
const RECORD_PREFIX = 'report-record#';
/** A request waits for 14 days at most, and its session with it. */
const ACKNOWLEDGED_LIFETIME_MS = 30 * 24 * 3_600_000;

/** A ref that was scanned or reported, for an operator. */
export interface ReportedRef {
  readonly ref: RefId;
  readonly repositoryName: string;
  /** Its newest scan; absent where the row is gone. */
  readonly scan?: { readonly generation: number; readonly commit: string };
  readonly state?: ReportState;
}

/** Every ref of the table, by name. Reads all of it: for a person's question, not for a function. */
export async function listReportedRefs(client: DynamoDBClient, scansTableName: string): Promise<ReportedRef[]> {
  const byRef = new Map<string, ReportedRef>();
  let from: Item | undefined;
  do {
    const answer = await client.send(
      new ScanCommand({
        TableName: scansTableName,
        ProjectionExpression: '#ref, generation, #commit, repositoryName, report',
        ExpressionAttributeNames: { '#ref': 'ref', '#commit': 'commit' },
        ...(from ? { ExclusiveStartKey: from } : {}),
      }),
    );
    for (const item of answer.Items ?? []) addRow(byRef, item);
    from = answer.LastEvaluatedKey;
  } while (from);
  const nameOf = ({ repositoryName, ref }: ReportedRef): string => `${repositoryName}\n${refKey(ref)}`;
  return [...byRef.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function addRow(byRef: Map<string, ReportedRef>, item: Item): void {
  const partition = textOf(item, 'ref') ?? '';
  if (partition.startsWith(ACKNOWLEDGED_PREFIX) || partition.startsWith(RECORD_PREFIX)) return;
  const report = textOf(item, 'report');
  const key = report === undefined ? partition : partition.slice(STATE_PREFIX.length);
  const known = byRef.get(key);
  if (report !== undefined) {
    const state = parseReportState(report);
    byRef.set(key, { ...(known ?? { ref: parseRefKey(key), repositoryName: state.repositoryName }), state });
    return;
  }
  const generation = numberOf(item, 'generation') ?? 0;
  if (known?.scan && known.scan.generation > generation) return;
  const scan = { generation, commit: textOf(item, 'commit') ?? '' };
  byRef.set(key, { ...known, ref: parseRefKey(key), repositoryName: textOf(item, 'repositoryName') ?? '', scan });
}

/**
 * The reports of refs, in partitions of their own of the scans table: the state, the messages that each session has acknowledged, and for a
 * completed session what SafeDep was told as of then (the record). Pages expire by themselves.
 */
export function createReportStore(client: DynamoDBClient, scansTableName: string) {
  const key = (partition: string, page: number): Item => ({ ref: text(partition), generation: number(page) });
  const stateKey = (ref: RefId): Item => key(`${STATE_PREFIX}${refKey(ref)}`, 0);
  const acknowledgedPartition = (ref: RefId, sessionId: string): string => `${ACKNOWLEDGED_PREFIX}${sessionId}#${refKey(ref)}`;
  const recordKey = (ref: RefId, sessionId: string, page: number): Item => key(`${RECORD_PREFIX}${sessionId}#${refKey(ref)}`, page);
  const expiry = (atMs: number) => number(Math.ceil(atMs / 1000));

  /** Writes a page that nobody has written yet; refused where somebody has, unless it says the same. */
  async function writePage(pageKey: Item, page: Uint8Array, expiresAtMs: number): Promise<'written' | 'refused'> {
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: scansTableName,
          Key: pageKey,
          UpdateExpression: 'SET page = :page, expiresAtSeconds = :expires',
          // A lost answer makes the client write twice: the same page again is no other writer's.
          ConditionExpression: 'attribute_not_exists(page) OR page = :page',
          ExpressionAttributeValues: { ':page': { B: page }, ':expires': expiry(expiresAtMs) },
        }),
      );
      return 'written';
    } catch (error) {
      if (isConditionFailure(error)) return 'refused';
      throw error;
    }
  }

  return {
    async readState(ref: RefId): Promise<StoredReportState> {
      const { Item } = await client.send(new GetItemCommand({ TableName: scansTableName, Key: stateKey(ref), ConsistentRead: true }));
      const body = textOf(Item ?? {}, 'report');
      return { number: numberOf(Item, 'number') ?? 0, ...(body === undefined ? {} : { state: parseReportState(body) }) };
    },

    /** Moves the state on from what it was read as. Refused where somebody else has moved it meanwhile. */
    async moveState(ref: RefId, before: StoredReportState, after: ReportState): Promise<StoredReportState | 'refused'> {
      const next = { number: before.number + 1, state: after };
      const body = formatReportState(after);
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: scansTableName,
            Key: stateKey(ref),
            UpdateExpression: 'SET #number = :next, report = :body',
            ConditionExpression: before.number === 0 ? 'attribute_not_exists(#number)' : '#number = :before',
            ExpressionAttributeNames: { '#number': 'number' },
            ExpressionAttributeValues: {
              ':next': number(next.number),
              ':body': text(body),
              ...(before.number === 0 ? {} : { ':before': number(before.number) }),
            },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return next;
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        // A lost answer makes the client write twice: then the number and the text, which names its holder, are ours.
        const isOurs = numberOf(error.Item, 'number') === next.number && textOf(error.Item ?? {}, 'report') === body;
        return isOurs ? next : 'refused';
      }
    },

    async readAcknowledged(ref: RefId, sessionId: string): Promise<AcknowledgedMessages> {
      const messages = new Map<string, 'acknowledged' | 'refused'>();
      let pageCount = 0;
      let from: Item | undefined;
      do {
        const answer = await client.send(
          new QueryCommand({
            TableName: scansTableName,
            KeyConditionExpression: '#ref = :ref',
            ExpressionAttributeNames: { '#ref': 'ref' },
            ExpressionAttributeValues: { ':ref': text(acknowledgedPartition(ref, sessionId)) },
            ConsistentRead: true,
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        for (const item of answer.Items ?? []) {
          for (const [digest, settlement] of decodeSettled(item['page']?.B ?? new Uint8Array())) messages.set(digest, settlement);
          pageCount = (numberOf(item, 'generation') ?? 0) + 1;
        }
        from = answer.LastEvaluatedKey;
      } while (from);
      return { messages, pageCount };
    },

    /** Makes durable what SafeDep said. Refused where another invocation has written this page: it sends this session now. */
    appendAcknowledged(
      ref: RefId,
      sessionId: string,
      page: number,
      messages: SettledMessages,
      nowMs: number,
    ): Promise<'written' | 'refused'> {
      const [bytes = new Uint8Array()] = encodeSettled(messages);
      return writePage(key(acknowledgedPartition(ref, sessionId), page), bytes, nowMs + ACKNOWLEDGED_LIFETIME_MS);
    },

    /** Writes all that SafeDep has been told when this session completes; resolves to the number of pages. */
    async writeRecord(ref: RefId, sessionId: string, messages: SettledMessages, expiresAtMs: number): Promise<number> {
      const pages = encodeSettled(messages);
      for (const [page, bytes] of pages.entries()) {
        await client.send(
          new UpdateItemCommand({
            TableName: scansTableName,
            Key: recordKey(ref, sessionId, page),
            UpdateExpression: 'SET page = :page, expiresAtSeconds = :expires',
            ExpressionAttributeValues: { ':page': { B: bytes }, ':expires': expiry(expiresAtMs) },
          }),
        );
      }
      return pages.length;
    },

    /** The record of a completed session; `undefined` where a page of it is gone. */
    async readRecord(ref: RefId, sessionId: string, pageCount: number): Promise<SettledMessages | undefined> {
      const keys = Array.from({ length: pageCount }, (_, page) => recordKey(ref, sessionId, page));
      const items = await getAll(client, scansTableName, keys);
      if (items.length < pageCount) return undefined;
      return new Map(items.flatMap((item) => [...decodeSettled(item['page']?.B ?? new Uint8Array())]));
    },
  };
}
