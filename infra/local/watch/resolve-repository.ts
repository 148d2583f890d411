import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import { runGit } from '../../../shared/scm/git/run-git.ts';
import { openGitSource } from '../../../shared/scm/git/source.ts';

/** A repository of this machine as the pipeline knows it, and where git keeps its parts. */
export interface LocalRepository {
  readonly host: 'localhost';
  /** Digest of `path`: the same at every start, another for another work tree. */
  readonly repositoryId: string;
  /** The folder's name; with its parents' where two would have the same. */
  readonly name: string;
  /** Real path of the work tree's root, or of the bare repository. */
  readonly path: string;
  readonly isBare: boolean;
  /** Holds this work tree's HEAD. */
  readonly gitDirectory: string;
  /** Holds the refs; another folder than `gitDirectory` for a linked work tree. */
  readonly commonDirectory: string;
}

/** A path that cannot be watched, in one sentence for the person who gave it. */
export class RepositoryError extends Error {
  override readonly name = 'RepositoryError';
}

/** The repositories at these paths, each once, with names that tell them apart. Throws `RepositoryError`. */
export async function resolveRepositories(paths: readonly string[]): Promise<readonly LocalRepository[]> {
  const byPath = new Map<string, LocalRepository>();
  for (const path of paths) {
    const repository = await resolveRepository(path);
    byPath.set(repository.path, repository);
  }
  const repositories = [...byPath.values()];
  return repositories.map((repository) => ({ ...repository, name: distinctName(repository, repositories) }));
}

/** The repository at a path: a work tree, a folder in one, or a bare repository; with at least one commit. Throws `RepositoryError`. */
export async function resolveRepository(givenPath: string): Promise<LocalRepository> {
  const folder = await realFolder(givenPath);
  const found = await runGit({ folder, upward: true }, ['rev-parse', '--absolute-git-dir']);
  if (!found.ok) {
    if (found.gitMissing) throw new RepositoryError('git was not found on the PATH; install git and try again.');
    if (/not a git repository/i.test(found.reason)) throw new RepositoryError(`${givenPath} is not a git repository, nor in one.`);
    throw new RepositoryError(`The git repository at ${givenPath} could not be opened: ${found.reason}.`);
  }
  const gitDirectory = line(found.stdout);
  const topLevel = await runGit({ folder, upward: true }, ['rev-parse', '--show-toplevel']);
  const common = await runGit({ folder, upward: true }, ['rev-parse', '--git-common-dir']);
  const commonDirectory = common.ok ? resolve(folder, line(common.stdout)) : gitDirectory;

  // Git names no top level inside of a `.git` folder.
  const isBare = !topLevel.ok && basename(gitDirectory) !== '.git';
  const path = await realpath(topLevel.ok ? line(topLevel.stdout) : isBare ? gitDirectory : dirname(gitDirectory));
  await refuseWithoutCommit(givenPath, path);
  return {
    host: 'localhost',
    repositoryId: createHash('sha256').update(path).digest('hex').slice(0, 16),
    name: nameOf(path, 1),
    path,
    isBare,
    gitDirectory,
    commonDirectory,
  };
}

async function realFolder(givenPath: string): Promise<string> {
  try {
    const folder = await realpath(givenPath);
    if ((await stat(folder)).isDirectory()) return folder;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new RepositoryError(`There is no folder ${givenPath}.`);
    throw new RepositoryError(`The folder ${givenPath} could not be opened (${String(code ?? error)}).`);
  }
  throw new RepositoryError(`${givenPath} is a file; name the folder of a git repository.`);
}

async function refuseWithoutCommit(givenPath: string, path: string): Promise<void> {
  const source = openGitSource({ name: nameOf(path, 1), path });
  const description = await source.describe();
  const head = description.kind === 'repository' ? await source.head(description.defaultBranch) : description;
  if (head.kind === 'commit') return;
  if (head.kind === 'unreadable') throw new RepositoryError(`${givenPath} cannot be read: ${head.reason}.`);
  const branches = await runGit({ folder: path, upward: false }, ['for-each-ref', '--count=1', '--format=%(refname:short)', 'refs/heads/']);
  const other = branches.ok ? line(branches.stdout) : '';
  if (!other || description.kind !== 'repository') throw new RepositoryError(`${givenPath} has no commits yet; commit something first.`);
  throw new RepositoryError(
    `The HEAD of ${givenPath} is ${description.defaultBranch}, which has no commits; check out another branch, such as ${other}.`,
  );
}

const line = (output: Buffer): string => output.toString().replace(/\r?\n$/, '');

/** The last folders of a path, a bare repository's without its `.git`. */
function nameOf(path: string, folders: number): string {
  const parts = path.split(sep).filter((part) => part !== '');
  return (
    parts
      .slice(-folders)
      .join('/')
      .replace(/\.git$/, '') || path
  );
}

/** As many folders as it takes to be the only one of this name; beyond the root the paths themselves differ. */
function distinctName(repository: LocalRepository, all: readonly LocalRepository[]): string {
  const depth = repository.path.split(sep).length;
  for (let folders = 1; folders <= depth; folders += 1) {
    const name = nameOf(repository.path, folders);
    if (all.filter(({ path }) => nameOf(path, folders) === name).length === 1) return name;
  }
  return repository.path;
}
