import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DynamoDb, StoredWrite } from '../../../infra/local/engines/dynamodb.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { createReportStore, listReportedRefs, type ReportStore } from '../../../shared/report/dynamodb.ts';
import type { ReportState } from '../../../shared/report/report-state.ts';
import type { SettledMessages } from '../../../shared/report/settled-messages.ts';
import { createScanStore } from '../../../shared/scans/dynamodb.ts';
import { startTables } from '../../simulation/local-tables.ts';

let engine: DynamoDb;
let client: DynamoDBClient;
let store: ReportStore;
let dropsAnswer = false;

beforeAll(async () => {
  const onWrite = (_write: StoredWrite): 'drop' | undefined => {
    if (!dropsAnswer) return undefined;
    dropsAnswer = false;
    return 'drop';
  };
  engine = await startTables({ onWrite });
  client = new DynamoDBClient({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  store = createReportStore(client, 'scans');
});
afterAll(async () => {
  client.destroy();
  await engine.close();
});

let refNumber = 0;
function newRef(): RefId {
  refNumber += 1;
  return { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: String(refNumber), ref: 'refs/heads/a#b' };
}
const digestOf = (index: number): string => index.toString(16).padStart(32, '0');
const settled = (...indexes: number[]): SettledMessages => new Map(indexes.map((index) => [digestOf(index), 'acknowledged']));
const named = (repositoryName: string): ReportState => ({ version: 1, repositoryName });

describe('the report store', () => {
  it('moves a state from what it was read as, and refuses whoever read an older one', async () => {
    const ref = newRef();
    const nothing = await store.readState(ref);
    expect(nothing).toEqual({ number: 0 });
    const first = await store.moveState(ref, nothing, named('one'));
    expect(await store.moveState(ref, nothing, named('two'))).toBe('refused');
    expect(first).toEqual({ number: 1, state: named('one') });
    expect(await store.readState(ref)).toEqual(first);
  });

  it('takes a move for done whose answer was lost', async () => {
    const ref = newRef();
    dropsAnswer = true;
    expect(await store.moveState(ref, { number: 0 }, named('one'))).toEqual({ number: 1, state: named('one') });
  });

  it('keeps what a session acknowledged page by page, and refuses a page that somebody else has written', async () => {
    const ref = newRef();
    expect(await store.readAcknowledged(ref, 's')).toEqual({ messages: new Map(), pageCount: 0 });
    expect(await store.appendAcknowledged(ref, 's', 0, settled(1, 2), 0)).toBe('written');
    expect(await store.appendAcknowledged(ref, 's', 0, settled(1, 2), 0)).toBe('written');
    expect(await store.appendAcknowledged(ref, 's', 0, settled(3), 0)).toBe('refused');
    expect(await store.appendAcknowledged(ref, 's', 1, settled(3), 0)).toBe('written');
    expect(await store.readAcknowledged(ref, 's')).toEqual({ messages: settled(1, 2, 3), pageCount: 2 });
    expect((await store.readAcknowledged(ref, 'another')).pageCount).toBe(0);
    expect((await store.readAcknowledged(newRef(), 's')).pageCount).toBe(0);
  });

  it('keeps a record of more messages than an item holds, and knows one that is not whole', async () => {
    const ref = newRef();
    const record = settled(...Array.from({ length: 45_000 }, (_, index) => index));
    const pageCount = await store.writeRecord(ref, 's', record, 0);
    expect(pageCount).toBe(3);
    expect(await store.readRecord(ref, 's', pageCount)).toEqual(record);
    expect(await store.readRecord(ref, 's', pageCount + 1)).toBeUndefined();
  });

  it('lists every ref with its newest scan and its report', async () => {
    const [scanned, both] = [newRef(), newRef()];
    const scans = createScanStore(client, 'scans');
    const facts = { repositoryName: 'acme/shop', lane: 'live', batchCount: 0 } as const;
    for (const generation of [1, 12, 3]) {
      await scans.open({ ref: both, generation }, { ...facts, commit: `commit-${generation}` }, 0);
    }
    await scans.open({ ref: scanned, generation: 1 }, { ...facts, commit: 'only' }, 0);
    await store.moveState(both, { number: 0 }, named('acme/shop'));
    await store.appendAcknowledged(both, 's', 0, settled(1), 0);
    await store.writeRecord(both, 's', settled(1), 0);
    const listed = (await listReportedRefs(client, 'scans')).filter(({ ref }) =>
      [scanned, both].some((each) => each.repositoryId === ref.repositoryId),
    );
    expect(listed).toEqual([
      { ref: scanned, repositoryName: 'acme/shop', scan: { generation: 1, commit: 'only' } },
      { ref: both, repositoryName: 'acme/shop', scan: { generation: 12, commit: 'commit-12' }, state: named('acme/shop') },
    ]);
  });
});
