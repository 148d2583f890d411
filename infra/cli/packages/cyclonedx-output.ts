import type { Ecosystem } from '../../../shared/model/ecosystem.ts';
import type { ManifestPackage } from '../../../shared/model/manifest.ts';
import { toPurl } from '../../../shared/model/purl.ts';
import type { FileReport } from './file-report.ts';
import { packagesOf, placeOf, remarksOn } from './text-output.ts';

/** The specification's three, from the least to the most that is needed. */
const SCOPES = ['excluded', 'optional', 'required'] as const;
type Scope = (typeof SCOPES)[number];

const PROPERTY = 'safedep-watch';

export interface BomFacts {
  /** An UUID of this document. */
  readonly serialNumber: string;
  readonly writtenAt: Date;
  /** Of safedep-watch. */
  readonly toolVersion: string;
  /** What was met and not read, each with its reason. */
  readonly notes: readonly string[];
}

interface MergedComponent {
  readonly found: ManifestPackage;
  scope: Scope | undefined;
  readonly places: Set<string>;
  readonly uses: Set<string>;
}

/**
 * A CycloneDX 1.6 document of everything that was read: a component for each package version, with the lock files that name it as
 * properties. What was not read or cannot be looked up is a property of the document, whose composition is then `incomplete`.
 */
export function toCycloneDx(reports: readonly FileReport[], { serialNumber, writtenAt, toolVersion, notes }: BomFacts): object {
  const merged = new Map<string, MergedComponent>();
  for (const report of reports) for (const found of packagesOf(report)) merge(merged, report, found);
  const remarks = [...reports.flatMap((report) => remarksOn(report).map((remark) => `${report.path}: ${remark}`)), ...notes];
  const isWhole = notes.length === 0 && reports.every(({ content }) => content.status === 'read' && content.gaps.length === 0);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${serialNumber}`,
    version: 1,
    metadata: {
      timestamp: writtenAt.toISOString(),
      tools: { components: [{ type: 'application', name: 'safedep-watch', version: toolVersion }] },
      ...(remarks.length === 0 ? {} : { properties: remarks.map((value) => property('remark', value)) }),
    },
    components: [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([purl, component]) => toComponent(purl, component)),
    compositions: [{ aggregate: isWhole ? 'complete' : 'incomplete' }],
  };
}

function merge(merged: Map<string, MergedComponent>, report: FileReport, found: ManifestPackage): void {
  const purl = toPurl(found);
  let component = merged.get(purl);
  if (!component) {
    component = { found, scope: scopeOf(found), places: new Set(), uses: new Set() };
    merged.set(purl, component);
  }
  component.scope = moreNeeded(component.scope, scopeOf(found));
  component.places.add(placeOf(report, found));
  if (found.relationship !== undefined) component.uses.add(found.relationship);
}

/** `undefined` where the format does not tell, which CycloneDX takes for `required`. */
function scopeOf({ isDevelopment, isOptional }: ManifestPackage): Scope | undefined {
  if (isDevelopment === true) return 'excluded';
  if (isOptional === true) return 'optional';
  return isDevelopment === false || isOptional === false ? 'required' : undefined;
}

function moreNeeded(a: Scope | undefined, b: Scope | undefined): Scope | undefined {
  if (a === undefined || b === undefined) return undefined;
  return SCOPES[Math.max(SCOPES.indexOf(a), SCOPES.indexOf(b))];
}

function toComponent(purl: string, { found, scope, places, uses }: MergedComponent): object {
  const { group, name } = splitName(found);
  return {
    type: 'library',
    'bom-ref': purl,
    ...(group === undefined ? {} : { group }),
    name,
    version: found.version,
    ...(scope === undefined ? {} : { scope }),
    purl,
    properties: [
      ...[...places].map((place) => property('lock-file', place)),
      ...(uses.size === 0 ? [] : [property('relationship', uses.has('direct') ? 'direct' : 'transitive')]),
    ],
  };
}

const GROUPED: ReadonlySet<Ecosystem> = new Set(['NPM', 'JSR', 'PACKAGIST', 'GITHUB_ACTIONS', 'TERRAFORM_PROVIDER']);

function splitName({ ecosystem, name }: ManifestPackage): { readonly group?: string; readonly name: string } {
  const at = ecosystem === 'MAVEN' ? name.indexOf(':') : GROUPED.has(ecosystem) ? name.lastIndexOf('/') : -1;
  return at > 0 ? { group: name.slice(0, at), name: name.slice(at + 1) } : { name };
}

function property(name: string, value: string): object {
  return { name: `${PROPERTY}:${name}`, value };
}
