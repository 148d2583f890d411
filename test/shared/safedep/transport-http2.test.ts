import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import { listenOnOnePort } from '../../../infra/local/safedep/one-port.ts';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { createDataPlaneClient, type DataPlaneClient } from '../../../shared/safedep/data-plane-client.ts';
import { VERIFY_AFTER_SILENCE_MS } from '../../../shared/safedep/http2-connection.ts';
import type { TransportKind } from '../../../shared/safedep/transport.ts';
import { Loopback } from './loopback.ts';

const LODASH: PackageVersion = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' };
const loopback = new Loopback();
afterEach(async () => {
  vi.useRealTimers();
  await loopback.end();
});

function clientOf(baseUrl: string, transport: TransportKind, deadlineMs = 3_000): { client: DataPlaneClient; fallbacks: string[] } {
  const fallbacks: string[] = [];
  const client = createDataPlaneClient({ baseUrl, transport, onFallback: (sentence) => fallbacks.push(sentence), deadlineMs });
  loopback.onEnd(() => client.close());
  return { client, fallbacks };
}

/** Answers every insight after `latencyMs`. */
const insights = (latencyMs = 0) =>
  connectNodeAdapter({
    routes: (router) =>
      void router.service(InsightService, {
        getPackageVersionInsight: async ({ packageVersion = {} }) => {
          if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs));
          return { packageVersion, insight: {} };
        },
      }),
  });

/** What a server or a proxy may do to the first HTTP/2 call. */
const BREAKDOWNS: readonly (readonly [
  name: string,
  breakIt: (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void,
])[] = [
  ['GOAWAY that asks for HTTP/1.1', ({ stream }) => stream.session?.goaway(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED)],
  ['GOAWAY for a protocol error', ({ stream }) => stream.session?.goaway(http2.constants.NGHTTP2_PROTOCOL_ERROR)],
  ['a stream reset that asks for HTTP/1.1', ({ stream }) => stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED)],
  ['a refused stream', ({ stream }) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)],
  ['HTTP 404', (_, response) => void response.writeHead(404).end()],
  ['HTTP 415', (_, response) => void response.writeHead(415).end()],
  ['HTTP 505', (_, response) => void response.writeHead(505).end()],
  ['a page', (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
];

describe.each(['grpc', 'connect'] as const)('%s that is broken on its first call', (transport) => {
  it.each(BREAKDOWNS)('by %s goes on as Connect JSON, and says so once', async (_, breakIt) => {
    const serve = insights();
    const seen: string[] = [];
    const port = await listenOnOnePort(0, (request, response) => {
      seen.push(request.httpVersion);
      if (request.httpVersion === '1.1') serve(request, response);
      else breakIt(request as http2.Http2ServerRequest, response as http2.Http2ServerResponse);
    });
    loopback.onEnd(() => port.close());
    const { client, fallbacks } = clientOf(`http://127.0.0.1:${port.port}`, transport);
    expect(await Promise.all([client.getInsight(LODASH), client.getInsight(LODASH)])).toMatchObject([
      { kind: 'answered' },
      { kind: 'answered' },
    ]);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(fallbacks).toEqual([expect.stringContaining(`does not answer ${transport} over HTTP/2`)]);
    expect(client.transportKind()).toBe('connect-json');
    expect(seen.at(-1)).toBe('1.1');
  });

  it('by Unimplemented goes on as Connect JSON where that is served', async () => {
    const serve = insights();
    const nothing = connectNodeAdapter({ routes: () => {} });
    const port = await listenOnOnePort(0, (request, response) => {
      if (request.httpVersion === '1.1') serve(request, response);
      else if (transport === 'connect') nothing(request, response);
      else {
        const { stream } = request as http2.Http2ServerRequest;
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12', 'grpc-message': 'unknown%20service' },
          { endStream: true },
        );
      }
    });
    loopback.onEnd(() => port.close());
    const { client, fallbacks } = clientOf(`http://127.0.0.1:${port.port}`, transport);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(fallbacks).toHaveLength(1);
  });

  it('by a server that hangs up on every connection tries once for each call, and no more after it', async () => {
    let connections = 0;
    const port = await loopback.listen(
      net.createServer((socket) => {
        connections += 1;
        socket.destroy();
      }),
    );
    const { client, fallbacks } = clientOf(`http://127.0.0.1:${port}`, transport);
    for (let call = 0; call < 3; call += 1) expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    const afterCalls = connections;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(connections).toBe(afterCalls);
    expect(connections).toBeLessThanOrEqual(6);
    expect(fallbacks).toEqual([]);
  });
});

it('asks no call of Connect JSON to be broken in its place', async () => {
  const port = await loopback.listen(http.createServer((_, response) => void response.writeHead(404).end()));
  const { client, fallbacks } = clientOf(`http://127.0.0.1:${port}`, 'connect-json');
  expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'incompatible' });
  expect(fallbacks).toEqual([]);
});

describe.each(['grpc', 'connect'] as const)('HTTP/2 under %s', (transport) => {
  async function start(latencyMs: number, settings: http2.Settings = {}) {
    const server = http2.createServer({ settings }, insights(latencyMs));
    const sessions: http2.ServerHttp2Session[] = [];
    let streams = 0;
    let most = 0;
    let pings = 0;
    const resets: (number | undefined)[] = [];
    server.on('session', (session) => {
      sessions.push(session);
      session.on('ping', () => pings++);
    });
    server.on('stream', (stream: http2.ServerHttp2Stream) => {
      streams += 1;
      most = Math.max(most, streams);
      stream.on('close', () => {
        streams -= 1;
        resets.push(stream.rstCode);
      });
    });
    const port = await loopback.listen(server);
    return { url: `http://127.0.0.1:${port}`, sessions, most: () => most, pings: () => pings, resets };
  }

  it('takes one connection for any number of calls', async () => {
    const server = await start(5);
    const { client } = clientOf(server.url, transport);
    const results = await Promise.all(Array.from({ length: 200 }, () => client.getInsight(LODASH)));
    expect(results.filter(({ kind }) => kind === 'answered')).toHaveLength(200);
    expect(server.sessions).toHaveLength(1);
  });

  it('keeps to the number of streams that the server takes at once', async () => {
    const server = await start(5, { maxConcurrentStreams: 5 });
    const { client } = clientOf(server.url, transport);
    await client.prepare();
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    const results = await Promise.all(Array.from({ length: 40 }, () => client.getInsight(LODASH)));
    expect(results.filter(({ kind }) => kind === 'answered')).toHaveLength(40);
    expect(server.most()).toBe(5);
  });

  it('resets the stream of a call that is given up, and no other', async () => {
    const server = await start(150);
    const { client } = clientOf(server.url, transport);
    const caller = new AbortController();
    const [givenUp, other] = [client.getInsight(LODASH, caller.signal), client.getInsight(LODASH)];
    setTimeout(() => caller.abort(), 50);
    expect(await givenUp).toMatchObject({ kind: 'retry', code: 'Canceled' });
    expect(await other).toMatchObject({ kind: 'answered' });
    expect(server.sessions).toHaveLength(1);
    expect(server.resets.toSorted()).toEqual([http2.constants.NGHTTP2_NO_ERROR, http2.constants.NGHTTP2_CANCEL]);
  });

  it('asks by PING whether a silent connection is alive, and makes another one where it is not', async () => {
    const server = await start(0);
    // Stands for a gateway that forgets a connection: it stays open, and nothing passes any more.
    const sockets: net.Socket[] = [];
    let forgotten: net.Socket | undefined;
    const gateway = net.createServer((socket) => {
      sockets.push(socket);
      const upstream = net.connect(Number(new URL(server.url).port), '127.0.0.1');
      loopback.onEnd(() => upstream.destroy());
      socket.on('data', (chunk) => void (socket === forgotten || upstream.write(chunk)));
      upstream.on('data', (chunk) => void socket.write(chunk));
      upstream.on('error', () => socket.destroy());
    });
    const { client } = clientOf(`http://127.0.0.1:${await loopback.listen(gateway)}`, transport);
    vi.useFakeTimers({ toFake: ['Date'] });
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(server.pings()).toBe(0);
    vi.setSystemTime(Date.now() + VERIFY_AFTER_SILENCE_MS + 1);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect([server.pings(), server.sessions.length]).toEqual([1, 1]);
    vi.setSystemTime(Date.now() + VERIFY_AFTER_SILENCE_MS + 1);
    forgotten = sockets[0];
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect([server.pings(), server.sessions.length]).toEqual([1, 2]);
  });

  it('goes over to another connection when the server is about to go, and loses no call', async () => {
    const server = await start(50);
    const { client } = clientOf(server.url, transport);
    const early = [client.getInsight(LODASH), client.getInsight(LODASH)];
    setTimeout(() => server.sessions[0]?.close(), 20);
    expect(await Promise.all(early)).toMatchObject([{ kind: 'answered' }, { kind: 'answered' }]);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(server.sessions).toHaveLength(2);
  });
});
