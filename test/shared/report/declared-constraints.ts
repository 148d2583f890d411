import { type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';

interface Constraint {
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly unique?: boolean;
  readonly uri?: boolean;
  /** Of each entry of a list. */
  readonly items?: Constraint;
}

/** What upstream's descriptors declare of the fields that a report session uses: characters of texts, entries of lists. */
export const DECLARED: Readonly<Record<string, Constraint>> = {
  'safedep.services.controltower.v1.CreateToolSessionRequest.tool_name': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.tool_version': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.project_name': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.project_version': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.git_ref': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.git_sha': { min: 1, max: 100 },
  'safedep.services.controltower.v1.CreateToolSessionRequest.origin_project_url': { min: 1, max: 200, uri: true },
  'safedep.services.controltower.v1.ToolSession.tool_session_id': { min: 1, max: 100 },
  'safedep.services.controltower.v1.PublishPackageInsightRequest.tool_session': { required: true },
  'safedep.services.controltower.v1.PublishPackageInsightRequest.manifest': { required: true },
  'safedep.services.controltower.v1.PublishPackageInsightRequest.package_version': { required: true },
  'safedep.services.controltower.v1.PublishPackageInsightRequest.package_version_insight': { required: true },
  'safedep.services.controltower.v1.PublishPackageInsightRequest.MaliciousPackageInsight.analysis_id': { min: 1, max: 100 },
  'safedep.services.controltower.v1.PublishPolicyViolationRequest.tool_session': { required: true },
  'safedep.services.controltower.v1.PublishPolicyViolationRequest.manifest': { required: true },
  'safedep.services.controltower.v1.PublishPolicyViolationRequest.package_version': { required: true },
  'safedep.services.controltower.v1.PublishPolicyViolationRequest.violation': { required: true },
  'safedep.messages.package.v1.PackageManifest.namespace': { min: 1, max: 500 },
  'safedep.messages.package.v1.PackageManifest.name': { min: 1, max: 100 },
  'safedep.messages.package.v1.PackageVersion.package': { required: true },
  'safedep.messages.package.v1.PackageVersion.version': { min: 1, max: 100 },
  'safedep.messages.package.v1.Package.name': { min: 1, max: 255 },
  'safedep.messages.package.v1.PackageVersionInsight.dependencies': { min: 0, max: 200 },
  'safedep.messages.package.v1.PackageVersionInsight.vulnerabilities': { min: 0, max: 100 },
  'safedep.messages.package.v1.PackageVersionInsight.project_insights': { min: 0, max: 10 },
  'safedep.messages.package.v1.PackageVersionInsight.depends_on': { min: 0, max: 500 },
  'safedep.messages.package.v1.PackageVersionInsight.registries': { min: 0, max: 10 },
  'safedep.messages.package.v1.PackageVersionInsight.slsa_provenances': { min: 0, max: 10 },
  'safedep.messages.package.v1.PackageVersionInsight.available_versions': { min: 0, max: 100 },
  'safedep.messages.package.v1.LicenseMeta.license_id': { min: 3 },
  'safedep.messages.package.v1.LicenseMeta.name': { required: true },
  'safedep.messages.vulnerability.v1.Vulnerability.id': { required: true },
  'safedep.messages.vulnerability.v1.Vulnerability.summary': { min: 0, max: 1000 },
  'safedep.messages.vulnerability.v1.Vulnerability.aliases': { min: 0, max: 10 },
  'safedep.messages.vulnerability.v1.Vulnerability.related': { min: 0, max: 10 },
  'safedep.messages.vulnerability.v1.Vulnerability.severities': { min: 0, max: 10 },
  'safedep.messages.vulnerability.v1.VulnerabilityIdentifier.value': { min: 1, max: 100 },
  'safedep.messages.vulnerability.v1.Severity.score': { min: 1, max: 10 },
  'safedep.messages.policy.v1.Violation.evidences': { min: 0, max: 10 },
  'safedep.messages.policy.v1.ViolationEvidence.evidence': { min: 0, max: 1000 },
  'safedep.messages.policy.v1.Rule.name': { min: 1, max: 250 },
  'safedep.messages.policy.v1.Rule.value': { min: 1, max: 1000 },
  'safedep.messages.policy.v1.Rule.labels': { min: 0, max: 10, unique: true, items: { min: 1, max: 50 } },
};

/** Constraint of a schema table's own notation, without what every enum has. */
export function toConstraint(validate: string): Constraint {
  type Rules = Record<string, string | boolean>;
  const { required, string, repeated } = JSON.parse(validate) as {
    required?: boolean;
    string?: Rules;
    repeated?: Rules & { items?: { string?: Rules } };
  };
  const bounds = (rules: Rules | undefined, kind: 'len' | 'items'): Constraint => ({
    ...(rules?.[`min_${kind}`] === undefined ? {} : { min: Number(rules[`min_${kind}`]) }),
    ...(rules?.[`max_${kind}`] === undefined ? {} : { max: Number(rules[`max_${kind}`]) }),
  });
  return {
    ...(required ? { required } : {}),
    ...bounds(string, 'len'),
    ...(string?.['uri'] ? { uri: true } : {}),
    ...bounds(repeated, 'items'),
    ...(repeated?.['unique'] ? { unique: true } : {}),
    ...(repeated?.items?.string ? { items: bounds(repeated.items.string, 'len') } : {}),
  };
}

function breaches(constraint: Constraint, value: unknown): string[] {
  const found: string[] = [];
  if (typeof value === 'string') {
    const length = Array.from(value).length;
    if (length < (constraint.min ?? 0)) found.push('too short');
    if (length > (constraint.max ?? Number.POSITIVE_INFINITY)) found.push('too long');
    if (constraint.required && value === '') found.push('missing');
    if (constraint.uri && !URL.canParse(value)) found.push('no URI');
    if (!value.isWellFormed()) found.push('no Unicode');
  }
  if (Array.isArray(value)) {
    if (value.length > (constraint.max ?? Number.POSITIVE_INFINITY)) found.push('too many');
    if (constraint.unique && new Set(value).size < value.length) found.push('not unique');
    for (const item of value) found.push(...breaches(constraint.items ?? {}, item));
  }
  return found;
}

/** Every declared constraint that a message breaks, anywhere in it. Fields without presence are held to theirs also when empty. */
export function breachesOf<T extends DescMessage>(schema: T, message: Message): string[] {
  const reflected = reflect(schema, message as never);
  const found: string[] = [];
  for (const field of schema.fields) {
    const name = `${schema.typeName}.${field.name}`;
    const constraint = DECLARED[name] ?? {};
    if (constraint.required && !reflected.isSet(field)) found.push(`${name}: missing`);
    const hasPresence = field.presence !== FeatureSet_FieldPresence.IMPLICIT && field.fieldKind !== 'list';
    if (hasPresence && !reflected.isSet(field)) continue;
    if (field.fieldKind === 'message') {
      if (reflected.isSet(field)) found.push(...breachesOf(field.message, reflected.get(field).message));
    } else if (field.fieldKind === 'list') {
      const items = Array.from(reflected.get(field));
      const plain = items.map((item) => (field.listKind === 'message' ? (item as { message: Message }).message : item));
      found.push(...breaches(constraint, plain).map((text) => `${name}: ${text}`));
      if (field.listKind === 'message') for (const item of plain) found.push(...breachesOf(field.message, item as Message));
    } else if (field.fieldKind === 'enum') {
      const number = reflected.get(field) as number;
      if (!field.enum.values.some((value) => value.number === number)) found.push(`${name}: undefined value`);
    } else if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) {
      found.push(...breaches(constraint, reflected.get(field)).map((text) => `${name}: ${text}`));
    }
  }
  return found;
}
