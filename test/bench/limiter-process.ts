import { openSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDB, DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { RateLimiterDynamo, RateLimiterRes } from 'rate-limiter-flexible';
import { startDynamoDb } from '../../infra/local/engines/dynamodb.ts';
import { createFleetClock } from '../../shared/rate-limit/clock.ts';
import { dynamoLimitStore } from '../../shared/rate-limit/dynamodb.ts';
import { createPermitSource, type PermitAnswer } from '../../shared/rate-limit/permits.ts';
import { sntpTimeSource } from '../../shared/rate-limit/sntp.ts';

/** The processes of the limiter's bench: the server that is called, the store, and a worker. Forked by `limiter.ts` with a role. */

const LIMIT_PER_SECOND = 500;
const TABLE_NAME = 'rate-limits';
/** The peer names its key attribute itself. */
const PEER_TABLE_NAME = 'peer-rate-limits';
const CALLS_PER_BATCH = 64;
const LEASE_TIMEOUT_MS = 1_000;
const GAP_MS = 25;
const CRASH_SHARE = 0.01;
const FREEZE_SHARE = 0.003;
const CLOCK_ERROR_SIGMA_MS = 50;

export interface WorkerSettings {
  readonly limiter: 'ours' | 'peer';
  readonly serverUrl: string;
  readonly storeUrl: string;
  readonly timeServer: string;
  readonly stampFile: string;
  readonly hasFaults: boolean;
}

export type ProcessMessage =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'server-report'; readonly arrivalsMs: readonly number[]; readonly longestStallMs: number }
  | { readonly kind: 'store-report'; readonly writes: number }
  | { readonly kind: 'batch'; readonly waitsMs: readonly number[]; readonly booked: number; readonly dropped: number };

function tell(message: ProcessMessage): void {
  process.send?.(message);
}

/** The kernel's monotonic clock, which all processes of a machine share. */
function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

/** Answers after a lognormal time, median 90 ms, 99 % within 300 ms; stamps arrivals, and its own stalls. */
function serve(): void {
  const arrivalsMs: number[] = [];
  let longestStallMs = 0;
  let beat = sharedMs();
  setInterval(() => {
    const now = sharedMs();
    longestStallMs = Math.max(longestStallMs, now - beat - 5);
    beat = now;
  }, 5);
  const server = createServer();
  server.on('stream', (stream) => {
    arrivalsMs.push(sharedMs());
    stream.on('error', () => stream.destroy());
    setTimeout(
      () => {
        if (stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end();
      },
      90 * Math.exp((Math.log(300 / 90) / 2.326) * normal()),
    );
  });
  server.listen(0, '127.0.0.1', () => tell({ kind: 'listening', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
  process.on('message', (message) => {
    if (message === 'reset') longestStallMs = 0;
    else process.send?.({ kind: 'server-report', arrivalsMs, longestStallMs } satisfies ProcessMessage, () => process.exit());
  });
}

/** The embedded DynamoDB with the limiter's table; counts the writes that reach it, failed conditions included. */
async function keep(): Promise<void> {
  let writes = 0;
  const engine = await startDynamoDb([], {
    fault: (operation) => {
      if (operation === 'UpdateItem' || operation === 'PutItem') writes += 1;
      return undefined;
    },
  });
  for (const [TableName, AttributeName] of [
    [TABLE_NAME, 'pk'],
    [PEER_TABLE_NAME, 'key'],
  ] as const) {
    await new DynamoDBClient(access(engine.url)).send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName, AttributeType: 'S' }],
      }),
    );
  }
  process.on('message', () => process.send?.({ kind: 'store-report', writes } satisfies ProcessMessage, () => process.exit()));
  tell({ kind: 'listening', url: engine.url });
}

/** Ours gives up as the product does; the peer, which waits in long lines of its own making, has all the time that it wants. */
function access(endpoint: string, requestTimeoutMs = 30_000): DynamoDBClientConfig {
  return {
    endpoint,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 2,
    requestHandler: { requestTimeout: requestTimeoutMs, throwOnRequestTimeout: true },
  };
}

/** What a batch of calls needs of a limiter. */
interface Permits {
  next(): Promise<PermitAnswer>;
  /** The process has a moment. */
  serveDue(): void;
  close(): Promise<void>;
}

interface Limiter {
  open(): Permits;
  totals(): { readonly booked: number; readonly dropped: number };
}

function ourLimiter({ storeUrl, timeServer }: WorkerSettings, errorMicros: number): Limiter {
  const monotonicMicros = (): number => (performance.timeOrigin + performance.now()) * 1_000 + errorMicros;
  const source = createPermitSource({
    store: dynamoLimitStore(new DynamoDBClient(access(storeUrl, LEASE_TIMEOUT_MS)), TABLE_NAME),
    key: 'rl#bench#keyless#data',
    limits: [{ requests: LIMIT_PER_SECOND, perSeconds: 1 }],
    clock: createFleetClock({
      sources: [sntpTimeSource(timeServer, monotonicMicros)],
      monotonicMicros,
      wallMicros: () => Math.floor((Date.now() * 1_000 + errorMicros) / 1_000) * 1_000,
    }),
  });
  return {
    open: () => source.open({ need: CALLS_PER_BATCH, lane: 'background', deadlineAtMs: Date.now() + 15_000, patienceMs: 0 }),
    totals: () => source.totals(),
  };
}

/** rate-limiter-flexible as its documentation shows it: consume a point for each call, wait as long as a refusal says. */
function peerLimiter({ storeUrl }: WorkerSettings, errorMicros: number): Limiter {
  const now = Date.now;
  Date.now = () => now() + Math.round(errorMicros / 1_000);
  const limiter = new RateLimiterDynamo({
    storeClient: new DynamoDB(access(storeUrl)),
    tableName: PEER_TABLE_NAME,
    tableCreated: true,
    ttlSet: true,
    points: LIMIT_PER_SECOND,
    duration: 1,
  });
  let granted = 0;
  async function next(): Promise<PermitAnswer> {
    for (;;) {
      try {
        await limiter.consume('data');
        granted += 1;
        return { granted: true, slotAtMs: now() };
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal;
        await sleep(Math.max(1, refusal.msBeforeNext));
      }
    }
  }
  return {
    open: () => ({ next, serveDue: () => undefined, close: async () => undefined }),
    totals: () => ({ booked: granted, dropped: 0 }),
  };
}

/** Works off batches for ever, as one execution environment does: its clock is wrong, and it may crash or freeze in a batch. */
async function work(settings: WorkerSettings): Promise<void> {
  const errorMicros = CLOCK_ERROR_SIGMA_MS * 1_000 * normal();
  const limiter = settings.limiter === 'ours' ? ourLimiter(settings, errorMicros) : peerLimiter(settings, errorMicros);
  const stamps = openSync(settings.stampFile, 'a');
  const stamp = new Float64Array(1);
  const connection = connect(settings.serverUrl);
  connection.on('error', () => process.exit(1));
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      stamp[0] = sharedMs();
      const stream = connection.request({ ':path': '/' });
      writeSync(stamps, new Uint8Array(stamp.buffer));
      stream.on('close', () => resolve());
      stream.on('error', () => stream.destroy());
      stream.resume();
      stream.end();
    });

  let before = limiter.totals();
  for (;;) {
    const isCrash = settings.hasFaults && Math.random() < CRASH_SHARE;
    const isFreeze = settings.hasFaults && Math.random() < FREEZE_SHARE;
    const faultAt = Math.floor(Math.random() * CALLS_PER_BATCH);
    const permits = limiter.open();
    const askedAt = sharedMs();
    const waitsMs: number[] = [];
    let retryAfterMs = 0;
    await Promise.all(
      Array.from({ length: CALLS_PER_BATCH }, async (_, index) => {
        const refusal = await callOnce(permits, async () => {
          waitsMs.push(sharedMs() - askedAt);
          if (isCrash && index === faultAt) process.exit(1);
          if (isFreeze && index === faultAt) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200 + Math.random() * 1_800);
          await call();
          permits.serveDue();
        });
        retryAfterMs = Math.max(retryAfterMs, refusal);
      }),
    );
    await permits.close();
    const totals = limiter.totals();
    tell({ kind: 'batch', waitsMs, booked: totals.booked - before.booked, dropped: totals.dropped - before.dropped });
    before = totals;
    await sleep(GAP_MS * (0.5 + Math.random()) + retryAfterMs);
  }
}

/** Makes the call if there is a permit; else how long to wait for the next try, milliseconds. */
async function callOnce(permits: Permits, call: () => Promise<void>): Promise<number> {
  const answer = await permits.next();
  if (!answer.granted) return answer.retryAfterMs;
  await call();
  return 0;
}

const [, , role, settings] = process.argv;
if (process.send && role === 'server') serve();
else if (process.send && role === 'store') await keep();
else if (process.send && role === 'worker') await work(JSON.parse(settings ?? '') as WorkerSettings);
