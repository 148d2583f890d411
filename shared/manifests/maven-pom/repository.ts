import type { ReadFile } from '../format.ts';
import { resolveInclude } from '../requirements/paths.ts';
import { groupOf, type Pom, type PomParent, parsePom } from './pom.ts';

/** Files that are read for one pom.xml: parents, lists of versions, modules. Each may cost a request. */
const MAX_POMS = 40;
/** Of those files together. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Parents of parents. */
const MAX_PARENTS = 16;
/** Folders above the file's own in which the build may begin. */
const MAX_FOLDERS_ABOVE = 8;
/** Modules that a search goes through. The largest public builds have some 2,000. */
const MAX_MODULES = 2_000;
const MAX_SEARCHES = 2_000;

interface MissingParent extends PomParent {
  readonly reason: string;
}

/** A project and those that it inherits from, the nearest first, as far as they stand in the repository. */
export interface PomChain {
  readonly poms: readonly Pom[];
  readonly missing: MissingParent | undefined;
}

/**
 * `absent`: the repository has no such module. There are more modules than are read for one file, and one of the others is called so
 * (`named`), or none (`unread`).
 */
export type NoModule = 'absent' | 'named' | 'unread';

/** The pom.xml files of the repository around one of them, each read once. */
export class RepositoryPoms {
  readonly #readSibling: ReadFile;
  readonly #ownPath: string;
  readonly #poms = new Map<string, Pom | string>();
  readonly #byArtifact = new Map<string, Pom[]>();
  /** Files named as modules that were not read so far. */
  readonly #unread = new Set<string>();
  #readCount = 0;
  #readBytes = 0;
  #searchCount = 0;
  #hasStart = false;

  constructor(own: Pom, readSibling: ReadFile) {
    this.#ownPath = own.path;
    this.#readSibling = readSibling;
    this.#keep(own);
  }

  /** The project and its parents. */
  async chainOf(pom: Pom): Promise<PomChain> {
    const poms = [pom];
    for (let last = pom; last.parent; ) {
      const { parent } = last;
      const found = poms.length > MAX_PARENTS ? `more than ${MAX_PARENTS} parents` : await this.#parentOf(last, parent);
      if (typeof found === 'string') return { poms, missing: { ...parent, reason: found } };
      if (poms.includes(found)) return { poms, missing: { ...parent, reason: `${found.path} is a parent of itself` } };
      poms.push(found);
      last = found;
    }
    return { poms, missing: undefined };
  }

  /**
   * The module of the repository with these coordinates, among those that a build of the whole would find. `isLikely`: worth reading
   * modules whose folders are not called so.
   */
  async findModule(group: string, artifact: string, isLikely: boolean): Promise<Pom | NoModule> {
    if (++this.#searchCount > MAX_SEARCHES) return 'unread';
    await this.#start();
    for (;;) {
      const found = this.#byArtifact.get(artifact)?.find((pom) => isGroupOf(pom, group));
      if (found) return found;
      const next = this.#nextModule(artifact, isLikely);
      if (next === undefined) return 'absent';
      if (!this.#mayRead()) return isCalled(next, artifact) ? 'named' : 'unread';
      await this.#load(next);
    }
  }

  /** The pom at a repository path, or why there is none. */
  async #load(path: string): Promise<Pom | string> {
    this.#unread.delete(path);
    const known = this.#poms.get(path);
    if (known !== undefined) return known;
    if (!this.#mayRead()) return `more than ${MAX_POMS} files or ${MAX_BYTES} bytes would have to be read for this one`;
    const bytes = await this.#readSibling(path);
    const parsed = bytes && parsePom(path, bytes);
    if (parsed) this.#readCount++;
    this.#readBytes += bytes?.length ?? 0;
    if (parsed && 'value' in parsed) return this.#keep(parsed.value);
    const reason = parsed ? `${path} cannot be read: ${parsed.reason}` : `there is no ${path}`;
    this.#poms.set(path, reason);
    return reason;
  }

  async #parentOf(pom: Pom, { group, artifact, version, relativePath }: PomParent): Promise<Pom | string> {
    if (relativePath === '') return 'it is fetched from a registry: its <relativePath> is empty';
    const target = resolveInclude(pom.path, relativePath);
    if (target === undefined) return 'its <relativePath> leads out of the repository';
    const found = await this.#load(pomPathOf(target));
    if (typeof found === 'string') return found;
    // Maven 4 takes the coordinates of the file where a parent is named by its place alone.
    if (artifact !== '' && (found.artifact !== artifact || !isGroupOf(found, group))) return `${found.path} is another project`;
    const foundVersion = found.version || (found.parent?.version ?? '');
    const isTold = version !== '' && !`${foundVersion}${version}`.includes('${') && !/^[[(]/.test(version);
    return isTold && foundVersion !== version ? `${found.path} is version ${foundVersion}` : found;
  }

  /** Reads the files in which the build may begin: those above name this one as a module. */
  async #start(): Promise<void> {
    if (this.#hasStart) return;
    this.#hasStart = true;
    const folders = this.#ownPath.split('/').slice(0, -1);
    for (let above = 1; above <= MAX_FOLDERS_ABOVE && above <= folders.length; above++) {
      await this.#load([...folders.slice(0, folders.length - above), 'pom.xml'].join('/'));
    }
  }

  #mayRead(): boolean {
    return this.#readCount < MAX_POMS && this.#readBytes < MAX_BYTES;
  }

  #nextModule(artifact: string, isLikely: boolean): string | undefined {
    let first: string | undefined;
    for (const path of this.#unread) {
      if (isCalled(path, artifact)) return path;
      first ??= path;
    }
    return isLikely ? first : undefined;
  }

  #keep(pom: Pom): Pom {
    this.#poms.set(pom.path, pom);
    this.#byArtifact.set(pom.artifact, [...(this.#byArtifact.get(pom.artifact) ?? []), pom]);
    for (const module of pom.modules) {
      const target = resolveInclude(pom.path, module);
      const path = target && pomPathOf(target);
      if (path && !this.#poms.has(path) && this.#unread.size < MAX_MODULES) this.#unread.add(path);
    }
    return pom;
  }
}

/** Whether the folder of a pom.xml has the artifact's name, or the end of it. */
function isCalled(path: string, artifact: string): boolean {
  const folder = path.split('/').at(-2) ?? '';
  return artifact === folder || artifact.endsWith(`-${folder}`) || artifact.endsWith(`.${folder}`);
}

function pomPathOf(target: string): string {
  return target.endsWith('.xml') ? target : `${target}/pom.xml`;
}

/** A group with a property in it may be any. */
function isGroupOf(pom: Pom, group: string): boolean {
  const found = groupOf(pom);
  return found === group || found.includes('${') || group.includes('${');
}
