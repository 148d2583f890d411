import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import type { ResultDocument } from '../../../infra/local/scan/result-document.ts';
import { commitFiles, git, initRepository, temporaryFolder } from '../../fakes/temporary-repository.ts';
import { packageLock } from '../../simulation/world.ts';
import { isAlive, listen, processesBelow, startIn } from './start-process.ts';

/** `npm start` as a person runs it: a process of its own, on real repositories, with the stand-in for SafeDep. */

const SCHEMA = new URL('../../../infra/local/scan/result.schema.json', import.meta.url);

const folder = temporaryFolder();
const repository = join(folder.path, 'shop');

beforeAll(() => {
  initRepository(repository);
  commitFiles(repository, {
    'package-lock.json': packageLock('safedep-test-pkg@0.1.3', 'left-pad@1.3.0'),
    'tools/requirements.txt': 'requests==2.32.3\nflask>=2\n',
  });
});
afterAll(() => folder.remove());

const { start, run } = startIn(folder.path);

describe('npm start -- --once --json', () => {
  it('prints one document that its schema allows, and exits by what the policy rejects', async () => {
    const { code, stdout } = await run(['--once', '--json', '--safedep', 'stand-in', repository]);
    const document = JSON.parse(stdout) as ResultDocument;
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')));
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    expect(code).toBe(1);
    const [shop] = document.repositories;
    expect(shop).toMatchObject({ repository: 'shop', ref: 'refs/heads/main', status: 'complete', reasons: [], gaps: { unresolved: 1 } });
    expect(shop?.packages.map(({ purl }) => purl)).toEqual([
      'pkg:npm/left-pad@1.3.0',
      'pkg:npm/safedep-test-pkg@0.1.3',
      'pkg:pypi/requests@2.32.3',
    ]);
    expect(shop?.findings[0]).toMatchObject({ kind: 'malware', decision: 'reject', purl: 'pkg:npm/safedep-test-pkg@0.1.3' });
    expect(shop?.lockFiles).toMatchObject([
      { path: 'package-lock.json', packages: 2 },
      { path: 'tools/requirements.txt', packages: 1, gaps: [{ name: 'flask', state: 'unresolved' }] },
    ]);
    expect(document.calls).toEqual({ insight: 3, malware: 3 });
    expect(document.answers).toBe('stand-in');
  });

  it('marks a made-up answer on every line that speaks of packages', async () => {
    const { stdout } = await run(['--once', '--safedep', 'stand-in', repository]);
    const lines = stdout.trimEnd().split('\n');
    const first = lines.findIndex((line) => line.startsWith('[made up]'));
    expect(first).toBeGreaterThan(0);
    expect(lines.slice(first).filter((line) => !line.startsWith('[made up] '))).toEqual([]);
    expect(lines.slice(0, first).join('\n')).toContain('MADE UP by the stand-in');
    expect(lines[first]).toMatch(/^\[made up\] shop main [0-9a-f]{7}: reading the lock files$/);
    expect(lines[first + 1]).toMatch(/^\[made up\] shop main [0-9a-f]{7}: 2 lock files, 3 distinct packages$/);
    expect(lines.join('\n')).toMatch(/reject malware .*safedep-test-pkg/);
  });

  it('reads a repository without any lock file as complete, and says so', async () => {
    const empty = initRepository(join(folder.path, 'empty'));
    commitFiles(empty, { 'README.md': 'nothing' });
    const { code, stdout } = await run(['--once', '--safedep', 'stand-in', empty]);
    expect(stdout).toContain('no lock file that safedep-watch reads');
    expect(code).toBe(0);
  });

  it('reads a detached head as the ref HEAD', async () => {
    const detached = initRepository(join(folder.path, 'detached'));
    const commit = commitFiles(detached, { 'package-lock.json': packageLock('left-pad@1.3.0') });
    git(detached, ['checkout', '--quiet', '--detach']);
    const { stdout } = await run(['--once', '--json', '--safedep', 'stand-in', detached]);
    expect((JSON.parse(stdout) as ResultDocument).repositories[0]).toMatchObject({ ref: 'HEAD', commit });
  });

  it('shows no control character of a repository, wherever its name is said', async () => {
    const odd = initRepository(join(folder.path, 'odd\u001b[31m\nname'));
    commitFiles(odd, { 'package-lock.json': packageLock('left-pad@1.3.0') });
    writeFileSync(join(odd, 'package-lock.json'), 'changed');
    const { stdout } = await run(['--once', '--safedep', 'stand-in', odd]);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/^watching +odd\\u\{1b\}\[31m\\u\{a\}name /m);
    expect(stdout).toContain('changes that are not committed');
  });

  it('watches where the cache folder cannot be written, and says what that costs', async () => {
    const child = start(['--safedep', 'stand-in', repository], { XDG_CACHE_HOME: '/dev/null/cache' });
    const heard = listen(child);
    await heard.hear(/complete in/);
    await heard.hear(/answers are not kept for the next start/);
    child.kill('SIGINT');
    expect((await heard.end).code).toBe(130);
  });

  it('calls a scan with an unreadable lock file incomplete', async () => {
    const broken = initRepository(join(folder.path, 'broken'));
    commitFiles(broken, { 'package-lock.json': '{"lockfileVersion": 3,' });
    const { code, stdout } = await run(['--once', '--json', '--safedep', 'stand-in', broken]);
    expect((JSON.parse(stdout) as ResultDocument).repositories[0]).toMatchObject({
      status: 'incomplete',
      lockFiles: [{ status: 'error' }],
    });
    expect(code).toBe(2);
  });
});

describe('npm start refuses in one sentence', () => {
  const cases: readonly [string, readonly string[], number, RegExp][] = [
    ['an unknown option', ['--frobnicate'], 3, /Unknown option '--frobnicate'/],
    ['an unknown source of answers', ['--safedep', 'oracle'], 3, /--safedep takes auto, cloud, community, stand-in/],
    ['a path that is not there', ['--once', '/no/such/folder'], 3, /There is no folder/],
    ['a folder that is no repository', ['--once', '/'], 3, /is not a git repository/],
    ['a settings file that is not there', ['--once', '--config', '/no/such.json'], 3, /settings file .* cannot be read/],
    ['cloud without a key', ['--once', '--safedep', 'cloud'], 3, /SAFEDEP_API_KEY/],
  ];
  for (const [what, args, expected, sentence] of cases) {
    it(what, async () => {
      const { code, stdout, stderr } = await run(
        args.includes('--once') && !args.some((arg) => arg.startsWith('/no') || arg === '/') ? [...args, repository] : args,
      );
      expect(code).toBe(expected);
      expect(stderr).toMatch(sentence);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stdout).toBe('');
    });
  }

  it('half a credential, instead of asking the public host', async () => {
    const { code, stdout, stderr } = await run(['--once', repository], { SAFEDEP_API_KEY: 'sfd_of_nobody' });
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr.trimEnd()).toMatch(/^.*SAFEDEP_API_KEY is set and SAFEDEP_TENANT_ID is not.*$/);
    expect(stderr).not.toContain('sfd_of_nobody');
  });

  it('a repository without commits', async () => {
    const { code, stderr } = await run(['--once', initRepository(join(folder.path, 'new'))]);
    expect([code, stderr.split('\n').length]).toEqual([3, 2]);
    expect(stderr).toContain('no commits');
  });

  it('a port in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, stderr } = await run(['--once', '--safedep', 'stand-in', '--port', String(port), repository]);
    holder.close();
    expect(code).toBe(3);
    expect(stderr).toContain(`port ${port}`);
    expect(stderr).not.toContain(' at ');
  });

  it('an unreachable SafeDep, with the way out', async () => {
    const { code, stderr } = await run(['--once', '--safedep', 'community', repository], { SAFEDEP_COMMUNITY_URL: 'http://127.0.0.1:9' });
    expect(code).toBe(2);
    expect(stderr).toContain('--safedep stand-in');
  });

  it('a plain http address that is not loopback', async () => {
    const { code, stderr } = await run(['--once', '--safedep', 'community', repository], {
      SAFEDEP_COMMUNITY_URL: 'http://safedep.example',
    });
    expect(code).toBe(3);
    expect(stderr).toContain('SAFEDEP_COMMUNITY_URL');
  });
});

describe('npm start while it watches', () => {
  it('scans a new commit, alerts of what it brings, and ends at once on Ctrl-C with nothing left behind', async () => {
    const watched = initRepository(join(folder.path, 'watched'));
    commitFiles(watched, { 'package-lock.json': packageLock('left-pad@1.3.0') });
    const child = start(['--safedep', 'stand-in', watched]);
    const { end, hear } = listen(child);
    await hear(/complete in/);
    const commit = commitFiles(watched, { 'package-lock.json': packageLock('left-pad@1.3.0', 'safedep-test-pkg@0.1.3') });
    await hear(new RegExp(`${commit.slice(0, 7)}: complete in`));
    await hear(/alert {2}.*safedep-test-pkg/);
    const descendants = processesBelow(child.pid ?? 0);
    expect(descendants.length).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
    expect(descendants.filter(isAlive)).toEqual([]);

    const again = start(['--safedep', 'stand-in', watched]);
    const second = listen(again);
    await second.hear(/cache +2 answers kept from earlier starts/);
    await second.hear(/complete in/);
    again.kill('SIGINT');
    expect((await second.end).code).toBe(130);
  });

  it('keeps the answers of a scan that Ctrl-C interrupts', async () => {
    const slow = initRepository(join(folder.path, 'slow'));
    const packages = Array.from({ length: 60 }, (_, index) => `slow-${index}@1.0.0`);
    commitFiles(slow, { 'package-lock.json': packageLock(...packages) });
    const standIn = await startSafeDepStandIn();
    try {
      const args = ['--safedep', 'community', slow];
      const variables = { SAFEDEP_COMMUNITY_URL: standIn.url };
      const child = start(args, variables);
      const first = listen(child);
      await first.hear(/60 distinct packages/);
      // At twenty calls a second, some two seconds of the six that the scan takes.
      await vi.waitUntil(() => standIn.calls().total >= 40, { timeout: 30_000 });
      child.kill('SIGINT');
      const { code, stdout } = await first.end;
      expect(code).toBe(130);
      expect(stdout).not.toMatch(/complete in|cannot be written/);

      const again = start(args, variables);
      const second = listen(again);
      await second.hear(/cache +\d+ answers kept from earlier starts/);
      again.kill('SIGINT');
      expect((await second.end).code).toBe(130);
    } finally {
      await standIn.close();
    }
  });
});
