import { parse } from 'valibot';
import { type Profile, profileSchema } from './profile.ts';

const SERVICE = 'safedep-watch';

/** The first question to the keychain, in milliseconds: it may have to ask a person to unlock it. */
const KEYCHAIN_TIMEOUT_MS = 60_000;

/** One entry a profile. Methods reject with what the keychain says. */
export interface Keychain {
  read(profileName: string): Promise<Profile | undefined>;
  write(profileName: string, profile: Profile | undefined): Promise<void>;
}

/**
 * The keychain of the operating system: macOS' Keychain, Windows' Credential Manager, the Secret Service elsewhere. `undefined` where
 * none answers. The kernel's own keyring is not taken for one: what it holds is gone after a restart.
 */
export async function openKeychain(profileName: string): Promise<Keychain | undefined> {
  try {
    const { AsyncEntry } = await import('@napi-rs/keyring');
    const entry = (name: string) => new AsyncEntry(SERVICE, name, { linux: { store: 'secret-service' } });
    const patience = () => AbortSignal.timeout(KEYCHAIN_TIMEOUT_MS);
    await entry(profileName).getSecret(patience());
    return {
      read: async (name) => {
        const secret = await entry(name).getSecret(patience());
        return secret ? parse(profileSchema, JSON.parse(Buffer.from(secret).toString('utf8'))) : undefined;
      },
      write: async (name, profile) => {
        if (profile) await entry(name).setSecret(Buffer.from(JSON.stringify(profile)), patience());
        else await entry(name).deleteCredential(patience());
      },
    };
  } catch {
    return undefined; // no library for this platform, no keychain, or one that stays locked: the file is used, and that is said
  }
}
