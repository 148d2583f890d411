import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import * as eventTargets from 'aws-cdk-lib/aws-events-targets';
import { Code, FunctionUrlAuthType, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BusEvent } from '../../../../infra/local/engines/event-bus.ts';
import type { BatchOutcome } from '../../../../infra/local/engines/event-source-mapping.ts';
import type { InvokeResult } from '../../../../infra/local/engines/lambda-environment.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from '../../../../infra/local/engines/pipeline.ts';
import type { Plan } from '../../../../infra/local/engines/plan.ts';
import { readAssembly } from '../../../../infra/local/engines/read-assembly.ts';
import { readTemplate } from '../../../../infra/local/engines/read-template.ts';
import { bundleProbe, makeTemporaryDirectory } from './probe-stack.ts';

const directory = makeTemporaryDirectory();
let plan: Plan;

/** Two stacks, as the app has them: state, and the functions over it. */
function synthesise(code: string, outdir: string): void {
  const app = new App({ outdir, analyticsReporting: false });
  const state = new Stack(app, 'State');
  const table = new TableV2(state, 'Results', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    billing: Billing.onDemand(),
    timeToLiveAttribute: 'expiresAtSeconds',
    globalSecondaryIndexes: [
      { indexName: 'due', partitionKey: { name: 'dueShard', type: AttributeType.STRING }, projectionType: ProjectionType.KEYS_ONLY },
    ],
  });
  const secret = new Secret(state, 'Secret');
  const bus = new EventBus(state, 'Bus');

  const stack = new Stack(app, 'Pipeline');
  const dead = new Queue(stack, 'Dead', { retentionPeriod: Duration.days(14), enforceSSL: true });
  const queue = (id: string) =>
    new Queue(stack, id, {
      visibilityTimeout: Duration.seconds(30),
      deadLetterQueue: { queue: dead, maxReceiveCount: 2 },
      enforceSSL: true,
    });
  const work = queue('Work');
  const alerts = queue('Alerts');
  const probe = (id: string, timeoutSeconds: number) =>
    new LambdaFunction(stack, id, {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromAsset(code),
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: 256,
      environment: {
        RESULTS_TABLE_NAME: table.tableName,
        SECRET_ID: secret.secretArn,
        EVENT_BUS_NAME: bus.eventBusName,
        ALERTS_QUEUE_URL: alerts.queueUrl,
        DEAD_LETTER_QUEUE_URLS: [dead.queueUrl, work.queueUrl].join(','),
      },
    });
  const worker = probe('Worker', 4);
  const alert = probe('Alert', 5);
  table.grantReadWriteData(worker);
  worker.addEventSource(new SqsEventSource(work, { batchSize: 1, maxConcurrency: 2, reportBatchItemFailures: true }));
  alert.addEventSource(new SqsEventSource(alerts, { batchSize: 10, maxConcurrency: 2, reportBatchItemFailures: true }));
  new Rule(stack, 'ToAlerts', {
    eventBus: bus,
    eventPattern: { source: ['probe'], detailType: ['alert'] },
    targets: [new eventTargets.SqsQueue(alerts, { deadLetterQueue: dead })],
  });
  new Rule(stack, 'ToAlert', {
    eventBus: bus,
    eventPattern: { source: ['probe'], detailType: ['direct'] },
    targets: [new eventTargets.LambdaFunction(alert, { retryAttempts: 0 })],
  });
  new Schedule(stack, 'Tick', {
    schedule: ScheduleExpression.rate(Duration.minutes(1)),
    target: new LambdaInvoke(worker, { input: ScheduleTargetInput.fromObject({ do: 'count', key: 'ticks' }) }),
  });
  worker.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  app.synth();
}

beforeAll(async () => {
  const code = join(directory.path, 'code');
  const assembly = join(directory.path, 'cdk.out');
  mkdirSync(code);
  await bundleProbe(code);
  synthesise(code, assembly);
  plan = readTemplate(readAssembly(assembly));
});
afterAll(directory.remove);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: PipelineOptions = {}) {
  const outcomes: BatchOutcome[] = [];
  const pipeline = await startPipeline(plan, {
    freeze: true,
    runSchedules: false,
    onBatch: (outcome) => outcomes.push(outcome),
    ...options,
  });
  const configuration = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
  const sqs = new SQSClient({ ...configuration, endpoint: pipeline.endpoints.sqs });
  const dynamoDb = new DynamoDBClient({ ...configuration, endpoint: pipeline.endpoints.dynamodb });
  closers.push(
    () => sqs.destroy(),
    () => dynamoDb.destroy(),
    pipeline.close,
  );
  const send = async (queueName: string, ...actions: readonly unknown[]): Promise<void> => {
    const Entries = actions.map((action, index) => ({ Id: String(index), MessageBody: JSON.stringify(action) }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: pipeline.queueUrl(queueName), Entries }));
  };
  const attempts = async (key: string): Promise<number> => {
    const TableName = plan.tables[0]?.name;
    const { Item } = await dynamoDb.send(new GetItemCommand({ TableName, Key: { pk: { S: key } }, ConsistentRead: true }));
    return Number(Item?.['attempts']?.N ?? 0);
  };
  return { pipeline, sqs, send, attempts, outcomes };
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(10);
}

const isEmpty = (pipeline: Pipeline, queueName: string): boolean => {
  const { visible, inFlight, delayed } = pipeline.queueCounts(queueName);
  return visible + inFlight + delayed === 0;
};

describe('startPipeline', () => {
  it('runs what CDK has synthesised: queue, function, table, secret, bus, rule, queue, function', async () => {
    const events: BusEvent[] = [];
    const { pipeline, send, attempts } = await start({
      secretValues: { Secret: 'from outside' },
      eventBus: { onEvent: (event) => events.push(event) },
    });
    await send('Work', { do: 'count', key: 'worked' }, { do: 'publish', detailType: 'alert', detail: { n: 1 } });
    await until(() => events.length === 1 && isEmpty(pipeline, 'Work'));
    expect(await attempts('worked')).toBe(1);
    // The event that the rule sends is no action of the probe: it fails there, which shows that it got there.
    await until(() => pipeline.queueCounts('Alerts').inFlight === 1);
    const secret = await pipeline.invoke('Worker', { do: 'secret' });
    expect(secret).toMatchObject({ ok: true, payload: '"from outside"' });
    await send('Work', { do: 'send', queueUrlVariable: 'ALERTS_QUEUE_URL', body: { do: 'count', key: 'alerted' } });
    await until(async () => (await attempts('alerted')) === 1);
  });

  it('gives functions the addresses of the engines, and what the options add', async () => {
    const { pipeline } = await start({ environment: { '*': { TENANT: 'acme' }, Worker: { TENANT: 'mine' } } });
    const result = (await pipeline.invoke('Worker', { do: 'environment' })) as InvokeResult & { ok: true };
    const variables = JSON.parse(result.payload) as Record<string, string>;
    expect(variables).toMatchObject({
      ...pipeline.environmentOf('Worker'),
      TENANT: 'mine',
      ALERTS_QUEUE_URL: pipeline.queueUrl('Alerts'),
      DEAD_LETTER_QUEUE_URLS: `${pipeline.queueUrl('Dead')},${pipeline.queueUrl('Work')}`,
      RESULTS_TABLE_NAME: plan.tables[0]?.name,
      AWS_ENDPOINT_URL_DYNAMODB: pipeline.endpoints.dynamodb,
      AWS_REGION: 'us-east-1',
      AWS_LAMBDA_FUNCTION_NAME: plan.functions[0]?.name,
    });
    expect(pipeline.environmentOf('Alert')['TENANT']).toBe('acme');
    expect(pipeline.queueUrl('Alerts')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/000000000000\//);
  });

  it('gives a message again after a timeout, once its visibility has ended', async () => {
    const { pipeline, send, attempts, outcomes } = await start();
    await send('Work', { do: 'hangUntil', key: 'late', attempt: 2 });
    await until(() => outcomes.length === 1);
    expect(outcomes[0]?.result).toMatchObject({ reason: 'timeout' });
    expect(pipeline.queueCounts('Work')).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    pipeline.elapse('Work', 30_001);
    await until(() => isEmpty(pipeline, 'Work'));
    expect(await attempts('late')).toBe(2);
  });

  it('moves a message that always crashes its function to the dead-letter queue', async () => {
    const { pipeline, send, sqs, outcomes } = await start();
    await send('Work', { do: 'exit', code: 1 });
    for (const count of [1, 2]) {
      await until(() => outcomes.length === count);
      pipeline.elapse('Work', 30_001);
    }
    await until(() => pipeline.queueCounts('Dead').visible === 1);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: pipeline.queueUrl('Dead') }));
    expect(Messages?.[0]?.Body).toBe('{"do":"exit","code":1}');
  });

  it('loses no message whose function is killed in the middle', async () => {
    const { pipeline, send, attempts, outcomes } = await start();
    await send('Work', { do: 'hangUntil', key: 'killed', attempt: 2 });
    await until(async () => (await attempts('killed')) === 1);
    expect(pipeline.kill('Worker')).toBe(true);
    await until(() => outcomes.length === 1);
    expect(outcomes[0]?.result).toMatchObject({ reason: 'exit' });
    pipeline.elapse('Work', 30_001);
    await until(() => isEmpty(pipeline, 'Work'));
    expect(await attempts('killed')).toBe(2);
  });

  it('fires a schedule with its input, and gives a failed event to the function again', async () => {
    const { pipeline, attempts } = await start({ asyncRetryDelaysMs: [10, 10] });
    expect(await pipeline.fire('Tick')).toMatchObject({ ok: true });
    expect(await attempts('ticks')).toBe(1);
    const publish = { do: 'publish', detailType: 'direct', detail: { n: 1 } };
    const lines: string[] = [];
    const second = await start({ asyncRetryDelaysMs: [10, 10], log: ({ line }) => lines.push(line) });
    await second.pipeline.invoke('Worker', publish);
    await until(() => lines.filter((line) => line.startsWith('asynchronous event failed')).length === 3);
    expect(lines.some((line) => line.startsWith('asynchronous event failed (attempt 3): TypeError'))).toBe(true);
  });

  it('serves the function URL of the template', async () => {
    const { pipeline } = await start();
    const answer = await fetch(`${pipeline.url}github`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ rawPath: '/github', body: '{}', requestContext: { http: { method: 'POST' } } });
    expect((await fetch(`${pipeline.url}fail`)).status).toBe(502);
  });

  it('pauses the mappings of a queue', async () => {
    const { pipeline, send, attempts } = await start();
    pipeline.mappings.pause('Work');
    await send('Work', { do: 'count', key: 'paused' });
    await sleep(50);
    expect(pipeline.queueCounts('Work').visible).toBe(1);
    pipeline.mappings.resume('Worker');
    await until(async () => (await attempts('paused')) === 1);
  });

  it('refuses options for a function that the template does not have', async () => {
    await expect(startPipeline(plan, { warm: { Wroker: 1 } })).rejects.toThrow(/no function is called Wroker/);
    await expect(startPipeline(plan, { secretValues: { Key: 'x' } })).rejects.toThrow(/no secret is called Key/);
  });

  it('leaves nothing behind when it is closed or cannot start', async () => {
    const { pipeline } = await start();
    const port = Number(new URL(pipeline.url ?? '').port);
    await expect(startPipeline(plan, { port })).rejects.toThrow(`port ${port}`);
    const running = pipeline.invoke('Worker', { do: 'hang' });
    await sleep(20);
    await pipeline.close();
    expect(await running).toMatchObject({ ok: false, reason: 'stopped' });
    for (const address of [pipeline.endpoints.dynamodb, pipeline.endpoints.sqs, pipeline.endpoints.secretsAndBus, pipeline.url ?? '']) {
      await expect(fetch(address)).rejects.toThrow();
    }
  });
});
