import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { resolveRepository } from '../../../../infra/local/watch/resolve-repository.ts';
import { findUncommittedChanges, type UncommittedChanges } from '../../../../infra/local/watch/uncommitted-changes.ts';
import { commitFiles, git, initRepository, temporaryFolder } from '../../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

async function changes(path: string, isOfInterest: (path: string) => boolean = () => true): Promise<UncommittedChanges> {
  return findUncommittedChanges(await resolveRepository(path), isOfInterest);
}

test('finds files that are changed, staged, deleted, renamed or new, and only those of interest', async () => {
  const path = initRepository(join(folder.path, 'work'));
  commitFiles(path, {
    'a/yarn.lock': '1',
    'b/yarn.lock': '1',
    'gone.lock': '1',
    'old.lock': 'same',
    clean: '1',
    '.gitignore': 'ignored/\n',
  });
  expect(await changes(path)).toEqual({ kind: 'known', paths: [] });
  writeFileSync(join(path, 'a', 'yarn.lock'), '2');
  writeFileSync(join(path, 'b', 'yarn.lock'), '2');
  git(path, ['add', 'b']);
  git(path, ['rm', '--quiet', 'gone.lock']);
  git(path, ['mv', 'old.lock', 'größe "new".lock']);
  mkdirSync(join(path, 'new', 'deep'), { recursive: true });
  writeFileSync(join(path, 'new', 'deep', 'Cargo.lock'), '');
  mkdirSync(join(path, 'ignored'));
  writeFileSync(join(path, 'ignored', 'yarn.lock'), '');
  expect(await changes(path)).toEqual({
    kind: 'known',
    paths: ['a/yarn.lock', 'b/yarn.lock', 'gone.lock', 'größe "new".lock', 'new/deep/Cargo.lock', 'old.lock'],
  });
  expect(await changes(path, (file) => file.endsWith('Cargo.lock'))).toEqual({ kind: 'known', paths: ['new/deep/Cargo.lock'] });
});

test('finds none in a bare repository', async () => {
  const work = initRepository(join(folder.path, 'origin'));
  commitFiles(work, { a: 'a' });
  git(folder.path, ['clone', '--quiet', '--bare', work, join(folder.path, 'bare.git')]);
  expect(await changes(join(folder.path, 'bare.git'))).toEqual({ kind: 'known', paths: [] });
});

test('runs no program that the repository names', async () => {
  const path = initRepository(join(folder.path, 'hostile'));
  commitFiles(path, { 'yarn.lock': '1', '.gitattributes': '* filter=evil\n' });
  const witness = join(folder.path, 'witness');
  git(path, ['config', 'filter.evil.required', 'true']);
  for (const key of ['core.fsmonitor', 'filter.evil.clean', 'filter.evil.process', 'core.hooksPath']) {
    git(path, ['config', key, `touch ${witness}; cat`]);
  }
  writeFileSync(join(path, 'yarn.lock'), '2');
  expect(await changes(path)).toEqual({ kind: 'known', paths: ['yarn.lock'] });
  expect(existsSync(witness)).toBe(false);
  git(path, ['config', 'filter.a=b.clean', `touch ${witness}; cat`]);
  expect(await changes(path)).toMatchObject({ kind: 'unknown' });
  expect(existsSync(witness)).toBe(false);
});

test('says that it does not know where git cannot tell', async () => {
  const path = initRepository(join(folder.path, 'broken'));
  commitFiles(path, { a: 'a' });
  const repository = await resolveRepository(path);
  writeFileSync(join(path, '.git', 'index'), 'garbage');
  expect(await findUncommittedChanges(repository, () => true)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('index') });
});
