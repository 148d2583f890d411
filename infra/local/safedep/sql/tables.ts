import { createHash } from 'node:crypto';
import { Project_Source } from '#safedep-api/safedep/messages/controltower/v1/project_pb.js';
import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import { Severity_Risk } from '#safedep-api/safedep/messages/vulnerability/v1/severity_pb.js';
import type { KeptSession } from '../tool-sessions.ts';

export type SqlValue = string | number | boolean;

type ColumnType = 'STRING' | 'BOOL' | 'TIMESTAMP' | 'ENUM';

export interface SqlColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly description: string;
  /** Of an enum: its numbers by name, as rows have numbers. */
  readonly enumNumbers?: Readonly<Record<string, number>>;
}

export interface SqlTable {
  readonly name: string;
  readonly description: string;
  /** A table of the service's own knowledge, which can only be joined to the tenant's. */
  readonly joinOnly: boolean;
  /** What a row belongs to. Rows of two tables are joined where they agree in all that both belong to. */
  readonly belongsTo: readonly Belonging[];
  readonly columns: readonly SqlColumn[];
}

type Belonging = 'project' | 'version' | 'bom' | 'component' | 'vulnerability' | 'licence';

export interface SqlRow {
  /** Values of `belongsTo`. */
  readonly place: Readonly<Partial<Record<Belonging, string>>>;
  readonly values: Readonly<Record<string, SqlValue>>;
}

/** Numbers of a generated enum by name, without what reflection adds. */
function numbersOf(names: object, prefix: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, number]) => (typeof number === 'number' ? [[`${prefix}${name}`, number]] : [])),
  );
}

const text = (name: string, description: string): SqlColumn => ({ name, type: 'STRING', description });
const ECOSYSTEM: SqlColumn = { ...text('ecosystem', 'of the package'), type: 'ENUM', enumNumbers: numbersOf(Ecosystem, 'ECOSYSTEM_') };
const SOURCE: SqlColumn = {
  ...text('origin_source', 'where the project is kept'),
  type: 'ENUM',
  enumNumbers: numbersOf(Project_Source, 'SOURCE_'),
};
const RATING: SqlColumn = { ...text('severity_rating', 'as reported'), type: 'ENUM', enumNumbers: numbersOf(Severity_Risk, 'RISK_') };
const BOM_STATUS: SqlColumn = {
  ...text('status', 'latest or older'),
  type: 'ENUM',
  enumNumbers: { STATUS_LATEST: 1, STATUS_HISTORICAL: 2 },
};

const TO_A_COMPONENT: readonly Belonging[] = ['project', 'version', 'bom', 'component'];

/** The tables that can be asked for: those of SafeDep's that a report fills, with the columns that are known of them. */
export const SQL_TABLES: readonly SqlTable[] = [
  table('projects', 'what was reported', ['project'], [text('id', 'of the project'), text('name', 'as reported'), SOURCE]),
  table(
    'project_versions',
    'versions of projects',
    ['project', 'version'],
    [text('id', 'of the version'), text('project_id', 'its project'), text('version', 'as reported')],
  ),
  table(
    'boms',
    'bills of materials: the last report of each version',
    ['project', 'version', 'bom'],
    [text('id', 'of the report session'), BOM_STATUS, { name: 'created_at', type: 'TIMESTAMP', description: 'when it was reported' }],
  ),
  table('packages', 'package versions of the bills of materials', TO_A_COMPONENT, [
    text('id', 'of the package version'),
    text('name', 'of the package'),
    text('version', 'of the package'),
    ECOSYSTEM,
  ]),
  table(
    'component_vulnerabilities',
    'vulnerabilities of packages',
    [...TO_A_COMPONENT, 'vulnerability'],
    [text('component_id', 'its package'), text('vulnerability_id', 'its vulnerability')],
  ),
  table(
    'component_licenses',
    'licences of packages',
    [...TO_A_COMPONENT, 'licence'],
    [text('component_id', 'its package'), text('license_code', 'its licence')],
  ),
  table('component_malicious_packages', 'malware answers of packages', TO_A_COMPONENT, [
    text('component_id', 'its package'),
    text('analysis_id', 'of the answer'),
    { name: 'is_malware', type: 'BOOL', description: 'inferred or verified' },
    { name: 'is_verified', type: 'BOOL', description: 'by people' },
  ]),
  {
    ...table('vulnerabilities', 'vulnerabilities that were reported', ['vulnerability'], [text('vuln_id', 'its id'), RATING]),
    joinOnly: true,
  },
  {
    ...table(
      'licenses',
      'licences that were reported',
      ['licence'],
      [text('license_code', 'its code'), text('spdx_license_id', 'its SPDX id')],
    ),
    joinOnly: true,
  },
];

function table(name: string, description: string, belongsTo: readonly Belonging[], columns: readonly SqlColumn[]): SqlTable {
  return { name, description: `made up: ${description}`, joinOnly: false, belongsTo, columns };
}

/** Rows of every table, from the last successful report of each version of each project. */
export function sqlRows(sessions: readonly KeptSession[]): ReadonlyMap<string, readonly SqlRow[]> {
  const rows = new Map<string, Map<string, SqlRow>>(SQL_TABLES.map(({ name }) => [name, new Map()]));
  const add = (name: string, place: SqlRow['place'], values: SqlRow['values']) =>
    void rows.get(name)?.set(JSON.stringify(place), { place, values });
  for (const { id: bom, request, createdAtMs, components } of sessions) {
    const project = idOf('project', request.projectName);
    const version = idOf('version', request.projectName, request.projectVersion ?? '');
    add('projects', { project }, { id: project, name: request.projectName, origin_source: request.originProjectSource ?? 0 });
    add('project_versions', { project, version }, { id: version, project_id: project, version: request.projectVersion ?? '' });
    const created = new Date(createdAtMs).toISOString();
    add('boms', { project, version, bom }, { id: bom, status: 1, created_at: created });
    for (const { packageVersion, packageVersionInsight, maliciousPackageInsight } of components.values()) {
      const { ecosystem = 0, name = '' } = packageVersion?.package ?? {};
      const component = idOf('component', String(ecosystem), name, packageVersion?.version ?? '');
      const place = { project, version, bom, component };
      add('packages', place, { id: component, name, version: packageVersion?.version ?? '', ecosystem });
      for (const { id: identifier, severities } of packageVersionInsight?.vulnerabilities ?? []) {
        const vulnerability = identifier?.value ?? '';
        add('component_vulnerabilities', { ...place, vulnerability }, { component_id: component, vulnerability_id: vulnerability });
        add('vulnerabilities', { vulnerability }, { vuln_id: vulnerability, severity_rating: severities[0]?.risk ?? 0 });
      }
      for (const { licenseId: licence } of packageVersionInsight?.licenses?.licenses ?? []) {
        add('component_licenses', { ...place, licence }, { component_id: component, license_code: licence });
        add('licenses', { licence }, { license_code: licence, spdx_license_id: licence });
      }
      if (maliciousPackageInsight) {
        const { analysisId, isMalware, isVerified } = maliciousPackageInsight;
        const values = { component_id: component, analysis_id: analysisId, is_malware: isMalware, is_verified: isVerified };
        add('component_malicious_packages', place, values);
      }
    }
  }
  return new Map([...rows].map(([name, byPlace]) => [name, [...byPlace.values()]]));
}

function idOf(...parts: readonly string[]): string {
  return `made-up-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24)}`;
}
