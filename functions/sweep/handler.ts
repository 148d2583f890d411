import { dynamoDbClient, eventBridgeClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { createEventBus } from '../../shared/aws/event-bus.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue, createQueueReader } from '../../shared/aws/queue.ts';
import { createFindingStore } from '../../shared/findings/dynamodb.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { sourceKey } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import { parseAnswerSource } from '../../shared/messages/bus-events.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { readDeadLetters } from './dead-letters.ts';
import { SWEEP_ENVIRONMENT } from './env.ts';
import { type SweepPorts, type SweepResult, sweep } from './sweep.ts';

/** A dead letter is looked at every ten minutes: hidden meanwhile, and still there for the operator. */
const DEAD_LETTER_HIDDEN_SECONDS = 600;

const env = readEnvironment(SWEEP_ENVIRONMENT, process.env);
const dynamoDb = dynamoDbClient();
const sqs = sqsClient();
const lookups = { live: createQueue(sqs, env.LOOKUPS_LIVE_QUEUE_URL), background: createQueue(sqs, env.LOOKUPS_BACKGROUND_QUEUE_URL) };
const evaluations = createQueue(sqs, env.EVALUATIONS_QUEUE_URL);
const reports = createQueue(sqs, env.REPORTS_QUEUE_URL);
const deadLetterQueues = env.DEAD_LETTER_QUEUE_URLS.split(',').map((url) => createQueueReader(sqs, url));

const ports: SweepPorts = {
  inventory: createInventoryStore(dynamoDb, env.INVENTORY_TABLE_NAME),
  scans: createScanStore(dynamoDb, env.SCANS_TABLE_NAME),
  insights: createInsightStore(dynamoDb, env.INSIGHTS_TABLE_NAME, sourceKey(parseAnswerSource(env.SAFEDEP_ANSWERS), env.TENANT)),
  findings: createFindingStore(dynamoDb, env.FINDINGS_TABLE_NAME),
  bus: createEventBus(eventBridgeClient(), env.EVENT_BUS_NAME),
  sendReport: (body) => reports.send([{ body }]),
  sendLookups: (lane, batches) => lookups[lane].send(batches.map((batch) => ({ body: JSON.stringify(batch) }))),
  sendEvaluations: (messages) => evaluations.send(messages.map((message) => ({ body: JSON.stringify(message) }))),
  nowMs: Date.now,
};

/** Entry point of the schedule. Answers with what it did. */
export async function handler(): Promise<SweepResult> {
  const result = await sweep(ports);
  let deadLetters = 0;
  for (const queue of deadLetterQueues) {
    const messages = await queue.receive(DEAD_LETTER_HIDDEN_SECONDS);
    deadLetters += messages.length;
    await readDeadLetters(messages, ports);
  }
  if (deadLetters > 0) log.error('messages stand in dead-letter queues', { deadLetters });
  log.info('swept', { ...result });
  return result;
}
