import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openCredentialStore } from '../../../infra/cli/auth/credential-store.ts';
import type { Keychain } from '../../../infra/cli/auth/keychain.ts';
import type { Profile } from '../../../infra/cli/auth/profile.ts';
import { temporaryFolder } from '../../fakes/temporary-repository.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

let variables: Record<string, string>;
let said: string;
beforeEach(() => {
  variables = { XDG_CONFIG_HOME: join(folder.path, crypto.randomUUID()) };
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

const signIn = (refreshToken: string) => ({
  issuer: 'https://auth.example',
  clientId: 'a-client',
  accessToken: 'canary-access',
  refreshToken,
  expiresAtMs: 1,
});
const path = () => join(variables['XDG_CONFIG_HOME'] ?? '', 'safedep-watch', 'credentials.json');

/** A keychain that answers; `broken` makes it refuse, as one does that was locked. */
function keychain(): Keychain & { readonly entries: Map<string, Profile>; broken: boolean } {
  const entries = new Map<string, Profile>();
  const double = {
    entries,
    broken: false,
    read: async (name: string) => {
      if (double.broken) throw new Error('canary: locked');
      return entries.get(name);
    },
    write: async (name: string, profile: Profile | undefined) => {
      if (double.broken) throw new Error('canary: locked');
      if (profile) entries.set(name, profile);
      else entries.delete(name);
    },
  };
  return double;
}

describe('openCredentialStore', () => {
  it('keeps credentials in the keychain where one answers, and in no file', async () => {
    const chain = keychain();
    const store = await openCredentialStore('default', variables, async () => chain);
    expect(store.place).toBe('the keychain');
    await store.update(async () => ({ signIn: signIn('one') }));
    expect(chain.entries.get('default')).toEqual({ signIn: signIn('one') });
    expect(existsSync(path())).toBe(false);
    expect(said).toBe('');
    await store.update(async () => undefined);
    expect(chain.entries.size).toBe(0);
  });

  it('says once that it keeps them in a file where no keychain answers', async () => {
    const store = await openCredentialStore('default', variables, async () => undefined);
    await store.update(async () => ({ signIn: signIn('one') }));
    await store.update(async (profile) => ({ ...profile, tenantId: 'a.example' }));
    expect(said.split(path())).toHaveLength(2);
    expect(await store.read()).toEqual({ signIn: signIn('one'), tenantId: 'a.example' });
    expect(readdirSync(join(path(), '..'))).toEqual(['credentials.json']);
  });

  it('reads a file of before there was a keychain, and leaves no second copy when it writes', async () => {
    await (await openCredentialStore('default', variables, async () => undefined)).update(async () => ({ signIn: signIn('one') }));
    const chain = keychain();
    const store = await openCredentialStore('default', variables, async () => chain);
    expect(await store.read()).toEqual({ signIn: signIn('one') });
    await store.update(async () => ({ signIn: signIn('two') }));
    expect(chain.entries.get('default')).toEqual({ signIn: signIn('two') });
    expect(existsSync(path())).toBe(false);
  });

  it('asks no keychain where the file is asked for', async () => {
    variables['SAFEDEP_CREDENTIAL_STORE'] = 'file';
    const store = await openCredentialStore('default', variables, () => expect.fail('asked'));
    await store.update(async () => ({ tenantId: 'a.example' }));
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual({ version: 1, profiles: { default: { tenantId: 'a.example' } } });
  });

  it('fails without the keychain’s own words, which may quote an entry', async () => {
    const chain = keychain();
    const store = await openCredentialStore('work', variables, async () => chain);
    chain.broken = true;
    await expect(store.read()).rejects.toThrow('safedep-watch/work cannot be read');
    await expect(store.read()).rejects.not.toThrow('canary');
  });

  it('changes one profile at a time, so that no change is lost', async () => {
    const stores = await Promise.all(
      Array.from({ length: 5 }, (_, index) => openCredentialStore(`profile-${index}`, variables, async () => undefined)),
    );
    await Promise.all(stores.map((store, index) => store.update(async () => ({ tenantId: `${index}.example` }))));
    expect(await Promise.all(stores.map((store) => store.read()))).toEqual(stores.map((_, index) => ({ tenantId: `${index}.example` })));
  });

  it('refuses another kind of store', async () => {
    variables['SAFEDEP_CREDENTIAL_STORE'] = 'vault';
    await expect(openCredentialStore('default', variables)).rejects.toThrow('either keychain');
  });
});
