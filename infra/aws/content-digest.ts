import { createHash, type Hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Metafile } from 'esbuild';

/** The repository. Paths of inputs are relative to it. */
export const REPOSITORY_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** They decide how any import is resolved, and the lock file stands for everything in `node_modules`. */
const COMMON_INPUTS = ['package.json', 'package-lock.json', 'tsconfig.json'];

/** Digests of what something was made from. Reads every file once, since what is made here shares most of its inputs. */
export class InputDigests {
  readonly #contents = new Map<string, Promise<Buffer | undefined>>();

  /** Undefined where one of the inputs is gone. */
  async of(inputs: readonly string[]): Promise<string | undefined> {
    const hash = createHash('sha256');
    for (const input of [...COMMON_INPUTS, ...inputs]) {
      let content = this.#contents.get(input);
      if (!content) {
        content = readIfThere(join(REPOSITORY_ROOT, input));
        this.#contents.set(input, content);
      }
      const bytes = await content;
      if (!bytes) return undefined;
      addPart(hash, input);
      addPart(hash, bytes);
    }
    return hash.digest('hex').slice(0, 32);
  }
}

/** Length first: two parts never read as another two with the same bytes. */
function addPart(hash: Hash, part: string | Buffer): void {
  hash.update(`${Buffer.byteLength(part)}:`).update(part);
}

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** As esbuild writes paths. */
export function toInput(path: string): string {
  return relative(REPOSITORY_ROOT, path).split(sep).join('/');
}

/**
 * Our own files that an entry point reaches, sorted. Not the list of the output's inputs: that one leaves out a file of which nothing
 * stayed, like one that only re-exports, though a change of it can change the output.
 */
export function ownInputs(metafile: Metafile, entry: string): string[] {
  const seen = new Set([entry]);
  for (const path of seen) {
    for (const { path: imported } of metafile.inputs[path]?.imports ?? []) {
      // Not among the inputs: external. With a namespace before it: made by a plugin, no file.
      if (metafile.inputs[imported] && !/node_modules\/|^[a-z-]+:/.test(imported)) seen.add(imported);
    }
  }
  return [...seen].sort();
}
