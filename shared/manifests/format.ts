import type { Ecosystem } from '../model/ecosystem.ts';
import type { ManifestContent } from '../model/manifest.ts';

/** Repository path -> bytes; `undefined` when the repository has no such file. Throws when it could not be read. */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>;

/** One kind of lock file. `read` is a function of the bytes alone: no clock, no network, no disk but through `readSibling`. */
export interface ManifestFormat {
  readonly name: string;
  readonly ecosystem: Ecosystem;
  /** A larger file is not read: it is an error that names this limit. */
  readonly maxBytes: number;
  /** Whether a file of this repository path is of this format, by its name alone. */
  matches(path: string): boolean;
  /** Throws what `readSibling` throws, and `ReadingLimit`; whatever else is wrong with the file is said in the content. */
  read(path: string, bytes: Uint8Array, readSibling: ReadFile): Promise<ManifestContent> | ManifestContent;
}

/** The last segment of a repository path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What still parses within 256 MB of memory (measured); some 35,000 packages or more as npm, pnpm, yarn and cargo write them. */
export const JSON_LOCK_MAX_BYTES = 20 * 1024 * 1024;
export const LINES_LOCK_MAX_BYTES = 16 * 1024 * 1024;
