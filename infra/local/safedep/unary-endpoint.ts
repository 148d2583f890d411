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
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import type { Caller } from './access.ts';
import type { RequestHandler } from './one-port.ts';

type Request = Parameters<RequestHandler>[0];

/** The part of Node's two response classes that is used, which they spell with different overloads. */
interface Response {
  writeHead(status: number, headers: Record<string, string>): unknown;
  setTrailer(name: string, value: string): unknown;
  end(body?: Uint8Array | string): unknown;
  readonly destroyed: boolean;
}

/** A call's headers, by lower-case name. */
type CallHeader = Pick<Headers, 'get'>;

/** What stands before and after every method. */
export interface Gate {
  /** Decides over a call before its method is run; rejects with `ConnectError` to refuse it. */
  admit(method: DescMethodUnary, header: CallHeader, message: Message): Promise<Caller>;
  /** Told of every error that is sent. */
  refused(method: DescMethodUnary, error: ConnectError): void;
}

export interface UnaryMethod {
  readonly method: DescMethodUnary;
  /** Its field numbers are not known, so that it is served as Connect JSON only. */
  readonly jsonOnly: boolean;
  readonly run: (request: Message, caller: Caller) => MessageInitShape<DescMessage> | Promise<MessageInitShape<DescMessage>>;
}

/** Requests above this are refused, in bytes. Ours: the largest real one is a published insight of some kilobytes. */
const REQUEST_MAX_BYTES = 4 * 1024 * 1024;

const GRPC_PREFIX_BYTES = 5;

/**
 * Serves plain unary calls (gRPC over HTTP/2, Connect as JSON and binary, nothing compressed) and leaves everything else to `otherwise`.
 * Connect's own adapter serves all of this too, at several times the processor time: too much beside a pipeline on two cores.
 */
export function unaryEndpoint(methods: ReadonlyMap<string, UnaryMethod>, gate: Gate, otherwise: RequestHandler): RequestHandler {
  return (request, response) => {
    const found = methods.get(request.url ?? '');
    const wire = found && wireOf(request);
    if (found === undefined || wire === undefined) {
      otherwise(request, response);
      return;
    }
    const writable = response as unknown as Response;
    serve(request, writable, found, wire, gate).catch((error: unknown) => {
      // Only a response that can no longer be written gets here.
      if (!writable.destroyed) request.destroy(error instanceof Error ? error : undefined);
    });
  };
}

interface Wire {
  readonly contentType: string;
  readonly json: boolean;
  readonly grpc: boolean;
}

function wireOf(request: Request): Wire | undefined {
  const { headers } = request;
  const contentType = headers['content-type'] ?? '';
  if (request.method !== 'POST' || isCoded(headers['content-encoding']) || isCoded(headers['grpc-encoding'])) return undefined;
  switch (contentType) {
    case 'application/json':
    case 'application/json; charset=utf-8':
      return { contentType: 'application/json', json: true, grpc: false };
    case 'application/proto':
      return { contentType, json: false, grpc: false };
    case 'application/grpc':
    case 'application/grpc+proto':
      return request.httpVersionMajor === 2 ? { contentType, json: false, grpc: true } : undefined;
    default:
      return undefined;
  }
}

function isCoded(encoding: string | string[] | undefined): boolean {
  return encoding !== undefined && encoding !== 'identity' && encoding !== '';
}

async function serve(request: Request, response: Response, { method, jsonOnly, run }: UnaryMethod, wire: Wire, gate: Gate): Promise<void> {
  try {
    const body = await readBody(request);
    if (jsonOnly && !wire.json) throw new ConnectError(`${method.name} is served as Connect JSON only`, Code.Unimplemented);
    const header: CallHeader = { get: (name) => request.headers[name]?.toString() ?? null };
    const message = parse(method, wire, body);
    const answer = create(method.output, await run(message, await gate.admit(method, header, message)));
    if (wire.grpc) {
      const bytes = toBinary(method.output, answer);
      const frame = Buffer.allocUnsafe(GRPC_PREFIX_BYTES + bytes.length);
      frame.writeUInt8(0, 0);
      frame.writeUInt32BE(bytes.length, 1);
      frame.set(bytes, GRPC_PREFIX_BYTES);
      response.setTrailer('grpc-status', '0');
      response.writeHead(200, { 'content-type': wire.contentType });
      response.end(frame);
    } else {
      response.writeHead(200, { 'content-type': wire.contentType });
      response.end(wire.json ? toJsonString(method.output, answer) : toBinary(method.output, answer));
    }
  } catch (error) {
    const refusal = ConnectError.from(error, Code.Internal);
    gate.refused(method, refusal);
    writeError(response, wire, refusal);
  }
}

function writeError(response: Response, wire: Wire, error: ConnectError): void {
  if (wire.grpc) {
    // As trailers: grpc-go takes a status in the header frame only where that frame also ends the stream.
    for (const [name, value] of setTrailerStatus(new Headers(), withoutJsonOnlyDetails(error))) response.setTrailer(name, value);
    response.writeHead(200, { 'content-type': wire.contentType });
    response.end();
    return;
  }
  response.writeHead(codeToHttpStatus(error.code), { 'content-type': 'application/json' });
  response.end(JSON.stringify(errorToJson(error, undefined)));
}

/** Details of which only the JSON is known, which gRPC has no place for. */
function withoutJsonOnlyDetails(error: ConnectError): ConnectError {
  const sent = new ConnectError(error.rawMessage, error.code);
  sent.details = error.details.filter((detail) => 'desc' in detail);
  return sent;
}

function parse(method: DescMethodUnary, wire: Wire, body: Buffer): Message {
  try {
    if (wire.json) return fromJsonString(method.input, body.toString(), { ignoreUnknownFields: true });
    return fromBinary(method.input, wire.grpc ? unframed(body) : body);
  } catch (error) {
    throw error instanceof ConnectError ? error : new ConnectError('the request cannot be read', Code.InvalidArgument);
  }
}

function unframed(body: Buffer): Buffer {
  if (body.length < GRPC_PREFIX_BYTES || body.readUInt32BE(1) !== body.length - GRPC_PREFIX_BYTES) {
    throw new ConnectError('a unary call carries one message', Code.Unimplemented);
  }
  if (body.readUInt8(0) !== 0) throw new ConnectError('the message is compressed, the call says that it is not', Code.Internal);
  return body.subarray(GRPC_PREFIX_BYTES);
}

function readBody(request: Request): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= REQUEST_MAX_BYTES) chunks.push(chunk);
    });
    request.on('end', () => {
      if (bytes > REQUEST_MAX_BYTES) reject(new ConnectError('the request is too large', Code.ResourceExhausted));
      else resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    request.on('error', reject);
    request.on('aborted', () => reject(new ConnectError('the caller hung up', Code.Canceled)));
  });
}
