import { isRecord } from './intrinsics.ts';
import type { EventSourceMappingPlan, FunctionPlan, HttpFrontPlan, RoutePlan } from './plan.ts';
import type { Properties } from './properties.ts';
import { DEFAULT_ASYNC_INVOKE } from './read-events.ts';
import { toResource } from './read-stores.ts';
import type { TemplateResource } from './stacks.ts';

/** AWS's defaults of a function (Lambda API, CreateFunction). */
const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_MEMORY_MB = 128;
/** AWS's default batch of an SQS mapping, and the size from which it demands a window (Lambda API, CreateEventSourceMapping). */
const DEFAULT_BATCH_SIZE = 10;
/** An HTTP API names an integration as its route's target in this form. */
const INTEGRATION_TARGET = /^integrations\/(.+)$/;

/** A Node.js function whose code is an asset of the assembly. Layers, images and inline code are refused. */
export function readFunction(resource: TemplateResource): FunctionPlan {
  const { properties } = resource;
  // RecursiveLoop: nothing here detects recursion. Rights, logs, tracing and the processor are AWS's matter.
  properties.withoutLocalEffect(
    'FunctionName',
    'Architectures',
    'Description',
    'EphemeralStorage',
    'KmsKeyArn',
    'LoggingConfig',
    'RecursiveLoop',
    'Role',
    'RuntimeManagementConfig',
    'Tags',
    'TracingConfig',
  );
  properties.only('PackageType', 'Zip');
  const runtime = properties.requiredString('Runtime');
  if (!runtime.startsWith('nodejs')) properties.refuse(`Runtime = ${runtime} is not run by the local engines`);
  const reserved = properties.number('ReservedConcurrentExecutions');
  const deadLetterQueueArn = properties.child('DeadLetterConfig')?.string('TargetArn');
  const variables = properties.child('Environment')?.value('Variables') ?? {};
  if (!isRecord(variables)) return properties.refuse('Environment.Variables is no object');
  const plan: FunctionPlan = {
    ...toResource(resource),
    handler: properties.requiredString('Handler'),
    runtime,
    codePath: readCodePath(properties, resource.assets),
    timeoutSeconds: properties.number('Timeout') ?? DEFAULT_TIMEOUT_SECONDS,
    memoryMb: properties.number('MemorySize') ?? DEFAULT_MEMORY_MB,
    environment: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
    ...(reserved === undefined ? {} : { reservedConcurrentExecutions: reserved }),
    asyncInvoke: { ...DEFAULT_ASYNC_INVOKE, ...(deadLetterQueueArn === undefined ? {} : { deadLetterQueueArn }) },
  };
  properties.done();
  return plan;
}

function readCodePath(properties: Properties, assets: Readonly<Record<string, string>>): string {
  const code = properties.child('Code') ?? properties.refuse('Code is missing');
  code.withoutLocalEffect('S3Bucket');
  const key = code.string('S3Key') ?? code.refuse('the code is no asset (S3Key)');
  return assets[key] ?? code.refuse(`the asset ${key} is not among the given assets`);
}

/** SQS to function. What AWS refuses at deployment (a batch above 10 without a window) is refused here too. */
export function readEventSourceMapping(resource: TemplateResource): EventSourceMappingPlan & { functionName: string } {
  const { properties } = resource;
  properties.withoutLocalEffect('KmsKeyArn', 'MetricsConfig', 'LoggingConfig', 'Tags');
  const queueArn = properties.requiredString('EventSourceArn');
  if (!queueArn.startsWith('arn:aws:sqs:')) properties.refuse(`the source ${queueArn} is no queue`);
  const responseTypes = properties.value('FunctionResponseTypes') ?? [];
  if (!Array.isArray(responseTypes) || responseTypes.some((type) => type !== 'ReportBatchItemFailures')) {
    properties.refuse(`FunctionResponseTypes = ${JSON.stringify(responseTypes)}`);
  }
  const maximumConcurrency = properties.child('ScalingConfig')?.number('MaximumConcurrency');
  const batchSize = properties.number('BatchSize') ?? DEFAULT_BATCH_SIZE;
  const batchingWindowSeconds = properties.number('MaximumBatchingWindowInSeconds') ?? 0;
  if (batchSize > DEFAULT_BATCH_SIZE && batchingWindowSeconds < 1) {
    properties.refuse(`AWS takes a BatchSize of ${batchSize} only with a MaximumBatchingWindowInSeconds of 1 or more`);
  }
  const functionName = properties.requiredString('FunctionName');
  const mapping = {
    stackName: resource.stackName,
    logicalId: resource.logicalId,
    queueArn,
    functionArn: '',
    functionName,
    enabled: properties.boolean('Enabled') ?? true,
    batchSize,
    batchingWindowSeconds,
    ...(maximumConcurrency === undefined ? {} : { maximumConcurrency }),
    reportBatchItemFailures: Array.isArray(responseTypes) && responseTypes.length > 0,
  };
  properties.done();
  return mapping;
}

/** A public function URL that answers with a whole body. */
export function readFunctionUrl(resource: TemplateResource): HttpFrontPlan {
  const { properties } = resource;
  properties.only('AuthType', 'NONE');
  properties.only('InvokeMode', 'BUFFERED');
  properties.only('Qualifier', '$LATEST');
  const functionArn = properties.requiredString('TargetFunctionArn');
  properties.done();
  const url = resource.identity.attributes['FunctionUrl'] ?? '';
  return { ...toResource(resource), kind: 'function-url', url, routes: [{ routeKey: '$default', functionArn }] };
}

/** The HTTP APIs of the template, each with its routes to functions. Authorizers, CORS and parameter mapping are refused. */
export function readHttpApis(resources: readonly TemplateResource[]): HttpFrontPlan[] {
  const ofType = (type: string): TemplateResource[] => resources.filter((resource) => resource.type === `AWS::ApiGatewayV2::${type}`);
  const integrations = new Map(
    ofType('Integration').map(({ identity, properties }) => {
      properties.withoutLocalEffect('Description', 'TimeoutInMillis', 'IntegrationMethod');
      properties.only('IntegrationType', 'AWS_PROXY');
      properties.only('PayloadFormatVersion', '2.0');
      const found = { apiId: properties.requiredString('ApiId'), functionArn: readIntegrationArn(properties) };
      properties.done();
      return [identity.ref, found] as const;
    }),
  );
  const routes = ofType('Route').map(({ properties }) => {
    properties.withoutLocalEffect('OperationName');
    properties.only('AuthorizationType', 'NONE');
    properties.only('ApiKeyRequired', false);
    const target = INTEGRATION_TARGET.exec(properties.requiredString('Target'))?.[1] ?? '';
    const integration = integrations.get(target) ?? properties.refuse('Target names no integration of this template');
    const route: RoutePlan = { routeKey: properties.requiredString('RouteKey'), functionArn: integration.functionArn };
    const apiId = properties.requiredString('ApiId');
    properties.done();
    return { apiId, route };
  });
  for (const { properties } of ofType('Stage')) {
    properties.withoutLocalEffect(
      'ApiId',
      'AccessLogSettings',
      'AutoDeploy',
      'DefaultRouteSettings',
      'Description',
      'RouteSettings',
      'Tags',
    );
    properties.only('StageName', '$default');
    properties.done();
  }
  return ofType('Api').map((resource) => {
    const { properties, identity } = resource;
    properties.withoutLocalEffect('Name', 'Description', 'DisableExecuteApiEndpoint', 'RouteSelectionExpression', 'Tags');
    properties.only('ProtocolType', 'HTTP');
    properties.done();
    const url = `${identity.attributes['ApiEndpoint']}/`;
    const own = routes.filter(({ apiId }) => apiId === identity.ref).map(({ route }) => route);
    return { ...toResource(resource), kind: 'http-api' as const, url, routes: own };
  });
}

function readIntegrationArn(properties: Properties): string {
  const uri = properties.requiredString('IntegrationUri');
  // The ARN itself, or API Gateway's own form around it.
  return /(arn:aws:lambda:[^/]+)(?:\/invocations)?$/.exec(uri)?.[1] ?? properties.refuse(`IntegrationUri ${uri} is no function`);
}
