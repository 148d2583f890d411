import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function git(path: string, ...args: string[]): Promise<Buffer> {
  const { stdout } = await run('git', [`--git-dir=${path}`, ...args], { encoding: 'buffer', maxBuffer: 1 << 28 });
  return stdout;
}

interface GitTreeLine {
  readonly mode: string;
  readonly type: string;
  readonly sha: string;
  readonly size?: number;
  readonly path: string;
}

interface GitRef {
  readonly ref: string;
  readonly type: string;
  readonly sha: string;
}

/** All refs, sorted. */
export async function listRefs(path: string): Promise<readonly GitRef[]> {
  const lines = (await git(path, 'for-each-ref', '--format=%(objectname) %(objecttype) %(refname)')).toString().split('\n');
  return lines.flatMap((line) => {
    const [sha = '', type = '', ref = ''] = line.split(' ');
    return ref === '' ? [] : [{ ref, type, sha }];
  });
}

/** What kind of object this name names, or `undefined`. */
export async function objectType(path: string, name: string): Promise<string | undefined> {
  try {
    return (await git(path, 'cat-file', '-t', name)).toString().trim();
  } catch {
    return undefined;
  }
}

export interface GitTree {
  readonly sha: string;
  readonly lines: readonly GitTreeLine[];
}

/** A commit's or a tree's own entries, or all below it; `undefined` where the name names neither. */
export async function readTree(path: string, name: string, recursive: boolean): Promise<GitTree | undefined> {
  const type = await objectType(path, name);
  if (type !== 'commit' && type !== 'tree') return undefined;
  const sha = (await git(path, 'rev-parse', `${name}^{tree}`)).toString().trim();
  const output = await git(path, 'ls-tree', ...(recursive ? ['-r', '-t'] : []), '-l', '-z', '--full-tree', name);
  const lines = output
    .toString()
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const [facts = '', file = ''] = line.split('\t');
      const [mode = '', entryType = '', entrySha = '', size = '-'] = facts.split(/ +/);
      return { mode, type: entryType, sha: entrySha, path: file, ...(size === '-' ? {} : { size: Number(size) }) };
    });
  return { sha, lines };
}

export async function readBlob(path: string, sha: string): Promise<Buffer> {
  return git(path, 'cat-file', 'blob', sha);
}
