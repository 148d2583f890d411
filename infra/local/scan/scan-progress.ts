import { setTimeout as sleep } from 'node:timers/promises';
import { SnapshotGoneError } from '../../../shared/inventory/dynamodb.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import type { PolicySettings } from '../../../shared/model/settings/settings.ts';
import type { Scan } from '../../../shared/scans/scan.ts';
import { type ResultStores, readResult } from './read-result.ts';
import type { RepositoryResult } from './result-document.ts';

/** How often the tables are looked at: often enough for a line that moves, seldom enough to cost nothing. */
const LOOK_EVERY_MS = 100;
/** From a push to its snapshot: a large repository takes seconds, and a push that fails is tried again. */
const SNAPSHOT_MAX_MS = 120_000;

/** A push did not become a scan. */
export class NoScanError extends Error {
  override readonly name = 'NoScanError';
}

export interface ScanWatchOptions {
  readonly ref: RefId;
  /** The commit that was pushed; absent for a deleted branch. */
  readonly commit: string | undefined;
  readonly stores: ResultStores;
  readonly policy: PolicySettings;
  readonly signal: AbortSignal;
  /** The lock files are read, the look-ups begin. */
  readonly onSnapshot: (result: RepositoryResult) => void;
  readonly onProgress: (scan: Scan) => void;
  /** What a function last complained of, for the sentence that says that nothing came. */
  readonly lastTrouble: () => string | undefined;
  nowMs(): number;
}

/**
 * Follows one push to the end of its scan, which the pipeline itself bounds. Resolves to the result, or to `overtaken` when a newer
 * push took its place. Throws `NoScanError` when no snapshot comes.
 */
export async function followScan(options: ScanWatchOptions): Promise<RepositoryResult | 'overtaken'> {
  const { ref, commit, stores, policy, signal } = options;
  let shownGeneration = 0;
  const snapshotUntilMs = options.nowMs() + SNAPSHOT_MAX_MS;
  for (;;) {
    signal.throwIfAborted();
    if (shownGeneration === 0 && options.nowMs() > snapshotUntilMs) {
      throw new NoScanError(
        `the push was not read within ${SNAPSHOT_MAX_MS / 1000} s; last trouble: ${options.lastTrouble() ?? 'none was told'}`,
      );
    }
    const snapshot = (await stores.inventory.readRef(ref))?.snapshot;
    const isOurs = snapshot && (commit === undefined ? snapshot.deleted : snapshot.commit === commit || snapshot.problems.length > 0);
    if (shownGeneration > 0 && snapshot && snapshot.generation > shownGeneration && !isOurs) return 'overtaken';
    const scan = isOurs ? await stores.scans.read({ ref, generation: snapshot.generation }) : undefined;
    if (snapshot && scan) {
      const mustShow = shownGeneration !== snapshot.generation;
      if (mustShow || scan.outcome) {
        const result = await readResult(ref, stores, policy).catch((error: unknown) => {
          if (error instanceof SnapshotGoneError) return undefined; // replaced meanwhile: look again
          throw error;
        });
        if (result && mustShow) {
          shownGeneration = snapshot.generation;
          options.onSnapshot(result);
        }
        if (result && scan.outcome?.status === 'superseded') return 'overtaken';
        if (result && scan.outcome) return result;
      }
      options.onProgress(scan);
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}
