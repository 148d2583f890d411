import type { RefId } from '../../../shared/model/repository.ts';
import type { Scan } from '../../../shared/scans/scan.ts';
import { LOCAL_TENANT } from '../local-pipeline.ts';
import { count, describeLockFiles, markOf } from '../terminal/describe-result.ts';
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
        screen.progress(
          `${mark}${describeProgress(scan, packages, functionLog.ratePerSecond(), run.callsPerSecond, functionLog.calls.insight > 0)}`,
        );
    },
  });
  screen.clearProgress();
  return result;
}

function describeProgress(scan: Scan, packages: number, rate: number, limit: number, hasCalled: boolean): string {
  const share = scan.batchCount === 0 ? 1 : 1 - scan.openBatches.size / scan.batchCount;
  const done = Math.round(packages * share);
  const left = Math.ceil(((packages - done) * 2) / Math.max(1, Math.min(limit, rate || limit)));
  // Without a single call of late - SafeDep says no, or nothing - no time can be told once calls were made.
  const time = rate === 0 && hasCalled && done < packages ? 'waiting for SafeDep' : `about ${left} s left`;
  return `  looking up ${done.toLocaleString('en-US')} of ${count(packages, 'package')}, ${Math.round(rate)} calls/s, ${time}`;
}
