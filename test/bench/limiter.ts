import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSntp } from '../../infra/local/engines/sntp.ts';
import { countWindows, quantile } from '../shared/rate-limit/windows.ts';
import type { ProcessMessage, WorkerSettings } from './limiter-process.ts';
import { percent, report } from './verdicts.ts';

/**
 * The limiter with real processes: workers whose clocks are wrong by 50 ms (sigma), of which 1 % of batches crash and 0.3 % freeze,
 * the embedded DynamoDB, and an HTTP/2 server that stamps arrivals. What counts are ratios and windows; absolute times are this
 * machine's.
 */

const LIMIT = 500;
const SENDERS_MAX = 496;
/** A server that stood still for longer keeps workers on its processor waiting. */
const CALM_STALL_MAX_MS = 15;
const USED_MIN = 0.96;
/** At 8 workers with faults. */
const WRITES_PER_PERMIT_MAX = 0.03;
/** The new item's quiet time and the workers' first leases. */
const WARM_UP_MS = 4_000;
const PROCESS = fileURLToPath(new URL('./limiter-process.ts', import.meta.url));

interface Row {
  readonly used: number;
  readonly calls: number;
  readonly seconds: number;
  readonly maxAtSenders: number;
  readonly maxAtServer: number;
  readonly over: number;
  readonly writesPerPermit: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly droppedShare: number;
  readonly longestServerStallMs: number;
}

interface Conditions {
  readonly seconds: number;
  readonly workers: number;
  readonly hasFaults: boolean;
}

function bestOf(runs: readonly Row[]): Row {
  const [best] = runs.toSorted((left, right) => right.used - left.used);
  if (!best) throw new Error('--runs takes a number from 1');
  return best;
}

/** Capacity that was booked and then not used, as a share of the limit. */
const droppedOf = ({ used, droppedShare }: Row): number => (droppedShare * used) / (1 - droppedShare);

/** Resolves with the first message of a kind; rejects when the process ends before it. */
function heard<K extends ProcessMessage['kind']>(child: ChildProcess, kind: K): Promise<Extract<ProcessMessage, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended (${code}) before it said "${kind}"`));
    child.once('exit', onExit);
    child.on('message', (message: ProcessMessage) => {
      if (message.kind !== kind) return;
      child.off('exit', onExit);
      resolve(message as Extract<ProcessMessage, { kind: K }>);
    });
  });
}

/** Keeps so many workers running: one that crashed is replaced by one with another clock. */
class Workers {
  readonly waitsMs: number[] = [];
  booked = 0;
  dropped = 0;
  crashes = 0;
  readonly #running = new Set<ChildProcess>();
  #isEnding = false;

  start(settings: WorkerSettings): void {
    const child = fork(PROCESS, ['worker', JSON.stringify(settings)]);
    this.#running.add(child);
    child.on('message', (message: ProcessMessage) => {
      if (message.kind !== 'batch') return;
      this.waitsMs.push(...message.waitsMs);
      this.booked += message.booked;
      this.dropped += message.dropped;
    });
    child.once('exit', () => {
      this.#running.delete(child);
      if (this.#isEnding) return;
      this.crashes += 1;
      this.start(settings);
    });
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    const ends = [...this.#running].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all(ends);
  }
}

async function readStamps(files: readonly string[]): Promise<number[]> {
  const stamps: number[] = [];
  for (const file of files) {
    const bytes = await readFile(file);
    for (let at = 0; at + 8 <= bytes.length; at += 8) stamps.push(bytes.readDoubleLE(at));
  }
  return stamps;
}

async function measure(
  limiter: WorkerSettings['limiter'],
  { seconds, workers: workerCount, hasFaults }: Conditions,
): Promise<{ row: Row; crashes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'limiter-bench-'));
  const sntp = await startSntp();
  const [server, store] = [fork(PROCESS, ['server']), fork(PROCESS, ['store'])];
  const workers = new Workers();
  try {
    const [{ url: serverUrl }, { url: storeUrl }] = await Promise.all([heard(server, 'listening'), heard(store, 'listening')]);
    const stampFiles = Array.from({ length: workerCount }, (_, index) => join(folder, `sends-${index}`));
    for (const stampFile of stampFiles) workers.start({ limiter, serverUrl, storeUrl, timeServer: sntp.address, stampFile, hasFaults });
    await sleep(WARM_UP_MS);
    server.send('reset');
    const fromMs = Number(process.hrtime.bigint()) / 1e6;
    await sleep(seconds * 1_000);
    const toMs = Number(process.hrtime.bigint()) / 1e6;
    await workers.end();
    const reports = Promise.all([heard(server, 'server-report'), heard(store, 'store-report')]);
    server.send('report');
    store.send('report');
    const [{ arrivalsMs, longestStallMs }, { writes }] = await reports;
    const sends = await readStamps(stampFiles);
    const [senders, arrivals] = [countWindows(sends, 1_000, LIMIT), countWindows(arrivalsMs, 1_000, LIMIT)];
    const sentMeanwhile = sends.filter((stamp) => stamp >= fromMs && stamp < toMs).length;
    const row = {
      used: sentMeanwhile / ((LIMIT * (toMs - fromMs)) / 1_000),
      calls: sends.length,
      seconds,
      maxAtSenders: senders.max,
      maxAtServer: arrivals.max,
      over: arrivals.over,
      writesPerPermit: writes / sends.length,
      waitP50Ms: quantile(workers.waitsMs, 0.5),
      waitP99Ms: quantile(workers.waitsMs, 0.99),
      droppedShare: workers.dropped / workers.booked,
      longestServerStallMs: longestStallMs,
    };
    return { row, crashes: workers.crashes };
  } finally {
    await workers.end();
    for (const child of [server, store]) child.kill('SIGKILL');
    await sntp.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const LIMITERS = {
  ours: 'slot reservation',
  peer: 'rate-limiter-flexible (RateLimiterDynamo)',
} as const;

function rowsOf(runs: readonly Row[], hasFaults: boolean): Parameters<typeof report>[1] {
  const best = bestOf(runs);
  const list = (of: (row: Row) => number | string): string => runs.map(of).join(', ');
  const isCalm = best.longestServerStallMs < CALM_STALL_MAX_MS;
  const kept = best.used + droppedOf(best);
  return [
    {
      what: 'used and dropped, of the limit',
      measured: `${percent(kept)} (${list((row) => percent(row.used + droppedOf(row)))})`,
      ...(hasFaults ? { bar: `>= ${percent(USED_MIN)}`, passes: kept >= USED_MIN } : {}),
    },
    {
      what: 'used',
      measured: `${percent(best.used)} (${list((row) => percent(row.used))})`,
      bar: `>= ${percent(USED_MIN)}${isCalm ? '' : ` where the stall is < ${CALM_STALL_MAX_MS} ms`}`,
      passes: !isCalm || best.used >= USED_MIN,
    },
    { what: 'slots dropped', measured: list((row) => percent(row.droppedShare)) },
    {
      what: 'most in any 1 s, senders, every run',
      measured: list((row) => row.maxAtSenders),
      bar: `<= ${SENDERS_MAX}`,
      passes: runs.every((row) => row.maxAtSenders <= SENDERS_MAX),
    },
    {
      what: 'most in any 1 s, server (its longest stall)',
      measured: list((row) => `${row.maxAtServer} (${row.longestServerStallMs.toFixed(0)} ms)`),
    },
    { what: `windows over ${LIMIT}, server`, measured: list((row) => row.over) },
    {
      what: 'writes per permit',
      measured: list((row) => row.writesPerPermit.toFixed(4)),
      bar: `<= ${WRITES_PER_PERMIT_MAX}`,
      passes: best.writesPerPermit <= WRITES_PER_PERMIT_MAX,
    },
    { what: 'wait p50 / p99', measured: list((row) => `${row.waitP50Ms.toFixed(0)} / ${row.waitP99Ms.toFixed(0)} ms`) },
    { what: 'calls', measured: list((row) => row.calls) },
  ];
}

/** `npm run bench -- limiter [--seconds 60] [--runs 3] [--workers 8] [--no-faults] [--json]` */
export async function run(): Promise<boolean> {
  const { values } = parseArgs({
    strict: false,
    options: {
      seconds: { type: 'string' },
      runs: { type: 'string' },
      workers: { type: 'string' },
      'no-faults': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  const seconds = Number(values.seconds ?? 60);
  const runCount = Number(values.runs ?? 3);
  const workers = Number(values.workers ?? 8);
  const hasFaults = values['no-faults'] !== true;
  const conditions: Conditions = { seconds, workers, hasFaults };
  const ours: Row[] = [];
  let crashes = 0;
  for (let index = 0; index < runCount; index += 1) {
    const measured = await measure('ours', conditions);
    ours.push(measured.row);
    crashes += measured.crashes;
  }
  const peer = (await measure('peer', conditions)).row;
  if (values.json) {
    const told = {
      limitPerSecond: LIMIT,
      ...conditions,
      runs: runCount,
      clockErrorSigmaMs: 50,
      crashes,
      processors: cpus().length,
      node: process.version,
    };
    const maxAtSendersOfEveryRun = Math.max(...ours.map(({ maxAtSenders }) => maxAtSenders));
    process.stdout.write(`${JSON.stringify({ conditions: { ...told, maxAtSendersOfEveryRun }, ours: bestOf(ours), peer })}\n`);
    return true;
  }
  const faults = hasFaults ? `, ${crashes} crashes, and freezes` : '';
  const title = `${workers} processes, clocks wrong by 50 ms (sigma)${faults}; ${seconds} s, ${cpus().length} processors`;
  const passes = report(`limiter: ${LIMITERS.ours}, best of ${runCount}; ${title}`, rowsOf(ours, hasFaults));
  // What the peer does is shown, not judged.
  const peerRows = rowsOf([peer], hasFaults).map(({ what, measured }) => ({ what, measured }));
  report(`beside it: ${LIMITERS.peer}, the same rig`, peerRows);
  return passes;
}
