import * as http from 'node:http';
import * as https from 'node:https';
import type { Message } from '@bufbuild/protobuf';
import { httpsAgent } from './https-agent.ts';
import { type PendingCall, pendingCall } from './pending-call.ts';
import type { ServiceUrl } from './service-url.ts';
import { destinationOf } from './tls-connection.ts';
import type { UnarySender } from './unary-sender.ts';
import { ANSWER_MAX_BYTES, tooLarge, type Wire, type WireAnswer } from './unary-wire.ts';

/**
 * Connections at once, each carrying one call. Ours: twice the 128 calls that a batch of 64 packages can have in flight, because a
 * call that waited here would leave after its slot.
 */
const MAX_SOCKETS = 256;

/** Calls over HTTP/1.1, one at a time on each of a pool of connections. A call that is given up ends its connection. */
export function createHttp1Client(url: ServiceUrl, wire: Wire): UnarySender {
  const pool = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const agent = url.protocol === 'https:' ? httpsAgent(url, pool) : new http.Agent(pool);
  const { request: open } = url.protocol === 'https:' ? https : http;
  const destination = destinationOf(url.href);
  const pathPrefix = new URL(url.href).pathname.replace(/\/$/, '');
  return {
    send: (method, headers, input, { timeoutMs, signal }) => {
      const body = wire.encode(method, input);
      const call = pendingCall<Message>(timeoutMs, signal);
      const request = open({
        ...destination,
        agent,
        method: 'POST',
        path: `${pathPrefix}/${method.parent.typeName}/${method.name}`,
        headers: { ...headers, ...wire.headers(timeoutMs), 'content-length': String(body.length) },
      });
      request.on('response', (response) => readAnswer(response, call, (answer) => wire.decode(method, answer)));
      request.on('error', call.reject);
      call.onStop(() => request.destroy());
      request.end(body);
      return call.settled;
    },
    close: () => agent.destroy(),
  };
}

function readAnswer(
  response: http.IncomingMessage,
  call: PendingCall<Message>,
  decode: (answer: WireAnswer) => Message | Promise<Message>,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= ANSWER_MAX_BYTES) chunks.push(chunk);
    else call.reject(tooLarge());
  });
  response.on('error', call.reject);
  response.on('end', () => {
    if (call.isSettled()) return;
    try {
      const { statusCode = 0, headers } = response;
      call.resolve(decode({ status: statusCode, headers, trailers: undefined, body: Buffer.concat(chunks) }));
    } catch (error) {
      call.reject(error);
    }
  });
}
