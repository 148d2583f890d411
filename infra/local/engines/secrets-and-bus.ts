import type { EventBus } from './event-bus.ts';
import { isRecord } from './intrinsics.ts';
import { AwsError, answerError, answerJson, type LoopbackServer, listenOnLoopback, readBody } from './loopback-server.ts';
import type { Secrets } from './secrets.ts';

/** Above the largest call that either service takes (1 MB of entries, with room for their JSON form). */
const MAXIMUM_REQUEST_BYTES = 8 * 1_048_576;

/** Secrets Manager and EventBridge on one port, told apart by `x-amz-target`. */
export function serveSecretsAndBus(secrets: Secrets, bus: EventBus): Promise<LoopbackServer> {
  const answer = (target: string, input: Record<string, unknown>): unknown => {
    const [service, operation = ''] = target.split('.');
    if (service === 'secretsmanager') return secrets.call(operation, input);
    if (service === 'AWSEvents' && operation === 'PutEvents') return bus.putEvents(input);
    throw new AwsError('UnknownOperationException', `the local engines have no operation ${target}`);
  };
  return listenOnLoopback((request, response) => {
    readBody(request, MAXIMUM_REQUEST_BYTES).then(
      (body) => {
        try {
          if (body === undefined) throw new AwsError('RequestEntityTooLarge', 'the request is too long', 413);
          // The answer is whole before its first byte goes out, so that a refusal can still become an error.
          answerJson(request, response, 200, answer(String(request.headers['x-amz-target'] ?? ''), parseInput(body)));
        } catch (error) {
          const refusal = error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 500);
          answerError(request, response, refusal);
        }
      },
      // The caller went away in the middle of its request: nothing was asked.
      () => response.destroy(),
    );
  });
}

function parseInput(body: Buffer): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body.toString());
    if (isRecord(input)) return input;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AwsError('SerializationException', 'the request is no JSON object');
}
