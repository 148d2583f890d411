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
  /** Throws only what `readSibling` throws; whatever is wrong with the file is said in the content. */
  read(path: string, bytes: Uint8Array, readSibling: ReadFile): Promise<ManifestContent> | ManifestContent;
}

/** The last segment of a repository path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** 32 MiB: what still parses within 256 MB of memory, and some 50,000 packages in the wordiest format (measured, npm v2). */
export const LOCK_FILE_MAX_BYTES = 32 * 1024 * 1024;
