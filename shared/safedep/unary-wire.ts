import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJsonString,
  type Message,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
// The library's own readers of errors; it promises them for the pinned version only.
import { codeFromHttpStatus, errorFromJsonBytes } from '@connectrpc/connect/protocol-connect';
import { findTrailerError } from '@connectrpc/connect/protocol-grpc';

/** The largest answer that is read, decompressed, in bytes. Ours: eleven times the largest report seen (700 KB). */
export const ANSWER_MAX_BYTES = 8 * 1024 * 1024;

/** Before each message of gRPC: whether it is compressed, and its length. */
const GRPC_PREFIX_BYTES = 5;

/** What came back of one call. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
}

/** How a unary call stands on the wire: what is sent beside its body, and both directions of the body. */
export interface Wire {
  headers(timeoutMs: number | undefined): Record<string, string>;
  encode<I extends DescMessage>(method: DescMethodUnary<I, DescMessage>, input: MessageInitShape<I>): Uint8Array;
  /** @throws ConnectError; `isWireError` where the service itself sent it. */
  decode(method: DescMethodUnary, answer: WireAnswer): Message | Promise<Message>;
  /** Whether the answer's end is only known from its trailers. */
  readonly hasTrailers: boolean;
}

const READ_BINARY = { readUnknownFields: false };
const READ_JSON = { ignoreUnknownFields: true };

export function connectWire(format: 'json' | 'proto'): Wire {
  const contentType = `application/${format}`;
  const isContentType = format === 'proto' ? /^application\/proto$/i : /^application\/json(;\s*charset=utf-8)?$/i;
  return {
    hasTrailers: false,
    headers: (timeoutMs) => ({
      'content-type': contentType,
      'connect-protocol-version': '1',
      'accept-encoding': 'gzip',
      ...(timeoutMs !== undefined && { 'connect-timeout-ms': String(timeoutMs) }),
    }),
    encode: (method, input) => {
      const message = create(method.input, input);
      return format === 'proto' ? toBinary(method.input, message) : Buffer.from(toJsonString(method.input, message));
    },
    decode: (method, { status, headers, body }) => {
      const received = headers['content-type'] ?? '';
      const isJsonError = status !== 200 && /^application\/json\b/i.test(received);
      if (status !== 200 && !isJsonError) throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), toHeaders(headers));
      if (!isJsonError && !isContentType.test(received)) {
        throw new ConnectError(`unsupported content type ${received}`, Code.Unknown, toHeaders(headers));
      }
      const read = (bytes: Buffer): Message => {
        if (!isJsonError) return parse(method, format, bytes);
        const metadata = toHeaders(headers);
        throw errorFromJsonBytes(bytes, metadata, new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), metadata));
      };
      const encoding = headers['content-encoding'] ?? 'identity';
      return encoding === 'identity' || body.length === 0 ? read(body) : decompressed(body, encoding).then(read);
    },
  };
}

export const GRPC_WIRE: Wire = {
  hasTrailers: true,
  headers: (timeoutMs) => ({
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    'grpc-accept-encoding': 'gzip',
    ...(timeoutMs !== undefined && { 'grpc-timeout': `${timeoutMs}m` }),
  }),
  encode: (method, input) => {
    const message = toBinary(method.input, create(method.input, input));
    const frame = Buffer.allocUnsafe(GRPC_PREFIX_BYTES + message.length);
    frame.writeUInt8(0, 0);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, GRPC_PREFIX_BYTES);
    return frame;
  },
  decode: (method, { status, headers, trailers, body }) => {
    if (status !== 200) throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), toHeaders(headers));
    const received = headers['content-type'] ?? '';
    if (!/^application\/grpc(\+proto)?(;|$)/i.test(received)) {
      throw new ConnectError(`unsupported content type ${received}`, Code.Unknown, toHeaders(headers));
    }
    // Where there is nothing but an error, its status may stand in the headers.
    const end = trailers?.['grpc-status'] === undefined ? headers : trailers;
    const grpcStatus = end['grpc-status'];
    if (grpcStatus === undefined) throw new ConnectError('protocol error: missing status', Code.Internal, toHeaders(headers));
    if (grpcStatus !== '0') throw grpcError(headers, end);
    const length = body.length < GRPC_PREFIX_BYTES ? -1 : body.readUInt32BE(1);
    if (length !== body.length - GRPC_PREFIX_BYTES) throw new ConnectError('protocol error: not one message', Code.Internal);
    const message = body.subarray(GRPC_PREFIX_BYTES);
    if (body.readUInt8(0) === 0) return parse(method, 'proto', message);
    return decompressed(message, String(headers['grpc-encoding'])).then((bytes) => parse(method, 'proto', bytes));
  },
};

function parse(method: DescMethodUnary, format: 'json' | 'proto', bytes: Buffer): Message {
  try {
    return format === 'proto' ? fromBinary(method.output, bytes, READ_BINARY) : fromJsonString(method.output, bytes.toString(), READ_JSON);
  } catch (error) {
    throw new ConnectError(`cannot decode message ${method.output.typeName}`, Code.Internal, undefined, undefined, error);
  }
}

/** The service's error with what the headers say beside it: how long to wait. */
function grpcError(headers: IncomingHttpHeaders, end: IncomingHttpHeaders): ConnectError {
  const metadata = toHeaders({ ...headers, ...end });
  try {
    const error = findTrailerError(metadata);
    if (error !== undefined) return error;
  } catch {
    // Its text or its details cannot be read; its code still counts.
  }
  const error = new ConnectError(String(end['grpc-message'] ?? ''), Number(end['grpc-status']) || Code.Unknown, metadata);
  error.isWireError = true;
  return error;
}

const inflate = promisify(gunzip);

async function decompressed(body: Buffer, encoding: string): Promise<Buffer> {
  if (encoding !== 'gzip') throw new ConnectError(`unsupported response encoding ${JSON.stringify(encoding)}`, Code.Internal);
  try {
    return await inflate(body, { maxOutputLength: ANSWER_MAX_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new ConnectError('the answer cannot be decompressed', Code.Internal);
  }
}

export function tooLarge(): ConnectError {
  return new ConnectError(`the answer is larger than ${ANSWER_MAX_BYTES} bytes`, Code.ResourceExhausted);
}

function toHeaders(headers: IncomingHttpHeaders): Headers {
  const converted = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) converted.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return converted;
}
