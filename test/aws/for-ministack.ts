import type { Template, TemplateResource } from '../../infra/aws/merge-templates.ts';

/**
 * What has to differ from the synthesised templates for the emulator, and only that. Its account is 000000000000.
 *
 * 1. It serves plain HTTP, and takes a policy's refusal of plain HTTP at its word: those statements go. `enforceSSL` is asserted on the
 *    templates instead.
 * 2. `Ref` of a secret gives the secret's name there, where AWS gives its ARN. A policy needs the ARN, so it is written out.
 * 3. It has no alarms on metric math: such an alarm watches the first of its metrics. Nothing here looks at alarms.
 * 4. It takes `sqs:SendMessageBatch` for an action of its own. On AWS there is none: who may send may send ten at once.
 * 5. It knows no schedule of a rotation: that resource goes, and is asserted on the templates instead.
 * 6. Some functions get variables that point them at stand-ins.
 */

export interface ForMinistackOptions {
  readonly region: string;
  /** By the function's logical id. */
  readonly variables: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Json = Readonly<Record<string, unknown>>;

interface MetricStat {
  readonly Metric: Json;
  readonly Period: number;
  readonly Stat: string;
}

export function forMinistack(templates: readonly Template[], options: ForMinistackOptions): Template[] {
  const secretArns = findSecretArns(templates, options.region);
  return templates.map((template) => {
    const kept = Object.entries(template.Resources).flatMap(([logicalId, resource]) => {
      const changed = changeResource(logicalId, resource, secretArns, options);
      return changed ? [[logicalId, changed] as const] : [];
    });
    const logicalIds = new Set(kept.map(([logicalId]) => logicalId));
    return {
      ...template,
      Resources: Object.fromEntries(kept.map(([logicalId, resource]) => [logicalId, withoutDependencies(resource, logicalIds)])),
    };
  });
}

/** ARN pattern by how a template refers to the secret: its own logical id, or the name under which a stack exports it. */
function findSecretArns(templates: readonly Template[], region: string): Map<string, string> {
  const arns = new Map<string, string>();
  for (const { Resources, Outputs = {} } of templates) {
    for (const [logicalId, { Type, Properties }] of Object.entries(Resources)) {
      if (Type !== 'AWS::SecretsManager::Secret') continue;
      const arn = `arn:aws:secretsmanager:${region}:000000000000:secret:${String(Properties?.['Name'])}-??????`;
      arns.set(logicalId, arn);
      for (const { Value, Export } of Object.values(Outputs)) {
        if (Export && (Value as Json | undefined)?.['Ref'] === logicalId) arns.set(String(Export.Name), arn);
      }
    }
  }
  return arns;
}

function changeResource(
  logicalId: string,
  resource: TemplateResource,
  secretArns: ReadonlyMap<string, string>,
  { variables }: ForMinistackOptions,
): TemplateResource | undefined {
  const properties = resource.Properties ?? {};
  switch (resource.Type) {
    case 'AWS::SQS::QueuePolicy':
    case 'AWS::SNS::TopicPolicy': {
      const document = properties['PolicyDocument'] as { readonly Statement: readonly Json[] };
      const statements = document.Statement.filter((statement) => !JSON.stringify(statement).includes('"aws:SecureTransport":"false"'));
      if (statements.length === 0) return undefined;
      return { ...resource, Properties: { ...properties, PolicyDocument: { ...document, Statement: statements } } };
    }
    case 'AWS::CloudWatch::Alarm': {
      const { Metrics: metrics, ...rest } = properties as { readonly Metrics?: readonly { readonly MetricStat?: MetricStat }[] };
      const [stat] = (metrics ?? []).flatMap(({ MetricStat }) => MetricStat ?? []);
      if (!stat) return resource;
      return { ...resource, Properties: { ...rest, ...stat.Metric, Period: stat.Period, Statistic: stat.Stat } };
    }
    case 'AWS::SecretsManager::RotationSchedule':
      return undefined;
    case 'AWS::IAM::Policy':
      return { ...resource, Properties: withBatchSending(withSecretArns(properties, secretArns) as Json) };
    case 'AWS::Lambda::Function': {
      const added = variables[logicalId];
      if (!added) return resource;
      const environment = properties['Environment'] as { readonly Variables: Json };
      return { ...resource, Properties: { ...properties, Environment: { Variables: { ...environment.Variables, ...added } } } };
    }
    default:
      return resource;
  }
}

function withBatchSending(properties: Json): Json {
  const document = properties['PolicyDocument'] as { readonly Statement: readonly Json[] };
  const statements = document.Statement.map((statement) => {
    const actions = [statement['Action']].flat();
    return actions.includes('sqs:SendMessage') ? { ...statement, Action: [...actions, 'sqs:SendMessageBatch'] } : statement;
  });
  return { ...properties, PolicyDocument: { ...document, Statement: statements } };
}

function withSecretArns(node: unknown, secretArns: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(node)) return node.map((item) => withSecretArns(item, secretArns));
  if (typeof node !== 'object' || node === null) return node;
  const [key, value] = Object.entries(node)[0] ?? [];
  const arn = key === 'Ref' || key === 'Fn::ImportValue' ? secretArns.get(String(value)) : undefined;
  return arn ?? Object.fromEntries(Object.entries(node).map(([name, inner]) => [name, withSecretArns(inner, secretArns)]));
}

function withoutDependencies(resource: TemplateResource, kept: ReadonlySet<string>): TemplateResource {
  const { DependsOn, ...rest } = resource;
  const dependencies = [DependsOn ?? []].flat().filter((logicalId) => kept.has(logicalId));
  return dependencies.length > 0 ? { ...rest, DependsOn: dependencies } : rest;
}
