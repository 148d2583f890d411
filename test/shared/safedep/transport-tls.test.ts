import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { InsightService } from '#safedep-api/safedep/services/insights/v2/insights_pb.js';
import type { PackageVersion } from '../../../shared/model/package-version.ts';
import { createDataPlaneClient, type DataPlaneClient } from '../../../shared/safedep/data-plane-client.ts';
import { TRANSPORT_KINDS, type TransportKind } from '../../../shared/safedep/transport.ts';
import { makeCertificateAuthority } from './certificates.ts';
import { Loopback } from './loopback.ts';

const LODASH: PackageVersion = { ecosystem: 'NPM', name: 'lodash', version: '4.17.21' };
const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'NO_PROXY', 'no_proxy', 'SAFEDEP_CA_FILE'];

const authority = makeCertificateAuthority();
const certificate = authority.issue('localhost', '127.0.0.1');
const loopback = new Loopback();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-tls-'));
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  writeFileSync(join(folder, 'empty.pem'), 'nothing\n');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
  vi.stubEnv('SAFEDEP_CA_FILE', join(folder, 'ca.pem'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await loopback.end();
});

function clientOf(baseUrl: string, transport: TransportKind): { client: DataPlaneClient; fallbacks: string[] } {
  const fallbacks: string[] = [];
  const client = createDataPlaneClient({ baseUrl, transport, onFallback: (sentence) => fallbacks.push(sentence), deadlineMs: 3_000 });
  loopback.onEnd(() => client.close());
  return { client, fallbacks };
}

/** Answers every insight; over whatever it is mounted on. */
function insights(seen: string[] = []) {
  const handler = connectNodeAdapter({
    routes: (router) =>
      void router.service(InsightService, { getPackageVersionInsight: ({ packageVersion = {} }) => ({ packageVersion, insight: {} }) }),
  });
  return (request: http.IncomingMessage | http2.Http2ServerRequest, response: http.ServerResponse | http2.Http2ServerResponse) => {
    seen.push(request.httpVersion);
    handler(request as http.IncomingMessage, response as http.ServerResponse);
  };
}

const secureServer = (seen: string[] = [], options: http2.SecureServerOptions = {}) =>
  http2.createSecureServer({ ...certificate, allowHTTP1: true, ...options }, insights(seen));

describe.each(TRANSPORT_KINDS)('TLS under %s', (transport) => {
  it('trusts the authority that SAFEDEP_CA_FILE names, for a name and for an address', async () => {
    const seen: string[] = [];
    const port = await loopback.listen(secureServer(seen));
    for (const host of ['localhost', '127.0.0.1']) {
      expect(await clientOf(`https://${host}:${port}`, transport).client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    }
    expect(seen).toEqual(Array(2).fill(transport === 'connect-json' ? '1.1' : '2.0'));
  });

  it('refuses a server that cannot prove who it is, also where Node was told to let it pass', async () => {
    const seen: string[] = [];
    const port = await loopback.listen(secureServer(seen));
    vi.stubEnv('SAFEDEP_CA_FILE', undefined);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { client, fallbacks } = clientOf(`https://localhost:${port}`, transport);
    expect(await client.getInsight(LODASH)).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/cannot prove.*SAFEDEP_CA_FILE/),
    });
    expect([seen, fallbacks]).toEqual([[], []]);
  });

  it('refuses a certificate that is somebody else’s', async () => {
    const seen: string[] = [];
    const port = await loopback.listen(secureServer(seen, authority.issue('elsewhere.example')));
    expect(await clientOf(`https://localhost:${port}`, transport).client.getInsight(LODASH)).toMatchObject({
      kind: 'retry',
      reason: expect.stringMatching(/connection to SafeDep failed.*altnames/),
    });
    expect(seen).toEqual([]);
  });
});

describe('SAFEDEP_CA_FILE', () => {
  it.each([
    ['missing.pem', /cannot be read \(ENOENT\)/],
    ['empty.pem', /holds no PEM certificate/],
  ])('that names %s is an error for the reader', (file, message) => {
    vi.stubEnv('SAFEDEP_CA_FILE', join(folder, file));
    expect(() => clientOf('https://localhost:1', 'grpc')).toThrow(message);
  });
});

describe.each(['grpc', 'connect'] as const)('%s towards TLS that does not take HTTP/2', (transport) => {
  it('falls back once where the server offers HTTP/1.1 only', async () => {
    const seen: string[] = [];
    const port = await loopback.listen(https.createServer(certificate, insights(seen)));
    const { client, fallbacks } = clientOf(`https://localhost:${port}`, transport);
    for (let call = 0; call < 2; call += 1) expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(fallbacks).toEqual([expect.stringContaining(`does not answer ${transport} over HTTP/2`)]);
    expect(seen).toEqual(['1.1', '1.1']);
  });

  it('falls back once where something on the way negotiates no protocol at all', async () => {
    const plain = http.createServer(insights());
    const port = await loopback.listen(tls.createServer(certificate, (socket) => plain.emit('connection', socket)));
    const { client, fallbacks } = clientOf(`https://localhost:${port}`, transport);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(fallbacks).toHaveLength(1);
  });
});

interface SeenTunnel {
  readonly target: string;
  readonly authorization: string | undefined;
}

/** A proxy that opens a way to wherever it is asked, or answers `status`. */
function proxyServer(tunnels: SeenTunnel[], status = 200, secure = false): http.Server {
  const server = secure ? https.createServer(certificate) : http.createServer();
  server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    tunnels.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      return;
    }
    const upstream = net.connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    loopback.onEnd(() => upstream.destroy());
  });
  return server;
}

describe.each(TRANSPORT_KINDS)('a proxy under %s', (transport) => {
  it.each(['HTTPS_PROXY', 'https_proxy'])('that %s names carries every call, and HTTP/2 over one way', async (variable) => {
    const tunnels: SeenTunnel[] = [];
    const seen: string[] = [];
    const port = await loopback.listen(secureServer(seen));
    vi.stubEnv(variable, `http://name:pass%20word@127.0.0.1:${await loopback.listen(proxyServer(tunnels))}`);
    const { client, fallbacks } = clientOf(`https://localhost:${port}`, transport);
    for (let call = 0; call < 3; call += 1) expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    const authorization = `Basic ${Buffer.from('name:pass word').toString('base64')}`;
    expect(tunnels).toEqual([{ target: `localhost:${port}`, authorization }]);
    expect(seen).toEqual(Array(3).fill(transport === 'connect-json' ? '1.1' : '2.0'));
    expect(fallbacks).toEqual([]);
  });

  it('that is itself spoken to by TLS is verified as well', async () => {
    const tunnels: SeenTunnel[] = [];
    const port = await loopback.listen(secureServer());
    vi.stubEnv('HTTPS_PROXY', `https://localhost:${await loopback.listen(proxyServer(tunnels, 200, true))}`);
    expect(await clientOf(`https://localhost:${port}`, transport).client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(tunnels).toHaveLength(1);
    vi.stubEnv('SAFEDEP_CA_FILE', undefined);
    expect(await clientOf(`https://localhost:${port}`, transport).client.getInsight(LODASH)).toMatchObject({ kind: 'retry' });
    expect(tunnels).toHaveLength(1);
  });

  it('is passed by for what NO_PROXY names', async () => {
    const tunnels: SeenTunnel[] = [];
    const port = await loopback.listen(secureServer());
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await loopback.listen(proxyServer(tunnels))}`);
    vi.stubEnv('NO_PROXY', 'elsewhere.example,localhost');
    expect(await clientOf(`https://localhost:${port}`, transport).client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(tunnels).toEqual([]);
  });

  it.each([
    [407, /refused the way to localhost:\d+ \(HTTP 407\): it wants a name and a password/],
    [403, /refused the way to localhost:\d+ \(HTTP 403\)$/],
  ])('that answers HTTP %i is named without its password', async (status, reason) => {
    const port = await loopback.listen(proxyServer([], status));
    vi.stubEnv('HTTPS_PROXY', `http://name:canary@127.0.0.1:${port}`);
    const { client, fallbacks } = clientOf('https://localhost:1', transport);
    const result = await client.getInsight(LODASH);
    expect(result).toMatchObject({ kind: 'retry', reason: expect.stringMatching(reason) });
    expect(result).toMatchObject({ reason: expect.stringContaining(`the proxy 127.0.0.1:${port}`) });
    expect(JSON.stringify(result)).not.toContain('canary');
    expect(fallbacks).toEqual([]);
  });

  it('that is not there is named without its password', async () => {
    const gone = net.createServer();
    const port = await loopback.listen(gone);
    await loopback.end();
    vi.stubEnv('HTTPS_PROXY', `http://name:canary@127.0.0.1:${port}`);
    const result = await clientOf('https://localhost:1', transport).client.getInsight(LODASH);
    expect(result).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining(`the proxy 127.0.0.1:${port} cannot be reached: ECONNREFUSED`),
    });
    expect(JSON.stringify(result)).not.toContain('canary');
  });

  it('that lets nothing but HTTP/1.1 through is lived with', async () => {
    const tunnels: SeenTunnel[] = [];
    const port = await loopback.listen(https.createServer(certificate, insights()));
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${await loopback.listen(proxyServer(tunnels))}`);
    const { client, fallbacks } = clientOf(`https://localhost:${port}`, transport);
    expect(await client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
    expect(fallbacks).toHaveLength(transport === 'connect-json' ? 0 : 1);
  });
});

describe('a proxy that cannot be used', () => {
  it.each([
    ['socks5://127.0.0.1:1080', /socks5:/],
    ['http://[', /not an address/],
  ])('is refused for its address: %s', (address, message) => {
    vi.stubEnv('HTTPS_PROXY', address);
    expect(() => clientOf('https://localhost:1', 'grpc')).toThrow(message);
  });

  it('is not asked for this machine in plain HTTP', async () => {
    const port = await loopback.listen(http2.createServer(insights()));
    vi.stubEnv('ALL_PROXY', 'http://127.0.0.1:1');
    expect(await clientOf(`http://127.0.0.1:${port}`, 'grpc').client.getInsight(LODASH)).toMatchObject({ kind: 'answered' });
  });
});
