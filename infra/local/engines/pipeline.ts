import { AsyncInvocations } from './async-invocations.ts';
import { type DynamoDbOptions, startDynamoDb } from './dynamodb.ts';
import { type BusEvent, EventBus, type EventBusOptions, toTargetInput } from './event-bus.ts';
import { type BatchOutcome, EventSourceMapping } from './event-source-mapping.ts';
import { startHttpFront } from './http-front.ts';
import type { InvokeResult, LogLine } from './lambda-environment.ts';
import { LambdaRuntime } from './lambda-runtime.ts';
import { byArn, type FunctionPlan, findResource, type Plan, REGION, type TargetPlan } from './plan.ts';
import { Schedules } from './schedules.ts';
import { Secrets } from './secrets.ts';
import { serveSecretsAndBus } from './secrets-and-bus.ts';
import { startSntp } from './sntp.ts';
import { type QueueCounts, startSqs } from './sqs.ts';

/** Processes of a function that the template does not bound: a laptop is no fleet. */
const DEFAULT_MAXIMUM_ENVIRONMENTS = 10;

export interface PipelineOptions {
  /** Lines that the functions' processes write, and what the engines have to say about failed events. */
  readonly log?: (line: LogLine) => void;
  /** Added to a function's own variables, and winning over them; for every function under `*`. Functions by name or logical id. */
  readonly environment?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Variable in which every function finds the address of the SNTP server, `127.0.0.1:PORT`. */
  readonly timeServerVariable?: string;
  /** Values of secrets by name or logical id, in place of what the template gives or generates. */
  readonly secretValues?: Readonly<Record<string, string>>;
  /** Port of the first HTTP front; 0, the default, takes a free one. */
  readonly port?: number;
  /** Stops the functions' processes between events, as Lambda does (POSIX only). Default off. */
  readonly freeze?: boolean;
  /** Processes of a function by name or logical id; above it events wait. */
  readonly maximumEnvironments?: Readonly<Record<string, number>>;
  /** Processes that are started at once, by function. */
  readonly warm?: Readonly<Record<string, number>>;
  /** Folder in which Node keeps the functions' compiled code between starts. */
  readonly compileCacheDirectory?: string;
  /** Default on; tests that fire schedules by hand turn it off. */
  readonly runSchedules?: boolean;
  readonly dynamoDb?: DynamoDbOptions;
  readonly eventBus?: EventBusOptions;
  readonly onBatch?: (outcome: BatchOutcome) => void;
  readonly asyncRetryDelaysMs?: readonly number[];
}

interface Endpoints {
  readonly dynamodb: string;
  readonly sqs: string;
  /** Secrets Manager and EventBridge. */
  readonly secretsAndBus: string;
  /** `127.0.0.1:PORT` of the SNTP server. */
  readonly sntp: string;
}

/** Mappings of a queue or of a function, or all. */
interface MappingSelection {
  pause(queueOrFunction?: string): void;
  resume(queueOrFunction?: string): void;
}

export interface Pipeline {
  readonly plan: Plan;
  readonly endpoints: Endpoints;
  /** Address of each HTTP front by logical id, with a slash at the end. */
  readonly urls: Readonly<Record<string, string>>;
  /** Address of the first HTTP front; `undefined` when the template has none. */
  readonly url: string | undefined;
  /** What an AWS SDK client needs to talk to the engines: endpoints, region, credentials that are none. */
  readonly clientEnvironment: Readonly<Record<string, string>>;
  readonly mappings: MappingSelection;
  /** Variables of a function as its processes see them, without the runtime's own; for use cases that a test runs in process. */
  environmentOf(functionName: string): Readonly<Record<string, string>>;
  queueUrl(queueName: string): string;
  queueCounts(queueName: string): QueueCounts;
  /** Takes time off the visibility times and delays of a queue, for tests that do not wait. */
  elapse(queueName: string, elapsedMs: number): void;
  invoke(functionName: string, event: unknown): Promise<InvokeResult>;
  /** Fires a schedule now and waits for its function's first attempt. */
  fire(scheduleName: string): Promise<unknown>;
  /** Kills a process of a function, a busy one if there is one. */
  kill(functionName: string): boolean;
  /** Ends everything at once: running events are cut off. */
  close(): Promise<void>;
}

/** Runs a plan on this machine. Rejects with `PortInUseError`, `ScheduleExpressionError` or what an engine refused; nothing is left then. */
export async function startPipeline(plan: Plan, options: PipelineOptions = {}): Promise<Pipeline> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.splice(0).map((closer) => closer()));
  };
  try {
    return await assemble(plan, options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(plan: Plan, options: PipelineOptions, closers: (() => unknown)[], close: () => Promise<void>): Promise<Pipeline> {
  const log = options.log ?? (() => undefined);
  const { '*': commonVariables, ...ownVariables } = options.environment ?? {};
  const addedVariables = byArn(ownVariables, plan.functions, 'function');
  const maximumEnvironments = byArn(options.maximumEnvironments ?? {}, plan.functions, 'function');
  const warmCounts = byArn(options.warm ?? {}, plan.functions, 'function');
  const opened = async <T extends { close(): unknown }>(starting: Promise<T>): Promise<T> => {
    const engine = await starting;
    closers.push(() => engine.close());
    return engine;
  };
  const [dynamoDb, sqs, sntp] = await settleAll([
    opened(startDynamoDb(plan.tables, options.dynamoDb)),
    opened(startSqs(plan.queues)),
    opened(startSntp()),
  ] as const);

  const deliver = async (target: TargetPlan, event: unknown): Promise<unknown> => {
    const input = toTargetInput(target, event);
    const targetFunction = plan.functions.find((candidate) => candidate.arn === target.arn);
    if (targetFunction) return asyncInvocations.start(targetFunction, input);
    sqs.send(target.arn, JSON.stringify(input));
    return undefined;
  };
  const bus = new EventBus(
    plan.eventBuses.map(({ name }) => name),
    plan.rules,
    (target: TargetPlan, event: BusEvent) => void deliver(target, event),
    options.eventBus,
  );
  const rotatingFunctions = new Map(plan.rotations.map(({ secretArn, functionArn }) => [secretArn, functionArn]));
  const secrets = new Secrets(plan.secrets, options.secretValues, {
    isRotated: (secretArn) => rotatingFunctions.has(secretArn),
    invoke: async (secretArn, event) => {
      const result = await invoke(rotatingFunctions.get(secretArn) ?? '', JSON.stringify(event));
      if (!result.ok) throw new Error(`${result.errorType}: ${result.errorMessage}`);
    },
  });
  const secretsAndBus = await opened(serveSecretsAndBus(secrets, bus));
  const endpoints: Endpoints = { dynamodb: dynamoDb.url, sqs: sqs.url, secretsAndBus: secretsAndBus.url, sntp: sntp.address };
  const clientEnvironment = toClientEnvironment(endpoints);

  // Addresses in variables are AWS's; a front's is known once it listens, which is before any process starts.
  const addresses = new Map(plan.queues.map((queue) => [queue.url, sqs.queueUrl(queue.name)]));
  const localise = (value: string): string => {
    let local = value;
    for (const [theirs, ours] of addresses) local = local.replaceAll(theirs, ours);
    return local;
  };
  const environmentOf = (target: FunctionPlan): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(target.environment).map(([name, value]) => [name, localise(value)])),
    ...clientEnvironment,
    ...(options.timeServerVariable === undefined ? {} : { [options.timeServerVariable]: sntp.address }),
    ...commonVariables,
    ...addedVariables.get(target.arn),
  });
  const runtime = new LambdaRuntime(plan.functions, {
    variables: (target) => ({ ...runtimeVariables(target, options.compileCacheDirectory), ...environmentOf(target) }),
    log,
    freeze: (options.freeze ?? false) && process.platform !== 'win32',
    maximumEnvironments: (target) => maximumEnvironments.get(target.arn) ?? defaultMaximumEnvironments(plan, target),
  });
  closers.push(() => runtime.stop());
  const invoke = (functionArn: string, payload: string): Promise<InvokeResult> => runtime.invoke(functionArn, payload);
  const asyncInvocations = new AsyncInvocations({
    invoke,
    send: sqs.send,
    onFailure: (target, result, attempt) => {
      const line = `asynchronous event failed (attempt ${attempt}): ${result.ok ? '' : `${result.errorType}: ${result.errorMessage}`}`;
      log({ functionName: target.name, requestId: result.requestId, stream: 'stderr', line });
    },
    ...(options.asyncRetryDelaysMs ? { retryDelaysMs: options.asyncRetryDelaysMs } : {}),
  });
  closers.push(() => asyncInvocations.close());

  const urls: Record<string, string> = {};
  for (const [index, front] of plan.httpFronts.entries()) {
    const server = await opened(startHttpFront(front, invoke, index === 0 ? options.port : 0));
    urls[front.logicalId] = `${server.url}/`;
    addresses.set(front.url, `${server.url}/`);
  }
  const schedules = new Schedules(plan.schedules, (schedule, event) => deliver(toScheduleTarget(schedule.target), event));
  if (options.runSchedules ?? true) schedules.start();
  closers.push(() => schedules.close());
  for (const [functionArn, count] of warmCounts) runtime.warm(functionArn, count);
  const mappings = plan.eventSourceMappings.map(
    (mapping) => new EventSourceMapping(mapping, { queues: sqs, invoke, ...(options.onBatch ? { onBatch: options.onBatch } : {}) }),
  );
  for (const mapping of mappings) {
    closers.push(() => mapping.close());
    void mapping.run();
  }
  const select = (name: string | undefined): EventSourceMapping[] => {
    if (name === undefined) return mappings;
    const arn = findResource([...plan.queues, ...plan.functions], name, 'queue or function').arn;
    return mappings.filter((mapping) => mapping.plan.queueArn === arn || mapping.plan.functionArn === arn);
  };
  const queue = (name: string) => findResource(plan.queues, name, 'queue');
  return {
    plan,
    endpoints,
    urls,
    url: Object.values(urls)[0],
    clientEnvironment,
    mappings: {
      pause: (name) => {
        for (const mapping of select(name)) mapping.pause();
      },
      resume: (name) => {
        for (const mapping of select(name)) mapping.resume();
      },
    },
    environmentOf: (name) => environmentOf(findResource(plan.functions, name, 'function')),
    queueUrl: (name) => sqs.queueUrl(queue(name).name),
    queueCounts: (name) => sqs.counts(queue(name).arn),
    elapse: (name, elapsedMs) => sqs.elapse(queue(name).arn, elapsedMs),
    invoke: (name, event) => runtime.invoke(name, JSON.stringify(event ?? null)),
    fire: (name) => schedules.fire(name),
    kill: (name) => runtime.kill(name),
    close,
  };
}

/** Waits for all, so that what did start is known to the closers when another did not. */
async function settleAll<T extends readonly Promise<unknown>[]>(starting: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(starting);
  return Promise.all(starting) as Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
}

/** A schedule's own input is filled in where it fires. */
const toScheduleTarget = (target: TargetPlan): TargetPlan => ({ arn: target.arn });

/** As many as its mappings can use, or ten; never more than are reserved. */
function defaultMaximumEnvironments(plan: Plan, target: FunctionPlan): number {
  const own = plan.eventSourceMappings.filter((mapping) => mapping.functionArn === target.arn);
  const wanted = own.reduce((sum, mapping) => sum + (mapping.maximumConcurrency ?? DEFAULT_MAXIMUM_ENVIRONMENTS), 0);
  const maximum = own.length === 0 ? DEFAULT_MAXIMUM_ENVIRONMENTS : wanted;
  return Math.max(1, Math.min(maximum, target.reservedConcurrentExecutions ?? maximum));
}

function toClientEnvironment(endpoints: Endpoints): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsAndBus,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.secretsAndBus,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    // The person's own profiles and the machine's role have no business here.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** What Lambda's runtime gives a function, and the little of this machine that a process needs. */
function runtimeVariables(target: FunctionPlan, compileCacheDirectory: string | undefined): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    TZ: 'UTC',
    LANG: 'en_US.UTF-8',
    AWS_EXECUTION_ENV: `AWS_Lambda_${target.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: target.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(target.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${target.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    LAMBDA_TASK_ROOT: target.codePath,
    _HANDLER: target.handler,
    ...(compileCacheDirectory === undefined ? {} : { NODE_COMPILE_CACHE: compileCacheDirectory }),
  };
}
