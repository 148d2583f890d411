import { runGit } from '../../../shared/scm/git/run-git.ts';
import type { LocalRepository } from './resolve-repository.ts';

/** Only a remark hangs on it: nobody waits longer for that. */
const STATUS_TIMEOUT_MS = 10_000;

export type UncommittedChanges =
  /** Paths that differ from the commit, sorted. */
  { readonly kind: 'known'; readonly paths: readonly string[] } | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Files of the work tree that differ from HEAD or are not in git, ignored ones left out, as far as `isOfInterest` wants them. Runs
 * none of the repository's programs.
 */
export async function findUncommittedChanges(
  repository: LocalRepository,
  isOfInterest: (path: string) => boolean,
): Promise<UncommittedChanges> {
  if (repository.isBare) return { kind: 'known', paths: [] };
  const place = { folder: repository.path, upward: false };

  // Git passes a changed file through the repository's filter programs to compare it: each is switched off by name.
  const filters = await runGit(place, ['config', '--name-only', '-z', '--get-regexp', '^filter\\..*\\.(clean|process|required)$']);
  if (!filters.ok && filters.exitCode !== 1) return { kind: 'unknown', reason: filters.reason };
  const names = filters.stdout
    .toString()
    .split('\0')
    .filter((name) => name !== '');
  if (names.some((name) => name.includes('='))) return { kind: 'unknown', reason: 'the repository has a filter with an odd name' };
  const configuration = names.map((name) => (name.endsWith('.required') ? `${name}=false` : `${name}=`));

  const status = await runGit(place, ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=all'], {
    timeoutMs: STATUS_TIMEOUT_MS,
    configuration,
  });
  if (!status.ok) return { kind: 'unknown', reason: status.reason };
  // Each entry: two letters of state, a space, the path.
  const paths = status.stdout
    .toString()
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3));
  return { kind: 'known', paths: paths.filter(isOfInterest).sort() };
}
