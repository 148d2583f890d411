import { setTimeout as sleep } from 'node:timers/promises';
import type { RefId } from '../../../shared/model/repository.ts';
import { parseSessionCursor } from '../../../shared/report/session-cursor.ts';
import { EXIT, type ExitCode } from '../options.ts';
import { describeResult } from '../terminal/describe-result.ts';
import { type LocalPush, watchRepositories } from '../watch/watch-repositories.ts';
import { followPush, refOf } from './follow-push.ts';
import type { RepositoryResult, ResultDocument } from './result-document.ts';
import { aborted, type Run } from './run-state.ts';

/** After a scan's end, what must follow from it - alerts, the report - has this long; then what is open is said. */
const ACKNOWLEDGE_MAX_MS = 30_000;
const ACKNOWLEDGE_LOOK_MS = 50;

/** One scan of each repository, to the end of what must follow from it. */
export async function scanOnce(run: Run): Promise<ExitCode> {
  const results: RepositoryResult[] = [];
  const scans: Promise<void>[] = [];
  let firstSeenAtMs = Number.POSITIVE_INFINITY;
  const watching = watchRepositories(run.repositories, {
    webhookUrl: run.pipeline.webhookUrl,
    secret: run.pipeline.webhookSecret,
    onPush: (push) => {
      firstSeenAtMs = Math.min(firstSeenAtMs, push.seenAtMs);
      scans.push(
        followPush(push, run.signal, run).then(async (result) => {
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
function exitCodeOf(results: readonly RepositoryResult[]): ExitCode {
  if (results.some(({ findings }) => findings.some(({ decision }) => decision === 'reject'))) return EXIT.rejected;
  return results.some(({ status, reasons }) => status === 'incomplete' || reasons.length > 0) ? EXIT.incomplete : EXIT.accepted;
}
