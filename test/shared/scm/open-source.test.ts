import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSettings } from '../../../shared/model/settings/settings.ts';
import { openSource } from '../../../shared/scm/open-source.ts';
import type { RepositorySource } from '../../../shared/scm/source.ts';
import { commitFiles, initRepository, temporaryFolder } from '../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
const path = join(folder.path, 'service');
let commit = '';
beforeAll(() => {
  initRepository(path);
  commit = commitFiles(path, { a: 'a' });
});
afterAll(() => folder.remove());

function open(forge: 'git' | 'gitea', host: string, repositoryId: string, allowGitSources: boolean): RepositorySource {
  const settings = parseSettings(
    { version: 1, sources: [{ forge: 'git', repositories: [{ repositoryId: 'r1', name: 'service', path }] }] },
    'test',
  );
  const id = { tenant: 'default', forge, host, repositoryId } as const;
  return openSource(id, 'service', settings, {
    readSecret: async () => {
      throw new Error('no secret is needed');
    },
    allowGitSources,
    nowMs: () => 0,
  });
}

test('opens a local repository where that is allowed', async () => {
  expect(await open('git', 'localhost', 'r1', true).head('refs/heads/main')).toEqual({ kind: 'commit', commit });
});

test.each([
  ['a local repository where that is not allowed', 'git', 'localhost', 'r1', false, 'not read here'],
  ['a local repository that the settings do not name', 'git', 'localhost', 'r2', true, 'name no local repository r2'],
  ['a host that the settings do not name', 'git', 'elsewhere', 'r1', true, 'elsewhere'],
  ['a forge that the settings do not name', 'gitea', 'localhost', 'r1', true, 'no gitea source'],
] as const)('refuses %s, at every reading', async (_, forge, host, repositoryId, allowGitSources, sentence) => {
  const source = open(forge, host, repositoryId, allowGitSources);
  const reason = expect.stringContaining(sentence);
  expect(await source.describe()).toEqual({ kind: 'unreadable', reason, retryable: false });
  expect(await source.head('refs/heads/main')).toEqual({ kind: 'unreadable', reason, retryable: false });
  expect(await source.tree(commit)).toEqual({ complete: false, reason, retryable: false, entries: [], skipped: [] });
  await expect(source.blob(commit)).rejects.toThrow(sentence);
  await source.close();
});
