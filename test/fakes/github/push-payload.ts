import { createHmac, randomUUID } from 'node:crypto';

export const ZERO_SHA = '0'.repeat(40);

export interface PushPayloadOptions {
  readonly host: string;
  readonly repositoryId: number;
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly ref: string;
  readonly before: string;
  readonly after: string;
  readonly forced?: boolean;
  readonly commits?: readonly Record<string, unknown>[];
}

/** GitHub's `push` payload, with the fields that its deliveries carry and in their forms: times in `repository` are numbers here, texts elsewhere. */
export function pushPayload(options: PushPayloadOptions): Record<string, unknown> {
  const { host, repositoryId, fullName, defaultBranch, ref, before, after } = options;
  const [owner = '', name = ''] = fullName.split('/');
  const html = `https://${host}/${fullName}`;
  const deleted = after === ZERO_SHA;
  const person = { name: owner, email: `${owner}@example.com` };
  const head = {
    id: after,
    tree_id: ZERO_SHA,
    distinct: true,
    message: 'Change',
    timestamp: '2026-01-02T03:04:05Z',
    url: `${html}/commit/${after}`,
    author: person,
    committer: person,
    added: [],
    removed: [],
    modified: ['README.md'],
  };
  return {
    ref,
    before,
    after,
    base_ref: null,
    created: before === ZERO_SHA,
    deleted,
    forced: options.forced ?? false,
    compare: `${html}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: options.commits ?? (deleted || ref.startsWith('refs/tags/') ? [] : [head]),
    head_commit: deleted ? null : head,
    repository: {
      id: repositoryId,
      node_id: `R_${repositoryId}`,
      name,
      full_name: fullName,
      private: true,
      owner: { name: owner, email: null, login: owner, id: 7, type: 'Organization' },
      html_url: html,
      url: html,
      created_at: 1_767_322_000,
      updated_at: '2026-01-02T03:04:05Z',
      pushed_at: 1_767_323_045,
      default_branch: defaultBranch,
      master_branch: defaultBranch,
      archived: false,
      disabled: false,
      visibility: 'private',
    },
    pusher: person,
    sender: { login: owner, id: 7, type: 'User' },
    installation: { id: 42, node_id: 'I_42' },
  };
}

export interface GitHubDelivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A delivery with GitHub's headers, signed over exactly this body. */
export function signedDelivery(eventName: string, body: string, secret: string, deliveryId: string = randomUUID()): GitHubDelivery {
  const signature = (algorithm: string): string => `${algorithm}=${createHmac(algorithm, secret).update(body).digest('hex')}`;
  return {
    headers: {
      'user-agent': 'GitHub-Hookshot/0000000',
      'content-type': 'application/json',
      'x-github-event': eventName,
      'x-github-delivery': deliveryId,
      'x-github-hook-id': '1',
      'x-github-hook-installation-target-id': '7',
      'x-github-hook-installation-target-type': 'organization',
      'x-hub-signature': signature('sha1'),
      'x-hub-signature-256': signature('sha256'),
    },
    body,
  };
}
