import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CompleteToolSessionRequest_Status as Status } from '#safedep-api/safedep/services/controltower/v1/tool_pb.js';
import { MESSAGES_AT_ONCE } from '../../functions/report/publish-messages.ts';
import { LOCAL_TENANT } from '../../infra/local/local-pipeline.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../infra/local/safedep/stand-in.ts';
import type { ChosenSafeDep } from '../../infra/local/safedep-source.ts';
import { resolveRepositories } from '../../infra/local/watch/resolve-repository.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { commitFiles, temporaryFolder } from '../fakes/temporary-repository.ts';
import { type BenchPipeline, startBenchPipeline } from './bench-pipeline.ts';
import { npmLockFile, npmRepository } from './npm-repository.ts';
import { type Row, report, seconds } from './verdicts.ts';

const PACKAGES = 1_000;
const CHANGED = 10;
const LATENCY_MS = 90;
const KILLS = 20;
/** Messages that get through between two kills: 20 of them stay within the first 800. */
const MESSAGES_BETWEEN_KILLS = 40;
const QUEUE = 'ReportsQueue';
/** Six times the report function's timeout. */
const VISIBILITY_MS = 360_000;
const LOOK_EVERY_MS = 5;
const SESSION_MAX_MS = 180_000;

type Session = ReturnType<SafeDepStandIn['sessions']>[number];

function source(standIn: SafeDepStandIn): ChosenSafeDep {
  return {
    answers: 'cloud',
    description: 'a stand-in that is taken for the cloud: what is made up is not reported',
    environment: {
      SAFEDEP_ANSWERS: 'cloud',
      SAFEDEP_DATA_PLANE_URL: standIn.url,
      SAFEDEP_TRANSPORT: process.env['SAFEDEP_TRANSPORT'] ?? 'grpc',
    },
    apiKeySecret: JSON.stringify({ apiKey: standIn.apiKey, tenantId: standIn.tenantId }),
    cacheName: 'bench',
    close: () => undefined,
  };
}

/** The same lock file with other versions of its last packages. */
function withChanges(lockFile: string, count: number): string {
  const document = JSON.parse(lockFile) as { packages: Record<string, { version: string; resolved: string }> };
  for (const entry of Object.values(document.packages).slice(-count)) {
    const version = entry.version.replace(/^\d+/, '99');
    entry.resolved = entry.resolved.replace(`-${entry.version}.tgz`, `-${version}.tgz`);
    entry.version = version;
  }
  return JSON.stringify(document, null, 2);
}

const sessionsOf = (standIn: SafeDepStandIn, path: string): Session[] =>
  standIn.sessions().filter(({ request }) => request.projectName === basename(path));
const publishedIn = (sessions: readonly Session[]): number =>
  sessions.reduce((sum, { insights, violations }) => sum + insights.length + violations.length, 0);
const subjectsOf = (sessions: readonly Session[]): string[] =>
  sessions.flatMap(({ insights }) => insights.map(({ packageVersion }) => `${packageVersion?.package?.name}@${packageVersion?.version}`));

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + SESSION_MAX_MS;
  while (!(await holds())) {
    if (Date.now() >= endMs) throw new Error(`${what}: not within ${seconds(SESSION_MAX_MS)}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Pushes the head and waits for its session to complete; resolves to that session. */
async function pushAndReport(bench: BenchPipeline, standIn: SafeDepStandIn, path: string): Promise<{ session: Session; tookMs: number }> {
  const before = sessionsOf(standIn, path).length;
  await bench.push(path);
  const startedAtMs = Date.now();
  const done = (): Session | undefined =>
    sessionsOf(standIn, path)
      .slice(before)
      .find(({ status }) => status === Status.SUCCESS);
  await until(`the report of ${basename(path)}`, () => done() !== undefined);
  const session = done();
  if (!session) throw new Error('the session is gone');
  return { session, tookMs: Date.now() - startedAtMs };
}

async function measureChanges(bench: BenchPipeline, standIn: SafeDepStandIn, path: string): Promise<Row[]> {
  const first = await pushAndReport(bench, standIn, path);
  commitFiles(path, { 'package-lock.json': withChanges(readFileSync(join(path, 'package-lock.json'), 'utf8'), CHANGED) });
  const second = await pushAndReport(bench, standIn, path);
  return [
    {
      what: `publishes of ${PACKAGES} packages (beside ${first.session.violations.length} violations)`,
      measured: `${first.session.insights.length} in ${seconds(first.tookMs)}`,
      bar: String(PACKAGES),
      passes: first.session.insights.length === PACKAGES,
    },
    {
      what: `publishes after ${CHANGED} of them changed (beside ${second.session.violations.length} violations)`,
      measured: String(second.session.insights.length),
      bar: String(CHANGED),
      passes: second.session.insights.length === CHANGED && second.session.violations.length === 0,
    },
  ];
}

async function measureKills(bench: BenchPipeline, standIn: SafeDepStandIn, path: string): Promise<Row[]> {
  const { engines, reports } = bench.pipeline;
  const [repository] = await resolveRepositories([path]);
  if (!repository) throw new Error(`${path} is no repository`);
  const { host, repositoryId } = repository;
  const ref: RefId = { tenant: LOCAL_TENANT, forge: 'git', host, repositoryId, ref: 'refs/heads/main' };
  const sessions = (): Session[] => sessionsOf(standIn, path);
  const isComplete = (): boolean => sessions().some(({ status }) => status === Status.SUCCESS);
  let kills = 0;
  let inFlight = 0;
  await bench.push(path);
  while (kills < KILLS) {
    const sent = publishedIn(sessions());
    await until('messages of the report', () => isComplete() || publishedIn(sessions()) >= sent + MESSAGES_BETWEEN_KILLS);
    if (isComplete()) break;
    if (!engines.kill('ReportFunction')) continue;
    kills += 1;
    // What the dead process had sent still arrives.
    await sleep(LATENCY_MS * 2);
    const session = sessions().at(-1);
    const durable = session ? (await reports.readAcknowledged(ref, session.id)).messages.size : 0;
    const received = new Set(session ? [...subjectsOf([session]), ...session.violations.map((_, index) => `violation ${index}`)] : []);
    inFlight += received.size - durable;
    engines.elapse(QUEUE, VISIBILITY_MS);
  }
  await until('the end of the report', isComplete);
  const completed = sessions().filter(({ status }) => status === Status.SUCCESS);
  const distinct = new Set(subjectsOf(completed)).size;
  const repeats = subjectsOf(sessions()).length - distinct;
  const others = sessions().filter((session) => !completed.includes(session));
  return [
    { what: 'report function killed', measured: String(kills), bar: String(KILLS), passes: kills === KILLS },
    { what: 'packages in the session that completes', measured: String(distinct), bar: String(PACKAGES), passes: distinct === PACKAGES },
    {
      what: 'publishes repeated',
      measured: `${repeats} (${(repeats / Math.max(1, kills)).toFixed(1)} a kill)`,
      bar: `<= ${inFlight} in flight at the kills, of at most ${kills * MESSAGES_AT_ONCE}`,
      passes: repeats <= inFlight && inFlight <= kills * MESSAGES_AT_ONCE,
    },
    {
      what: 'sessions that complete; others, all empty',
      measured: `${completed.length}; ${others.length}`,
      bar: `1; <= ${kills}`,
      passes: completed.length === 1 && others.length <= kills && publishedIn(others) === 0,
    },
  ];
}

/** `npm run bench -- reports` */
export async function run(): Promise<boolean> {
  const folder = temporaryFolder();
  const standIn = await startSafeDepStandIn({ latencyMs: LATENCY_MS, strictValidation: true });
  const paths = ['changed', 'killed'].map((name) => npmRepository(folder.path, name, npmLockFile(PACKAGES, name)));
  const [changedPath = '', killedPath = ''] = paths;
  const bench = await startBenchPipeline({ safedep: source(standIn), paths, report: true });
  try {
    const changes = await measureChanges(bench, standIn, changedPath);
    const kills = await measureKills(bench, standIn, killedPath);
    const rows = [...changes, ...kills];
    if (process.argv.includes('--json')) {
      process.stdout.write(`${JSON.stringify({ version: 1, bench: 'reports', rows }, null, 2)}\n`);
      return rows.every(({ passes }) => passes !== false);
    }
    return report(`reports: ${PACKAGES} packages, ${LATENCY_MS} ms latency`, rows);
  } finally {
    await bench.close();
    await standIn.close();
    folder.remove();
  }
}
