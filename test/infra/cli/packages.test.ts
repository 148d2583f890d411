import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../../../infra/cli/packages.ts', import.meta.url));
const SCRIPT = `import(${JSON.stringify(CLI)}).then((cli) => cli.run(process.argv.slice(1))).then((code) => { process.exitCode = code; })`;

/** A repository of git beside a folder that is none. */
const FILES: Readonly<Record<string, string>> = {
  'shop/.git/HEAD': 'ref: refs/heads/main\n',
  'shop/deep/down/requirements/dev.txt': '-r ../../../base.txt\n-r ../../../../outside.txt\nsix>=1\n',
  'shop/base.txt': 'flask==2.0.0\n',
  'shop/go.mod': 'module shop.example/m\ngo 1.26\nrequire example.com/a v1.0.0\n',
  'shop/go.sum': `example.com/a v1.0.0 h1:${'A'.repeat(43)}=\n`,
  'shop/mobile/pubspec.lock':
    'packages:\n  left:\n    dependency: "direct main"\n    description:\n      name: left\n      url: "https://pub.example"\n    source: hosted\n    version: "1.0.0"\n',
  'shop/node_modules/x/package-lock.json': '{}',
  'shop/.git/yarn.lock': 'no lock file\n',
  'outside.txt': 'leaked==1.0.0\n',
  'broken/yarn.lock': 'no lock file\n',
  'broken/sub/requirements.txt': 'flask==2.0.0\n--index-url http://index.example\n',
  'empty/README.md': '# nothing\n',
  'safedep-watch.json': JSON.stringify({
    version: 1,
    reading: { privateNames: { GO: ['example.com/*'] }, ignoredFolders: ['mobile'] },
    policy: { poisonedLockFile: { 'plain-http': 'warn' } },
  }),
  'poisoned/package-lock.json': JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { ms: '1' } },
      'node_modules/ms': { version: '2.1.3', resolved: 'http://registry.npm.example/ms/-/ms-2.1.3.tgz', integrity: 'sha512-AAAA' },
    },
  }),
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-watch-packages-'));
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  symlinkSync('../outside.txt', join(folder, 'shop/linked.txt'));
  symlinkSync('go.mod', join(folder, 'shop/yarn.lock'));
  writeFileSync(join(folder, 'shop/requirements.txt'), '-r linked.txt\nsix==1.16.0\n');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], input = ''): { code: number | null; stdout: string; stderr: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', SCRIPT, '--', ...args], { cwd: folder, encoding: 'utf8', input });
  return { code: status, stdout, stderr: stderr.split('\n').filter(Boolean) };
}

describe('cli packages', () => {
  it('prints packages on stdout, and on stderr what is not looked up', () => {
    const { code, stdout, stderr } = run(['shop/deep/down/requirements/dev.txt', 'shop/go.mod', 'shop/mobile/pubspec.lock']);
    expect(stdout).toBe(
      [
        'PyPI\tflask\t2.0.0\tshop/deep/down/requirements/dev.txt',
        'Go\texample.com/a\tv1.0.0\tshop/go.mod:3',
        'Pub\tleft\t1.0.0\tshop/mobile/pubspec.lock:2',
        '',
      ].join('\n'),
    );
    expect(stderr).toEqual([
      expect.stringContaining('dev.txt: unresolved: ../../../../outside.txt -r'),
      'shop/deep/down/requirements/dev.txt: unresolved: six >=1: not pinned to one exact version',
      'shop/go.mod: local: shop.example/m: the module itself',
      'shop/mobile/pubspec.lock: not looked up: 1 package: SafeDep does not serve Pub packages',
    ]);
    expect(code).toBe(0);
  });

  it('walks a folder as the pipeline would, and says what it leaves out', () => {
    const { code, stdout, stderr } = run(['shop', '--format', 'purl']);
    expect(stdout).toBe('pkg:golang/example.com/a@v1.0.0\npkg:pub/left@1.0.0\npkg:pypi/flask@2.0.0\n');
    expect(stderr).toContain('shop/go.sum: read only when it is named');
    expect(stderr).toContain('shop/yarn.lock: a symbolic link, not followed');
    expect(stderr).toContain('shop/requirements.txt: not read: linked.txt lies outside the repository, and is not read');
    expect(stderr.join()).not.toContain('leaked');
    expect(code).toBe(2);
  });

  it('shows a table to a person', () => {
    const { stdout, stderr } = run(['--format', 'table', 'shop/go.mod', 'broken/yarn.lock']);
    expect(stdout.split('\n')).toEqual([
      'shop/go.mod (go-mod)',
      '  ECOSYSTEM  PACKAGE        VERSION  USED    LINE',
      '  Go         example.com/a  v1.0.0   direct  3',
      '  local: shop.example/m: the module itself',
      '',
      'broken/yarn.lock (yarn)',
      expect.stringMatching(/^ {2}not read: /),
      '',
      '2 files: 1 package version, 1 of them can be looked up; 1 file not read',
      '',
    ]);
    expect(stderr).toEqual([]);
  });

  it('prints one document with everything that was read', () => {
    const { code, stdout, stderr } = run(['--format', 'json', 'shop/go.mod', 'shop/mobile/pubspec.lock', 'broken/yarn.lock']);
    expect(JSON.parse(stdout)).toEqual({
      version: 1,
      files: [
        {
          path: 'shop/go.mod',
          format: 'go-mod',
          status: 'ok',
          packages: [
            {
              ecosystem: 'Go',
              name: 'example.com/a',
              version: 'v1.0.0',
              purl: 'pkg:golang/example.com/a@v1.0.0',
              relationship: 'direct',
              line: 3,
            },
          ],
          gaps: [],
          locals: [{ ecosystem: 'Go', name: 'shop.example/m', requirement: '', reason: 'the module itself' }],
          poisonings: [],
          warnings: [],
        },
        expect.objectContaining({
          status: 'ok',
          packages: [expect.objectContaining({ ecosystem: 'Pub', notLookedUp: 'SafeDep does not serve Pub packages' })],
        }),
        { path: 'broken/yarn.lock', format: 'yarn', status: 'error', reason: expect.any(String) },
      ],
      notes: [],
      failures: [],
    });
    expect(stderr).toEqual([]);
    expect(code).toBe(2);
  });

  it('answers each path of stdin with one line of JSON, whatever the file', () => {
    const { code, stdout } = run(
      ['--stdin-paths'],
      'shop/go.mod\nbroken/yarn.lock\nmissing/go.mod\nempty/README.md\n\nshop/deep/down/requirements/dev.txt\npoisoned/package-lock.json\n',
    );
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ path, status }) => [path, status])).toEqual([
      ['shop/go.mod', 'ok'],
      ['broken/yarn.lock', 'error'],
      ['missing/go.mod', 'error'],
      ['empty/README.md', 'error'],
      ['shop/deep/down/requirements/dev.txt', 'incomplete'],
      ['poisoned/package-lock.json', 'ok'],
    ]);
    expect(answers[0]).toEqual({
      path: 'shop/go.mod',
      status: 'ok',
      packages: [['Go', 'example.com/a', 'v1.0.0']],
      warnings: [],
    });
    expect(answers[1]).toMatchObject({ packages: [], warnings: [], error: expect.any(String) });
    expect(answers[4].warnings).toHaveLength(2);
    expect(answers[5].warnings).toEqual([expect.stringMatching(/^plain-http: /)]);
    expect(code).toBe(0);
  });

  it('ends with 1 on a sign of poisoning that the settings reject', () => {
    const rejected = run(['poisoned/package-lock.json']);
    expect(rejected.stderr.join()).toContain('poisoning: plain-http: ms@2.1.3');
    expect(rejected.code).toBe(1);
    expect(run(['poisoned/package-lock.json', '--config', 'safedep-watch.json']).code).toBe(0);
  });

  it("reads by the settings' names and folders", () => {
    const { stdout, stderr } = run(['shop', '--config', 'safedep-watch.json']);
    expect(stdout).toBe('PyPI\tflask\t2.0.0\tshop/deep/down/requirements/dev.txt\n');
    expect(stderr).toContain('shop/go.mod: unresolved: example.com/a v1.0.0: private: a name that the settings list');
  });

  it('says that a file is not there, and that a folder holds nothing', () => {
    expect(run(['missing/go.mod'])).toEqual({ code: 2, stdout: '', stderr: ['missing/go.mod: not read: there is no such file'] });
    expect(run(['empty'])).toEqual({ code: 2, stdout: '', stderr: ['empty: no lock file that is read here'] });
  });

  it.each([
    [[], 'Name at least one lock file or folder.'],
    [['empty/README.md'], 'empty/README.md is no lock file that is read here: its name says no known format.'],
    [['--stdin-paths', 'go.mod'], '--stdin-paths takes its paths from stdin'],
    [['--format', 'xml', 'go.mod'], '--format is one of table, tsv, json, purl, cyclonedx.'],
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['--config', 'missing.json', 'shop/go.mod'], 'The settings file missing.json cannot be read (ENOENT).'],
  ])('refuses %j with one sentence and exit code 3', (args, sentence) => {
    const { code, stdout, stderr } = run(args);
    expect(stderr[0]).toContain(sentence);
    expect(stderr.join('\n')).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(3);
  });
});
