import { ECOSYSTEMS, type Ecosystem } from '../model/ecosystem.ts';
import { parsePackageUrl, parsePurl } from '../model/purl.ts';
import { type EntryFacts, isVersion, type Reading } from './reading.ts';

/** An entry of an SBOM document, which names its package by a purl. */
export interface PurlEntry {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly facts?: EntryFacts;
}

const MAPPED_TYPES: ReadonlySet<string> = new Set(Object.values(ECOSYSTEMS).map(({ purlType }) => purlType));
/** No name of any ecosystem holds these: white space, control characters, a folder above. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const ILLEGAL_NAME = /[\s\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\\]|(?:^|\/)\.{1,2}(?:\/|$)/;
/** Versions of some ecosystems are refs or digests, with signs that others do not have. */
const ILLEGAL_VERSION = /[\s\p{Cc}\p{Cf}@]/u;

/** Registries that tell names in capitals from others, and whose purls are in lower case all the same: the entry's own name is the better one. */
const WRITTEN_LOWER: ReadonlySet<Ecosystem> = new Set(['NPM', 'GO', 'GITHUB_ACTIONS']);

/** Adds what the purl says; a purl that is none, or of a type without an ecosystem here, is a gap. */
export function addPurl({ name, version, purl, facts }: PurlEntry, reading: Reading): void {
  const packageUrl = parsePackageUrl(purl);
  if (!packageUrl) {
    reading.addUnresolved(name, purl, 'its purl is none');
    return;
  }
  const { type } = packageUrl;
  if (!MAPPED_TYPES.has(type) || type === ECOSYSTEMS.OTHER.purlType) {
    reading.addUnsupported(name, purl, `of the purl type ${type}, which no registry of packages here serves`);
    return;
  }
  const found = parsePurl(purl);
  if (!found) {
    reading.addUnresolved(name, purl || version, 'its purl names no version');
  } else if (ILLEGAL_NAME.test(found.name) || (!isVersion(found.version) && ILLEGAL_VERSION.test(found.version))) {
    reading.in(found.ecosystem).addUnresolved(found.name, found.version, 'not a legal package name and version');
  } else {
    const isSame = WRITTEN_LOWER.has(found.ecosystem) && name.toLowerCase() === found.name.toLowerCase();
    reading.in(found.ecosystem).addPackage(isSame ? name : found.name, found.version, facts);
  }
}
