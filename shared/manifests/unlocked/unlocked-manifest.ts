import type { Ecosystem } from '../../model/ecosystem.ts';
import type { LockedBy } from '../format.ts';
import type { Requests } from './requests.ts';

export interface Manifest {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** A file in the same folder; `undefined` where there is none. Throws where it could not be read. */
  readBeside(name: string): Promise<Uint8Array | undefined>;
}

/** Adds what a manifest asks for. Resolves to why it could not be read, in words that end a sentence. */
export type ReadRequests = (manifest: Manifest, requests: Requests) => string | undefined | Promise<string | undefined>;

/** One kind of manifest that a package manager writes a lock file for. */
export interface UnlockedManifest {
  readonly ecosystem: Ecosystem;
  readonly lockedBy: LockedBy;
  readonly read: ReadRequests;
}
