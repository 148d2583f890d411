import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Code } from '@connectrpc/connect';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MESSAGES_AT_ONCE } from '../../../functions/report/publish-messages.ts';
import { type ReportPorts, sendReport } from '../../../functions/report/send-report.ts';
import type { DynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import type { LogFields } from '../../../shared/aws/log.ts';
import type { StoredFinding } from '../../../shared/findings/transition.ts';
import type { Verdict } from '../../../shared/insights/verdict.ts';
import type { SnapshotFacts } from '../../../shared/inventory/ref-item.ts';
import type { SnapshotLockFile } from '../../../shared/inventory/snapshot.ts';
import type { ReportRequest } from '../../../shared/messages/queue-messages.ts';
import { type PackageVersion, packageKey } from '../../../shared/model/package-version.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';
import type { PermitAnswer, PermitSession } from '../../../shared/rate-limit/permits.ts';
import { createReportStore, type ReportStore } from '../../../shared/report/dynamodb.ts';
import { createReportSessionClient, type ReportSessionClient } from '../../../shared/safedep/report-session-client.ts';
import { createScanStore, type ScanStore } from '../../../shared/scans/dynamodb.ts';
import { startTables } from '../../simulation/local-tables.ts';
import { type Method, type ReceivedCall, startToolServer } from './tool-server.ts';

const SUCCESS = 1;
const ERROR = 2;
const CANARY = 'canary-credential-7';

let engine: DynamoDb;
let dynamoDb: DynamoDBClient;
let scans: ScanStore;
let reports: ReportStore;
let server: Awaited<ReturnType<typeof startToolServer>>;
let client: ReportSessionClient;
let repositoryNumber = 0;

beforeAll(async () => {
  engine = await startTables();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  dynamoDb = new DynamoDBClient({ endpoint: engine.url, region: 'us-east-1', credentials });
  scans = createScanStore(dynamoDb, 'scans');
  reports = createReportStore(dynamoDb, 'scans');
});

afterAll(async () => {
  dynamoDb.destroy();
  await engine.close();
});

beforeEach(async () => {
  server = await startToolServer();
  client = createReportSessionClient({
    baseUrl: server.url,
    transport: 'grpc',
    credential: async () => ({ authorization: CANARY, tenantId: 'tenant.example' }),
    onFallback: (sentence) => expect.fail(sentence),
  });
});

afterEach(async () => {
  client.close();
  await server.close();
});

const npm = (name: string): PackageVersion => ({ ecosystem: 'NPM', name, version: '1.0.0' });

/** A scanned ref with its report request, and deliveries of that request with a clock of their own. */
async function makeWorld(packages: readonly PackageVersion[] = ['a', 'b', 'evil'].map(npm)) {
  repositoryNumber += 1;
  const ref = {
    tenant: 'default',
    forge: 'github',
    host: 'github.com',
    repositoryId: String(repositoryNumber),
    ref: 'refs/heads/main',
  } as const;
  const generation = 3;
  await scans.open({ ref, generation }, { commit: 'c0ffee', repositoryName: 'acme/shop', lane: 'live', batchCount: 0 }, 0);
  const request: ReportRequest = { version: 1, kind: 'report', ref, repositoryName: 'acme/shop', generation, commit: 'c0ffee' };
  const snapshot: SnapshotFacts = {
    generation,
    commit: 'c0ffee',
    readingDigest: 'r',
    pageCount: 1,
    problems: [],
    deleted: false,
    repositoryName: 'acme/shop',
    repositoryUrl: 'https://github.com/acme/shop',
    isDefaultBranch: true,
  };
  const lockFile = (path: string, index: number, status: 'read' | 'error' = 'read'): SnapshotLockFile => ({
    path,
    format: 'npm',
    status,
    packageCount: packages.length,
    gapCount: 0,
    warnings: [],
    consulted: [path],
    pagesGeneration: generation,
    index,
    pageCount: 1,
  });
  const finding = (id: string, decision: 'reject' | 'warn', state: 'open' | 'resolved'): StoredFinding => ({
    finding: {
      id,
      factId: id,
      kind: 'malware',
      severity: 'critical',
      packageVersion: npm('evil'),
      primaryId: '01A',
      title: 'steals',
      decision,
      decisionReason: 'malware, verified',
      lockFiles: ['web/package-lock.json'],
    },
    state,
    transition: 1,
    lastEvaluation: 1,
    intents: {},
  });
  const verdict = (facts: Verdict['facts']): Verdict => ({ answers: {}, facts, failures: {}, digest: 'd' });
  const world = {
    nowMs: 1_000_000,
    /** Decides on each permit; all are granted unless a test says otherwise. */
    permit: (): PermitAnswer => ({ granted: true, slotAtMs: 0 }),
    answers: 'cloud' as ReportPorts['answers'],
    settings: DEFAULT_SETTINGS.reports,
    snapshot: snapshot as SnapshotFacts | undefined,
    stored: [finding('f1', 'reject', 'open'), finding('f2', 'warn', 'open'), finding('f3', 'reject', 'resolved')],
    lockFiles: [lockFile('web/package-lock.json', 0), lockFile('broken.lock', 1, 'error')],
    request,
    logged: [] as string[],
    permitsTaken: 0,
    throttledTold: 0,
    readCounts: [] as number[],
    state: async () => (await reports.readState(ref)).state,
    deliver: (receiveCount = 1, changes: Partial<ReportPorts> = {}) => {
      const write = (message: string, fields: LogFields = {}) => void world.logged.push(`${message} ${JSON.stringify(fields)}`);
      const permits: PermitSession = {
        next: async () => {
          const answer = world.permit();
          if (answer.granted) world.permitsTaken += 1;
          return answer;
        },
        refused: () => {
          world.throttledTold += 1;
        },
        serveDue: () => undefined,
        close: async () => undefined,
      };
      return sendReport(request, {
        answers: world.answers,
        toolVersion: '0.1.0',
        scans,
        settings: world.settings,
        reports,
        holder: 'message-1',
        inventory: {
          readRef: async () => ({
            generation,
            seenGeneration: generation,
            evaluation: 1,
            wholeEvaluation: 1,
            ...(world.snapshot ? { snapshot: world.snapshot } : {}),
          }),
          readLockFiles: async () => world.lockFiles,
          readManifest: async () => ({ packages, gaps: [], poisonings: [] }),
        },
        insights: {
          read: async (asked) => {
            world.readCounts.push(asked.length);
            return new Map(
              asked.map((entry) => [
                packageKey(entry),
                verdict(
                  entry.name === 'evil'
                    ? { malware: { verdict: 'malicious', analysisId: '01A', title: 'steals' } }
                    : { vulnerabilities: [], licences: ['MIT'] },
                ),
              ]),
            );
          },
        },
        findings: { readAll: async () => world.stored },
        client,
        openPermits: async () => permits,
        sendUntilMs: world.nowMs + 50_000,
        deadlineAtMs: world.nowMs + 60_000,
        receiveCount,
        nowMs: () => world.nowMs,
        sleep: async (ms) => {
          world.nowMs += ms;
        },
        log: { info: write, warn: write, error: write },
        ...changes,
      });
    },
  };
  return world;
}

const subjects = (method: Method) =>
  server
    .accepted(method)
    .map(({ subject }) => subject)
    .sort();
const statuses = () => Object.fromEntries(server.completed);
/** Refuses the calls of one method with a code, the first `count` of them. */
function failing(method: Method, code: Code, count = Number.POSITIVE_INFINITY, subject = '') {
  let left = count;
  return (call: ReceivedCall): Code | undefined => {
    if (call.method !== method || !call.subject.includes(subject) || left === 0) return undefined;
    left -= 1;
    return code;
  };
}

describe('sendReport', () => {
  it('sends one session: every package of every readable lock file, every rejected open finding, then its end', async () => {
    const world = await makeWorld();
    expect(await world.deliver()).toBe('done');
    expect(subjects('create')).toEqual(['acme/shop']);
    expect(subjects('insight')).toEqual([
      'a@1.0.0 web/package-lock.json',
      'b@1.0.0 web/package-lock.json',
      'evil@1.0.0 web/package-lock.json',
    ]);
    expect(subjects('violation')).toEqual(['evil@1.0.0 web/package-lock.json safedep-watch/malware']);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
    expect(server.calls[0]?.method).toBe('create');
    expect(server.calls.at(-1)?.method).toBe('complete');
    expect(world.permitsTaken).toBe(server.calls.length);
  });

  it('sends nothing twice: a redelivery after the end opens no second session', async () => {
    const world = await makeWorld();
    await world.deliver();
    expect(await world.deliver(2)).toBe('done');
    expect(server.accepted('create')).toHaveLength(1);
    expect(await world.state()).toMatchObject({ settledGeneration: 3, last: { id: 'session-1', publishedCount: 4 } });
  });

  it('never reports made-up answers', async () => {
    const world = await makeWorld();
    world.answers = 'stand-in';
    expect(await world.deliver()).toBe('done');
    expect(server.calls).toEqual([]);
    expect(world.logged.join()).toContain('made-up');
  });

  it('does not send what another snapshot has replaced, a deleted ref or a scan that is gone', async () => {
    for (const change of [{ generation: 4 }, { deleted: true }]) {
      const world = await makeWorld();
      world.snapshot = world.snapshot && { ...world.snapshot, ...change };
      expect(await world.deliver()).toBe('done');
    }
    const superseded = await makeWorld();
    await scans.supersede(superseded.request, 0);
    expect(await superseded.deliver()).toBe('done');
    const unknown = await makeWorld();
    expect(await unknown.deliver(1, { scans: { read: async () => undefined } })).toBe('done');
    expect(server.calls).toEqual([]);
  });

  it('goes on with the same session where its time was up, and sends each message once', async () => {
    const packages = Array.from({ length: 2_500 }, (_, index) => npm(`package-${index}`));
    const world = await makeWorld(packages);
    world.stored = [];
    let deliveries = 0;
    let result: Awaited<ReturnType<typeof world.deliver>>;
    do {
      deliveries += 1;
      let left = 700;
      world.permit = () => {
        left -= 1;
        return left >= 0 ? { granted: true, slotAtMs: 0 } : { granted: false, reason: 'deadline', retryAfterMs: 0 };
      };
      result = await world.deliver(deliveries);
      if (result !== 'done') expect(result).toEqual({ againAfterSeconds: 1 });
    } while (result !== 'done');
    expect(deliveries).toBe(4);
    expect(server.accepted('create')).toHaveLength(1);
    expect(subjects('insight')).toEqual(packages.map(({ name }) => `${name}@1.0.0 web/package-lock.json`).sort());
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
    expect(Math.max(...world.readCounts)).toBeLessThanOrEqual(1_000);
  });

  it('waits for its turn behind everything else, and gives the request back when there is none in time', async () => {
    const world = await makeWorld();
    let refusals = 3;
    world.permit = () => {
      refusals -= 1;
      return refusals >= 0 ? { granted: false, reason: 'horizon-full', retryAfterMs: 300 } : { granted: true, slotAtMs: 0 };
    };
    expect(await world.deliver()).toBe('done');
    expect(world.nowMs).toBeGreaterThanOrEqual(1_000_900);
    const starved = await makeWorld();
    starved.permit = () => ({ granted: false, reason: 'horizon-full', retryAfterMs: 300 });
    expect(await starved.deliver()).toEqual({ againAfterSeconds: 1 });
  });

  it('goes on with the session of an invocation that died, behind what is durably acknowledged', async () => {
    const packages = Array.from({ length: 200 }, (_, index) => npm(`package-${index}`));
    const world = await makeWorld(packages);
    world.stored = [];
    let seen = 0;
    const died = Promise.withResolvers<void>();
    void world.deliver(1, {
      client: {
        ...client,
        publishPackageInsight: (...args) => {
          seen += 1;
          if (seen < 100) return client.publishPackageInsight(...args);
          died.resolve();
          // Never answered: as if the process were gone.
          return new Promise(() => undefined);
        },
      },
    });
    await died.promise;
    expect(await world.deliver(2, { holder: 'message-2' })).toEqual({ againAfterSeconds: 60 });
    expect(await world.deliver(2)).toBe('done');
    expect(server.accepted('create')).toHaveLength(1);
    expect(new Set(subjects('insight')).size).toBe(200);
    expect(server.accepted('insight').length).toBeLessThanOrEqual(200 + MESSAGES_AT_ONCE);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
  });

  it('leaves a report alone that another invocation is sending', async () => {
    const world = await makeWorld();
    const lease = { holder: 'message-9', untilMs: world.nowMs + 30_000 };
    await reports.moveState(world.request.ref, { number: 0 }, { version: 1, repositoryName: 'acme/shop', lease });
    expect(await world.deliver()).toEqual({ againAfterSeconds: 30 });
    expect(server.calls).toEqual([]);
  });

  it('opens one session where two deliveries come at once', async () => {
    const world = await makeWorld();
    const deliveries = ['message-1', 'message-2', 'message-3'].map((holder) => world.deliver(1, { holder }));
    const results = await Promise.allSettled(deliveries);
    expect(results.filter((result) => result.status === 'fulfilled' && result.value === 'done')).toHaveLength(1);
    expect(server.accepted('create')).toHaveLength(1);
    expect(server.accepted('insight')).toHaveLength(3);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
  });

  it.each([
    ['unavailable', Code.Unavailable],
    ['internal', Code.Internal],
    ['throttled', Code.ResourceExhausted],
  ])('tries a message again that failed as %s', async (_name, code) => {
    const world = await makeWorld();
    server.fault = failing('insight', code, 3, 'b@');
    expect(await world.deliver()).toBe('done');
    expect(subjects('insight')).toHaveLength(3);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
    expect(world.throttledTold).toBe(code === Code.ResourceExhausted ? 3 : 0);
    expect(world.permitsTaken).toBe(server.calls.length + 3);
  });

  it('pauses on a service that keeps failing, waits longer each time and loses nothing', async () => {
    const world = await makeWorld();
    server.fault = failing('insight', Code.Unavailable, 40, 'b@');
    const waits: unknown[] = [];
    let receiveCount = 0;
    for (let result = await world.deliver(1); result !== 'done'; result = await world.deliver(receiveCount + 1)) {
      receiveCount += 1;
      waits.push(result.againAfterSeconds);
    }
    expect(waits).toEqual([15, 30, 60, 120, 240, 480, 900, 900]);
    expect(server.accepted('create')).toHaveLength(1);
    expect(subjects('insight')).toHaveLength(3);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
  });

  it.each([Code.Unauthenticated, Code.PermissionDenied, Code.Unimplemented])(
    'keeps the request where SafeDep answers %i, and shows no credential',
    async (code) => {
      const world = await makeWorld();
      server.fault = (call) => (call.method === 'create' ? code : undefined);
      expect(await world.deliver()).toEqual({ againAfterSeconds: 15 });
      server.fault = (call) => (call.method === 'insight' ? code : undefined);
      expect(await world.deliver(2)).toEqual({ againAfterSeconds: 30 });
      server.fault = () => undefined;
      expect(await world.deliver(3)).toBe('done');
      expect(statuses()).toEqual({ 'session-2': SUCCESS });
      expect(world.logged.join()).not.toContain(CANARY);
    },
  );

  it('leaves out a message that SafeDep refuses for good, and says so', async () => {
    const world = await makeWorld();
    server.fault = failing('insight', Code.InvalidArgument, 1, 'b@');
    expect(await world.deliver()).toBe('done');
    expect(subjects('insight')).toHaveLength(2);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
    expect(world.logged.join()).toContain('"lackingCount":1');
  });

  it('says how many packages are outside the limits of SafeDep', async () => {
    const world = await makeWorld([npm('a'), npm('x'.repeat(256))]);
    world.stored = [];
    expect(await world.deliver()).toBe('done');
    expect(subjects('insight')).toHaveLength(1);
    expect(world.logged.join()).toContain('"lackingCount":1');
  });

  it('begins another session where SafeDep forgot this one, or refuses message after message', async () => {
    const world = await makeWorld(Array.from({ length: 60 }, (_, index) => npm(`p${index}`)));
    world.stored = [];
    server.fault = failing('insight', Code.NotFound, 1);
    expect(await world.deliver(1)).toEqual({ againAfterSeconds: 15 });
    server.fault = failing('insight', Code.InvalidArgument, 60);
    expect(await world.deliver(2)).toEqual({ againAfterSeconds: 30 });
    server.fault = () => undefined;
    expect(await world.deliver(3)).toBe('done');
    expect(server.accepted('insight').filter(({ sessionId }) => sessionId === 'session-3')).toHaveLength(60);
    expect(statuses()).toEqual({ 'session-2': ERROR, 'session-3': SUCCESS });
  });

  it('takes a session for ended whose end was acknowledged and the acknowledgement lost', async () => {
    const world = await makeWorld();
    const lost = world.deliver(1, {
      client: {
        ...client,
        completeToolSession: async (...args) => {
          await client.completeToolSession(...args);
          return { kind: 'retry', code: 'Unavailable', reason: 'the answer was lost' };
        },
      },
    });
    // The service refuses to end it a second time.
    expect(await lost).toEqual({ againAfterSeconds: 15 });
    expect((await world.state())?.session).toMatchObject({ id: 'session-1', completing: { publishedCount: 4 } });
    expect(await world.deliver(2)).toBe('done');
    expect(server.accepted('create')).toHaveLength(1);
    expect(await world.state()).not.toHaveProperty('session');
  });

  it('goes on with a paused session by what is so then: a finding that was resolved meanwhile is not told', async () => {
    const world = await makeWorld();
    server.fault = failing('violation', Code.Unavailable);
    expect(await world.deliver()).toEqual({ againAfterSeconds: 15 });
    server.fault = () => undefined;
    world.stored = [];
    expect(await world.deliver(2)).toBe('done');
    expect(subjects('violation')).toEqual([]);
    expect(server.accepted('insight')).toHaveLength(3);
    expect(statuses()).toEqual({ 'session-1': SUCCESS });
  });

  it('ends a paused session as an error once its scan is replaced', async () => {
    const world = await makeWorld();
    server.fault = failing('insight', Code.Unavailable);
    await world.deliver();
    server.fault = () => undefined;
    world.snapshot = world.snapshot && { ...world.snapshot, generation: 9 };
    expect(await world.deliver(2)).toBe('done');
    expect(statuses()).toEqual({ 'session-1': ERROR });
  });
});
