import { expect, test } from 'vitest';
import type { RepositoryResult } from '../../../../infra/local/scan/result-document.ts';
import { describeLockFiles, describeResult } from '../../../../infra/local/terminal/describe-result.ts';

const deleted: RepositoryResult = {
  repository: 'shop\u001b[31m',
  ref: 'refs/heads/feature',
  commit: '',
  status: 'complete',
  reasons: [],
  gaps: { 'not-analysed': 0, unsupported: 0, unresolved: 0 },
  lockFiles: [],
  packages: [],
  findings: [],
};

test('a deleted branch is said to be gone, not to be without lock files', () => {
  expect(describeLockFiles(deleted, '')).toEqual(['shop\\u{1b}[31m feature (deleted): nothing is there any more']);
  expect(describeResult(deleted, 0.1, 'stand-in', (_, text) => text)).toEqual([
    '[made up] shop\\u{1b}[31m feature (deleted): complete in 0.1 s, no findings',
  ]);
});

test('a finding names two of its lock files and counts all the others', () => {
  const finding = {
    id: 'f1',
    kind: 'malware' as const,
    severity: 'critical' as const,
    purl: 'pkg:npm/evil@1.0.0',
    title: 'steals',
    decision: 'reject' as const,
    lockFiles: ['a/yarn.lock', 'b/yarn.lock', 'c/yarn.lock'],
  };
  const lineOf = (changes: Partial<typeof finding & { lockFileCount: number }>) =>
    describeResult({ ...deleted, commit: 'abc', findings: [{ ...finding, ...changes }] }, 1, 'cloud', (_, text) => text)[1];
  expect(lineOf({})).toContain('  a/yarn.lock, b/yarn.lock and 1 more  steals');
  expect(lineOf({ lockFileCount: 2_000 })).toContain('  a/yarn.lock, b/yarn.lock and 1,998 more  steals');
  expect(lineOf({ lockFiles: ['a/yarn.lock'] })).toContain('  a/yarn.lock  steals');
  expect(lineOf({ lockFiles: [], lockFileCount: 1 })).toContain('  1 lock file  steals');
});
