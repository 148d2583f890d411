import { randomUUID } from 'node:crypto';
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { signGitPush } from '../../../shared/scm/git/push.ts';
import { openGitSource } from '../../../shared/scm/git/source.ts';
import type { LocalRepository } from './resolve-repository.ts';

/** Where file-system events do not come (network drives, too many watches), a change is seen this late. */
const POLL_INTERVAL_MS = 1_000;
/** A commit touches several files; they are looked at once, when they have settled. */
const SETTLE_MS = 30;
/** The webhook answers within 8 s. */
const POST_TIMEOUT_MS = 10_000;

export interface LocalPush {
  readonly repository: LocalRepository;
  readonly ref: string;
  /** Absent where the branch was deleted. */
  readonly commit?: string;
  readonly deliveryId: string;
  /** When the change was noticed. */
  readonly seenAtMs: number;
}

export interface WatchOptions {
  /** The webhook's address for local repositories, path included. */
  readonly webhookUrl: string;
  /** What that route verifies with. */
  readonly secret: string;
  /** Called just before a push is posted. */
  readonly onPush: (push: LocalPush) => void;
  /** One sentence, once until it changes. The watch goes on and tries again. */
  readonly onProblem: (repository: LocalRepository, sentence: string) => void;
}

export interface RepositoryWatch {
  /** Resolves when the webhook has taken the current HEAD of every repository; rejects when the watch is closed before. */
  readonly headsPosted: Promise<void>;
  close(): Promise<void>;
}

/**
 * Posts a signed push for the HEAD of each repository at once, and again whenever it points elsewhere: a commit, a reset, a
 * checkout. Branches that were HEAD before stay watched, so that their deletion is noticed too.
 */
export function watchRepositories(repositories: readonly LocalRepository[], options: WatchOptions): RepositoryWatch {
  const abort = new AbortController();
  const watches = repositories.map((repository) => watchRepository(repository, options, abort.signal));
  const headsPosted = Promise.all(watches.map((each) => each.headPosted)).then(() => undefined);
  headsPosted.catch(() => undefined);
  return {
    headsPosted,
    async close() {
      abort.abort();
      await Promise.all(watches.map((each) => each.close()));
    },
  };
}

function watchRepository(
  repository: LocalRepository,
  options: WatchOptions,
  signal: AbortSignal,
): { readonly headPosted: Promise<void>; close(): Promise<void> } {
  /** What the webhook was told of each ref: its commit, or that it is gone. */
  const posted = new Map<string, string>();
  const headPosted = Promise.withResolvers<void>();
  let lastLook: string | undefined;
  let lastProblem: string | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  async function look(): Promise<void> {
    const now = await fingerprint(repository, [...posted.keys()]);
    if (now === lastLook || signal.aborted) return;
    const problem = await postChanges();
    if (signal.aborted) return;
    if (problem !== undefined && problem !== lastProblem) options.onProblem(repository, problem);
    lastProblem = problem;
    // What failed is tried again at the next look.
    lastLook = problem === undefined ? now : undefined;
    if (problem === undefined && posted.size > 0) headPosted.resolve();
  }

  /** Tells the webhook of every ref that moved; returns a sentence where that failed. */
  async function postChanges(): Promise<string | undefined> {
    const source = openGitSource(repository);
    const description = await source.describe();
    if (description.kind === 'unreadable') return description.reason;
    const headRef = description.defaultBranch;
    // A rebase passes through many commits with a detached HEAD; what counts is where it ends.
    const passing = headRef === 'HEAD' && posted.size > 0 && isRebasing(repository.gitDirectory);
    const refs = new Set([...posted.keys(), headRef].filter((ref) => ref !== 'HEAD' || (ref === headRef && !passing)));
    for (const ref of refs) {
      const head = await source.head(ref);
      if (head.kind === 'unreadable') return head.reason;
      const state = head.kind === 'commit' ? head.commit : 'absent';
      if (state === (posted.get(ref) ?? 'absent')) continue;
      const push: LocalPush = {
        repository,
        ref,
        deliveryId: randomUUID(),
        seenAtMs: Date.now(),
        ...(head.kind === 'commit' ? { commit: head.commit } : {}),
      };
      options.onPush(push);
      const problem = await postPush(push, options, signal);
      if (problem !== undefined) return problem;
      posted.set(ref, state);
    }
    return undefined;
  }

  function check(): void {
    if (running !== undefined) {
      again = true;
      return;
    }
    again = false;
    running = look()
      .catch((error: unknown) => options.onProblem(repository, `${repository.name} could not be watched: ${String(error)}`))
      .finally(() => {
        running = undefined;
        if (again && !signal.aborted) check();
      });
  }

  let settling: NodeJS.Timeout | undefined;
  const watchers = watchFolders(repository, () => {
    clearTimeout(settling);
    settling = setTimeout(check, SETTLE_MS);
  });
  const poll = setInterval(check, POLL_INTERVAL_MS);
  check();

  return {
    headPosted: headPosted.promise,
    async close() {
      clearInterval(poll);
      clearTimeout(settling);
      for (const watcher of watchers) watcher.close();
      headPosted.reject(new Error('the watch was closed'));
      await running;
    },
  };
}

/** Sends one push; returns a sentence where the webhook did not take it. */
async function postPush(
  { repository, ref, deliveryId }: LocalPush,
  { webhookUrl, secret }: WatchOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { headers, body } = signGitPush(
    { version: 1, repository: { id: repository.repositoryId, host: repository.host, name: repository.name }, ref },
    secret,
    deliveryId,
  );
  const what = `the push of ${ref} of ${repository.name}`;
  try {
    const response = await fetch(webhookUrl, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
    });
    const answer = await response.text();
    return response.status === 202 ? undefined : `${what} was not taken by the webhook: ${response.status} ${answer.slice(0, 200)}`;
  } catch (error) {
    return `${what} did not reach the webhook: ${describeFailure(error)}`;
  }
}

/** `fetch` says that it failed; why is in the cause. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}, ${error.cause.message}` : error.message;
}

/** Folders whose files git replaces when HEAD or a branch moves. Where they cannot be watched, polling sees it. */
function watchFolders({ gitDirectory, commonDirectory }: LocalRepository, onChange: () => void): FSWatcher[] {
  const folders = new Set([gitDirectory, commonDirectory, join(commonDirectory, 'refs', 'heads')]);
  return [...folders].flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, onChange);
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
}

function isRebasing(gitDirectory: string): boolean {
  return existsSync(join(gitDirectory, 'rebase-merge')) || existsSync(join(gitDirectory, 'rebase-apply'));
}

/** Changes whenever HEAD or one of these refs may have: cheap enough to be looked at every second, unlike asking git. */
async function fingerprint({ gitDirectory, commonDirectory }: LocalRepository, refs: readonly string[]): Promise<string> {
  const head = await contents(join(gitDirectory, 'HEAD'));
  const headRef = /^ref: (\S+)/.exec(head)?.[1];
  const loose = [...new Set([...refs, ...(headRef ? [headRef] : [])])].filter((ref) => ref !== 'HEAD');
  const parts = await Promise.all([
    ...loose.map((ref) => contents(join(commonDirectory, ref))),
    contents(join(commonDirectory, 'reftable', 'tables.list')),
    modification(join(commonDirectory, 'packed-refs')),
  ]);
  return JSON.stringify([head, isRebasing(gitDirectory), ...parts]);
}

async function contents(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return errorCode(error);
  }
}

async function modification(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    return errorCode(error);
  }
}

const errorCode = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error));
