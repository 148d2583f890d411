import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind } from '../../infra/local/safedep/faults.ts';
import { temporaryFolder } from '../fakes/temporary-repository.ts';
import { type BenchPipeline, type PushOutcome, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { type StandInProcess, startStandIn } from './stand-in.ts';
import { type Row, report, seconds } from './verdicts.ts';

const PACKAGES = 1_000;
const LATENCY_MS = 90;
const LIMITER_MS = ((PACKAGES * 2) / 490) * 1_000;
const KILLS = 20;
/** A third of the kills each: so many batches of a scan of 16 are then lost at once. */
const KILLS_PER_GENERATION = 7;
const GENERATION_MAX_MS = 100_000;
/** The look-up queue's visibility time. */
const VISIBILITY_MS = 90_000;
/** A dead worker's claims hold until its invocation would have ended, and 2 s more: this much of the visibility time is waited for. */
const CLAIMS_HOLD_MS = 17_500;
const LOOK_EVERY_MS = 10;
const QUEUE = 'LookupsLiveQueue';
const FAULT_MS = 10_000;
const FAULTS: readonly FaultKind[] = ['http-503', 'http-429', 'garbage', 'silence'];
const FAULT_PACKAGES = 200;
/** The longest wait of a batch that failed is 120 s, its failures are 12 at most: far more than 10 s of outage bring about. */
const AFTER_FAULT_MAX_MS = 100_000;

interface KilledScan {
  readonly outcome: PushOutcome;
  readonly kills: number;
  readonly generations: number;
  /** Visibility time that nobody waited for. */
  readonly skippedMs: number;
}

/** Kills busy workers a generation at a time: only what the killed ones held is then left, and comes back after its visibility time. */
async function killWorkers(bench: BenchPipeline, path: string): Promise<KilledScan> {
  const { engines } = bench.pipeline;
  let ended = false;
  const pushing = bench.push(path).finally(() => {
    ended = true;
  });
  let kills = 0;
  let generations = 0;
  let skippedMs = 0;
  const until = async (holds: () => boolean): Promise<void> => {
    while (!ended && !holds()) await sleep(LOOK_EVERY_MS);
  };
  while (!ended && kills < KILLS) {
    let lost = 0;
    let lastKillAtMs = Date.now();
    while (!ended && lost < KILLS_PER_GENERATION && kills < KILLS) {
      const held = () => engines.queueCounts(QUEUE).inFlight;
      await until(() => held() > lost || (kills > 0 && engines.queueCounts(QUEUE).visible === 0 && held() === lost));
      if (ended || held() <= lost) break;
      await sleep(LOOK_EVERY_MS);
      if (held() <= lost || !engines.kill('WorkerFunction')) continue;
      kills += 1;
      lost += 1;
      lastKillAtMs = Date.now();
    }
    await until(() => engines.queueCounts(QUEUE).inFlight <= lost && engines.queueCounts(QUEUE).visible === 0);
    await until(() => Date.now() >= lastKillAtMs + CLAIMS_HOLD_MS);
    if (ended) break;
    generations += 1;
    skippedMs += VISIBILITY_MS - CLAIMS_HOLD_MS;
    engines.elapse(QUEUE, VISIBILITY_MS - CLAIMS_HOLD_MS);
  }
  const [outcome] = await pushing;
  if (!outcome) throw new Error('the push had no outcome');
  return { outcome, kills, generations, skippedMs };
}

/** What the bus was told of one repository: which facts, and how many of its transitions under more than one id. */
function findingsOf({ events }: BenchPipeline, repositoryName: string): { readonly facts: readonly string[]; readonly doubled: number } {
  const facts = new Set<string>();
  const eventIds = new Map<string, Set<string>>();
  for (const event of events) {
    if (!('finding' in event) || event.repository.name !== repositoryName) continue;
    facts.add(event.finding.factId);
    const transition = `${event.finding.id} ${event.finding.transition}`;
    eventIds.set(transition, (eventIds.get(transition) ?? new Set()).add(event.eventId));
  }
  return { facts: [...facts].sort(), doubled: [...eventIds.values()].filter((ids) => ids.size > 1).length };
}

async function measureKills(standIn: StandInProcess, folder: string): Promise<Row[]> {
  const paths = [npmRepository(folder, 'killed', npmLockFile(PACKAGES)), npmRepository(folder, 'unharmed', npmLockFile(PACKAGES))] as const;
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths });
  try {
    const { outcome, kills, generations, skippedMs } = await killWorkers(bench, paths[0]);
    await bench.push(paths[1]);
    const [killed, unharmed] = paths.map((path) => findingsOf(bench, basename(path)));
    const simulatedMs = outcome.tookMs + skippedMs;
    const barMs = LIMITER_MS + generations * GENERATION_MAX_MS;
    return [
      { what: 'workers killed', measured: `${kills} in ${generations} generations`, bar: String(KILLS), passes: kills === KILLS },
      { what: 'scan', measured: outcome.scan.detailType, bar: 'scan complete', passes: outcome.scan.detailType === 'scan complete' },
      {
        what: 'findings of a scan without kills, found here too',
        measured: `${killed?.facts.length} of ${unharmed?.facts.length}`,
        bar: 'the same',
        passes: (unharmed?.facts.length ?? 0) > 0 && killed?.facts.join() === unharmed?.facts.join(),
      },
      {
        what: 'transitions with two event ids',
        measured: String(killed?.doubled),
        bar: '0',
        passes: killed?.doubled === 0,
      },
      {
        what: `time, with ${seconds(skippedMs)} of visibility simulated (real: ${seconds(outcome.tookMs)})`,
        measured: seconds(simulatedMs),
        bar: `<= ${seconds(barMs)} (limiter + 100 s a generation)`,
        passes: simulatedMs <= barMs,
      },
    ];
  } finally {
    await bench.close();
  }
}

async function measureOutages(standIn: StandInProcess, folder: string): Promise<Row[]> {
  const paths = FAULTS.map((kind) => npmRepository(folder, kind, npmLockFile(FAULT_PACKAGES, kind)));
  const idlePath = npmRepository(folder, 'no-fault', npmLockFile(FAULT_PACKAGES, 'no-fault'));
  const bench = await startBenchPipeline({ safedep: standIn.safedep, paths: [...paths, idlePath] });
  try {
    const [idle] = await bench.push(idlePath);
    const rows: Row[] = [{ what: `no fault, ${FAULT_PACKAGES} packages`, measured: seconds(idle?.tookMs ?? Number.NaN) }];
    for (const [index, kind] of FAULTS.entries()) {
      await standIn.setFault({ kind, forMs: FAULT_MS });
      const [outcome] = await bench.push(paths[index] ?? '');
      const tookMs = outcome?.tookMs ?? Number.NaN;
      rows.push({
        what: `${kind} for ${seconds(FAULT_MS)}`,
        measured: `${outcome?.scan.detailType} after ${seconds(tookMs)}`,
        bar: `complete, <= ${seconds(FAULT_MS + AFTER_FAULT_MAX_MS)}`,
        passes: outcome?.scan.detailType === 'scan complete' && tookMs <= FAULT_MS + AFTER_FAULT_MAX_MS,
      });
    }
    return rows;
  } finally {
    await bench.close();
  }
}

/** `npm run bench -- faults` */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startStandIn(LATENCY_MS);
  try {
    const kills = await measureKills(standIn, folder.path);
    const outages = await measureOutages(standIn, folder.path);
    const areKillsRight = report(`faults: workers killed in one scan of ${PACKAGES} packages`, kills);
    return report(`faults: SafeDep away, ${FAULT_PACKAGES} new packages each`, outages) && areKillsRight;
  } finally {
    standIn.close();
    folder.remove();
  }
}
