import type { RefId } from '../../../shared/model/repository.ts';
import type { Scan } from '../../../shared/scans/scan.ts';
import { LOCAL_TENANT } from '../local-pipeline.ts';
import { count, describeLockFiles, describePush, markOf } from '../terminal/describe-result.ts';
import type { LimitUse } from '../terminal/function-log.ts';
import type { LocalPush } from '../watch/watch-repositories.ts';
import type { RepositoryResult } from './result-document.ts';
import type { Run } from './run-state.ts';
import { followScan } from './scan-progress.ts';

export function refOf(push: LocalPush): RefId {
  const { host, repositoryId } = push.repository;
  return { tenant: LOCAL_TENANT, forge: 'git', host, repositoryId, ref: push.ref };
}

/** Follows one push to its end, showing what happens. */
export async function followPush(push: LocalPush, signal: AbortSignal, run: Run): Promise<RepositoryResult | 'overtaken'> {
  const { screen, safedep, functionLog } = run;
  const mark = markOf(safedep.answers);
  if (push.commit !== undefined) screen.line(describePush({ repository: push.repository.name, ref: push.ref, commit: push.commit }, mark));
  let packages = 0;
  const endLimit = functionLog.followLimit();
  const result = await followScan({
    ref: refOf(push),
    commit: push.commit,
    stores: run.pipeline.stores,
    policy: run.settings.policy,
    signal,
    lastTrouble: functionLog.lastTrouble,
    nowMs: run.nowMs,
    onSnapshot: (snapshot) => {
      packages = snapshot.packages.length;
      for (const line of describeLockFiles(snapshot, mark)) screen.line(line);
    },
    onProgress: (scan) => {
      if (scan.batchCount > 0)
        screen.progress(
          `${mark}${describeProgress(scan, packages, functionLog.ratePerSecond(), run.callsPerSecond, functionLog.calls.insight > 0)}`,
        );
    },
  }).finally(() => {
    const use = endLimit();
    if (use) screen.line(`${mark}${describeLimitUse(use, run.callsPerSecond)}`);
  });
  screen.clearProgress();
  return result;
}

/** Below this a rate is one of a few calls only, and says nothing. */
const RATE_FROM_MS = 1_000;

/** What the limit was, and what was made of it: one line. `limit` is the settings', in calls a second. */
export function describeLimitUse({ calls, slotsDropped, meanWaitMs, refusals, spanMs, slotsPerSecond }: LimitUse, limit: number): string {
  const [fewest, most] = (slotsPerSecond ?? []).map(rateText);
  const paced = fewest === undefined ? '' : `, paced at ${fewest === most ? fewest : `${fewest} to ${most}`}/s`;
  const rate = spanMs < RATE_FROM_MS ? '' : ` in ${(spanMs / 1000).toFixed(1)} s, ${rateText((calls * 1000) / spanMs)}/s`;
  const refused = refusals === 0 ? 'no refusal' : `SafeDep refused ${count(refusals, 'call')}`;
  return `  limit ${rateText(limit)} calls/s${paced}: ${count(calls, 'call')}${rate}; ${count(slotsDropped, 'slot')} missed, mean wait ${Math.round(meanWaitMs).toLocaleString('en-US')} ms, ${refused}`;
}

/** Calls a second: whole ones, and a tenth where they are few. */
function rateText(perSecond: number): string {
  return perSecond.toLocaleString('en-US', { maximumFractionDigits: perSecond < 10 ? 1 : 0 });
}

function describeProgress(scan: Scan, packages: number, rate: number, limit: number, hasCalled: boolean): string {
  const share = scan.batchCount === 0 ? 1 : 1 - scan.openBatches.size / scan.batchCount;
  const done = Math.round(packages * share);
  const line = `  looking up ${done.toLocaleString('en-US')} of ${count(packages, 'package')}`;
  if (rate === 0 && done < packages) {
    // Before the first call nobody knows how many answers are there already; later, SafeDep says no, or nothing.
    return hasCalled ? `${line}, waiting for SafeDep` : line;
  }
  const left = Math.ceil(((packages - done) * 2) / Math.max(1, Math.min(limit, rate || limit)));
  return `${line}, ${Math.round(rate)} calls/s, about ${left} s left`;
}
