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
