import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ENVIRONMENT = {
  PATH: process.env['PATH'],
  HOME: tmpdir(),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: devNull,
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z',
  GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z',
};

/** Runs real git, away from the configuration of whoever runs the tests. Returns its output without the last line feed. */
export function git(folder: string, args: readonly string[], input?: string | Uint8Array): string {
  return execFileSync('git', ['-C', folder, ...args], { env: ENVIRONMENT, stdio: 'pipe', input: input ?? '' })
    .toString()
    .replace(/\n$/, '');
}

/** A folder that `remove` takes away again. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'scm-test-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Makes a repository with `main` as its branch and no commit. */
export function initRepository(path: string, ...options: readonly string[]): string {
  mkdirSync(path, { recursive: true });
  git(path, ['init', '--quiet', '--initial-branch=main', ...options]);
  return path;
}

/** Writes the files, commits everything, and returns the commit. */
export function commitFiles(path: string, files: Readonly<Record<string, string>>, message = 'change'): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  git(path, ['add', '--all']);
  git(path, ['commit', '--quiet', '--allow-empty', '--message', message]);
  return git(path, ['rev-parse', 'HEAD']);
}

export interface PlantedEntry {
  readonly mode: string;
  readonly path: Uint8Array | string;
  readonly sha: string;
}

/** Commits a root tree of exactly these entries, which git itself would refuse to add. */
export function plantTree(path: string, entries: readonly PlantedEntry[]): string {
  const body = Buffer.concat(
    [...entries].flatMap(({ mode, path: name, sha }) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.from([0]),
      Buffer.from(sha, 'hex'),
    ]),
  );
  const tree = git(path, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], body);
  return git(path, ['commit-tree', tree, '-m', 'planted']);
}
