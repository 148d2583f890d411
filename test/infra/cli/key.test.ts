import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { run as auth } from '../../../infra/cli/auth.ts';
import { run } from '../../../infra/cli/key.ts';
import { authSurroundings, startStackSecrets } from './auth-surroundings.ts';

const surroundings = authSurroundings();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const SECRET = 'safedep-watch/safedep-api-key';
const keptKey = () =>
  JSON.parse(readFileSync(join(process.env['XDG_CONFIG_HOME'] ?? '', 'safedep-watch', 'credentials.json'), 'utf8')).profiles.default.apiKey;

async function signIn(): Promise<void> {
  expect(await auth(['login']), surroundings.output.stderr).toBe(0);
  surroundings.taken('stdout');
  surroundings.taken('stderr');
}

async function done(...args: string[]): Promise<string> {
  surroundings.taken('stdout');
  expect(await run(args), surroundings.output.stderr).toBe(0);
  return surroundings.taken('stdout');
}

/** Without the key that the stand-in comes with. */
const listed = async () => {
  const keys = JSON.parse(await done('list', '--json')).keys as { keyId: string; name: string; expiresAt: string }[];
  return keys.filter(({ name }) => name !== 'first');
};

async function stackSecret() {
  const secrets = await startStackSecrets(SECRET);
  closers.push(secrets.close);
  return secrets;
}

describe('cli key', () => {
  it('shows a new key once, alone on standard output, and lists and deletes it without', async () => {
    await signIn();
    const key = await done('create', '--name', 'ci of acme', '--description', 'for\u001b[31m tests');
    expect(key).toMatch(/^sfd_[0-9a-f]+\n$/);
    expect(surroundings.output.stderr).not.toContain(key.trim());
    const [only] = await listed();
    expect(only).toMatchObject({ name: 'ci of acme' });
    const days = (Date.parse(only?.expiresAt ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(90);
    const table = await done('list');
    expect(table).toMatch(/^id +name +expires +description\n/);
    expect(table).toContain('for\\u{1b}[31m tests');
    expect(table).not.toContain('sfd_');
    await done('delete', only?.keyId ?? '');
    expect(await done('list')).not.toContain('ci of acme');
    expect(await run(['delete', only?.keyId ?? ''])).toBe(3);
  });

  it('keeps a key with the sign-in instead of showing it, and verify uses it', async () => {
    await signIn();
    expect(await done('create', '--name', 'mine', '--save', '--expires-in-days', '7')).toBe('');
    const { key, keyId } = keptKey();
    expect(await auth(['verify'])).toBe(0);
    expect(surroundings.taken('stdout')).toMatch(/stored API key: accepted/);
    expect(surroundings.output.stderr).not.toContain(key);
    await done('delete', keyId);
    expect(keptKey()).toBeUndefined();
  });

  it('puts a key into the stack’s secret instead of showing it', async () => {
    await signIn();
    const secrets = await stackSecret();
    expect(await done('create', '--name', 'workers', '--save-secret')).toBe('');
    const [only] = await listed();
    expect(secrets.read(SECRET)).toEqual({
      apiKey: expect.stringMatching(/^sfd_/),
      tenantId: surroundings.standIn.tenantId,
      keyId: only?.keyId,
      expiresAt: only?.expiresAt,
    });
    expect(surroundings.output.stderr).not.toContain('sfd_');
  });

  it('makes no key where the stack has no secret for it', async () => {
    await signIn();
    const secrets = await startStackSecrets();
    closers.push(secrets.close);
    expect(await run(['create', '--name', 'workers', '--save-secret'])).toBe(2);
    expect(await listed()).toEqual([]);
  });

  it('rotates the kept key: the new one works before the old one goes', async () => {
    await signIn();
    await done('create', '--name', 'mine', '--save');
    const old = keptKey();
    await done('rotate');
    expect(surroundings.output.stderr).toContain(`key delete ${old.keyId}`);
    expect((await listed()).map(({ keyId }) => keyId)).toEqual([old.keyId, keptKey().keyId]);
    const second = keptKey();
    expect(second.key).not.toBe(old.key);
    await done('rotate', '--yes');
    expect((await listed()).map(({ keyId }) => keyId)).toEqual([old.keyId, keptKey().keyId]);
    expect(await auth(['verify'])).toBe(0);
    expect(surroundings.output.stdout + surroundings.output.stderr).not.toMatch(/sfd_|canary/);
  });

  it('rotates the key of the stack’s secret, also a first time and over one whose id nobody knows', async () => {
    await signIn();
    const secrets = await stackSecret();
    await done('rotate', '--save-secret', '--yes');
    const first = secrets.read(SECRET) as { keyId: string };
    await done('rotate', '--save-secret', '--yes');
    const second = secrets.read(SECRET) as { keyId: string };
    expect((await listed()).map(({ keyId }) => keyId)).toEqual([second.keyId]);
    expect(second.keyId).not.toBe(first.keyId);
  });

  it('keeps the old key and deletes the new one where the new one does not work', async () => {
    await signIn();
    await done('create', '--name', 'mine', '--save');
    const old = keptKey();
    vi.stubEnv('SAFEDEP_DATA_PLANE_URL', 'http://127.0.0.1:9');
    expect(await run(['rotate', '--yes'])).toBe(2);
    expect(surroundings.output.stderr).toContain('the old one is still in use');
    expect((await listed()).map(({ keyId }) => keyId)).toEqual([old.keyId]);
    expect(keptKey()).toEqual(old);
  });

  it('refuses without a sign-in, and what SafeDep would refuse', async () => {
    expect(await run(['list'])).toBe(3);
    expect(surroundings.taken('stderr')).toContain('auth login');
    await signIn();
    expect(await run(['create', '--name', 'ab'])).toBe(3);
    expect(surroundings.taken('stderr')).toContain('3 to 255 characters');
  });

  it('ends with 2 where SafeDep cannot be reached', async () => {
    await signIn();
    vi.stubEnv('SAFEDEP_CONTROL_PLANE_URL', 'http://127.0.0.1:9');
    expect(await run(['list'])).toBe(2);
  });

  it.each([
    [[]],
    [['create']],
    [['delete']],
    [['list', 'more']],
    [['list', '--yes']],
    [['create', '--name', 'abc', '--expires-in-days', '366']],
    [['create', '--name', 'abc', '--save', '--save-secret']],
    [['rotate', '--secret-prefix', 'x']],
  ])('refuses %j as usage', async (args) => {
    expect(await run(args)).toBe(3);
    expect(surroundings.output.stderr).toContain('usage: npm run cli -- key');
  });
});
