import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issuerSettings } from '../../../../shared/safedep/identity/issuer.ts';
import { type RefreshResult, refreshTokens } from '../../../../shared/safedep/identity/refresh-tokens.ts';
import { type ScriptedProvider, startScriptedProvider, unsignedToken } from './scripted-provider.ts';

const OLD = 'canary-old-refresh-token';
const NEW = 'canary-new-refresh-token';
const EXP_SECONDS = 1_900_000_000;
const ACCESS = unsignedToken({ exp: EXP_SECONDS });

let provider: ScriptedProvider;
beforeEach(async () => {
  provider = await startScriptedProvider();
});
afterEach(() => provider.close());

function refresh(more: { issuer?: string; signal?: AbortSignal } = {}): Promise<RefreshResult> {
  return refreshTokens({
    settings: issuerSettings({ issuer: more.issuer ?? provider.issuer, clientId: 'a-client' }),
    refreshToken: OLD,
    signal: more.signal,
    nowMs: () => 1_000,
  });
}

describe('refreshTokens', () => {
  it('brings the new access token, the new refresh token and the time that the token itself names', async () => {
    provider.answer('/token', { json: { access_token: ACCESS, refresh_token: NEW, token_type: 'Bearer', expires_in: 5 } });
    expect(await refresh()).toEqual({
      kind: 'refreshed',
      accessToken: ACCESS,
      refreshToken: NEW,
      expiresAtMs: EXP_SECONDS * 1000,
    });
    expect(provider.requests).toMatchObject([
      { path: '/token', parameters: { grant_type: 'refresh_token', refresh_token: OLD, client_id: 'a-client' } },
    ]);
    expect(provider.requests[0]?.parameters).not.toHaveProperty('client_secret');
    expect(provider.requests[0]?.headers['user-agent']).toMatch(/^safedep-watch\//);
  });

  it('keeps the refresh token where the provider does not rotate', async () => {
    provider.answer('/token', { json: { access_token: ACCESS, token_type: 'Bearer' } });
    expect(await refresh()).toMatchObject({ kind: 'refreshed', refreshToken: OLD });
  });

  it('goes by expires_in where the token is opaque, and takes one without any time for already expired', async () => {
    provider.answer(
      '/token',
      { json: { access_token: 'opaque', token_type: 'Bearer', expires_in: 60 } },
      { json: { access_token: 'opaque', token_type: 'Bearer' } },
    );
    expect(await refresh()).toMatchObject({ kind: 'refreshed', expiresAtMs: 61_000 });
    expect(await refresh()).toMatchObject({ kind: 'refreshed', expiresAtMs: 1_000 });
  });

  it('does not lose a rotated token over an ID token that would not pass its check', async () => {
    const idToken = unsignedToken({ iss: 'somebody else', exp: 1 });
    provider.answer('/token', { json: { access_token: ACCESS, refresh_token: NEW, token_type: 'Bearer', id_token: idToken } });
    expect(await refresh()).toMatchObject({ kind: 'refreshed', refreshToken: NEW });
  });

  it.each([
    [403, 'invalid_grant', 'Unknown or invalid refresh token.'],
    [400, 'invalid_grant', ''],
    [403, 'access_denied', 'user is blocked'],
  ])('is rejected by HTTP %i %s, which asks for a new sign-in', async (status, error, description) => {
    provider.answer('/token', { status, json: { error, error_description: description }, headers: { 'www-authenticate': 'Bearer' } });
    const result = await refresh();
    expect(result).toMatchObject({ kind: 'rejected', reason: expect.stringContaining(error) });
    expect(result).toMatchObject({ reason: expect.stringContaining(description) });
  });

  it.each([
    ['a client that is not known', { status: 401, json: { error: 'invalid_client' } }],
    ['too many requests', { status: 429, text: 'slow' }],
    ['an edge that refuses', { status: 403, text: '<html>1010</html>' }],
  ])('is unavailable and surely not rotated after %s', async (_, answer) => {
    provider.answer('/token', answer);
    expect(await refresh()).toMatchObject({ kind: 'unavailable', mayHaveRotated: false });
  });

  it.each([
    ['a cut connection', 'cut' as const],
    ['a failing server', { status: 502, text: 'bad gateway' }],
    ['an answer that is no JSON', { text: '<html></html>' }],
    ['an answer without a token', { json: { refresh_token: NEW, token_type: 'Bearer' } }],
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
    ['an endless answer', { text: 'x'.repeat(300_000) }],
  ])('is unavailable and perhaps rotated after %s', async (_, answer) => {
    provider.answer('/token', answer);
    const result = await refresh();
    expect(result).toMatchObject({ kind: 'unavailable', mayHaveRotated: true });
    expect(JSON.stringify(result)).not.toContain('canary');
    expect(provider.requests).toHaveLength(1);
  });

  it('says that the provider may have rotated when the caller gives up while it is silent', async () => {
    provider.answer('/token', 'silence');
    const controller = new AbortController();
    const result = refresh({ signal: controller.signal });
    await expect.poll(() => provider.requests.length).toBe(1);
    controller.abort();
    expect(await result).toEqual({
      kind: 'unavailable',
      mayHaveRotated: true,
      reason: 'a refresh did not succeed: it was given up before an answer came',
    });
  });

  it('has surely not rotated when the description cannot be read, or nobody listens', async () => {
    provider.answer('/.well-known/openid-configuration', { status: 500, text: '' });
    expect(await refresh()).toMatchObject({ kind: 'unavailable', mayHaveRotated: false, reason: expect.stringContaining('HTTP 500') });
    const unused = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });
    const result = await refresh({ issuer: `http://127.0.0.1:${unused}` });
    expect(result).toMatchObject({ kind: 'unavailable', mayHaveRotated: false, reason: expect.stringContaining('ECONNREFUSED') });
  });

  it('refuses a description of another issuer', async () => {
    provider.describe({ issuer: 'https://auth.other.example/' });
    expect(await refresh()).toMatchObject({ kind: 'unavailable', mayHaveRotated: false });
    expect(provider.requests).toEqual([]);
  });

  it('refuses to send a token in the clear to where the description points', async () => {
    provider.describe({ token_endpoint: 'http://auth.other.example/token' });
    const result = await refresh();
    expect(result).toMatchObject({ kind: 'unavailable', mayHaveRotated: false });
    expect(provider.requests).toEqual([]);
  });

  it('shows no token that the provider repeats', async () => {
    provider.answer('/token', { status: 400, json: { error: 'invalid_grant', error_description: `bad ${OLD}\u001b[31m` } });
    const result = await refresh();
    expect(result).toEqual({ kind: 'rejected', reason: expect.stringContaining('bad [credential]') });
    expect(JSON.stringify(result)).not.toMatch(/canary|\\u001b/);
  });
});

describe('issuerSettings', () => {
  it('names SafeDep’s provider where nothing else is named', () => {
    expect(issuerSettings({ issuer: '', clientId: '' })).toMatchObject({
      issuer: 'https://auth.safedep.io',
      clientId: expect.stringMatching(/./),
    });
  });

  it('refuses plain http beyond this machine', () => {
    expect(() => issuerSettings({ issuer: 'http://auth.safedep.example' })).toThrow('https://');
  });
});
