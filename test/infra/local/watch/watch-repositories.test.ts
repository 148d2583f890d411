import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { resolveRepositories } from '../../../../infra/local/watch/resolve-repository.ts';
import { type LocalPush, type RepositoryWatch, watchRepositories } from '../../../../infra/local/watch/watch-repositories.ts';
import { readGitPush } from '../../../../shared/scm/git/push.ts';
import { verifyHub } from '../../../../shared/scm/hub-signature.ts';
import { commitFiles, git, initRepository, temporaryFolder } from '../../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
const SECRET = 'local secret';
/** `name ref`, as the webhook got them. */
let received: string[];
let pushes: LocalPush[];
let problems: string[];
let status: number;
let server: Server;
let watch: RepositoryWatch | undefined;
let count = 0;

beforeEach(async () => {
  received = [];
  pushes = [];
  problems = [];
  status = 202;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const headers = request.headers as Record<string, string>;
    const isSigned = verifyHub([SECRET], body, headers['x-hub-signature-256'] ?? '');
    const reading = readGitPush({ headers, document: JSON.parse(body.toString()) }, { tenant: 'default', receivedAtMs: 0 });
    if (isSigned && status === 202 && reading.kind === 'push') received.push(`${reading.hint.repositoryName} ${reading.hint.ref.ref}`);
    response.writeHead(isSigned ? status : 401).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await watch?.close();
  watch = undefined;
  server.closeAllConnections();
  server.close();
});
afterAll(() => folder.remove());

function repositoryOf(name: string): { path: string; commit: string } {
  count += 1;
  const path = initRepository(join(folder.path, String(count), name));
  return { path, commit: commitFiles(path, { a: '1' }) };
}

async function start(...paths: string[]): Promise<RepositoryWatch> {
  watch = watchRepositories(await resolveRepositories(paths), {
    webhookUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/git`,
    secret: SECRET,
    onPush: (push) => pushes.push(push),
    onProblem: (repository, sentence) => problems.push(`${repository.name}: ${sentence}`),
  });
  return watch;
}

const seen = (expected: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect(received).toEqual(expected), { timeout: 20_000, interval: 20 });

describe('a watched repository', () => {
  test('posts its HEAD at the start, and each commit after it', async () => {
    const { path, commit } = repositoryOf('service');
    await (await start(path)).headsPosted;
    expect(received).toEqual(['service refs/heads/main']);
    expect(pushes).toEqual([expect.objectContaining({ ref: 'refs/heads/main', commit })]);
    const next = commitFiles(path, { a: '2' });
    await seen(['service refs/heads/main', 'service refs/heads/main']);
    expect(pushes.at(-1)).toMatchObject({ commit: next });
    expect(new Set(pushes.map(({ deliveryId }) => deliveryId)).size).toBe(2);
    expect(problems).toEqual([]);
  });

  test('posts a checkout, a reset, and the deletion of a branch that was HEAD', async () => {
    const { path, commit } = repositoryOf('service');
    await (await start(path)).headsPosted;
    git(path, ['checkout', '--quiet', '-b', 'feature/a']);
    await seen(['service refs/heads/main', 'service refs/heads/feature/a']);
    commitFiles(path, { a: '2' });
    await vi.waitFor(() => expect(received).toHaveLength(3), { timeout: 20_000 });
    git(path, ['reset', '--quiet', '--hard', commit]);
    await vi.waitFor(() => expect(received).toHaveLength(4), { timeout: 20_000 });
    git(path, ['checkout', '--quiet', 'main']);
    git(path, ['branch', '--quiet', '-D', 'feature/a']);
    await vi.waitFor(() => expect(received).toHaveLength(5), { timeout: 20_000 });
    expect(received.slice(2)).toEqual(Array(3).fill('service refs/heads/feature/a'));
    expect(pushes.at(-1)).not.toHaveProperty('commit');
  });

  test('posts a detached HEAD as such, and the commits made on it', async () => {
    const { path, commit } = repositoryOf('service');
    git(path, ['checkout', '--quiet', '--detach']);
    await (await start(path)).headsPosted;
    expect(pushes).toEqual([expect.objectContaining({ ref: 'HEAD', commit })]);
    commitFiles(path, { a: '2' });
    await seen(['service HEAD', 'service HEAD']);
  });

  test('posts nothing while nothing moves, whatever else git does', async () => {
    const { path } = repositoryOf('service');
    await (await start(path)).headsPosted;
    git(path, ['gc', '--quiet']);
    git(path, ['pack-refs', '--all']);
    git(path, ['tag', 'v1']);
    git(path, ['branch', 'other']);
    commitFiles(path, { a: '2' });
    await vi.waitFor(() => expect(received.length).toBeGreaterThan(1), { timeout: 20_000 });
    expect(received).toEqual(['service refs/heads/main', 'service refs/heads/main']);
  });

  test('may be bare: posts what is pushed into it', async () => {
    const { path } = repositoryOf('service');
    const bare = join(path, '..', 'bare.git');
    git(path, ['clone', '--quiet', '--bare', path, bare]);
    await (await start(bare)).headsPosted;
    commitFiles(path, { a: '2' });
    git(path, ['push', '--quiet', bare, 'main']);
    await seen(['bare refs/heads/main', 'bare refs/heads/main']);
  });

  test('is one of several, each told apart', async () => {
    const first = repositoryOf('api');
    const second = repositoryOf('api');
    await (await start(first.path, second.path)).headsPosted;
    commitFiles(second.path, { a: '2' });
    await vi.waitFor(() => expect(received).toHaveLength(3), { timeout: 20_000 });
    expect(new Set(received.slice(0, 2)).size).toBe(2);
    expect(received.at(2)).toBe(`${pushes.at(2)?.repository.name} refs/heads/main`);
    expect(pushes.at(2)?.repository.path).toBe(second.path);
  });
});

describe('a push that does not arrive', () => {
  test('is posted again until the webhook takes it, and the problem is said once', async () => {
    const { path } = repositoryOf('service');
    status = 503;
    const { headsPosted } = await start(path);
    await vi.waitFor(() => expect(pushes.length).toBeGreaterThan(2), { timeout: 20_000 });
    expect(problems).toEqual([expect.stringContaining('the push of refs/heads/main of service was not taken by the webhook: 503')]);
    status = 202;
    await headsPosted;
    expect(received).toEqual(['service refs/heads/main']);
  });

  test('because the repository is gone is a problem, not a deletion', async () => {
    const { path } = repositoryOf('service');
    await (await start(path)).headsPosted;
    rmSync(path, { recursive: true });
    await vi.waitFor(() => expect(problems).toEqual([expect.stringContaining('is not at')]), { timeout: 20_000 });
    expect(received).toHaveLength(1);
  });

  test('because the watch was closed leaves nothing running', async () => {
    const { path } = repositoryOf('service');
    status = 503;
    const { headsPosted, close } = await start(path);
    await close();
    await expect(headsPosted).rejects.toThrow('closed');
    const before = pushes.length;
    commitFiles(path, { a: '2' });
    await close();
    expect(pushes).toHaveLength(before);
  });
});
