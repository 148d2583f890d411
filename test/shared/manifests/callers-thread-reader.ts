import type { ManifestReader } from '../../../shared/manifests/manifest-reader.ts';
import { readManifest } from '../../../shared/manifests/read-manifest.ts';
import { findLockFiles } from '../../../shared/manifests/registry.ts';

/** Reads in the thread of the caller, where nothing ends a hostile file. */
export const callersThreadReader: ManifestReader = {
  find: async (paths, settings) => findLockFiles(paths, settings),
  read: readManifest,
};
