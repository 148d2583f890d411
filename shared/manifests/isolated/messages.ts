import type { ReadingSettings } from '../../model/settings/settings.ts';
import type { LockFilePath } from '../format.ts';
import type { ReadManifest } from '../read-manifest.ts';

/** What the caller's thread asks of the reading one: one request at a time, and answers to what that one wants meanwhile. */
export type ToReader =
  | { readonly kind: 'find'; readonly paths: readonly string[]; readonly settings: ReadingSettings }
  | { readonly kind: 'read'; readonly path: string; readonly settings: ReadingSettings }
  | { readonly kind: 'file'; readonly bytes: Uint8Array | undefined }
  | { readonly kind: 'file-failed' };

/** `wanted` is answered by `file` or `file-failed`; the others end the request. */
export type FromReader =
  | { readonly kind: 'wanted'; readonly path: string }
  | { readonly kind: 'found'; readonly lockFiles: readonly LockFilePath[] }
  | { readonly kind: 'read'; readonly result: ReadManifest }
  | { readonly kind: 'failed'; readonly reason: string };
