import { createHash } from 'node:crypto';
import { SourceError } from './source.ts';

/** The most that is read of one file: several times the largest lock files known, and with its parse result far below a function's memory. */
export const BLOB_MAX_BYTES = 50 * 1024 * 1024;

/** Git LFS replaces a file by a pointer that begins so and has fewer than 1,024 bytes (its specification, version 1). */
const LFS_POINTER_START = Buffer.from('version https://git-lfs.github.com/spec/v1\n');
const LFS_POINTER_MAX_BYTES = 1024;

export function isObjectName(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The object name that git gives these bytes as a blob; the length of `like` decides between SHA-1 and SHA-256. */
function blobObjectName(bytes: Uint8Array, like: string): string {
  return createHash(like.length === 64 ? 'sha256' : 'sha1')
    .update(`blob ${bytes.byteLength}\0`)
    .update(bytes)
    .digest('hex');
}

/** Throws `SourceError` unless these bytes are the whole blob `sha`, and the file itself rather than its Git LFS pointer. */
export function verifyBlob(sha: string, bytes: Uint8Array): void {
  const actual = blobObjectName(bytes, sha);
  if (actual !== sha) throw new SourceError(`blob ${sha} came as other bytes (${bytes.byteLength} of them, blob ${actual})`, true);
  if (bytes.byteLength < LFS_POINTER_MAX_BYTES && LFS_POINTER_START.equals(bytes.subarray(0, LFS_POINTER_START.byteLength))) {
    throw new SourceError(`blob ${sha} is a Git LFS pointer: the file itself is not in the repository`, false);
  }
}

export function tooLarge(sha: string, sizeBytes: number): SourceError {
  return new SourceError(`blob ${sha} has ${sizeBytes} bytes; at most ${BLOB_MAX_BYTES} are read`, false);
}
