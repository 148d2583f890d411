import type { Ecosystem } from '../model/ecosystem.ts';
import { algorithmOf } from '../model/integrity.ts';
import type {
  LocalPackage,
  LockFilePoisoning,
  ManifestContent,
  ManifestGap,
  ManifestPackage,
  PackageUse,
  PoisoningRule,
} from '../model/manifest.ts';
import { comparePackageVersions, PACKAGE_NAME_MAX_CHARACTERS, type PackageVersion, whyOutsideLimits } from '../model/package-version.ts';
import { type DecodedText, visibleText } from './text.ts';

/** Beyond these a file is absurd: it ends as an error instead of filling the memory. So many packages take some 150 MB (measured). */
const MAX_ENTRIES = 400_000;
const MAX_GAPS = 5_000;
/** Beyond these the rest is counted in a warning. */
const MAX_LOCALS = 5_000;
const MAX_WARNINGS = 50;
const MAX_POISONINGS = 200;
/** Registries that one package version is noted with; Bundler and pip may be told of a few. */
const MAX_HOSTS_OF_PACKAGE = 16;
const REQUIREMENT_MAX_CHARACTERS = 200;
const SENTENCE_MAX_CHARACTERS = 400;

/** What a version may consist of in any ecosystem here. Ranges, addresses and aliases are not matched. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+_~!-]*$/;

export function isVersion(text: unknown): text is string {
  return typeof text === 'string' && VERSION.test(text);
}

/** Ends the reading of a file that has more of something than any lock file. `readManifest` makes an error of it. */
export class ReadingLimit extends Error {
  override readonly name = 'ReadingLimit';
}

/** Throws `ReadingLimit` beyond `MAX_ENTRIES`. */
export function checkEntryCount(count: number): void {
  if (count > MAX_ENTRIES) throw new ReadingLimit(`more than ${MAX_ENTRIES} entries; files with up to that many are read`);
}

/** With every part left out or `undefined`, which mean the same here. */
type Loosely<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What one entry tells of a package. What the format does not tell is left out. */
export interface EntryFacts extends Loosely<PackageUse> {
  /** Host of the registry that the entry names, in any case. */
  readonly registryHost?: string | undefined;
  readonly integrity?: string | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Host {
  readonly ecosystem: Ecosystem;
  readonly host: string;
  /** The host alone, shared by all packages that have no other. */
  readonly alone: readonly string[];
  entryCount: number;
}

/** What the readings of one file in its ecosystems have in common. */
interface Collected {
  /** Of each ecosystem in the order of the file, a package version as often as it was added. */
  readonly packages: Map<Ecosystem, Mutable<ManifestPackage>[]>;
  readonly gaps: Map<string, ManifestGap>;
  readonly locals: Map<string, LocalPackage>;
  readonly hosts: Map<string, Host>;
  readonly poisonings: Map<string, LockFilePoisoning>;
  readonly warnings: Set<string>;
  entryCount: number;
  omittedLocals: number;
  omittedPoisonings: number;
}

/**
 * Collects what one lock file says, each thing once. Entries of the same package version become one: direct if one of them is,
 * for development or optional only if all are.
 */
export class Reading {
  readonly #ecosystem: Ecosystem;
  readonly #packages: Mutable<ManifestPackage>[];
  readonly #all: Collected;
  #lastHost: Host | undefined;

  constructor(ecosystem: Ecosystem, decoded: DecodedText | Collected) {
    this.#ecosystem = ecosystem;
    this.#all = 'text' in decoded ? nothingCollected() : decoded;
    const known = this.#all.packages.get(ecosystem);
    this.#packages = known ?? [];
    if (!known) this.#all.packages.set(ecosystem, this.#packages);
    if ('text' in decoded && decoded.damaged) this.addWarning('the file is not valid UTF-8: unreadable bytes were replaced');
  }

  /** The same file's entries of another ecosystem. Their content is part of the content of this reading. */
  in(ecosystem: Ecosystem): Reading {
    return ecosystem === this.#ecosystem ? this : new Reading(ecosystem, this.#all);
  }

  /** The caller has checked that the name is legal in its ecosystem, and the version with `isVersion`. */
  addPackage(name: string, version: string, facts?: EntryFacts): void {
    checkEntryCount(++this.#all.entryCount);
    const added: Mutable<ManifestPackage> = { ecosystem: this.#ecosystem, name, version };
    if (facts) {
      if (facts.relationship !== undefined) added.relationship = facts.relationship;
      if (facts.isDevelopment !== undefined) added.isDevelopment = facts.isDevelopment;
      if (facts.isOptional !== undefined) added.isOptional = facts.isOptional;
      if (facts.groups !== undefined) added.groups = [...facts.groups].sort();
      if (facts.line !== undefined) added.line = facts.line;
      if (facts.integrity !== undefined) added.integrity = facts.integrity;
      if (facts.registryHost !== undefined) added.registryHosts = this.#countHost(facts.registryHost).alone;
    }
    this.#packages.push(added);
  }

  /** Our own code under a package's name: a workspace member, a folder. Not looked up, and no gap. */
  addLocal(name: string, requirement: string, reason: string): void {
    if (this.#all.locals.size >= MAX_LOCALS) this.#all.omittedLocals++;
    else this.#all.locals.set(`${this.#ecosystem}\n${name}\n${requirement}`, this.#entry(name, requirement, reason));
  }

  /** A git repository, an address, a kind of entry that no registry serves. */
  addUnsupported(name: string, requirement: string, reason: string): void {
    this.#addGap('unsupported', name, requirement, reason);
  }

  /** A range, a missing version, an entry that cannot be understood. */
  addUnresolved(name: string, requirement: string, reason: string): void {
    this.#addGap('unresolved', name, requirement, reason);
  }

  /** A sign of poisoning, about the package version that the entry claims to be. */
  addPoisoning(rule: PoisoningRule, name: string, version: string, detail: string): void {
    const key = `${this.#ecosystem}\n${rule}\n${name}\n${version}`;
    if (this.#all.poisonings.has(key)) return;
    if (this.#all.poisonings.size >= MAX_POISONINGS) {
      this.#all.omittedPoisonings++;
      return;
    }
    const packageVersion = { ecosystem: this.#ecosystem, name: visible(name), version: visible(version) };
    this.#all.poisonings.set(key, { rule, packageVersion, detail: visibleText(detail, SENTENCE_MAX_CHARACTERS) });
  }

  addWarning(sentence: string): void {
    this.#all.warnings.add(visibleText(sentence, SENTENCE_MAX_CHARACTERS));
  }

  /** Once, when everything is added: it merges what was. */
  content(): ManifestContent {
    const packages: ManifestPackage[] = [];
    for (const [ecosystem, ofEcosystem] of [...this.#all.packages].sort(([a], [b]) => (`${a}/` < `${b}/` ? -1 : 1))) {
      // Entries of one package version meet when they are sorted, which takes much less time than to look up each one as it comes.
      let known: Mutable<ManifestPackage> | undefined;
      for (const found of ofEcosystem.sort(compare)) {
        if (known?.name === found.name && known.version === found.version) {
          this.#merge(known, found);
          continue;
        }
        known = found;
        const reason = whyOutsideLimits(found);
        if (reason === undefined) packages.push(found);
        else this.in(ecosystem).addUnsupported(found.name, found.version, reason);
      }
    }
    const { gaps, locals, hosts, poisonings } = this.#all;
    return {
      status: 'read',
      packages,
      gaps: [...gaps.values()],
      locals: [...locals.values()],
      registries: [...hosts.values()].map(({ ecosystem, host, entryCount }) => ({ ecosystem, host, entryCount })),
      poisonings: [...poisonings.values()],
      warnings: this.#shownWarnings(),
    };
  }

  #merge(known: Mutable<ManifestPackage>, other: ManifestPackage): void {
    const { relationship, isDevelopment, isOptional, groups, line, integrity, registryHosts } = other;
    if (relationship !== undefined && (relationship === 'direct' || known.relationship === undefined)) known.relationship = relationship;
    if (known.isDevelopment === true && isDevelopment !== true) known.isDevelopment = false;
    if (known.isOptional === true && isOptional !== true) known.isOptional = false;
    if (groups !== undefined) known.groups = [...new Set([...(known.groups ?? []), ...groups])].sort();
    if (line !== undefined && known.line === undefined) known.line = line;
    for (const host of registryHosts ?? []) if (!known.registryHosts?.includes(host)) this.#addHost(known, host);
    if (integrity === undefined) return;
    if (known.integrity === undefined) known.integrity = integrity;
    else if (known.integrity !== integrity && algorithmOf(known.integrity) === algorithmOf(integrity)) {
      this.addPoisoning(
        'changed-integrity',
        known.name,
        known.version,
        `${known.name}@${known.version} has two digests in one file: ${known.integrity} and ${integrity}`,
      );
    }
  }

  #addHost(known: Mutable<ManifestPackage>, host: string): void {
    const hosts = known.registryHosts ?? [];
    if (hosts.length < MAX_HOSTS_OF_PACKAGE) known.registryHosts = [...hosts, host];
    else
      this.addWarning(`${known.name}@${known.version} comes from more than ${MAX_HOSTS_OF_PACKAGE} registries; those beyond are not noted`);
  }

  /** Hosts are few and come in runs: the one before is nearly always the one. */
  #countHost(written: string): Host {
    let host = this.#lastHost;
    if (host?.host !== written) {
      const folded = written.toLowerCase();
      const key = `${this.#ecosystem}\n${folded}`;
      host = this.#all.hosts.get(key);
      if (!host) {
        const shown = visible(folded);
        host = { ecosystem: this.#ecosystem, host: shown, alone: [shown], entryCount: 0 };
        this.#all.hosts.set(key, host);
        checkEntryCount(this.#all.hosts.size);
      }
      this.#lastHost = host;
    }
    host.entryCount++;
    return host;
  }

  #addGap(state: ManifestGap['state'], name: string, requirement: string, reason: string): void {
    const gap: ManifestGap = { ...this.#entry(name, requirement, reason), state };
    this.#all.gaps.set(`${gap.ecosystem}\n${gap.name}\n${gap.requirement}\n${state}`, gap);
    if (this.#all.gaps.size > MAX_GAPS)
      throw new ReadingLimit(`more than ${MAX_GAPS} entries that name no registry package: the file is taken for damaged`);
  }

  #entry(name: string, requirement: string, reason: string): LocalPackage {
    return {
      ecosystem: this.#ecosystem,
      name: visible(name),
      requirement: visibleText(requirement, REQUIREMENT_MAX_CHARACTERS),
      reason: visibleText(reason, SENTENCE_MAX_CHARACTERS),
    };
  }

  #shownWarnings(): string[] {
    const warnings = [...this.#all.warnings];
    const shown = warnings.slice(0, MAX_WARNINGS);
    if (warnings.length > MAX_WARNINGS) shown.push(`${warnings.length - MAX_WARNINGS} more warnings are not shown`);
    const { omittedPoisonings, omittedLocals } = this.#all;
    if (omittedPoisonings > 0) shown.push(`${omittedPoisonings} more signs of poisoning are not listed`);
    if (omittedLocals > 0) shown.push(`${omittedLocals} more packages of our own are not listed`);
    return shown;
  }
}

/** As `comparePackageVersions`, of one ecosystem. A key is only made where it may order two names otherwise than they order themselves. */
function compare(a: PackageVersion, b: PackageVersion): number {
  if (a.name === b.name) return a.version === b.version ? 0 : a.version < b.version ? -1 : 1;
  const isLess = a.name < b.name;
  return isOrderedByKey(isLess ? a.name : b.name, isLess ? b.name : a.name) ? comparePackageVersions(a, b) : isLess ? -1 : 1;
}

/** `name-x` stands before `name` and its `@`. Looking at one sign first spares nearly every comparison of two names. */
function isOrderedByKey(name: string, longer: string): boolean {
  return name.length < longer.length && longer.charCodeAt(name.length) <= 0x40 && longer.startsWith(name);
}

function nothingCollected(): Collected {
  return {
    packages: new Map(),
    gaps: new Map(),
    locals: new Map(),
    hosts: new Map(),
    poisonings: new Map(),
    warnings: new Set(),
    entryCount: 0,
    omittedLocals: 0,
    omittedPoisonings: 0,
  };
}

function visible(text: string): string {
  return visibleText(text, PACKAGE_NAME_MAX_CHARACTERS);
}

/** The content of a file that was not recognised to its end. */
export function unreadable(reason: string): ManifestContent {
  return { status: 'error', reason: visibleText(reason, SENTENCE_MAX_CHARACTERS) };
}
