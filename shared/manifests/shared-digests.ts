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
  const owners = new Map<number, ManifestPackage>();
  /** Of digests whose fingerprint is that of another one. */
  const others = new Map<string, ManifestPackage>();
  const found: LockFilePoisoning[] = [];
  for (const each of content.packages) {
    const { ecosystem, name, version, integrity } = each;
    if (integrity === undefined || integrity.length < DIGEST_MIN_CHARACTERS || !ONE_ARCHIVE_EACH.has(ecosystem)) continue;
    const fingerprint = fingerprintOf(integrity);
    const first = owners.get(fingerprint);
    if (!first) {
      owners.set(fingerprint, each);
      continue;
    }
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
 * Five characters of a digest as one number. They tell nearly all digests apart, and to look for a number takes a quarter of the time
 * that it takes to look for a text of a hundred characters.
 */
function fingerprintOf(integrity: string): number {
  let fingerprint = 0;
  for (let index = 0; index < 5; index++) {
    fingerprint = (fingerprint << 6) | (integrity.charCodeAt(ALGORITHM_MAX_CHARACTERS + index) & 0x3f);
  }
  return fingerprint;
}
