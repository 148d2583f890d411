import { type NpmFacts, RegistryEntries } from '../npm/registry-entries.ts';
import type { Reading } from '../reading.ts';
import type { PnpmDeclared, PnpmDocument, PnpmEntry } from './entries.ts';
import { hostOf, isLocalKey, isRegistryPackage, splitKey, withoutPeers } from './keys.ts';

const LOCAL_VERSION = /^(?:link|file|workspace):/;

/** Adds what one YAML document of a pnpm lock file says. */
export class DocumentReader {
  readonly #document: PnpmDocument;
  readonly #reading: Reading;
  readonly #entries: RegistryEntries;
  readonly #facts: NpmFacts = {};
  /** Keys without peers of what projects ask for. */
  readonly #direct = new Set<string>();
  readonly #hasProjects: boolean;
  /** The keys of `packages:` without peers, in order. */
  readonly #bareKeys: readonly string[];

  constructor(document: PnpmDocument, reading: Reading) {
    this.#document = document;
    this.#reading = reading;
    this.#entries = new RegistryEntries(reading);
    this.#hasProjects = document.declared.length > 0;
    this.#bareKeys = document.entries.map(({ key }) => withoutPeers(key));
  }

  read(): void {
    const names = this.#followDeclared();
    for (const folder of this.#document.importers.length > 0 ? this.#document.importers : ['.']) {
      this.#reading.addLocal(names.get(folder) ?? folder, folder, 'a project of the workspace');
    }
    for (const [index, entry] of this.#document.entries.entries()) this.#add(entry, this.#bareKeys[index] ?? '');
  }

  #add(entry: PnpmEntry, bare: string): void {
    const { resolution } = entry;
    const tarball = resolution?.get('tarball') ?? '';
    const type = resolution?.get('type') ?? '';
    const id = splitKey(bare);
    if (isLocalKey(bare, id) || type === 'directory' || tarball.startsWith('file:')) {
      const where = resolution?.get('directory') ?? (tarball === '' ? bare : tarball);
      this.#reading.addLocal(entry.name ?? id?.name ?? bare, where, 'a file or folder of the repository');
      return;
    }
    const repository = resolution?.get('repo');
    if (isRegistryPackage(id) && repository === undefined && (type === '' || type === 'tarball')) {
      this.#addRegistryPackage(id.name, id.version, bare, tarball, entry);
      return;
    }
    const name = entry.name ?? id?.name ?? bare;
    if (type === 'git' || repository !== undefined) {
      this.#reading.addUnsupported(name, repository ?? bare, 'comes from a git repository, not from a registry');
    } else if (type !== '' && type !== 'tarball') {
      this.#reading.addUnsupported(name, bare, `of the kind ${type}, which no registry serves`);
    } else if (tarball !== '' || bare.includes('://') || hostOf(bare) !== undefined) {
      const address = tarball === '' ? bare : tarball;
      this.#reading.addUnsupported(name, address, 'comes from a git repository or an address of its own, not from a registry');
    } else {
      this.#reading.addUnresolved(name, bare, 'its key is not a package name and version');
    }
  }

  #addRegistryPackage(name: string, version: string, key: string, tarball: string, entry: PnpmEntry): void {
    const facts = this.#facts;
    const host = hostOf(key);
    if (this.#hasProjects) facts.relationship = this.#direct.has(key) ? 'direct' : 'transitive';
    facts.isDevelopment = entry.isDevelopment === true;
    facts.isOptional = entry.isOptional === true || this.#document.optional.has(key);
    facts.integrity = entry.integrity;
    if (entry.line !== undefined) facts.line = entry.line;
    // pnpm cuts its own registry from an address: `/@scope/name/-/file-1.0.0.tgz`. A host before the key stands for all of it.
    if (tarball !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(tarball)) this.#entries.addByPath(name, version, tarball, host, facts);
    else this.#entries.add(name, version, tarball, facts, { anyTarball: true, host });
  }

  /**
   * What a project declares must stand in `packages:`, unless it is linked from the workspace. Returns the names of linked folders:
   * of a project the file keeps the folder only.
   */
  #followDeclared(): ReadonlyMap<string, string> {
    const keys = new Set(this.#bareKeys);
    const linked = new Map<string, string>();
    for (const { name, resolution } of this.#document.entries) {
      const folder = resolution?.get('directory');
      if (folder !== undefined && name !== undefined) linked.set(folder, name);
    }
    for (const found of this.#document.declared) {
      const { importer, name, version } = found;
      const bare = withoutPeers(version);
      const key = bare.startsWith('link:') ? undefined : keyOf(name, bare, keys, this.#document.lockfileVersion);
      if (key !== undefined) {
        this.#direct.add(key);
        this.#compare(found, key);
      } else if (LOCAL_VERSION.test(bare)) {
        const folder = folderFrom(importer, bare.slice(bare.indexOf(':') + 1));
        if (linked.get(folder) === name) continue;
        linked.set(folder, name);
        this.#reading.addLocal(name, folder, 'a folder that a project links to');
      } else {
        this.#reading.addUnresolved(name, version, `declared by ${importer}, but the lock file does not resolve it`);
      }
    }
    return linked;
  }

  /** A project that asks for a range of a name gets that name; another one only as an alias, by an override or a catalog. */
  #compare({ importer, name, specifier }: PnpmDeclared, key: string): void {
    if (specifier === undefined || specifier.includes(':') || specifier.includes('/')) return;
    const id = splitKey(key);
    if (!isRegistryPackage(id) || id.name === name) return;
    const detail = `${name}@${specifier}, which ${importer} asks for, resolves to ${id.name}@${id.version}`;
    this.#reading.addPoisoning('other-package', id.name, id.version, detail);
  }
}

/** The key of `packages:` that a version of an importer stands for: layouts 9, 6 and 5, and aliases in each. */
function keyOf(name: string, version: string, keys: ReadonlySet<string>, layout: string): string | undefined {
  // Nearly every one is found at once.
  const usual = layout.startsWith('9') ? `${name}@${version}` : layout.startsWith('6') ? `/${name}@${version}` : `/${name}/${version}`;
  if (keys.has(usual)) return usual;
  for (const before of [`${name}@`, `/${name}@`, `/${name}/`, '', '/']) {
    const key = before + version;
    if (keys.has(key)) return key;
  }
  return undefined;
}

/** A longer path is none that somebody made: it stays as it is. */
const PATH_MAX_CHARACTERS = 1024;

/** The folder that a relative path leads to from another one, from the root of the workspace. */
function folderFrom(folder: string, path: string): string {
  if (folder.length + path.length > PATH_MAX_CHARACTERS) return path;
  const segments: string[] = [];
  for (const segment of `${folder}/${path}`.split('/')) {
    if (segment === '..' && segments.length > 0 && segments.at(-1) !== '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.length === 0 ? '.' : segments.join('/');
}
