import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { dynamoDbClient, leaseDynamoDbClient, secretsClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { errorText, log } from '../../shared/aws/log.ts';
import { countAuthenticationFailures, meterPermits } from '../../shared/aws/metrics.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSecretReader } from '../../shared/aws/secrets.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import { type InvocationContext, receiveCountOf, runSqsBatch, type SqsBatchResponse, type SqsEvent } from '../../shared/aws/sqs-batch.ts';
import { createFindingStore } from '../../shared/findings/dynamodb.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { sourceKey } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import { parseAnswerSource } from '../../shared/messages/bus-events.ts';
import { parseReportRequest } from '../../shared/messages/queue-messages.ts';
import { createFleetClock, LAMBDA_WALL_BOUND_MS } from '../../shared/rate-limit/clock.ts';
import { dynamoLimitStore } from '../../shared/rate-limit/dynamodb.ts';
import { lookupLimitKey } from '../../shared/rate-limit/limit-key.ts';
import { createPermitSource, type PacedPermitSource } from '../../shared/rate-limit/permits.ts';
import { AMAZON_TIME_SERVER, sntpTimeSource } from '../../shared/rate-limit/sntp.ts';
import { createReportStore } from '../../shared/report/dynamodb.ts';
import { CALL_DEADLINE_MS, holdCredential } from '../../shared/safedep/calls.ts';
import { createReportSessionClient } from '../../shared/safedep/report-session-client.ts';
import { DATA_PLANE_URL } from '../../shared/safedep/service-url.ts';
import { tellCredentialFailures } from '../../shared/safedep/tell-failures.ts';
import { parseTransportKind } from '../../shared/safedep/transport.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { REPORT_ENVIRONMENT } from './env.ts';
import { makeReportCredentials } from './report-credential.ts';
import { sendReport } from './send-report.ts';

/** What is left of the invocation when sending ends: for a last call that hangs, and for writing down how far it came. */
const AFTER_SENDING_MS = CALL_DEADLINE_MS + 3_000;

const env = readEnvironment(REPORT_ENVIRONMENT, process.env);
const answers = parseAnswerSource(env.SAFEDEP_ANSWERS);
const dynamoDb = dynamoDbClient();
const reports = createQueue(sqsClient(), env.REPORTS_QUEUE_URL);
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const scans = createScanStore(dynamoDb, env.SCANS_TABLE_NAME);
const reportStore = createReportStore(dynamoDb, env.SCANS_TABLE_NAME);
const inventory = createInventoryStore(dynamoDb, env.INVENTORY_TABLE_NAME);
const insights = createInsightStore(dynamoDb, env.INSIGHTS_TABLE_NAME, sourceKey(answers, env.TENANT));
const findings = createFindingStore(dynamoDb, env.FINDINGS_TABLE_NAME);

const { credential, limitedCredential } = makeReportCredentials(
  createSecretReader(secretsClient(), Date.now),
  { serviceJwt: env.SAFEDEP_SERVICE_JWT_SECRET_ID, apiKey: env.SAFEDEP_API_KEY_SECRET_ID },
  log,
  Date.now,
);

const failures = countAuthenticationFailures(Date.now);
const held = holdCredential(credential);
const client = tellCredentialFailures(
  createReportSessionClient({
    baseUrl: env.SAFEDEP_DATA_PLANE_URL ?? DATA_PLANE_URL,
    transport: parseTransportKind(env.SAFEDEP_TRANSPORT),
    credential: held.source,
    onFallback: (sentence) => log.warn('the transport fell back', { reason: sentence }),
  }),
  failures.add,
);

const warn = (message: string, error?: unknown) => log.warn(message, error === undefined ? {} : { error: errorText(error) });
const clock = createFleetClock({
  sources: [sntpTimeSource(env.TIME_SERVER ?? AMAZON_TIME_SERVER)],
  wallBoundMs: LAMBDA_WALL_BOUND_MS,
  warn,
});
const limitStore = dynamoLimitStore(leaseDynamoDbClient(), env.RATE_LIMITS_TABLE_NAME);
const permitSources = new Map<string, PacedPermitSource>();

/** The workers' own limit: reports take from the same 500 requests/s, behind everything that a person waits for. */
async function permitSource(): Promise<PacedPermitSource> {
  const { limits } = await settingsReader.read(env.TENANT);
  const { authorization } = await limitedCredential();
  const key = lookupLimitKey(env.TENANT, authorization);
  const id = `${key} ${JSON.stringify(limits.dataPlane)}`;
  const source = permitSources.get(id) ?? createPermitSource({ store: limitStore, key, limits: limits.dataPlane, clock, warn });
  permitSources.set(id, source);
  return source;
}

/** SQS entry point: one record is one scan to report. */
export function handler(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
  const deadlineAtMs = Date.now() + context.getRemainingTimeInMillis();
  const sendUntilMs = deadlineAtMs - AFTER_SENDING_MS;
  return runSqsBatch(event, reports, log, async (record) => {
    const request = parseReportRequest(record.body);
    const meters = new Map<PacedPermitSource, () => void>();
    const { reports: settings } = await settingsReader.read(env.TENANT);
    return sendReport(request, {
      answers,
      toolVersion: packageJson.version,
      settings,
      scans,
      reports: reportStore,
      inventory,
      insights,
      findings,
      client,
      openPermits: async (permitRequest) => {
        const [source] = await Promise.all([permitSource(), held.hold()]);
        if (!meters.has(source)) meters.set(source, meterPermits(source, { plane: 'data', lane: permitRequest.lane }, Date.now));
        return source.open({
          ...permitRequest,
          deadlineAtMs: sendUntilMs,
          waitingSinceMs: Number(record.attributes.SentTimestamp),
        });
      },
      sendUntilMs,
      deadlineAtMs,
      holder: record.messageId,
      receiveCount: receiveCountOf(record),
      nowMs: Date.now,
      sleep: (ms) => sleep(ms),
      log,
    }).finally(() => {
      for (const writeMetrics of meters.values()) writeMetrics();
      failures.write();
    });
  });
}
