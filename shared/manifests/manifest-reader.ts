import type { ReadingSettings } from '../model/settings/settings.ts';
import type { LockFilePath, ReadFile } from './format.ts';
import { type ReadManifest, readManifest } from './read-manifest.ts';
import { findLockFiles } from './registry.ts';

/** Finds and reads lock files, wherever that is done. */
export interface ManifestReader {
  /** The lock files among the paths of a repository. */
  find(paths: readonly string[], settings: ReadingSettings): Promise<readonly LockFilePath[]>;
  /** See `readManifest`. */
  read(path: string, readFile: ReadFile, settings: ReadingSettings): Promise<ReadManifest>;
}

/** Reads in the thread of the caller, where nothing ends a hostile file: for tests. */
export const callersThreadReader: ManifestReader = {
  find: async (paths, settings) => findLockFiles(paths, settings),
  read: readManifest,
};
