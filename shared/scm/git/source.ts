import { realpath } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { type RepositorySource, SourceError, type Tree, toUnreadable, unreadable } from '../source.ts';
import { type RawTreeEntry, sortEntries } from '../tree-entries.ts';
import { createObjectReader, type ObjectReader } from './object-reader.ts';
import { gitReason, runGit } from './run-git.ts';

export interface LocalRepository {
  readonly name: string;
  /** The work tree's root, or the bare repository. */
  readonly path: string;
}

/** A git repository of this machine, read from its object database: never its work tree, and nothing is ever written or run. */
export function openGitSource({ name, path }: LocalRepository): RepositorySource {
  let directory: Promise<string> | undefined;
  let objects: ObjectReader | undefined;

  function gitDirectory(): Promise<string> {
    directory ??= findGitDirectory(name, path);
    return directory;
  }

  return {
    async describe() {
      try {
        const head = await runGit({ gitDirectory: await gitDirectory() }, ['symbolic-ref', '--quiet', 'HEAD']);
        // 1 is git's answer for a detached head; a HEAD that cannot be read at all has another.
        if (!head.ok && head.exitCode !== 1) return unreadable(`the HEAD of ${name} could not be read: ${head.reason}`, false);
        return {
          kind: 'repository',
          name,
          url: pathToFileURL(path).href,
          defaultBranch: head.ok ? head.stdout.toString().trim() : 'HEAD',
        };
      } catch (error) {
        return toUnreadable(error);
      }
    },

    async head(ref) {
      try {
        return await readHead(await gitDirectory(), name, ref);
      } catch (error) {
        return toUnreadable(error);
      }
    },

    async tree(commit) {
      try {
        return await readTree(await gitDirectory(), name, commit);
      } catch (error) {
        const { reason, retryable } = toUnreadable(error);
        return { complete: false, reason, retryable, entries: [], skipped: [] };
      }
    },

    async blob(sha) {
      const at = await gitDirectory();
      objects ??= createObjectReader(at);
      return objects.read(sha);
    },

    async close() {
      await objects?.close();
    },
  };
}

async function findGitDirectory(name: string, path: string): Promise<string> {
  let folder: string;
  try {
    folder = await realpath(path);
  } catch {
    throw new SourceError(`the repository ${name} is not at ${path} any more`, false);
  }
  const found = await runGit({ folder, upward: false }, ['rev-parse', '--absolute-git-dir']);
  if (!found.ok) throw new SourceError(`the repository ${name} at ${path} could not be opened: ${found.reason}`, false);
  return found.stdout.toString().replace(/\r?\n$/, '');
}

async function readHead(gitDirectory: string, name: string, ref: string): ReturnType<RepositorySource['head']> {
  if (ref !== 'HEAD' && !ref.startsWith('refs/')) return unreadable(`${JSON.stringify(ref)} is not the full name of a ref`, false);
  if (ref === 'HEAD') {
    const head = await runGit({ gitDirectory }, ['rev-parse', '--verify', '--quiet', '--end-of-options', 'HEAD^{commit}']);
    if (head.ok) return { kind: 'commit', commit: head.stdout.toString().trim() };
    const branch = await runGit({ gitDirectory }, ['symbolic-ref', '--quiet', 'HEAD']);
    if (!branch.ok) {
      const reason = branch.exitCode === 1 ? 'it is detached, and its commit is missing' : branch.reason;
      return unreadable(`the HEAD of ${name} could not be read: ${reason}`, false);
    }
    return readHead(gitDirectory, name, branch.stdout.toString().trim());
  }
  // A pattern also matches the refs below it, so the name is compared; unlike show-ref, this tells "no such ref" from "not readable".
  const listed = await runGit({ gitDirectory }, [
    'for-each-ref',
    '--format=%(objectname) %(objecttype) %(refname)',
    '--',
    globLiteral(ref),
  ]);
  if (!listed.ok) return unreadable(`${ref} of ${name} could not be read: ${listed.reason}`, false);
  for (const line of listed.stdout.toString().split('\n')) {
    const [commit = '', type, ...rest] = line.split(' ');
    if (rest.join(' ') !== ref) continue;
    if (type !== 'commit') return unreadable(`${ref} of ${name} points to a ${type}, not to a commit`, false);
    return { kind: 'commit', commit };
  }
  // Git leaves a damaged ref out of the list, with a warning.
  if (listed.stderr.includes(ref)) return unreadable(`${ref} of ${name} could not be read: ${gitReason(listed.stderr, 0)}`, false);
  return { kind: 'absent' };
}

/** Git reads a ref's name as a pattern; a name itself cannot hold `*`, `?` or `[`, but an asked one may. */
function globLiteral(ref: string): string {
  return ref.replaceAll(/[*?[\\]/g, (character) => `\\${character}`);
}

async function readTree(gitDirectory: string, name: string, commit: string): Promise<Tree> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) throw new SourceError(`${JSON.stringify(commit.slice(0, 100))} is not a commit`, false);
  const listed = await runGit({ gitDirectory }, ['ls-tree', '-r', '-z', '--full-tree', commit]);
  const raw = [...parseTree(listed.stdout)];
  const sorted = sortEntries(raw);
  if (!listed.ok) {
    return {
      ...sorted,
      complete: false,
      reason: `the files of commit ${commit} of ${name} could not all be read: ${listed.reason}`,
      retryable: false,
    };
  }
  if (new Set(raw.map(({ path }) => path)).size < raw.length) {
    return { ...sorted, complete: false, reason: `commit ${commit} of ${name} has several files of one name`, retryable: false };
  }
  return { ...sorted, complete: true };
}

/** Lines `MODE TYPE NAME`, tab, path, ended by NUL. A last one without its NUL was cut off and is left out. */
function* parseTree(output: Buffer): Generator<RawTreeEntry> {
  let start = 0;
  for (let end = output.indexOf(0, start); end >= 0; end = output.indexOf(0, start)) {
    const line = output.subarray(start, end);
    const tab = line.indexOf(0x09);
    const [mode = '', , sha = ''] = line.subarray(0, tab).toString('latin1').split(' ');
    yield { mode, sha, path: pathText(line.subarray(tab + 1)) };
    start = end + 1;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path as text. Git's paths are bytes; those that are not UTF-8 keep their ASCII part and show the rest as `\xNN`. */
function pathText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');
  }
}
