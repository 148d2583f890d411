import { addPurl } from '../purl-entries.ts';
import type { Reading } from '../reading.ts';

/** A package of a document, whichever syntax it is written in. Absent texts are empty. */
export interface SpdxPackage {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly purls: readonly string[];
  /** `FILE`, `CONTAINER`, `OPERATING-SYSTEM`, … */
  readonly purpose: string;
  readonly line?: number;
  /** Why it is none, where it is not of the form that the specification gives it. */
  readonly complaint?: string | undefined;
}

export interface Relationship {
  readonly from: string;
  readonly type: string;
  readonly to: string;
}

export interface SpdxDocument {
  readonly packages: readonly SpdxPackage[];
  /** Ids that `documentDescribes` lists. */
  readonly described: readonly string[];
  readonly relationships: readonly Relationship[];
  readonly warnings: readonly string[];
}

const DOCUMENT_ID = 'SPDXRef-DOCUMENT';
/** Purposes that are no software package. */
const NO_PACKAGES: ReadonlySet<string> = new Set(['FILE', 'OPERATING-SYSTEM', 'OPERATING_SYSTEM', 'DEVICE', 'FIRMWARE', 'ARCHIVE']);

const KNOWN_VERSION = /^SPDX-2\.[0-3]$/;

/** Why a document of this version of the specification is not read. */
export function whyUnknownVersion(spdxVersion: string): string | undefined {
  if (KNOWN_VERSION.test(spdxVersion)) return undefined;
  return spdxVersion === '' ? 'not an SPDX document: it has no SPDX version' : `${spdxVersion} is not known; SPDX-2.0 to SPDX-2.3 are`;
}

export function addDocument({ packages, described, relationships, warnings }: SpdxDocument, reading: Reading): void {
  for (const warning of warnings) reading.addWarning(warning);
  const subjects = subjectsOf(packages, described, relationships);
  const targets = (wanted: (relationship: Relationship) => boolean, end: 'from' | 'to') =>
    new Set(relationships.filter(wanted).map((relationship) => relationship[end]));
  const direct = targets(({ from, type }) => type === 'DEPENDS_ON' && subjects.has(from), 'to');
  const development = targets(({ type }) => type === 'DEV_DEPENDENCY_OF' || type === 'TEST_DEPENDENCY_OF', 'from');
  const optional = targets(({ type }) => type === 'OPTIONAL_DEPENDENCY_OF', 'from');
  let omitted = 0;
  for (const { id, name, version, purls, purpose, line, complaint } of packages) {
    if (complaint !== undefined) reading.addUnresolved(name || id, version, complaint);
    else if (subjects.has(id)) reading.addLocal(name, version, 'what the document is about');
    else if (purls.length > 0) {
      const facts = {
        ...(direct.size > 0 ? { relationship: direct.has(id) ? ('direct' as const) : ('transitive' as const) } : {}),
        ...(development.has(id) ? { isDevelopment: true } : {}),
        ...(optional.has(id) ? { isOptional: true } : {}),
        ...(line === undefined ? {} : { line }),
      };
      for (const purl of purls) addPurl({ name, version, purl, facts }, reading);
    } else if (NO_PACKAGES.has(purpose)) omitted++;
    else reading.addUnsupported(name, version, 'has no purl, so nobody can be asked about it');
  }
  if (omitted > 0) reading.addWarning(`${omitted} are no packages, but files, devices, archives or operating systems`);
}

/** What the document is about: our own code. Where it describes all of its several packages, it is a list of packages and about none. */
function subjectsOf(
  packages: readonly SpdxPackage[],
  described: readonly string[],
  relationships: readonly Relationship[],
): ReadonlySet<string> {
  const subjects = new Set(described);
  for (const { from, type, to } of relationships) {
    if (type === 'DESCRIBES' && from === DOCUMENT_ID) subjects.add(to);
    if (type === 'DESCRIBED_BY' && to === DOCUMENT_ID) subjects.add(from);
  }
  const isList = packages.length > 1 && packages.every(({ id }) => subjects.has(id));
  return isList ? new Set() : subjects;
}
