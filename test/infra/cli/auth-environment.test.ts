import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../infra/cli/auth.ts';
import { authSurroundings } from './auth-surroundings.ts';

const surroundings = authSurroundings();

describe('credentials of the environment', () => {
  const set = (variables: Record<string, string | undefined>) => {
    for (const name of ['SAFEDEP_API_KEY', 'SAFEDEP_TENANT_ID', 'SAFEDEP_ACCESS_TOKEN', 'VET_API_KEY', 'VET_CONTROL_TOWER_TENANT_ID'])
      vi.stubEnv(name, variables[name]);
  };
  afterEach(() => set({}));

  it.each([
    [{ SAFEDEP_API_KEY: 'sfd_canary' }, 'set SAFEDEP_TENANT_ID'],
    [{ VET_API_KEY: 'sfd_canary', SAFEDEP_TENANT_ID: '' }, 'VET_API_KEY is set without its tenant'],
    [{ SAFEDEP_TENANT_ID: 'a.example' }, 'set SAFEDEP_API_KEY'],
    [{ SAFEDEP_ACCESS_TOKEN: 'canary' }, 'set SAFEDEP_TENANT_ID'],
  ])('refuses half a credential: %j', async (variables, said) => {
    set(variables);
    expect(await run(['verify'])).toBe(3);
    expect(surroundings.output.stderr).toContain(said);
    expect(surroundings.output.stderr).not.toContain('canary');
  });

  it('takes the scanner’s own names before SafeDep’s', async () => {
    set({ VET_API_KEY: surroundings.standIn.apiKey, SAFEDEP_API_KEY: 'sfd_other', SAFEDEP_TENANT_ID: surroundings.standIn.tenantId });
    expect(await run(['verify']), surroundings.output.stdout).toBe(0);
    set({
      SAFEDEP_API_KEY: surroundings.standIn.apiKey,
      VET_CONTROL_TOWER_TENANT_ID: 'other.example',
      SAFEDEP_TENANT_ID: surroundings.standIn.tenantId,
    });
    expect(await run(['verify'])).toBe(3);
  });

  it('prefers the environment’s access token to the stored sign-in, and refuses one that has expired', async () => {
    expect(await run(['login']), surroundings.output.stderr).toBe(0);
    surroundings.taken('stdout');
    const { accessToken, tenantId, issueToken } = surroundings.standIn;
    set({ SAFEDEP_ACCESS_TOKEN: accessToken, SAFEDEP_TENANT_ID: tenantId });
    expect(await run(['token'])).toBe(0);
    expect(surroundings.output.stdout).toBe(`${accessToken}\n`);
    set({ SAFEDEP_ACCESS_TOKEN: issueToken(1_000_000), SAFEDEP_TENANT_ID: tenantId });
    expect(await run(['whoami'])).toBe(3);
    expect(surroundings.output.stderr).toContain('SAFEDEP_ACCESS_TOKEN expired at 1970');
  });

  it.each([
    ['SAFEDEP_CONTROL_PLANE_URL', 'http://cloud.safedep.example', 'use https://'],
    ['SAFEDEP_ISSUER', 'ftp://canary@auth.safedep.example', 'SAFEDEP_ISSUER'],
    ['SAFEDEP_TRANSPORT', 'pigeon', 'SAFEDEP_TRANSPORT'],
    ['SAFEDEP_CA_FILE', '/nowhere/ca.pem', 'SAFEDEP_CA_FILE'],
    ['SAFEDEP_PROFILE', 'no/such', 'name of a profile'],
  ])('refuses %s=%s before anybody is asked', async (name, value, said) => {
    vi.stubEnv(name, value);
    expect(await run(['login'])).toBe(3);
    vi.stubEnv(name, undefined);
    expect(surroundings.output.stderr).toContain(said);
    expect(surroundings.output.stderr).not.toContain('canary');
    expect(surroundings.provider.requests).toEqual([]);
  });

  it('says where credentials cannot be read, and where they cannot be kept', async () => {
    const file = join(surroundings.configHome, 'a-file');
    writeFileSync(file, '');
    vi.stubEnv('XDG_CONFIG_HOME', file);
    expect(await run(['login'])).toBe(3);
    expect(surroundings.taken('stderr')).toMatch(/cannot be read \(ENOTDIR\)/);
    vi.stubEnv('XDG_CONFIG_HOME', surroundings.configHome);
    const inTheWay = join(surroundings.configHome, 'safedep-watch', `credentials.json.${process.pid}`);
    mkdirSync(inTheWay, { recursive: true });
    expect(await run(['login'])).toBe(3);
    rmdirSync(inTheWay);
    expect(surroundings.output.stderr).toMatch(/cannot be written \(EISDIR\); nothing was kept/);
  });
});
