import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { createHttp2Connection } from './http2-connection.ts';
import { type PendingCall, pendingCall } from './pending-call.ts';
import type { ServiceUrl } from './service-url.ts';
import type { UnarySender } from './unary-sender.ts';
import { ANSWER_MAX_BYTES, tooLarge, type Wire } from './unary-wire.ts';

/**
 * Calls over one HTTP/2 connection, which is made when it is first needed, again when it died, and by PING when it was silent. Calls
 * beyond what the peer's SETTINGS allow at once wait for their turn. A call that is given up resets its stream.
 */
export function createHttp2Client(url: ServiceUrl, wire: Wire): UnarySender & { prepare(): Promise<void> } {
  const connection = createHttp2Connection(url);
  const pathPrefix = new URL(url.href).pathname.replace(/\/$/, '');
  let lastAnswerAtMs = 0;

  const noteAnswer = (): void => {
    lastAnswerAtMs = Date.now();
    connection.noteLife();
  };

  function exchange(stream: ClientHttp2Stream, call: PendingCall<Message>, method: DescMethodUnary, body: Uint8Array): void {
    // Listened to before anything can end the call: an error of a stream that nobody listens to ends the process.
    readAnswer(stream, call, method, wire, noteAnswer);
    call.onStop(() => stream.close(constants.NGHTTP2_CANCEL));
    if (!call.isSettled()) stream.end(body);
  }

  return {
    send: async (method, headers, input, { timeoutMs, signal }) => {
      const startedAtMs = Date.now();
      const body = wire.encode(method, input);
      const path = `${pathPrefix}/${method.parent.typeName}/${method.name}`;
      const call = pendingCall<Message>(timeoutMs, signal);
      try {
        const opened = connection.openStream({ ...headers, ...wire.headers(timeoutMs), ':method': 'POST', ':path': path });
        if (opened instanceof Promise) opened.then((stream) => exchange(stream, call, method, body)).catch(call.reject);
        else exchange(opened, call, method, body);
      } catch (error) {
        call.reject(error);
      }
      try {
        return await call.settled;
      } catch (error) {
        if (error instanceof ConnectError && error.code === Code.DeadlineExceeded && !error.isWireError && lastAnswerAtMs <= startedAtMs) {
          // Nothing at all came back during this call's whole time: the connection is dead or was never made. The next call gets a new one.
          connection.abandon('the connection was given up: no answer came over it');
        }
        throw error;
      }
    },
    prepare: () => connection.prepare(),
    close: () => connection.abandon('the client was closed'),
  };
}

function readAnswer(
  stream: ClientHttp2Stream,
  call: PendingCall<Message>,
  method: DescMethodUnary,
  wire: Wire,
  onResponse: () => void,
): void {
  let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let trailers: IncomingHttpHeaders | undefined;
  let chunks: Buffer[] = [];
  let bytes = 0;
  let hasEnded = false;
  const finish = (): void => {
    if (call.isSettled()) return;
    const { ':status': status } = headers;
    try {
      if (status === undefined) throw new Error('the stream ended before its answer');
      const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      call.resolve(wire.decode(method, { status, headers, trailers, body }));
    } catch (error) {
      call.reject(error);
    }
  };
  stream.on('response', (received) => {
    headers = received;
    onResponse();
  });
  if (wire.hasTrailers) {
    stream.on('trailers', (received) => {
      trailers = received;
    });
  }
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= ANSWER_MAX_BYTES) {
      chunks.push(chunk);
    } else {
      chunks = [];
      call.reject(tooLarge());
    }
  });
  stream.on('end', () => {
    hasEnded = true;
    // The trailers follow the last byte; only a stream that is closed surely has none.
    if (!wire.hasTrailers || trailers !== undefined || headers['grpc-status'] !== undefined) finish();
  });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    call.reject(error.code === 'ERR_HTTP2_STREAM_ERROR' ? new StreamResetError(stream.rstCode) : error);
  });
  stream.on('close', () => {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) call.reject(new StreamResetError(stream.rstCode));
    else if (hasEnded) finish();
    else call.reject(new Error('the stream ended before its answer'));
  });
}

/** Names of RFC 9113, section 7, by their numbers. */
const RESET_NAMES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

/** The peer ended the call's stream. `code`: `ERR_HTTP2_RESET_` and its reason. */
class StreamResetError extends Error {
  override readonly name = 'StreamResetError';
  readonly code: string;

  constructor(rstCode: number | undefined) {
    const reason = RESET_NAMES[rstCode ?? 0] ?? `code ${rstCode}`;
    super(`the HTTP/2 stream was reset (${reason})`);
    this.code = `ERR_HTTP2_RESET_${reason}`;
  }
}
