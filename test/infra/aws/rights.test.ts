import { describe, expect, it } from 'vitest';
import { FUNCTION_NAMES, type FunctionName } from '../../../infra/aws/bundle.ts';
import { functionLogicalId } from '../../../infra/aws/constructs/logical-id.ts';
import { resourcesOfType, synthesiseStacks } from './synthesised-stacks.ts';

const { merged } = synthesiseStacks({ tenant: 'default', reports: 'on' });

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const policies = resourcesOfType(merged, 'AWS::IAM::Policy');
const roles = resourcesOfType(merged, 'AWS::IAM::Role');
const functions = resourcesOfType(merged, 'AWS::Lambda::Function');

/** `{"Fn::GetAtt": ["X", "Arn"]}` -> `X`; an ARN that is put together -> its text, with what stands for account and region in angle brackets. */
function describeResource(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const {
    Ref: reference,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = resource as {
    Ref?: string;
    'Fn::GetAtt'?: [string, string];
    'Fn::Join'?: [string, unknown[]];
  };
  if (reference) return reference.startsWith('AWS::') ? `<${reference}>` : reference;
  if (attribute) return attribute[0];
  if (join) return join[1].map(describeResource).join(join[0]);
  throw new Error(`a resource of a policy that this test cannot read: ${JSON.stringify(resource)}`);
}

function statementsOfRole(roleLogicalId: string): Statement[] {
  return policies
    .filter(({ properties }) => properties.Roles.some((role: { Ref: string }) => role.Ref === roleLogicalId))
    .flatMap(({ properties }) => properties.PolicyDocument.Statement as Statement[]);
}

function roleOf(name: FunctionName): string {
  const found = functions.find(({ logicalId }) => logicalId === functionLogicalId(name));
  return found?.properties.Role['Fn::GetAtt'][0];
}

/** What a function may do, by resource, its own log left out. */
function rightsOf(name: FunctionName): Record<string, string> {
  const rights: Record<string, Set<string>> = {};
  for (const statement of statementsOfRole(roleOf(name))) {
    for (const resource of [statement.Resource].flat().map(describeResource)) {
      rights[resource] ??= new Set();
      for (const action of [statement.Action].flat()) rights[resource].add(action.replace(/^.*:/, ''));
    }
  }
  return Object.fromEntries(
    Object.entries(rights)
      .filter(([resource]) => !/Logs[0-9A-F]{8}$/.test(resource))
      .map(([resource, actions]) => [resource, [...actions].sort().join(' ')]),
  );
}

const READ = 'BatchGetItem GetItem Query';
const READ_AND_UPDATE = 'BatchGetItem GetItem Query UpdateItem';
const READ_AND_WRITE = 'BatchGetItem BatchWriteItem GetItem PutItem Query UpdateItem';
const CONSUME = 'ChangeMessageVisibility DeleteMessage GetQueueAttributes ReceiveMessage';
const SEND = 'SendMessage';
const REPLACE = 'DescribeSecret GetSecretValue PutSecretValue UpdateSecretVersionStage';
const secretsBelow = (prefix: string) =>
  `arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:safedep-watch/${prefix}/*`;

/** Everything that a function may do. Whoever adds a right says so here. */
const RIGHTS: Record<FunctionName, Record<string, string>> = {
  webhook: { PushesQueue: SEND, GitHubWebhookSecret: 'GetSecretValue' },
  extract: {
    PushesQueue: `${CONSUME} ${SEND}`,
    PushesBackgroundQueue: `${CONSUME} ${SEND}`,
    SettingsTable: 'Query',
    InventoryTable: READ_AND_WRITE,
    ScansTable: `${READ_AND_UPDATE} PutItem`,
    LookupsLiveQueue: SEND,
    LookupsBackgroundQueue: SEND,
    EvaluationsQueue: SEND,
    [secretsBelow('forges')]: 'GetSecretValue',
  },
  worker: {
    LookupsLiveQueue: CONSUME,
    LookupsBackgroundQueue: CONSUME,
    SettingsTable: 'Query',
    InsightsTable: READ_AND_UPDATE,
    ScansTable: READ_AND_UPDATE,
    RateLimitsTable: 'GetItem PutItem UpdateItem',
    EvaluationsQueue: SEND,
    SafeDepApiKeySecret: 'GetSecretValue',
  },
  results: {
    EvaluationsQueue: `${CONSUME} ${SEND}`,
    SettingsTable: 'Query',
    InventoryTable: READ_AND_UPDATE,
    ScansTable: READ_AND_UPDATE,
    InsightsTable: READ_AND_UPDATE,
    FindingsTable: READ_AND_UPDATE,
    ReportsQueue: SEND,
    EventBus: 'PutEvents',
  },
  report: {
    ReportsQueue: CONSUME,
    SettingsTable: 'Query',
    InventoryTable: READ,
    InsightsTable: READ,
    FindingsTable: READ,
    ScansTable: READ_AND_UPDATE,
    RateLimitsTable: 'GetItem PutItem UpdateItem',
    SafeDepServiceJwtSecret: 'GetSecretValue',
    SafeDepApiKeySecret: 'GetSecretValue',
  },
  alert: {
    AlertsWebhookQueue: `${CONSUME} ${SEND}`,
    SettingsTable: 'Query',
    [secretsBelow('sinks')]: 'GetSecretValue',
  },
  rescan: {
    SettingsTable: 'Query',
    InventoryTable: READ,
    InsightsTable: READ_AND_UPDATE,
    'InsightsTable/index/due': 'Query',
    LookupsBackgroundQueue: SEND,
  },
  sweep: {
    InventoryTable: READ,
    ScansTable: READ_AND_UPDATE,
    'ScansTable/index/open': 'Query',
    'ScansTable/index/intents': 'Query',
    InsightsTable: READ_AND_UPDATE,
    'InsightsTable/index/un-fanned': 'Query',
    FindingsTable: READ_AND_UPDATE,
    'FindingsTable/index/intents': 'Query',
    LookupsLiveQueue: SEND,
    LookupsBackgroundQueue: SEND,
    EvaluationsQueue: SEND,
    ReportsQueue: SEND,
    EventBus: 'PutEvents',
    PushesDeadLetterQueue: 'ReceiveMessage',
    PushesBackgroundDeadLetterQueue: 'ReceiveMessage',
    LookupsLiveDeadLetterQueue: 'ReceiveMessage',
    LookupsBackgroundDeadLetterQueue: 'ReceiveMessage',
    EvaluationsDeadLetterQueue: 'ReceiveMessage',
    ReportsDeadLetterQueue: 'ReceiveMessage',
    AlertsWebhookDeadLetterQueue: 'ReceiveMessage',
  },
  rotate: {
    SettingsTable: 'Query',
    RateLimitsTable: 'GetItem PutItem UpdateItem',
    IdentityTable: 'GetItem UpdateItem',
    SafeDepApiKeySecret: `${REPLACE} RotateSecret`,
    SafeDepServiceJwtSecret: REPLACE,
    SafeDepRefreshTokenSecret: REPLACE,
    // Asked of whoever asks Secrets Manager for a rotation.
    RotateFunction: 'InvokeFunction',
  },
};

const sorted = (value: Record<string, string>) => Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));

describe('rights', () => {
  it.each(FUNCTION_NAMES)('let %s do exactly what it is known to need', (name) => {
    const words = (value: Record<string, string>) =>
      Object.fromEntries(Object.entries(value).map(([key, actions]) => [key, actions.split(' ').sort()]));
    expect(words(sorted(rightsOf(name)))).toEqual(words(sorted(RIGHTS[name])));
  });

  it('give each function a role of its own', () => {
    const used = FUNCTION_NAMES.map(roleOf);
    expect(new Set(used).size).toBe(FUNCTION_NAMES.length);
  });

  it('let a function write its own log only', () => {
    for (const name of FUNCTION_NAMES) {
      const log = functions.find(({ logicalId }) => logicalId === functionLogicalId(name))?.properties.LoggingConfig.LogGroup.Ref;
      const writable = statementsOfRole(roleOf(name)).filter(({ Action }) => [Action].flat().some((action) => action.startsWith('logs:')));
      expect(writable.map(({ Action, Resource }) => [Action, describeResource(Resource)])).toEqual([
        [['logs:CreateLogStream', 'logs:PutLogEvents'], log],
      ]);
    }
  });

  it('are allowed one by one: no wildcard action, no managed policy, no resource that is everything', () => {
    for (const { logicalId, properties } of policies) {
      for (const { Action, Resource, Effect } of properties.PolicyDocument.Statement as Statement[]) {
        expect([logicalId, Effect]).toEqual([logicalId, 'Allow']);
        expect(
          [Action].flat().filter((action) => action.includes('*')),
          logicalId,
        ).toEqual([]);
        expect(
          [Resource]
            .flat()
            .map(describeResource)
            .filter((resource) => resource === '*' || /:\*$/.test(resource)),
          logicalId,
        ).toEqual([]);
      }
    }
    expect(roles.filter(({ properties }) => properties.ManagedPolicyArns || properties.Policies).map(({ logicalId }) => logicalId)).toEqual(
      [],
    );
  });

  it('use a wildcard only for the secrets that settings name', () => {
    const wildcards = FUNCTION_NAMES.flatMap((name) =>
      Object.keys(rightsOf(name)).flatMap((resource) => (resource.includes('*') ? [`${name}: ${resource}`] : [])),
    );
    expect(wildcards).toEqual([`extract: ${secretsBelow('forges')}`, `alert: ${secretsBelow('sinks')}`]);
  });

  it('let a schedule start its own function and fill its own dead-letter queue', () => {
    const schedules = resourcesOfType(merged, 'AWS::Scheduler::Schedule').map(({ properties }) =>
      statementsOfRole(properties.Target.RoleArn['Fn::GetAtt'][0]).map(({ Action, Resource }) => [Action, describeResource(Resource)]),
    );
    expect(schedules).toEqual([
      [
        ['lambda:InvokeFunction', 'RescanFunction'],
        ['sqs:SendMessage', 'RescanScheduleDeadLetterQueue'],
      ],
      [
        ['lambda:InvokeFunction', 'SweepFunction'],
        ['sqs:SendMessage', 'SweepScheduleDeadLetterQueue'],
      ],
      [
        ['lambda:InvokeFunction', 'RotateFunction'],
        ['sqs:SendMessage', 'RotateScheduleDeadLetterQueue'],
      ],
    ]);
  });

  it('give the refresh token to rotate alone', () => {
    const readers = FUNCTION_NAMES.filter((name) => 'SafeDepRefreshTokenSecret' in rightsOf(name));
    expect(readers).toEqual(['rotate']);
  });

  it('let Secrets Manager of this account alone ask rotate for a rotation', () => {
    const permissions = resourcesOfType(merged, 'AWS::Lambda::Permission').filter(({ properties }) => properties.Principal !== '*');
    expect(permissions.map(({ properties }) => properties)).toEqual([
      {
        Action: 'lambda:InvokeFunction',
        FunctionName: { 'Fn::GetAtt': ['RotateFunction', 'Arn'] },
        Principal: 'secretsmanager.amazonaws.com',
        SourceAccount: { Ref: 'AWS::AccountId' },
      },
    ]);
  });

  it("open nothing to the public but the webhook's address", () => {
    const open = resourcesOfType(merged, 'AWS::Lambda::Permission').filter(({ properties }) => properties.Principal === '*');
    const permissions = open.map(({ properties }) => [
      properties.FunctionName['Fn::GetAtt'][0],
      properties.Action,
      properties.FunctionUrlAuthType ?? properties.InvokedViaFunctionUrl,
    ]);
    expect(permissions).toEqual([
      ['WebhookFunction', 'lambda:InvokeFunctionUrl', 'NONE'],
      ['WebhookFunction', 'lambda:InvokeFunction', true],
    ]);
  });
});
