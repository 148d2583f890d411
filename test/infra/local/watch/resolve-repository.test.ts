import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RepositoryError, resolveRepositories, resolveRepository } from '../../../../infra/local/watch/resolve-repository.ts';
import { commitFiles, git, initRepository, temporaryFolder } from '../../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
const at = (...parts: string[]): string => join(folder.path, ...parts);
const work = at('service');

beforeAll(() => {
  initRepository(work);
  commitFiles(work, { 'apps/web/package.json': '{}' });
  git(folder.path, ['clone', '--quiet', '--bare', work, at('mirror.git')]);
});
afterAll(() => folder.remove());

const refusal = async (path: string): Promise<string> => {
  const error: unknown = await resolveRepository(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RepositoryError);
  return (error as RepositoryError).message;
};

describe('a path', () => {
  test('is found as a work tree, from its root, a folder in it, its .git or a link to it', async () => {
    symlinkSync(work, at('link'));
    const found = await resolveRepository(work);
    expect(found).toEqual({
      host: 'localhost',
      repositoryId: expect.stringMatching(/^[0-9a-f]{16}$/),
      name: 'service',
      path: work,
      isBare: false,
      gitDirectory: join(work, '.git'),
      commonDirectory: join(work, '.git'),
    });
    for (const path of [join(work, 'apps', 'web'), join(work, '.git'), at('link')]) expect(await resolveRepository(path)).toEqual(found);
  });

  test('is found as a bare repository, named without .git', async () => {
    expect(await resolveRepository(at('mirror.git'))).toMatchObject({ name: 'mirror', path: at('mirror.git'), isBare: true });
  });

  test('is found as a linked work tree, which is a repository of its own', async () => {
    git(work, ['worktree', 'add', '--quiet', '--detach', at('linked')]);
    const linked = await resolveRepository(at('linked'));
    expect(linked).toMatchObject({
      name: 'linked',
      path: at('linked'),
      isBare: false,
      gitDirectory: join(work, '.git', 'worktrees', 'linked'),
      commonDirectory: join(work, '.git'),
    });
    expect(linked.repositoryId).not.toBe((await resolveRepository(work)).repositoryId);
  });
});

describe('a path that cannot be watched is refused in one sentence', () => {
  test('where nothing is there', async () => {
    expect(await refusal(at('nowhere'))).toBe(`There is no folder ${at('nowhere')}.`);
  });

  test('where it is a file', async () => {
    writeFileSync(at('file'), '');
    expect(await refusal(at('file'))).toBe(`${at('file')} is a file; name the folder of a git repository.`);
    expect(await refusal(at('file', 'below'))).toContain('no folder');
  });

  test('where it is no repository', async () => {
    mkdirSync(at('plain'));
    expect(await refusal(at('plain'))).toBe(`${at('plain')} is not a git repository, nor in one.`);
  });

  test('where it has no commits', async () => {
    initRepository(at('new'));
    expect(await refusal(at('new'))).toBe(`${at('new')} has no commits yet; commit something first.`);
  });

  test('where its HEAD is a branch without commits beside others', async () => {
    git(folder.path, ['clone', '--quiet', '--bare', work, at('odd.git')]);
    git(at('odd.git'), ['symbolic-ref', 'HEAD', 'refs/heads/master']);
    expect(await refusal(at('odd.git'))).toMatch(/HEAD of .* is refs\/heads\/master, which has no commits; .* such as main\.$/);
  });

  test('where its last commit is missing', async () => {
    const path = initRepository(at('broken'));
    const commit = commitFiles(path, { a: 'a' });
    rmSync(join(path, '.git', 'objects', commit.slice(0, 2), commit.slice(2)));
    expect(await refusal(path)).toContain(commit);
  });

  test('where git is not installed', async () => {
    const { PATH } = process.env;
    process.env['PATH'] = at('plain');
    try {
      expect(await refusal(work)).toBe('git was not found on the PATH; install git and try again.');
    } finally {
      process.env['PATH'] = PATH;
    }
  });
});

describe('several paths', () => {
  test('are each watched once', async () => {
    expect(await resolveRepositories([work, join(work, 'apps'), work])).toHaveLength(1);
  });

  test('get names that tell them apart, from as many folders as it takes', async () => {
    const paths = ['x/a/api', 'x/b/api', 'y/a/api', 'x/web', 'bare/web.git'].map((path) => at(path));
    for (const path of paths) {
      initRepository(path);
      commitFiles(path, { a: path });
    }
    const repositories = await resolveRepositories(paths);
    const names = repositories.map(({ name }) => name);
    expect(names).toEqual(['x/a/api', 'b/api', 'y/a/api', 'x/web', 'bare/web']);
    expect(new Set(repositories.map(({ repositoryId }) => repositoryId)).size).toBe(paths.length);
  });

  test('are refused together where one is refused', async () => {
    await expect(resolveRepositories([work, at('nowhere')])).rejects.toThrow(RepositoryError);
  });
});
