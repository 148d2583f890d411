import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { devNull } from 'node:os';
import { dirname } from 'node:path';

/** Reading refs or the tree of a repository with 100,000 files takes git well under a second; a minute is a disk that hangs. */
const GIT_TIMEOUT_MS = 60_000;
/** A line of a tree has some 100 bytes: room for more than a million files. */
const GIT_OUTPUT_MAX_BYTES = 256 * 1024 * 1024;
const STDERR_MAX_CHARACTERS = 2_000;

/** Where git works: an object database that is known, or a folder from which it is still to be found. */
export type GitPlace =
  | { readonly gitDirectory: string }
  /** `upward` also looks in the folders above. */
  | { readonly folder: string; readonly upward: boolean };

/**
 * What a repository's own configuration must not do here: run programs (hooks, file-system monitor, transports) or send git elsewhere.
 * Since none of that can happen, a repository of another owner is read as well.
 */
const HARDENED = [
  ...['-c', `core.hooksPath=${devNull}`],
  ...['-c', 'core.fsmonitor=false'],
  ...['-c', `core.attributesFile=${devNull}`],
  ...['-c', 'protocol.allow=never'],
  ...['-c', 'safe.directory=*'],
  ...['-c', 'safe.bareRepository=all'],
  ...['-c', 'core.quotePath=false'],
  '--no-pager',
  '--no-replace-objects',
];

function environment(place: GitPlace): NodeJS.ProcessEnv {
  // A hook or an alias that started us leaves GIT_DIR and more behind.
  const inherited = Object.entries(process.env).filter(([name]) => !/^GIT_/i.test(name));
  return {
    ...Object.fromEntries(inherited),
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // A partial clone must not fetch what it lacks; older versions of git are held back by the transports.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    ...('folder' in place && !place.upward ? { GIT_CEILING_DIRECTORIES: dirname(place.folder) } : {}),
  };
}

/** Starts git with its standard streams piped. `folder` must be a real path. */
export function spawnGit(place: GitPlace, args: readonly string[], configuration: readonly string[] = []): ChildProcessWithoutNullStreams {
  const where = 'folder' in place ? ['-C', place.folder] : [`--git-dir=${place.gitDirectory}`];
  return spawn('git', [...HARDENED, ...configuration.flatMap((setting) => ['-c', setting]), ...where, ...args], {
    env: environment(place),
    windowsHide: true,
  });
}

/** How a run of git ended. `reason` is one line for the reader, present unless it ended with 0. */
export type GitResult =
  | { readonly ok: true; readonly stdout: Buffer; readonly stderr: string }
  | {
      readonly ok: false;
      readonly exitCode: number | undefined;
      readonly stdout: Buffer;
      readonly reason: string;
      readonly gitMissing: boolean;
    };

export interface GitOptions {
  readonly timeoutMs?: number;
  /** `section.key=value`, over the repository's own. */
  readonly configuration?: readonly string[];
}

/** Runs git to its end, within bounds of time and output. Never rejects. */
export async function runGit(place: GitPlace, args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  const { timeoutMs = GIT_TIMEOUT_MS, configuration } = options;
  const child = spawnGit(place, args, configuration);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  let stopped: string | undefined;
  const stop = (reason: string): void => {
    stopped ??= reason;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => stop(`git ${args[0]} did not end within ${timeoutMs / 1000} s`), timeoutMs);

  return new Promise((resolve) => {
    const end = (exitCode: number | undefined, failure: string | undefined, gitMissing: boolean): void => {
      clearTimeout(timer);
      const stdout = Buffer.concat(chunks);
      if (exitCode === 0 && failure === undefined) resolve({ ok: true, stdout, stderr });
      else resolve({ ok: false, exitCode, stdout, reason: failure ?? gitReason(stderr, exitCode), gitMissing });
    };
    child.stdin.on('error', () => undefined).end();
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > GIT_OUTPUT_MAX_BYTES) stop(`git ${args[0]} put out more than ${GIT_OUTPUT_MAX_BYTES} bytes`);
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_MAX_CHARACTERS) stderr += chunk.toString();
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      end(undefined, missing ? 'git was not found on the PATH' : `git could not be started: ${error.message}`, missing);
    });
    child.on('close', (code) => end(code ?? undefined, stopped, false));
  });
}

/** What git itself gave as the reason, on one line. */
export function gitReason(stderr: string, exitCode: number | undefined): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^(?:fatal|error|warning): /, '').trim())
    .filter((line) => line !== '');
  return lines.length > 0 ? lines.slice(0, 3).join('; ') : `git ended with ${exitCode === undefined ? 'a signal' : `code ${exitCode}`}`;
}
