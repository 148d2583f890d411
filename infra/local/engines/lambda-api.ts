import { AwsError, answerError, type LoopbackServer, listenOnLoopback, readBody } from './loopback-server.ts';
import type { Pipeline } from './pipeline.ts';

/** Lambda's limit of a synchronous event (6 MB). */
const EVENT_MAX_BYTES = 6 * 1_048_576;

/** Lambda's own API, as far as operators use it: a synchronous Invoke of a function by name or logical id. */
export function serveLambdaApi(pipeline: Pick<Pipeline, 'invoke'>): Promise<LoopbackServer> {
  return listenOnLoopback((request, response) => {
    void (async () => {
      const match = /^\/2015-03-31\/functions\/([^/]+)\/invocations(?:\?.*)?$/.exec(request.url ?? '');
      if (!match?.[1] || request.method !== 'POST') {
        answerError(request, response, new AwsError('UnknownOperationException', 'only Invoke is served here', 404));
        return;
      }
      const body = await readBody(request, EVENT_MAX_BYTES);
      if (!body) {
        answerError(request, response, new AwsError('RequestTooLargeException', 'the event is larger than 6 MB', 413));
        return;
      }
      const result = await pipeline.invoke(decodeURIComponent(match[1]), body.length === 0 ? null : JSON.parse(body.toString('utf8')));
      const payload = result.ok ? result.payload : JSON.stringify({ errorType: result.errorType, errorMessage: result.errorMessage });
      response.writeHead(200, { 'content-type': 'application/json', ...(result.ok ? {} : { 'x-amz-function-error': 'Unhandled' }) });
      response.end(payload);
    })().catch((error: unknown) => {
      answerError(request, response, new AwsError('ServiceException', error instanceof Error ? error.message : String(error), 500));
    });
  });
}
