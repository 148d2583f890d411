import { randomBytes } from 'node:crypto';
import type { Http2ServerRequest } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import type { RequestHandler } from './one-port.ts';

/**
 * What the stand-in does instead of answering.
 *
 * As an edge or a broken server: `http-503` and `http-429` (plain text), `garbage` (random bytes of the right content type), `html`
 * (a page, status 200), `empty` (no body), `reset` (the connection breaks), `silence` (nothing, until the fault ends or for ever).
 * As the service: `unavailable`, `resource-exhausted`, `internal`, `invalid-argument`. In the answer: `other-package`, `huge-report`.
 */
export const FAULT_KINDS = [
  'http-503',
  'http-429',
  'garbage',
  'html',
  'empty',
  'reset',
  'silence',
  'unavailable',
  'resource-exhausted',
  'internal',
  'invalid-argument',
  'other-package',
  'huge-report',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** How long, in milliseconds; until it is taken back where this is left out. */
  readonly forMs?: number;
  /** Only calls whose method's name ends with this: `QueryPackageAnalysis`. */
  readonly method?: string;
}

const SERVICE_CODES: Readonly<Partial<Record<FaultKind, readonly [string, Code]>>> = {
  unavailable: ['made up: not available', Code.Unavailable],
  'resource-exhausted': ['rate limit exceeded', Code.ResourceExhausted],
  internal: ['made up: internal error', Code.Internal],
  'invalid-argument': ['made up: this is refused', Code.InvalidArgument],
};

type Request = Parameters<RequestHandler>[0];
type Response = Parameters<RequestHandler>[1];

export class Faults {
  #fault: Fault | undefined;
  #untilMs = 0;

  set(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#untilMs = performance.now() + (fault?.forMs ?? Number.POSITIVE_INFINITY);
  }

  /** The fault that holds now, for whatever method. */
  current(): Fault | undefined {
    return performance.now() < this.#untilMs ? this.#fault : undefined;
  }

  /** The fault that holds for a method now. */
  now(method: string): FaultKind | undefined {
    const fault = this.current();
    return fault !== undefined && method.endsWith(fault.method ?? '') ? fault.kind : undefined;
  }

  /** @throws ConnectError for a fault that the service itself would report. */
  throwAsService(method: string): void {
    const [message, code] = SERVICE_CODES[this.now(method) ?? 'silence'] ?? [];
    if (message !== undefined) throw new ConnectError(message, code);
  }

  /** Answers in the service's place, or not at all. False where the call is to be served. */
  answerAsEdge(request: Request, response: Response, method: string): boolean {
    const kind = this.now(method);
    const contentType = request.headers['content-type'] ?? 'application/octet-stream';
    const end = (status: number, type: string, body: string | Buffer) => {
      request.resume();
      (response as Http2Response).writeHead(status, { 'content-type': type });
      (response as Http2Response).end(body);
    };
    switch (kind) {
      case 'http-503':
        end(503, 'text/plain', 'made up: service unavailable');
        return true;
      case 'http-429':
        end(429, 'text/plain', 'made up: too many requests');
        return true;
      case 'garbage':
        end(200, contentType, randomBytes(64));
        return true;
      case 'html':
        end(200, 'text/html', '<html><body>made up: a page that is no answer</body></html>');
        return true;
      case 'empty':
        end(200, contentType, '');
        return true;
      case 'reset':
        if ('stream' in request) (request as Http2ServerRequest).stream.session?.destroy();
        else request.socket.destroy();
        return true;
      case 'silence':
        request.resume();
        return true;
      default:
        return false;
    }
  }
}

/** The two response classes are one here; their overloads only differ in what is not used. */
interface Http2Response {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string | Buffer): unknown;
}
