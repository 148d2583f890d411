import { setTimeout as sleep } from 'node:timers/promises';
import { jwtVerify } from 'jose';
import { afterEach, describe, expect, it } from 'vitest';
import { UNVERIFIED_EMAIL } from '../../../../../infra/local/safedep/identity-provider/device-approval.ts';
import {
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from '../../../../../infra/local/safedep/identity-provider/identity-provider.ts';
import { NEWCOMER } from '../../../../../infra/local/safedep/identity-provider/users.ts';
import { deviceLogin } from '../../../../../shared/safedep/identity/device-login.ts';
import { refreshTokens } from '../../../../../shared/safedep/identity/refresh-tokens.ts';
import { revokeToken } from '../../../../../shared/safedep/identity/revoke-token.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(options: IdentityProviderOptions = {}): Promise<IdentityProvider> {
  const provider = await startIdentityProvider({ pollIntervalSeconds: 0, ...options });
  ends.push(() => provider.close());
  return provider;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function post({ issuer }: IdentityProvider, path: string, form: Record<string, string>): Promise<Answer> {
  const response = await fetch(issuer + path, { method: 'POST', body: new URLSearchParams(form) });
  return { status: response.status, body: JSON.parse((await response.text()) || '{}') };
}

const SCOPE = 'offline_access openid profile email';

function beginDevice(provider: IdentityProvider, more: Record<string, string> = {}): Promise<Answer> {
  const { clientId, audience } = provider;
  return post(provider, '/oauth/device/code', { client_id: clientId, audience, scope: SCOPE, ...more });
}

function poll(provider: IdentityProvider, deviceCode: unknown): Promise<Answer> {
  const grant = 'urn:ietf:params:oauth:grant-type:device_code';
  return post(provider, '/oauth/token', { client_id: provider.clientId, grant_type: grant, device_code: String(deviceCode) });
}

async function signIn(provider: IdentityProvider): Promise<{ accessToken: string; refreshToken: string }> {
  const { body } = await beginDevice(provider);
  await provider.approve(String(body['user_code']));
  const { body: tokens } = await poll(provider, body['device_code']);
  return { accessToken: String(tokens['access_token']), refreshToken: String(tokens['refresh_token']) };
}

function refresh(provider: IdentityProvider, refreshToken: string) {
  return refreshTokens({ settings: provider, refreshToken, signal: undefined, nowMs: Date.now });
}

describe('the device flow', () => {
  it('goes from the code to tokens for the audience, with a client that follows the standards', async () => {
    const provider = await start();
    const result = await deviceLogin({
      settings: provider,
      onCode: ({ userCode }) => void provider.approve(userCode),
      signal: new AbortController().signal,
      nowMs: Date.now,
      sleep: (_, signal) => sleep(5, undefined, { signal }),
    });
    if (result.kind !== 'signed-in') throw new Error(result.kind);
    const { payload } = await jwtVerify(result.accessToken, provider.keys, { issuer: provider.issuer, audience: provider.audience });
    expect(payload).toMatchObject({ 'https://safedep.io/email': 'robot@stand-in.example', scope: SCOPE });
    expect(provider.report()).toMatchObject({ signIns: 1, refreshTokens: [{ email: 'robot@stand-in.example' }] });
  });

  it('tells where its endpoints are, at the paths of production', async () => {
    const provider = await start();
    const description = await (await fetch(`${provider.issuer}/.well-known/openid-configuration`)).json();
    expect(description).toMatchObject({
      issuer: provider.issuer,
      device_authorization_endpoint: `${provider.issuer}/oauth/device/code`,
      token_endpoint: `${provider.issuer}/oauth/token`,
      revocation_endpoint: `${provider.issuer}/oauth/revoke`,
      token_endpoint_auth_methods_supported: ['none'],
    });
  });

  it('says authorization_pending, and slow_down to whoever asks faster than the interval', async () => {
    const provider = await start({ pollIntervalSeconds: 5 });
    const { body } = await beginDevice(provider);
    expect(body).toMatchObject({ interval: 5, expires_in: 900 });
    const errors = [];
    for (let i = 0; i < 2; i++) errors.push((await poll(provider, body['device_code'])).body['error']);
    expect(errors).toEqual(['authorization_pending', 'slow_down']);
    await provider.approve(String(body['user_code']));
    expect((await poll(provider, body['device_code'])).body).toHaveProperty('refresh_token');
  });

  it('says access_denied with the reason', async () => {
    const provider = await start();
    const denied = (await beginDevice(provider)).body;
    await provider.deny(String(denied['user_code']), UNVERIFIED_EMAIL);
    expect(await poll(provider, denied['device_code'])).toEqual({
      status: 400,
      body: { error: 'access_denied', error_description: UNVERIFIED_EMAIL },
    });
  });

  it('says expired_token once a code is too old', async () => {
    const provider = await start({ deviceCodeSeconds: 1 });
    const late = (await beginDevice(provider)).body;
    await expect.poll(async () => (await poll(provider, late['device_code'])).body['error'], { timeout: 3_000 }).toBe('expired_token');
    await expect(provider.approve(String(late['user_code']))).rejects.toThrow(/expired/);
  });

  it('refuses an unknown client, an unknown audience and an unknown code', async () => {
    const provider = await start();
    expect((await beginDevice(provider, { client_id: 'nobody' })).body['error']).toBe('invalid_client');
    expect((await beginDevice(provider, { audience: 'https://other.example' })).body).toEqual({
      error: 'access_denied',
      error_description: 'Service not found: https://other.example',
    });
    await expect(provider.approve('WRONG')).rejects.toThrow(/no device waits/);
  });

  it('confirms codes by itself where that is asked for', async () => {
    const provider = await start({ approval: 'automatic' });
    const { body } = await beginDevice(provider);
    expect((await poll(provider, body['device_code'])).body).toHaveProperty('access_token');
  });

  it('is confirmed at a page, by a user of choice, and shows no code as markup', async () => {
    const provider = await start();
    const { body } = await beginDevice(provider);
    const link = String(body['verification_uri_complete']);
    expect(await (await fetch(link)).text()).toContain(`value="${body['user_code']}"`);
    const hostile = await fetch(`${provider.issuer}/activate?user_code=${encodeURIComponent('"><script>')}`);
    expect(await hostile.text()).not.toContain('<script>');

    const submit = async (form: Record<string, string>) => {
      const response = await fetch(`${provider.issuer}/activate`, { method: 'POST', body: new URLSearchParams(form) });
      return { status: response.status, page: await response.text() };
    };
    const userCode = String(body['user_code']).toLowerCase();
    expect(await submit({ user_code: userCode, user: NEWCOMER.id, decision: 'approve' })).toMatchObject({ status: 200 });
    const tokens = (await poll(provider, body['device_code'])).body;
    const { payload } = await jwtVerify(String(tokens['access_token']), provider.keys);
    expect(payload.sub).toBe(NEWCOMER.id);
    expect(await submit({ user_code: userCode, decision: 'deny' })).toMatchObject({
      status: 400,
      page: expect.stringContaining('used already'),
    });
  });
});

describe('refresh tokens', () => {
  it('rotate, and a second use of one ends the sign-in', async () => {
    const provider = await start();
    const { refreshToken } = await signIn(provider);
    const second = await refresh(provider, refreshToken);
    if (second.kind !== 'refreshed') throw new Error(second.kind);
    expect(second.refreshToken).not.toBe(refreshToken);
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'rejected', reason: expect.stringContaining('invalid_grant') });
    expect(await refresh(provider, second.refreshToken)).toMatchObject({ kind: 'rejected' });
    expect(provider.report()).toMatchObject({ refreshes: 3, rotations: 1, reusesDetected: 1, refreshTokens: [] });
  });

  it('may be used again within the leeway, and not after it', async () => {
    const provider = await start({ reuseLeewayMs: 60_000 });
    const { refreshToken } = await signIn(provider);
    provider.setFault({ kind: 'answer-lost', times: 1 });
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'unavailable', mayHaveRotated: true });
    expect(provider.report()).toMatchObject({ rotations: 1 });
    const again = await refresh(provider, refreshToken);
    if (again.kind !== 'refreshed') throw new Error(again.kind);
    expect(await refresh(provider, again.refreshToken)).toMatchObject({ kind: 'refreshed' });
    provider.setReuseLeewayMs(0);
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'rejected' });
  });

  it('live no longer than the sign-in may, however often they are rotated', async () => {
    const provider = await start({ refreshTokenSeconds: 2 });
    let { refreshToken } = await signIn(provider);
    const [first] = provider.report().refreshTokens;
    let result = await refresh(provider, refreshToken);
    while (result.kind === 'refreshed') {
      ({ refreshToken } = result);
      expect(provider.report().refreshTokens.every(({ expiresAtMs }) => expiresAtMs <= (first?.expiresAtMs ?? 0))).toBe(true);
      await sleep(100);
      result = await refresh(provider, refreshToken);
    }
    expect(result.kind).toBe('rejected');
    expect(provider.report().reusesDetected).toBe(0);
  });

  it('are rotated once where two uses arrive together', async () => {
    const provider = await start();
    const { refreshToken } = await signIn(provider);
    provider.setFault({ kind: 'slow', delayMs: 50 });
    const kinds = await Promise.all([refresh(provider, refreshToken), refresh(provider, refreshToken)]);
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(['refreshed', 'rejected']);
    expect(provider.report()).toMatchObject({ maxRefreshesInFlight: 2, refreshesInFlight: 0, rotations: 1, reusesDetected: 1 });
  });

  it('are over once revoked', async () => {
    const provider = await start();
    const { refreshToken } = await signIn(provider);
    await revokeToken({ settings: provider, refreshToken });
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'rejected' });
  });
});

describe('a fault', () => {
  it.each([
    ['reset', true],
    ['http-503', true],
    ['html', true],
    ['http-429', false],
  ] as const)('%s leaves the token unused', async (kind, mayHaveRotated) => {
    const provider = await start();
    const { refreshToken } = await signIn(provider);
    provider.setFault({ kind, times: 1 });
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'unavailable', mayHaveRotated });
    expect(await refresh(provider, refreshToken)).toMatchObject({ kind: 'refreshed' });
  });

  it('may be of another endpoint', async () => {
    const provider = await start();
    provider.setFault({ kind: 'http-503', endpoint: 'discovery' });
    expect((await fetch(`${provider.issuer}/.well-known/openid-configuration`)).status).toBe(503);
    provider.setFault(undefined);
    expect((await fetch(`${provider.issuer}/.well-known/openid-configuration`)).status).toBe(200);
  });
});
