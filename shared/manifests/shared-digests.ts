import type { Ecosystem } from '../model/ecosystem.ts';
import type { LockFilePoisoning, ManifestContent, ManifestPackage } from '../model/manifest.ts';

/** Registries that serve one archive for each version, with name and version in it: no two can have one digest. */
const ONE_ARCHIVE_EACH: ReadonlySet<Ecosystem> = new Set<Ecosystem>(['NPM', 'NUGET']);
/** SHA-1 in hexadecimal; what is shorter is no digest. */
const DIGEST_MIN_CHARACTERS = 40;
/** `sha512-`: digests differ behind that. */
const ALGORITHM_MAX_CHARACTERS = 7;
/** Beyond these a file has no true digests at all. */
const MAX_LISTED = 20;

/** Adds the packages that have the digest of another one: then one of the two is fetched as something else. */
export function withDigestPoisonings(content: ManifestContent): ManifestContent {
  if (content.status === 'error') return content;
  const owners = new Owners(content.packages);
  /** Of digests whose fingerprint is that of another one. */
  const others = new Map<string, ManifestPackage>();
  const found: LockFilePoisoning[] = [];
  for (const [index, each] of content.packages.entries()) {
    const { ecosystem, name, version, integrity } = each;
    if (integrity === undefined || integrity.length < DIGEST_MIN_CHARACTERS || !ONE_ARCHIVE_EACH.has(ecosystem)) continue;
    const first = owners.firstOf(integrity, index);
    if (!first) continue;
    const owner = first.integrity === integrity ? first : others.get(integrity);
    if (!owner) others.set(integrity, each);
    else if (owner.ecosystem === ecosystem && found.length < MAX_LISTED) {
      const detail = `${name}@${version} has the digest of ${owner.name}@${owner.version}: one of them is fetched as something else`;
      found.push({ rule: owner.name === name ? 'other-version' : 'other-package', packageVersion: { ecosystem, name, version }, detail });
    }
  }
  return found.length === 0 ? content : { ...content, poisonings: [...content.poisonings, ...found] };
}

/**
 * The first package with each fingerprint, found by it. Five characters of a digest as one number tell nearly all digests apart, and
 * to look for a number takes much less time than to look for a text of a hundred characters.
 */
class Owners {
  readonly #packages: readonly ManifestPackage[];
  /** Fingerprint and index in `#packages` plus one (0: free), side by side; at least half of it stays free. */
  readonly #slots: Int32Array;

  constructor(packages: readonly ManifestPackage[]) {
    this.#packages = packages;
    this.#slots = new Int32Array(2 * 2 ** Math.ceil(Math.log2(2 * packages.length + 1)));
  }

  /** Notes the package as the first one of its digest's fingerprint, or returns the one that is. */
  firstOf(integrity: string, index: number): ManifestPackage | undefined {
    const slots = this.#slots;
    let fingerprint = 0;
    for (let at = ALGORITHM_MAX_CHARACTERS; at < ALGORITHM_MAX_CHARACTERS + 5; at++) {
      fingerprint = (fingerprint << 6) | (integrity.charCodeAt(at) & 0x3f);
    }
    let slot = 2 * (fingerprint & (slots.length / 2 - 1));
    for (; slots[slot + 1] !== 0; slot = (slot + 2) & (slots.length - 1)) {
      if (slots[slot] === fingerprint) return this.#packages[(slots[slot + 1] ?? 0) - 1];
    }
    slots[slot] = fingerprint;
    slots[slot + 1] = index + 1;
    return undefined;
  }
}
