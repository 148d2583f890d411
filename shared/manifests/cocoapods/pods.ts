import { LineCursor } from '../line-cursor.ts';
import { type EntryFacts, isVersion, type Reading } from '../reading.ts';
import type { SpecRepository } from './spec-repositories.ts';

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };
type YamlMap = ReadonlyMap<unknown, unknown>;

/** Where pods come from, by root pod. */
export interface PodOrigins {
  readonly externalSources: YamlMap;
  readonly checkoutOptions: YamlMap;
  readonly checksums: YamlMap;
  /** As far as the file names repositories. */
  readonly repositories: ReadonlyMap<string, SpecRepository | undefined>;
}

const NAME = /^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/;
const CHECKSUM = /^[0-9a-f]{40}$/;
/** Where an external source leads; the first of these keys decides. `:local` is from before CocoaPods 0.34. */
const LOCAL_KEYS = [':path', ':local'];
const REMOTE_KEYS: ReadonlyMap<string, string> = new Map([
  [':git', 'a git repository'],
  [':http', 'an address of its own'],
  [':hg', 'a Mercurial repository'],
  [':svn', 'a Subversion repository'],
]);

/** The pods of one file. */
export class Pods {
  readonly #reading: Reading;
  readonly #origins: PodOrigins;
  /** Root pods that have been told, and where they come from: nearly all entries are subspecs of one of them. */
  readonly #told = new Map<string, string>();
  readonly #direct = new Set<string>();

  constructor(reading: Reading, origins: PodOrigins) {
    this.#reading = reading;
    this.#origins = origins;
  }

  /** `entries`: `NAME (VERSION)`, or a map of that to what it requires. `dependencies`: `NAME (REQUIREMENT)`. */
  addAll(entries: readonly unknown[], dependencies: readonly unknown[], text: string): void {
    for (const dependency of dependencies) if (typeof dependency === 'string') this.#direct.add(rootOf(nameOf(dependency)));
    const lines = new LineCursor(text);
    for (const entry of entries) this.#add(entry, lines);
    this.#checkOrigins();
    for (const dependency of dependencies) {
      if (typeof dependency !== 'string') {
        this.#reading.addUnresolved('DEPENDENCIES', '', 'an entry that is no text');
        continue;
      }
      const name = nameOf(dependency);
      if (this.#told.has(rootOf(name))) continue;
      this.#reading.addUnresolved(
        name,
        dependency.slice(name.length).trim(),
        'declared by the Podfile, but the lock file does not resolve it',
      );
    }
  }

  /** What names a pod that none of the entries is was meant for another: a pod that then passes for one of the registry. */
  #checkOrigins(): void {
    const { externalSources, repositories } = this.#origins;
    for (const name of externalSources.keys()) {
      if (!this.#told.has(rootOf(String(name))))
        this.#reading.addWarning(`EXTERNAL SOURCES names ${String(name)}, which is not among the PODS`);
    }
    for (const name of repositories.keys()) {
      if (!this.#told.has(name)) this.#reading.addWarning(`SPEC REPOS names ${name}, which is not among the PODS`);
    }
  }

  #add(entry: unknown, lines: LineCursor): void {
    const keys = entry instanceof Map ? [...entry.keys()] : [entry];
    const [written] = keys;
    if (typeof written !== 'string' || keys.length !== 1) {
      this.#reading.addUnresolved('PODS', '', 'an entry that is neither a text nor a map of one');
      return;
    }
    const name = nameOf(written);
    const root = rootOf(name);
    const rest = written.slice(name.length);
    const version = rest.startsWith(' (') && rest.endsWith(')') ? rest.slice(2, -1) : '';
    const told = this.#told.get(root);
    if (told === version) return;
    if (told !== undefined) this.#reading.addWarning(`${root} stands in it with several versions, such as ${told} and ${version}`);
    this.#told.set(root, version);
    if (!NAME.test(root) || version === '') {
      this.#reading.addUnresolved(root, rest.trim(), version === '' ? 'has no version' : 'not a legal name of a pod');
    } else if (!this.#isExternal(root, version)) {
      this.#addPackage(root, version, lines.lineOf(`- ${written}`));
    }
  }

  #addPackage(name: string, version: string, line: number | undefined): void {
    if (!isVersion(version)) {
      // `HEAD based on 1.0` of CocoaPods before 1.0, for one.
      this.#reading.addUnresolved(name, version, 'not a version');
      return;
    }
    const { repositories } = this.#origins;
    const repository = repositories.get(name);
    if (repositories.size > 0 && !repositories.has(name)) this.#reading.addWarning(`${name}@${version} is of none of the SPEC REPOS`);
    const checksum = this.#origins.checksums.get(name);
    const facts: Facts = { relationship: this.#direct.has(name) ? 'direct' : 'transitive', registryHost: repository?.host };
    if (line !== undefined) facts.line = line;
    if (typeof checksum === 'string' && CHECKSUM.test(checksum)) facts.integrity = `sha1:${checksum}`;
    this.#reading.addPackage(name, version, facts);
    if (repository?.isPlainHttp) {
      this.#reading.addPoisoning('plain-http', name, version, `${name}@${version} is described over plain HTTP, by ${repository.address}`);
    }
  }

  /** Whether the pod is none of a registry; says so where it is not. */
  #isExternal(name: string, version: string): boolean {
    const source = this.#origins.externalSources.get(name) ?? this.#origins.checkoutOptions.get(name);
    if (source === undefined) return false;
    if (!(source instanceof Map)) {
      this.#reading.addUnresolved(name, version, 'its external source is no map');
      return true;
    }
    for (const key of LOCAL_KEYS) {
      if (!source.has(key)) continue;
      this.#reading.addLocal(name, textOf(source.get(key)), 'a pod in a folder');
      return true;
    }
    for (const [key, what] of REMOTE_KEYS) {
      if (!source.has(key)) continue;
      this.#reading.addUnsupported(name, textOf(source.get(key)), `comes from ${what}, not from a registry`);
      return true;
    }
    const podspec = source.get(':podspec');
    if (podspec === undefined) this.#reading.addUnresolved(name, version, 'its external source is of a kind that is not known');
    else if (/^[a-z]+:\/\//i.test(textOf(podspec)))
      this.#reading.addUnsupported(name, textOf(podspec), 'described by a podspec at an address of its own');
    else this.#reading.addLocal(name, textOf(podspec), 'described by a podspec beside the project');
    return true;
  }
}

/** What stands before the version or the requirement. */
function nameOf(written: string): string {
  const blank = written.indexOf(' ');
  return blank < 0 ? written : written.slice(0, blank);
}

/** The pod of a subspec: `Name` of `Name/Sub/Sub`. */
function rootOf(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
