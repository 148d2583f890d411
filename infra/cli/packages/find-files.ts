import { type Dirent, existsSync } from 'node:fs';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type ReadFile, UNLOCKED } from '../../../shared/manifests/format.ts';
import { findLockFiles, formatOf, formatOnRequest, isIgnored } from '../../../shared/manifests/registry.ts';
import type { ReadingSettings } from '../../../shared/model/settings/settings.ts';

/** A file to read, and the folder that stands for its repository. */
export interface FoundFile {
  /** As it is shown: what was given, or a path below it. */
  readonly shown: string;
  /** Absolute. */
  readonly root: string;
  /** Below the root, with `/`. */
  readonly path: string;
}

export interface FoundFiles {
  readonly files: readonly FoundFile[];
  /** What was met and not read, each with its reason. */
  readonly notes: readonly string[];
  /** Folders that could not be opened, each with its reason: what is in them is unknown. */
  readonly failures: readonly string[];
}

/** Never walked into: what stands there is no source of this repository. */
const SKIPPED_FOLDERS = new Set(['.git', 'node_modules']);
/** Files on request that are named one by one; the rest is counted. */
const MAX_NOTES = 20;

/** A file that was named, whether it is there or not. */
export function namedFile(given: string): FoundFile {
  const file = resolve(given);
  const root = repositoryOf(dirname(file)) ?? dirname(dirname(file));
  return { shown: given, root, path: toPath(root, file) };
}

/** The nearest folder, this one or above, that holds a repository of git. */
function repositoryOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

function toPath(root: string, file: string): string {
  return relative(root, file).split(sep).join('/');
}

/**
 * The lock files below a folder, as the pipeline would find them, in order of their paths. Links are not followed; `onFolder` hears
 * of each folder that is opened.
 */
export async function findBelow(given: string, settings: ReadingSettings, onFolder: (path: string) => void): Promise<FoundFiles> {
  const top = await realpath(resolve(given));
  const root = repositoryOf(top) ?? top;
  const shownOf = (path: string): string => join(given, relative(top, join(root, path)));
  const found = new Map<string, Dirent>();
  const notes: string[] = [];
  const failures: string[] = [];
  const open = [top];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    onFolder(folder);
    const at = folder;
    const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => {
      failures.push(`${shownOf(toPath(root, at))}: ${reasonOf(error)}`);
      return [];
    });
    for (const entry of entries) {
      const path = toPath(root, join(at, entry.name));
      if (!entry.isDirectory()) found.set(path, entry);
      else if (!SKIPPED_FOLDERS.has(entry.name)) open.push(join(at, entry.name));
    }
  }
  const files: FoundFile[] = [];
  const regular = [...found].filter(([, entry]) => entry.isFile()).map(([path]) => path);
  for (const { path } of findLockFiles([...regular, ...(await filesAbove(top, root))], settings)) {
    if (found.has(path)) files.push({ shown: shownOf(path), root, path });
  }
  const links = [...found].filter(([, entry]) => entry.isSymbolicLink()).map(([path]) => path);
  for (const { path, format } of findLockFiles(links, settings)) {
    if (format !== UNLOCKED) failures.push(`${shownOf(path)}: a symbolic link, not followed`);
  }
  for (const path of found.keys()) {
    if (!formatOf(path) && formatOnRequest(path)?.matches(path) && !isIgnored(path, settings)) {
      notes.push(`${shownOf(path)}: read only when it is named`);
    }
  }
  const omitted = notes.length - MAX_NOTES;
  return {
    files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    notes: omitted > 0 ? [...notes.slice(0, MAX_NOTES), `${given}: ${omitted} more files that are read only when named`] : notes,
    failures,
  };
}

/** Files in the folders above, up to the root: a lock file among them may resolve what is asked for below. */
async function filesAbove(top: string, root: string): Promise<string[]> {
  const paths: string[] = [];
  for (let folder = top; folder !== root; ) {
    folder = dirname(folder);
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isFile()) paths.push(toPath(root, join(folder, entry.name)));
  }
  return paths;
}

/** Reads files of the repository of one that was found. Throws where a link leads out of it. */
export function repositoryReader({ root, path }: FoundFile): ReadFile {
  return async (asked) => {
    const file = resolve(root, asked);
    let handle: FileHandle | undefined;
    try {
      // The file itself was named by a person; what it names must stay inside.
      if (asked !== path) await checkInside(root, file, asked);
      handle = await open(file);
      return await handle.readFile();
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    } finally {
      await handle?.close();
    }
  };
}

async function checkInside(root: string, file: string, asked: string): Promise<void> {
  const [realRoot, realFile] = await Promise.all([realpath(root), realpath(file)]);
  if (realFile !== realRoot && !realFile.startsWith(realRoot.endsWith(sep) ? realRoot : realRoot + sep))
    throw new Error(`${asked} lies outside the repository, and is not read`);
}

/** The size of a file, or why there is none to read. */
export async function sizeOf({ root, path }: FoundFile): Promise<number | { readonly reason: string }> {
  try {
    const found = await stat(resolve(root, path));
    return found.isFile() ? found.size : { reason: found.isDirectory() ? 'a folder' : 'no regular file' };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isAbsence(error)) return 'there is no such file';
  return code === 'EACCES' || code === 'EPERM' ? 'you may not read it' : (code ?? message);
}
