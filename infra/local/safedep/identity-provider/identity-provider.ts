import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import { PortInUseError } from '../one-port.ts';
import { approvalPage } from './approval-page.ts';
import { approveDevice, denyDevice, UNVERIFIED_EMAIL, UserCodeError } from './device-approval.ts';
import { GrantStore } from './grant-store.ts';
import { AUDIENCE, PATHS } from './names.ts';
import { PollPace } from './poll-pace.ts';
import { createSigningKey, type Lifetimes, providerConfiguration } from './provider-configuration.ts';
import { type IdentityFault, TokenFaults } from './token-faults.ts';
import { type IdentityUser, ROBOT, USERS } from './users.ts';

export interface IdentityProviderOptions extends Partial<Lifetimes> {
  /** 0, the default, for any free port. */
  readonly port?: number;
  readonly clientId?: string;
  /** How long a used refresh token may be used again, in milliseconds; 0, the default: a second use ends the sign-in. */
  readonly reuseLeewayMs?: number;
  /** Between two polls of a device; 5 by default, as RFC 8628 has it. With 0 the answer says 1, and nobody is told to slow down. */
  readonly pollIntervalSeconds?: number;
  /** `automatic`: every code is confirmed as soon as it is made, for the robot. `by-hand` is the default. */
  readonly approval?: Approval;
}

type Approval = 'by-hand' | 'automatic';

/** What the provider was asked to since its start. */
export interface IdentityReport {
  readonly signIns: number;
  /** Refresh requests that arrived, whatever came of them, and how many of them were under way at once. */
  readonly refreshes: number;
  readonly refreshesInFlight: number;
  readonly maxRefreshesInFlight: number;
  /** Refreshes that rotated the token. */
  readonly rotations: number;
  /** Sign-ins that a reused refresh token ended. */
  readonly reusesDetected: number;
  /** Of every sign-in that can still be refreshed: whose, and how long at most. Epoch milliseconds. */
  readonly refreshTokens: readonly { readonly email: string; readonly expiresAtMs: number }[];
}

export interface IdentityProvider {
  /** Address of the provider, which is also what its tokens name: discovery begins here. */
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  /** The public keys of its tokens. */
  readonly keys: JWTVerifyGetKey;
  /** Confirms a device's code, as the person at the page does. Rejects with `UserCodeError`. */
  approve(userCode: string, user?: IdentityUser): Promise<void>;
  /** Denies it; `reason` is what the device is told. Rejects with `UserCodeError`. */
  deny(userCode: string, reason?: string): Promise<void>;
  setApproval(approval: Approval): void;
  setReuseLeewayMs(reuseLeewayMs: number): void;
  /** One at a time; `undefined` takes it back. */
  setFault(fault: IdentityFault | undefined): void;
  report(): IdentityReport;
  close(): Promise<void>;
}

/** Lifetimes where the options say nothing: SafeDep documents a day for the access token; the others are not known, these are ours. */
const LIFETIMES: Lifetimes = { accessTokenSeconds: 24 * 60 * 60, refreshTokenSeconds: 30 * 24 * 60 * 60, deviceCodeSeconds: 15 * 60 };

const POLL_INTERVAL_SECONDS = 5;

/** Larger bodies than this are refused, in bytes. Ours: a refresh token has a hundred. */
const BODY_MAX_BYTES = 64 * 1024;

/**
 * Starts an OIDC provider on loopback, for the device code flow and rotating refresh tokens, with paths and parameters as SafeDep's.
 *
 * @throws PortInUseError when something else listens there.
 */
export async function startIdentityProvider(options: IdentityProviderOptions = {}): Promise<IdentityProvider> {
  const { clientId = 'made-up-client', pollIntervalSeconds = POLL_INTERVAL_SECONDS } = options;
  let { reuseLeewayMs = 0, approval = 'by-hand' } = options;
  const lifetimes = { ...LIFETIMES, ...options };
  const server = createServer();
  const issuer = `http://127.0.0.1:${await listen(server, options.port ?? 0)}`;
  const store = new GrantStore(() => reuseLeewayMs);
  const { privateKey, publicKey } = await createSigningKey();
  const provider = new Provider(issuer, providerConfiguration({ clientId, privateKey, store, lifetimes }));
  const faults = new TokenFaults();
  const pace = new PollPace();
  const counts = { signIns: 0, refreshes: 0, refreshesInFlight: 0, maxRefreshesInFlight: 0, rotations: 0, reusesDetected: 0 };

  provider.on('refresh_token.consumed', () => counts.rotations++);
  provider.on('device_code.consumed', () => counts.signIns++);
  provider.on('grant.revoked', (context: KoaContextWithOIDC) => {
    if (context.oidc.route === 'token') counts.reusesDetected++;
  });
  // What the library leaves out of RFC 8628: the pace of polls.
  provider.use(async (context, next) => {
    await next();
    const { route, params } = (context as Partial<KoaContextWithOIDC>).oidc ?? {};
    const body = context.body as Record<string, unknown>;
    if (route === 'device_authorization' && body['user_code']) {
      body['interval'] = Math.max(1, pollIntervalSeconds);
      if (approval === 'automatic') await approveDevice(provider, String(body['user_code']), ROBOT);
    } else if (route === 'token' && body['error'] === 'authorization_pending') {
      if (pace.isTooFast(String(params?.['device_code']), pollIntervalSeconds, performance.now())) {
        context.body = { error: 'slow_down', error_description: 'You are polling faster than the interval allows.' };
      }
    }
  });
  const library = provider.callback();
  // One at a time, as a provider's database would have it: of two uses of a refresh token one is the second.
  let lastTurn: Promise<void> = Promise.resolve();

  async function decide(form: URLSearchParams): Promise<{ readonly text: string; readonly isError: boolean }> {
    const userCode = form.get('user_code') ?? '';
    try {
      switch (form.get('decision')) {
        case 'approve': {
          const user = USERS.find(({ id }) => id === form.get('user')) ?? ROBOT;
          await approveDevice(provider, userCode, user);
          return { text: `${user.name} is signed in. Go back to the device.`, isError: false };
        }
        case 'unverified':
          await denyDevice(provider, userCode, UNVERIFIED_EMAIL);
          break;
        default:
          await denyDevice(provider, userCode, 'User did not confirm');
      }
      return { text: 'The device was turned away.', isError: false };
    } catch (error) {
      if (error instanceof UserCodeError) return { text: `Not done: ${error.message}.`, isError: true };
      throw error;
    }
  }

  function noteRefresh(response: ServerResponse): void {
    counts.refreshes++;
    counts.refreshesInFlight++;
    counts.maxRefreshesInFlight = Math.max(counts.maxRefreshesInFlight, counts.refreshesInFlight);
    response.once('close', () => counts.refreshesInFlight--);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer);
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(413).end();
      return;
    }
    const form = new URLSearchParams(body.toString());
    if (pathname === PATHS.token && form.get('grant_type') === 'refresh_token') noteRefresh(response);
    if (await faults.answer(pathname, response)) return;
    if (pathname === PATHS.activate) {
      const said = request.method === 'POST' ? await decide(form) : undefined;
      const userCode = form.get('user_code') ?? searchParams.get('user_code') ?? '';
      response.writeHead(said?.isError ? 400 : 200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
      response.end(approvalPage({ userCode, users: USERS, ...(said && { said }) }));
      return;
    }
    const turn = lastTurn.then(() => library(replayed(request, body), response));
    lastTurn = turn.catch(() => undefined);
    await turn;
  }

  server.on('request', (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  return {
    issuer,
    clientId,
    audience: AUDIENCE,
    keys: createLocalJWKSet({ keys: [publicKey] }),
    approve: (userCode, user = ROBOT) => approveDevice(provider, userCode, user),
    deny: (userCode, reason = 'User did not confirm') => denyDevice(provider, userCode, reason),
    setApproval: (next) => {
      approval = next;
    },
    setReuseLeewayMs: (next) => {
      reuseLeewayMs = next;
    },
    setFault: (fault) => faults.set(fault),
    report: () => ({
      ...counts,
      refreshTokens: store.alive('RefreshToken').map(({ accountId, exp }) => ({
        email: USERS.find(({ id }) => id === accountId)?.email ?? '',
        expiresAtMs: (exp ?? 0) * 1000,
      })),
    }),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortInUseError(`port ${port} is in use: end what listens there, or choose another`) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** `undefined` for one that is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX_BYTES) return undefined;
  const body = await buffer(request);
  return body.length > BODY_MAX_BYTES ? undefined : body;
}

/** The request once more for the library, which reads its body itself. */
function replayed(request: IncomingMessage, body: Buffer): IncomingMessage {
  const { method, url, headers, socket, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  const again = Object.assign(Readable.from(body.length > 0 ? [body] : []), {
    method,
    url,
    headers,
    socket,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
  });
  return again as unknown as IncomingMessage;
}
