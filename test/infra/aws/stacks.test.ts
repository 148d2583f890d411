import { describe, expect, it } from 'vitest';
import { FUNCTION_NAMES } from '../../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../../infra/aws/constructs/logical-id.ts';
import { ENVIRONMENTS, LOCAL_ONLY_VARIABLES } from '../../../infra/aws/environments.ts';
import { checkTemplates, describeFindings } from '../../../infra/aws/template-checks.ts';
import { TABLE_SHAPES } from '../../../shared/aws/tables.ts';
import { byId, resourcesOfType, synthesiseStacks } from './synthesised-stacks.ts';

const { app, state, pipeline, merged } = synthesiseStacks({ tenant: 'acme', reports: 'off' });

const DAY_SECONDS = 24 * 3600;
const functions = resourcesOfType(pipeline, 'AWS::Lambda::Function');
const queues = resourcesOfType(pipeline, 'AWS::SQS::Queue');
const mappings = resourcesOfType(pipeline, 'AWS::Lambda::EventSourceMapping');
const tables = resourcesOfType(state, 'AWS::DynamoDB::GlobalTable');
const secrets = resourcesOfType(state, 'AWS::SecretsManager::Secret');
const workQueues = queues.filter(({ properties }) => properties.RedrivePolicy);
const deadLetterQueues = queues.filter(({ properties }) => !properties.RedrivePolicy);

describe('both stacks', () => {
  it('pass the AwsSolutions rules', () => {
    expect(describeFindings(checkTemplates(app))).toBe('');
  });

  it('belong to no account and region', () => {
    expect(JSON.stringify(merged)).not.toMatch(/\b\d{12}\b|(us|eu|ap)-[a-z]+-\d/);
  });

  it('need no parameter', () => {
    expect([state, pipeline].map((template) => Object.keys(template).sort())).toEqual([
      ['Description', 'Outputs', 'Resources'],
      ['Description', 'Outputs', 'Resources'],
    ]);
  });
});

describe('state', () => {
  it('keeps the logical ids of what cannot be made again', () => {
    expect([...tables, ...secrets].map(({ logicalId }) => logicalId).sort()).toEqual([
      'FindingsTable',
      'GitHubTokenSecret',
      'GitHubWebhookSecret',
      'IdentityTable',
      'InsightsTable',
      'InventoryTable',
      'RateLimitsTable',
      'SafeDepApiKeySecret',
      'SafeDepRefreshTokenSecret',
      'SafeDepServiceJwtSecret',
      'ScansTable',
      'SettingsTable',
    ]);
  });

  it('outlives its stack, replacements included', () => {
    for (const { logicalId, resource } of [...tables, ...secrets]) {
      expect([logicalId, resource.DeletionPolicy, resource.UpdateReplacePolicy]).toEqual([logicalId, 'Retain', 'Retain']);
    }
  });

  it('has every table on demand, with point-in-time recovery and protected from deletion', () => {
    expect(tables).toHaveLength(Object.keys(TABLE_SHAPES).length);
    for (const { logicalId, properties } of tables) {
      expect([logicalId, properties.BillingMode, properties.TableName]).toEqual([logicalId, 'PAY_PER_REQUEST', undefined]);
      expect(properties.Replicas).toMatchObject([
        { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }, DeletionProtectionEnabled: true },
      ]);
    }
  });

  it('gives every table the keys, indexes and time to live of its shape', () => {
    for (const [name, shape] of Object.entries(TABLE_SHAPES)) {
      const logicalId = `${name
        .split('-')
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join('')}Table`;
      const { properties } = byId(tables, logicalId);
      const keys = (of: { partitionKey: { name: string }; sortKey?: { name: string } }) => [
        { AttributeName: of.partitionKey.name, KeyType: 'HASH' },
        ...(of.sortKey ? [{ AttributeName: of.sortKey.name, KeyType: 'RANGE' }] : []),
      ];
      expect(properties.KeySchema, logicalId).toEqual(keys(shape));
      expect(properties.GlobalSecondaryIndexes ?? [], logicalId).toEqual(
        Object.entries(shape.indexes).map(([IndexName, index]) => ({
          IndexName,
          KeySchema: keys(index),
          Projection: { ProjectionType: 'KEYS_ONLY' },
        })),
      );
      const attribute = 'timeToLiveAttribute' in shape ? shape.timeToLiveAttribute : undefined;
      expect(properties.TimeToLiveSpecification, logicalId).toEqual(attribute ? { AttributeName: attribute, Enabled: true } : undefined);
    }
  });

  it('makes secrets without a value, except the one that is pasted into GitHub', () => {
    expect(Object.fromEntries(secrets.map(({ properties }) => [properties.Name, 'GenerateSecretString' in properties]))).toEqual({
      'safedep-watch/safedep-api-key': false,
      'safedep-watch/safedep-service-jwt': false,
      'safedep-watch/safedep-refresh-token': false,
      'safedep-watch/forges/github-webhook': true,
      'safedep-watch/forges/github-token': false,
    });
    expect(secrets.filter(({ properties }) => 'SecretString' in properties)).toEqual([]);
  });
});

describe('queues', () => {
  it('keep their logical ids', () => {
    expect(queues.map(({ logicalId }) => logicalId).sort()).toEqual([
      'AlertsWebhookDeadLetterQueue',
      'AlertsWebhookQueue',
      'EvaluationsDeadLetterQueue',
      'EvaluationsQueue',
      'LookupsBackgroundDeadLetterQueue',
      'LookupsBackgroundQueue',
      'LookupsLiveDeadLetterQueue',
      'LookupsLiveQueue',
      'PushesBackgroundDeadLetterQueue',
      'PushesBackgroundQueue',
      'PushesDeadLetterQueue',
      'PushesQueue',
      'ReportsDeadLetterQueue',
      'ReportsQueue',
      'RescanScheduleDeadLetterQueue',
      'RotateScheduleDeadLetterQueue',
      'SweepScheduleDeadLetterQueue',
    ]);
  });

  it('have a dead-letter queue each, of their own, after five receives or more', () => {
    const targets = workQueues.map(({ logicalId, properties }) => {
      expect(properties.RedrivePolicy.maxReceiveCount, logicalId).toBeGreaterThanOrEqual(5);
      return properties.RedrivePolicy.deadLetterTargetArn['Fn::GetAtt'][0];
    });
    expect(targets).toEqual(workQueues.map(({ logicalId }) => logicalId.replace(/Queue$/, 'DeadLetterQueue')));
  });

  it('are all read by exactly one mapping, or are dead-letter queues', () => {
    const read = mappings.map(({ properties }) => properties.EventSourceArn['Fn::GetAtt'][0]);
    expect(read.sort()).toEqual(workQueues.map(({ logicalId }) => logicalId).sort());
  });

  it('keep a dead letter for as long as SQS can, and never shorter than its queue', () => {
    for (const { logicalId, properties } of deadLetterQueues) {
      expect([logicalId, properties.MessageRetentionPeriod]).toEqual([logicalId, 14 * DAY_SECONDS]);
    }
    const retentionDays = Object.fromEntries(
      workQueues.map(({ logicalId, properties }) => [logicalId, properties.MessageRetentionPeriod / DAY_SECONDS]),
    );
    expect(retentionDays).toEqual({
      AlertsWebhookQueue: 14,
      EvaluationsQueue: 4,
      LookupsBackgroundQueue: 4,
      LookupsLiveQueue: 4,
      PushesBackgroundQueue: 4,
      PushesQueue: 4,
      ReportsQueue: 14,
    });
  });

  it('hide a message for at least six timeouts of the function that reads it', () => {
    for (const { properties } of mappings) {
      const queue = byId(queues, properties.EventSourceArn['Fn::GetAtt'][0]);
      const reader = byId(functions, properties.FunctionName.Ref);
      expect(queue.properties.VisibilityTimeout, queue.logicalId).toBeGreaterThanOrEqual(6 * reader.properties.Timeout);
    }
  });

  it('hide a look-up batch for 90 s and take 1,000 receives, since waiting is no failure', () => {
    for (const logicalId of ['LookupsLiveQueue', 'LookupsBackgroundQueue']) {
      expect(byId(queues, logicalId).properties).toMatchObject({ VisibilityTimeout: 90, RedrivePolicy: { maxReceiveCount: 1000 } });
    }
  });

  it('refuse whoever does not use TLS', () => {
    const policies = resourcesOfType(pipeline, 'AWS::SQS::QueuePolicy');
    const refusing = policies
      .filter(({ properties }) =>
        properties.PolicyDocument.Statement.some(
          // biome-ignore lint/suspicious/noExplicitAny: a statement of a template
          (statement: any) =>
            statement.Effect === 'Deny' && statement.Condition?.Bool?.['aws:SecureTransport'] === 'false' && statement.Action === 'sqs:*',
        ),
      )
      .flatMap(({ properties }) => properties.Queues.map((queue: { Ref: string }) => queue.Ref));
    expect(refusing.sort()).toEqual(queues.map(({ logicalId }) => logicalId).sort());
  });
});

describe('event source mappings', () => {
  it('answer for each message, have a cap, no window and no filter', () => {
    for (const { logicalId, properties } of mappings) {
      expect(properties.FunctionResponseTypes, logicalId).toEqual(['ReportBatchItemFailures']);
      expect(properties.ScalingConfig.MaximumConcurrency, logicalId).toBeGreaterThanOrEqual(2);
      // A filter would delete what it does not match.
      expect(Object.keys(properties).sort(), logicalId).toEqual([
        'BatchSize',
        'EventSourceArn',
        'FunctionName',
        'FunctionResponseTypes',
        'ScalingConfig',
      ]);
      expect(properties.BatchSize, logicalId).toBeLessThanOrEqual(10);
    }
  });

  it('give each lane eight invocations of one batch', () => {
    const lanes = mappings.filter(({ properties }) => properties.FunctionName.Ref === 'WorkerFunction');
    expect(
      lanes.map(({ properties }) => [
        properties.EventSourceArn['Fn::GetAtt'][0],
        properties.BatchSize,
        properties.ScalingConfig.MaximumConcurrency,
      ]),
    ).toEqual([
      ['LookupsLiveQueue', 1, 8],
      ['LookupsBackgroundQueue', 1, 8],
    ]);
  });
});

describe('functions', () => {
  it('are the nine, under ids that do not move', () => {
    expect(functions.map(({ logicalId }) => logicalId).sort()).toEqual(FUNCTION_NAMES.map(functionLogicalId).sort());
  });

  it('run on Node 24 and arm64, with a timeout of their own and a log that expires', () => {
    const logs = resourcesOfType(pipeline, 'AWS::Logs::LogGroup');
    const used = functions.map(({ logicalId, properties }) => {
      expect(properties, logicalId).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
      expect(properties.Timeout, logicalId).toBeGreaterThan(3);
      const log = byId(logs, properties.LoggingConfig.LogGroup.Ref);
      expect(log.properties.RetentionInDays, logicalId).toBe(30);
      return log.logicalId;
    });
    expect(new Set(used).size).toBe(functions.length);
  });

  it('give a look-up batch 15 s', () => {
    expect(byId(functions, 'WorkerFunction').properties.Timeout).toBe(15);
  });

  it('never run two sweeps at once', () => {
    expect(byId(functions, 'SweepFunction').properties.Timeout).toBeLessThan(60);
  });

  it.each(FUNCTION_NAMES)('set the variables of %s as its env.ts names them, and none that is for local mode only', (name) => {
    const set = Object.keys(byId(functions, functionLogicalId(name)).properties.Environment.Variables);
    const spec: Record<string, 'required' | 'optional'> = ENVIRONMENTS[name];
    expect(Object.keys(spec).filter((variable) => spec[variable] === 'required' && !set.includes(variable))).toEqual([]);
    expect(set.filter((variable) => !(variable in spec))).toEqual([]);
    expect(set.filter((variable) => (LOCAL_ONLY_VARIABLES as readonly string[]).includes(variable))).toEqual([]);
  });

  it('ask the cloud, for the tenant given, and report only where that is on', () => {
    const variables = (logicalId: string) => byId(functions, logicalId).properties.Environment.Variables;
    expect(variables('WorkerFunction')).toMatchObject({ TENANT: 'acme', SAFEDEP_ANSWERS: 'cloud' });
    expect(variables('ResultsFunction')).toMatchObject({ REPORTS: 'off', SAFEDEP_ANSWERS: 'cloud' });
  });

  it('may send to their own queue where they do, and nowhere else', () => {
    const allowed = functions.filter(({ properties }) => properties.RecursiveLoop === 'Allow').map(({ logicalId }) => logicalId);
    expect(allowed.sort()).toEqual(queuesFedByTheirReader().sort());
    expect(allowed).toContain('ResultsFunction');
  });

  /** Functions whose role may send to a queue that a mapping delivers to them. */
  function queuesFedByTheirReader(): string[] {
    const policies = resourcesOfType(pipeline, 'AWS::IAM::Policy');
    return functions.flatMap(({ logicalId, properties }) => {
      const role = properties.Role['Fn::GetAtt'][0];
      const text = JSON.stringify(
        policies
          .filter((policy) => policy.properties.Roles.some((attached: { Ref: string }) => attached.Ref === role))
          .flatMap((policy) => policy.properties.PolicyDocument.Statement)
          .filter((statement) => [statement.Action].flat().includes('sqs:SendMessage')),
      );
      const reads = mappings.filter((mapping) => mapping.properties.FunctionName.Ref === logicalId);
      return reads.some((mapping) => text.includes(`"${mapping.properties.EventSourceArn['Fn::GetAtt'][0]}"`)) ? [logicalId] : [];
    });
  }
});
