import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run as auth } from '../../../infra/cli/auth.ts';
import { run as key } from '../../../infra/cli/key.ts';
import { run as query } from '../../../infra/cli/query.ts';
import type { IdentityProvider } from '../../../infra/local/safedep/identity-provider/identity-provider.ts';
import { NEWCOMER, PERSON } from '../../../infra/local/safedep/identity-provider/users.ts';
import { type SafeDepStandIn, startSafeDepStandIn } from '../../../infra/local/safedep/stand-in.ts';
import { authSurroundings } from './auth-surroundings.ts';

const surroundings = authSurroundings();
let whole: SafeDepStandIn;
let provider: IdentityProvider;

beforeEach(async () => {
  whole = await startSafeDepStandIn({ identityProvider: { pollIntervalSeconds: 0 } });
  if (!whole.identityProvider) expect.fail('the stand-in has no identity provider');
  provider = whole.identityProvider;
  vi.stubEnv('SAFEDEP_ISSUER', provider.issuer);
  vi.stubEnv('SAFEDEP_CLIENT_ID', provider.clientId);
  vi.stubEnv('SAFEDEP_DATA_PLANE_URL', whole.url);
  vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', whole.controlPlaneUrl);
});
afterEach(() => whole.close());

const path = () => join(process.env['XDG_CONFIG_HOME'] ?? '', 'safedep-watch', 'credentials.json');
const kept = () => JSON.parse(readFileSync(path(), 'utf8')).profiles.default;

/** Runs the login and does at the provider's page what its person would. */
async function login(user: typeof PERSON, ...args: string[]): Promise<number> {
  const code = auth(['login', ...args]);
  await expect.poll(() => surroundings.output.stderr).toContain('confirm the code');
  const [, userCode = ''] = /confirm the code (\S+),/.exec(surroundings.output.stderr) ?? [];
  await provider.approve(userCode, user);
  return code;
}

describe('cli auth, key and query against the whole stand-in', () => {
  it('signs in, works on both planes, refreshes, and signs out, with no secret in any output but where it is asked for', async () => {
    expect(await login(PERSON, '--tenant', whole.tenantId), surroundings.output.stderr).toBe(0);
    const { accessToken, refreshToken } = kept().signIn;
    expect(await auth(['whoami'])).toBe(0);
    expect(surroundings.output.stdout).toContain(PERSON.email);
    expect(await auth(['verify']), surroundings.output.stdout).toBe(0);
    expect(await key(['create', '--name', 'mine', '--save']), surroundings.output.stderr).toBe(0);
    const made = kept().apiKey.key;
    expect(await auth(['verify', '--json'])).toBe(0);
    expect(await key(['list'])).toBe(0);
    expect(await query(['--schema']), surroundings.output.stderr).toBe(0);
    expect(await query(['SELECT nonsense'])).toBe(3);

    writeFileSync(path(), readFileSync(path(), 'utf8').replace(/"expiresAtMs": \d+/, '"expiresAtMs": 1'));
    expect(await auth(['whoami', '--json']), surroundings.output.stderr).toBe(0);
    const refreshed = kept().signIn;
    expect(refreshed.refreshToken).not.toBe(refreshToken);
    expect(provider.report()).toMatchObject({ rotations: 1, maxRefreshesInFlight: 1 });
    expect(await auth(['status'])).toBe(0);
    expect(await auth(['logout'])).toBe(0);
    expect(provider.report().refreshTokens).toEqual([]);

    const everything = surroundings.output.stdout + surroundings.output.stderr;
    for (const secret of [accessToken, refreshToken, made, refreshed.accessToken, refreshed.refreshToken]) {
      expect(everything).not.toContain(secret);
    }
  });

  it('registers a user whom SafeDep does not know yet, after saying so', async () => {
    expect(await login(NEWCOMER)).toBe(3);
    expect(surroundings.taken('stderr')).toContain('--register NAME --organization O --domain D');
    expect(
      await auth(['login', '--register', 'New', '--organization', 'Acme', '--domain', 'acme.example']),
      surroundings.output.stderr,
    ).toBe(0);
    expect(kept().tenantId).toContain('acme');
    expect(await auth(['verify']), surroundings.output.stdout).toBe(0);
  });
});
