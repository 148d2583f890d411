/**
 * What a template asks for, resolved to plain values: the names, ARNs and addresses that AWS would give (account 000000000000,
 * us-east-1). Addresses are AWS's own here; `localAddresses` in pipeline.ts puts the sockets of this machine in their place.
 */

export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** Where a resource stands in the templates, for look-ups and error messages. */
export interface Resource {
  readonly stackName: string;
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
}

export interface KeyElement {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

export interface TableIndex {
  readonly IndexName: string;
  readonly KeySchema: readonly KeyElement[];
  readonly Projection: { readonly ProjectionType: string; readonly NonKeyAttributes?: readonly string[] };
}

/** Keys and indexes in CreateTable's own words. */
export interface TablePlan extends Resource {
  readonly keySchema: readonly KeyElement[];
  readonly attributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: string }[];
  readonly globalSecondaryIndexes: readonly TableIndex[];
  readonly localSecondaryIndexes: readonly TableIndex[];
  readonly timeToLiveAttribute?: string;
}

export interface QueuePlan extends Resource {
  readonly url: string;
  readonly visibilityTimeoutSeconds: number;
  readonly messageRetentionSeconds: number;
  readonly delaySeconds: number;
  readonly receiveWaitSeconds: number;
  readonly maximumMessageBytes: number;
  readonly redrive?: { readonly deadLetterQueueArn: string; readonly maxReceiveCount: number };
}

export interface GeneratedSecret {
  readonly passwordLength: number;
  readonly excludeCharacters: string;
  readonly excludeLowercase: boolean;
  readonly excludeUppercase: boolean;
  readonly excludeNumbers: boolean;
  readonly excludePunctuation: boolean;
  readonly includeSpace: boolean;
  /** The password goes into this JSON object under this key. */
  readonly template?: { readonly json: string; readonly key: string };
}

/** Without `value` and `generate` the secret exists and has no version, as on AWS. */
export interface SecretPlan extends Resource {
  readonly value?: string;
  readonly generate?: GeneratedSecret;
}

/**
 * A secret that a function rotates, in Secrets Manager's four steps. Nothing here waits for its days to pass: a rotation begins when
 * somebody asks for it (RotateSecret).
 */
export interface RotationPlan {
  readonly stackName: string;
  readonly logicalId: string;
  readonly secretArn: string;
  readonly functionArn: string;
}

export type EventBusPlan = Resource;

/** A queue or a function that gets an event. `input` replaces the event; `inputPath` (`$.detail`) picks a part of it. */
export interface TargetPlan {
  readonly arn: string;
  readonly input?: string;
  readonly inputPath?: string;
  readonly deadLetterQueueArn?: string;
}

export interface RulePlan extends Resource {
  readonly eventBusName: string;
  readonly pattern: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly targets: readonly TargetPlan[];
}

export interface SchedulePlan extends Resource {
  /** `rate(5 minutes)`, `cron(0 3 * * ? *)` or `at(2030-01-01T00:00:00)`. */
  readonly expression: string;
  readonly timeZone: string;
  readonly enabled: boolean;
  readonly target: TargetPlan;
}

/** What Lambda does with an asynchronous event (a rule's or a schedule's) that the function failed. */
export interface AsyncInvokePlan {
  readonly maximumRetryAttempts: number;
  /** Queue that gets the event with an account of its failure. */
  readonly onFailureArn?: string;
  /** Queue that gets the event alone. */
  readonly deadLetterQueueArn?: string;
}

export interface FunctionPlan extends Resource {
  /** `file.export`, relative to `codePath`. */
  readonly handler: string;
  readonly runtime: string;
  readonly codePath: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly reservedConcurrentExecutions?: number;
  readonly asyncInvoke: AsyncInvokePlan;
}

export interface EventSourceMappingPlan {
  readonly stackName: string;
  readonly logicalId: string;
  readonly queueArn: string;
  readonly functionArn: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  readonly maximumConcurrency?: number;
  readonly reportBatchItemFailures: boolean;
}

export interface RoutePlan {
  /** `$default`, `ANY /path`, `POST /github/{proxy+}`. */
  readonly routeKey: string;
  readonly functionArn: string;
}

export interface HttpFrontPlan extends Resource {
  readonly kind: 'function-url' | 'http-api';
  /** AWS's form, `https://ID.lambda-url.us-east-1.on.aws/`. */
  readonly url: string;
  readonly routes: readonly RoutePlan[];
}

export interface Plan {
  readonly tables: readonly TablePlan[];
  readonly queues: readonly QueuePlan[];
  readonly secrets: readonly SecretPlan[];
  readonly rotations: readonly RotationPlan[];
  readonly eventBuses: readonly EventBusPlan[];
  readonly rules: readonly RulePlan[];
  readonly schedules: readonly SchedulePlan[];
  readonly functions: readonly FunctionPlan[];
  readonly eventSourceMappings: readonly EventSourceMappingPlan[];
  readonly httpFronts: readonly HttpFrontPlan[];
  /** Outputs of every stack, `StackName.OutputName`, as AWS would print them. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** A template that this machine cannot run as it stands. The message names the resource and its type; no stack trace is needed. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** CDK ends a logical id with 8 hexadecimal digits; people leave them out. */
const LOGICAL_ID_HASH = /[0-9A-F]{8}$/;

/**
 * Finds a resource by its name, its ARN, or its logical id with or without CDK's suffix. Throws `RangeError` when there is none or more
 * than one.
 */
export function findResource<R extends Resource>(resources: readonly R[], name: string, kind: string): R {
  const exact = resources.filter((resource) => [resource.name, resource.arn, resource.logicalId].includes(name));
  const found = exact.length > 0 ? exact : resources.filter((resource) => resource.logicalId.replace(LOGICAL_ID_HASH, '') === name);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  const known = resources.map((resource) => resource.logicalId).join(', ') || 'none';
  throw new RangeError(`${found.length === 0 ? 'no' : 'more than one'} ${kind} is called ${name}; the template has: ${known}`);
}

/** Values that were given by any of a resource's names, by its ARN. Throws as `findResource` does. */
export function byArn<V>(values: Readonly<Record<string, V>>, resources: readonly Resource[], kind: string): ReadonlyMap<string, V> {
  return new Map(Object.entries(values).map(([name, value]) => [findResource(resources, name, kind).arn, value]));
}
