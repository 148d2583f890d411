import { afterEach, describe, expect, it } from 'vitest';
import { keepTokenFresh, type TokenPorts } from '../../../functions/rotate/keep-token-fresh.ts';
import { type IdentityProvider, startIdentityProvider } from '../../../infra/local/safedep/identity-provider/identity-provider.ts';
import { createSecretVersions } from '../../../shared/aws/secret-versions.ts';
import { deviceLogin } from '../../../shared/safedep/identity/device-login.ts';
import { issuerSettings } from '../../../shared/safedep/identity/issuer.ts';
import { refreshTokens } from '../../../shared/safedep/identity/refresh-tokens.ts';
import { engineWith, identityInMemory, inProcessClient, mortal, REFRESH_TOKEN, SERVICE_JWT, TENANT_ID } from './rotate-world.ts';

/** As the sweep in memory has it, against a whole provider over a socket: what it takes for a rotation is one. */

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function signedIn(reuseLeewayMs: number) {
  const provider = await startIdentityProvider({ pollIntervalSeconds: 0, approval: 'automatic', reuseLeewayMs });
  ends.push(() => provider.close());
  const settings = { issuer: provider.issuer, clientId: provider.clientId };
  const signIn = await deviceLogin({
    settings,
    onCode: () => undefined,
    signal: new AbortController().signal,
    nowMs: Date.now,
    sleep: async () => undefined,
  });
  if (signIn.kind !== 'signed-in') throw new Error(signIn.kind);
  const { refreshToken } = signIn;
  const secrets = createSecretVersions(
    inProcessClient(engineWith({ [REFRESH_TOKEN]: { ...settings, refreshToken, tenantId: TENANT_ID } })),
  );
  return { provider, secrets };
}

function portsFor(secrets: TokenPorts['secrets'], refresh: TokenPorts['refresh'] = ask): TokenPorts {
  return {
    secrets,
    identity: identityInMemory(),
    refreshTokenSecretId: REFRESH_TOKEN,
    serviceJwtSecretId: SERVICE_JWT,
    refresh,
    nowMs: Date.now,
    sleep: async () => undefined,
    deadlineAtMs: Date.now() + 120_000,
    log: { warn: () => undefined },
  };
}

const ask: TokenPorts['refresh'] = ({ issuer, clientId, refreshToken }) =>
  refreshTokens({ settings: issuerSettings({ issuer, clientId }), refreshToken, nowMs: Date.now });

/** Dies once the provider has answered. */
async function dieAfterTheAnswer(secrets: TokenPorts['secrets']): Promise<void> {
  const life = mortal({ atCall: 1, when: 'after' });
  const asked = life.wrap('provider', { refresh: ask });
  void keepTokenFresh(portsFor(secrets, (secret) => asked.refresh(secret)));
  await life.died;
}

async function expectAlive(provider: IdentityProvider, secrets: TokenPorts['secrets']): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    expect(await keepTokenFresh(portsFor(secrets), { force: true })).toMatchObject({ kind: 'refreshed' });
  }
  expect(provider.report()).toMatchObject({ maxRefreshesInFlight: 1, reusesDetected: 0 });
}

describe('keepTokenFresh against a whole provider', () => {
  it('follows the refresh token from rotation to rotation', async () => {
    const { provider, secrets } = await signedIn(0);
    await expectAlive(provider, secrets);
  });

  it('survives a death between the provider’s answer and the write, within the leeway', async () => {
    const { provider, secrets } = await signedIn(60_000);
    await dieAfterTheAnswer(secrets);
    expect(provider.report().rotations).toBe(1);
    await expectAlive(provider, secrets);
  });

  it('asks for a sign-in after such a death where there is no leeway', async () => {
    const { provider, secrets } = await signedIn(0);
    await dieAfterTheAnswer(secrets);
    expect(await keepTokenFresh(portsFor(secrets))).toMatchObject({ kind: 'rejected', reason: expect.stringContaining('invalid_grant') });
    expect(provider.report().reusesDetected).toBe(1);
  });

  it('gets over an answer that is lost on the way, in the same run', async () => {
    const { provider, secrets } = await signedIn(60_000);
    provider.setFault({ kind: 'answer-lost', times: 2 });
    expect(await keepTokenFresh(portsFor(secrets))).toMatchObject({ kind: 'refreshed' });
    await expectAlive(provider, secrets);
  });
});
