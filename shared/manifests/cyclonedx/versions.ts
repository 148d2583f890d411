/** 1.7 is the newest; what a later one means is not known yet. */
const KNOWN = /^1\.[0-7]$/;

/** Why a document of this version of the specification is not read. */
export function whyUnknownVersion(specVersion: string): string | undefined {
  if (KNOWN.test(specVersion)) return undefined;
  return `CycloneDX ${specVersion === '' ? 'without a version' : specVersion} is not known; 1.0 to 1.7 are`;
}

/** What a component may have, in any version, in JSON or XML. A packages' list under another spelling must not pass for none. */
const COMPONENT_KEYS: ReadonlySet<string> = new Set([
  ...['type', 'mime-type', 'bom-ref', 'supplier', 'manufacturer', 'author', 'authors', 'publisher', 'group', 'name', 'version'],
  ...['versionRange', 'isExternal', 'description', 'scope', 'hashes', 'licenses', 'copyright', 'cpe', 'purl', 'omniborId', 'swhid', 'swid'],
  ...['modified', 'pedigree', 'externalReferences', 'components', 'evidence', 'releaseNotes', 'modelCard', 'data', 'cryptoProperties'],
  ...['properties', 'tags', 'signature', 'Signature', 'patentAssertions'],
]);

/** What a document may have at its top. */
const BOM_KEYS: ReadonlySet<string> = new Set([
  ...['$schema', 'bomFormat', 'specVersion', 'serialNumber', 'version', 'metadata', 'components', 'services', 'externalReferences'],
  ...['dependencies', 'compositions', 'vulnerabilities', 'annotations', 'formulation', 'properties', 'signature', 'Signature'],
  ...['declarations', 'definitions', 'citations'],
]);

/** A warning about the first of these that no version of the specification has. */
export function findUnknown(where: 'bom' | 'component', keys: readonly string[]): string | undefined {
  const known = where === 'bom' ? BOM_KEYS : COMPONENT_KEYS;
  const unknown = keys.find((key) => !known.has(key));
  return unknown === undefined
    ? undefined
    : `the ${where} has a ${JSON.stringify(unknown)}, which no version of the specification knows: it was not read`;
}
