import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { writeSettings } from '../../shared/aws/settings.ts';
import { createFindingStore } from '../../shared/findings/dynamodb.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { sourceKey } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import type { Settings } from '../../shared/model/settings/settings.ts';
import { dynamoLimitStore } from '../../shared/rate-limit/dynamodb.ts';
import { lookupLimitKey } from '../../shared/rate-limit/limit-key.ts';
import { MICROS_PER_MS, newLimitState, planPacing } from '../../shared/rate-limit/slots.ts';
import { createReportStore, type ReportStore } from '../../shared/report/dynamodb.ts';
import { apiKeyCredential } from '../../shared/safedep/credentials.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { REPOSITORY_ROOT } from '../aws/content-digest.ts';
import { synthesise } from '../aws/synthesise.ts';
import type { LogLine } from './engines/lambda-environment.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from './engines/pipeline.ts';
import { readTemplate } from './engines/read-template.ts';
import type { ChosenSafeDep } from './safedep-source.ts';
import type { ResultStores } from './scan/read-result.ts';

/** The tenant of a laptop. */
export const LOCAL_TENANT = 'default';
const GIT_WEBHOOK_SECRET_ID = 'safedep-watch/local/git-webhook';

/**
 * The template allows 8 workers for each lane, and more of the others; a laptop is no fleet. Each process compiles its code anew,
 * which on two cores costs more time than a third worker saves (measured: push-to-finding).
 */
const WORKER_PROCESSES = Math.max(2, Math.min(4, availableParallelism() - 1));
const RESULTS_PROCESSES = Math.max(1, Math.min(2, availableParallelism() - 2));
/** Nobody waits for the second alert of a scan. */
const ALERT_PROCESSES = 1;

export interface LocalPipelineOptions {
  /** Decided while the template is made. */
  readonly safedep: Promise<ChosenSafeDep>;
  readonly settings: Settings;
  /** Values of the secrets that the settings name, by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly report: boolean;
  readonly port: number;
  readonly log: (line: LogLine) => void;
  /** More variables for the functions, for tests and benches. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What tests and benches see and set of the engines; in place of what a laptop runs with. */
  readonly engines?: Pick<PipelineOptions, 'dynamoDb' | 'eventBus' | 'maximumEnvironments' | 'warm'>;
}

export interface LocalPipeline {
  readonly engines: Pipeline;
  readonly stores: ResultStores;
  readonly reports: ReportStore;
  readonly client: DynamoDBClient;
  readonly insightsTableName: string;
  readonly webhookUrl: string;
  readonly webhookSecret: string;
  close(): Promise<void>;
}

/** Runs the deployed thing on this machine: the synthesised template on embedded engines, the bundled handlers as processes. */
export async function startLocalPipeline(options: LocalPipelineOptions): Promise<LocalPipeline> {
  const [safedep, { template, stackName, assets }] = await Promise.all([options.safedep, synthesise()]);
  const plan = readTemplate([{ stackName, template, assets }]);
  const webhookSecret = randomBytes(32).toString('hex');
  const engines = await startPipeline(plan, {
    port: options.port,
    log: options.log,
    maximumEnvironments: { WorkerFunction: WORKER_PROCESSES, ResultsFunction: RESULTS_PROCESSES, AlertFunction: ALERT_PROCESSES },
    warm: { WebhookFunction: 1, ExtractFunction: 1, WorkerFunction: WORKER_PROCESSES, ResultsFunction: 1 },
    compileCacheDirectory: join(REPOSITORY_ROOT, '.cache', 'compiled'),
    timeServerVariable: 'TIME_SERVER',
    environment: {
      '*': { ...safedep.environment, ...options.environment },
      WebhookFunction: { GIT_WEBHOOK_SECRET_ID },
      ExtractFunction: { ALLOW_GIT_SOURCES: '1' },
      ResultsFunction: { REPORTS: options.report ? 'on' : 'off' },
    },
    secretValues: {
      ...(safedep.apiKeySecret === undefined ? {} : { 'safedep-watch/safedep-api-key': safedep.apiKeySecret }),
      ...(safedep.serviceJwtSecret === undefined ? {} : { 'safedep-watch/safedep-service-jwt': safedep.serviceJwtSecret }),
    },
    ...options.engines,
  });
  try {
    const variables = engines.clientEnvironment;
    const access = { region: variables['AWS_REGION'] ?? '', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
    const client = new DynamoDBClient({ ...access, endpoint: engines.endpoints.dynamodb });
    const secretsManager = new SecretsManagerClient({ ...access, endpoint: engines.endpoints.secretsAndBus });
    for (const [Name, SecretString] of Object.entries({ ...options.secrets, [GIT_WEBHOOK_SECRET_ID]: webhookSecret })) {
      await secretsManager.send(new CreateSecretCommand({ Name, SecretString }));
    }
    secretsManager.destroy();

    const environment = { ...engines.environmentOf('ResultsFunction'), ...engines.environmentOf('WorkerFunction') };
    const table = (name: string): string => environment[name] ?? '';
    await writeSettings(client, table('SETTINGS_TABLE_NAME'), LOCAL_TENANT, options.settings);
    await openLimit(client, table('RATE_LIMITS_TABLE_NAME'), safedep, options.settings);
    return {
      engines,
      client,
      insightsTableName: table('INSIGHTS_TABLE_NAME'),
      reports: createReportStore(client, table('SCANS_TABLE_NAME')),
      stores: {
        inventory: createInventoryStore(client, table('INVENTORY_TABLE_NAME')),
        scans: createScanStore(client, table('SCANS_TABLE_NAME')),
        insights: createInsightStore(client, table('INSIGHTS_TABLE_NAME'), sourceKey(safedep.answers, LOCAL_TENANT)),
        findings: createFindingStore(client, table('FINDINGS_TABLE_NAME')),
      },
      webhookUrl: `${engines.url ?? ''}git`,
      webhookSecret,
      async close() {
        client.destroy();
        await engines.close();
      },
    };
  } catch (error) {
    await engines.close();
    throw error;
  }
}

/**
 * Makes the limit's item ahead of the first look-up. The tables are new and nobody holds slots: one window of silence is enough,
 * for what an earlier start may have sent just now.
 */
async function openLimit(
  client: DynamoDBClient,
  tableName: string,
  { answers, apiKeySecret }: ChosenSafeDep,
  { limits }: Settings,
): Promise<void> {
  const key = lookupLimitKey(LOCAL_TENANT, apiKeySecret === undefined ? undefined : apiKeyCredential(apiKeySecret).authorization);
  const windows = answers === 'community' ? limits.community : limits.dataPlane;
  const shortestSeconds = Math.min(...windows.map(({ perSeconds }) => perSeconds));
  const state = newLimitState(planPacing(windows), Date.now() * MICROS_PER_MS, 0, shortestSeconds * 1000 * MICROS_PER_MS);
  await dynamoLimitStore(client, tableName).write(key, { kind: 'create', state });
}
