import * as v from 'valibot';
import { issueText } from '../../model/schema-issue.ts';
import { HUB_SIGNATURE_HEADER, signHub } from '../hub-signature.ts';
import { ignored, type PushReading, type ReadPush, refused } from '../push.ts';

/** Our own delivery, from the watcher of local repositories to the route `/git`. */
const gitPushSchema = v.object({
  version: v.literal(1),
  repository: v.object({
    id: v.pipe(v.string(), v.minLength(1)),
    host: v.pipe(v.string(), v.minLength(1)),
    name: v.pipe(v.string(), v.minLength(1)),
  }),
  /** Full name of a branch, or `HEAD` where it is detached. */
  ref: v.string(),
});
export type GitPush = v.InferOutput<typeof gitPushSchema>;

const DELIVERY_ID_HEADER = 'x-delivery-id';

export interface SignedDelivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request that tells the webhook of a push, signed the way GitHub signs. */
export function signGitPush(push: GitPush, secret: string, deliveryId: string): SignedDelivery {
  const body = JSON.stringify(push);
  return {
    headers: {
      'content-type': 'application/json',
      [DELIVERY_ID_HEADER]: deliveryId,
      [HUB_SIGNATURE_HEADER]: signHub(secret, Buffer.from(body)),
    },
    body,
  };
}

/** Reads a verified delivery of the watcher. */
export const readGitPush: ReadPush = ({ headers, document }, { tenant, receivedAtMs }): PushReading => {
  const push = v.safeParse(gitPushSchema, document);
  if (!push.success) {
    return refused(`not a push of a local repository: ${issueText(push.issues[0])}`);
  }
  const { ref, repository } = push.output;
  if (ref !== 'HEAD' && !ref.startsWith('refs/heads/')) return ignored('only branches and a detached HEAD are scanned');
  return {
    kind: 'push',
    hint: {
      version: 1,
      kind: 'push',
      ref: { tenant, forge: 'git', host: repository.host, repositoryId: repository.id, ref },
      repositoryName: repository.name,
      deliveryId: headers[DELIVERY_ID_HEADER] ?? '',
      lane: 'live',
      receivedAtMs,
    },
  };
};
