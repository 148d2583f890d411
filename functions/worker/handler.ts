import { setTimeout as sleep } from 'node:timers/promises';
import { dynamoDbClient, leaseDynamoDbClient, secretsClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { errorText, log } from '../../shared/aws/log.ts';
import { countAuthenticationFailures, meterPermits } from '../../shared/aws/metrics.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSecretReader } from '../../shared/aws/secrets.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import { type InvocationContext, isFromQueue, runSqsBatch, type SqsBatchResponse, type SqsEvent } from '../../shared/aws/sqs-batch.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { type Question, sourceKey } from '../../shared/insights/verdict.ts';
import { parseAnswerSource } from '../../shared/messages/bus-events.ts';
import { LOOKUP_BATCH_MAX_PACKAGES, parseLookupBatch } from '../../shared/messages/queue-messages.ts';
import type { Settings } from '../../shared/model/settings/settings.ts';
import { createFleetClock, LAMBDA_WALL_BOUND_MS } from '../../shared/rate-limit/clock.ts';
import { dynamoLimitStore } from '../../shared/rate-limit/dynamodb.ts';
import { lookupLimitKey } from '../../shared/rate-limit/limit-key.ts';
import { createPermitSource, type PacedPermitSource } from '../../shared/rate-limit/permits.ts';
import { AMAZON_TIME_SERVER, sntpTimeSource } from '../../shared/rate-limit/sntp.ts';
import { CALL_DEADLINE_MS, holdCredential } from '../../shared/safedep/calls.ts';
import { apiKeyCredential } from '../../shared/safedep/credentials.ts';
import { createDataPlaneClient } from '../../shared/safedep/data-plane-client.ts';
import { COMMUNITY_URL, DATA_PLANE_URL } from '../../shared/safedep/service-url.ts';
import { tellCredentialFailures } from '../../shared/safedep/tell-failures.ts';
import { parseTransportKind } from '../../shared/safedep/transport.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { answerBatch } from './answer-batch.ts';
import { askSafeDep } from './ask-safedep.ts';
import { WORKER_ENVIRONMENT } from './env.ts';

/** A whole batch: its permits come one by one, and calls that take a second still fill their slots. */
const PACKAGES_AT_ONCE = LOOKUP_BATCH_MAX_PACKAGES;
/**
 * A lease of a tenth of a second: a process that is alone keeps that many calls under way at SafeDep's 90 ms, and a busy one has
 * as long to send them. Larger leases cost fewer writes and lose more slots (measured: push-to-finding).
 */
const CALLS_AT_ONCE = 48;
/** A claim takes 5 ms and is needed every 16 ms: four at once keep ahead of the permits. */
const WRITES_AT_ONCE = 4;
/** On the keyless host eight calls are under way at most, over all workers: one each. */
const COMMUNITY_PACKAGES_AT_ONCE = 1;
/** What is left of the invocation when asking ends: for a last call that hangs, its store and the batch's end. */
const AFTER_ASKING_MS = CALL_DEADLINE_MS + 2_000;

const env = readEnvironment(WORKER_ENVIRONMENT, process.env);
const answers = parseAnswerSource(env.SAFEDEP_ANSWERS);
const isCommunity = answers === 'community';
const packagesAtOnce = isCommunity ? COMMUNITY_PACKAGES_AT_ONCE : PACKAGES_AT_ONCE;
const dynamoDb = dynamoDbClient();
const sqs = sqsClient();
const secrets = createSecretReader(secretsClient(), Date.now);
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const insights = createInsightStore(dynamoDb, env.INSIGHTS_TABLE_NAME, sourceKey(answers, env.TENANT));
const scans = createScanStore(dynamoDb, env.SCANS_TABLE_NAME);
const lookups = { live: createQueue(sqs, env.LOOKUPS_LIVE_QUEUE_URL), background: createQueue(sqs, env.LOOKUPS_BACKGROUND_QUEUE_URL) };
const evaluations = createQueue(sqs, env.EVALUATIONS_QUEUE_URL);

const held = holdCredential(async ({ refresh }) => {
  const secretId = env.SAFEDEP_API_KEY_SECRET_ID ?? '';
  if (refresh) secrets.forget(secretId);
  return apiKeyCredential(await secrets.read(secretId));
});

const failures = countAuthenticationFailures(Date.now);
const client = tellCredentialFailures(
  createDataPlaneClient({
    baseUrl: isCommunity ? (env.SAFEDEP_COMMUNITY_URL ?? COMMUNITY_URL) : (env.SAFEDEP_DATA_PLANE_URL ?? DATA_PLANE_URL),
    transport: parseTransportKind(env.SAFEDEP_TRANSPORT),
    ...(isCommunity ? {} : { credential: held.source }),
    onFallback: (sentence) => log.warn('the transport fell back', { reason: sentence }),
  }),
  failures.add,
);

const clock = createFleetClock({
  sources: [sntpTimeSource(env.TIME_SERVER ?? AMAZON_TIME_SERVER)],
  wallBoundMs: LAMBDA_WALL_BOUND_MS,
  warn: (message, error) => log.warn(message, error === undefined ? {} : { error: errorText(error) }),
});
const limitStore = dynamoLimitStore(leaseDynamoDbClient(), env.RATE_LIMITS_TABLE_NAME);
const permitSources = new Map<string, PacedPermitSource>();

/** One limit a credential, which the whole batch uses: a rotated key has its own, as it has at SafeDep. */
async function permitSource({ limits: { community, dataPlane } }: Settings): Promise<PacedPermitSource> {
  const limits = isCommunity ? community : dataPlane;
  const key = lookupLimitKey(env.TENANT, isCommunity ? undefined : (await held.hold()).authorization);
  const id = `${key} ${JSON.stringify(limits)}`;
  const known = permitSources.get(id);
  if (known) return known;
  const source = createPermitSource({
    store: limitStore,
    key,
    limits,
    clock,
    warn: (message, error) => log.warn(message, error === undefined ? {} : { error: errorText(error) }),
  });
  permitSources.set(id, source);
  return source;
}

/** SQS entry point: one record is one batch of package versions, live or background. */
export function handler(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
  const deadlineAtMs = Date.now() + context.getRemainingTimeInMillis();
  const askUntilMs = deadlineAtMs - AFTER_ASKING_MS;
  const queue = isFromQueue(event, env.LOOKUPS_BACKGROUND_QUEUE_URL) ? lookups.background : lookups.live;
  return runSqsBatch(event, queue, log, async (record) => {
    const batch = parseLookupBatch(record.body);
    const calls: Record<Question, number> = { vulnerabilities: 0, malware: 0 };
    const sentAtMs: string[] = [];
    // Slots are for sending: the connection must not be made in them.
    const [source] = await Promise.all([settingsReader.read(env.TENANT).then(permitSource), client.prepare()]);
    const writeMetrics = meterPermits(source, { plane: isCommunity ? 'community' : 'data', lane: batch.lane }, Date.now);
    const session = source.open({
      need: batch.packages.length * 2,
      callsAtOnce: Math.min(packagesAtOnce * 2, CALLS_AT_ONCE),
      lane: batch.lane,
      deadlineAtMs: askUntilMs,
      waitingSinceMs: Number(record.attributes.SentTimestamp),
    });
    try {
      const result = await answerBatch(batch, {
        insights,
        scans,
        ask: (packageVersion, questions) =>
          askSafeDep(packageVersion, questions, {
            client,
            session,
            askUntilMs,
            onSend: (question) => {
              calls[question] += 1;
              if (env.LOG_SEND_STAMPS === '1') sentAtMs.push((performance.timeOrigin + performance.now()).toFixed(1));
            },
            nowMs: Date.now,
            sleep,
          }),
        sendEvaluations: (messages) => evaluations.send(messages.map((message) => ({ body: JSON.stringify(message) }))),
        owner: `${context.awsRequestId}/${record.messageId}`,
        deadlineAtMs,
        askUntilMs,
        packagesAtOnce,
        writesAtOnce: WRITES_AT_ONCE,
        onWritten: () => session.serveDue(),
        nowMs: Date.now,
        random: Math.random,
      });
      return result;
    } finally {
      await session.close();
      log.info('calls', {
        insight: calls.vulnerabilities,
        malware: calls.malware,
        packages: batch.packages.length,
        ...(sentAtMs.length > 0 ? { sentAtMs } : {}),
      });
      writeMetrics();
    }
  }).finally(failures.write);
}
