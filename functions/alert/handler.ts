import { createWebhookClient } from '../../shared/alerts/webhook-client.ts';
import { dynamoDbClient, secretsClient, sqsClient } from '../../shared/aws/clients.ts';
import { readEnvironment } from '../../shared/aws/environment.ts';
import { log } from '../../shared/aws/log.ts';
import { createQueue } from '../../shared/aws/queue.ts';
import { createSecretReader } from '../../shared/aws/secrets.ts';
import { createSettingsReader } from '../../shared/aws/settings.ts';
import { runSqsBatch, type SqsBatchResponse, type SqsEvent } from '../../shared/aws/sqs-batch.ts';
import { makeDeliverAlert } from './deliver-alert.ts';
import { ALERT_ENVIRONMENT } from './env.ts';

/** Where AWS's own services listen inside a function: the Runtime API, and the parameters and secrets extension. */
const AWS_PORTS = [9001, 2773];

const environment = readEnvironment(ALERT_ENVIRONMENT, process.env);
const runtimeApiPort = Number(process.env['AWS_LAMBDA_RUNTIME_API']?.split(':')[1] ?? 80);
const settings = createSettingsReader(dynamoDbClient(), environment.SETTINGS_TABLE_NAME, Date.now);

const queue = createQueue(sqsClient(), environment.ALERTS_WEBHOOK_QUEUE_URL);

const deliverAlert = makeDeliverAlert({
  settings: () => settings.read(environment.TENANT),
  secrets: createSecretReader(secretsClient(), Date.now),
  client: createWebhookClient({ reservedPorts: new Set([...AWS_PORTS, runtimeApiPort]) }),
  queue,
  log,
  nowMs: Date.now,
  random: Math.random,
});

/** SQS entry point: one record is one event of the bus, or its delivery to one sink. */
export function handler(event: SqsEvent): Promise<SqsBatchResponse> {
  return runSqsBatch(event, queue, log, deliverAlert);
}
