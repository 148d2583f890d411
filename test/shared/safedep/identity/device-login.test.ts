import { setTimeout as sleepFor } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeviceCode, type DeviceLoginResult, deviceLogin } from '../../../../shared/safedep/identity/device-login.ts';
import { issuerSettings } from '../../../../shared/safedep/identity/issuer.ts';
import { revokeToken } from '../../../../shared/safedep/identity/revoke-token.ts';
import { readTokenClaims } from '../../../../shared/safedep/identity/token-claims.ts';
import { type ScriptedProvider, startScriptedProvider, unsignedToken } from './scripted-provider.ts';

const ACCESS = unsignedToken({ exp: 1_900_000_000 });
const TOKENS = { json: { access_token: ACCESS, refresh_token: 'canary-refresh', token_type: 'Bearer' } };
const pending = { status: 403, json: { error: 'authorization_pending' } };
const slowDown = { status: 429, json: { error: 'slow_down' } };
const refusal = (error: string, description?: string) => ({ status: 403, json: { error, error_description: description } });

let provider: ScriptedProvider;
let codes: DeviceCode[];
let waitsMs: number[];
let nowMs: number;
beforeEach(async () => {
  provider = await startScriptedProvider();
  codes = [];
  waitsMs = [];
  nowMs = 0;
  deviceAnswers({});
});
afterEach(() => provider.close());

function deviceAnswers(more: Record<string, unknown>): void {
  provider.answer('/device', {
    json: {
      device_code: 'canary-device-code',
      user_code: 'ABCD-EFGH',
      verification_uri: `${provider.issuer}/activate`,
      verification_uri_complete: `${provider.issuer}/activate?user_code=ABCD-EFGH`,
      expires_in: 900,
      interval: 2,
      ...more,
    },
  });
}

/** Waits take no time, and move the clock. */
function login(signal = new AbortController().signal): Promise<DeviceLoginResult> {
  return deviceLogin({
    settings: issuerSettings({ issuer: provider.issuer, clientId: 'a-client' }),
    onCode: (code) => void codes.push(code),
    signal,
    nowMs: () => nowMs,
    sleep: async (waitMs, given) => {
      waitsMs.push(waitMs);
      nowMs += waitMs;
      await sleepFor(0, undefined, { signal: given });
    },
  });
}

describe('deviceLogin', () => {
  it('shows the code, polls until the person confirmed it, and brings the tokens', async () => {
    provider.answer('/token', pending, pending, TOKENS);
    expect(await login()).toEqual({
      kind: 'signed-in',
      accessToken: ACCESS,
      refreshToken: 'canary-refresh',
      expiresAtMs: 1_900_000_000_000,
    });
    expect(codes).toEqual([
      {
        userCode: 'ABCD-EFGH',
        verificationUri: `${provider.issuer}/activate`,
        verificationUriComplete: `${provider.issuer}/activate?user_code=ABCD-EFGH`,
        expiresAtMs: 900_000,
      },
    ]);
    expect(waitsMs).toEqual([2_000, 2_000, 2_000]);
    expect(provider.requests.map(({ path, parameters }) => ({ path, parameters }))).toEqual([
      {
        path: '/device',
        parameters: { client_id: 'a-client', audience: 'https://cloud.safedep.io', scope: 'offline_access openid profile email' },
      },
      ...Array.from({ length: 3 }, () => ({
        path: '/token',
        parameters: {
          client_id: 'a-client',
          device_code: 'canary-device-code',
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        },
      })),
    ]);
  });

  it('waits five seconds longer after each slow_down, and five at first where the provider does not say', async () => {
    deviceAnswers({ interval: undefined });
    provider.answer('/token', slowDown, pending, slowDown, TOKENS);
    expect(await login()).toMatchObject({ kind: 'signed-in' });
    expect(waitsMs).toEqual([5_000, 10_000, 10_000, 15_000]);
  });

  it('goes on, at growing distance, where a poll fails on the way', async () => {
    provider.answer('/token', 'cut', { status: 503, text: '' }, TOKENS);
    expect(await login()).toMatchObject({ kind: 'signed-in' });
    expect(waitsMs).toEqual([2_000, 4_000, 8_000]);
  });

  it('ends when the code expires, by the provider’s word or by the clock', async () => {
    provider.answer('/token', refusal('expired_token'));
    expect(await login()).toMatchObject({ kind: 'expired' });
    deviceAnswers({ expires_in: 5 });
    provider.answer('/token', pending);
    expect(await login()).toMatchObject({ kind: 'expired' });
    expect(provider.requests.filter(({ path }) => path === '/token')).toHaveLength(3);
  });

  it('says what to do about an e-mail address that is not verified', async () => {
    provider.answer('/token', refusal('access_denied', 'Please verify your email before logging in.'));
    expect(await login()).toEqual({ kind: 'refused', reason: expect.stringMatching(/^verify your e-mail address/) });
  });

  it('ends when the person says no', async () => {
    provider.answer('/token', refusal('access_denied', 'User cancelled'));
    expect(await login()).toEqual({ kind: 'refused', reason: 'the sign-in was denied (User cancelled)' });
  });

  it('ends on any other error of the provider, and shows no code of the device', async () => {
    provider.answer('/token', refusal('invalid_grant', 'no canary-device-code here'));
    const result = await login();
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringContaining('invalid_grant') });
    expect(JSON.stringify(result)).not.toContain('canary');
  });

  it('knows the provider’s errors also where a secret happens to be part of their names', async () => {
    deviceAnswers({ device_code: 'pending' });
    provider.answer('/token', pending, TOKENS);
    expect(await login()).toMatchObject({ kind: 'signed-in' });
  });

  it('is cancelled while it waits, and while the provider is silent', async () => {
    provider.answer('/token', 'silence');
    const controller = new AbortController();
    const result = login(controller.signal);
    await expect.poll(() => provider.requests.length).toBe(2);
    controller.abort();
    expect(await result).toEqual({ kind: 'cancelled' });
    expect(await login(AbortSignal.abort())).toEqual({ kind: 'cancelled' });
  });

  it('is unavailable where the provider does not answer', async () => {
    provider.answer('/device', 'cut');
    expect(await login()).toMatchObject({ kind: 'unavailable' });
    expect(codes).toEqual([]);
  });

  it('refuses a client that gets no refresh token', async () => {
    provider.answer('/token', { json: { access_token: ACCESS, token_type: 'Bearer' } });
    expect(await login()).toMatchObject({ kind: 'refused', reason: expect.stringContaining('SAFEDEP_CLIENT_ID') });
  });

  it.each(['javascript:alert(1)', 'http://elsewhere.example/activate'])('refuses to show the link %s', async (link) => {
    deviceAnswers({ verification_uri_complete: link });
    expect(await login()).toMatchObject({ kind: 'unavailable' });
    expect(codes).toEqual([]);
  });
});

describe('revokeToken', () => {
  const revoke = () =>
    revokeToken({ settings: issuerSettings({ issuer: provider.issuer, clientId: 'a-client' }), refreshToken: 'canary-r' });

  it('has the provider forget the refresh token', async () => {
    provider.answer('/revoke', { json: {} });
    expect(await revoke()).toEqual({ kind: 'revoked' });
    expect(provider.requests).toMatchObject([{ path: '/revoke', parameters: { token: 'canary-r', token_type_hint: 'refresh_token' } }]);
  });

  it('says so where the provider has no such endpoint', async () => {
    provider.describe({ revocation_endpoint: undefined });
    expect(await revoke()).toEqual({ kind: 'not-offered' });
  });

  it('fails with a reason that shows no token', async () => {
    provider.answer('/revoke', { status: 400, json: { error: 'invalid_request', error_description: 'canary-r is odd' } });
    const result = await revoke();
    expect(result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('invalid_request') });
    expect(JSON.stringify(result)).not.toContain('canary');
  });
});

describe('readTokenClaims', () => {
  it('reads expiry and e-mail, also under SafeDep’s own name', () => {
    expect(readTokenClaims(unsignedToken({ exp: 5, email: 'a@b.example' }))).toEqual({ expiresAtMs: 5_000, email: 'a@b.example' });
    expect(readTokenClaims(unsignedToken({ 'https://safedep.io/email': 'a@b.example' }))).toEqual({ email: 'a@b.example' });
  });

  it('knows nothing of what is no JWT, or of claims of another form', () => {
    expect(readTokenClaims('opaque')).toEqual({});
    expect(readTokenClaims(unsignedToken({ exp: 'soon', email: 7 }))).toEqual({});
  });
});
