import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createWebhookClient, type ResolveAddresses, type WebhookClientOptions } from '../../../shared/alerts/webhook-client.ts';

const servers: (http.Server | net.Server)[] = [];
const sockets = new Set<net.Socket>();

async function listen<S extends http.Server | net.Server>(server: S): Promise<{ server: S; port: number }> {
  servers.push(server);
  server.on('connection', (socket: net.Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

const client = (options: Partial<WebhookClientOptions> = {}) => createWebhookClient({ reservedPorts: new Set(), ...options });
const resolveTo =
  (...addresses: string[]): ResolveAddresses =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: net.isIP(address) })));

describe('createWebhookClient', () => {
  it('posts the bytes and headers that it is given, and says what was answered', async () => {
    const seen: { method: string | undefined; url: string | undefined; header: unknown; length: unknown; body: string }[] = [];
    const { port } = await listen(
      http.createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request.setEncoding('utf8')) body += chunk;
        const { method, url, headers } = request;
        seen.push({ method, url, header: headers['webhook-id'], length: headers['content-length'], body });
        response.writeHead(202).end('thanks');
      }),
    );
    expect(await client().post(`http://127.0.0.1:${port}/hook?a=1`, { 'webhook-id': 'x' }, '{"ü":1}')).toEqual({
      kind: 'answered',
      status: 202,
    });
    expect(seen).toEqual([{ method: 'POST', url: '/hook?a=1', header: 'x', length: '8', body: '{"ü":1}' }]);
  });

  it('reaches a name for this machine only where it resolves to this machine', async () => {
    const { port } = await listen(http.createServer((_request, response) => response.writeHead(204).end()));
    const url = `http://localhost:${port}/`;
    expect(await client({ resolve: resolveTo('127.0.0.1') }).post(url, {}, '')).toEqual({ kind: 'answered', status: 204 });
    expect(await client({ resolve: resolveTo('169.254.169.254') }).post(url, {}, '')).toMatchObject({ kind: 'refused' });
  });

  it('follows no redirect', async () => {
    let asked = 0;
    const { port: target } = await listen(
      http.createServer((_request, response) => {
        asked += 1;
        response.end();
      }),
    );
    const { port } = await listen(
      http.createServer((_request, response) => response.writeHead(307, { location: `http://127.0.0.1:${target}/` }).end()),
    );
    expect(await client().post(`http://127.0.0.1:${port}/`, {}, '{}')).toEqual({ kind: 'answered', status: 307 });
    expect(asked).toBe(0);
  });

  it('reports when the consumer asks to be left alone', async () => {
    const answers = ['120', new Date(Date.now() + 3_600_000).toUTCString(), 'soon'];
    const { port } = await listen(
      http.createServer((_request, response) => response.writeHead(429, { 'retry-after': answers.shift() }).end()),
    );
    const url = `http://127.0.0.1:${port}/`;
    expect(await client().post(url, {}, '')).toEqual({ kind: 'answered', status: 429, retryAfterSeconds: 120 });
    const dated = await client().post(url, {}, '');
    expect(dated).toMatchObject({ kind: 'answered', status: 429 });
    expect((dated as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(3000);
    expect(await client().post(url, {}, '')).toEqual({ kind: 'answered', status: 429 });
  });

  it('gives up on a consumer that takes the request and says nothing', async () => {
    const { port } = await listen(net.createServer((socket) => socket.on('error', () => socket.destroy()).resume()));
    expect(await client({ timeoutMs: 50 }).post(`http://127.0.0.1:${port}/`, {}, '')).toEqual({
      kind: 'failed',
      reason: 'no answer within 50 ms',
    });
  });

  it('gives up on a name that does not resolve in time', async () => {
    const result = await client({ timeoutMs: 50, resolve: () => new Promise(() => undefined) }).post('https://hooks.example/', {}, '');
    expect(result).toEqual({ kind: 'failed', reason: 'no answer within 50 ms' });
  });

  it('takes the status and ends an answer that has no end', async () => {
    const closed = Promise.withResolvers<void>();
    let writtenBytes = 0;
    const { port } = await listen(
      http.createServer((_request, response) => {
        response.writeHead(200);
        const more = setInterval(() => {
          writtenBytes += 100_000;
          response.write('x'.repeat(100_000));
        }, 1);
        response.on('close', () => {
          clearInterval(more);
          closed.resolve();
        });
      }),
    );
    expect(await client().post(`http://127.0.0.1:${port}/`, {}, '')).toEqual({ kind: 'answered', status: 200 });
    await closed.promise;
    expect(writtenBytes).toBeLessThan(3_000_000);
  });

  it('fails on a consumer that is away, breaks off or speaks something else', async () => {
    const { server, port } = await listen(net.createServer((socket) => socket.destroy()));
    const url = `http://127.0.0.1:${port}/`;
    expect(await client().post(url, {}, '')).toMatchObject({ kind: 'failed' });
    await new Promise((resolve) => server.close(resolve));
    expect(await client().post(url, {}, '')).toEqual({ kind: 'failed', reason: 'ECONNREFUSED' });
    const { port: other } = await listen(net.createServer((socket) => socket.end('220 mail.example ESMTP\r\n')));
    expect(await client().post(`http://127.0.0.1:${other}/`, {}, '')).toMatchObject({ kind: 'failed' });
  });

  it.each([['127.0.0.1'], ['::1'], ['10.0.0.7'], ['::ffff:169.254.169.254'], ['8.8.8.8', '10.0.0.7'], ['2606:4700::1111', '::1']])(
    'refuses a public name that resolves to %s, before it connects',
    async (...addresses) => {
      let connections = 0;
      const { port } = await listen(
        net.createServer((socket) => {
          connections += 1;
          socket.destroy();
        }),
      );
      const result = await client({ resolve: resolveTo(...addresses) }).post(`https://hooks.example:${port}/`, {}, '');
      expect(result.kind).toBe('refused');
      expect(connections).toBe(0);
    },
  );

  it('connects to the address that was checked: a name is resolved once for an attempt', async () => {
    const asked: string[] = [];
    const rebinding: ResolveAddresses = (hostname) => {
      asked.push(hostname);
      return Promise.resolve([{ address: asked.length === 1 ? '10.0.0.7' : '127.0.0.1', family: 4 }]);
    };
    expect(await client({ resolve: rebinding }).post('https://hooks.example/', {}, '')).toMatchObject({ kind: 'refused' });
    expect(asked).toEqual(['hooks.example']);
  });

  it('refuses plain http beyond this machine and the reserved ports on it, without a look-up', async () => {
    let lookUps = 0;
    const resolve: ResolveAddresses = () => {
      lookUps += 1;
      return Promise.reject(new Error('nobody asks'));
    };
    const guarded = client({ resolve, reservedPorts: new Set([9001]) });
    for (const url of [
      'http://hooks.example/',
      'http://localhost:9001/',
      'http://127.0.0.1:9001/',
      'https://169.254.169.254/',
      'https://[fd00::1]/',
    ]) {
      expect(await guarded.post(url, {}, '')).toMatchObject({ kind: 'refused' });
    }
    expect(lookUps).toBe(0);
  });

  it('fails on a name that has no address', async () => {
    expect(await client({ resolve: resolveTo() }).post('https://hooks.example/', {}, '')).toMatchObject({ kind: 'failed' });
    const notFound = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    expect(await client({ resolve: () => Promise.reject(notFound) }).post('https://hooks.example/', {}, '')).toEqual({
      kind: 'failed',
      reason: 'ENOTFOUND',
    });
  });
});
