import * as http from 'node:http';
import * as https from 'node:https';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { isProtocolMismatch } from './error-meaning.ts';
import { toOneLine } from './one-line.ts';
import { type ServiceUrl, serviceUrl } from './service-url.ts';

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

/** The largest answer that is read, decompressed, in bytes. Ours: eleven times the largest report seen (700 KB). */
export const ANSWER_MAX_BYTES = 8 * 1024 * 1024;

/**
 * A connection that was silent for longer is asked by PING before it carries a call, in milliseconds. Ours: a Lambda environment
 * that was frozen for seconds may wake up with a dead connection; a busy one never pays for the question.
 */
const VERIFY_AFTER_SILENCE_MS = 5_000;

/** How long a PING may take until a new connection is made, in milliseconds. Ours: several times the slowest round trip. */
const PING_TIMEOUT_MS = 1_000;

/** An unused connection is closed after this, in milliseconds. Ours: below the five minutes after which gateways drop one silently. */
const IDLE_CONNECTION_MS = 4 * 60 * 1000;

/**
 * Connections of the HTTP/1.1 form at once, each carrying one call. Ours: twice the 128 calls that a batch of 64 packages can have in
 * flight, because a call that waited here would leave after its slot.
 */
const HTTP1_MAX_SOCKETS = 256;

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
  const json = lazily(() => createJsonTransport(url));
  if (kind === 'connect-json') {
    return { ...eachCall((send) => send(json.get())), kind: () => kind, prepare: async () => {}, close: () => json.closeIfMade() };
  }
  const http2 = createHttp2Transport(url, kind);
  let state: 'untried' | 'proven' | 'fallen-back' = 'untried';
  let attempt: Promise<boolean> | undefined;
  let noAttemptBefore = 0;

  async function attempted<R>(send: (transport: Transport) => Promise<R>): Promise<R> {
    if (state === 'fallen-back') return send(json.get());
    try {
      const response = await send(http2);
      if (state === 'untried') state = 'proven';
      return response;
    } catch (error) {
      if (state === 'untried' && error instanceof ConnectError && error.isWireError) state = 'proven';
      if (state === 'proven' || !isProtocolMismatch(error)) throw error;
      return await fallBack(error, send);
    }
  }

  /** The first call to get here tries; the others wait for what comes of it. */
  async function fallBack<R>(error: unknown, send: (transport: Transport) => Promise<R>): Promise<R> {
    if (attempt !== undefined) {
      if (await attempt) return send(json.get());
      throw error;
    }
    if (Date.now() < noAttemptBefore) throw error;
    const response = send(json.get());
    attempt = response.then(
      () => true,
      // Any server may answer an unknown path with JSON, which reads like this code.
      (jsonError: unknown) => jsonError instanceof ConnectError && jsonError.isWireError && jsonError.code !== Code.Unimplemented,
    );
    if (await attempt) {
      state = 'fallen-back';
      onFallback(
        `${url.origin} does not answer ${kind} over HTTP/2 (${toOneLine(ConnectError.from(error).rawMessage, 100)}); ` +
          'from now on calls go as Connect JSON over HTTP/1.1, which costs more time and processor. ' +
          'SAFEDEP_TRANSPORT=connect-json asks for that from the start.',
      );
      return response;
    }
    attempt = undefined;
    noAttemptBefore = Date.now() + FALLBACK_PAUSE_MS;
    // The first error says more about what was configured than that of the last resort.
    throw error;
  }

  return {
    ...eachCall(attempted),
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

interface ClosableTransport extends Transport {
  close(): void;
}

const SERIALISATION = {
  binaryOptions: { readUnknownFields: false },
  jsonOptions: { ignoreUnknownFields: true },
  readMaxBytes: ANSWER_MAX_BYTES,
};

function createHttp2Transport(url: ServiceUrl, kind: 'grpc' | 'connect'): ClosableTransport & { prepare(): Promise<void> } {
  const sessionManager = new Http2SessionManager(url.href, {
    pingIntervalMs: VERIFY_AFTER_SILENCE_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
    idleConnectionTimeoutMs: IDLE_CONNECTION_MS,
  });
  const options = { ...SERIALISATION, baseUrl: url.href, sessionManager };
  const transport = kind === 'grpc' ? createGrpcTransport(options) : createConnectTransport({ ...options, httpVersion: '2' });
  let lastAnswerAtMs = 0;
  async function watched<R>(send: (transport: Transport) => Promise<R>): Promise<R> {
    const startedAtMs = Date.now();
    try {
      const response = await send(transport);
      lastAnswerAtMs = Date.now();
      return response;
    } catch (error) {
      const { code, isWireError } = ConnectError.from(error);
      if (isWireError) lastAnswerAtMs = Date.now();
      else if (code === Code.DeadlineExceeded && lastAnswerAtMs <= startedAtMs) {
        // Nothing at all came back during this call's whole time: the connection is dead or was never made. The next call gets a new one.
        sessionManager.abort(new ConnectError('the connection was given up: no answer came over it', Code.Unavailable));
      }
      throw error;
    }
  }
  return {
    ...eachCall(watched),
    prepare: async () => {
      await sessionManager.connect();
    },
    close: () => sessionManager.abort(),
  };
}

function createJsonTransport(url: ServiceUrl): ClosableTransport {
  const agentOptions = { keepAlive: true, maxSockets: HTTP1_MAX_SOCKETS };
  const agent = url.protocol === 'https:' ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
  const transport = createConnectTransport({
    ...SERIALISATION,
    baseUrl: url.href,
    httpVersion: '1.1',
    useBinaryFormat: false,
    nodeOptions: { agent },
  });
  return { ...transport, close: () => agent.destroy() };
}

/** A transport whose calls all go through `around`, which is given the sending and decides over what. */
function eachCall(around: <R>(send: (transport: Transport) => Promise<R>) => Promise<R>): Transport {
  return {
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      around((transport) => transport.unary(method, signal, timeoutMs, header, input, contextValues)),
    stream: refuseStream,
  };
}

/** Every method of SafeDep is unary. */
const refuseStream: Transport['stream'] = () => Promise.reject(new ConnectError('SafeDep has no streaming methods', Code.Unimplemented));

function lazily(make: () => ClosableTransport): { get(): ClosableTransport; closeIfMade(): void } {
  let made: ClosableTransport | undefined;
  return {
    get: () => {
      made ??= make();
      return made;
    },
    closeIfMade: () => made?.close(),
  };
}
