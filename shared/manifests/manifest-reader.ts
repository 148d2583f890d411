import type { ReadingSettings } from '../model/settings/settings.ts';
import type { LockFilePath, ReadFile } from './format.ts';
import type { ReadManifest } from './read-manifest.ts';

/** Finds and reads lock files, wherever that is done. */
export interface ManifestReader {
  /** The lock files among the paths of a repository. */
  find(paths: readonly string[], settings: ReadingSettings): Promise<readonly LockFilePath[]>;
  /** See `readManifest`. */
  read(path: string, readFile: ReadFile, settings: ReadingSettings): Promise<ReadManifest>;
}
