import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import type { ReadingSettings } from '../../model/settings/settings.ts';
import type { LockFilePath, ReadFile } from '../format.ts';
import type { ManifestReader } from '../manifest-reader.ts';
import type { ReadManifest } from '../read-manifest.ts';
import type { FromReader, ToReader } from './messages.ts';

/** Beside the bundle on AWS, in this folder from the source. */
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './reader-thread.ts' : './reader-thread.mjs', import.meta.url);

/** The thread's own memory beside that for old objects, in megabytes: where new ones begin. */
const YOUNG_GENERATION_MEGABYTES = 32;

export interface IsolatedReader extends ManifestReader {
  /** Starts the thread, so that the first file does not wait for that. */
  start(settings: ReadingSettings): void;
  close(): Promise<void>;
}

/** The thread ended, or was ended, before it answered. */
class ReadingEnded extends Error {
  override readonly name = 'ReadingEnded';
}

/**
 * Reads in a thread of its own, with a limit of memory and of time for each file: a hostile one ends there, as an error of its
 * own, and the next file has a new thread. Requests wait for each other; time is counted only while the thread has the word, not
 * while it waits for a file.
 */
export function createIsolatedReader(): IsolatedReader {
  const oneAtATime = pLimit(1);
  let thread: { readonly worker: Worker; readonly heapMegabytes: number } | undefined;

  function start({ limits: { heapMegabytes } }: ReadingSettings): Worker {
    if (thread?.heapMegabytes === heapMegabytes) return thread.worker;
    void thread?.worker.terminate();
    const worker = new Worker(THREAD, {
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: YOUNG_GENERATION_MEGABYTES },
      env: {},
    });
    worker.unref();
    // Without a listener an error between two requests would end the process.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (thread?.worker === worker) thread = undefined;
    });
    thread = { worker, heapMegabytes };
    return worker;
  }

  /** Throws `ReadingEnded`, and what `readFile` throws. */
  async function ask(request: ToReader, settings: ReadingSettings, readFile: ReadFile): Promise<FromReader> {
    const worker = start(settings);
    let failure: { readonly error: unknown } | undefined;
    let leftMs = settings.limits.seconds * 1000;
    worker.ref();
    try {
      for (let message = request; ; ) {
        const askedAtMs = performance.now();
        const answer = await exchange(worker, message, leftMs, settings);
        leftMs -= performance.now() - askedAtMs;
        if (answer.kind !== 'wanted') {
          if (failure) throw failure.error;
          return answer;
        }
        message = await readFile(answer.path).then(
          (bytes): ToReader => ({ kind: 'file', bytes }),
          (error: unknown): ToReader => {
            failure ??= { error };
            return { kind: 'file-failed' };
          },
        );
      }
    } finally {
      worker.unref();
    }
  }

  return {
    start: (settings) => void start(settings),
    find: (paths, settings) =>
      oneAtATime(async (): Promise<readonly LockFilePath[]> => {
        const answer = await ask({ kind: 'find', paths, settings }, settings, async () => undefined);
        if (answer.kind !== 'found') throw new Error(`the reader of lock files answered ${answer.kind} to a search`);
        return answer.lockFiles;
      }),
    read: (path, readFile, settings) => {
      // Fetched while other files are read; a failure is met where the file is consulted.
      const own = readFile(path);
      own.catch(() => undefined);
      return oneAtATime(async (): Promise<ReadManifest> => {
        const consulted = new Set([path]);
        const consult: ReadFile = (asked) => {
          consulted.add(asked);
          return asked === path ? own : readFile(asked);
        };
        try {
          const answer = await ask({ kind: 'read', path, settings }, settings, consult);
          if (answer.kind === 'read') return answer.result;
          throw new Error(answer.kind === 'failed' ? answer.reason : `the reader of lock files answered ${answer.kind}`);
        } catch (error) {
          if (!(error instanceof ReadingEnded)) throw error;
          return { content: { status: 'error', reason: error.message }, consulted: [...consulted], wasEnded: true };
        }
      });
    },
    async close() {
      const ending = thread?.worker;
      thread = undefined;
      await ending?.terminate();
    },
  };
}

/** One message to the thread and the next one from it. After `ReadingEnded` the thread is gone. */
function exchange(worker: Worker, message: ToReader, leftMs: number, settings: ReadingSettings): Promise<FromReader> {
  const { seconds, heapMegabytes } = settings.limits;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      finish();
      void worker.terminate().then(() => reject(new ReadingEnded(`reading it took longer than ${seconds} s, and was ended`)));
    }, leftMs);
    const onMessage = (answer: FromReader): void => {
      finish();
      resolve(answer);
    };
    const onError = (error: NodeJS.ErrnoException): void => {
      finish();
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      reject(
        new ReadingEnded(isMemory ? `reading it took more than ${heapMegabytes} MB, and was ended` : `its reader failed: ${error.name}`),
      );
    };
    const onExit = (): void => {
      finish();
      reject(new ReadingEnded('its reader ended without an answer'));
    };
    function finish(): void {
      clearTimeout(timer);
      worker.off('message', onMessage);
      worker.off('error', onError);
      worker.off('exit', onExit);
    }
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.on('exit', onExit);
    worker.postMessage(message);
  });
}
