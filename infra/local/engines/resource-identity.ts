import { createHash } from 'node:crypto';
import { ACCOUNT, REGION } from './plan.ts';

/** What a resource is called and what `Ref` and `Fn::GetAtt` yield for it, as on AWS. */
export interface Identity {
  readonly name: string;
  readonly arn: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Naming {
  /** Property with a name chosen by the template; otherwise a name is made of stack and logical id. */
  readonly nameProperty?: string;
  readonly maximumLength: number;
  identify(name: string): Identity;
}

const arnOf = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

/** A short, stable stand-in for AWS's random suffixes. */
const suffixOf = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);

function named(service: string, toResource: (name: string) => string, attributeOfName?: string) {
  return (name: string): Identity => {
    const arn = arnOf(service, toResource(name));
    return { name, arn, ref: name, attributes: { Arn: arn, ...(attributeOfName === undefined ? {} : { [attributeOfName]: name }) } };
  };
}

const table = named('dynamodb', (name) => `table/${name}`, 'TableName');

/** Address of a queue in AWS's form. */
const queueUrl = (name: string): string => `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`;

/** The resource types that the engines run. Lengths are AWS's limits for the names. */
export const RUNNABLE_TYPES: Readonly<Record<string, Naming>> = {
  'AWS::DynamoDB::Table': { nameProperty: 'TableName', maximumLength: 255, identify: table },
  'AWS::DynamoDB::GlobalTable': { nameProperty: 'TableName', maximumLength: 255, identify: table },
  'AWS::SQS::Queue': {
    nameProperty: 'QueueName',
    maximumLength: 80,
    identify: (name) => ({ ...named('sqs', () => name, 'QueueName')(name), ref: queueUrl(name) }),
  },
  'AWS::SecretsManager::Secret': {
    nameProperty: 'Name',
    maximumLength: 512,
    identify: (name) => {
      const arn = arnOf('secretsmanager', `secret:${name}-${suffixOf(name, 6)}`);
      return { name, arn, ref: arn, attributes: { Id: arn } };
    },
  },
  'AWS::SecretsManager::RotationSchedule': {
    maximumLength: 64,
    identify: (name) => ({ name, arn: arnOf('secretsmanager', `rotation-schedule:${name}`), ref: name, attributes: {} }),
  },
  'AWS::Events::EventBus': {
    nameProperty: 'Name',
    maximumLength: 256,
    identify: named('events', (name) => `event-bus/${name}`, 'Name'),
  },
  'AWS::Events::Rule': { nameProperty: 'Name', maximumLength: 64, identify: named('events', (name) => `rule/${name}`) },
  'AWS::Scheduler::Schedule': {
    nameProperty: 'Name',
    maximumLength: 64,
    identify: named('scheduler', (name) => `schedule/default/${name}`),
  },
  'AWS::Lambda::Function': { nameProperty: 'FunctionName', maximumLength: 64, identify: named('lambda', (name) => `function:${name}`) },
  'AWS::Lambda::EventSourceMapping': {
    maximumLength: 64,
    identify: (name) => {
      const id = suffixOf(name, 32);
      return { name, arn: arnOf('lambda', `event-source-mapping:${id}`), ref: id, attributes: { Id: id } };
    },
  },
  'AWS::Lambda::EventInvokeConfig': {
    maximumLength: 64,
    identify: (name) => ({ name, arn: arnOf('lambda', `event-invoke-config:${name}`), ref: name, attributes: {} }),
  },
  'AWS::Lambda::Url': {
    maximumLength: 64,
    identify: (name) => {
      const url = `https://${suffixOf(name, 32)}.lambda-url.${REGION}.on.aws/`;
      const arn = arnOf('lambda', `function-url:${name}`);
      return { name, arn, ref: arn, attributes: { FunctionUrl: url, FunctionArn: arn } };
    },
  },
  'AWS::ApiGatewayV2::Api': {
    maximumLength: 128,
    identify: (name) => {
      const id = suffixOf(name, 10);
      const endpoint = `https://${id}.execute-api.${REGION}.amazonaws.com`;
      return { name, arn: `arn:aws:apigateway:${REGION}::/apis/${id}`, ref: id, attributes: { ApiEndpoint: endpoint, ApiId: id } };
    },
  },
  ...Object.fromEntries(
    ['Stage', 'Route', 'Integration'].map((kind) => [
      `AWS::ApiGatewayV2::${kind}`,
      {
        maximumLength: 128,
        identify: (name: string) => ({ name, arn: arnOf('apigateway', name), ref: suffixOf(name, 10), attributes: {} }),
      },
    ]),
  ),
};

/**
 * Types that change nothing on one machine: rights, logs' retention, alarms, keys for encryption at rest, CDK's notes.
 * A property that the engines read must not refer to one of them; that is refused where it is resolved.
 */
export const TYPES_WITHOUT_LOCAL_MEANING: ReadonlySet<string> = new Set([
  'AWS::ApplicationInsights::Application',
  'AWS::Budgets::Budget',
  'AWS::CDK::Metadata',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Events::EventBusPolicy',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::IAM::RolePolicy',
  'AWS::KMS::Alias',
  'AWS::KMS::Key',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::ResourcePolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueueInlinePolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::SecretsManager::ResourcePolicy',
  'AWS::Scheduler::ScheduleGroup',
]);

/** A name as CloudFormation makes one: `Stack-LogicalId-HASH`, cut to the type's limit. */
export function generatedName(stackName: string, logicalId: string, maximumLength: number): string {
  const suffix = suffixOf(`${stackName}/${logicalId}`, 8);
  return `${`${stackName}-${logicalId}`.slice(0, maximumLength - suffix.length - 1)}-${suffix}`;
}
