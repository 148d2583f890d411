import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ClientRun, MeasuredClient } from './safedep-client-process.ts';
import { startStandIn } from './stand-in.ts';
import { median, type Row, report } from './verdicts.ts';

const CLIENT_PROCESS = fileURLToPath(new URL('safedep-client-process.ts', import.meta.url));

const CALLS = 20_000;
/** As many as a lease of the worker. */
const CALLS_AT_ONCE = 48;
const RUNS = 5;
const CALLS_PER_SECOND_MIN = 2_000;
/** Processor time of a call, in microseconds. Connect JSON is the fallback and has no bar. */
const BARS: Readonly<Partial<Record<MeasuredClient, number>>> = { connect: 200, grpc: 350 };
const CLIENTS: readonly MeasuredClient[] = ['http2-alone', 'connect', 'grpc', 'connect-json'];

const execute = promisify(execFile);

interface Measured {
  readonly client: MeasuredClient;
  readonly failures: number;
  /** Medians of the runs. */
  readonly cpuMicrosecondsPerCall: number;
  /** Of one core's time; how long it took also depends on who else uses the machine. */
  readonly callsPerCoreSecond: number;
  readonly callsPerSecond: number;
}

/**
 * `npm run bench -- safedep-client [--json]`: the client alone in a process, against the stand-in without a limit in another one. Beside
 * it the floor: the same bytes through `node:http2` with nothing of ours.
 */
export async function run(): Promise<boolean> {
  const standIn = await startStandIn(0, 'none');
  const runs = new Map<MeasuredClient, ClientRun[]>(CLIENTS.map((client) => [client, []]));
  try {
    // In turn, so that a machine that is busy for a while slows all of them.
    for (let round = 0; round < RUNS; round += 1) {
      for (const client of CLIENTS) runs.get(client)?.push(await measure(client, standIn.safedep));
    }
  } finally {
    standIn.close();
  }
  const measured = CLIENTS.map((client) => summary(client, runs.get(client) ?? []));
  const rows = measured.flatMap(rowsOf);
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ calls: CALLS, callsAtOnce: CALLS_AT_ONCE, runs: RUNS, measured })}\n`);
    return rows.every(({ passes }) => passes !== false);
  }
  return report(`safedep-client: ${CALLS} calls, ${CALLS_AT_ONCE} at once, median of ${RUNS} runs, the client's process alone`, rows);
}

type Source = Awaited<ReturnType<typeof startStandIn>>['safedep'];

async function measure(client: MeasuredClient, { environment, apiKeySecret = '{}' }: Source): Promise<ClientRun> {
  const url = environment['SAFEDEP_DATA_PLANE_URL'] ?? '';
  const { stdout } = await execute(process.execPath, [CLIENT_PROCESS, url, client, apiKeySecret, String(CALLS), String(CALLS_AT_ONCE)]);
  return JSON.parse(stdout) as ClientRun;
}

function summary(client: MeasuredClient, runs: readonly ClientRun[]): Measured {
  const cpuMicrosecondsPerCall = median(runs.map(({ cpuMicroseconds, calls }) => cpuMicroseconds / calls));
  return {
    client,
    failures: runs.reduce((sum, { failures }) => sum + failures, 0),
    cpuMicrosecondsPerCall,
    callsPerCoreSecond: 1_000_000 / cpuMicrosecondsPerCall,
    callsPerSecond: median(runs.map(({ calls, elapsedMs }) => (calls / elapsedMs) * 1_000)),
  };
}

function rowsOf({ client, failures, cpuMicrosecondsPerCall, callsPerCoreSecond, callsPerSecond }: Measured): Row[] {
  const bar = BARS[client];
  const cpu = `${cpuMicrosecondsPerCall.toFixed(0)} us`;
  const rate = `${callsPerCoreSecond.toFixed(0)} (${callsPerSecond.toFixed(0)} beside the stand-in)`;
  if (bar === undefined) {
    const what = client === 'http2-alone' ? 'floor: node:http2 and nothing of ours' : client;
    return [{ what: `${what}, processor time a call`, measured: cpu }];
  }
  return [
    {
      what: `${client}, processor time a call`,
      measured: cpu,
      bar: `<= ${bar} us`,
      passes: failures === 0 && cpuMicrosecondsPerCall <= bar,
    },
    {
      what: `${client}, calls a second on one core`,
      measured: rate,
      bar: `>= ${CALLS_PER_SECOND_MIN}`,
      passes: callsPerCoreSecond >= CALLS_PER_SECOND_MIN,
    },
    { what: `${client}, calls that were not answered`, measured: String(failures), bar: '= 0', passes: failures === 0 },
  ];
}
