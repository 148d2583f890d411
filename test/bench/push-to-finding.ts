import { parseArgs } from 'node:util';
import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { startStandIn } from './stand-in.ts';
import { median, report, runs, seconds } from './verdicts.ts';

const PACKAGES = 1_000;
const LATENCY_MS = 90;
/** What the limiter gives of the 500 calls a second. */
const CALLS_PER_SECOND = 490;
const CALLS_PER_PACKAGE = 2;
const BESIDE_LIMITER_MS = 2_000;
const WARM_BAR_MS = 2_000;
/** Packages of the made-up facts that the default lock file has: one event each and more. */
const FINDINGS_MIN = 4;

interface Times {
  readonly idleMs: number;
  readonly coldMs: number;
  readonly warmMs: number;
  readonly calls: number;
}

/** One start: a push without packages, one with every package new, and one whose answers are all there. */
async function measure(packages: number): Promise<Times> {
  const folder = temporaryFolder();
  const standIn = await startStandIn(LATENCY_MS);
  const paths = {
    idle: npmRepository(folder.path, 'idle', npmLockFile(0)),
    cold: npmRepository(folder.path, 'cold', npmLockFile(packages)),
    warm: npmRepository(folder.path, 'warm', npmLockFile(packages)),
  };
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths: Object.values(paths) });
  try {
    const timeOf = async (path: string, findingsMin: number): Promise<number> => {
      const [outcome] = await bench.push(path);
      if (outcome?.scan.detailType !== 'scan complete') throw new Error(`the scan is incomplete: ${outcome?.scan.reasons.join('; ')}`);
      if (outcome.findingEvents < findingsMin) throw new Error(`${outcome.findingEvents} finding events, at least ${findingsMin} expected`);
      return outcome.tookMs;
    };
    const idleMs = await timeOf(paths.idle, 0);
    const coldMs = await timeOf(paths.cold, FINDINGS_MIN);
    const { total: calls } = await standIn.calls();
    const warmMs = await timeOf(paths.warm, FINDINGS_MIN);
    return { idleMs, coldMs, warmMs, calls };
  } finally {
    await bench.close();
    standIn.close();
    folder.remove();
  }
}

/** `npm run bench -- push-to-finding [--packages 1000] [--runs 3]` */
export async function run(): Promise<boolean> {
  const { values } = parseArgs({ strict: false, options: { packages: { type: 'string' }, runs: { type: 'string' } } });
  const packages = Number(values.packages ?? PACKAGES);
  const runCount = Number(values.runs ?? 3);
  const times: Times[] = [];
  for (let index = 0; index < runCount; index += 1) times.push(await measure(packages));
  const of = (name: keyof Times): number[] => times.map((each) => each[name]);
  const coldBarMs = ((packages * CALLS_PER_PACKAGE) / CALLS_PER_SECOND) * 1000 + BESIDE_LIMITER_MS;
  return report(`push to finding: ${packages} packages, ${LATENCY_MS} ms latency, from the push seen to the scan's last event`, [
    { what: 'no-op (a lock file without packages)', measured: runs(of('idleMs')) },
    {
      what: 'cold (nothing known)',
      measured: runs(of('coldMs')),
      bar: `<= ${seconds(coldBarMs)}`,
      passes: median(of('coldMs')) <= coldBarMs,
    },
    {
      what: 'warm (all answers there)',
      measured: runs(of('warmMs')),
      bar: `< ${seconds(WARM_BAR_MS)}`,
      passes: median(of('warmMs')) < WARM_BAR_MS,
    },
    { what: 'calls of a cold run', measured: of('calls').join(', ') },
  ]);
}
