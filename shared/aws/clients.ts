import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';

/**
 * One client a service and process. Addresses and credentials come from the environment, as the SDK reads it
 * (`AWS_ENDPOINT_URL_SQS` and so on): the same code runs on AWS and on local engines. Every wait is bounded.
 */

/** A DynamoDB call on one item takes some 10 ms; 3 s and three attempts outlast a failover and stay far below every function's timeout. */
const CALL_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 1_000;
/**
 * A lease is usually there in 5 ms. Giving up early is dear: the write may have happened, its slots then pass unused, and a
 * retry books as many again. A second covers a busy laptop; the slots of an answer that late are dropped.
 */
const LEASE_TIMEOUT_MS = 1_000;

const bounded = (requestTimeout: number, maxAttempts: number) => ({
  maxAttempts,
  requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout, throwOnRequestTimeout: true },
});

/** The SDK's logger filters every input and output for secrets, also where nobody logs: a twentieth of a call's processor time. */
function withoutLogger(client: DynamoDBClient): DynamoDBClient {
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}

export const dynamoDbClient = (): DynamoDBClient => withoutLogger(new DynamoDBClient(bounded(CALL_TIMEOUT_MS, 3)));
export const leaseDynamoDbClient = (): DynamoDBClient => withoutLogger(new DynamoDBClient(bounded(LEASE_TIMEOUT_MS, 2)));
/** Queue addresses carry an engine's own idea of its host; the endpoint of the environment is the one that counts. */
export const sqsClient = (): SQSClient => new SQSClient({ ...bounded(CALL_TIMEOUT_MS, 3), useQueueUrlAsEndpoint: false });
export const secretsClient = (): SecretsManagerClient => new SecretsManagerClient(bounded(CALL_TIMEOUT_MS, 3));
export const eventBridgeClient = (): EventBridgeClient => new EventBridgeClient(bounded(CALL_TIMEOUT_MS, 3));
