import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { countWindows } from '../shared/rate-limit/windows.ts';
import { startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { startStandIn } from './stand-in.ts';
import { report, seconds } from './verdicts.ts';

const REPOSITORIES = 10;
const PACKAGES = 1_000;
const LATENCY_MS = 90;
const CALLS_PER_PACKAGE = 2;
const LIMIT = 500;
const SENDERS_MAX = 496;
/** A server that stood still for longer counts calls that arrived one by one as if they had come at once. */
const STALL_MAX_MS = 10;

/** `npm run bench -- calls`: ten repositories with the same packages, pushed at once. */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startStandIn(LATENCY_MS);
  const paths = Array.from({ length: REPOSITORIES }, (_, index) => npmRepository(folder.path, `same-${index}`, npmLockFile(PACKAGES)));
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths, environment: { LOG_SEND_STAMPS: '1' } });
  try {
    await standIn.resetCalls();
    const outcomes = await bench.push(...paths);
    const calls = await standIn.calls();
    const stamps = bench.callsLines.flatMap(({ sentAtMs }) => sentAtMs ?? []).map(Number);
    const senders = countWindows(stamps, 1_000, LIMIT);
    const complete = outcomes.filter(({ scan }) => scan.detailType === 'scan complete').length;
    const isFree = calls.longestStallMs < STALL_MAX_MS;
    const perPackage = calls.total / calls.distinctPackageVersions;
    return report(`calls: ${REPOSITORIES} repositories with the same ${PACKAGES} packages pushed at once, ${LATENCY_MS} ms latency`, [
      { what: 'scans complete', measured: `${complete} of ${REPOSITORIES}`, bar: 'all', passes: complete === REPOSITORIES },
      {
        what: 'calls at the senders, by their stamps',
        measured: String(senders.count),
        bar: `= ${calls.total}`,
        passes: senders.count === calls.total,
      },
      { what: 'most in any 1 s, senders', measured: String(senders.max), bar: `<= ${SENDERS_MAX}`, passes: senders.max <= SENDERS_MAX },
      {
        what: `most in any 1 s, stand-in (longest stall ${calls.longestStallMs} ms)`,
        measured: String(calls.maxInAnySecond),
        bar: isFree ? `<= ${LIMIT}` : `<= ${LIMIT} where the stall is < ${STALL_MAX_MS} ms`,
        passes: !isFree || calls.maxInAnySecond <= LIMIT,
      },
      {
        what: 'calls a distinct package version',
        measured: perPackage.toFixed(3),
        bar: `<= ${1.01 * CALLS_PER_PACKAGE}`,
        passes: calls.distinctPackageVersions === PACKAGES && perPackage <= 1.01 * CALLS_PER_PACKAGE,
      },
      { what: 'distinct package versions', measured: String(calls.distinctPackageVersions) },
      { what: 'slowest push', measured: seconds(Math.max(...outcomes.map(({ tookMs }) => tookMs))) },
    ]);
  } finally {
    await bench.close();
    standIn.close();
    folder.remove();
  }
}
