import { existsSync } from 'node:fs';
import { CommandError, say } from '../command.ts';
import { configFolder, createCredentialFile } from './credential-file.ts';
import { type Keychain, openKeychain } from './keychain.ts';
import type { Profile } from './profile.ts';
import { withStoreLock } from './store-lock.ts';

/** Where one profile's credentials are kept on this machine. Throws `CommandError` for what cannot be read or kept. */
export interface CredentialStore {
  /** For sentences: `the keychain`, or the file's path. */
  readonly place: string;
  /** `undefined`: nothing is kept. */
  read(): Promise<Profile | undefined>;
  /**
   * Keeps what `change` makes of what is there, while no other process changes it; `undefined` takes it away wherever it is, the same
   * object leaves it. Resolves to what is kept now.
   */
  update(change: (profile: Profile | undefined) => Promise<Profile | undefined>): Promise<Profile | undefined>;
}

/**
 * The keychain where one answers, else a file that only its owner can read, which is said when that file is made.
 * `SAFEDEP_CREDENTIAL_STORE=file` asks for the file: for machines where nobody can unlock a keychain.
 */
export async function openCredentialStore(
  profileName: string,
  variables: NodeJS.ProcessEnv,
  open: (profileName: string) => Promise<Keychain | undefined> = openKeychain,
): Promise<CredentialStore> {
  const wanted = variables['SAFEDEP_CREDENTIAL_STORE'] || 'keychain';
  if (wanted !== 'keychain' && wanted !== 'file')
    throw new CommandError('SAFEDEP_CREDENTIAL_STORE is either keychain, the default, or file.');
  const folder = configFolder(variables);
  const file = createCredentialFile(folder);
  const keychain = wanted === 'keychain' ? await open(profileName) : undefined;

  // A sign-in of a time when no keychain answered is still a sign-in.
  const read = async () => (keychain && (await fromKeychain(keychain, profileName))) ?? (await file.read(profileName));

  async function write(profile: Profile): Promise<void> {
    if (keychain) {
      await toKeychain(keychain, profileName, profile);
      // Two copies of a refresh token that rotates would be one too many.
      if (await file.read(profileName)) await file.write(profileName, undefined);
      return;
    }
    const isNew = !existsSync(file.path);
    await file.write(profileName, profile);
    const why = wanted === 'file' ? 'As SAFEDEP_CREDENTIAL_STORE asks' : 'No keychain answers here';
    if (isNew) say(`${why}: the credentials are kept in ${file.path}, readable by you only.`);
  }

  async function remove(): Promise<void> {
    if (keychain && (await fromKeychain(keychain, profileName))) await toKeychain(keychain, profileName, undefined);
    if (await file.read(profileName)) await file.write(profileName, undefined);
  }

  return {
    place: keychain ? 'the keychain' : file.path,
    read,
    update: (change) =>
      withStoreLock(folder, async () => {
        const before = await read();
        const after = await change(before);
        if (after === undefined) await remove();
        else if (after !== before) await write(after);
        return after;
      }),
  };
}

async function fromKeychain(keychain: Keychain, profileName: string): Promise<Profile | undefined> {
  try {
    return await keychain.read(profileName);
  } catch {
    // Neither the keychain's nor the parser's words are shown: they may quote what stands there.
    throw new CommandError(
      `The keychain's entry safedep-watch/${profileName} cannot be read: unlock the keychain, or delete the entry and run: npm run cli -- auth login`,
    );
  }
}

async function toKeychain(keychain: Keychain, profileName: string, profile: Profile | undefined): Promise<void> {
  try {
    await keychain.write(profileName, profile);
  } catch {
    throw new CommandError(
      `The keychain takes no entry safedep-watch/${profileName}; nothing was kept. SAFEDEP_CREDENTIAL_STORE=file keeps it in a file instead: run npm run cli -- auth login again.`,
    );
  }
}
