import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';

/** Every engine listens here and nowhere else. */
export const LOOPBACK = '127.0.0.1';

export interface LoopbackServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** Ends every connection, also those in use. */
  close(): Promise<void>;
}

/** The port that was asked for belongs to somebody else. */
export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
  readonly port: number;

  constructor(port: number) {
    super(`port ${port} on ${LOOPBACK} is in use; end the program that has it, or choose another port`);
    this.port = port;
  }
}

/** Serves HTTP on loopback; port 0 takes a free one. Throws `PortInUseError`. */
export async function listenOnLoopback(listener: RequestListener, port = 0): Promise<LoopbackServer> {
  // Node's own limits on slow requests would cut a runtime's wait for its next event, which has no end.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0, noDelay: true }, listener);
  await listen(server, port);
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    port: actualPort,
    url: `http://${LOOPBACK}:${actualPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? new PortInUseError(port) : error));
    server.listen(port, LOOPBACK, resolve);
  });
}

/** The whole body; `undefined` when it is longer than `maximumBytes` (the rest is read and dropped). Rejects when the caller goes away. */
export function readBody(request: IncomingMessage, maximumBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maximumBytes) chunks.push(chunk);
    });
    request.on('end', () => resolve(length > maximumBytes ? undefined : Buffer.concat(chunks, length)));
    request.on('error', reject);
  });
}

/** An error as the AWS JSON protocols carry it. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly type: string;
  readonly statusCode: number;

  constructor(type: string, message: string, statusCode = 400) {
    super(message);
    this.type = type;
    this.statusCode = statusCode;
  }
}

/** Answers in the protocol that the caller spoke. */
export function answerJson(request: IncomingMessage, response: ServerResponse, statusCode: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(statusCode, {
    'content-type': request.headers['content-type'] ?? 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function answerError(request: IncomingMessage, response: ServerResponse, error: AwsError): void {
  answerJson(request, response, error.statusCode, { __type: error.type, message: error.message });
}
