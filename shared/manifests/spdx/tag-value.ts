import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS, whyUnreadable } from '../text.ts';
import { type Relationship, type SpdxDocument, type SpdxPackage, whyUnknownVersion } from './document.ts';

/** The tags of the specification, whole or by their beginning. Another one may be a known one that was damaged. */
const KNOWN_TAGS =
  /^(?:SPDX(?:Version|ID|REF|CREF)?|DataLicense|Document(?:Name|Namespace|Comment)|ExternalDocumentRef|ExternalRef(?:Comment)?|Creator(?:Comment)?|Created|LicenseListVersion|Package[A-Z][A-Za-z]*|FilesAnalyzed|PrimaryPackagePurpose|ReleaseDate|BuiltDate|ValidUntilDate|File[A-Z][A-Za-z]*|Snippet[A-Z][A-Za-z]*|License[A-Z][A-Za-z]*|ExtractedText|Relationship(?:Comment)?|Annotat(?:or|ionDate|ionComment|ionType)|SPDXREF|Review(?:er|Date|Comment)|ArtifactOf[A-Za-z]+)$/;
const KNOWN_PACKAGE_TAGS: ReadonlySet<string> = new Set([
  ...['PackageName', 'PackageVersion', 'PackageFileName', 'PackageSupplier', 'PackageOriginator', 'PackageDownloadLocation'],
  ...['PackageVerificationCode', 'PackageChecksum', 'PackageHomePage', 'PackageSourceInfo', 'PackageLicenseConcluded'],
  ...['PackageLicenseInfoFromFiles', 'PackageLicenseDeclared', 'PackageLicenseComments', 'PackageCopyrightText', 'PackageSummary'],
  ...['PackageDescription', 'PackageComment', 'PackageAttributionText'],
]);
/** Tags that begin something that is no package: what follows belongs to that. */
const BEGINS_OTHER: ReadonlySet<string> = new Set(['FileName', 'SnippetSPDXID', 'LicenseID']);

const LINE = /^([A-Za-z]+):[ \t]*(.*)$/;
const REFERENCE = /^(\S+)[ \t]+(\S+)[ \t]+(\S+)$/;
const RELATIONSHIP = /^(\S+)[ \t]+([A-Z_]+)[ \t]+(\S+)$/;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type OpenPackage = Mutable<SpdxPackage> & { purls: string[] };

/** A document of tags and values, or why it is none. */
export function readTagValue(text: string): SpdxDocument | { readonly reason: string } {
  const broken = whyUnreadable(text);
  if (broken !== undefined) return { reason: broken };
  const packages: OpenPackage[] = [];
  const relationships: Relationship[] = [];
  const warnings: string[] = [];
  let current: OpenPackage | undefined;
  let version: string | undefined;
  for (const entry of entriesOf(text)) {
    if ('reason' in entry) return entry;
    const { tag, value, line } = entry;
    if (version === undefined) {
      if (tag !== 'SPDXVersion') return { reason: `not an SPDX document: line ${line} is "${tag}", and no SPDXVersion stands before it` };
      const unknown = whyUnknownVersion(value);
      if (unknown !== undefined) return { reason: unknown };
      version = value;
      continue;
    }
    if (!KNOWN_TAGS.test(tag) || (tag.startsWith('Package') && !KNOWN_PACKAGE_TAGS.has(tag)))
      warnings.push(`line ${line}: the tag ${tag} is not known, and was not read`);
    if (tag === 'PackageName') {
      current = { id: '', name: value, version: '', purls: [], purpose: '', line, complaint: value === '' ? 'it has no name' : undefined };
      packages.push(current);
      checkEntryCount(packages.length);
    } else if (BEGINS_OTHER.has(tag)) {
      current = undefined;
    } else if (tag === 'Relationship') {
      const [, from = '', type = '', to = ''] = RELATIONSHIP.exec(value) ?? [];
      if (type === '') warnings.push(`line ${line}: not a relationship`);
      relationships.push({ from, type, to });
    } else if (current) {
      setField(current, tag, value, line);
    }
  }
  if (version === undefined) return { reason: 'not an SPDX document: it has no SPDXVersion' };
  return { packages, described: [], relationships, warnings };
}

function setField(current: OpenPackage, tag: string, value: string, line: number): void {
  if (tag === 'SPDXID' && current.id === '') current.id = value;
  else if (tag === 'PackageVersion') current.version = value;
  else if (tag === 'PrimaryPackagePurpose') current.purpose = value;
  else if (tag === 'ExternalRef') {
    const [, , type, locator] = REFERENCE.exec(value) ?? [];
    if (type === 'purl' && locator !== undefined) current.purls.push(locator);
    else if (type === undefined) current.complaint = `line ${line}: not an external reference`;
    else if (locator?.startsWith('pkg:')) current.complaint = `line ${line}: a purl of the type ${type}, not purl`;
  }
}

interface Entry {
  readonly tag: string;
  readonly value: string;
  readonly line: number;
}

/** One after the other; ends with a reason at the first line that fits no grammar. `<text>` may go on over many lines. */
function* entriesOf(text: string): Generator<Entry | { readonly reason: string }> {
  let line = 0;
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    line++;
    const first = line;
    if (end - start > LINE_MAX_CHARACTERS)
      return yield { reason: `line ${line} has ${end - start} characters; SPDX tools write no such lines` };
    const written = text.slice(start, end).trim();
    start = end + 1;
    if (written === '' || written.startsWith('#')) continue;
    const [, tag, value = ''] = LINE.exec(written) ?? [];
    if (tag === undefined) return yield { reason: `line ${line} is no "Tag: value"` };
    if (!value.startsWith('<text>')) {
      yield { tag, value, line };
      continue;
    }
    const close = text.indexOf('</text>', end - value.length);
    if (close < 0) return yield { reason: `line ${line}: its <text> never ends` };
    const within = text.indexOf('<text>', end - value.length + '<text>'.length);
    if (within >= 0 && within < close)
      return yield { reason: `line ${line}: its <text> holds another one, so it was not closed where it ends` };
    for (; start <= close; line++) start = nextLine(text, start);
    yield { tag, value: '', line: first };
  }
}

function nextLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline < 0 ? text.length + 1 : newline + 1;
}
