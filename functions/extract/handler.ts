import { dynamoDbClient, secretsClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSecretReader } from '../../shared/aws/secrets.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import {
  type InvocationContext,
  isFromQueue,
  receiveCountOf,
  retryDelaySeconds,
  runSqsBatch,
  type SqsBatchResponse,
  type SqsEvent,
} from '../../shared/aws/sqs-batch.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import { createIsolatedReader } from '../../shared/manifests/isolated/isolated-reader.ts';
import { parsePushHint } from '../../shared/messages/queue-messages.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { openSource } from '../../shared/scm/open-source.ts';
import { EXTRACT_ENVIRONMENT } from './env.ts';
import { takeSnapshot } from './take-snapshot.ts';

const env = readEnvironment(EXTRACT_ENVIRONMENT, process.env);
const dynamoDb = dynamoDbClient();
const sqs = sqsClient();
const secrets = createSecretReader(secretsClient(), Date.now);
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const inventory = createInventoryStore(dynamoDb, env.INVENTORY_TABLE_NAME);
const scans = createScanStore(dynamoDb, env.SCANS_TABLE_NAME);
const pushes = { live: createQueue(sqs, env.PUSHES_QUEUE_URL), background: createQueue(sqs, env.PUSHES_BACKGROUND_QUEUE_URL) };
const evaluations = createQueue(sqs, env.EVALUATIONS_QUEUE_URL);
const reader = createIsolatedReader();
const lookups = {
  live: createQueue(sqs, env.LOOKUPS_LIVE_QUEUE_URL),
  background: createQueue(sqs, env.LOOKUPS_BACKGROUND_QUEUE_URL),
};

/** What the last fetches and everything after them may take: pages, reverse entries and batches of a hundred thousand packages. */
const TIME_TO_SWAP_MS = 45_000;

/** SQS entry point: one record is one push. */
export function handler(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
  const functionTimeoutMs = context.getRemainingTimeInMillis();
  const readUntilMs = Date.now() + functionTimeoutMs - TIME_TO_SWAP_MS;
  const queue = isFromQueue(event, env.PUSHES_BACKGROUND_QUEUE_URL) ? pushes.background : pushes.live;
  return runSqsBatch(event, queue, log, async (record) => {
    const hint = parsePushHint(record.body);
    const settings = await settingsReader.read(hint.ref.tenant);
    reader.start(settings.reading);
    const source = openSource(hint.ref, hint.repositoryName, settings, {
      readSecret: (secretName, options) => {
        if (options?.refresh) secrets.forget(secretName);
        return secrets.read(secretName);
      },
      allowGitSources: env.ALLOW_GIT_SOURCES === '1',
      nowMs: Date.now,
    });
    try {
      const result = await takeSnapshot(hint, settings, {
        inventory,
        scans,
        source,
        reader,
        sendLookups: (lane, batches) => lookups[lane].send(batches.map((batch) => ({ body: JSON.stringify(batch) }))),
        sendEvaluate: (message) => evaluations.send([{ body: JSON.stringify(message) }]),
        nowMs: Date.now,
        functionTimeoutMs,
        readUntilMs,
        receiveCount: receiveCountOf(record),
      });
      log.info('push taken', { repository: hint.repositoryName, ref: hint.ref.ref, deliveryId: hint.deliveryId, result });
      if (result === 'out-of-time') {
        // Nothing failed: a message of its own goes on, whose receives count only what fails from now on.
        await queue.send([{ body: record.body }]);
        return 'done';
      }
      return result === 'swapped-unread' ? { againAfterSeconds: retryDelaySeconds(receiveCountOf(record)) } : 'done';
    } finally {
      await source.close();
    }
  });
}
