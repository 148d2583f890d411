import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openGitSource } from '../../../../shared/scm/git/source.ts';
import type { RepositorySource } from '../../../../shared/scm/source.ts';
import { commitFiles, git, initRepository, plantTree, temporaryFolder } from '../../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
const opened: RepositorySource[] = [];
afterAll(async () => {
  await Promise.all(opened.map((source) => source.close()));
  folder.remove();
});

function open(path: string, name = 'service'): RepositorySource {
  const source = openGitSource({ name, path });
  opened.push(source);
  return source;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const objectPath = (repository: string, sha: string): string => join(repository, '.git', 'objects', sha.slice(0, 2), sha.slice(2));

describe('a work tree', () => {
  const path = join(folder.path, 'work');
  let first = '';
  let commit = '';

  beforeAll(() => {
    initRepository(path);
    first = commitFiles(path, { 'package-lock.json': '{"a":1}', 'app/größe\n"x"/Cargo.lock': 'version = 3\n', 'empty.txt': '' });
    commit = commitFiles(path, { 'package-lock.json': '{"a":2}', 'run.sh': 'echo\n' });
    git(path, ['tag', 'v1', first]);
    git(path, ['branch', 'feature/a', first]);
    writeFileSync(join(path, 'package-lock.json'), 'uncommitted');
  });

  test('describes itself by the branch that HEAD is on', async () => {
    expect(await open(path).describe()).toEqual({
      kind: 'repository',
      name: 'service',
      url: expect.stringMatching(/^file:\/\/.*\/work$/),
      defaultBranch: 'refs/heads/main',
    });
  });

  test('tells the head of each branch, and which branch is absent', async () => {
    const source = open(path);
    expect(await source.head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    expect(await source.head('refs/heads/feature/a')).toEqual({ kind: 'commit', commit: first });
    expect(await source.head('HEAD')).toEqual({ kind: 'commit', commit });
    expect(await source.head('refs/heads/feature')).toEqual({ kind: 'absent' });
    expect(await source.head('refs/heads/feature/*')).toEqual({ kind: 'absent' });
    expect(await source.head('refs/heads/mai?')).toEqual({ kind: 'absent' });
    expect(await source.head('refs/heads/none')).toEqual({ kind: 'absent' });
  });

  test('refuses what is not the full name of a ref', async () => {
    expect(await open(path).head('--all')).toMatchObject({ kind: 'unreadable' });
    expect(await open(path).head('main')).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining('"main"') });
  });

  test('lists the files of any commit and reads their committed bytes, several at once', async () => {
    const source = open(path);
    const tree = await source.tree(commit);
    expect(tree).toMatchObject({ complete: true, skipped: [] });
    expect(tree.entries.map((entry) => entry.path)).toEqual(['app/größe\n"x"/Cargo.lock', 'empty.txt', 'package-lock.json', 'run.sh']);
    const contents = await Promise.all(tree.entries.map(({ sha }) => source.blob(sha)));
    expect(contents.map(text)).toEqual(['version = 3\n', '', '{"a":2}', 'echo\n']);
    const [lock] = (await source.tree(first)).entries.filter((entry) => entry.path === 'package-lock.json');
    expect(text(await source.blob(lock?.sha ?? ''))).toBe('{"a":1}');
  });

  test('reads a blob larger than what a pipe holds', async () => {
    const other = initRepository(join(folder.path, 'large'));
    const content = 'x'.repeat(3_000_001);
    const head = commitFiles(other, { large: content, small: 's' });
    const source = open(other);
    const { entries } = await source.tree(head);
    const [large, small] = await Promise.all(entries.map(({ sha }) => source.blob(sha)));
    expect(large?.byteLength).toBe(content.length);
    expect(text(small ?? Buffer.alloc(0))).toBe('s');
  });

  test('refuses a name that is no object, is not there, or is no file, and reads on', async () => {
    const source = open(path);
    const tree = git(path, ['rev-parse', `${commit}^{tree}`]);
    const [entry] = (await source.tree(commit)).entries;
    const results = await Promise.allSettled([
      source.blob('HEAD:package-lock.json\nHEAD'),
      source.blob('1'.repeat(40)),
      source.blob(tree),
      source.blob(entry?.sha ?? ''),
    ]);
    expect(results.map((result) => (result.status === 'rejected' ? String(result.reason) : text(result.value)))).toEqual([
      expect.stringContaining('is not an object name'),
      `SourceError: blob ${'1'.repeat(40)} is not in the object database (or its object is broken)`,
      `SourceError: object ${tree} is a tree, not a file`,
      'version = 3\n',
    ]);
  });

  test('refuses to read after it was closed', async () => {
    const source = open(path);
    const [entry] = (await source.tree(commit)).entries;
    await source.blob(entry?.sha ?? '');
    await source.close();
    await expect(source.blob(entry?.sha ?? '')).rejects.toThrow('was closed');
  });

  test('ignores the git settings of the process that runs it', async () => {
    process.env['GIT_DIR'] = join(folder.path, 'elsewhere');
    process.env['GIT_CONFIG_COUNT'] = '1';
    process.env['GIT_CONFIG_KEY_0'] = 'core.bare';
    process.env['GIT_CONFIG_VALUE_0'] = 'nonsense';
    try {
      expect(await open(path).head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    } finally {
      for (const name of ['GIT_DIR', 'GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0']) delete process.env[name];
    }
  });
});

describe('kinds of repositories', () => {
  const origin = join(folder.path, 'origin');
  let commits: string[] = [];

  beforeAll(() => {
    initRepository(origin);
    commits = ['1', '2', '3'].map((content) => commitFiles(origin, { 'go.sum': content }, content));
  });

  async function readGoSum(path: string, ref: string): Promise<string> {
    const source = open(path);
    const head = await source.head(ref);
    if (head.kind !== 'commit') throw new Error(`no commit: ${JSON.stringify(head)}`);
    const tree = await source.tree(head.commit);
    expect(tree.complete).toBe(true);
    return text(await source.blob(tree.entries.find((entry) => entry.path === 'go.sum')?.sha ?? ''));
  }

  test('reads a bare repository with packed refs and objects', async () => {
    const bare = join(folder.path, 'bare.git');
    git(folder.path, ['clone', '--quiet', '--bare', origin, bare]);
    git(bare, ['pack-refs', '--all']);
    git(bare, ['gc', '--quiet']);
    expect(await readGoSum(bare, 'refs/heads/main')).toBe('3');
  });

  test('reads a shallow clone', async () => {
    const shallow = join(folder.path, 'shallow');
    git(folder.path, ['clone', '--quiet', '--depth=1', `file://${origin}`, shallow]);
    expect(await readGoSum(shallow, 'refs/heads/main')).toBe('3');
    expect(await open(shallow).tree(commits[0] ?? '')).toMatchObject({
      complete: false,
      reason: expect.stringContaining(commits[0] ?? '-'),
    });
  });

  test('reads a linked work tree by its own HEAD', async () => {
    const linked = join(folder.path, 'linked');
    git(origin, ['worktree', 'add', '--quiet', '-b', 'side', linked, commits[1] ?? '']);
    expect(await open(linked).describe()).toMatchObject({ defaultBranch: 'refs/heads/side' });
    expect(await readGoSum(linked, 'refs/heads/side')).toBe('2');
  });

  test('reads the folder of a submodule, and skips it in the repository around it', async () => {
    const outer = initRepository(join(folder.path, 'outer'));
    git(outer, ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', origin, 'vendor/lib']);
    const commit = commitFiles(outer, { a: 'a' });
    expect((await open(outer).tree(commit)).skipped).toEqual([{ path: 'vendor/lib', kind: 'submodule' }]);
    expect(await readGoSum(join(outer, 'vendor', 'lib'), 'refs/heads/main')).toBe('3');
  });

  test('reads a repository with SHA-256 names', async () => {
    const path = initRepository(join(folder.path, 'sha256'), '--object-format=sha256');
    expect(commitFiles(path, { 'go.sum': 'long' })).toHaveLength(64);
    expect(await readGoSum(path, 'refs/heads/main')).toBe('long');
  });

  test('takes a detached head for the ref HEAD', async () => {
    const path = join(folder.path, 'detached');
    git(folder.path, ['clone', '--quiet', origin, path]);
    git(path, ['checkout', '--quiet', '--detach', commits[0] ?? '']);
    expect(await open(path).describe()).toMatchObject({ defaultBranch: 'HEAD' });
    expect(await readGoSum(path, 'HEAD')).toBe('1');
  });

  test('says of a repository without commits that its branch is absent', async () => {
    const path = initRepository(join(folder.path, 'empty'));
    expect(await open(path).describe()).toMatchObject({ kind: 'repository', defaultBranch: 'refs/heads/main' });
    expect(await open(path).head('refs/heads/main')).toEqual({ kind: 'absent' });
    expect(await open(path).head('HEAD')).toEqual({ kind: 'absent' });
  });
});

describe('what cannot be read', () => {
  test('is never taken for an absent ref: a repository that is gone', async () => {
    const path = initRepository(join(folder.path, 'gone'));
    const commit = commitFiles(path, { a: 'a' });
    rmSync(path, { recursive: true });
    const answer = { kind: 'unreadable', reason: `the repository service is not at ${path} any more`, retryable: false };
    expect(await open(path).head('refs/heads/main')).toEqual(answer);
    expect(await open(path).describe()).toEqual(answer);
    expect(await open(path).tree(commit)).toMatchObject({ complete: false, entries: [], reason: answer.reason });
    await expect(open(path).blob('1'.repeat(40))).rejects.toThrow('not at');
  });

  test('is never taken for an absent ref: a folder that lost its repository, inside of another one', async () => {
    const outer = initRepository(join(folder.path, 'around'));
    commitFiles(outer, { a: 'a' });
    const inner = initRepository(join(outer, 'inner'));
    rmSync(join(inner, '.git'), { recursive: true });
    expect(await open(inner).head('refs/heads/main')).toMatchObject({
      kind: 'unreadable',
      reason: expect.stringContaining('not a git repository'),
    });
  });

  test('is never taken for an absent ref: a ref file that is damaged', async () => {
    const path = initRepository(join(folder.path, 'damaged-ref'));
    commitFiles(path, { a: 'a' });
    writeFileSync(join(path, '.git', 'refs', 'heads', 'main'), 'garbage\n');
    expect(await open(path).head('refs/heads/main')).toMatchObject({
      kind: 'unreadable',
      reason: expect.stringContaining('refs/heads/main'),
    });
    expect(await open(path).head('HEAD')).toMatchObject({ kind: 'unreadable' });
  });

  test('is never taken for an absent ref: a commit that is missing', async () => {
    const path = initRepository(join(folder.path, 'missing-commit'));
    const commit = commitFiles(path, { a: 'a' });
    rmSync(objectPath(path, commit));
    expect(await open(path).head('refs/heads/main')).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining(commit) });
  });

  test('makes the tree incomplete: a folder whose object is missing', async () => {
    const path = initRepository(join(folder.path, 'missing-tree'));
    const commit = commitFiles(path, { 'a/one': '1', 'b/two': '2', 'c/three': '3' });
    const lost = git(path, ['rev-parse', `${commit}:b`]);
    rmSync(objectPath(path, lost));
    const tree = await open(path).tree(commit);
    expect(tree).toMatchObject({ complete: false, reason: expect.stringContaining(lost) });
    expect(tree.entries.map((entry) => entry.path)).toContain('a/one');
  });

  test('names a damaged object, and reads the others', async () => {
    const path = initRepository(join(folder.path, 'damaged'));
    const commit = commitFiles(path, { a: 'first', b: 'second', c: 'third' });
    const source = open(path);
    const { entries } = await source.tree(commit);
    const [a, b, c] = entries.map((entry) => entry.sha);
    rmSync(objectPath(path, b ?? ''), { force: true });
    writeFileSync(objectPath(path, b ?? ''), 'not a compressed object');
    const results = await Promise.allSettled([source.blob(a ?? ''), source.blob(b ?? ''), source.blob(c ?? '')]);
    expect(results.map((result) => (result.status === 'rejected' ? String(result.reason) : text(result.value)))).toEqual([
      'first',
      expect.stringContaining(b ?? '-'),
      'third',
    ]);
  });

  test('refuses an object whose bytes are not those of its name', async () => {
    const path = initRepository(join(folder.path, 'swapped'));
    const commit = commitFiles(path, { a: 'trusted', b: 'planted' });
    const [a, b] = (await open(path).tree(commit)).entries.map((entry) => entry.sha);
    rmSync(objectPath(path, a ?? ''));
    cpSync(objectPath(path, b ?? ''), objectPath(path, a ?? ''));
    await expect(open(path).blob(a ?? '')).rejects.toThrow(a);
  });

  test('refuses the pointer of a file that lies in Git LFS', async () => {
    const path = initRepository(join(folder.path, 'lfs'));
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n`;
    const [entry] = (await open(path).tree(commitFiles(path, { 'requirements.txt': pointer }))).entries;
    await expect(open(path).blob(entry?.sha ?? '')).rejects.toThrow('Git LFS pointer');
  });

  test('says that a partial clone lacks a file, and fetches nothing', async () => {
    const origin = initRepository(join(folder.path, 'promisor'));
    commitFiles(origin, { a: 'old' });
    const commit = commitFiles(origin, { a: 'new' });
    git(origin, ['config', 'uploadpack.allowFilter', 'true']);
    const partial = join(folder.path, 'partial');
    git(folder.path, ['clone', '--quiet', '--bare', '--filter=blob:none', `file://${origin}`, partial]);
    const source = open(partial);
    const [entry] = (await source.tree(commit)).entries;
    await expect(source.blob(entry?.sha ?? '')).rejects.toThrow(entry?.sha);
  });
});

describe('a hostile repository', () => {
  test('has links, submodules and paths out of it skipped, each by name, and nothing of them opened', async () => {
    const path = initRepository(join(folder.path, 'hostile'));
    const sha = git(path, ['hash-object', '-w', '--stdin'], 'lock');
    const commit = plantTree(path, [
      { mode: '100644', path: '..', sha },
      { mode: '100644', path: '../../etc/passwd', sha },
      { mode: '100644', path: '/absolute', sha },
      { mode: '100644', path: 'C:\\windows', sha },
      { mode: '100644', path: '\\\\server\\share\\yarn.lock', sha },
      { mode: '100644', path: 'a\\..\\b', sha },
      { mode: '160000', path: 'module', sha: '1'.repeat(40) },
      { mode: '100664', path: 'old-mode.lock', sha },
      { mode: '120000', path: 'package-lock.json', sha },
      { mode: '100755', path: 'yarn.lock', sha },
    ]);
    const tree = await open(path).tree(commit);
    expect(tree.complete).toBe(true);
    expect(tree.entries.map((entry) => entry.path)).toEqual(['old-mode.lock', 'yarn.lock']);
    expect(Object.fromEntries(tree.skipped.map((entry) => [entry.path, entry.kind]))).toEqual({
      '..': 'unsafe-path',
      '../../etc/passwd': 'unsafe-path',
      '/absolute': 'unsafe-path',
      'C:\\windows': 'unsafe-path',
      '\\\\server\\share\\yarn.lock': 'unsafe-path',
      'a\\..\\b': 'unsafe-path',
      module: 'submodule',
      'package-lock.json': 'symlink',
    });
  });

  test('shows bytes that are not UTF-8, and refuses to take two files for one', async () => {
    const path = initRepository(join(folder.path, 'bytes'));
    const sha = git(path, ['hash-object', '-w', '--stdin'], 'lock');
    const odd = Buffer.from([0x61, 0xff, 0x62]);
    const one = await open(path).tree(plantTree(path, [{ mode: '100644', path: odd, sha }]));
    expect(one).toEqual({ complete: true, entries: [{ path: 'a\\xffb', sha }], skipped: [] });
    const both = plantTree(path, [
      { mode: '100644', path: 'a\\xffb', sha },
      { mode: '100644', path: odd, sha },
    ]);
    expect(await open(path).tree(both)).toMatchObject({ complete: false, reason: expect.stringContaining('several files of one name') });
  });

  test('has no replaced objects believed', async () => {
    const path = initRepository(join(folder.path, 'replaced'));
    const commit = commitFiles(path, { a: 'true' });
    const [entry] = (await open(path).tree(commit)).entries;
    const lie = git(path, ['hash-object', '-w', '--stdin'], 'lie');
    git(path, ['replace', entry?.sha ?? '', lie]);
    expect(text(await open(path).blob(entry?.sha ?? ''))).toBe('true');
  });

  test('runs none of its programs', async () => {
    const path = initRepository(join(folder.path, 'programs'));
    const commit = commitFiles(path, { a: 'a', '.gitattributes': '* filter=evil diff=evil\n' });
    const witness = join(folder.path, 'witness');
    const command = `touch ${witness}`;
    for (const key of [
      'core.fsmonitor',
      'core.sshCommand',
      'core.pager',
      'filter.evil.smudge',
      'filter.evil.clean',
      'diff.evil.textconv',
    ]) {
      git(path, ['config', key, command]);
    }
    git(path, ['config', 'alias.ls-tree', `!${command}`]);
    const source = open(path);
    await source.describe();
    await source.head('refs/heads/main');
    for (const { sha } of (await source.tree(commit)).entries) await source.blob(sha);
    expect(existsSync(witness)).toBe(false);
  });
});

test('leaves nothing behind in the repository', async () => {
  const path = initRepository(join(folder.path, 'untouched'));
  const commit = commitFiles(path, { a: 'a' });
  const list = (): string[] => readdirSync(join(path, '.git'), { recursive: true }).map(String).sort();
  const before = list();
  const source = open(path);
  await source.describe();
  for (const { sha } of (await source.tree(commit)).entries) await source.blob(sha);
  await source.close();
  expect(list()).toEqual(before);
});
