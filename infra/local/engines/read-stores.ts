import { isRecord } from './intrinsics.ts';
import type { GeneratedSecret, KeyElement, QueuePlan, Resource, RotationPlan, SecretPlan, TableIndex, TablePlan } from './plan.ts';
import type { Properties } from './properties.ts';
import type { TemplateResource } from './stacks.ts';

/** AWS's defaults of a queue (SQS API, CreateQueue). */
const DEFAULT_VISIBILITY_SECONDS = 30;
const DEFAULT_RETENTION_SECONDS = 345_600;
const MAXIMUM_MESSAGE_BYTES = 1_048_576;
/** AWS's default for a generated secret (Secrets Manager API, GetRandomPassword). */
const DEFAULT_PASSWORD_LENGTH = 32;

export const toResource = ({ stackName, logicalId, identity }: TemplateResource): Resource => ({
  stackName,
  logicalId,
  name: identity.name,
  arn: identity.arn,
});

/** A table of either type. A global table must have one replica: there is one region here. */
export function readTable(resource: TemplateResource): TablePlan {
  const { properties } = resource;
  properties.withoutLocalEffect(
    'TableName',
    'BillingMode',
    'ProvisionedThroughput',
    'OnDemandThroughput',
    'WarmThroughput',
    'WriteProvisionedThroughputSettings',
    'WriteOnDemandThroughputSettings',
    'ReadProvisionedThroughputSettings',
    'ReadOnDemandThroughputSettings',
    'PointInTimeRecoverySpecification',
    'SSESpecification',
    'DeletionProtectionEnabled',
    'TableClass',
    'ContributorInsightsSpecification',
    'ResourcePolicy',
    'Tags',
  );
  const replicas = properties.children('Replicas');
  if (replicas.length > 1) properties.refuse('a table with several replicas: the local engines have one region');
  for (const replica of replicas) {
    replica.withoutLocalEffect(
      'Region',
      'PointInTimeRecoverySpecification',
      'SSESpecification',
      'DeletionProtectionEnabled',
      'TableClass',
      'ContributorInsightsSpecification',
      'GlobalSecondaryIndexes',
      'ReadProvisionedThroughputSettings',
      'ReadOnDemandThroughputSettings',
      'ResourcePolicy',
      'Tags',
    );
  }
  const timeToLive = properties.child('TimeToLiveSpecification');
  const timeToLiveAttribute = timeToLive?.string('AttributeName');
  const timeToLiveEnabled = timeToLive?.boolean('Enabled') ?? false;
  const table: TablePlan = {
    ...toResource(resource),
    keySchema: readKeySchema(properties),
    attributeDefinitions: properties.children('AttributeDefinitions').map((definition) => ({
      AttributeName: definition.requiredString('AttributeName'),
      AttributeType: definition.requiredString('AttributeType'),
    })),
    globalSecondaryIndexes: properties.children('GlobalSecondaryIndexes').map(readIndex),
    localSecondaryIndexes: properties.children('LocalSecondaryIndexes').map(readIndex),
    ...(timeToLiveEnabled && timeToLiveAttribute !== undefined ? { timeToLiveAttribute } : {}),
  };
  properties.done();
  return table;
}

function readKeySchema(properties: Properties): KeyElement[] {
  return properties.children('KeySchema').map((element) => {
    const keyType = element.requiredString('KeyType');
    if (keyType !== 'HASH' && keyType !== 'RANGE') return element.refuse(`KeyType = ${keyType}`);
    return { AttributeName: element.requiredString('AttributeName'), KeyType: keyType };
  });
}

function readIndex(index: Properties): TableIndex {
  index.withoutLocalEffect(
    'ProvisionedThroughput',
    'OnDemandThroughput',
    'WarmThroughput',
    'WriteProvisionedThroughputSettings',
    'WriteOnDemandThroughputSettings',
    'ReadProvisionedThroughputSettings',
    'ReadOnDemandThroughputSettings',
    'ContributorInsightsSpecification',
  );
  const projection = index.child('Projection') ?? index.refuse('Projection is missing');
  const nonKeyAttributes = projection.value('NonKeyAttributes');
  return {
    IndexName: index.requiredString('IndexName'),
    KeySchema: readKeySchema(index),
    Projection: {
      ProjectionType: projection.requiredString('ProjectionType'),
      ...(Array.isArray(nonKeyAttributes) ? { NonKeyAttributes: nonKeyAttributes.map(String) } : {}),
    },
  };
}

/** A standard queue. FIFO queues are refused: no engine here keeps their rules in the event source mapping. */
export function readQueue(resource: TemplateResource): QueuePlan {
  const { properties } = resource;
  properties.withoutLocalEffect(
    'QueueName',
    'KmsMasterKeyId',
    'KmsDataKeyReusePeriodSeconds',
    'SqsManagedSseEnabled',
    'RedriveAllowPolicy',
    'Tags',
  );
  properties.only('FifoQueue', false);
  const redrive = readRedrive(properties);
  const queue: QueuePlan = {
    ...toResource(resource),
    url: resource.identity.ref,
    visibilityTimeoutSeconds: properties.number('VisibilityTimeout') ?? DEFAULT_VISIBILITY_SECONDS,
    messageRetentionSeconds: properties.number('MessageRetentionPeriod') ?? DEFAULT_RETENTION_SECONDS,
    delaySeconds: properties.number('DelaySeconds') ?? 0,
    receiveWaitSeconds: properties.number('ReceiveMessageWaitTimeSeconds') ?? 0,
    maximumMessageBytes: properties.number('MaximumMessageSize') ?? MAXIMUM_MESSAGE_BYTES,
    ...(redrive ? { redrive } : {}),
  };
  properties.done();
  return queue;
}

function readRedrive(properties: Properties): QueuePlan['redrive'] {
  const raw = properties.value('RedrivePolicy');
  if (raw === undefined) return undefined;
  const policy: unknown = typeof raw === 'string' ? JSON.parse(raw) : raw;
  const deadLetterQueueArn = isRecord(policy) ? policy['deadLetterTargetArn'] : undefined;
  const maxReceiveCount = isRecord(policy) ? Number(policy['maxReceiveCount']) : Number.NaN;
  if (typeof deadLetterQueueArn !== 'string' || !Number.isInteger(maxReceiveCount) || maxReceiveCount < 1) {
    return properties.refuse(`RedrivePolicy needs deadLetterTargetArn and maxReceiveCount: ${JSON.stringify(policy)}`);
  }
  return { deadLetterQueueArn, maxReceiveCount };
}

/** A secret, with a value only where the template gives or generates one. */
export function readSecret(resource: TemplateResource): SecretPlan {
  const { properties } = resource;
  properties.withoutLocalEffect('Name', 'Description', 'KmsKeyId', 'Tags', 'Type');
  const value = properties.string('SecretString');
  const generator = properties.child('GenerateSecretString');
  const generate = generator ? readGenerator(generator) : undefined;
  properties.done();
  return { ...toResource(resource), ...(value === undefined ? {} : { value }), ...(generate ? { generate } : {}) };
}

/** A schedule that begins when it is deployed is refused: here that is every start. */
export function readRotation(resource: TemplateResource): RotationPlan {
  const { properties, stackName, logicalId } = resource;
  properties.withoutLocalEffect('RotationRules');
  if (properties.boolean('RotateImmediatelyOnUpdate') !== false) {
    properties.refuse('RotateImmediatelyOnUpdate must be false: the local engines rotate when they are asked to');
  }
  const rotation: RotationPlan = {
    stackName,
    logicalId,
    secretArn: properties.requiredString('SecretId'),
    functionArn: properties.requiredString('RotationLambdaARN'),
  };
  properties.done();
  return rotation;
}

function readGenerator(generator: Properties): GeneratedSecret {
  generator.withoutLocalEffect('RequireEachIncludedType');
  const json = generator.string('SecretStringTemplate');
  const key = generator.string('GenerateStringKey');
  if ((json === undefined) !== (key === undefined)) generator.refuse('SecretStringTemplate and GenerateStringKey come together');
  return {
    passwordLength: generator.number('PasswordLength') ?? DEFAULT_PASSWORD_LENGTH,
    excludeCharacters: generator.string('ExcludeCharacters') ?? '',
    excludeLowercase: generator.boolean('ExcludeLowercase') ?? false,
    excludeUppercase: generator.boolean('ExcludeUppercase') ?? false,
    excludeNumbers: generator.boolean('ExcludeNumbers') ?? false,
    excludePunctuation: generator.boolean('ExcludePunctuation') ?? false,
    includeSpace: generator.boolean('IncludeSpace') ?? false,
    ...(json === undefined || key === undefined ? {} : { template: { json, key } }),
  };
}
