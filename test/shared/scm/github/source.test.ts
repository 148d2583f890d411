import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseSettings } from '../../../../shared/model/settings/settings.ts';
import { openSource } from '../../../../shared/scm/open-source.ts';
import type { RepositorySource } from '../../../../shared/scm/source.ts';
import { HAS_GITHUB_CONTRACT } from '../../../fakes/github/contract.ts';
import { type GitHubStandIn, startGitHubStandIn } from '../../../fakes/github/github-stand-in.ts';
import { commitFiles, git, initRepository, plantTree, temporaryFolder } from '../../../fakes/temporary-repository.ts';

const TOKEN = 'ghs_42_made.up.token';
const folder = temporaryFolder();
const bare = join(folder.path, 'web.git');
const empty = join(folder.path, 'empty.git');
let work = '';
let commit = '';
let github: GitHubStandIn;
let tokens: string[] = [];

beforeAll(() => {
  work = initRepository(join(folder.path, 'web'));
  commitFiles(work, { 'package-lock.json': '{"old":1}' });
  commit = commitFiles(work, {
    'package-lock.json': '{"lockfileVersion":3}',
    'apps/a/yarn.lock': 'a',
    'apps/b/yarn.lock': 'b',
    'apps/b/deep/Cargo.lock': 'c',
    'größe/go.sum': 'g',
    'large.bin': 'x'.repeat(100_000),
  });
  git(work, ['branch', 'feature/#1 a?'.replaceAll(/[ ?]/g, '%')]);
  git(work, ['branch', 'main-2']);
  git(folder.path, ['clone', '--quiet', '--bare', work, bare]);
  initRepository(empty, '--bare');
});
afterAll(() => folder.remove());

beforeEach(async () => {
  tokens = [];
  github = await startGitHubStandIn({
    token: TOKEN,
    repositories: [
      { id: 101, fullName: 'acme/web', path: bare, defaultBranch: 'main' },
      { id: 102, fullName: 'acme/empty', path: empty, defaultBranch: 'main' },
    ],
  });
});
afterEach(async () => {
  await github.close();
  expect(github.contractProblems).toEqual([]);
});

function open(name = 'acme/web', repositoryId = '101', readSecret = async (): Promise<string> => TOKEN): RepositorySource {
  const settings = parseSettings(
    { version: 1, sources: [{ forge: 'github', host: github.host, apiUrl: github.apiUrl, tokenSecret: 'github' }] },
    'test',
  );
  return openSource({ tenant: 'default', forge: 'github', host: github.host, repositoryId }, name, settings, {
    readSecret: async (secretName, options) => {
      tokens.push(`${secretName}${options?.refresh ? ' refreshed' : ''}`);
      return readSecret();
    },
    allowGitSources: false,
    nowMs: () => Date.parse('2026-01-02T03:04:05Z'),
  });
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const shaOf = (path: string): string => git(work, ['rev-parse', `${commit}:${path}`]);

describe.skipIf(!HAS_GITHUB_CONTRACT)("GitHub's own description", () => {
  test('is at hand, and finds what contradicts it', async () => {
    github.faults.folderMaxEntries = 0;
    const response = await fetch(`${github.apiUrl}/repos/acme/web/git/trees/main?page=2`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(response.status).toBe(200);
    expect(github.contractProblems).toEqual([expect.stringContaining('unknown query parameter page')]);
    (github.contractProblems as string[]).length = 0;
  });
});

describe('a repository', () => {
  test('describes itself by its name and default branch of now', async () => {
    expect(await open().describe()).toEqual({
      kind: 'repository',
      name: 'acme/web',
      url: 'https://github.example/acme/web',
      defaultBranch: 'refs/heads/main',
    });
  });

  test('tells the head of a branch of any name', async () => {
    expect(await open().head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    expect(await open().head('refs/heads/feature/#1%a%')).toEqual({ kind: 'commit', commit });
  });

  test('says that a branch is absent only after a list without it', async () => {
    expect(await open().head('refs/heads/mai')).toEqual({ kind: 'absent' });
    expect(github.calls.at(-1)).toBe('GET /repos/acme/web/git/matching-refs/heads%2Fmai 200');
  });

  test('says that every branch of an empty repository is absent', async () => {
    expect(await open('acme/empty', '102').head('refs/heads/main')).toEqual({ kind: 'absent' });
  });

  test('refuses a ref that is no branch', async () => {
    expect(await open().head('refs/tags/v1')).toMatchObject({ kind: 'unreadable' });
  });

  test('lists all files in one call and reads them, each verified', async () => {
    const source = open();
    const tree = await source.tree(commit);
    expect(tree).toMatchObject({ complete: true, skipped: [] });
    expect(tree.entries.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ['apps/a/yarn.lock', 1],
      ['apps/b/deep/Cargo.lock', 1],
      ['apps/b/yarn.lock', 1],
      ['größe/go.sum', 1],
      ['large.bin', 100_000],
      ['package-lock.json', 21],
    ]);
    const contents = await Promise.all(tree.entries.map(({ sha }) => source.blob(sha)));
    expect(contents.map((bytes) => text(bytes).slice(0, 25))).toEqual(['a', 'c', 'b', 'g', 'x'.repeat(25), '{"lockfileVersion":3}']);
    expect(github.calls.filter((call) => call.includes('/git/trees/'))).toHaveLength(1);
    expect(github.calls.filter((call) => call.startsWith('GET /repos/acme/web 200'))).toHaveLength(1);
  });

  test('reads links and submodules as skipped', async () => {
    const sha = git(bare, ['hash-object', '-w', '--stdin'], 'lock');
    const planted = plantTree(bare, [
      { mode: '160000', path: 'module', sha: '1'.repeat(40) },
      { mode: '120000', path: 'package-lock.json', sha },
      { mode: '100644', path: 'yarn.lock', sha },
    ]);
    expect(await open().tree(planted)).toEqual({
      complete: true,
      entries: [{ path: 'yarn.lock', sha, sizeBytes: 4 }],
      skipped: [
        { path: 'module', kind: 'submodule' },
        { path: 'package-lock.json', kind: 'symlink' },
      ],
    });
  });
});

describe('identity', () => {
  test('follows a rename, and uses the new name for every other call', async () => {
    github.rename('acme/web', 'acme/shop');
    const source = open();
    expect(await source.describe()).toMatchObject({ name: 'acme/shop', url: 'https://github.example/acme/shop' });
    expect(await source.head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    expect(github.calls).toEqual(['GET /repos/acme/web 301', 'GET /repositories/101 200', 'GET /repos/acme/shop/git/ref/heads%2Fmain 200']);
  });

  test('refuses another repository that took the name', async () => {
    github.rename('acme/web', 'acme/shop');
    github.add({ id: 555, fullName: 'acme/web', path: bare, defaultBranch: 'main' });
    const source = open();
    const reason = 'acme/web is another repository by now (id 555, expected 101)';
    expect(await source.head('refs/heads/main')).toEqual({ kind: 'unreadable', reason, retryable: false });
    expect(await source.tree(commit)).toMatchObject({ complete: false, reason });
    await expect(source.blob(shaOf('large.bin'))).rejects.toThrow(reason);
    expect(github.calls).toHaveLength(1);
  });

  test.each(['acme', 'acme/', '/web', 'acme/web/x', '../web', 'acme/..', ''])('refuses the name %j without a call', async (name) => {
    expect(await open(name).head('refs/heads/main')).toMatchObject({ kind: 'unreadable', retryable: false });
    expect(github.calls).toEqual([]);
  });
});

describe('a large tree', () => {
  test('is read folder by folder where GitHub cut it', async () => {
    const whole = await open().tree(commit);
    github.faults.treeMaxEntries = 3;
    const walked = await open().tree(commit);
    expect(walked.complete).toBe(true);
    const byPath = (entries: typeof whole.entries): unknown[] => [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(byPath(walked.entries)).toEqual(byPath(whole.entries));
  });

  test('is incomplete where GitHub cuts a single folder, and says which', async () => {
    github.faults.treeMaxEntries = 3;
    github.faults.folderMaxEntries = 2;
    const tree = await open().tree(commit);
    expect(tree).toMatchObject({ complete: false, reason: expect.stringContaining('the root folder: GitHub does not list it whole') });
    expect(tree.entries.length).toBeGreaterThan(0);
  });

  test('is incomplete after 200 calls, and says how much is missing', async () => {
    const sha = git(bare, ['hash-object', '-w', '--stdin'], 'x');
    const folderSha = git(bare, ['mktree'], `100644 blob ${sha}\tyarn.lock\n`);
    const folders = Array.from({ length: 210 }, (_, index) => `040000 tree ${folderSha}\td${index}\n`);
    const root = git(bare, ['mktree'], folders.join(''));
    const wide = git(bare, ['commit-tree', root, '-m', 'wide']);
    github.faults.treeMaxEntries = 100;
    const tree = await open().tree(wide);
    expect(tree).toMatchObject({ complete: false, reason: expect.stringContaining('12 folder(s) were not asked for after 200 calls') });
    expect(tree.entries).toHaveLength(198);
    expect(github.calls.filter((call) => call.includes('/git/trees/'))).toHaveLength(200);
  });

  test('is incomplete where one folder fails, and keeps the others', async () => {
    github.faults.treeMaxEntries = 3;
    github.faults.answers = [{ path: new RegExp(shaOf('apps/b')), status: 404 }];
    const tree = await open().tree(commit);
    expect(tree).toMatchObject({ complete: false, retryable: false, reason: expect.stringContaining('apps/b/: GitHub does not show it') });
    expect(tree.entries.map(({ path }) => path)).toContain('apps/a/yarn.lock');
  });

  test('is incomplete where the commit is gone', async () => {
    expect(await open().tree('2'.repeat(40))).toMatchObject({ complete: false, entries: [], reason: expect.stringContaining('404') });
  });
});

describe('a blob', () => {
  const path = 'package-lock.json';

  test('is refused where GitHub leaves its content out', async () => {
    github.faults.blobsWithoutContent.add(shaOf(path));
    await expect(open().blob(shaOf(path))).rejects.toThrow('came without its content (21 bytes, encoding null)');
  });

  test('is refused where its bytes are not those of its name', async () => {
    github.faults.wrongBlobs.set(shaOf(path), Buffer.from('{"lockfileVersion":4}'));
    await expect(open().blob(shaOf(path))).rejects.toThrow('came as other bytes');
  });

  test('is refused where it is not there', async () => {
    await expect(open().blob('3'.repeat(40))).rejects.toThrow(`blob ${'3'.repeat(40)} could not be read: GitHub does not show it`);
  });

  test('is refused where the name is no object name, without a call', async () => {
    await expect(open().blob('../../../user')).rejects.toThrow('is not an object name');
    expect(github.calls).toEqual([]);
  });

  test.each(['{"sha": "cut', '', '[]', '"text"', 'null', '{"sha":"x","size":"3"}'])('is refused where the answer is %j', async (body) => {
    github.faults.answers = [{ path: /\/git\/blobs\//, status: 200, body }];
    await expect(open().blob(shaOf(path))).rejects.toMatchObject({ name: 'SourceError', retryable: true });
  });
});

describe('a refusal or an outage is never an absent ref', () => {
  const cases: [number, Record<string, string>, boolean, string][] = [
    [401, {}, false, 'refused the token (401)'],
    [403, {}, false, 'refused the call (403): Made to fail'],
    [
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1767326645' },
      true,
      'rate limit is used up until 2026-01-02T04:04:05.000Z',
    ],
    [403, { 'retry-after': '60' }, true, 'rate limit is used up until 2026-01-02T03:05:05.000Z'],
    [429, { 'retry-after': 'soon' }, true, 'rate limit is used up'],
    [404, {}, false, 'does not show it to this token (404)'],
    [451, {}, false, 'answered 451'],
    [500, {}, true, 'answered 500'],
    [503, {}, true, 'answered 503'],
  ];

  test.each(cases)('%i %j of the repository', async (status, headers, retryable, reason) => {
    github.faults.answers = [{ path: /^\/repos\/acme\/web$/, status, headers }];
    expect(await open().head('refs/heads/none')).toEqual({
      kind: 'unreadable',
      retryable,
      reason: expect.stringContaining(reason),
    });
  });

  test.each(cases.filter(([status]) => status !== 404))('%i %j of the ref', async (status, headers, retryable, reason) => {
    github.faults.answers = [{ path: /\/git\/ref\//, status, headers }];
    expect(await open().head('refs/heads/none')).toMatchObject({ kind: 'unreadable', retryable, reason: expect.stringContaining(reason) });
  });

  test('404 of everything below a repository that still shows itself', async () => {
    github.faults.answers = [{ path: /\/git\//, status: 404 }];
    expect(await open().head('refs/heads/main')).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining('404') });
  });

  test('a connection that is refused', async () => {
    const source = open();
    await github.close();
    expect(await source.head('refs/heads/main')).toMatchObject({
      kind: 'unreadable',
      retryable: true,
      reason: expect.stringContaining('did not answer'),
    });
  });

  test('a token that cannot be read', async () => {
    const source = open('acme/web', '101', async () => {
      throw new Error('no such secret');
    });
    expect(await source.head('refs/heads/main')).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining('no such secret') });
  });
});

describe('trying again', () => {
  test('happens once after an outage', async () => {
    github.faults.answers = [{ path: /\/git\/ref\//, status: 502, times: 1 }];
    expect(await open().head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    github.faults.answers = [{ path: /\/git\/ref\//, status: 502 }];
    expect(await open().head('refs/heads/main')).toMatchObject({ kind: 'unreadable' });
    expect(github.calls.filter((call) => call.endsWith(' 502'))).toHaveLength(3);
  });

  test('happens once with a fresh token after a refused one, and never after a rate limit', async () => {
    let reads = 0;
    const source = open('acme/web', '101', async () => {
      reads += 1;
      return reads === 1 ? 'replaced meanwhile' : TOKEN;
    });
    expect(await source.head('refs/heads/main')).toEqual({ kind: 'commit', commit });
    expect(tokens).toEqual(['github', 'github refreshed', 'github']);
    github.faults.answers = [{ path: /\/git\/ref\//, status: 429 }];
    expect(await open().head('refs/heads/main')).toMatchObject({ kind: 'unreadable' });
    expect(github.calls.filter((call) => call.endsWith(' 429'))).toHaveLength(1);
  });

  test('never puts the token into a reason', async () => {
    for (const status of [401, 403, 429, 500]) {
      github.faults.answers = [{ path: /./, status, body: { message: `no access with ${status}` } }];
      expect(JSON.stringify(await open().head('refs/heads/main'))).not.toContain(TOKEN);
    }
  });
});
