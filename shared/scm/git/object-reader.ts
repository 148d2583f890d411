import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { BLOB_MAX_BYTES, isObjectName, tooLarge, verifyBlob } from '../blob.ts';
import { SourceError } from '../source.ts';
import { gitReason, spawnGit } from './run-git.ts';

/** A local read makes progress within milliseconds; half a minute of silence is a disk that hangs. */
const SILENCE_MAX_MS = 30_000;
/** A header line is an object name, a type and a size. */
const HEADER_MAX_BYTES = 1_000;

interface Request {
  readonly sha: string;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: SourceError) => void;
}

export interface ObjectReader {
  /** The verified bytes of a blob. Throws `SourceError`. */
  read(sha: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Reads blobs through one `git cat-file --batch`, which answers in the order of the questions. It starts with the first question,
 * and again after an object that made it end: only that object's reader is told so.
 */
export function createObjectReader(gitDirectory: string): ObjectReader {
  let session: Session | undefined;
  const sessions = new Set<Promise<void>>();
  let closed = false;

  function ask(request: Request): void {
    if (!session) {
      session = startSession(gitDirectory, (ended, unanswered) => {
        if (session === ended) session = undefined;
        for (const next of unanswered) {
          if (closed) next.reject(closedError(next.sha));
          else ask(next);
        }
      });
      const { whenEnded } = session;
      sessions.add(whenEnded);
      void whenEnded.then(() => sessions.delete(whenEnded));
    }
    session.ask(request);
  }

  return {
    async read(sha) {
      if (!isObjectName(sha)) throw new SourceError(`${JSON.stringify(sha.slice(0, 100))} is not an object name`, false);
      if (closed) throw closedError(sha);
      const bytes = await new Promise<Uint8Array>((resolve, reject) => ask({ sha, resolve, reject }));
      verifyBlob(sha, bytes);
      return bytes;
    },
    async close() {
      closed = true;
      session?.end();
      await Promise.all(sessions);
    },
  };
}

const CLOSED = 'the repository was closed';

const closedError = (sha: string): SourceError => new SourceError(`blob ${sha} could not be read: ${CLOSED}`, true);

interface Session {
  ask(request: Request): void;
  end(): void;
  readonly whenEnded: Promise<void>;
}

/** `onEnd` gets the requests that were asked after the one during which git ended; that one is rejected here. */
function startSession(gitDirectory: string, onEnd: (session: Session, unanswered: readonly Request[]) => void): Session {
  const child: ChildProcessWithoutNullStreams = spawnGit({ gitDirectory }, ['cat-file', '--batch']);
  const waiting: Request[] = [];
  const parser = createParser();
  let stderr = '';
  let stopped: string | undefined;
  let silence: NodeJS.Timeout | undefined;

  function stop(reason: string): void {
    stopped ??= reason;
    child.kill('SIGKILL');
  }

  function watchSilence(): void {
    clearTimeout(silence);
    if (waiting.length > 0) silence = setTimeout(() => stop(`git was silent for ${SILENCE_MAX_MS / 1000} s`), SILENCE_MAX_MS);
  }

  const whenEnded = new Promise<void>((resolve) => {
    const finish = (reason: string, retryable: boolean): void => {
      clearTimeout(silence);
      const [first, ...rest] = waiting.splice(0);
      first?.reject(new SourceError(`blob ${first.sha} could not be read: ${reason}`, retryable));
      resolve();
      onEnd(session, rest);
    };
    child.on('error', (error) => finish(`git could not be started: ${error.message}`, false));
    // Ended by a signal, ours or another's, it says nothing of the object.
    child.on('close', (code) => finish(stopped ?? gitReason(stderr, code ?? undefined), code === null));
  });

  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-2_000);
  });
  child.stdout.on('data', (chunk: Buffer) => {
    for (const answer of parser.push(chunk)) {
      if (answer.kind === 'broken' || waiting.length === 0) return stop('git answered something else than an object');
      const request = waiting.shift();
      if (request) settle(request, answer);
    }
    watchSilence();
  });

  const session: Session = {
    ask(request) {
      waiting.push(request);
      child.stdin.write(`${request.sha}\n`);
      if (waiting.length === 1) watchSilence();
    },
    end() {
      stopped ??= CLOSED;
      child.stdin.end();
      child.kill('SIGKILL');
    },
    whenEnded,
  };
  return session;
}

function settle(request: Request, answer: Exclude<Answer, { kind: 'broken' }>): void {
  const { sha } = request;
  if (answer.kind === 'missing')
    request.reject(new SourceError(`blob ${sha} is not in the object database (or its object is broken)`, false));
  else if (answer.type !== 'blob') request.reject(new SourceError(`object ${sha} is a ${answer.type}, not a file`, false));
  else if (answer.bytes === undefined) request.reject(tooLarge(sha, answer.sizeBytes));
  else request.resolve(answer.bytes);
}

type Answer =
  | {
      readonly kind: 'object';
      readonly type: string;
      readonly sizeBytes: number /** Absent where there are too many. */;
      readonly bytes?: Uint8Array;
    }
  | { readonly kind: 'missing' }
  | { readonly kind: 'broken' };

/** Divides git's output into answers: `NAME TYPE SIZE`, line feed, that many bytes, line feed; or `NAME missing`, line feed. */
function createParser(): { push(chunk: Buffer): Generator<Answer> } {
  let header = Buffer.alloc(0);
  let content: { readonly type: string; readonly sizeBytes: number; readonly bytes: Buffer | undefined; filledBytes: number } | undefined;

  return {
    *push(chunk) {
      let rest = chunk;
      while (rest.byteLength > 0) {
        if (!content) {
          const lineFeed = rest.indexOf(0x0a);
          header = Buffer.concat([header, lineFeed < 0 ? rest : rest.subarray(0, lineFeed)]);
          if (header.byteLength > HEADER_MAX_BYTES) return yield { kind: 'broken' };
          if (lineFeed < 0) return;
          rest = rest.subarray(lineFeed + 1);
          const line = header.toString('latin1');
          header = Buffer.alloc(0);
          const object = /^[0-9a-f]+ ([a-z]+) (\d+)$/.exec(line);
          if (object?.[1] && object[2]) {
            const sizeBytes = Number(object[2]);
            const bytes = sizeBytes > BLOB_MAX_BYTES ? undefined : Buffer.allocUnsafeSlow(sizeBytes);
            content = { type: object[1], sizeBytes, bytes, filledBytes: 0 };
          } else if (/^[0-9a-f]+ missing$/.test(line)) {
            yield { kind: 'missing' };
          } else {
            return yield { kind: 'broken' };
          }
          continue;
        }
        const part = rest.subarray(0, content.sizeBytes - content.filledBytes);
        content.bytes?.set(part, content.filledBytes);
        content.filledBytes += part.byteLength;
        rest = rest.subarray(part.byteLength);
        if (content.filledBytes < content.sizeBytes || rest.byteLength === 0) continue;
        // The line feed after the bytes.
        rest = rest.subarray(1);
        const { type, sizeBytes, bytes } = content;
        content = undefined;
        yield { kind: 'object', type, sizeBytes, ...(bytes ? { bytes } : {}) };
      }
    },
  };
}
