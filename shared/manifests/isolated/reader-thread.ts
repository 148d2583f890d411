import { parentPort } from 'node:worker_threads';
import { readManifest } from '../read-manifest.ts';
import { findLockFiles } from '../registry.ts';
import type { FromReader, ToReader } from './messages.ts';

/** The thread that reads lock files: no network, no credentials, and whoever started it may end it at any time. */

const port = parentPort;
if (!port) throw new Error('reader-thread runs as a worker thread; createIsolatedReader starts it');

/** Settles what the reader waits for, if it waits. */
let answerFile: ((message: Extract<ToReader, { kind: 'file' | 'file-failed' }>) => void) | undefined;

function say(message: FromReader): void {
  port?.postMessage(message);
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  const answer = await new Promise<Extract<ToReader, { kind: 'file' | 'file-failed' }>>((resolve) => {
    answerFile = resolve;
    say({ kind: 'wanted', path });
  });
  if (answer.kind === 'file-failed') throw new Error('the caller could not read the file');
  return answer.bytes;
}

port.on('message', (message: ToReader) => {
  switch (message.kind) {
    case 'file':
    case 'file-failed':
      answerFile?.(message);
      return;
    case 'find':
      say({ kind: 'found', lockFiles: findLockFiles(message.paths, message.settings) });
      return;
    case 'read':
      readManifest(message.path, readFile, message.settings).then(
        (result) => say({ kind: 'read', result }),
        (error: unknown) => say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
      );
  }
});
