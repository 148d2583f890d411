import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertPayload } from '../../shared/alerts/sign-alert.ts';
import { formatOf, isIgnored } from '../../shared/manifests/registry.ts';
import type { RefId } from '../../shared/model/repository.ts';
import { parseSessionCursor } from '../../shared/report/session-cursor.ts';
import type { Scan } from '../../shared/scans/scan.ts';
import { startAlertReceiver } from './alert-receiver.ts';
import { cacheFolder, createAnswerCache } from './answer-cache.ts';
import { count, describeLockFiles, describeResult, markOf, shortRef } from './describe-result.ts';
import { serveLambdaApi } from './engines/lambda-api.ts';
import { createFunctionLog } from './function-log.ts';
import { LOCAL_TENANT, type LocalPipeline, startLocalPipeline } from './local-pipeline.ts';
import { localSettings } from './local-settings.ts';
import { EXIT, type ExitCode, type StartOptions, UsageError } from './options.ts';
import type { RepositoryResult, ResultDocument } from './result-document.ts';
import { announce } from './running-pipeline.ts';
import { type ChosenSafeDep, chooseSafeDep } from './safedep-source.ts';
import { followScan } from './scan-progress.ts';
import type { Screen } from './screen.ts';
import { type LocalRepository, resolveRepositories } from './watch/resolve-repository.ts';
import { findUncommittedChanges } from './watch/uncommitted-changes.ts';
import { type LocalPush, watchRepositories } from './watch/watch-repositories.ts';

/** After a scan's end, what must follow from it - alerts, the report - has this long; then what is open is said. */
const ACKNOWLEDGE_MAX_MS = 30_000;
const ACKNOWLEDGE_LOOK_MS = 50;

export interface RunPorts {
  /** For people. */
  readonly screen: Screen;
  /** For the one document of `--json`. */
  writeDocument(text: string): void;
  readonly variables: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  nowMs(): number;
}

/** Everything that a run has open, and what it goes by. */
interface Run extends RunPorts {
  readonly options: StartOptions;
  readonly repositories: readonly LocalRepository[];
  readonly safedep: ChosenSafeDep;
  readonly pipeline: LocalPipeline;
  readonly policy: Awaited<ReturnType<typeof localSettings>>['settings']['policy'];
  readonly callsPerSecond: number;
  readonly functionLog: ReturnType<typeof createFunctionLog>;
  readonly alerts: AlertPayload[];
}

/** Starts the pipeline, scans and, without `--once`, watches until it is interrupted. Throws what the person did wrong. */
export async function run(options: StartOptions, ports: RunPorts): Promise<ExitCode> {
  const repositories = await resolveRepositories(options.paths);
  const startedAtMs = ports.nowMs();
  const functionLog = createFunctionLog(ports.screen, ports.nowMs);
  const alerts: AlertPayload[] = [];
  const receiver = await startAlertReceiver((alert) => {
    alerts.push(alert);
    showAlert(alert, options, ports.screen);
  });
  const closers: (() => unknown)[] = [() => receiver.close()];
  try {
    const { settings, secrets } = await localSettings(options.configPath, repositories, receiver, ports.variables);
    const choosing = chooseSafeDep(options.safedep, !options.once, ports.variables).then((safedep) => {
      closers.push(() => safedep.close());
      if (options.report && safedep.answers !== 'cloud')
        throw new UsageError('--report sends to SafeDep Cloud: set SAFEDEP_API_KEY and SAFEDEP_TENANT_ID.');
      return safedep;
    });
    const pipeline = await startLocalPipeline({
      safedep: choosing,
      settings,
      secrets,
      report: options.report,
      port: options.port,
      log: functionLog.read,
    });
    closers.push(() => pipeline.close());
    const safedep = await choosing;
    const limit = safedep.answers === 'community' ? settings.limits.community : settings.limits.dataPlane;
    const state: Run = {
      ...ports,
      options,
      repositories,
      safedep,
      pipeline,
      policy: settings.policy,
      callsPerSecond: limit.requests / limit.perSeconds,
      functionLog,
      alerts,
    };
    showStart(state, startedAtMs);
    await showUncommitted(state);
    return options.once ? await scanOnce(state) : await watch(state);
  } finally {
    await Promise.allSettled(closers.reverse().map((close) => close()));
  }
}

function showStart({ screen, pipeline, safedep, repositories, nowMs }: Run, startedAtMs: number): void {
  const { plan } = pipeline.engines;
  const label = (text: string) => screen.paint('bold', text.padEnd(9));
  screen.line(
    `${label('engines')} SQS (fauxqs), DynamoDB (dynalite), ${count(plan.functions.length, 'function')} as processes, from the synthesised template: ready in ${((nowMs() - startedAtMs) / 1000).toFixed(1)} s`,
  );
  screen.line(`${label('answers')} ${safedep.answers === 'stand-in' ? screen.paint('yellow', safedep.description) : safedep.description}`);
  for (const { name, path } of repositories) screen.line(`${label('watching')} ${name}  ${screen.paint('dim', path)}`);
}

async function showUncommitted({ repositories, screen }: Run): Promise<void> {
  for (const repository of repositories) {
    const changes = await findUncommittedChanges(
      repository,
      (path) => formatOf(path) !== undefined && !isIgnored(path, { ignoredFolders: [], privateNames: {} }),
    );
    if (changes.kind === 'known' && changes.paths.length > 0) {
      screen.line(
        `${repository.name}: commits are read, not files; ${changes.paths.slice(0, 3).join(', ')} ${changes.paths.length === 1 ? 'has' : 'have'} changes that are not committed`,
      );
    }
  }
}

/** What is found after the first scan is news: shown as it comes. The first scan has its summary. */
function showAlert({ data, text }: AlertPayload, { once }: StartOptions, screen: Screen): void {
  if (once || !('finding' in data)) return;
  for (const line of text.split('\n'))
    screen.line(`${screen.paint(data.detailType === 'finding resolved' ? 'green' : 'red', 'alert')}  ${line}`);
}

function refOf(push: LocalPush): RefId {
  const { host, repositoryId } = push.repository;
  return { tenant: LOCAL_TENANT, forge: 'git', host, repositoryId, ref: push.ref };
}

/** Follows one push to its end, showing what happens. */
async function follow(push: LocalPush, signal: AbortSignal, run: Run): Promise<RepositoryResult | 'overtaken'> {
  const { screen, safedep, functionLog } = run;
  const mark = markOf(safedep.answers);
  let packages = 0;
  const result = await followScan({
    ref: refOf(push),
    commit: push.commit,
    stores: run.pipeline.stores,
    policy: run.policy,
    signal,
    lastTrouble: functionLog.lastTrouble,
    nowMs: run.nowMs,
    onSnapshot: (snapshot) => {
      packages = snapshot.packages.length;
      for (const line of describeLockFiles(snapshot, mark)) screen.line(line);
    },
    onProgress: (scan) => {
      if (scan.batchCount > 0)
        screen.progress(`${mark}${describeProgress(scan, packages, functionLog.ratePerSecond(), run.callsPerSecond)}`);
    },
  });
  screen.clearProgress();
  return result;
}

function describeProgress(scan: Scan, packages: number, rate: number, limit: number): string {
  const share = scan.batchCount === 0 ? 1 : 1 - scan.openBatches.size / scan.batchCount;
  const done = Math.round(packages * share);
  const left = Math.ceil(((packages - done) * 2) / Math.max(1, Math.min(limit, rate || limit)));
  return `  looking up ${done.toLocaleString('en-US')} of ${count(packages, 'package')}, ${Math.round(rate)} calls/s, about ${left} s left`;
}

async function scanOnce(run: Run): Promise<ExitCode> {
  const results: RepositoryResult[] = [];
  const scans: Promise<void>[] = [];
  let firstSeenAtMs = Number.POSITIVE_INFINITY;
  const watching = watchRepositories(run.repositories, {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      firstSeenAtMs = Math.min(firstSeenAtMs, push.seenAtMs);
      scans.push(
        follow(push, run.signal, run).then(async (result) => {
          if (result === 'overtaken') return; // a commit during the scan: its own push follows
          const acknowledged = { ...result, reasons: [...result.reasons, ...(await openAfter(push, run))] };
          results.push(acknowledged);
          const seconds = (run.nowMs() - push.seenAtMs) / 1000;
          for (const line of describeResult(acknowledged, seconds, run.safedep.answers, run.screen.paint)) run.screen.line(line);
        }),
      );
    },
    onProblem: (_, sentence) => run.screen.line(sentence),
  });
  try {
    await Promise.race([watching.headsPosted, aborted(run.signal)]);
    for (let index = 0; index < scans.length; index += 1) await scans[index];
  } finally {
    await watching.close();
  }
  const seconds = (run.nowMs() - firstSeenAtMs) / 1000;
  if (run.options.json) run.writeDocument(`${JSON.stringify(toDocument(results, seconds, run), null, 2)}\n`);
  return exitCodeOf(results);
}

function toDocument(results: readonly RepositoryResult[], seconds: number, run: Run): ResultDocument {
  const order = run.repositories.map(({ name }) => name);
  const repositories = [...results].sort((a, b) => order.indexOf(a.repository) - order.indexOf(b.repository));
  return {
    version: 1,
    answers: run.safedep.answers,
    seconds: Math.round(seconds * 1000) / 1000,
    calls: { ...run.functionLog.calls },
    repositories,
  };
}

/** Waits until the scan's alert is acknowledged and its report sent; says what is still open when time is up. */
async function openAfter(push: LocalPush, run: Run): Promise<string[]> {
  const untilMs = run.nowMs() + ACKNOWLEDGE_MAX_MS;
  const ref = refOf(push);
  for (;;) {
    const alerted = run.alerts.some(
      ({ data }) =>
        !('finding' in data) &&
        data.repository.repositoryId === ref.repositoryId &&
        data.repository.ref === ref.ref &&
        data.repository.commit === push.commit,
    );
    const reporting = run.options.report && !(await isReported(ref, run));
    if (alerted && !reporting) return [];
    if (run.nowMs() >= untilMs) {
      return [
        ...(alerted ? [] : ['the alert was not acknowledged within 30 s']),
        ...(reporting ? ['the report was not taken within 30 s'] : []),
      ];
    }
    await sleep(ACKNOWLEDGE_LOOK_MS, undefined, { signal: run.signal });
  }
}

async function isReported(ref: RefId, { pipeline }: Run): Promise<boolean> {
  const snapshot = (await pipeline.stores.inventory.readRef(ref))?.snapshot;
  const scan = snapshot && (await pipeline.stores.scans.read({ ref, generation: snapshot.generation }));
  return parseSessionCursor(scan?.reportCursor)?.state === 'sent';
}

/** What the policy rejects wins over what is not known. */
export function exitCodeOf(results: readonly RepositoryResult[]): ExitCode {
  if (results.some(({ findings }) => findings.some(({ decision }) => decision === 'reject'))) return EXIT.rejected;
  return results.some(({ status, reasons }) => status === 'incomplete' || reasons.length > 0) ? EXIT.incomplete : EXIT.accepted;
}

async function watch(run: Run): Promise<ExitCode> {
  const cache = createAnswerCache(cacheFolder(run.variables), run.safedep.cacheName, run.pipeline.client, run.pipeline.insightsTableName);
  const kept = await cache.load();
  if (kept > 0) run.screen.line(`${run.screen.paint('bold', 'cache'.padEnd(9))} ${count(kept, 'answer')} kept from earlier starts`);
  const lambdaApi = await serveLambdaApi(run.pipeline.engines);
  const withdraw = await announce(cacheFolder(run.variables), {
    pid: process.pid,
    lambdaUrl: lambdaApi.url,
    repositories: run.repositories.map(({ name }) => name),
  });
  const following = new Map<string, AbortController>();
  const watching = watchRepositories(run.repositories, {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      const key = `${push.repository.repositoryId} ${push.ref}`;
      following.get(key)?.abort();
      const stop = new AbortController();
      following.set(key, stop);
      void showPush(push, AbortSignal.any([run.signal, stop.signal]), cache, run);
    },
    onProblem: (_, sentence) => run.screen.line(sentence),
  });
  run.screen.line(`Ctrl-C ends it; every new commit is scanned as it comes.`);
  await aborted(run.signal).catch(() => undefined);
  await Promise.all([watching.close(), withdraw(), lambdaApi.close()]);
  return EXIT.interrupted;
}

async function showPush(push: LocalPush, signal: AbortSignal, cache: ReturnType<typeof createAnswerCache>, run: Run): Promise<void> {
  try {
    const result = await follow(push, signal, run);
    if (result === 'overtaken') {
      run.screen.line(`${push.repository.name} ${shortRef(push.ref)}: overtaken by a newer push`);
      return;
    }
    for (const line of describeResult(result, (run.nowMs() - push.seenAtMs) / 1000, run.safedep.answers, run.screen.paint))
      run.screen.line(line);
    await cache.save();
  } catch (error) {
    if (signal.aborted) return; // a newer push, or the end
    run.screen.line(`${push.repository.name} ${shortRef(push.ref)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
