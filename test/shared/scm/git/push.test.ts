import { describe, expect, test } from 'vitest';
import { readGitPush, signGitPush } from '../../../../shared/scm/git/push.ts';
import { verifyHub } from '../../../../shared/scm/hub-signature.ts';

const context = { tenant: 'default', receivedAtMs: 5 };
const push = { version: 1, repository: { id: 'abc', host: 'localhost', name: 'service' }, ref: 'refs/heads/main' } as const;

describe('a push of a local repository', () => {
  test('is signed, and read back as a hint', () => {
    const { headers, body } = signGitPush(push, 'secret', 'delivery-1');
    expect(verifyHub(['secret'], Buffer.from(body), headers['x-hub-signature-256'] ?? '')).toBe(true);
    expect(readGitPush({ headers, document: JSON.parse(body) }, context)).toEqual({
      kind: 'push',
      hint: {
        version: 1,
        kind: 'push',
        ref: { tenant: 'default', forge: 'git', host: 'localhost', repositoryId: 'abc', ref: 'refs/heads/main' },
        repositoryName: 'service',
        deliveryId: 'delivery-1',
        lane: 'live',
        receivedAtMs: 5,
      },
    });
  });

  test('is a hint with a detached HEAD as well', () => {
    expect(readGitPush({ headers: {}, document: { ...push, ref: 'HEAD' } }, context)).toMatchObject({
      kind: 'push',
      hint: { ref: { ref: 'HEAD' } },
    });
  });

  test('is ignored for anything but a branch', () => {
    expect(readGitPush({ headers: {}, document: { ...push, ref: 'refs/tags/v1' } }, context)).toMatchObject({ kind: 'ignored' });
  });

  test.each([null, [], 'push', {}, { ...push, version: 2 }, { ...push, repository: { id: '' } }])('refuses %j', (document) => {
    expect(readGitPush({ headers: {}, document }, context)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('not a push'),
    });
  });
});
