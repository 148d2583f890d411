import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ToolTrigger } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import type { DynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { startTables } from '../../simulation/local-tables.ts';
import { ReportWorld } from './report-world.ts';

/** What a session tells, given those before it. */

const DAY_MS = 24 * 3_600_000;

let engine: DynamoDb;
let client: DynamoDBClient;
let world: ReportWorld;
let repositoryNumber = 0;

beforeAll(async () => {
  engine = await startTables();
  client = new DynamoDBClient({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterAll(async () => {
  client.destroy();
  await engine.close();
});
beforeEach(() => {
  repositoryNumber += 1;
  world = new ReportWorld(client, String(repositoryNumber));
});

function npm(count: number, changed: readonly number[] = []): PackageVersion[] {
  return Array.from({ length: count }, (_, index) => ({
    ecosystem: 'NPM' as const,
    name: `package-${index}`,
    version: changed.includes(index) ? '2.0.0' : '1.0.0',
  }));
}
const received = (): number[] => world.sessions.map((session) => session.received.length);
const statuses = (): string[] => world.sessions.map(({ status }) => status);

describe('a session after another one', () => {
  it('tells 1,000 packages first, then the 10 that changed', async () => {
    await world.settle(await world.push('one', npm(1_000)));
    await world.settle(await world.push('two', npm(1_000, [3, 9, 100, 101, 102, 500, 501, 502, 998, 999])));
    expect(received()).toEqual([1_000, 10]);
    expect(world.sessions[1]?.received.every((subject) => subject.endsWith('@2.0.0'))).toBe(true);
    expect(statuses()).toEqual(['success', 'success']);
    expect((await world.state())?.last).toMatchObject({ scope: 'changed', publishedCount: 10, lackingCount: 0 });
  });

  it('says of a new commit that it was scanned, also where no package changed', async () => {
    await world.settle(await world.push('one', npm(3)));
    await world.settle(await world.push('two', npm(3)));
    expect(received()).toEqual([3, 0]);
    expect(world.sessions.map(({ gitSha }) => gitSha)).toEqual(['one', 'two']);
  });

  it('opens none for the same commit where nothing changed, and one for what did', async () => {
    await world.settle(await world.push('one', npm(3)));
    await world.settle(await world.push('one', npm(3)));
    expect(received()).toEqual([3]);
    world.facts.set('package-1', { vulnerabilities: [{ id: 'CVE-1', aliases: [], severity: 'high', title: 'new' }] });
    await world.settle(await world.push('one', npm(3)));
    expect(received()).toEqual([3, 1]);
    expect((await world.state())?.settledGeneration).toBe(3);
  });

  it('tells again what went and came back', async () => {
    await world.settle(await world.push('one', npm(3)));
    await world.settle(await world.push('two', npm(2)));
    await world.settle(await world.push('three', npm(3)));
    expect(received()).toEqual([3, 0, 1]);
  });

  it('does not count what a session told that was given up', async () => {
    const first = await world.push('one', npm(80));
    world.killAt(150);
    expect(await world.deliver(first)).toBe('killed');
    world.killAt(undefined);
    await world.settle(await world.push('two', npm(80)));
    expect(statuses()).toEqual(['error', 'success']);
    expect(received()[1]).toBe(80);
    expect(await world.deliver(first)).toBe('done');
    expect(world.sessions).toHaveLength(2);
  });

  it('does not send again what SafeDep refuses for good, and goes on saying that it lacks it', async () => {
    world.refuses = (subject) => subject.startsWith('package-1@');
    await world.settle(await world.push('one', npm(3)));
    expect((await world.state())?.last).toMatchObject({ publishedCount: 2, refusedCount: 1, lackingCount: 1 });
    world.refuses = () => false;
    await world.settle(await world.push('two', npm(4)));
    expect(received()).toEqual([2, 1]);
    expect((await world.state())?.last).toMatchObject({ publishedCount: 1, refusedCount: 0, lackingCount: 1 });
  });
});

describe('a session that tells everything', () => {
  it('comes once the last one is older than the settings allow', async () => {
    world.settings = { publish: 'changed', wholeEveryDays: 2 };
    await world.settle(await world.push('one', npm(3)));
    world.nowMs += DAY_MS;
    await world.settle(await world.push('two', npm(3)));
    world.nowMs += DAY_MS;
    await world.settle(await world.push('three', npm(3)));
    await world.settle(await world.push('four', npm(3)));
    expect(received()).toEqual([3, 0, 3, 0]);
  });

  it('comes with every commit where the settings say so', async () => {
    world.settings = { publish: 'all', wholeEveryDays: 7 };
    const request = await world.push('one', npm(3));
    await world.settle(request);
    await world.settle(request);
    await world.settle(await world.push('two', npm(3)));
    expect(received()).toEqual([3, 3]);
  });

  it('comes once when an operator asks, however often the request is delivered', async () => {
    const request = await world.push('one', npm(3));
    await world.settle(request);
    world.nowMs += 1_000;
    const asked = { ...request, wholeAskedAtMs: world.nowMs - 1 };
    await world.settle(asked);
    await world.settle(asked);
    expect(received()).toEqual([3, 3]);
    expect(world.sessions.map(({ trigger }) => trigger)).toEqual([ToolTrigger.PUSH, ToolTrigger.MANUAL]);
  });

  it('takes the place of a session of what changed that an operator finds under way', async () => {
    await world.settle(await world.push('one', npm(80)));
    const request = await world.push(
      'two',
      npm(
        80,
        Array.from({ length: 60 }, (_, index) => index),
      ),
    );
    world.killAt(100);
    expect(await world.deliver(request)).toBe('killed');
    world.killAt(undefined);
    world.nowMs += 61_000;
    await world.settle({ ...request, wholeAskedAtMs: world.nowMs - 1 });
    expect(statuses()).toEqual(['success', 'error', 'success']);
    expect(received()[2]).toBe(80);
  });

  it('comes where the record of what was told is gone', async () => {
    await world.settle(await world.push('one', npm(3)));
    const { number, state } = await world.reports.readState(world.ref);
    if (!state?.last) throw new Error('there is no completed session');
    await world.reports.moveState(world.ref, { number }, { ...state, last: { ...state.last, recordPageCount: 2 } });
    await world.settle(await world.push('two', npm(3)));
    expect(received()).toEqual([3, 3]);
  });
});
