import { describe, expect, it } from 'vitest';
import { findResource, TemplateError } from '../../../../infra/local/engines/plan.ts';
import { readTemplate } from '../../../../infra/local/engines/read-template.ts';
import { PROBE_ASSET, probeFunction } from './probe-stack.ts';

const ASSETS = { [PROBE_ASSET]: '/assets/probe' };

const read = (resources: Record<string, unknown>, rest: Record<string, unknown> = {}) =>
  readTemplate([
    { stackName: 'App', template: { Resources: { ProbeRole: { Type: 'AWS::IAM::Role' }, ...resources }, ...rest }, assets: ASSETS },
  ]);

const queue = (properties: Record<string, unknown> = {}) => ({ Type: 'AWS::SQS::Queue', Properties: properties });
const mapping = (properties: Record<string, unknown> = {}) => ({
  Type: 'AWS::Lambda::EventSourceMapping',
  Properties: { EventSourceArn: { 'Fn::GetAtt': ['Work', 'Arn'] }, FunctionName: { Ref: 'Probe' }, ...properties },
});

describe('readTemplate', () => {
  it('reads a queue with its dead-letter queue, and gives defaults as AWS does', () => {
    const { queues } = read({
      Work: queue({
        QueueName: 'work',
        VisibilityTimeout: '90',
        RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 5 },
        SqsManagedSseEnabled: true,
      }),
      Dead: queue({ MessageRetentionPeriod: 1_209_600 }),
    });
    const [work, dead] = queues;
    expect(work).toEqual({
      stackName: 'App',
      logicalId: 'Work',
      name: 'work',
      arn: 'arn:aws:sqs:us-east-1:000000000000:work',
      url: 'https://sqs.us-east-1.amazonaws.com/000000000000/work',
      visibilityTimeoutSeconds: 90,
      messageRetentionSeconds: 345_600,
      delaySeconds: 0,
      receiveWaitSeconds: 0,
      maximumMessageBytes: 1_048_576,
      redrive: { deadLetterQueueArn: dead?.arn, maxReceiveCount: 5 },
    });
    expect(dead?.name).toMatch(/^App-Dead-[0-9a-f]{8}$/);
    expect(dead?.messageRetentionSeconds).toBe(1_209_600);
  });

  it('reads a table of either type with its indexes and time to live', () => {
    const shape = {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: ['pk', 'sk', 'shard'].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
      GlobalSecondaryIndexes: [
        { IndexName: 'due', KeySchema: [{ AttributeName: 'shard', KeyType: 'HASH' }], Projection: { ProjectionType: 'KEYS_ONLY' } },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiresAtSeconds', Enabled: true },
      BillingMode: 'PAY_PER_REQUEST',
    };
    const { tables } = read({
      One: {
        Type: 'AWS::DynamoDB::Table',
        Properties: { ...shape, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
      },
      Two: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: { ...shape, Replicas: [{ Region: { Ref: 'AWS::Region' }, DeletionProtectionEnabled: true }] },
      },
    });
    for (const table of tables) {
      expect(table).toMatchObject({
        keySchema: shape.KeySchema,
        attributeDefinitions: shape.AttributeDefinitions,
        globalSecondaryIndexes: shape.GlobalSecondaryIndexes,
        timeToLiveAttribute: 'expiresAtSeconds',
      });
    }
    expect(tables.map(({ logicalId }) => logicalId)).toEqual(['One', 'Two']);
  });

  it('resolves what a function refers to, to what AWS would put there', () => {
    const { functions, queues, secrets, tables, eventBuses } = read({
      Work: queue(),
      Table: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        },
      },
      Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { Name: 'app/key' } },
      Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: { 'Fn::Join': ['-', ['app', { Ref: 'AWS::Region' }]] } } },
      Probe: probeFunction({
        ReservedConcurrentExecutions: 7,
        Environment: {
          Variables: {
            QUEUES: { 'Fn::Join': [',', [{ Ref: 'Work' }, { Ref: 'Work' }]] },
            QUEUE_NAME: { 'Fn::Select': [5, { 'Fn::Split': [':', { 'Fn::GetAtt': ['Work', 'Arn'] }] }] },
            TABLE: { Ref: 'Table' },
            SECRET: { Ref: 'Secret' },
            BUS: { Ref: 'Bus' },
            SUB: { 'Fn::Sub': [`\${AWS::StackName}/\${Work.QueueName}/\${own}/\${!literal}`, { own: { Ref: 'AWS::AccountId' } }] },
            NUMBER: 5,
          },
        },
      }),
    });
    const [work] = queues;
    expect(functions[0]).toMatchObject({
      logicalId: 'Probe',
      handler: 'index.handler',
      codePath: '/assets/probe',
      timeoutSeconds: 5,
      memoryMb: 256,
      reservedConcurrentExecutions: 7,
      asyncInvoke: { maximumRetryAttempts: 2 },
      environment: {
        QUEUES: `${work?.url},${work?.url}`,
        QUEUE_NAME: work?.name,
        TABLE: tables[0]?.name,
        SECRET: secrets[0]?.arn,
        BUS: 'app-us-east-1',
        SUB: `App/${work?.name}/000000000000/\${literal}`,
        NUMBER: '5',
      },
    });
    expect(secrets[0]?.arn).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:app\/key-[0-9a-f]{6}$/);
    expect(eventBuses[0]?.name).toBe('app-us-east-1');
  });

  it('reads an event source mapping', () => {
    const { eventSourceMappings, functions, queues } = read({
      Work: queue({ VisibilityTimeout: 30 }),
      Probe: probeFunction(),
      Mapping: mapping({
        BatchSize: 25,
        MaximumBatchingWindowInSeconds: 1,
        ScalingConfig: { MaximumConcurrency: 8 },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      }),
    });
    expect(eventSourceMappings).toEqual([
      {
        stackName: 'App',
        logicalId: 'Mapping',
        queueArn: queues[0]?.arn,
        functionArn: functions[0]?.arn,
        enabled: true,
        batchSize: 25,
        batchingWindowSeconds: 1,
        maximumConcurrency: 8,
        reportBatchItemFailures: true,
      },
    ]);
  });

  it('reads rules, schedules, failure destinations and a function URL', () => {
    const plan = read(
      {
        Work: queue(),
        Dead: queue(),
        Probe: probeFunction(),
        OnFailure: {
          Type: 'AWS::Lambda::EventInvokeConfig',
          Properties: {
            FunctionName: { Ref: 'Probe' },
            Qualifier: '$LATEST',
            MaximumRetryAttempts: 0,
            DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
          },
        },
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: {
            EventPattern: { source: ['app'] },
            State: 'ENABLED',
            Targets: [{ Id: 'T', Arn: { 'Fn::GetAtt': ['Work', 'Arn'] }, DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Dead', 'Arn'] } } }],
          },
        },
        Tick: {
          Type: 'AWS::Scheduler::Schedule',
          Properties: {
            ScheduleExpression: 'rate(1 minute)',
            FlexibleTimeWindow: { Mode: 'OFF' },
            Target: { Arn: { 'Fn::GetAtt': ['Probe', 'Arn'] }, RoleArn: { 'Fn::GetAtt': ['ProbeRole', 'Arn'] }, Input: '{"a":1}' },
          },
        },
        Url: { Type: 'AWS::Lambda::Url', Properties: { AuthType: 'NONE', TargetFunctionArn: { 'Fn::GetAtt': ['Probe', 'Arn'] } } },
      },
      { Outputs: { Address: { Value: { 'Fn::GetAtt': ['Url', 'FunctionUrl'] } }, Role: { Value: { Ref: 'ProbeRole' } } } },
    );
    const probeArn = plan.functions[0]?.arn;
    const [work, dead] = plan.queues.map(({ arn }) => arn);
    expect(plan.functions[0]?.asyncInvoke).toEqual({ maximumRetryAttempts: 0, onFailureArn: dead });
    expect(plan.rules[0]).toMatchObject({
      eventBusName: 'default',
      enabled: true,
      pattern: { source: ['app'] },
      targets: [{ arn: work, deadLetterQueueArn: dead }],
    });
    expect(plan.schedules[0]).toMatchObject({ expression: 'rate(1 minute)', timeZone: 'UTC', target: { arn: probeArn, input: '{"a":1}' } });
    expect(plan.httpFronts[0]).toMatchObject({ kind: 'function-url', routes: [{ routeKey: '$default', functionArn: probeArn }] });
    expect(plan.outputs).toEqual({ 'App.Address': plan.httpFronts[0]?.url });
  });

  it('reads the routes of an HTTP API', () => {
    const { httpFronts, functions } = read({
      Probe: probeFunction(),
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'webhooks', ProtocolType: 'HTTP' } },
      Stage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true } },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ApiId: { Ref: 'Api' },
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: { 'Fn::GetAtt': ['Probe', 'Arn'] },
          PayloadFormatVersion: '2.0',
        },
      },
      Route: {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: {
          ApiId: { Ref: 'Api' },
          RouteKey: 'POST /github',
          AuthorizationType: 'NONE',
          Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
        },
      },
    });
    expect(httpFronts).toMatchObject([{ kind: 'http-api', routes: [{ routeKey: 'POST /github', functionArn: functions[0]?.arn }] }]);
  });

  it('lets one stack import what another exports', () => {
    const plan = readTemplate([
      {
        stackName: 'State',
        assets: {},
        template: {
          Resources: { Work: queue() },
          Outputs: { ExportsWork: { Value: { Ref: 'Work' }, Export: { Name: 'State:ExportsWork' } } },
        },
      },
      {
        stackName: 'Pipeline',
        assets: ASSETS,
        template: {
          Resources: { Probe: probeFunction({ Environment: { Variables: { Q: { 'Fn::ImportValue': 'State:ExportsWork' } } } }) },
        },
      },
    ]);
    expect(plan.functions[0]?.environment).toEqual({ Q: plan.queues[0]?.url });
  });

  it('skips the types that mean nothing on one machine, and gives parameters their values', () => {
    const template = {
      Parameters: { Mail: { Type: 'String' }, Tenant: { Type: 'String', Default: 'acme' } },
      Resources: {
        Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmActions: [{ Ref: 'Topic' }] } },
        Topic: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { Ref: 'Mail' } } },
        Logs: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 14 } },
        CDKMetadata: { Type: 'AWS::CDK::Metadata', Condition: 'CDKMetadataAvailable' },
        Probe: probeFunction({ Environment: { Variables: { TENANT: { Ref: 'Tenant' } } } }),
      },
    };
    const { functions } = readTemplate([{ stackName: 'App', template, assets: ASSETS }]);
    expect(functions.map(({ environment }) => environment)).toEqual([{ TENANT: 'acme' }]);
    const given = readTemplate([{ stackName: 'App', template, assets: ASSETS }], { Tenant: 'other' });
    expect(given.functions[0]?.environment).toEqual({ TENANT: 'other' });
  });
});

describe('the rotation of a secret', () => {
  const rotation = (properties: Record<string, unknown> = {}) => ({
    Key: { Type: 'AWS::SecretsManager::Secret', Properties: { Name: 'key' } },
    Probe: probeFunction(),
    Rotation: {
      Type: 'AWS::SecretsManager::RotationSchedule',
      Properties: {
        SecretId: { Ref: 'Key' },
        RotationLambdaARN: { 'Fn::GetAtt': ['Probe', 'Arn'] },
        RotationRules: { AutomaticallyAfterDays: 60 },
        RotateImmediatelyOnUpdate: false,
        ...properties,
      },
    },
  });

  it('is read with its secret and its function', () => {
    const { rotations, secrets, functions } = read(rotation());
    expect(rotations).toEqual([{ stackName: 'App', logicalId: 'Rotation', secretArn: secrets[0]?.arn, functionArn: functions[0]?.arn }]);
  });

  it.each([
    ['one that begins with each deployment', { RotateImmediatelyOnUpdate: true }, /RotateImmediatelyOnUpdate must be false/],
    ["one of AWS's own functions", { HostedRotationLambda: { RotationType: 'MySQLSingleUser' } }, /HostedRotationLambda: not understood/],
    ['one of a secret that is not there', { SecretId: 'elsewhere' }, /its secret elsewhere is not in the templates/],
    ['one by a function that is not there', { RotationLambdaARN: 'elsewhere' }, /its function elsewhere is not in the templates/],
  ])('is refused: %s', (_, properties, message) => {
    expect(() => read(rotation(properties))).toThrow(message);
  });
});

describe('readTemplate refuses', () => {
  const refusals: readonly (readonly [what: string, resources: Record<string, unknown>, message: RegExp])[] = [
    [
      'a type of resource that nothing runs',
      { Machine: { Type: 'AWS::StepFunctions::StateMachine' } },
      /App\/Machine \(AWS::StepFunctions::StateMachine\): the local engines cannot run this type/,
    ],
    ['a property that nobody reads', { Work: queue({ Shiny: true }) }, /App\/Work \(AWS::SQS::Queue\): Shiny: not understood/],
    [
      'a nested property that nobody reads',
      { Work: queue({ VisibilityTimeout: 30 }), Probe: probeFunction(), Mapping: mapping({ ScalingConfig: { MinimumPollers: 2 } }) },
      /App\/Mapping \(AWS::Lambda::EventSourceMapping\)\.ScalingConfig: MinimumPollers/,
    ],
    ['a FIFO queue', { Work: queue({ FifoQueue: true }) }, /App\/Work .*FifoQueue = true/],
    ['a condition on a resource', { Work: { ...queue(), Condition: 'Sometimes' } }, /App\/Work .*Condition: not understood/],
    ['a function with layers', { Probe: probeFunction({ Layers: ['arn:x'] }) }, /App\/Probe .*Layers: not understood/],
    ['a function of another runtime', { Probe: probeFunction({ Runtime: 'python3.13' }) }, /App\/Probe .*python3\.13/],
    [
      'a function whose code is not among the assets',
      { Probe: probeFunction({ Code: { S3Bucket: 'b', S3Key: 'other.zip' } }) },
      /App\/Probe .*\.Code: the asset other\.zip is not among the given assets/,
    ],
    [
      'a table with a stream',
      { T: { Type: 'AWS::DynamoDB::Table', Properties: { StreamSpecification: {} } } },
      /App\/T .*StreamSpecification/,
    ],
    [
      'a queue that is visible again before its function ends',
      { Work: queue({ VisibilityTimeout: 4 }), Probe: probeFunction({ Timeout: 5 }), Mapping: mapping() },
      /App\/Mapping: AWS refuses it: the queue's visibility timeout \(4 s\) is shorter/,
    ],
    [
      'a batch above 10 without a window',
      { Work: queue(), Probe: probeFunction(), Mapping: mapping({ BatchSize: 11 }) },
      /App\/Mapping .*BatchSize of 11/,
    ],
    [
      'a variable that refers to something that does not exist here',
      { Topic: { Type: 'AWS::SNS::Topic' }, Probe: probeFunction({ Environment: { Variables: { TOPIC: { Ref: 'Topic' } } } }) },
      /App\/Topic \(AWS::SNS::Topic\): something that runs here refers to it/,
    ],
    [
      'an attribute without a value here',
      { Work: queue(), Probe: probeFunction({ Environment: { Variables: { X: { 'Fn::GetAtt': ['Work', 'Colour'] } } } }) },
      /App\/Work \(AWS::SQS::Queue\): .*Colour/,
    ],
    [
      'an unknown intrinsic',
      { Work: queue({ QueueName: { 'Fn::Cidr': ['x'] } }), Probe: probeFunction({ Environment: { Variables: { Q: { Ref: 'Work' } } } }) },
      /App\/Work\.QueueName: Fn::Cidr/,
    ],
    ['a reference to nothing', { Work: queue({ DelaySeconds: { Ref: 'Gone' } }) }, /App\/Gone: referred to/],
    [
      'a dead-letter queue of somewhere else',
      { Work: queue({ RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:us-east-1:1:x', maxReceiveCount: 3 } }) },
      /App\/Work: its dead-letter queue arn:aws:sqs:us-east-1:1:x is not in the templates/,
    ],
    [
      'a rule whose target is neither queue nor function',
      {
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: { EventPattern: { source: ['x'] }, Targets: [{ Id: 'T', Arn: 'arn:aws:states:x' }] },
        },
      },
      /App\/Rule: its target arn:aws:states:x/,
    ],
    [
      'a rule with a matcher that nobody knows',
      { Rule: { Type: 'AWS::Events::Rule', Properties: { EventPattern: { source: [{ sounds: 'x' }] }, Targets: [] } } },
      /App\/Rule .*EventPattern: source: the matcher/,
    ],
    [
      'a function URL with a signature',
      {
        Probe: probeFunction(),
        Url: { Type: 'AWS::Lambda::Url', Properties: { AuthType: 'AWS_IAM', TargetFunctionArn: { 'Fn::GetAtt': ['Probe', 'Arn'] } } },
      },
      /App\/Url .*AuthType = "AWS_IAM"/,
    ],
  ];

  for (const [what, resources, message] of refusals) {
    it(`refuses ${what}`, () => {
      expect(() => read(resources)).toThrow(TemplateError);
      expect(() => read(resources)).toThrow(message);
    });
  }
});

describe('findResource', () => {
  const resources = [
    { stackName: 'App', logicalId: 'WorkerQueue0A1B2C3D', name: 'App-WorkerQueue', arn: 'arn:1' },
    { stackName: 'App', logicalId: 'Other', name: 'other', arn: 'arn:2' },
  ];

  it('finds by name, ARN, logical id, and logical id without its suffix', () => {
    for (const name of ['App-WorkerQueue', 'arn:1', 'WorkerQueue0A1B2C3D', 'WorkerQueue']) {
      expect(findResource(resources, name, 'queue').arn).toBe('arn:1');
    }
  });

  it('refuses a name that nothing has, and says what there is', () => {
    expect(() => findResource(resources, 'Missing', 'queue')).toThrow(/no queue is called Missing.*WorkerQueue0A1B2C3D, Other/);
  });
});
