import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePushHint } from '../../../../shared/messages/queue-messages.ts';
import { readGitHubPush } from '../../../../shared/scm/github/push.ts';
import { pushPayload, ZERO_SHA } from '../../../fakes/github/push-payload.ts';
import otherEvents from '../../../fixtures/webhooks/github-events.json' with { type: 'json' };

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const context = { tenant: 'default', receivedAtMs: 1_767_323_045_000 };
const repository = { host: 'github.example', repositoryId: 101, fullName: 'acme/web', defaultBranch: 'main' };
const deliveryId = '0b1c2d3e-0000-4000-8000-000000000001';

function read(document: unknown, headers: Record<string, string> = {}): ReturnType<typeof readGitHubPush> {
  return readGitHubPush({ headers: { 'x-github-event': 'push', 'x-github-delivery': deliveryId, ...headers }, document }, context);
}

const hint = (ref: string): unknown => ({
  kind: 'push',
  hint: {
    version: 1,
    kind: 'push',
    ref: { tenant: 'default', forge: 'github', host: 'github.example', repositoryId: '101', ref },
    repositoryName: 'acme/web',
    deliveryId,
    lane: 'live',
    receivedAtMs: context.receivedAtMs,
  },
});

describe('a push', () => {
  test.each([
    ['an ordinary update', 'refs/heads/main', A, B],
    ['a created branch', 'refs/heads/feature/a', ZERO_SHA, B],
    ['a deleted branch, whose head commit is null', 'refs/heads/feature/a', A, ZERO_SHA],
    ['a branch with an odd name', 'refs/heads/größe#1/%41', A, B],
    ['a delivery for testing, which changes nothing', 'refs/heads/main', A, A],
  ])('is a hint: %s', (_, ref, before, after) => {
    const reading = read(pushPayload({ ...repository, ref, before, after }));
    expect(reading).toEqual(hint(ref));
    if (reading.kind === 'push') expect(parsePushHint(JSON.stringify(reading.hint))).toEqual(reading.hint);
  });

  test.each([
    ['a created tag', 'refs/tags/v1', ZERO_SHA, B],
    ['a deleted tag', 'refs/tags/v1', A, ZERO_SHA],
    ['a note', 'refs/notes/commits', A, B],
  ])('is ignored: %s', (_, ref, before, after) => {
    expect(read(pushPayload({ ...repository, ref, before, after }))).toMatchObject({ kind: 'ignored', reason: expect.any(String) });
  });

  test('is the same hint whatever its commits say or leave out, because the state is read from the repository', () => {
    const files = fc.option(fc.array(fc.constantFrom('README.md', 'package-lock.json'), { maxLength: 3 }), { nil: undefined });
    const commit = fc.record({ id: fc.constant(B), added: files, removed: files, modified: files }, { requiredKeys: ['id'] });
    const commits = fc.oneof(
      fc.array(commit, { maxLength: 4 }),
      fc.constant(Array.from({ length: 2048 }, () => ({ id: B }))),
      fc.constant([{ id: B, modified: Array.from({ length: 3000 }, (_, index) => `f${index}`) }]),
      fc.constantFrom(null, undefined, 'none'),
    );
    fc.assert(
      fc.property(commits, fc.boolean(), fc.constantFrom(ZERO_SHA, A), fc.constantFrom(ZERO_SHA, B), (listed, forced, before, after) => {
        const payload = { ...pushPayload({ ...repository, ref: 'refs/heads/main', before, after, forced }), commits: listed };
        expect(read(payload)).toEqual(hint('refs/heads/main'));
      }),
      { numRuns: 60 },
    );
  });

  test('is the same hint with any further field, with times in any form, and without what it does not need', () => {
    const addition = fc.dictionary(
      fc.string().map((key) => `new_${key}`),
      fc.jsonValue(),
      { maxKeys: 4 },
    );
    const needed = new Set(['ref', 'repository']);
    fc.assert(
      fc.property(
        addition,
        addition,
        fc.array(fc.nat()),
        fc.constantFrom(1_767_322_000, '2026-01-02T03:04:05Z', null),
        (outer, inner, removed, time) => {
          const payload: Record<string, unknown> = {
            ...pushPayload({ ...repository, ref: 'refs/heads/main', before: A, after: B }),
            ...outer,
          };
          payload['repository'] = { ...(payload['repository'] as object), ...inner, created_at: time, pushed_at: time };
          payload['sender'] = null;
          const removable = Object.keys(payload).filter((key) => !needed.has(key));
          for (const index of removed) delete payload[removable[index % removable.length] ?? ''];
          expect(read(payload)).toEqual(hint('refs/heads/main'));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('of an enterprise server keeps the host and port of its addresses', () => {
    expect(read(pushPayload({ ...repository, host: 'git.acme.example:8443', ref: 'refs/heads/main', before: A, after: B }))).toMatchObject({
      hint: { ref: { host: 'git.acme.example:8443' } },
    });
  });

  test('has an empty delivery id where the header is missing', () => {
    const document = pushPayload({ ...repository, ref: 'refs/heads/main', before: A, after: B });
    expect(readGitHubPush({ headers: { 'x-github-event': 'push' }, document }, context)).toMatchObject({ hint: { deliveryId: '' } });
  });
});

describe('every other delivery', () => {
  test.each(otherEvents.map(({ event, body }) => [event, 'action' in body ? body.action : '', body] as const))(
    'is ignored: %s %s',
    (event, _, body) => {
      expect(read(body, { 'x-github-event': event })).toMatchObject({ kind: 'ignored', reason: expect.any(String) });
    },
  );

  test('is refused where it calls itself a push and is none', () => {
    for (const { body } of otherEvents) expect(['refused', 'ignored']).toContain(read(body).kind);
    fc.assert(fc.property(fc.jsonValue(), (document) => read(document).kind === 'refused'));
  });

  test.each(['x-gitea-event', 'x-gogs-event', 'x-forgejo-event'])(
    "is refused where another forge sends GitHub's headers beside %s",
    (header) => {
      const payload = pushPayload({ ...repository, ref: 'refs/heads/main', before: A, after: B });
      expect(read(payload, { [header]: 'push' })).toMatchObject({ kind: 'refused', reason: expect.stringContaining('another forge') });
    },
  );

  test('is refused without the name of its event', () => {
    const document = pushPayload({ ...repository, ref: 'refs/heads/main', before: A, after: B });
    expect(readGitHubPush({ headers: {}, document }, context)).toMatchObject({ kind: 'refused' });
  });

  test.each([
    ['too large for a number', 2 ** 60],
    ['negative', -1],
    ['a text', '101'],
    ['missing', undefined],
  ])('is refused where the id of the repository is %s', (_, id) => {
    const payload = pushPayload({ ...repository, ref: 'refs/heads/main', before: A, after: B });
    expect(read({ ...payload, repository: { ...(payload['repository'] as object), id } })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('repository.id'),
    });
  });
});
