import type { DescMethodUnary, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { isProtocolMismatch } from './error-meaning.ts';
import { createHttp1Client } from './http1-client.ts';
import { createHttp2Client } from './http2-client.ts';
import { toOneLine } from './one-line.ts';
import { serviceUrl } from './service-url.ts';
import type { UnarySender } from './unary-sender.ts';
import { connectWire, GRPC_WIRE } from './unary-wire.ts';

/**
 * How calls travel. `grpc`: gRPC over HTTP/2, what SafeDep's own clients speak. `connect`: Connect's binary form over HTTP/2.
 * `connect-json`: Connect's JSON form over HTTP/1.1, which passes everything that passes a web page.
 */
export const TRANSPORT_KINDS = ['grpc', 'connect-json', 'connect'] as const;
export type TransportKind = (typeof TRANSPORT_KINDS)[number];

/** Reads `SAFEDEP_TRANSPORT`; nothing or an empty text is `grpc`. Throws an `Error` for the reader on anything else. */
export function parseTransportKind(text: string | undefined): TransportKind {
  const kind = text || 'grpc';
  if ((TRANSPORT_KINDS as readonly string[]).includes(kind)) return kind as TransportKind;
  throw new Error(`SAFEDEP_TRANSPORT is ${JSON.stringify(text)}: it must be one of ${TRANSPORT_KINDS.join(', ')}`);
}

/**
 * Services whose field numbers are not known to us: those in their proto files are made up, so that they go by Connect JSON over
 * HTTP/1.1, which needs names only, whatever else is configured.
 */
const JSON_ONLY_SERVICES: ReadonlySet<string> = new Set([
  'safedep.services.controltower.v2.QueryService',
  'safedep.services.threatintel.v1.ThreatIntelService',
]);

/** After a fallback that was of no use, none is tried for this long, in milliseconds: during an outage it would double the calls. */
const FALLBACK_PAUSE_MS = 5_000;

export interface SafeDepTransport extends Transport {
  /** What calls travel by now: `connect-json` after a fallback. */
  kind(): TransportKind;
  /** Opens or checks the connection, so that the next call leaves at once. Never throws: the call will say what is wrong. */
  prepare(): Promise<void>;
  /** Ends every connection; calls in flight fail as given up. */
  close(): void;
}

export interface TransportOptions {
  /** `https://api.safedep.io`; plain `http://` on loopback only. */
  readonly baseUrl: string;
  readonly kind: TransportKind;
  /**
   * Told once when HTTP/2 or gRPC turn out not to be served and calls travel as Connect JSON over HTTP/1.1 from now on.
   * Must be loud: it is a sentence for the operator.
   */
  readonly onFallback: (sentence: string) => void;
}

/**
 * The connection to one SafeDep host.
 *
 * A call that fails because the server does not speak the protocol, before any call was answered, is made once more as Connect
 * JSON; if that is understood, all later calls go that way. Apart from this nothing is ever sent twice.
 *
 * @throws Error for the reader when `baseUrl` is not usable.
 */
export function createSafeDepTransport({ baseUrl, kind, onFallback }: TransportOptions): SafeDepTransport {
  const url = serviceUrl(baseUrl);
  const json = lazily(() => createHttp1Client(url, connectWire('json')));
  if (kind === 'connect-json') {
    return { ...transportOver((_, send) => send(json.get())), kind: () => kind, prepare: async () => {}, close: () => json.closeIfMade() };
  }
  const http2 = createHttp2Client(url, kind === 'grpc' ? GRPC_WIRE : connectWire('proto'));
  let state: 'untried' | 'proven' | 'fallen-back' = 'untried';
  let attempt: Promise<boolean> | undefined;
  let noAttemptBefore = 0;

  function attempted(send: Send): Promise<Message> {
    if (state === 'fallen-back') return send(json.get());
    // Once HTTP/2 has answered there is nothing to decide any more.
    return state === 'proven' ? send(http2) : tried(send);
  }

  async function tried(send: Send): Promise<Message> {
    try {
      const answer = await send(http2);
      if (state === 'untried') state = 'proven';
      return answer;
    } catch (error) {
      const isMismatch = isProtocolMismatch(error);
      if (state === 'untried' && !isMismatch && error instanceof ConnectError && error.isWireError) state = 'proven';
      // Another call may have been answered, or have fallen back, while this one was under way.
      if (state === 'proven' || !isMismatch) throw error;
      return await fallBack(error, send);
    }
  }

  /** The first call to get here tries; the others wait for what comes of it. */
  async function fallBack(error: unknown, send: Send): Promise<Message> {
    if (attempt !== undefined) {
      if (await attempt) return send(json.get());
      throw error;
    }
    if (Date.now() < noAttemptBefore) throw error;
    const answer = send(json.get());
    attempt = answer.then(
      () => true,
      // Any server may answer an unknown path with JSON, which reads like this code.
      (jsonError: unknown) => jsonError instanceof ConnectError && jsonError.isWireError && jsonError.code !== Code.Unimplemented,
    );
    if (await attempt) {
      state = 'fallen-back';
      http2.close();
      onFallback(
        `${url.origin} does not answer ${kind} over HTTP/2 (${toOneLine(ConnectError.from(error).rawMessage, 100)}); ` +
          'from now on calls go as Connect JSON over HTTP/1.1, which costs more time and processor. ' +
          'SAFEDEP_TRANSPORT=connect-json asks for that from the start.',
      );
      return answer;
    }
    attempt = undefined;
    noAttemptBefore = Date.now() + FALLBACK_PAUSE_MS;
    // The first error says more about what was configured than that of the last resort.
    throw error;
  }

  return {
    ...transportOver((method, send) => (JSON_ONLY_SERVICES.has(method.parent.typeName) ? send(json.get()) : attempted(send))),
    kind: () => (state === 'fallen-back' ? 'connect-json' : kind),
    prepare: async () => {
      if (state !== 'fallen-back') await http2.prepare();
    },
    close: () => {
      http2.close();
      json.closeIfMade();
    },
  };
}

/** Makes one call over whatever it is given. */
type Send = (sender: UnarySender) => Promise<Message>;

/** What Connect's clients call through, every call by way of `around`, which decides over what it goes. */
function transportOver(around: (method: DescMethodUnary, send: Send) => Promise<Message>): Transport {
  return {
    unary: async (method, signal, timeoutMs, header, input) => {
      const headers = isPlain(header) ? header : Object.fromEntries(header instanceof Headers ? header : new Headers(header));
      const startedAtMs = performance.now();
      // A second attempt has what the first one left of the call's time.
      const leftMs = () => timeoutMs && Math.max(1, Math.ceil(timeoutMs - (performance.now() - startedAtMs)));
      const message = await around(method, (sender) => sender.send(method, headers, input, { timeoutMs: leftMs(), signal }));
      return {
        ...{ stream: false, service: method.parent, method, message: message as never },
        // Nothing of ours reads them, and Node takes 30 ms to load what `Headers` is made of.
        get header() {
          return new Headers();
        },
        get trailer() {
          return new Headers();
        },
      };
    },
    stream: () => Promise.reject(new ConnectError('SafeDep has no streaming methods', Code.Unimplemented)),
  };
}

/** A plain record needs no reading. */
function isPlain(header: ConstructorParameters<typeof Headers>[0] | undefined): header is Record<string, string> {
  return header !== undefined && !(Symbol.iterator in header);
}

function lazily(make: () => UnarySender): { get(): UnarySender; closeIfMade(): void } {
  let made: UnarySender | undefined;
  return {
    get: () => {
      made ??= make();
      return made;
    },
    closeIfMade: () => made?.close(),
  };
}
