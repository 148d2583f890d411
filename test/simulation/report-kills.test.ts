import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MESSAGES_AT_ONCE } from '../../functions/report/publish-messages.ts';
import type { DynamoDb } from '../../infra/local/engines/dynamodb.ts';
import type { PackageVersion } from '../../shared/model/package-version.ts';
import { ReportWorld } from '../functions/report/report-world.ts';
import { startTables } from './local-tables.ts';

/** A report is killed once at every call that leaves the process, before it and after it took effect, and then delivered again. */

const PACKAGES = 48;
const CHANGED = 4;

let engine: DynamoDb;
let client: DynamoDBClient;
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

const packages = (version: string, count = PACKAGES): PackageVersion[] =>
  Array.from({ length: PACKAGES }, (_, index) => ({
    ecosystem: 'NPM' as const,
    name: `package-${index}`,
    version: index < count ? version : '1.0.0',
  }));

describe('a report that is killed at any await', () => {
  it('reaches SafeDep whole in the session that completes, and repeats no more than was in flight', async () => {
    const clean = new ReportWorld(client, 'clean');
    clean.killAt(undefined);
    await clean.settle(await clean.push('one', packages('1.0.0')));
    const boundaries = clean.boundaries;
    expect(boundaries).toBeGreaterThan(PACKAGES * 2);
    for (let boundary = 1; boundary <= boundaries; boundary += 1) {
      const where = `killed at boundary ${boundary} of ${boundaries}`;
      const world = new ReportWorld(client, `killed-${boundary}`);
      const request = await world.push('one', packages('1.0.0'));
      world.killAt(boundary);
      await world.settle(request);
      expect(world.kills, where).toBe(1);
      const completed = world.sessions.filter(({ status }) => status === 'success');
      expect(completed, where).toHaveLength(1);
      const received = completed[0]?.received ?? [];
      expect(new Set(received).size, where).toBe(PACKAGES);
      expect(received.length - PACKAGES, where).toBeLessThanOrEqual(world.inFlightAtKills);
      expect(world.inFlightAtKills, where).toBeLessThanOrEqual(MESSAGES_AT_ONCE);
      // A session that SafeDep named and we did not live to write down: empty, one at most.
      const others = world.sessions.filter(({ status }) => status !== 'success');
      expect(others.length, where).toBeLessThanOrEqual(1);
      for (const other of others) expect(other.received, where).toEqual([]);
      await world.settle(await world.push('two', packages('2.0.0', CHANGED)));
      expect(world.sessions.at(-1), where).toMatchObject({ status: 'success' });
      expect(world.sessions.at(-1)?.received, where).toHaveLength(CHANGED);
    }
  });
});
