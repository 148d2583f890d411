import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createExchange, type Exchange } from '../../../../shared/safedep/identity/exchange.ts';
import { makeCertificateAuthority } from '../certificates.ts';
import { Loopback } from '../loopback.ts';

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'NO_PROXY', 'no_proxy', 'SAFEDEP_CA_FILE'];
const BODY = 'grant_type=refresh_token&refresh_token=canary';

const authority = makeCertificateAuthority();
const loopback = new Loopback();
let folder: string;
let bodies: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'safedep-exchange-'));
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  bodies = [];
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
  vi.stubEnv('SAFEDEP_CA_FILE', join(folder, 'ca.pem'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await loopback.end();
});

/** Notes bodies and answers with an empty object. */
function provider(): Promise<number> {
  const server = https.createServer(authority.issue('localhost', '127.0.0.1'), async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"id_token": "x", "kept": true}');
  });
  return loopback.listen(server);
}

async function post(exchange: Exchange, port: number): Promise<unknown> {
  const response = await exchange.fetch(`https://localhost:${port}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: BODY,
    redirect: 'manual',
  });
  return response.json();
}

/** A proxy that opens the way, or refuses it with a status; resolves to its address with a password in it. */
async function proxy(asked: string[], refusal?: number): Promise<string> {
  const server = http.createServer();
  server.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    asked.push(request.url ?? '');
    if (refusal) {
      socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
      return;
    }
    const [host, port] = (request.url ?? '').split(':');
    const upstream = net.connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [socket, upstream]) end.on('error', () => [socket, upstream].map((each) => each.destroy()));
  });
  return `http://somebody:canary@127.0.0.1:${await loopback.listen(server)}`;
}

describe('createExchange over TLS', () => {
  it('sends to who proves who it is, and says that it was sent', async () => {
    const exchange = createExchange(5_000, undefined);
    expect(await post(exchange, await provider())).toEqual({ kept: true });
    expect([bodies, exchange.isSent(), exchange.status()]).toEqual([[BODY], true, 200]);
  });

  it('sends nothing to who cannot prove it', async () => {
    vi.stubEnv('SAFEDEP_CA_FILE', undefined);
    const exchange = createExchange(5_000, undefined);
    await expect(post(exchange, await provider())).rejects.toThrow(/the connection to https:\/\/localhost:\d+ failed/);
    expect([bodies, exchange.isSent(), exchange.status()]).toEqual([[], false, undefined]);
  });

  it('goes through the proxy of the environment', async () => {
    const asked: string[] = [];
    vi.stubEnv('HTTPS_PROXY', await proxy(asked));
    const port = await provider();
    const exchange = createExchange(5_000, undefined);
    expect(await post(exchange, port)).toEqual({ kept: true });
    expect([asked, exchange.isSent()]).toEqual([[`localhost:${port}`], true]);
  });

  it('sends nothing where the proxy refuses the way, and does not show its password', async () => {
    vi.stubEnv('HTTPS_PROXY', await proxy([], 407));
    const exchange = createExchange(5_000, undefined);
    const refusal = await post(exchange, await provider()).catch((error: Error) => error.message);
    expect(refusal).toMatch(/the proxy 127\.0\.0\.1:\d+ refused the way.*HTTP 407/);
    expect(refusal).not.toContain('canary');
    expect([bodies, exchange.isSent()]).toEqual([[], false]);
  });

  it('refuses trust and addresses that cannot be used', async () => {
    vi.stubEnv('SAFEDEP_CA_FILE', join(folder, 'missing.pem'));
    await expect(post(createExchange(5_000, undefined), 1)).rejects.toThrow('SAFEDEP_CA_FILE');
    const inTheClear = createExchange(5_000, undefined).fetch('http://auth.other.example/token', {
      method: 'POST',
      headers: {},
      body: BODY,
      redirect: 'manual',
    });
    await expect(inTheClear).rejects.toThrow('use https://');
  });

  it('ends a wait at its deadline', async () => {
    const port = await loopback.listen(http.createServer(() => undefined));
    const exchange = createExchange(50, undefined);
    const silent = exchange.fetch(`http://127.0.0.1:${port}/token`, { method: 'POST', headers: {}, body: BODY, redirect: 'manual' });
    await expect(silent).rejects.toThrow('did not answer within 0.05 s');
    expect(exchange.isSent()).toBe(true);
  });
});
