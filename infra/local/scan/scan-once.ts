import { setTimeout as sleep } from 'node:timers/promises';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { isReportSettled } from '../../../shared/report/report-state.ts';
import { EXIT, type ExitCode } from '../options.ts';
import { describeNotScanned, describeResult, markOf } from '../terminal/describe-result.ts';
import type { LocalRepository } from '../watch/resolve-repository.ts';
import { type LocalPush, type RepositoryWatch, watchRepositories } from '../watch/watch-repositories.ts';
import { followPush, refOf } from './follow-push.ts';
import type { RepositoryResult, ResultDocument } from './result-document.ts';
import type { Run } from './run-state.ts';
import { NoScanError } from './scan-progress.ts';

/** After a scan's end, what must follow from it - alerts, the report - has this long; then what is open is said. */
const ACKNOWLEDGE_MAX_MS = 30_000;
const ACKNOWLEDGE_LOOK_MS = 50;
/** A push that was refused is posted again every second; who scans once is told in the end. */
const POST_MAX_MS = 30_000;
const POST_LOOK_MS = 50;

/** What came of one repository: a result for each ref that was its HEAD during the run, and at least one. */
interface RepositoryScan {
  readonly results: readonly RepositoryResult[];
  /** Absent where not even its HEAD could be read. */
  readonly firstSeenAtMs?: number;
}

/** One scan of each repository, to the end of what must follow from it. None keeps the others' results from being told. */
export async function scanOnce(run: Run): Promise<ExitCode> {
  const startedAtMs = run.nowMs();
  const ended = new AbortController();
  const signal = AbortSignal.any([run.signal, ended.signal]);
  const scanning = run.repositories.map((repository) => scanRepository(repository, { ...run, signal }));
  let scans: RepositoryScan[];
  try {
    scans = await Promise.all(scanning);
  } finally {
    ended.abort();
    await Promise.allSettled(scanning);
  }
  const results = scans.flatMap((scan) => scan.results);
  const seconds = (run.nowMs() - Math.min(...scans.map(({ firstSeenAtMs }) => firstSeenAtMs ?? startedAtMs))) / 1000;
  if (run.options.json) run.writeDocument(`${JSON.stringify(toDocument(results, seconds, run), null, 2)}\n`);
  return exitCodeOf(results);
}

async function scanRepository(repository: LocalRepository, run: Run): Promise<RepositoryScan> {
  /** By ref: a commit during the run takes the place of the one before. */
  const results = new Map<string, RepositoryResult>();
  const following = new Map<string, { readonly push: LocalPush; readonly stop: AbortController }>();
  const scans: Promise<void>[] = [];
  let lastProblem: string | undefined;
  let firstSeenAtMs: number | undefined;
  const giveUp = (push: Pick<LocalPush, 'ref' | 'commit'>, why: string): void => {
    const result = notScanned(repository, push, why);
    results.set(push.ref, result);
    run.screen.line(`${markOf(run.safedep.answers)}${describeNotScanned(result, run.screen.paint)}`);
  };
  const watching = watchRepositories([repository], {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      firstSeenAtMs ??= push.seenAtMs;
      const earlier = following.get(push.ref);
      // What was refused is posted again: the same commit is followed once.
      if (earlier && earlier.push.commit === push.commit) return;
      earlier?.stop.abort();
      const stop = new AbortController();
      following.set(push.ref, { push, stop });
      const scan = scanPush(push, AbortSignal.any([run.signal, stop.signal]), run).then(
        (result) => void (result && results.set(push.ref, result)),
        (error: unknown) => {
          if (stop.signal.aborted && !run.signal.aborted) return;
          if (!(error instanceof NoScanError)) throw error;
          giveUp(push, error.message);
        },
      );
      // It is waited for below, and may fail before.
      scan.catch(() => undefined);
      scans.push(scan);
    },
    onProblem: (_, sentence) => {
      lastProblem = toTerminalText(sentence);
      run.screen.line(lastProblem);
    },
  });
  try {
    const refused = await whyNotPosted(watching, () => lastProblem, run);
    if (refused !== undefined) for (const { stop } of following.values()) stop.abort();
    for (let index = 0; index < scans.length; index += 1) await scans[index];
    const pushes = following.size === 0 ? [{ ref: 'HEAD' }] : [...following.values()].map(({ push }) => push);
    for (const push of pushes) if (!results.has(push.ref)) giveUp(push, refused ?? 'another scan took its place');
  } finally {
    await watching.close();
  }
  return { results: [...results.values()], ...(firstSeenAtMs === undefined ? {} : { firstSeenAtMs }) };
}

/** Waits until the webhook has the repository's HEAD. Resolves to a sentence where time is up and something is wrong. */
async function whyNotPosted(watching: RepositoryWatch, problem: () => string | undefined, run: Run): Promise<string | undefined> {
  const untilMs = run.nowMs() + POST_MAX_MS;
  const posted = watching.headsPosted.then(() => true);
  for (;;) {
    if (await Promise.race([posted, sleep(POST_LOOK_MS, false, { signal: run.signal })])) return undefined;
    // Without a problem it is only slow: the pipeline's own time-outs end that.
    const sentence = problem();
    if (sentence !== undefined && run.nowMs() >= untilMs) return sentence;
  }
}

/** The place of a push without a scan in the document: incomplete, and why. */
function notScanned(repository: LocalRepository, { ref, commit = '' }: Pick<LocalPush, 'ref' | 'commit'>, why: string): RepositoryResult {
  return {
    repository: repository.name,
    ref,
    commit,
    status: 'incomplete',
    reasons: [`not scanned: ${why}`],
    gaps: { 'not-analysed': 0, unsupported: 0, unresolved: 0 },
    lockFiles: [],
    packages: [],
    findings: [],
  };
}

/** Follows one push to the end of what must follow from it; resolves to nothing where a newer one took its place. */
async function scanPush(push: LocalPush, signal: AbortSignal, run: Run): Promise<RepositoryResult | undefined> {
  const result = await followPush(push, signal, run);
  if (result === 'overtaken') return undefined;
  const acknowledged = { ...result, reasons: [...result.reasons, ...(await openAfter(push, signal, run))] };
  const seconds = (run.nowMs() - push.seenAtMs) / 1000;
  for (const line of describeResult(acknowledged, seconds, run.safedep.answers, run.screen.paint)) run.screen.line(line);
  return acknowledged;
}

function toDocument(results: readonly RepositoryResult[], seconds: number, run: Run): ResultDocument {
  return {
    version: 1,
    answers: run.safedep.answers,
    seconds: Math.round(seconds * 1000) / 1000,
    calls: { ...run.functionLog.calls },
    repositories: [...results],
  };
}

/** Waits until the scan's alert is acknowledged and its report sent; says what is still open when time is up. */
async function openAfter(push: LocalPush, signal: AbortSignal, run: Run): Promise<string[]> {
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
    await sleep(ACKNOWLEDGE_LOOK_MS, undefined, { signal });
  }
}

async function isReported(ref: RefId, { pipeline }: Run): Promise<boolean> {
  const snapshot = (await pipeline.stores.inventory.readRef(ref))?.snapshot;
  if (!snapshot) return false;
  return isReportSettled((await pipeline.reports.readState(ref)).state, snapshot.generation);
}

/** What the policy rejects wins over what is not known. */
function exitCodeOf(results: readonly RepositoryResult[]): ExitCode {
  if (results.some(({ findings }) => findings.some(({ decision }) => decision === 'reject'))) return EXIT.rejected;
  return results.some(({ status, reasons }) => status === 'incomplete' || reasons.length > 0) ? EXIT.incomplete : EXIT.accepted;
}
