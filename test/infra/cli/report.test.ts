import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReportDescription } from '../../../infra/cli/describe-report.ts';
import { run } from '../../../infra/cli/report.ts';
import type { DynamoDb } from '../../../infra/local/engines/dynamodb.ts';
import { type Sqs, startSqs } from '../../../infra/local/engines/sqs.ts';
import { announce } from '../../../infra/local/running-pipeline.ts';
import { createQueueReader } from '../../../shared/aws/queue.ts';
import { parseReportRequest } from '../../../shared/messages/queue-messages.ts';
import type { RefId } from '../../../shared/model/repository.ts';
import { createReportStore } from '../../../shared/report/dynamodb.ts';
import type { ReportState } from '../../../shared/report/report-state.ts';
import { createScanStore } from '../../../shared/scans/dynamodb.ts';
import { temporaryFolder } from '../../fakes/temporary-repository.ts';
import { startTables } from '../../simulation/local-tables.ts';

const MAIN: RefId = { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: '7', ref: 'refs/heads/main' };
const OTHER: RefId = { ...MAIN, ref: 'refs/heads/other' };
const QUEUE_ARN = 'arn:aws:sqs:us-east-1:000000000000:reports';

const folder = temporaryFolder();
let engine: DynamoDb;
let sqs: Sqs;
let client: DynamoDBClient;
let output: { stdout: string; stderr: string };

beforeAll(() => {
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('XDG_CACHE_HOME', folder.path);
});
afterAll(() => {
  vi.unstubAllEnvs();
  folder.remove();
});
beforeEach(async () => {
  engine = await startTables();
  sqs = await startSqs([
    {
      stackName: 'test',
      logicalId: 'ReportsQueue',
      name: 'reports',
      arn: QUEUE_ARN,
      url: '',
      visibilityTimeoutSeconds: 30,
      messageRetentionSeconds: 600,
      delaySeconds: 0,
      receiveWaitSeconds: 0,
      maximumMessageBytes: 262_144,
    },
  ]);
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', engine.url);
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', sqs.url);
  client = new DynamoDBClient({});
  const scans = createScanStore(client, 'scans');
  const facts = { repositoryName: 'acme/shop', lane: 'live', batchCount: 0 } as const;
  await scans.open({ ref: MAIN, generation: 4 }, { ...facts, commit: 'aaaa' }, 0);
  await scans.open({ ref: MAIN, generation: 5 }, { ...facts, commit: 'bbbb' }, 0);
  await scans.open({ ref: OTHER, generation: 1 }, { ...facts, commit: 'cccc' }, 0);
  output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    });
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  client.destroy();
  await engine.close();
  await sqs.close();
});

const OF_THE_STACK = ['--table', 'scans'];
const counts = { publishedCount: 10, refusedCount: 1, lackingCount: 3, recordPageCount: 1 };
const REPORTED: ReportState = {
  version: 1,
  repositoryName: 'acme/shop',
  last: { id: 's-1', generation: 5, commit: 'bbbb', scope: 'changed', completedAtMs: 1_000, ...counts },
  lastWholeAtMs: 500,
  settledGeneration: 5,
};

async function shown(): Promise<readonly ReportDescription[]> {
  expect(await run(['show', '--json', ...OF_THE_STACK]), output.stderr).toBe(0);
  return (JSON.parse(output.stdout) as { reports: ReportDescription[] }).reports;
}

async function queued() {
  const sqsClient = new SQSClient({});
  const messages = await createQueueReader(sqsClient, sqs.queueUrl('reports')).receive(30);
  sqsClient.destroy();
  return messages.map(({ body }) => parseReportRequest(body));
}

describe('report show', () => {
  it('says what was told last, and which refs were never reported', async () => {
    await createReportStore(client, 'scans').moveState(MAIN, { number: 0 }, REPORTED);
    expect(await shown()).toEqual([
      {
        repository: 'acme/shop',
        forge: 'github',
        host: 'github.com',
        ref: 'refs/heads/main',
        status: 'reported',
        commit: 'bbbb',
        last: {
          sessionId: 's-1',
          commit: 'bbbb',
          scope: 'changed',
          completedAt: '1970-01-01T00:00:01.000Z',
          published: 10,
          refused: 1,
          lacking: 3,
        },
        lastWholeAt: '1970-01-01T00:00:00.500Z',
      },
      { repository: 'acme/shop', forge: 'github', host: 'github.com', ref: 'refs/heads/other', status: 'not-reported', commit: 'cccc' },
    ]);
  });

  it('says what is open, how far it is and why it waits', async () => {
    const store = createReportStore(client, 'scans');
    const session = { id: 's-2', generation: 5, commit: 'bbbb', scope: 'whole', startedAtMs: 2_000, plannedCount: 9 } as const;
    const waiting = { sinceMs: 3_000, reason: 'SafeDep is not reachable' };
    await store.moveState(MAIN, { number: 0 }, { version: 1, repositoryName: 'acme/shop', session, waiting });
    await store.appendAcknowledged(MAIN, 's-2', 0, new Map([['0'.repeat(32), 'acknowledged']]), Date.now());
    expect((await shown())[0]).toMatchObject({
      status: 'waiting',
      open: { sessionId: 's-2', settled: 1, planned: 9, scope: 'whole' },
      waiting: { since: '1970-01-01T00:00:03.000Z', reason: 'SafeDep is not reachable' },
    });
    output.stdout = '';
    expect(await run(['show', 'acme/shop', '--ref', 'main', ...OF_THE_STACK])).toBe(0);
    expect(output.stdout).toContain('acme/shop  refs/heads/main  waiting');
    expect(output.stdout).toContain('commit bbbb: 1 of 9 sent (whole)');
    expect(output.stdout).toContain('waits     since 1970-01-01T00:00:03.000Z: SafeDep is not reachable');
    expect(output.stdout).not.toContain('other');
  });

  it('calls a report that an invocation is sending by its name, and a newer scan not reported', async () => {
    const store = createReportStore(client, 'scans');
    const lease = { holder: 'm', untilMs: Date.now() + 60_000 };
    const first = await store.moveState(MAIN, { number: 0 }, { ...REPORTED, lease });
    expect((await shown())[0]?.status).toBe('sending');
    if (first === 'refused') throw new Error('the state was not written');
    await store.moveState(MAIN, first, { ...REPORTED, settledGeneration: 4 });
    output.stdout = '';
    expect((await shown())[0]?.status).toBe('not-reported');
  });

  it('ends with 2 where the repository is not known or no pipeline runs', async () => {
    expect(await run(['show', 'acme/unknown', ...OF_THE_STACK])).toBe(2);
    expect(output.stderr).toContain('No scan of acme/unknown is known');
    expect(await run(['show'])).toBe(2);
    expect(output.stderr).toContain('No pipeline runs on this machine');
  });
});

describe('report resend', () => {
  it('puts the newest scan of every ref on the queue, or of one', async () => {
    expect(await run(['resend', 'acme/shop', ...OF_THE_STACK, '--queue', sqs.queueUrl('reports')]), output.stderr).toBe(0);
    const requests = await queued();
    expect(requests.map(({ ref, generation, commit }) => [ref.ref, generation, commit]).sort()).toEqual([
      ['refs/heads/main', 5, 'bbbb'],
      ['refs/heads/other', 1, 'cccc'],
    ]);
    expect(requests.every((request) => !('wholeAskedAtMs' in request))).toBe(true);
    expect(output.stdout).toContain('acme/shop refs/heads/main: what SafeDep was not told yet is on the queue');
  });

  it('asks a running pipeline for all of it, once', async () => {
    const withdraw = await announce(join(folder.path, 'safedep-watch'), {
      pid: process.pid,
      lambdaUrl: 'http://127.0.0.1:1',
      dynamoDbUrl: engine.url,
      rateLimitsTableName: 'rate-limits',
      settingsTableName: 'settings',
      scansTableName: 'scans',
      sqsUrl: sqs.url,
      reportsQueueUrl: sqs.queueUrl('reports'),
      repositories: [],
    });
    try {
      expect(await run(['resend', 'acme/shop', '--ref', 'other', '--all']), output.stderr).toBe(0);
    } finally {
      await withdraw();
    }
    const requests = await queued();
    expect(requests.map(({ ref }) => ref.ref)).toEqual(['refs/heads/other']);
    expect(requests[0]?.wholeAskedAtMs).toBeGreaterThan(0);
  });

  it.each([
    [['resend']],
    [['resend', 'acme/shop', '--json']],
    [['resend', 'acme/shop', '--table', 'scans']],
    [['show', '--all']],
    [['show', 'a', 'b']],
    [['send']],
    [['show', '--table', '']],
    [['show', '--unknown']],
  ])('refuses %j with its usage', async (args) => {
    expect(await run(args)).toBe(3);
    expect(output.stderr).toContain('usage: npm run cli -- report show');
  });
});
