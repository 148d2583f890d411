import { dynamoDbClient, eventBridgeClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { createEventBus } from '../../shared/aws/event-bus.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import { runSqsBatch, type SqsBatchResponse, type SqsEvent } from '../../shared/aws/sqs-batch.ts';
import { createFindingStore } from '../../shared/findings/dynamodb.ts';
import { createInsightStore } from '../../shared/insights/dynamodb.ts';
import { sourceKey } from '../../shared/insights/verdict.ts';
import { createInventoryStore } from '../../shared/inventory/dynamodb.ts';
import { parseAnswerSource } from '../../shared/messages/bus-events.ts';
import { parseEvaluation } from '../../shared/messages/queue-messages.ts';
import { createScanStore } from '../../shared/scans/dynamodb.ts';
import { RESULTS_ENVIRONMENT } from './env.ts';
import { type EvaluatePorts, evaluateRef } from './evaluate-ref.ts';
import { fanOutAnswer } from './fan-out-answer.ts';

const env = readEnvironment(RESULTS_ENVIRONMENT, process.env);
const answers = parseAnswerSource(env.SAFEDEP_ANSWERS);
const dynamoDb = dynamoDbClient();
const sqs = sqsClient();
const settingsReader = createSettingsReader(dynamoDb, env.SETTINGS_TABLE_NAME, Date.now);
const evaluations = createQueue(sqs, env.EVALUATIONS_QUEUE_URL);
const reports = createQueue(sqs, env.REPORTS_QUEUE_URL);

const ports: Omit<EvaluatePorts, 'insights'> = {
  inventory: createInventoryStore(dynamoDb, env.INVENTORY_TABLE_NAME),
  scans: createScanStore(dynamoDb, env.SCANS_TABLE_NAME),
  findings: createFindingStore(dynamoDb, env.FINDINGS_TABLE_NAME),
  bus: createEventBus(eventBridgeClient(), env.EVENT_BUS_NAME),
  answers,
  reports: env.REPORTS === 'on',
  sendReport: (body) => reports.send([{ body }]),
  sendAgain: (message, delaySeconds) => evaluations.send([{ body: JSON.stringify(message), delaySeconds }]),
  nowMs: Date.now,
  random: Math.random,
};

/** SQS entry point: one record evaluates one ref, or fans one changed answer out to its users. */
export function handler(event: SqsEvent): Promise<SqsBatchResponse> {
  return runSqsBatch(event, evaluations, log, async (record) => {
    const message = parseEvaluation(record.body);
    if (message.kind === 'answer-changed') {
      await fanOutAnswer(message, {
        inventory: ports.inventory,
        send: (messages) => evaluations.send(messages.map((entry) => ({ body: JSON.stringify(entry) }))),
      });
      return 'done';
    }
    const settings = await settingsReader.read(message.ref.tenant);
    const insights = createInsightStore(dynamoDb, env.INSIGHTS_TABLE_NAME, sourceKey(answers, message.ref.tenant));
    await evaluateRef(message, settings, { ...ports, insights });
    return 'done';
  });
}
