import { PACKAGE_NAME_MAX_CHARACTERS } from '../../model/package-version.ts';
import { foldPythonName } from '../../model/python-name.ts';
import { type EntryFacts, isVersion, type Reading, ReadingLimit } from '../reading.ts';
import { webAddressOf } from '../web-address.ts';
import { findMismatch } from './distribution-file.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const FOLDED_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
/** A name that PyPI and its like can hold, of a length that can be looked up. */
function isPythonName(text: unknown): text is string {
  return typeof text === 'string' && text.length <= PACKAGE_NAME_MAX_CHARACTERS && (FOLDED_NAME.test(text) || NAME.test(text));
}

/** Each package is compared with the hosts it has already: with many thousands of them a file would take minutes. */
const MAX_HOSTS = 500;

/** What stands in place of text, in words. */
export function describe(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? 'a table or list' : String(value);
}

/** Facts of one entry; the host is filled in here. */
export type PythonFacts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/**
 * The packages of one Python lock file. Spellings of one name are one package, under the first of them. What the addresses of an
 * entry reveal is noted with it: their hosts, another package or version, plain HTTP.
 */
export class PythonPackages {
  readonly #reading: Reading;
  readonly #spellings = new Map<string, string>();
  /** The entry that was added last. */
  #name = '';
  #version = '';
  #facts: PythonFacts = {};
  readonly #hosts: string[] = [];
  readonly #allHosts = new Set<string>();
  /** `https://HOST/` of the address before, which nearly always is the next one's too. */
  #prefix = '';
  #prefixHost = '';

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /**
   * Adds an entry by its claimed name and version, whatever they are. `index`: the address of the registry, where the file names it.
   * False where it became a gap.
   */
  add(name: unknown, version: unknown, facts: PythonFacts, index?: string): boolean {
    if (!isPythonName(name)) {
      this.#reading.addUnresolved(describe(name), describe(version), 'not a legal package name');
    } else if (!isVersion(version)) {
      this.#reading.addUnresolved(name, describe(version), version === undefined ? 'has no version' : 'not a version');
    } else {
      this.#name = this.#spellingOf(name);
      this.#version = version;
      this.#facts = facts;
      this.#hosts.length = 0;
      if (index === undefined || !this.#addHost(index)) this.#reading.addPackage(this.#name, version, facts);
      return true;
    }
    return false;
  }

  /** Notes the address of one of the files of the entry that was added last. */
  addFile(address: string): void {
    this.#addHost(address);
    const mismatch = findMismatch(this.#name, this.#version, address);
    if (mismatch) this.#addPoisoning(mismatch.rule, `is fetched as ${mismatch.file}`);
  }

  /** Adds the package with the host of the address; false where it names none. */
  #addHost(address: string): boolean {
    if (this.#prefix === '' || !address.startsWith(this.#prefix)) {
      const found = webAddressOf(address);
      if (!found) return false;
      if (found.isPlainHttp) this.#addPoisoning('plain-http', `is fetched without TLS: ${address}`);
      const prefix = `https://${found.host}/`;
      this.#prefix = address.startsWith(prefix) ? prefix : '';
      this.#prefixHost = found.host;
    }
    const host = this.#prefixHost;
    if (this.#hosts.includes(host)) return true;
    this.#hosts.push(host);
    this.#allHosts.add(host);
    if (this.#allHosts.size > MAX_HOSTS) throw new ReadingLimit(`more than ${MAX_HOSTS} hosts of registries, which no lock file has`);
    this.#facts.registryHost = host;
    this.#reading.addPackage(this.#name, this.#version, this.#facts);
    return true;
  }

  #addPoisoning(rule: 'other-package' | 'other-version' | 'plain-http', what: string): void {
    this.#reading.addPoisoning(rule, this.#name, this.#version, `${this.#name}@${this.#version} ${what}`);
  }

  #spellingOf(name: string): string {
    const folded = FOLDED_NAME.test(name) ? name : foldPythonName(name);
    const known = this.#spellings.get(folded);
    if (known !== undefined) return known;
    this.#spellings.set(folded, name);
    return name;
  }
}
