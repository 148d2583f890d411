import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../infra/cli/auth.ts';
import { authSurroundings, CANARY, type ControlPlaneDouble, startControlPlane, startStackSecrets } from './auth-surroundings.ts';

const surroundings = authSurroundings();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const credentialsPath = () => join(process.env['XDG_CONFIG_HOME'] ?? '', 'safedep-watch', 'credentials.json');
const kept = () => JSON.parse(readFileSync(credentialsPath(), 'utf8')).profiles;
const tokenRequests = () => surroundings.provider.requests.filter(({ path }) => path === '/token');

async function users(tenantIds: readonly string[] | undefined): Promise<ControlPlaneDouble> {
  const controlPlane = await startControlPlane(tenantIds);
  closers.push(controlPlane.close);
  vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', controlPlane.url);
  return controlPlane;
}

/** Signed in; with `leftSeconds` the access token is about to expire, or did. */
async function signedIn(leftSeconds?: number): Promise<void> {
  expect(await run(['login']), surroundings.output.stderr).toBe(0);
  if (leftSeconds !== undefined) {
    const profiles = kept();
    profiles.default.signIn.expiresAtMs = Date.now() + leftSeconds * 1000;
    writeFileSync(credentialsPath(), JSON.stringify({ version: 1, profiles }));
  }
  surroundings.provider.requests.length = 0;
  surroundings.taken('stdout');
  surroundings.taken('stderr');
}

describe('cli auth login', () => {
  it('shows link and code, waits for the confirmation, and keeps the sign-in where only its owner reads it', async () => {
    surroundings.provider.answer('/token', { status: 403, json: { error: 'authorization_pending' } }, surroundings.tokens(1));
    expect(await run(['login']), surroundings.output.stderr).toBe(0);
    expect(surroundings.output.stderr).toContain(`${surroundings.provider.issuer}/activate`);
    expect(surroundings.output.stderr).toContain('ABCD-EFGH');
    expect(surroundings.output.stderr.split(credentialsPath())).toHaveLength(2);
    expect(surroundings.output.stdout).toContain(surroundings.standIn.tenantId);
    expect(kept()).toMatchObject({ default: { tenantId: surroundings.standIn.tenantId, signIn: { refreshToken: `${CANARY}-1` } } });
    expect(statSync(credentialsPath()).mode & 0o777).toBe(0o600);
    expect(statSync(join(credentialsPath(), '..')).mode & 0o777).toBe(0o700);
    expect(surroundings.output.stdout + surroundings.output.stderr).not.toMatch(/canary|eyJ|\p{Cc}\[/u);
  });

  it('keeps several profiles apart', async () => {
    await signedIn();
    surroundings.provider.answer('/token', surroundings.tokens(2));
    vi.stubEnv('SAFEDEP_PROFILE', 'work');
    expect(await run(['login'])).toBe(0);
    vi.stubEnv('SAFEDEP_PROFILE', undefined);
    expect(kept()).toMatchObject({
      default: { signIn: { refreshToken: `${CANARY}-1` } },
      work: { signIn: { refreshToken: `${CANARY}-2` } },
    });
    expect(await run(['logout', '--profile', 'work'])).toBe(0);
    expect(Object.keys(kept())).toEqual(['default']);
  });

  it('asks for the tenant where there are several, and takes it without a second code', async () => {
    await users(['one.example', 'two.example']);
    expect(await run(['login'])).toBe(3);
    expect(surroundings.taken('stderr')).toMatch(/one\.example, two\.example.*--tenant/);
    expect(await run(['login', '--tenant', 'three.example'])).toBe(3);
    expect(surroundings.taken('stderr')).toContain('no access to the tenant three.example');
    expect(await run(['login', '--tenant', 'two.example']), surroundings.output.stderr).toBe(0);
    expect(kept().default.tenantId).toBe('two.example');
    expect(surroundings.provider.requests.filter(({ path }) => path === '/device')).toHaveLength(1);
  });

  it('says what a user can do whom SafeDep does not know, and registers one who asks for it', async () => {
    const controlPlane = await users(undefined);
    expect(await run(['login'])).toBe(3);
    expect(surroundings.taken('stderr')).toContain('--register NAME --organization O --domain D');
    const registration = ['--register', 'Ada', '--organization', 'Acme', '--domain', 'acme.example'];
    expect(await run(['login', ...registration]), surroundings.output.stderr).toBe(0);
    expect(controlPlane.onboarded).toEqual([{ email: 'made-up@stand-in.example', organizationDomain: 'acme.example' }]);
    expect(kept().default.tenantId).toBe('default-team.acme.example');
  });

  it('keeps the sign-in where SafeDep cannot be reached after it', async () => {
    vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', 'http://127.0.0.1:9');
    expect(await run(['login'])).toBe(2);
    expect(surroundings.output.stderr).toContain('You are signed in, but');
    expect(kept().default.signIn.refreshToken).toBe(`${CANARY}-1`);
  });

  it('fails with what to do where the e-mail address is not verified', async () => {
    surroundings.provider.answer('/token', {
      status: 403,
      json: { error: 'access_denied', error_description: 'Please verify your email.' },
    });
    expect(await run(['login'])).toBe(3);
    expect(surroundings.output.stderr).toContain('verify your e-mail address');
  });

  it('ends with 2 where the identity provider does not answer', async () => {
    surroundings.provider.answer('/device', 'cut');
    expect(await run(['login'])).toBe(2);
  });

  it('ends with 130, keeping nothing, when it is interrupted', async () => {
    surroundings.provider.answer('/token', { status: 403, json: { error: 'authorization_pending' } });
    const code = run(['login']);
    await expect.poll(() => tokenRequests().length).toBeGreaterThan(0);
    process.emit('SIGINT');
    expect(await code).toBe(130);
    expect(() => kept()).toThrow('ENOENT');
  });

  it.each([
    [['login', '--json']],
    [['login', '--register', 'Ada']],
    [['login', '--secret-prefix', 'x']],
    [['login', '--service', '--register', 'A', '--organization', 'B', '--domain', 'c.example']],
    [['status', '--tenant', 'x']],
    [['status', 'more']],
    [['status', '--profile', '../x']],
    [[]],
  ])('refuses %j as usage', async (args) => {
    expect(await run(args)).toBe(3);
    expect(surroundings.output.stderr).toContain('usage: npm run cli -- auth');
  });
});

describe('cli auth login --service', () => {
  const REFRESH = 'safedep-watch/safedep-refresh-token';
  const JWT = 'safedep-watch/safedep-service-jwt';

  it('puts the robot user’s tokens into the stack’s secrets and keeps nothing here', async () => {
    const secrets = await startStackSecrets(REFRESH, JWT);
    closers.push(secrets.close);
    expect(await run(['login', '--service']), surroundings.output.stderr).toBe(0);
    const { issuer } = surroundings.provider;
    const { tenantId } = surroundings.standIn;
    expect(secrets.read(REFRESH)).toMatchObject({ issuer, clientId: 'a-client', refreshToken: `${CANARY}-1`, tenantId });
    expect(secrets.read(JWT)).toMatchObject({ accessToken: expect.stringMatching(/^eyJ/), tenantId, expiresAt: expect.any(String) });
    expect(() => kept()).toThrow('ENOENT');
    expect(surroundings.output.stdout + surroundings.output.stderr).not.toMatch(/canary|eyJ/);
  });

  it('asks nobody to sign in where there is no such stack', async () => {
    const secrets = await startStackSecrets(JWT);
    closers.push(secrets.close);
    expect(await run(['login', '--service'])).toBe(2);
    expect(surroundings.output.stderr).toContain(`no secret ${REFRESH}`);
    expect(surroundings.provider.requests).toEqual([]);
  });

  it('revokes a sign-in that it could not keep', async () => {
    const secrets = await startStackSecrets('other/safedep-refresh-token', 'other/safedep-service-jwt');
    closers.push(secrets.close);
    await users(['one.example', 'two.example']);
    expect(await run(['login', '--service', '--secret-prefix', 'other'])).toBe(3);
    expect(surroundings.provider.requests.at(-1)).toMatchObject({ path: '/revoke', parameters: { token: `${CANARY}-1` } });
    expect(await run(['login', '--service', '--secret-prefix', 'other', '--tenant', 'one.example'])).toBe(0);
    expect(secrets.read('other/safedep-refresh-token')).toMatchObject({ tenantId: 'one.example' });
  });
});

describe('cli auth token', () => {
  it('prints the raw token alone', async () => {
    await signedIn();
    expect(await run(['token'])).toBe(0);
    expect(surroundings.taken('stdout')).toBe(`${kept().default.signIn.accessToken}\n`);
    expect(tokenRequests()).toEqual([]);
  });

  it('refreshes a token that is about to expire, and keeps the rotated refresh token', async () => {
    await signedIn(30);
    surroundings.provider.answer('/token', surroundings.tokens(2));
    expect(await run(['token']), surroundings.output.stderr).toBe(0);
    expect(tokenRequests()).toMatchObject([{ parameters: { grant_type: 'refresh_token', refresh_token: `${CANARY}-1` } }]);
    expect(kept().default.signIn.refreshToken).toBe(`${CANARY}-2`);
    expect(await run(['token'])).toBe(0);
    expect(tokenRequests()).toHaveLength(1);
  });

  it('spends a refresh token once, however many commands run at once', async () => {
    await signedIn(-10);
    surroundings.provider.answer('/token', surroundings.tokens(2), { status: 403, json: { error: 'invalid_grant' } });
    const program = join(import.meta.dirname, '../../../infra/cli/main.ts');
    const codes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, [program, 'auth', 'token'], { stdio: 'ignore', env: process.env });
        return (await once(child, 'exit'))[0] as number;
      }),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(tokenRequests()).toHaveLength(1);
  });

  it('takes over the lock of a command that died', async () => {
    await signedIn(-10);
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const { hostname } = await import('node:os');
    const lock = { id: 'gone', pid: dead.pid, host: hostname(), atMs: Date.now() };
    writeFileSync(join(credentialsPath(), '..', 'credentials.lock'), JSON.stringify(lock));
    surroundings.provider.answer('/token', surroundings.tokens(2));
    expect(await run(['token']), surroundings.output.stderr).toBe(0);
  });

  it('tries once more at once where the answer was lost on the way', async () => {
    await signedIn(-10);
    surroundings.provider.answer('/token', 'cut', surroundings.tokens(2));
    expect(await run(['token']), surroundings.output.stderr).toBe(0);
    expect(tokenRequests()).toHaveLength(2);
    expect(kept().default.signIn.refreshToken).toBe(`${CANARY}-2`);
  });

  it('asks for a new sign-in where the refresh is rejected, and says what it cannot reach', async () => {
    await signedIn(-10);
    surroundings.provider.answer('/token', { status: 403, json: { error: 'invalid_grant', error_description: `no ${CANARY}-1` } });
    expect(await run(['token'])).toBe(3);
    expect(surroundings.output.stderr).toMatch(/sign-in is over.*auth login/);
    surroundings.provider.answer('/token', { status: 500, text: '' });
    expect(await run(['token'])).toBe(2);
    expect(surroundings.output.stderr).not.toContain('canary');
    expect(surroundings.output.stdout).toBe('');
  });

  it('refuses without a sign-in, also with an API key in the environment', async () => {
    expect(await run(['token'])).toBe(3);
    vi.stubEnv('SAFEDEP_API_KEY', 'sfd_canary');
    vi.stubEnv('SAFEDEP_TENANT_ID', 'a.example');
    expect(await run(['token'])).toBe(3);
    vi.stubEnv('SAFEDEP_API_KEY', undefined);
    vi.stubEnv('SAFEDEP_TENANT_ID', undefined);
    expect(surroundings.output.stderr).toContain('Nobody is signed in');
    expect(surroundings.output.stderr).not.toContain('canary');
  });
});

describe('cli auth status, whoami, verify, logout', () => {
  it('shows what is there, for people and for machines, and no secret', async () => {
    expect(await run(['status'])).toBe(3);
    await signedIn();
    expect(await run(['status'])).toBe(0);
    expect(surroundings.taken('stdout')).toMatch(
      /Signed in as made-up@stand-in\.example at http.*tenant default-team\.stand-in.*good until 20/,
    );
    expect(await run(['status', '--json'])).toBe(0);
    expect(JSON.parse(surroundings.output.stdout)).toMatchObject({
      version: 1,
      profile: 'default',
      environment: null,
      stored: { place: credentialsPath(), tenantId: surroundings.standIn.tenantId, apiKeyId: null },
    });
    expect(surroundings.provider.requests).toEqual([]);
    expect(surroundings.output.stdout).not.toMatch(/canary|eyJ/);
  });

  it('says who SafeDep takes the sign-in for', async () => {
    await signedIn();
    expect(await run(['whoami'])).toBe(0);
    expect(surroundings.taken('stdout')).toBe(`Made Up <made-up@stand-in.example>\n  ${surroundings.standIn.tenantId}  owner  (in use)\n`);
    expect(await run(['whoami', '--json'])).toBe(0);
    expect(JSON.parse(surroundings.output.stdout).tenants).toEqual([
      { tenantId: surroundings.standIn.tenantId, level: 'OWNER', current: true },
    ]);
  });

  it('pings each plane with what there is', async () => {
    expect(await run(['verify'])).toBe(3);
    await signedIn();
    vi.stubEnv('SAFEDEP_API_KEY', surroundings.standIn.apiKey);
    vi.stubEnv('SAFEDEP_TENANT_ID', surroundings.standIn.tenantId);
    expect(await run(['verify']), surroundings.output.stderr).toBe(0);
    expect(surroundings.taken('stdout').match(/^(data|control) plane \(127\.0\.0\.1:\d+\), .*: accepted in \d+ ms$/gm)).toHaveLength(3);
    vi.stubEnv('SAFEDEP_API_KEY', 'sfd_canary');
    expect(await run(['verify', '--json'])).toBe(3);
    const { checks } = JSON.parse(surroundings.output.stdout);
    expect(checks.map(({ accepted }: { accepted: boolean }) => accepted)).toEqual([false, true, true]);
    expect(surroundings.output.stdout).not.toMatch(/canary|eyJ/);
    vi.stubEnv('SAFEDEP_DATA_PLANE_URL', 'http://127.0.0.1:9');
    vi.stubEnv('SAFEDEP_API_KEY', undefined);
    vi.stubEnv('SAFEDEP_TENANT_ID', undefined);
    expect(await run(['verify'])).toBe(2);
  });

  it('revokes the sign-in and forgets it', async () => {
    await signedIn();
    expect(await run(['logout'])).toBe(0);
    expect(surroundings.provider.requests).toMatchObject([{ path: '/revoke', parameters: { token: `${CANARY}-1` } }]);
    expect(() => kept()).toThrow('ENOENT');
  });

  it('forgets it also where the provider cannot be told, and says so', async () => {
    await signedIn();
    surroundings.provider.answer('/revoke', 'cut');
    expect(await run(['logout'])).toBe(2);
    expect(surroundings.output.stderr).toContain('was not told');
    expect(() => kept()).toThrow('ENOENT');
  });

  it('leaves a file alone that it does not understand', async () => {
    await signedIn();
    writeFileSync(credentialsPath(), `{"version": 9, "canary": "${CANARY}"}`);
    expect(await run(['login'])).toBe(3);
    expect(surroundings.output.stderr).toContain(credentialsPath());
    expect(surroundings.output.stderr).not.toContain('canary');
    expect(readFileSync(credentialsPath(), 'utf8')).toContain(CANARY);
  });
});
