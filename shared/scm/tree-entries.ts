import type { SkippedEntry, TreeEntry } from './source.ts';

/** One line of a tree as git and GitHub both put it. */
export interface RawTreeEntry {
  /** Octal, six digits: `100644`. */
  readonly mode: string;
  readonly path: string;
  readonly sha: string;
  readonly sizeBytes?: number;
}

/**
 * Whether a path names a place inside the repository on every system: no empty, `.` or `..` segment under either divider, no
 * drive. Git itself refuses to check such paths out, but a tree may hold them.
 */
function isSafePath(path: string): boolean {
  if (/^[A-Za-z]:/.test(path) || path.includes('\0')) return false;
  return path.split(/[/\\]/).every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/** Sorts entries into files to read and entries that are never opened. Folders are neither. */
export function sortEntries(raw: Iterable<RawTreeEntry>): { readonly entries: TreeEntry[]; readonly skipped: SkippedEntry[] } {
  const entries: TreeEntry[] = [];
  const skipped: SkippedEntry[] = [];
  for (const { mode, path, sha, sizeBytes } of raw) {
    // Old repositories have regular files with other permission bits, such as 100664.
    const type = mode.slice(0, -3);
    if (type === '040') continue;
    const kind: SkippedEntry['kind'] | undefined =
      type === '120'
        ? 'symlink'
        : type === '160'
          ? 'submodule'
          : type !== '100'
            ? 'unknown-mode'
            : isSafePath(path)
              ? undefined
              : 'unsafe-path';
    if (kind) skipped.push({ path, kind });
    else entries.push({ path, sha, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
  }
  return { entries, skipped };
}
