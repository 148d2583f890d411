import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type FauxqsServer, startFauxqs } from 'fauxqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FunctionUrlEvent, FunctionUrlResponse } from '../../../functions/webhook/accept-push.ts';
import { parsePushHint } from '../../../shared/messages/queue-messages.ts';
import { signGitPush } from '../../../shared/scm/git/push.ts';
import { type GitHubStandIn, startGitHubStandIn } from '../../fakes/github/github-stand-in.ts';
import { commitFiles, git, initRepository, temporaryFolder } from '../../fakes/temporary-repository.ts';

/** The real handler between real sockets: a front as a function URL is one, a real SQS engine, and Secrets Manager's one call. */

const SECRETS: Record<string, Record<string, string>> = {
  'github-webhook': { AWSCURRENT: 'new secret', AWSPREVIOUS: 'old secret' },
  'git-webhook': { AWSCURRENT: 'local secret' },
};
const folder = temporaryFolder();
const commits: string[] = [];
let sqs: FauxqsServer;
let secretsManager: Server;
let front: Server;
let github: GitHubStandIn;
let handler: (event: FunctionUrlEvent) => Promise<FunctionUrlResponse>;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listen = (server: Server): Promise<Server> => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
const url = (path: string): string => `http://127.0.0.1:${portOf(front)}${path}`;

async function readBody(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function startSecretsManager(): Promise<Server> {
  return listen(
    createServer(async (request, response) => {
      const { SecretId, VersionStage } = JSON.parse((await readBody(request)).toString());
      const value = SECRETS[SecretId]?.[VersionStage];
      response.writeHead(value === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(value === undefined ? { __type: 'ResourceNotFoundException' } : { Name: SecretId, SecretString: value }));
    }),
  );
}

function startFront(): Promise<Server> {
  return listen(
    createServer(async (request, response) => {
      const body = await readBody(request);
      const {
        statusCode,
        headers,
        body: answer,
      } = await handler({
        rawPath: new URL(request.url ?? '', 'http://front').pathname,
        requestContext: { http: { method: request.method ?? '' } },
        headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
        body: body.toString('base64'),
        isBase64Encoded: true,
      });
      response.writeHead(statusCode, headers).end(answer);
    }),
  );
}

beforeAll(async () => {
  const work = initRepository(join(folder.path, 'web'));
  commits.push(commitFiles(work, { a: '1' }), commitFiles(work, { a: '2' }));
  git(folder.path, ['clone', '--quiet', '--bare', work, join(folder.path, 'web.git')]);

  sqs = await startFauxqs({ port: 0, logger: false });
  secretsManager = await startSecretsManager();
  github = await startGitHubStandIn({
    token: 'token',
    repositories: [{ id: 101, fullName: 'acme/web', path: join(folder.path, 'web.git'), defaultBranch: 'main' }],
  });
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SQS: `http://127.0.0.1:${sqs.port}`,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${portOf(secretsManager)}`,
    TENANT: 'default',
    PUSHES_QUEUE_URL: sqs.createQueue('pushes').queueUrl,
    GITHUB_WEBHOOK_SECRET_ID: 'github-webhook',
    GIT_WEBHOOK_SECRET_ID: 'git-webhook',
  });
  ({ handler } = await import('../../../functions/webhook/handler.ts'));
  front = await startFront();
});

beforeEach(() => {
  sqs.deleteQueue('pushes');
  sqs.createQueue('pushes');
});

afterAll(async () => {
  for (const server of [front, secretsManager]) {
    server.closeAllConnections();
    server.close();
  }
  await github.close();
  await sqs.stop();
  folder.remove();
});

const hints = (): unknown[] => (sqs.inspectQueue('pushes')?.messages.ready ?? []).map((message) => parsePushHint(message.body));

function deliver(secret: string, ref = 'refs/heads/main'): ReturnType<GitHubStandIn['deliverPush']> {
  const [before = '', after = ''] = commits;
  return github.deliverPush({ webhookUrl: url('/github'), secret, fullName: 'acme/web', ref, before, after, deliveryId: 'delivery-1' });
}

describe('the webhook', () => {
  test('puts a push of GitHub on the queue, signed with the current or the previous secret', async () => {
    expect(await deliver('new secret')).toEqual({ status: 202, body: '{"status":"accepted","deliveryId":"delivery-1"}' });
    expect(await deliver('old secret')).toMatchObject({ status: 202 });
    const hint = {
      version: 1,
      kind: 'push',
      ref: { tenant: 'default', forge: 'github', host: 'github.example', repositoryId: '101', ref: 'refs/heads/main' },
      repositoryName: 'acme/web',
      deliveryId: 'delivery-1',
      lane: 'live',
      receivedAtMs: expect.any(Number),
    };
    expect(hints()).toEqual([hint, hint]);
  });

  test('puts a push of a local repository on the queue', async () => {
    const push = { version: 1, repository: { id: 'abc', host: 'localhost', name: 'service' }, ref: 'HEAD' } as const;
    const { headers, body } = signGitPush(push, 'local secret', 'delivery-2');
    expect((await fetch(url('/git'), { method: 'POST', headers, body })).status).toBe(202);
    expect(hints()).toMatchObject([{ ref: { forge: 'git', repositoryId: 'abc', ref: 'HEAD' }, deliveryId: 'delivery-2' }]);
  });

  test('refuses the secret of another route, and of nobody', async () => {
    expect(await deliver('local secret')).toMatchObject({ status: 401 });
    expect(await deliver('guessed')).toMatchObject({ status: 401 });
    expect(hints()).toEqual([]);
  });

  test.each([
    ['no body', '', 401],
    ['one byte', '{', 401],
    ['1 MiB of junk', 'x'.repeat(1024 * 1024), 401],
    ['more than 6 MiB of junk', 'x'.repeat(6 * 1024 * 1024 + 1), 413],
    ['25 MB of junk', 'x'.repeat(25_000_000), 413],
  ])('answers %s with its status', async (_, body, status) => {
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
    expect((await fetch(url('/github'), { method: 'POST', headers, body })).status).toBe(status);
    expect(hints()).toEqual([]);
  });

  test('answers 503 while the queue is not there, and takes the same delivery afterwards', async () => {
    sqs.deleteQueue('pushes');
    expect(await deliver('new secret')).toMatchObject({ status: 503 });
    sqs.createQueue('pushes');
    expect(await deliver('new secret')).toMatchObject({ status: 202 });
    expect(hints()).toHaveLength(1);
  });
});
