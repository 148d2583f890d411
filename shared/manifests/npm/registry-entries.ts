import { type EntryFacts, isVersion, type Reading } from '../reading.ts';
import { shown } from '../syntax/json-object.ts';
import { isNpmName } from './names.ts';
import { type Origin, originOf, type Tarball, tarballOf } from './origin.ts';

/** Facts of one entry. The host is filled in here, so that one object may serve every entry of a file. */
export type NpmFacts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** What is known of an entry besides its address. */
export interface KnownOrigin {
  /** It is of a registry, so an address of unusual form is only warned about. */
  readonly anyTarball?: boolean;
  /** Of the registry, where no address tells it. */
  readonly host?: string | undefined;
}

const NOTHING_KNOWN: KnownOrigin = {};

/**
 * The packages of one npm, pnpm, yarn, bun or deno lock file, with what their addresses reveal: another package or version than
 * the entry claims, the host of the registry, plain HTTP. A poisoned lock file shows itself in these.
 */
export class RegistryEntries {
  readonly #reading: Reading;
  readonly #isIntended: (name: string, fetchedName: string) => boolean;
  /** What stood before the name in the address of the entry before, which nearly always is the next one's too. */
  #usualBase = '';
  #usualHost = '';

  /** `isIntended`: whether the project itself asks to have another package fetched under a name. */
  constructor(reading: Reading, isIntended: (name: string, fetchedName: string) => boolean = () => false) {
    this.#reading = reading;
    this.#isIntended = isIntended;
  }

  /**
   * Adds an entry by its claimed name and version, whatever they are, and by its address, `''` for none. Local ones are our own
   * code; git and foreign tarballs are gaps.
   */
  add(name: string, version: unknown, address: string, facts: NpmFacts, known: KnownOrigin = NOTHING_KNOWN): void {
    if (this.#isUsual(name, version, address)) {
      facts.registryHost = this.#usualHost;
      this.#addChecked(name, version, facts);
      return;
    }
    facts.registryHost = known.host;
    if (address === '') this.#addChecked(name, version, facts);
    else this.#addByAddress(name, version, address, facts, known);
  }

  /** As `add`, by the address of a registry, not of the file that is fetched. */
  addOfRegistry(name: string, version: unknown, registry: string, facts: NpmFacts): void {
    const origin = originOf(registry);
    const host = 'host' in origin ? origin.host : undefined;
    facts.registryHost = host;
    if (host === undefined) {
      this.#reading.addUnsupported(name, registry, 'comes from an address of its own, not from a registry');
    } else if (this.#addChecked(name, version, facts)) {
      this.#checkTls(origin, name, version, registry);
    }
  }

  /** As `add`, by an address from which the registry's own was cut. */
  addByPath(name: string, version: unknown, path: string, host: string | undefined, facts: NpmFacts): void {
    facts.registryHost = host;
    const tarball = tarballOf(path.startsWith('/') ? path : `/${path}`);
    if (!this.#addChecked(name, version, facts)) return;
    if (tarball) this.#compare(name, version, tarball);
    else this.#reading.addWarning(`${name}@${version} is fetched from ${path} of its registry, which is no usual address`);
  }

  #addByAddress(name: string, version: unknown, address: string, facts: NpmFacts, known: KnownOrigin): void {
    const origin = originOf(address);
    switch (origin.kind) {
      case 'local':
        this.#reading.addLocal(name, address, 'a file or folder of the repository');
        return;
      case 'git':
        this.#reading.addUnsupported(name, address, 'comes from a git repository, not from a registry');
        return;
      case 'path':
        this.#reading.addUnresolved(name, address, 'its address is neither a registry nor a place in the repository');
        return;
      case 'tarball':
        if (known.anyTarball !== true) {
          this.#reading.addUnsupported(name, address, 'comes from an address of its own, not from a registry');
          return;
        }
        this.#reading.addWarning(`${name}@${shown(version)} is fetched from ${address}, which is no usual registry address`);
        facts.registryHost = origin.host;
        break;
      case 'registry':
        facts.registryHost = origin.host;
    }
    if (!this.#addChecked(name, version, facts)) return;
    this.#checkTls(origin, name, version, address);
    if (origin.kind !== 'registry' || !origin.tarball) return;
    if (!this.#compare(name, version, origin.tarball)) return;
    const base = address.indexOf(`${name}/-/`);
    if (base < 0 || !origin.secure) return;
    this.#usualBase = address.slice(0, base);
    this.#usualHost = origin.host;
  }

  #checkTls(origin: Origin, name: string, version: string, address: string): void {
    if (!('secure' in origin) || origin.secure !== false) return;
    this.#reading.addPoisoning('plain-http', name, version, `${name}@${version} is fetched without TLS: ${address}`);
  }

  /**
   * The fast way for nearly every entry of a large file: an address of the same registry that says the entry's name and version.
   * Compared piece by piece, so that no text is made for it; a `?` would end the path before its end.
   */
  #isUsual(name: string, version: unknown, address: string): boolean {
    const base = this.#usualBase;
    if (base === '' || typeof version !== 'string' || !isAt(address, 0, base, 0)) return false;
    const dash = base.length + name.length;
    const fileName = name.length - (name.charCodeAt(0) === 0x40 ? name.indexOf('/') + 1 : 0);
    const versionStart = dash + '/-/'.length + fileName + 1;
    const end = versionStart + version.length + '.tgz'.length;
    return (
      (address.length === end || address.charCodeAt(end) === 0x23) &&
      isAt(address, base.length, name, 0) &&
      address.startsWith('/-/', dash) &&
      isAt(address, dash + 3, name, name.length - fileName) &&
      address.charCodeAt(versionStart - 1) === 0x2d &&
      isAt(address, versionStart, version, 0) &&
      address.startsWith('.tgz', end - 4)
    );
  }

  #addChecked(name: string, version: unknown, facts: NpmFacts): version is string {
    if (!isNpmName(name)) {
      this.#reading.addUnresolved(name, shown(version), 'not a legal package name');
      return false;
    }
    if (!isVersion(version)) {
      this.#reading.addUnresolved(name, shown(version), version === undefined ? 'has no version' : 'not a version');
      return false;
    }
    this.#reading.addPackage(name, version, facts);
    return true;
  }

  /** What is fetched is what runs: where the address names another package or version, both are listed, and false is returned. */
  #compare(name: string, version: string, tarball: Tarball): boolean {
    const fetched = tarball.version ?? version;
    const isOtherName = tarball.name !== name;
    const isOtherVersion = fetched !== version && fetched !== version.replace(/\+.*$/, '');
    if (!isOtherName && !isOtherVersion) return true;
    const detail = `${name}@${version} is fetched as ${tarball.name}@${fetched}`;
    if (isOtherName && this.#isIntended(name, tarball.name)) this.#reading.addWarning(`${detail}, as the project asks for`);
    else this.#reading.addPoisoning(isOtherName ? 'other-package' : 'other-version', name, version, detail);
    if (isNpmName(tarball.name) && tarball.version !== undefined && isVersion(tarball.version)) {
      this.#reading.addPackage(tarball.name, tarball.version);
    }
    return false;
  }
}

/** Whether `part` from `from` on stands in a text at a place. A loop: for texts so short it is faster than `startsWith`. */
function isAt(text: string, at: number, part: string, from: number): boolean {
  if (at + part.length - from > text.length) return false;
  for (let index = from; index < part.length; index++) {
    if (text.charCodeAt(at + index - from) !== part.charCodeAt(index)) return false;
  }
  return true;
}
