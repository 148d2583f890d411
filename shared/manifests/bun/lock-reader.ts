import { PACKAGE_NAME_MAX_CHARACTERS } from '../../model/package-version.ts';
import { strongestDigest } from '../npm/digest.ts';
import { splitNpmSpec } from '../npm/names.ts';
import { type NpmFacts, RegistryEntries } from '../npm/registry-entries.ts';
import type { Reading } from '../reading.ts';
import { shown } from '../syntax/json-object.ts';
import { isJsoncObject, type JsoncObject } from '../syntax/jsonc.ts';

const ROOT = 'root:';
const WORKSPACE = 'workspace:';
const LOCAL = /^(?:file|link|portal):/;
/** Git and addresses: whatever else has a scheme. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
/** An archive of the repository stands there by its path alone. */
const ARCHIVE = /\.(?:tgz|tar\.gz)$/;

/** Whether what is declared must be resolved: bun may leave out optional dependencies and peers. */
const GROUPS: readonly (readonly [group: string, mustBeResolved: boolean])[] = [
  ['dependencies', true],
  ['devDependencies', true],
  ['optionalDependencies', false],
  ['peerDependencies', false],
];

/** What the workspaces ask of a key of `packages`. */
interface Declared {
  readonly owner: string;
  readonly name: string;
  readonly range: string;
}

/** Adds what a bun.lock says: keys of `packages` are paths, the name stands in the entry. */
export class LockReader {
  readonly #workspaces: JsoncObject;
  readonly #packages: JsoncObject;
  readonly #overrides: JsoncObject;
  readonly #lineOf: (array: readonly unknown[]) => number | undefined;
  readonly #reading: Reading;
  readonly #entries: RegistryEntries;
  readonly #facts: NpmFacts = {};
  readonly #declared = new Map<string, Declared>();

  constructor(lock: JsoncObject, lineOf: (array: readonly unknown[]) => number | undefined, reading: Reading) {
    this.#workspaces = objectOf(lock.get('workspaces'));
    this.#packages = objectOf(lock.get('packages'));
    this.#overrides = objectOf(lock.get('overrides'));
    this.#lineOf = lineOf;
    this.#reading = reading;
    this.#entries = new RegistryEntries(reading);
  }

  read(): void {
    for (const [path, workspace] of this.#workspaces) this.#addWorkspace(path, workspace);
    for (const [key, entry] of this.#packages) this.#addEntry(key, entry);
  }

  #addWorkspace(path: string, workspace: unknown): void {
    if (!isJsoncObject(workspace)) {
      this.#reading.addUnresolved(path === '' ? '.' : path, '', `its workspace is ${shownOf(workspace)}, not an object`);
      return;
    }
    const name = workspace.get('name');
    const ownName = typeof name === 'string' && name !== '' ? name : path === '' ? '.' : path;
    this.#reading.addLocal(ownName, path === '' ? '.' : path, path === '' ? 'the project itself' : 'a workspace');
    for (const [group, mustBeResolved] of GROUPS) {
      for (const [dependency, range] of objectOf(workspace.get(group))) {
        const nested = ownName.length > PACKAGE_NAME_MAX_CHARACTERS ? dependency : `${ownName}/${dependency}`;
        const key = [nested, dependency].find((candidate) => this.#packages.has(candidate));
        if (key !== undefined) this.#declared.set(key, { owner: ownName, name: dependency, range: shownOf(range) });
        else if (mustBeResolved && !objectOf(workspace.get('optionalDependencies')).has(dependency)) {
          this.#reading.addUnresolved(dependency, shownOf(range), `declared by ${ownName}, but the lock file does not resolve it`);
        }
      }
    }
  }

  #addEntry(key: string, entry: unknown): void {
    const resolution: unknown = Array.isArray(entry) ? entry[0] : undefined;
    if (!Array.isArray(entry) || typeof resolution !== 'string') {
      this.#reading.addUnresolved(key, shownOf(resolution), 'its entry is no list that begins with a name and a version');
      return;
    }
    const { name, rest } = resolution.startsWith(`@${ROOT}`) ? { name: '.', rest: resolution.slice(1) } : splitNpmSpec(resolution);
    if (rest.startsWith(ROOT)) {
      this.#reading.addLocal(name, '.', 'the project itself');
    } else if (rest.startsWith(WORKSPACE)) {
      this.#addLinked(name, rest.slice(WORKSPACE.length));
    } else if (LOCAL.test(rest)) {
      this.#reading.addLocal(name, rest, 'a file or folder of the repository');
    } else if (SCHEME.test(rest)) {
      const place = /^(?:git|ssh)|^(?:github|gitlab|bitbucket|gist):|\.git(?:#|$)/.test(rest)
        ? 'a git repository'
        : 'an address of its own';
      this.#reading.addUnsupported(name, rest, `comes from ${place}, not from a registry`);
    } else if (ARCHIVE.test(rest)) {
      this.#reading.addLocal(name, rest, 'an archive of the repository');
    } else {
      this.#addRegistryEntry(key, name, rest, entry);
    }
  }

  /** A workspace, which bun finds by its folder. */
  #addLinked(name: string, path: string): void {
    if (this.#workspaces.has(path)) this.#reading.addLocal(name, path, 'a workspace');
    else this.#reading.addUnresolved(name, `${WORKSPACE}${path}`, 'a workspace that the file does not list');
  }

  /** `["name@version", registry, info, integrity]`. */
  #addRegistryEntry(key: string, name: string, version: string, entry: readonly unknown[]): void {
    const [, registry = '', info, integrity = ''] = entry;
    if (typeof registry !== 'string' || typeof integrity !== 'string' || (info !== undefined && !isJsoncObject(info)) || entry.length > 4) {
      this.#reading.addUnresolved(name, version, 'its entry is not of the form name and version, registry, dependencies, integrity');
      return;
    }
    const declared = this.#declared.get(key);
    if (this.#workspaces.size > 0) this.#facts.relationship = declared ? 'direct' : 'transitive';
    this.#facts.integrity = strongestDigest(integrity);
    const line = this.#lineOf(entry);
    if (line !== undefined) this.#facts.line = line;
    if (registry === '' || /\.tgz(?:[?#]|$)|\/-\//.test(registry)) {
      this.#entries.add(name, version, registry, this.#facts, { anyTarball: true });
    } else {
      this.#entries.addOfRegistry(name, version, registry, this.#facts);
    }
    if (declared) this.#compare(declared, name, version);
  }

  /** A workspace that asks for a range of a name gets that name; another one only as an alias or by an override. */
  #compare({ owner, name, range }: Declared, found: string, version: string): void {
    if (found === name || range.includes(':') || range.includes('/') || this.#overrides.has(name)) return;
    const detail = `${name}@${range}, which ${owner} asks for, resolves to ${found}@${version}`;
    this.#reading.addPoisoning('other-package', found, version, detail);
  }
}

function objectOf(value: unknown): JsoncObject {
  return isJsoncObject(value) ? value : new Map();
}

function shownOf(value: unknown): string {
  return isJsoncObject(value) ? 'an object' : shown(value);
}
