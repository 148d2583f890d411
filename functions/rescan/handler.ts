import * as v from 'valibot';
import { dynamoDbClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import type { InvocationContext } from '../../shared/aws/sqs-batch.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { sourceKey } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import { parseAnswerSource } from '../../shared/messages/bus-events.ts';
import { sustainedPerSecond } from '../../shared/rate-limit/slots.ts';
import { RESCAN_ENVIRONMENT } from './env.ts';
import { type RescanResult, sendDue } from './send-due.ts';

/** The schedule fires every five minutes; a rescan takes a fifth of the limit at most, and two calls a package version. */
const SCHEDULE_SECONDS = 300;
const RESCAN_SHARE = 0.2;
const CALLS_PER_PACKAGE = 2;
/** What is left of the run when the last slice begins: several times what one takes, also on a third of a processor. */
const SLICE_MAX_MS = 15_000;

const inputSchema = v.union([
  v.object({ scheduled: v.literal(true) }),
  /** By hand: everything due before this time is asked again, fresh or not. */
  v.object({ dueBeforeMs: v.number() }),
]);

const env = readEnvironment(RESCAN_ENVIRONMENT, process.env);
const answers = parseAnswerSource(env.SAFEDEP_ANSWERS);
const dynamoDb = dynamoDbClient();
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const insights = createInsightStore(dynamoDb, env.INSIGHTS_TABLE_NAME, sourceKey(answers, env.TENANT));
const inventory = createInventoryStore(dynamoDb, env.INVENTORY_TABLE_NAME);
const lookups = createQueue(sqsClient(), env.LOOKUPS_BACKGROUND_QUEUE_URL);

/** Entry point of the schedule and of `npm run cli -- rescan`. Answers with what was sent. */
export async function handler(event: unknown, context: Pick<InvocationContext, 'getRemainingTimeInMillis'>): Promise<RescanResult> {
  const untilMs = Date.now() + context.getRemainingTimeInMillis() - SLICE_MAX_MS;
  const input = v.parse(inputSchema, event);
  const { limits } = await settingsReader.read(env.TENANT);
  const callsPerSecond = sustainedPerSecond(answers === 'community' ? limits.community : limits.dataPlane);
  const budget = Math.max(1, Math.floor((SCHEDULE_SECONDS * RESCAN_SHARE * callsPerSecond) / CALLS_PER_PACKAGE));
  const byHand = 'dueBeforeMs' in input;
  const result = await sendDue(byHand ? input.dueBeforeMs : Date.now(), budget, byHand, {
    insights,
    inventory,
    send: (batches) => lookups.send(batches.map((batch) => ({ body: JSON.stringify(batch) }))),
    nowMs: Date.now,
    untilMs,
  });
  log.info('rescan sent', { sent: result.sent, unused: result.unused, more: result.more });
  return result;
}
