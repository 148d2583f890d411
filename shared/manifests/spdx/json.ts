import { checkEntryCount } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { type Relationship, type SpdxDocument, type SpdxPackage, whyUnknownVersion } from './document.ts';

/** What may stand at the top of a document: packages under another spelling must not pass for none. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...['spdxVersion', 'SPDXID', 'name', 'dataLicense', 'documentNamespace', 'creationInfo', 'comment', 'externalDocumentRefs'],
  ...[
    'hasExtractedLicensingInfos',
    'annotations',
    'documentDescribes',
    'packages',
    'files',
    'snippets',
    'relationships',
    'reviews',
    'revieweds',
  ],
  ...['describesPackages', '$schema'],
]);

/** A document in JSON, or why it is none. */
export function readJson(bytes: Uint8Array, text: string): SpdxDocument | { readonly reason: string } {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed;
  const document = parsed.value;
  if (!isObject(document)) return { reason: 'not an SPDX document: not a JSON object' };
  if (own(document, '@graph') !== undefined) return { reason: 'SPDX 3 is not known; SPDX-2.0 to SPDX-2.3 are' };
  const unknown = whyUnknownVersion(shown(own(document, 'spdxVersion')));
  if (unknown !== undefined) return { reason: unknown };
  const packages = own(document, 'packages') ?? [];
  const relationships = own(document, 'relationships') ?? [];
  if (!Array.isArray(packages)) return { reason: 'not an SPDX document: its "packages" are no list' };
  if (!Array.isArray(relationships)) return { reason: 'not an SPDX document: its "relationships" are no list' };
  checkEntryCount(packages.length);
  const described = own(document, 'documentDescribes');
  return {
    packages: packages.map(toPackage),
    described: Array.isArray(described) ? described.filter((id) => typeof id === 'string') : [],
    relationships: relationships.flatMap(toRelationship),
    warnings: Object.keys(document)
      .filter((key) => !KNOWN_KEYS.has(key))
      .map((key) => `its ${JSON.stringify(key)} is not known, and was not read`),
  };
}

function toPackage(entry: unknown): SpdxPackage {
  const nothing = { id: '', name: 'a package', version: '', purls: [], purpose: '' };
  if (!isObject(entry)) return { ...nothing, version: shown(entry), complaint: `a package that is ${shown(entry)}, not an object` };
  const [id, name, version, purpose] = ['SPDXID', 'name', 'versionInfo', 'primaryPackagePurpose'].map((key) => own(entry, key));
  const references = own(entry, 'externalRefs');
  const purls: string[] = [];
  let complaint = typeof name === 'string' && name !== '' ? undefined : 'it has no name';
  if (version !== undefined && typeof version !== 'string') complaint = `its "versionInfo" is ${shown(version)}, not text`;
  if (references !== undefined && !Array.isArray(references)) complaint = `its "externalRefs" are ${shown(references)}, not a list`;
  for (const reference of Array.isArray(references) ? references : []) {
    if (!isObject(reference) || own(reference, 'referenceType') !== 'purl') continue;
    const locator = own(reference, 'referenceLocator');
    if (typeof locator === 'string') purls.push(locator);
    else complaint = `its purl is ${shown(locator)}, not text`;
  }
  return { id: shown(id), name: shown(name) || 'a package', version: shown(version), purls, purpose: shown(purpose), complaint };
}

function toRelationship(entry: unknown): Relationship[] {
  if (!isObject(entry)) return [];
  const [from, type, to] = ['spdxElementId', 'relationshipType', 'relatedSpdxElement'].map((key) => shown(own(entry, key)));
  return [{ from: from ?? '', type: type ?? '', to: to ?? '' }];
}
