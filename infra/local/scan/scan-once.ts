import { setTimeout as sleep } from 'node:timers/promises';
import { toTerminalText } from '../../../shared/alerts/inert-text.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { parseSessionCursor } from '../../../shared/report/session-cursor.ts';
import { EXIT, type ExitCode } from '../options.ts';
import { describeResult } from '../terminal/describe-result.ts';
import { type LocalPush, watchRepositories } from '../watch/watch-repositories.ts';
import { followPush, refOf } from './follow-push.ts';
import type { RepositoryResult, ResultDocument } from './result-document.ts';
import { aborted, type Run } from './run-state.ts';
import { NoScanError } from './scan-progress.ts';

/** After a scan's end, what must follow from it - alerts, the report - has this long; then what is open is said. */
const ACKNOWLEDGE_MAX_MS = 30_000;
const ACKNOWLEDGE_LOOK_MS = 50;
/** A push that was refused is posted again every second; who scans once is told in the end. */
const POST_MAX_MS = 30_000;

/** One scan of each repository, to the end of what must follow from it. */
export async function scanOnce(run: Run): Promise<ExitCode> {
  /** By repository and ref: a commit during the run takes the place of the one before. */
  const results = new Map<string, RepositoryResult>();
  const following = new Map<string, AbortController>();
  const scans: Promise<void>[] = [];
  let lastProblem: string | undefined;
  let firstSeenAtMs = Number.POSITIVE_INFINITY;
  const watching = watchRepositories(run.repositories, {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      firstSeenAtMs = Math.min(firstSeenAtMs, push.seenAtMs);
      const key = `${push.repository.repositoryId} ${push.ref}`;
      following.get(key)?.abort();
      const newer = new AbortController();
      following.set(key, newer);
      const scan = scanPush(push, AbortSignal.any([run.signal, newer.signal]), run).then(
        (result) => void (result && results.set(key, result)),
        (error: unknown) => {
          if (!newer.signal.aborted || run.signal.aborted) throw error;
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
  const posted = new AbortController();
  try {
    await Promise.race([
      watching.headsPosted,
      aborted(run.signal),
      sleep(POST_MAX_MS, undefined, { signal: posted.signal }).then(
        // Without a problem it is only slow: the pipeline's own time-outs end that.
        () => (lastProblem === undefined ? watching.headsPosted : Promise.reject(new NoScanError(lastProblem))),
        () => undefined,
      ),
    ]);
    for (let index = 0; index < scans.length; index += 1) await scans[index];
  } finally {
    posted.abort();
    await watching.close();
  }
  const seconds = (run.nowMs() - firstSeenAtMs) / 1000;
  if (run.options.json) run.writeDocument(`${JSON.stringify(toDocument([...results.values()], seconds, run), null, 2)}\n`);
  return exitCodeOf([...results.values()]);
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
  const scan = snapshot && (await pipeline.stores.scans.read({ ref, generation: snapshot.generation }));
  return parseSessionCursor(scan?.reportCursor)?.state === 'sent';
}

/** What the policy rejects wins over what is not known. */
function exitCodeOf(results: readonly RepositoryResult[]): ExitCode {
  if (results.some(({ findings }) => findings.some(({ decision }) => decision === 'reject'))) return EXIT.rejected;
  return results.some(({ status, reasons }) => status === 'incomplete' || reasons.length > 0) ? EXIT.incomplete : EXIT.accepted;
}
