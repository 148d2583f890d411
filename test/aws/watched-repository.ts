import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface WatchedRepository {
  /** The git directory. */
  readonly path: string;
  /** Commits a package-lock.json with exactly these npm packages and returns the commit. */
  commitPackages(packages: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

/** A git repository of its own in a temporary folder, on the branch `main`. */
export async function makeWatchedRepository(): Promise<WatchedRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'safedep-watch-repository-'));
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', args, {
      cwd: folder,
      env: {
        ...process.env,
        // Nothing of the developer's own set-up: no signing, no hooks, no templates.
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_SYSTEM: '/dev/null',
        GIT_AUTHOR_NAME: 'Test',
        GIT_AUTHOR_EMAIL: 'test@example.com',
        GIT_COMMITTER_NAME: 'Test',
        GIT_COMMITTER_EMAIL: 'test@example.com',
      },
    });
    return stdout.trim();
  };
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await git('init', '--quiet', '--initial-branch=main');
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    path: join(folder, '.git'),
    async commitPackages(packages) {
      await mkdir(join(folder, 'service'), { recursive: true });
      await writeFile(join(folder, 'service', 'package-lock.json'), lockFile(packages));
      await git('add', '--all');
      await git('commit', '--quiet', '--message=Change the dependencies');
      return git('rev-parse', 'HEAD');
    },
    remove,
  };
}

function lockFile(packages: Readonly<Record<string, string>>): string {
  const entries = Object.entries(packages).map(([name, version]) => [
    `node_modules/${name}`,
    { version, resolved: `https://registry.npm.example/${name}/-/${name}-${version}.tgz` },
  ]);
  const document = {
    name: 'service',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name: 'service', version: '1.0.0', dependencies: packages }, ...Object.fromEntries(entries) },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
