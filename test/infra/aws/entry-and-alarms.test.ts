import { describe, expect, it } from 'vitest';
import { checkTemplates, describeFindings } from '../../../infra/aws/template-checks.ts';
import { AUTHENTICATION_FAILURES, METRICS_NAMESPACE } from '../../../shared/aws/metrics.ts';
import { byId, type FoundResource, resourcesOfType, synthesiseStacks } from './synthesised-stacks.ts';

const { pipeline } = synthesiseStacks({ tenant: 'default', reports: 'on', alarmEmail: 'on-call@acme.example' });

const functions = resourcesOfType(pipeline, 'AWS::Lambda::Function');
const queues = resourcesOfType(pipeline, 'AWS::SQS::Queue');
const alarms = resourcesOfType(pipeline, 'AWS::CloudWatch::Alarm');
const workQueues = queues.filter(({ properties }) => properties.RedrivePolicy);
const deadLetterQueues = queues.filter(({ properties }) => !properties.RedrivePolicy);

describe('webhook', () => {
  it('has an address of its own and 100 executions kept for it', () => {
    const [url, ...others] = resourcesOfType(pipeline, 'AWS::Lambda::Url');
    expect(others).toEqual([]);
    expect(url).toMatchObject({
      logicalId: 'WebhookUrl',
      properties: { AuthType: 'NONE', TargetFunctionArn: { 'Fn::GetAtt': ['WebhookFunction', 'Arn'] } },
    });
    expect(byId(functions, 'WebhookFunction').properties.ReservedConcurrentExecutions).toBeGreaterThanOrEqual(100);
    const reserved = functions.filter(({ properties }) => 'ReservedConcurrentExecutions' in properties);
    expect(reserved.map(({ logicalId }) => logicalId)).toEqual(['WebhookFunction', 'RotateFunction']);
  });

  it('takes what the account leaves where nothing may be reserved', () => {
    const { app, pipeline: small } = synthesiseStacks({ tenant: 'default', reports: 'on', reservedConcurrency: 'off' });
    const reserved = resourcesOfType(small, 'AWS::Lambda::Function').filter(
      ({ properties }) => 'ReservedConcurrentExecutions' in properties,
    );
    expect(reserved).toEqual([]);
    expect(describeFindings(checkTemplates(app))).toBe('');
  });

  it('says its address with the route of the forge', () => {
    expect(pipeline.Outputs?.['WebhookAddress']?.Value).toEqual({
      'Fn::Join': ['', [{ 'Fn::GetAtt': ['WebhookUrl', 'FunctionUrl'] }, 'github']],
    });
  });
});

describe('event bus', () => {
  it("delivers every event of ours to the sinks' queue, and what it cannot deliver to that queue's dead letters", () => {
    expect(resourcesOfType(pipeline, 'AWS::Events::Rule').map(({ properties }) => properties)).toMatchObject([
      {
        EventBusName: { Ref: 'EventBus' },
        EventPattern: { source: ['safedep-watch'] },
        State: 'ENABLED',
        Targets: [
          {
            Arn: { 'Fn::GetAtt': ['AlertsWebhookQueue', 'Arn'] },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['AlertsWebhookDeadLetterQueue', 'Arn'] } },
          },
        ],
      },
    ]);
  });
});

describe('schedules', () => {
  it('run rescan, sweep and rotate with dead-letter queues of their own', () => {
    const schedules = resourcesOfType(pipeline, 'AWS::Scheduler::Schedule').map(({ properties }) => ({
      rate: properties.ScheduleExpression,
      runs: properties.Target.Arn['Fn::GetAtt'][0],
      input: JSON.parse(properties.Target.Input),
      deadLetters: properties.Target.DeadLetterConfig.Arn['Fn::GetAtt'][0],
    }));
    expect(schedules).toEqual([
      { rate: 'rate(5 minutes)', runs: 'RescanFunction', input: { scheduled: true }, deadLetters: 'RescanScheduleDeadLetterQueue' },
      { rate: 'rate(1 minute)', runs: 'SweepFunction', input: { scheduled: true }, deadLetters: 'SweepScheduleDeadLetterQueue' },
      { rate: 'rate(5 minutes)', runs: 'RotateFunction', input: { scheduled: true }, deadLetters: 'RotateScheduleDeadLetterQueue' },
    ]);
  });
});

describe('sweep', () => {
  it('knows the dead-letter queue of every queue that carries work', () => {
    const urls = byId(functions, 'SweepFunction').properties.Environment.Variables.DEAD_LETTER_QUEUE_URLS;
    const named = urls['Fn::Join'][1].flatMap((part: { Ref?: string }) => part.Ref ?? []);
    expect(named.sort()).toEqual(workQueues.map(({ logicalId }) => logicalId.replace(/Queue$/, 'DeadLetterQueue')).sort());
  });
});

describe('alarms', () => {
  const watched = (alarm: FoundResource) =>
    (alarm.properties.Metrics ?? [{ MetricStat: { Metric: alarm.properties } }]).flatMap(
      // biome-ignore lint/suspicious/noExplicitAny: a metric of a template
      ({ MetricStat }: any) =>
        MetricStat ? [`${MetricStat.Metric.MetricName} ${JSON.stringify(MetricStat.Metric.Dimensions[0].Value)}`] : [],
    );
  const metricsWatched = alarms.flatMap(watched);

  it('all go to one topic, which mails them to whom the deployment named', () => {
    const [topic] = resourcesOfType(pipeline, 'AWS::SNS::Topic');
    for (const { logicalId, properties } of alarms) {
      expect([logicalId, properties.AlarmActions]).toEqual([logicalId, [{ Ref: topic?.logicalId }]]);
    }
    expect(resourcesOfType(pipeline, 'AWS::SNS::Subscription').map(({ properties }) => [properties.Protocol, properties.Endpoint])).toEqual(
      [['email', 'on-call@acme.example']],
    );
  });

  it('may be published by the alarms of this account, and by nobody else', () => {
    const [policy] = resourcesOfType(pipeline, 'AWS::SNS::TopicPolicy');
    // biome-ignore lint/suspicious/noExplicitAny: a statement of a template
    const allowing = policy?.properties.PolicyDocument.Statement.filter((statement: any) => statement.Effect === 'Allow');
    expect(allowing).toMatchObject([
      {
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      },
    ]);
  });

  it('watch every dead-letter queue, also while its messages are being looked at', () => {
    for (const { logicalId } of deadLetterQueues) {
      const queue = JSON.stringify({ 'Fn::GetAtt': [logicalId, 'QueueName'] });
      expect(metricsWatched).toContain(`ApproximateNumberOfMessagesVisible ${queue}`);
      expect(metricsWatched).toContain(`ApproximateNumberOfMessagesNotVisible ${queue}`);
    }
  });

  it('notice that messages of any queue wait', () => {
    for (const { logicalId } of workQueues) {
      expect(metricsWatched).toContain(`ApproximateAgeOfOldestMessage ${JSON.stringify({ 'Fn::GetAtt': [logicalId, 'QueueName'] })}`);
    }
  });

  it('watch the webhook for throttles and errors', () => {
    expect(metricsWatched).toContain('Throttles {"Ref":"WebhookFunction"}');
    expect(metricsWatched).toContain('Errors {"Ref":"WebhookFunction"}');
  });

  it('notice when a scheduled function fails, or no longer runs at all', () => {
    for (const logicalId of ['RescanFunction', 'SweepFunction', 'RotateFunction']) {
      expect(metricsWatched).toContain(`Errors {"Ref":"${logicalId}"}`);
      const heartbeat = alarms.find((alarm) => watched(alarm).includes(`Invocations {"Ref":"${logicalId}"}`));
      expect(heartbeat?.properties).toMatchObject({ ComparisonOperator: 'LessThanThreshold', Threshold: 1, TreatMissingData: 'breaching' });
    }
  });

  it('watch the sign-in, the API key and its rotation, by the names under which rotate writes them', () => {
    const { namespace, ...dimension } = { namespace: METRICS_NAMESPACE, Name: 'function', Value: 'rotate' };
    const watching = alarms.filter(({ properties }) => properties.Namespace === namespace && properties.Dimensions[0].Name === 'function');
    expect(
      watching.map(({ properties }) => [properties.MetricName, properties.ComparisonOperator, properties.Threshold, properties.Dimensions]),
    ).toEqual([
      ['rotationFailed', 'GreaterThanOrEqualToThreshold', 1, [dimension]],
      ['signInNeeded', 'GreaterThanOrEqualToThreshold', 1, [dimension]],
      ['refreshTokenAgeDays', 'GreaterThanOrEqualToThreshold', 21, [dimension]],
      ['apiKeyLeftDays', 'LessThanThreshold', 14, [dimension]],
    ]);
  });

  it('watch refused credentials, each kind by itself', () => {
    for (const failure of AUTHENTICATION_FAILURES) expect(metricsWatched).toContain(`authenticationFailures "${failure}"`);
  });

  it('say what they mean and what to do', () => {
    for (const { logicalId, properties } of alarms) expect(String(properties.AlarmDescription).length, logicalId).toBeGreaterThan(60);
  });
});
