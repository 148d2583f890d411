import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { CommandError } from '../command.ts';
import { type Profile, profileSchema } from './profile.ts';

const FILE_VERSION = 1;
const documentSchema = v.object({ version: v.literal(FILE_VERSION), profiles: v.record(v.string(), profileSchema) });

/** Where this user's credentials stand: below `XDG_CONFIG_HOME`, or the usual place. */
export function configFolder(variables: NodeJS.ProcessEnv): string {
  return join(variables['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'safedep-watch');
}

/** Makes the folder, readable by its owner only. Throws `CommandError`. */
export async function makeConfigFolder(folder: string): Promise<void> {
  await writing(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  });
}

export interface CredentialFile {
  readonly path: string;
  read(profileName: string): Promise<Profile | undefined>;
  /** `undefined` takes the profile away. Whole or not at all, mode 0600. */
  write(profileName: string, profile: Profile | undefined): Promise<void>;
}

/** Credentials in a file. A file that is no such file is an error, never overwritten. */
export function createCredentialFile(folder: string): CredentialFile {
  const path = join(folder, 'credentials.json');

  async function readAll(): Promise<Record<string, Profile>> {
    let content: string;
    try {
      content = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw new CommandError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    }
    const parsed = v.safeParse(documentSchema, jsonOf(content));
    if (parsed.success) return parsed.output.profiles;
    // What is wrong is not quoted: it stands among secrets.
    throw new CommandError(`${path} is no file of credentials of this version: move it away and run: npm run cli -- auth login`);
  }

  return {
    path,
    read: async (profileName) => {
      const profiles = await readAll();
      return Object.hasOwn(profiles, profileName) ? profiles[profileName] : undefined;
    },
    write: async (profileName, profile) => {
      const { [profileName]: _former, ...others } = await readAll();
      const profiles = profile ? { ...others, [profileName]: profile } : others;
      if (Object.keys(profiles).length === 0) {
        await rm(path, { force: true });
        return;
      }
      await makeConfigFolder(folder);
      const aside = `${path}.${process.pid}`;
      await writing(path, async () => {
        const file = await open(aside, 'w', 0o600);
        try {
          await file.chmod(0o600);
          await file.writeFile(`${JSON.stringify({ version: FILE_VERSION, profiles }, null, 2)}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(aside, path);
      });
    },
  };
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new CommandError(
      `${path} cannot be written (${(error as NodeJS.ErrnoException).code}); nothing was kept. XDG_CONFIG_HOME names another place.`,
    );
  }
}

function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined; // the caller says that it is no such file
  }
}
