import { isVersion, type Reading } from '../reading.ts';
import { isNpmName } from './names.ts';
import { originOf, type Tarball } from './origin.ts';

/** So many packages of another host are named in its warning. */
const NAMED_EXAMPLES = 3;

interface Host {
  count: number;
  readonly examples: string[];
}

/**
 * The packages of one npm, pnpm or yarn lock file, with what their addresses reveal: another package or version than the
 * entry claims, another host than the rest, plain HTTP. A poisoned lock file shows itself in these.
 */
export class RegistryEntries {
  readonly #reading: Reading;
  readonly #hosts = new Map<string, Host>();
  #insecureCount = 0;
  #insecureExample = '';
  /** `https://HOST/` of the entry before, which nearly always is the next one's too. */
  #lastPrefix = '';
  #lastHost: Host = { count: 0, examples: [] };

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /**
   * Adds an entry by its claimed name and version, whatever they are, and by its address, `''` for none. Local ones are
   * our own code and are left out; git and foreign tarballs are gaps. `anyTarball`: the entry is known to be of a registry by
   * other means, so an address of unusual form is only warned about.
   */
  add(name: string, version: unknown, address: string, anyTarball = false): void {
    if (this.#isUsual(name, version, address)) {
      this.#lastHost.count++;
      if (this.#lastHost.examples.length < NAMED_EXAMPLES) this.#lastHost.examples.push(name);
      this.#addChecked(name, version);
      return;
    }
    const origin = address === '' ? undefined : originOf(address);
    if (origin?.kind === 'local') return;
    if (origin?.kind === 'git') {
      this.#reading.addUnsupported(name, address, 'comes from a git repository, not from a registry');
      return;
    }
    if (origin?.kind === 'tarball') {
      if (!anyTarball) {
        this.#reading.addUnsupported(name, address, 'comes from an address of its own, not from a registry');
        return;
      }
      this.#reading.addWarning(`${name}@${String(version)} is fetched from ${address}, which is no usual registry address`);
    }
    if (origin?.kind === 'path') {
      this.#reading.addUnresolved(name, address, 'its address is neither a registry nor a place in the repository');
      return;
    }
    if (!this.#addChecked(name, version) || origin?.kind !== 'registry') return;
    this.#noteHost(name, origin.host, origin.secure);
    if (origin.tarball) this.#compare(name, String(version), origin.tarball);
  }

  /** Says what only the whole file shows. Call it once, after the last entry. */
  finish(): void {
    if (this.#insecureCount > 0) {
      const count = this.#insecureCount;
      this.#reading.addWarning(
        `${count} package${count === 1 ? ' is' : 's are'} fetched over plain HTTP, such as ${this.#insecureExample}`,
      );
    }
    const [most, ...others] = [...this.#hosts].sort(([, a], [, b]) => b.count - a.count);
    for (const [host, { count, examples }] of others) {
      const names = `${examples.join(', ')}${count > examples.length ? ', …' : ''}`;
      this.#reading.addWarning(`${count} package${count === 1 ? '' : 's'} of another host, ${host}, than most (${most?.[0]}): ${names}`);
    }
  }

  /** The fast way for nearly every entry of a large file: the host of the entry before, and the address that the name makes. */
  #isUsual(name: string, version: unknown, address: string): boolean {
    if (this.#lastPrefix === '' || typeof version !== 'string' || !address.startsWith(this.#lastPrefix)) return false;
    // .../NAME/-/FILE-VERSION.tgz, compared piece by piece from its end: no text is made for it.
    const hash = address.indexOf('#');
    const versionStart = (hash < 0 ? address.length : hash) - '.tgz'.length - version.length;
    const scope = name.indexOf('/') + 1;
    const dash = versionStart - 1 - (name.length - scope) - '/-/'.length;
    return (
      address.startsWith('.tgz', versionStart + version.length) &&
      address.startsWith(version, versionStart) &&
      address.charCodeAt(versionStart - 1) === 0x2d &&
      (scope === 0 ? address.startsWith(name, dash + 3) : address.startsWith(name.slice(scope), dash + 3)) &&
      address.startsWith('/-/', dash) &&
      address.startsWith(name, dash - name.length) &&
      address.charCodeAt(dash - name.length - 1) === 0x2f
    );
  }

  #addChecked(name: string, version: unknown): boolean {
    if (!isNpmName(name)) {
      this.#reading.addUnresolved(name, describe(version), 'not a legal package name');
      return false;
    }
    if (!isVersion(version)) {
      this.#reading.addUnresolved(name, describe(version), version === undefined ? 'has no version' : 'not a version');
      return false;
    }
    this.#reading.addPackage(name, version);
    return true;
  }

  #noteHost(name: string, hostName: string, secure: boolean): void {
    const host = this.#hosts.get(hostName) ?? { count: 0, examples: [] };
    this.#hosts.set(hostName, host);
    host.count++;
    if (host.examples.length < NAMED_EXAMPLES) host.examples.push(name);
    if (secure) {
      this.#lastPrefix = `https://${hostName}/`;
      this.#lastHost = host;
    } else {
      this.#insecureCount++;
      this.#insecureExample = name;
    }
  }

  /** What is fetched is what runs: where the address names another package or version, both are listed. */
  #compare(name: string, version: string, tarball: Tarball): void {
    const fetched = tarball.version ?? version;
    const sameVersion = fetched === version || fetched === version.replace(/\+.*$/, '');
    if (tarball.name === name && sameVersion) return;
    this.#reading.addWarning(
      `${name}@${version} is fetched as ${tarball.name}@${fetched}: another package or version than the entry claims`,
    );
    if (isNpmName(tarball.name) && tarball.version !== undefined && isVersion(tarball.version)) {
      this.#reading.addPackage(tarball.name, tarball.version);
    }
  }
}

/** A value of a lock file in the words of a message: text as it is, else its kind. */
export function describe(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : String(value);
}
