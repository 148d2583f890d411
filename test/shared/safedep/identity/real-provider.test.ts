import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IdentityProvider, startIdentityProvider } from '../../../../infra/local/safedep/identity-provider/identity-provider.ts';
import { deviceLogin } from '../../../../shared/safedep/identity/device-login.ts';
import { issuerSettings } from '../../../../shared/safedep/identity/issuer.ts';
import { refreshTokens } from '../../../../shared/safedep/identity/refresh-tokens.ts';
import { revokeToken } from '../../../../shared/safedep/identity/revoke-token.ts';
import { readTokenClaims } from '../../../../shared/safedep/identity/token-claims.ts';

/** The flows against a whole provider that rotates, so that it is not only our own idea of one that they fit. */

let provider: IdentityProvider;
beforeEach(async () => {
  provider = await startIdentityProvider({ pollIntervalSeconds: 0 });
});
afterEach(() => provider.close());

const settings = () => issuerSettings({ issuer: provider.issuer, clientId: provider.clientId });
const refresh = (refreshToken: string) => refreshTokens({ settings: settings(), refreshToken, nowMs: Date.now });
const login = (decide: (userCode: string) => Promise<void>) =>
  deviceLogin({
    settings: settings(),
    onCode: ({ userCode }) => void decide(userCode),
    signal: new AbortController().signal,
    nowMs: Date.now,
    sleep: (_, signal) => sleep(20, undefined, { signal }),
  });

async function signedIn() {
  const result = await login((userCode) => provider.approve(userCode));
  return result.kind === 'signed-in' ? result : expect.fail(JSON.stringify(result));
}

async function refreshed(refreshToken: string) {
  const result = await refresh(refreshToken);
  return result.kind === 'refreshed' ? result : expect.fail(JSON.stringify(result));
}

describe('identity flows against a whole provider', () => {
  it('signs in, and follows the refresh token from rotation to rotation', async () => {
    const first = await signedIn();
    expect(readTokenClaims(first.accessToken).expiresAtMs).toBe(first.expiresAtMs);
    const second = await refreshed(first.refreshToken);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const third = await refreshed(second.refreshToken);
    expect(third.expiresAtMs).toBeGreaterThan(Date.now());
    expect(provider.report()).toMatchObject({ signIns: 1, rotations: 2, maxRefreshesInFlight: 1 });
  });

  it('is rejected, with its successors, when a refresh token is used twice', async () => {
    const first = await signedIn();
    const second = await refreshed(first.refreshToken);
    expect(await refresh(first.refreshToken)).toMatchObject({ kind: 'rejected', reason: expect.stringContaining('invalid_grant') });
    expect(await refresh(second.refreshToken)).toMatchObject({ kind: 'rejected' });
  });

  it('gets over an answer that was lost after the rotation, where the provider allows a second use for a moment', async () => {
    provider.setReuseLeewayMs(60_000);
    const first = await signedIn();
    provider.setFault({ kind: 'answer-lost' });
    expect(await refresh(first.refreshToken)).toMatchObject({ kind: 'unavailable', mayHaveRotated: true });
    expect(provider.report().rotations).toBe(1);
    provider.setFault(undefined);
    await refreshed(first.refreshToken);
  });

  it('is refused in the provider’s words where the e-mail address is not verified', async () => {
    const denied = await login((userCode) => provider.deny(userCode, 'Please verify your email before logging in.'));
    expect(denied).toEqual({ kind: 'refused', reason: expect.stringMatching(/^verify your e-mail/) });
  });

  it('ends a sign-in by revoking its refresh token', async () => {
    const { refreshToken } = await signedIn();
    expect(await revokeToken({ settings: settings(), refreshToken })).toEqual({ kind: 'revoked' });
    expect(await refresh(refreshToken)).toMatchObject({ kind: 'rejected' });
  });

  it('is refused as a client that the provider does not know', async () => {
    const result = await refreshTokens({
      settings: issuerSettings({ issuer: provider.issuer, clientId: 'other' }),
      refreshToken: 'x',
      nowMs: Date.now,
    });
    expect(result).toMatchObject({ kind: 'unavailable', mayHaveRotated: false, reason: expect.stringContaining('invalid_client') });
  });
});
