import type { Ecosystem } from '../model/ecosystem.ts';
import type { ManifestContent } from '../model/manifest.ts';

/** Repository path -> bytes; `undefined` when the repository has no such file. Throws when it could not be read. */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>;

/** One kind of lock file. `read` is a function of the bytes alone: no clock, no network, no disk but through `readSibling`. */
export interface ManifestFormat {
  /** The name of its folder. */
  readonly name: string;
  /** The files that it reads, as a person writes them: `package-lock.json (1 to 3)`. */
  readonly files: readonly string[];
  readonly ecosystems: readonly Ecosystem[];
  /**
   * `exact`: what is installed. `superset`: that and more. `declared`: what is asked for, so only what is pinned can be looked up.
   * `gaps`: what is asked for, and nobody has resolved.
   */
  readonly lists: 'exact' | 'superset' | 'declared' | 'gaps';
  /** Read by `cli packages` only: in the pipeline it would drown or double what the lock file says. */
  readonly isOnRequestOnly?: true;
  /** A larger file is not read: it is an error that names this limit. */
  readonly maxBytes: number;
  /** Of a manifest that is read only where no lock file resolves it: those that would. */
  lockedBy?(path: string): LockedBy | undefined;
  /** Whether a file of this repository path is of this format, by its name alone. */
  matches(path: string): boolean;
  /** The same for a file that a person names, where the name in the repository would have to be more telling. */
  matchesOnRequest?(path: string): boolean;
  /** Throws what `readSibling` throws, and `ReadingLimit`; whatever else is wrong with the file is said in the content. */
  read(path: string, bytes: Uint8Array, readSibling: ReadFile): Promise<ManifestContent> | ManifestContent;
}

/** Names of lock files that resolve a manifest: from its own folder, or from that and any above, as those of workspaces do. */
export interface LockedBy {
  readonly beside: readonly string[];
  readonly above: readonly string[];
}

/** A path of a repository that some format reads. */
export interface LockFilePath {
  readonly path: string;
  readonly format: string;
  /** A larger file is not read. */
  readonly maxBytes: number;
}

/** Why a file of this size is not read, or `undefined` when it is: known from a tree before any byte is fetched. */
export function whyTooLarge({ format, maxBytes }: Omit<LockFilePath, 'path'>, sizeBytes: number): string | undefined {
  return sizeBytes > maxBytes ? `too large: ${sizeBytes} bytes; up to ${maxBytes} are read of ${format}` : undefined;
}

/** The format of manifests that no lock file resolves: gaps only, so whoever counts lock files or misses one leaves it out. */
export const UNLOCKED = 'unlocked';

/** Raised whenever what is read from the same bytes changes: manifests that were read by another version are read again. */
export const READER_VERSION = 4;

/** The last segment of a repository path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The repository path of a file in the same folder. */
export function besideOf(path: string, name: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1) + name;
}

/** What still parses within 256 MB of memory (measured); some 35,000 packages or more as npm, pnpm, yarn and cargo write them. */
export const JSON_LOCK_MAX_BYTES = 20 * 1024 * 1024;
export const LINES_LOCK_MAX_BYTES = 16 * 1024 * 1024;
