import * as v from 'valibot';
import { issueText } from '../../model/schema-issue.ts';
import { ignored, type PushReading, type ReadPush, refused } from '../push.ts';

/**
 * GitHub's `push` webhook. Only what names the ref is read: `commits`, `before`, `after`, `forced` and `head_commit` are cut, null or
 * missing in some deliveries, and the state is read from the repository anyway.
 */
const pushSchema = v.object({
  ref: v.pipe(v.string(), v.minLength(1)),
  repository: v.object({
    // A number that JSON cannot hold exactly is another repository's.
    id: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    full_name: v.pipe(v.string(), v.regex(/^[^/\s]+\/[^/\s]+$/)),
    html_url: v.pipe(v.string(), v.url()),
  }),
});

/** Gitea, Forgejo and Gogs send GitHub's headers beside their own, and ids of their own that start at 1 as well. */
const OTHER_FORGES = ['x-gitea-event', 'x-forgejo-event', 'x-gogs-event'];

/** Reads a verified delivery of GitHub. Every well-formed event but a branch's push is ignored, whatever its fields. */
export const readGitHubPush: ReadPush = ({ headers, document }, { tenant, receivedAtMs }): PushReading => {
  if (OTHER_FORGES.some((name) => headers[name] !== undefined)) {
    return refused('this delivery comes from another forge that sends GitHub headers; this address takes GitHub only');
  }
  const eventName = headers['x-github-event'];
  if (!eventName) return refused('the header X-GitHub-Event is missing');
  if (eventName === 'ping') return ignored('ping');
  if (eventName !== 'push') return ignored(`the event ${JSON.stringify(eventName.slice(0, 60))} is not used`);

  const push = v.safeParse(pushSchema, document);
  if (!push.success) {
    return refused(`not a push: ${issueText(push.issues[0])}`);
  }
  const { ref, repository } = push.output;
  if (ref.startsWith('refs/tags/')) return ignored('tags are not scanned');
  // A deleted branch is a push as well: the ref changed.
  if (!ref.startsWith('refs/heads/')) return ignored('only branches are scanned');
  return {
    kind: 'push',
    hint: {
      version: 1,
      kind: 'push',
      ref: { tenant, forge: 'github', host: new URL(repository.html_url).host, repositoryId: String(repository.id), ref },
      repositoryName: repository.full_name,
      deliveryId: headers['x-github-delivery'] ?? '',
      lane: 'live',
      receivedAtMs,
    },
  };
};
