import type { Ecosystem } from '../model/ecosystem.ts';
import type { ManifestContent, ManifestGap } from '../model/manifest.ts';
import { PACKAGE_NAME_MAX_CHARACTERS, type PackageVersion, whyUnsupported } from '../model/package-version.ts';
import { type DecodedText, visibleText } from './text.ts';

/** Beyond these a file is absurd: it ends as an error instead of filling the memory and the inventory. */
const MAX_ENTRIES = 100_000;
const MAX_GAPS = 5_000;
const MAX_WARNINGS = 50;
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

/** Collects what one lock file says, each thing once. */
export class Reading {
  readonly #ecosystem: Ecosystem;
  readonly #keyStart: number;
  readonly #keys = new Set<string>();
  readonly #gaps = new Map<string, ManifestGap>();
  readonly #warnings = new Set<string>();

  constructor(ecosystem: Ecosystem, decoded: DecodedText) {
    this.#ecosystem = ecosystem;
    this.#keyStart = ecosystem.length + 1;
    if (decoded.damaged) this.addWarning('the file is not valid UTF-8: unreadable bytes were replaced');
  }

  /** The caller has checked that the name is legal in its ecosystem, and the version with `isVersion`. */
  addPackage(name: string, version: string): void {
    this.#keys.add(`${this.#ecosystem}/${name}@${version}`);
    checkEntryCount(this.#keys.size);
  }

  /** A git repository, an address, a kind of entry that no registry serves. */
  addUnsupported(name: string, requirement: string, reason: string): void {
    this.#addGap('unsupported', name, requirement, reason);
  }

  /** A range, a missing version, an entry that cannot be understood. */
  addUnresolved(name: string, requirement: string, reason: string): void {
    this.#addGap('unresolved', name, requirement, reason);
  }

  addWarning(sentence: string): void {
    this.#warnings.add(visibleText(sentence, SENTENCE_MAX_CHARACTERS));
  }

  content(): ManifestContent {
    const packages: PackageVersion[] = [];
    for (const key of [...this.#keys].sort()) {
      // Cut out of the key, not kept as found: a slice of the file would hold the whole file in memory.
      const at = key.lastIndexOf('@');
      const packageVersion = { ecosystem: this.#ecosystem, name: key.slice(this.#keyStart, at), version: key.slice(at + 1) };
      const reason = whyUnsupported(packageVersion);
      if (reason === undefined) packages.push(packageVersion);
      else this.addUnsupported(packageVersion.name, packageVersion.version, reason);
    }
    const warnings = [...this.#warnings];
    const omitted = warnings.length - MAX_WARNINGS;
    return {
      status: 'read',
      packages,
      gaps: [...this.#gaps.values()],
      warnings: omitted > 0 ? [...warnings.slice(0, MAX_WARNINGS), `${omitted} more warnings are not shown`] : warnings,
    };
  }

  #addGap(state: ManifestGap['state'], name: string, requirement: string, reason: string): void {
    const gap: ManifestGap = {
      ecosystem: this.#ecosystem,
      name: visibleText(name, PACKAGE_NAME_MAX_CHARACTERS),
      requirement: visibleText(requirement, REQUIREMENT_MAX_CHARACTERS),
      state,
      reason: visibleText(reason, SENTENCE_MAX_CHARACTERS),
    };
    this.#gaps.set(`${gap.name}\n${gap.requirement}\n${state}`, gap);
    if (this.#gaps.size > MAX_GAPS)
      throw new ReadingLimit(`more than ${MAX_GAPS} entries that name no registry package: the file is taken for damaged`);
  }
}

/** The content of a file that was not recognised to its end. */
export function unreadable(reason: string): ManifestContent {
  return { status: 'error', reason: visibleText(reason, SENTENCE_MAX_CHARACTERS) };
}
