import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { toAnswer } from '../../../shared/safedep/answer.ts';
import { createDataPlaneClient, type DataPlaneClient } from '../../../shared/safedep/data-plane-client.ts';
import { parseTransportKind, type TransportKind } from '../../../shared/safedep/transport.ts';
import { ANSWER_MAX_BYTES } from '../../../shared/safedep/unary-wire.ts';

const LODASH: PackageVersion = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' };
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function listen(server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

function clientOf(baseUrl: string, transport: TransportKind, deadlineMs?: number): { client: DataPlaneClient; fallbacks: string[] } {
  const fallbacks: string[] = [];
  const client = createDataPlaneClient({
    baseUrl,
    transport,
    onFallback: (sentence) => fallbacks.push(sentence),
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
  ends.push(() => client.close());
  return { client, fallbacks };
}

/** A server of somebody else: answers every call as Connect JSON, over whatever it is mounted on, if it is asked in JSON. */
const jsonOnly =
  (seen: string[]) =>
  (request: http.IncomingMessage | http2.Http2ServerRequest, response: http.ServerResponse | http2.Http2ServerResponse): void => {
    const contentType = request.headers['content-type'] ?? '';
    seen.push(`${request.httpVersion} ${contentType}`);
    request.resume();
    const plain = response as http.ServerResponse;
    if (contentType === 'application/json') {
      plain
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"packageVersion":{"version":"4.17.21"},"insight":{"newField":[1]}}');
    } else {
      plain.writeHead(415, { 'content-type': 'text/plain' }).end();
    }
  };

describe.each(['grpc', 'connect'] as const)('%s with a server that cannot', (kind) => {
  it('falls back to Connect JSON over HTTP/1.1, says so once, and asks no call in vain afterwards', async () => {
    const seen: string[] = [];
    const url = await listen(http.createServer(jsonOnly(seen)));
    const { client, fallbacks } = clientOf(url, kind);
    const results = await Promise.all(Array.from({ length: 5 }, () => client.getInsight(LODASH)));
    expect(results.map((result) => result.kind)).toEqual(Array(5).fill('answered'));
    expect(fallbacks).toEqual([expect.stringContaining(`${url} does not answer ${kind} over HTTP/2`)]);
    expect(client.transportKind()).toBe('connect-json');
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(seen).toEqual(Array(6).fill('1.1 application/json'));
    expect(fallbacks).toHaveLength(1);
  });

  it('reports the failure of the configured protocol where JSON is not served either', async () => {
    const url = await listen(http2.createServer((_, response) => response.writeHead(404).end()));
    const { client, fallbacks } = clientOf(url, kind);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'incompatible', reason: expect.stringContaining('HTTP 404') });
    expect(fallbacks).toEqual([]);
    expect(client.transportKind()).toBe(kind);
  });

  it('does not fall back once the service answered', async () => {
    const standIn = await startSafeDepStandIn();
    ends.push(() => standIn.close());
    const { client, fallbacks } = clientOf(standIn.url, kind);
    const unknown: PackageVersion = { ecosystem: 'NPM', name: 'stub-not-analysed', version: '1.0.0' };
    expect(await client.getInsight(unknown)).toMatchObject({ kind: 'not-analysed' });
    standIn.setFault({ kind: 'html' });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    expect([fallbacks, client.transportKind()]).toEqual([[], kind]);
  });

  it('doubles no calls while a server sends garbage to whatever it is asked', async () => {
    const standIn = await startSafeDepStandIn();
    ends.push(() => standIn.close());
    standIn.setFault({ kind: 'html' });
    const { client, fallbacks } = clientOf(standIn.url, kind);
    for (let i = 0; i < 5; i++) expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    expect(standIn.calls().total).toBe(6);
    expect(fallbacks).toEqual([]);
  });
});

describe('a connection that is dead', () => {
  it('ends a call at its deadline where the server takes the connection and says nothing', async () => {
    const url = await listen(net.createServer(() => {}));
    for (const kind of ['grpc', 'connect', 'connect-json'] as const) {
      const { client } = clientOf(url, kind, 200);
      expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry', code: 'DeadlineExceeded' });
    }
  });

  it('is replaced after a call in which nothing came back', async () => {
    const standIn = await startSafeDepStandIn();
    ends.push(() => standIn.close());
    let dead = false;
    let connections = 0;
    // Stands for a gateway that forgot the connection: it stays open, and nothing passes any more.
    const gateway = net.createServer((socket) => {
      connections++;
      const forgotten = dead;
      const upstream = net.connect(Number(new URL(standIn.url).port), '127.0.0.1');
      ends.push(() => upstream.destroy());
      socket.on('data', (chunk) => {
        if (!dead || forgotten) upstream.write(chunk);
      });
      upstream.on('data', (chunk) => socket.write(chunk));
      upstream.on('error', () => socket.destroy());
    });
    const url = await listen(gateway);
    const { client } = clientOf(url, 'grpc', 500);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    dead = true;
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry', code: 'DeadlineExceeded' });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(connections).toBe(2);
  });
});

describe('SAFEDEP_TRANSPORT', () => {
  it('is gRPC unless it says otherwise', () => {
    expect([parseTransportKind(undefined), parseTransportKind(''), parseTransportKind('connect-json')]).toEqual([
      'grpc',
      'grpc',
      'connect-json',
    ]);
  });

  it('refuses what it does not know, naming what it does', () => {
    expect(() => parseTransportKind('http')).toThrow('grpc, connect-json, connect');
  });
});

describe('answers of a server that is not ours', () => {
  /** A server that gives every call the same answer. */
  async function answering(headers: Record<string, string>, body: string | Buffer, status = 200): Promise<string> {
    return await listen(
      http.createServer((request, response) => {
        request.resume();
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
      }),
    );
  }

  it('may hold enum values and fields of a newer schema', async () => {
    const body = {
      packageVersion: { package: { ecosystem: 'ECOSYSTEM_PUB', name: 'lodash' }, version: '4.17.21' },
      insight: {
        newer: { anything: [1] },
        vulnerabilities: [
          {
            id: { type: 'VULNERABILITY_IDENTIFIER_TYPE_NEWER', value: 'X-1' },
            severities: [{ risk: 'RISK_EXTREME', score: 'CVSS:4.0/AV:N' }],
          },
        ],
      },
    };
    const { client } = clientOf(await answering({}, JSON.stringify(body)), 'connect-json');
    const { checks, facts } = toAnswer(await client.getInsight(LODASH), { kind: 'unsupported', reason: 'not asked' });
    expect(checks.vulnerabilities).toEqual({ state: 'known' });
    expect(facts.vulnerabilities).toEqual([{ id: 'X-1', aliases: [], severity: 'unknown', title: 'X-1' }]);
  });

  it('may leave out whatever they like', async () => {
    const { client } = clientOf(await answering({}, '{"insight":{"vulnerabilities":[{}],"licenses":{"licenses":[{}]}}}'), 'connect-json');
    expect(toAnswer(await client.getInsight(LODASH), await client.queryMalware(LODASH))).toMatchObject({
      checks: { vulnerabilities: { state: 'known' }, malware: { state: 'not-analysed' } },
      facts: { vulnerabilities: [{ severity: 'unknown' }], licences: [] },
    });
    const { client: emptied } = clientOf(await answering({}, '{}'), 'connect-json');
    expect(await emptied.getInsight(LODASH)).toMatchObject({ kind: 'retry', reason: 'SafeDep sent an empty answer' });
  });

  it.each(['null', '[]', '"text"', '{"insight":7}', '{"packageVersion":{"package":{"ecosystem":{}}}}', '{', ''])(
    'may be %j: a result, not an exception',
    async (body) => {
      const { client } = clientOf(await answering({}, body), 'connect-json');
      expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    },
  );

  it('above the largest size that is read are refused unread, also where they are small on the wire', async () => {
    const large = `{"insight":{"registries":["${'x'.repeat(ANSWER_MAX_BYTES)}"]}}`;
    const { client } = clientOf(await answering({}, large), 'connect-json');
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('larger') });
    const { client: bombed } = clientOf(await answering({ 'content-encoding': 'gzip' }, gzipSync(large)), 'connect-json');
    expect(await bombed.getInsight(LODASH)).toMatchObject({ kind: 'retry', reason: expect.stringContaining('larger') });
  });

  it('say how long to wait, as the service and as an edge', async () => {
    const limited = '{"code":"resource_exhausted","message":"rate limit exceeded"}';
    const { client } = clientOf(await answering({ 'retry-after': '2' }, limited, 429), 'connect-json');
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'throttled', retryAfterMs: 2_000 });
    const edge = await answering({ 'retry-after': '3', 'content-type': 'text/html' }, '<html>', 429);
    expect(await clientOf(edge, 'connect-json').client.getInsight(LODASH)).toMatchObject({ kind: 'throttled', retryAfterMs: 3_000 });
  });

  it('do not give the key away when they repeat it', async () => {
    const url = await answering({}, '{"code":"unauthenticated","message":"no such key: sfd_secret"}', 401);
    const credential = async () => ({ authorization: 'sfd_secret', tenantId: 't' });
    const client = createDataPlaneClient({ baseUrl: url, transport: 'connect-json', credential, onFallback: () => {} });
    ends.push(() => client.close());
    expect(await client.getInsight(LODASH)).toMatchObject({
      kind: 'credentials',
      reason: expect.stringMatching(/no such key: \[credential\] \(/),
    });
  });

  it('see the raw key, the tenant and our own name in the request, and nothing where there is none', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const url = await listen(
      http.createServer((request, response) => {
        seen.push(request.headers);
        request.resume();
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"insight":{}}');
      }),
    );
    const callWith = (authorization: string, tenantId: string) => {
      const client = createDataPlaneClient({
        baseUrl: url,
        transport: 'connect-json',
        credential: async () => ({ authorization, tenantId }),
        onFallback: () => {},
      });
      ends.push(() => client.close());
      return client.getInsight(LODASH);
    };
    await callWith('sfd_key', 'default-team.example');
    await callWith('', '');
    expect(seen[0]).toMatchObject({
      authorization: 'sfd_key',
      'x-tenant-id': 'default-team.example',
      'user-agent': expect.stringMatching(/^safedep-watch/),
    });
    expect(seen[1]).not.toHaveProperty('authorization');
    expect(seen[1]).not.toHaveProperty('x-tenant-id');
  });
});
