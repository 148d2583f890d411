import type { Ecosystem } from '../../model/ecosystem.ts';
import type { Reading } from '../reading.ts';

/** Adds what a manifest asks for. Resolves to why it could not be read, in words that end a sentence. */
export type ReadRequests = (bytes: Uint8Array, text: string, reading: Reading) => string | undefined;

/** One kind of manifest that a package manager writes a lock file for. */
export interface UnlockedManifest {
  readonly file: string;
  readonly ecosystem: Ecosystem;
  /** Formats of lock files that resolve it, from its own folder or one above. */
  readonly lockedBy: readonly string[];
  readonly read: ReadRequests;
}
