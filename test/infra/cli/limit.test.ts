import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LimitDescription } from '../../../infra/cli/describe-limit.ts';
import { run } from '../../../infra/cli/limit.ts';
import type { DynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import { announce } from '../../../infra/local/running-pipeline.ts';
import { writeSettings } from '../../../shared/aws/settings.ts';
import { parseSettings } from '../../../shared/model/settings/settings.ts';
import { createFleetClock } from '../../../shared/rate-limit/clock.ts';
import { dynamoLimitStore } from '../../../shared/rate-limit/dynamodb.ts';
import { limitKey } from '../../../shared/rate-limit/limit-key.ts';
import { createPermitSource, type PermitSession } from '../../../shared/rate-limit/permits.ts';
import { emissionMicros, MICROS_PER_MS, newLimitState, planPacing } from '../../../shared/rate-limit/slots.ts';
import type { LimitState, LimitStore } from '../../../shared/rate-limit/store.ts';
import { temporaryFolder } from '../../fakes/temporary-repository.ts';
import { startTables } from '../../simulation/local-tables.ts';

const SETTINGS_LIMIT = { requests: 500, perSeconds: 1 };
const SPACING_MICROS = emissionMicros(SETTINGS_LIMIT);
const DATA_KEY = limitKey({ tenant: 'default', keyId: 'a1b2c3d4e5f60718', plane: 'data' });
const OTHER_KEY = limitKey({ tenant: 'default', keyId: '0123456789abcdef', plane: 'data' });
const COMMUNITY_KEY = limitKey({ tenant: 'default', keyId: 'keyless', plane: 'community' });
const OF_THE_STACK = ['--table', 'rate-limits', '--settings-table', 'settings'];

const folder = temporaryFolder();
let engine: DynamoDb;
let client: DynamoDBClient;
let store: LimitStore;
let output: { stdout: string; stderr: string };

beforeAll(() => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('XDG_CACHE_HOME', folder.path);
});
afterAll(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

beforeEach(async () => {
  engine = await startTables();
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', engine.url);
  client = new DynamoDBClient({});
  store = dynamoLimitStore(client, 'rate-limits');
  const settings = parseSettings({ version: 1, limits: { dataPlane: SETTINGS_LIMIT } }, 'settings of a test');
  await writeSettings(client, 'settings', 'default', settings);
  output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    });
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  client.destroy();
  await engine.close();
});

const nowMicros = (): number => Date.now() * MICROS_PER_MS;

async function make(key: string, more: Partial<LimitState> = {}): Promise<void> {
  await store.write(key, { kind: 'create', state: { ...newLimitState(planPacing([SETTINGS_LIMIT]), nowMicros(), 0), ...more } });
}

async function shown(...args: string[]): Promise<LimitDescription[]> {
  output.stdout = '';
  expect(await run(['show', '--json', ...OF_THE_STACK, ...args]), output.stderr).toBe(0);
  return (JSON.parse(output.stdout) as { limits: LimitDescription[] }).limits;
}

describe('cli limit show', () => {
  it('prints each limit of the table, by the settings’ rate where nothing slows it', async () => {
    await make(DATA_KEY, { nextSlotMicros: nowMicros() + 60_000_000 });
    await make(COMMUNITY_KEY);
    const limits = await shown();
    expect(limits.map(({ plane, keyId }) => [plane, keyId]).sort()).toEqual([
      ['community', 'keyless'],
      ['data', 'a1b2c3d4e5f60718'],
    ]);
    const [data] = await shown('--plane', 'data');
    expect(data).toMatchObject({
      tenant: 'default',
      settings: [SETTINGS_LIMIT],
      slotsPerSecond: 1_000_000 / SPACING_MICROS,
      policySlotsPerSecond: null,
      slowdown: null,
      lastLeaseSlotsPerSecond: 1_000_000 / SPACING_MICROS,
      longWindows: [],
    });
    expect(data?.nextSlotInMs).toBeGreaterThan(0);
    expect(data?.nextSlotInMs).toBeLessThanOrEqual(60_000);
    expect(data?.lastWriteAgoMs).toBeGreaterThanOrEqual(0);
  });

  it('knows several windows that hold together', async () => {
    const windows = [
      { requests: 1_000, perSeconds: 3_600 },
      { requests: 50, perSeconds: 60 },
    ];
    await writeSettings(client, 'settings', 'default', parseSettings({ version: 1, limits: { dataPlane: windows } }, 'settings of a test'));
    await make(DATA_KEY);
    const [limit] = await shown();
    expect(limit?.settings).toEqual(windows);
    expect(limit?.slotsPerSecond).toBeLessThan(50 / 60);
    expect(await run(['show', ...OF_THE_STACK])).toBe(0);
    expect(output.stdout).toContain('1,000 requests in 3,600 s and 50 requests in 60 s');
  });

  it('says for people what slows the fleet', async () => {
    const hourAgo = nowMicros() - 3_600_000_000;
    await make(DATA_KEY, {
      nextSlotMicros: hourAgo,
      stampMicros: hourAgo,
      policySpacingMicros: 10_000,
      slowdown: { spacingMicros: 20_000, atMicros: nowMicros(), refusedSpacingMicros: 17_000 },
      longWindows: { 3600: hourAgo },
    });
    expect(await run(['show', ...OF_THE_STACK])).toBe(0);
    expect(output.stdout.split('\n')).toEqual([
      'plane data, tenant default, key a1b2c3d4e5f60718',
      expect.stringMatching(/^ {2}next free slot +now, free for 60 min$/),
      expect.stringMatching(/^ {2}rate now +50 slots\/s; the settings allow 500 requests in 1 s$/),
      expect.stringMatching(/^ {2}policy +at most 100 slots\/s$/),
      expect.stringMatching(/^ {2}slow-down +to 50 slots\/s, .*, refused at 58.8 slots\/s; recovering$/),
      expect.stringMatching(/^ {2}last lease +at 490/),
      expect.stringMatching(/^ {2}last write +60 min ago$/),
      expect.stringMatching(/^ {2}window 3600 s +used up to 60 min ago$/),
      '',
    ]);
  });

  it('says that a next slot was booked by a wrong clock where it lies further ahead than any pause', async () => {
    await make(DATA_KEY, { nextSlotMicros: nowMicros() + 290_000_000 });
    expect((await shown())[0]).toMatchObject({ isNextSlotWrong: false });
    await make(OTHER_KEY, { nextSlotMicros: nowMicros() + 3_600_000_000 });
    expect((await shown('--key', '0123456789abcdef'))[0]).toMatchObject({ isNextSlotWrong: true });
    expect(await run(['show', ...OF_THE_STACK])).toBe(0);
    expect(output.stdout).toMatch(/next free slot +in 60 min; no pause is that long: .* Delete the item of this limit/);
    expect(output.stdout.match(/no pause is that long/g)).toHaveLength(1);
  });

  it('tells a slow-down that time has ended from one that goes on', async () => {
    const slowdown = { spacingMicros: 2_400, atMicros: nowMicros() - 3_600_000_000, refusedSpacingMicros: 2_041 };
    await make(DATA_KEY, { slowdown });
    expect((await shown())[0]).toMatchObject({ slotsPerSecond: 1_000_000 / SPACING_MICROS, slowdown: { isOver: true } });
  });

  it('claims no rate without the settings', async () => {
    await make(DATA_KEY, { slowdown: { spacingMicros: 2_400, atMicros: nowMicros(), refusedSpacingMicros: 2_041 } });
    expect(await run(['show', '--json', '--table', 'rate-limits'])).toBe(0);
    expect(JSON.parse(output.stdout).limits[0]).toMatchObject({ settings: null, slotsPerSecond: null, slowdown: { isOver: null } });
    expect(await run(['show', '--table', 'rate-limits'])).toBe(0);
    expect(output.stdout).toContain('not known without the settings');
  });

  it('shows no control character of a name', async () => {
    await make(limitKey({ tenant: 'a\u001b[2J\nb', keyId: 'keyless', plane: 'data' }));
    expect(await run(['show', '--table', 'rate-limits'])).toBe(0);
    expect(output.stdout).not.toContain('\u001b');
    expect(output.stdout.split('\n')).toHaveLength(8);
  });
});

describe('cli limit set', () => {
  const set = (...args: string[]): Promise<number> => run(['set', ...args, ...OF_THE_STACK]);

  it('writes a policy that keeps every window, and takes it back', async () => {
    await make(DATA_KEY);
    expect(await set('--requests', '300', '--per-seconds', '1')).toBe(0);
    expect(output.stdout).toBe(
      'The policy of plane data, tenant default, key a1b2c3d4e5f60718 is 300 requests in 1 s, paced at 290.8 slots/s, ' +
        "from each worker's next lease on. The settings would allow 500 requests in 1 s.\n",
    );
    const spacing = emissionMicros({ requests: 300, perSeconds: 1 });
    expect(await store.read(DATA_KEY)).toMatchObject({ policySpacingMicros: spacing });
    expect((await shown())[0]).toMatchObject({ policySlotsPerSecond: 1_000_000 / spacing, slotsPerSecond: 1_000_000 / spacing });
    expect(await set('--clear')).toBe(0);
    expect(await store.read(DATA_KEY)).not.toHaveProperty('policySpacingMicros');
    expect((await shown())[0]).toMatchObject({ policySlotsPerSecond: null, slotsPerSecond: 1_000_000 / SPACING_MICROS });
  });

  it('says that a policy above the settings changes nothing', async () => {
    await make(DATA_KEY);
    expect(await set('--requests', '900', '--per-seconds', '1')).toBe(0);
    expect(output.stdout).toContain('It changes nothing now: the settings allow no more than 500 requests in 1 s');
    expect((await shown())[0]).toMatchObject({ slotsPerSecond: 1_000_000 / SPACING_MICROS });
  });

  it('forgets a slow-down, and says so', async () => {
    await make(DATA_KEY, { slowdown: { spacingMicros: 50_000, atMicros: nowMicros(), refusedSpacingMicros: 2_041 } });
    expect(await set('--clear')).toBe(0);
    expect(output.stdout).toContain('The slow-down after refusals is forgotten.');
    expect((await shown())[0]).toMatchObject({ slowdown: null, slotsPerSecond: 1_000_000 / SPACING_MICROS });
  });

  it('says that a pause goes on, which no policy ends', async () => {
    await make(DATA_KEY, { nextSlotMicros: nowMicros() + 240_000_000 });
    expect(await set('--clear')).toBe(0);
    expect(output.stdout).toMatch(/a pause that SafeDep asked for goes on: the next slot is in (4 min|2\d\d s)\.\n$/);
  });

  it('refuses to guess which of several limits is meant, and changes the one that is named', async () => {
    await make(DATA_KEY);
    await make(OTHER_KEY);
    await make(COMMUNITY_KEY);
    expect(await set('--requests', '100', '--per-seconds', '1', '--plane', 'data')).toBe(2);
    expect(output.stderr).toMatch(/^2 limits are meant; say which with --plane, --tenant and --key: plane data/);
    expect(await set('--requests', '100', '--per-seconds', '1', '--key', '0123456789abcdef')).toBe(0);
    const policies = (await shown()).map(({ keyId, policySlotsPerSecond }) => [keyId, policySlotsPerSecond !== null]);
    expect(Object.fromEntries(policies)).toEqual({ a1b2c3d4e5f60718: false, '0123456789abcdef': true, keyless: false });
  });

  it('is obeyed by the next lease of a session that runs', async () => {
    await make(DATA_KEY, { nextSlotMicros: nowMicros() });
    const source = createPermitSource({
      store,
      key: DATA_KEY,
      limits: [SETTINGS_LIMIT],
      clock: createFleetClock({ sources: [], wallBoundMs: 1 }),
    });
    const session = source.open({ need: 100, callsAtOnce: 2, lane: 'live', deadlineAtMs: Date.now() + 60_000 });
    try {
      await takeSlots(session, 3);
      expect(await set('--requests', '20', '--per-seconds', '1')).toBe(0);
      const spacing = emissionMicros({ requests: 20, perSeconds: 1 });
      // Slots of earlier leases lie before this, those of later ones do not.
      const boundary = (await store.read(DATA_KEY))?.nextSlotMicros ?? Number.NaN;
      const slots = await takeSlots(session, 4, boundary);
      for (const [index, slot] of slots.slice(1).entries()) expect(slot - (slots[index] ?? 0)).toBeGreaterThanOrEqual(spacing - 1);
      expect(await store.read(DATA_KEY)).toMatchObject({ spacingMicros: spacing });
      expect(source.status().slotsPerSecond).toBe(1_000_000 / spacing);
    } finally {
      await session.close();
    }
  });

  it('wins over a slow-down that comes between its read and its write', async () => {
    await make(DATA_KEY);
    const { version } = (await store.read(DATA_KEY)) as LimitState;
    const slowdown = { spacingMicros: 3_000, atMicros: nowMicros(), refusedSpacingMicros: 2_041 };
    const versions: unknown[] = [];
    const send = DynamoDBClient.prototype.send as (command: object) => Promise<object>;
    vi.spyOn(DynamoDBClient.prototype, 'send').mockImplementation(async function (this: DynamoDBClient, command: object) {
      if (command instanceof UpdateItemCommand && versions.push(command.input.ExpressionAttributeValues?.[':x0']?.N) === 1)
        await store.write(DATA_KEY, { kind: 'slow-down', version, slowdown, stampMicros: nowMicros() });
      return send.call(this, command);
    });
    expect(await set('--requests', '100', '--per-seconds', '1')).toBe(0);
    // The command's write, the worker's that comes before it, and the command's again.
    expect(versions).toEqual([version, version, version + 1].map(String));
    const after = await store.read(DATA_KEY);
    expect(after).toMatchObject({ version: version + 2, policySpacingMicros: emissionMicros({ requests: 100, perSeconds: 1 }) });
    expect(after).not.toHaveProperty('slowdown');
    expect(output.stdout).toContain('The slow-down after refusals is forgotten.');
  });
});

describe('cli limit', () => {
  it('finds the pipeline that npm start runs, and its settings', async () => {
    await make(DATA_KEY);
    const withdraw = await announce(join(folder.path, 'safedep-watch'), {
      pid: process.pid,
      lambdaUrl: 'http://127.0.0.1:1',
      dynamoDbUrl: engine.url,
      rateLimitsTableName: 'rate-limits',
      settingsTableName: 'settings',
      scansTableName: 'scans',
      sqsUrl: 'http://127.0.0.1:1',
      reportsQueueUrl: 'http://127.0.0.1:1/reports',
      repositories: [],
    });
    try {
      expect(await run(['set', '--requests', '50', '--per-seconds', '1']), output.stderr).toBe(0);
      expect(await run(['show']), output.stderr).toBe(0);
      expect(output.stdout).toMatch(/rate now +48\.\d slots\/s; the settings allow 500 requests in 1 s/);
    } finally {
      await withdraw();
    }
  });

  it.each<[string, string[], RegExp]>([
    ['no pipeline runs', ['show'], /^No pipeline runs on this machine; start one with npm start, or name the table/],
    ['there is no such table', ['show', '--table', 'nowhere'], /^The limits could not be reached: there is no table of that name/],
    ['the table has no limit', ['show', '--table', 'rate-limits'], /^The table rate-limits has no limit yet\. The first worker/],
    ['there is nothing to set', ['set', '--clear', '--table', 'rate-limits'], /^The table rate-limits has no limit yet\./],
  ])('exits 2 with a sentence where %s', async (_, args, sentence) => {
    expect(await run(args)).toBe(2);
    expect(output.stderr).toMatch(sentence);
    expect(output.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('exits 2 and names what there is where nothing fits', async () => {
    await make(DATA_KEY);
    expect(await run(['show', '--plane', 'control', '--table', 'rate-limits'])).toBe(2);
    expect(output.stderr).toBe('There is no such limit, only: plane data, tenant default, key a1b2c3d4e5f60718.\n');
  });

  it('says that a table is another one, instead of calling its items broken limits', async () => {
    expect(await run(['show', '--table', 'settings'])).toBe(2);
    expect(output.stderr).toBe(
      'The limits could not be reached: the table settings is none of rate limits, it has items of another kind\n',
    );
  });

  it.each([['show'], ['set', '--clear']])('%s tells settings that cannot be read from limits that cannot', async (...args) => {
    await make(DATA_KEY, { policySpacingMicros: 10_000 });
    expect(await run([...args, '--table', 'rate-limits', '--settings-table', 'nowhere'])).toBe(2);
    expect(output.stderr).toMatch(/^The settings could not be read: there is no table of that name .*nothing was changed\.\n$/);
    expect(await store.read(DATA_KEY)).toMatchObject({ policySpacingMicros: 10_000 });
  });

  it('exits 2 and names the item that no limit can go on with', async () => {
    await client.send(new PutItemCommand({ TableName: 'rate-limits', Item: { pk: { S: DATA_KEY }, t: { N: '1' } } }));
    expect(await run(['show', '--table', 'rate-limits'])).toBe(2);
    expect(output.stderr).toContain(DATA_KEY);
  });

  it.each<[string[], string]>([
    [[], 'limit takes show or set.'],
    [['raise'], 'limit takes show or set.'],
    [['show', '--plane', 'moon'], '--plane is one of data, control, community.'],
    [['show', '--clear'], 'show changes nothing'],
    [['set'], 'set takes either --requests N --per-seconds S, or --clear.'],
    [['set', '--clear', '--requests', '1'], 'set takes either'],
    [['set', '--requests', '5'], '--per-seconds takes a whole number from 1 on.'],
    [['set', '--requests', '0', '--per-seconds', '1'], '--requests takes a whole number from 1 on.'],
    [['set', '--requests', '1e3', '--per-seconds', '1'], '--requests takes a whole number from 1 on.'],
    [['set', '--requests', '1', '--per-seconds', '3600'], '1 request in 3,600 s is too slow'],
    [['set', '--clear', '--json'], '--json goes with show.'],
    [['show', '--settings-table', 'settings'], '--settings-table goes with --table.'],
    [['show', '--table', ''], '--table takes the name of a table.'],
    [['show', '--table', 'rate-limits', '--settings-table', ''], '--settings-table takes the name of a table.'],
    [['show', '--verbose'], "Unknown option '--verbose'"],
  ])('refuses %j', async (args, sentence) => {
    expect(await run(args)).toBe(3);
    expect(output.stderr.startsWith(sentence), output.stderr).toBe(true);
    expect(output.stderr).toContain('usage: npm run cli -- limit show');
  });

  it('is a command of the operator’s, with --help', () => {
    const main = new URL('../../../infra/cli/main.ts', import.meta.url).pathname;
    const { status, stdout } = spawnSync(process.execPath, [main, 'limit', '--help'], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain('a policy can lower what they allow, never raise it');
  });
});

/** Instants of the session's next slots from a time on, in microseconds. */
async function takeSlots(session: PermitSession, many: number, fromMicros = 0): Promise<number[]> {
  const slots: number[] = [];
  while (slots.length < many) {
    const answer = await session.next();
    if (!answer.granted) throw new Error(`refused: ${answer.reason}`);
    const slotMicros = Math.round(answer.slotAtMs * MICROS_PER_MS);
    if (slotMicros >= fromMicros) slots.push(slotMicros);
  }
  return slots;
}
