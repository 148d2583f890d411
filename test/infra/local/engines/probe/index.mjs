/** A function that does what its event says, so that tests can see the engines' side of it. */
import { writeSync } from 'node:fs';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

if (process.env.FAIL_AT_INIT === 'yes') throw new TypeError('no settings');

const dynamoDb = new DynamoDBClient();
const eventBridge = new EventBridgeClient();
const secretsManager = new SecretsManagerClient();
const sqs = new SQSClient();

let ticks = 0;
setInterval(() => {
  ticks += 1;
}, 10).unref();

/** Counts an attempt in the table, so that tests see how often something ran. */
async function count(key) {
  const updated = await dynamoDb.send(
    new UpdateItemCommand({
      TableName: process.env.RESULTS_TABLE_NAME,
      Key: { pk: { S: key } },
      UpdateExpression: 'ADD attempts :one',
      ExpressionAttributeValues: { ':one': { N: '1' } },
      ReturnValues: 'ALL_NEW',
    }),
  );
  return Number(updated.Attributes.attempts.N);
}

const actions = {
  echo: async ({ value }) => value,
  nothing: async () => undefined,
  ticks: async () => ticks,
  pid: async () => process.pid,
  environment: async () => ({ ...process.env }),
  remaining: async (_action, context) => ({ ms: context.getRemainingTimeInMillis(), context: { ...context } }),
  throw: async ({ message }) => {
    throw new RangeError(message);
  },
  exit: async ({ code }) => process.exit(code),
  hang: () => new Promise(() => undefined),
  sleep: ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms)),
  spin: async () => {
    for (;;) ticks += 1;
  },
  reject: () => {
    void Promise.reject(new Error('nobody waits for this'));
    return new Promise(() => undefined);
  },
  print: async ({ line }) => {
    writeSync(1, `${line}\n`);
    console.error(`${line} on stderr`);
  },
  long: async ({ bytes }) => 'x'.repeat(bytes),
  count: async ({ key }) => count(key),
  failUntil: async ({ key, attempt }) => {
    if ((await count(key)) < attempt) throw new Error('not yet');
  },
  hangUntil: async ({ key, attempt }) => {
    if ((await count(key)) < attempt) await new Promise(() => undefined);
  },
  send: async ({ queueUrlVariable, body }) => {
    await sqs.send(new SendMessageCommand({ QueueUrl: process.env[queueUrlVariable], MessageBody: JSON.stringify(body) }));
  },
  secret: async () => (await secretsManager.send(new GetSecretValueCommand({ SecretId: process.env.SECRET_ID }))).SecretString,
  publish: async ({ detailType, detail }) =>
    eventBridge.send(
      new PutEventsCommand({
        Entries: [{ EventBusName: process.env.EVENT_BUS_NAME, Source: 'probe', DetailType: detailType, Detail: JSON.stringify(detail) }],
      }),
    ),
};

async function act(action, context) {
  return actions[action.do](action, context);
}

/** An event of a queue is done record by record; anything else is one action. */
export async function handler(event, context) {
  if (event?.version === '2.0')
    return event.rawPath === '/fail'
      ? act({ do: 'throw', message: 'asked to' }, context)
      : { statusCode: 202, body: JSON.stringify(event) };
  if (!Array.isArray(event?.Records)) return act(event, context);
  const batchItemFailures = [];
  for (const record of event.Records) {
    const action = JSON.parse(record.body);
    if (action.answer !== undefined) return action.answer;
    await act(action, context).catch(() => batchItemFailures.push({ itemIdentifier: record.messageId }));
  }
  return { batchItemFailures };
}
