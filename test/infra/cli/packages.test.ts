import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../../../infra/cli/packages.ts', import.meta.url));
const SCRIPT = `import(${JSON.stringify(CLI)}).then((cli) => cli.run(process.argv.slice(1))).then((code) => { process.exitCode = code; })`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-watch-packages-'));
  mkdirSync(join(folder, 'requirements'));
  writeFileSync(
    join(folder, 'requirements/dev.txt'),
    '-r ../base.txt\n-r ../../../outside.txt\nsix>=1\n--index-url http://index.example\n',
  );
  writeFileSync(join(folder, 'base.txt'), 'flask==2.0.0\n');
  writeFileSync(join(folder, 'go.mod'), 'module m\ngo 1.26\nrequire example.com/a v1.0.0\n');
  writeFileSync(join(folder, 'yarn.lock'), 'no lock file\n');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], input = ''): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', SCRIPT, '--', ...args], { cwd: folder, encoding: 'utf8', input });
  return { code: status, stdout, stderr };
}

describe('cli packages', () => {
  it('prints packages on stdout, gaps and warnings on stderr, files beside included', () => {
    const { code, stdout, stderr } = run(['requirements/dev.txt', 'go.mod']);
    expect(stdout).toBe('PyPI\tflask\t2.0.0\nGo\texample.com/a\tv1.0.0\n');
    expect(stderr.split('\n')).toEqual([
      'requirements/dev.txt: unresolved: ../../../outside.txt -r ../../../outside.txt: the requirements file ../../../outside.txt lies outside the repository and is not read',
      'requirements/dev.txt: unresolved: six >=1: not pinned to one exact version',
      'requirements/dev.txt: warning: packages come from an index that the file names, over plain HTTP: http://index.example',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('prints one document with --json', () => {
    const { code, stdout, stderr } = run(['--json', 'go.mod', 'yarn.lock']);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      files: [
        { path: 'go.mod', format: 'go-mod', status: 'ok', packages: [['Go', 'example.com/a', 'v1.0.0']] },
        { path: 'yarn.lock', format: 'yarn', status: 'error', packages: [] },
      ],
    });
    expect(stderr).toBe('');
    expect(code).toBe(2);
  });

  it('answers each path of a batch with one object, whatever the file', () => {
    const { code, stdout } = run(['--batch'], 'go.mod\nyarn.lock\nmissing/go.mod\nREADME.md\nrequirements/dev.txt\n');
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ path, status }) => [path, status])).toEqual([
      ['go.mod', 'ok'],
      ['yarn.lock', 'error'],
      ['missing/go.mod', 'error'],
      ['README.md', 'error'],
      ['requirements/dev.txt', 'incomplete'],
    ]);
    expect(answers[4].warnings).toHaveLength(3);
    expect(code).toBe(0);
  });

  it.each([
    [[], 'Name at least one lock file.'],
    [['README.md'], 'README.md is no lock file that is read here: its name says no known format.'],
    [['--batch', 'go.mod'], '--batch takes its paths from stdin, and no other option.'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('refuses %j with one sentence and exit code 3', (args, sentence) => {
    const { code, stdout, stderr } = run(args);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(3);
  });

  it('says that a file is not there', () => {
    const { code, stderr } = run(['missing/go.mod']);
    expect(stderr).toBe('missing/go.mod: not read: there is no such file\n');
    expect(code).toBe(2);
  });
});
