import * as http2 from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { proxyFor, tunnelStream } from './proxy-tunnel.ts';
import type { ServiceUrl } from './service-url.ts';
import { destinationOf, NoHttp2Error, serverName, tlsTrust } from './tls-connection.ts';

/**
 * A connection that was silent for longer is asked by PING before it carries a call, in milliseconds. Ours: a Lambda environment
 * that was frozen for seconds may wake up with a dead connection; a busy one never pays for the question.
 */
export const VERIFY_AFTER_SILENCE_MS = 5_000;

/** How long a PING may take until a new connection is made, in milliseconds. Ours: several times the slowest round trip. */
const PING_TIMEOUT_MS = 1_000;

/** An unused connection is closed after this, in milliseconds. Ours: below the five minutes after which gateways drop one silently. */
const IDLE_CONNECTION_MS = 4 * 60 * 1000;

/**
 * The one HTTP/2 connection to a host: made when it is first needed, and anew when it broke, was told to go away, or does not
 * answer a PING after a silence. An attempt that fails is not repeated: the call that needed it fails, and the next one tries again.
 */
export interface Http2Connection {
  /**
   * Opens a stream: at once where the connection is known to be good. Rejects, or throws, what Node says where there is no way to the
   * server.
   */
  openStream(headers: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream | Promise<http2.ClientHttp2Stream>;
  /** Opens or checks the connection ahead of a call. Never rejects. */
  prepare(): Promise<void>;
  /** Something came back: the connection is alive. */
  noteLife(): void;
  /** Gives the connection up with all its streams, whose calls fail with `why`; the next call makes another one. */
  abandon(why: string): void;
}

/** @throws Error for the reader when a proxy or a certificate file of the environment cannot be used. */
export function createHttp2Connection(url: ServiceUrl): Http2Connection {
  const isTls = url.protocol === 'https:';
  const options = isTls ? tlsOptions(url) : {};
  let current: http2.ClientHttp2Session | undefined;
  let opening: { readonly ready: Promise<http2.ClientHttp2Session>; readonly session: http2.ClientHttp2Session } | undefined;
  let verifying: Promise<boolean> | undefined;
  let lastAliveAtMs = 0;
  /** Only calls under way keep the process alive: how many each connection carries. */
  const carried = new WeakMap<http2.ClientHttp2Session, number>();

  function drop(session: http2.ClientHttp2Session): void {
    if (current === session) current = undefined;
  }

  function request(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream {
    const stream = session.request(headers);
    const before = carried.get(session) ?? 0;
    if (before === 0) session.ref();
    carried.set(session, before + 1);
    stream.once('close', () => {
      const left = (carried.get(session) ?? 1) - 1;
      carried.set(session, left);
      if (left === 0 && !session.destroyed) session.unref();
    });
    return stream;
  }

  function open(): Promise<http2.ClientHttp2Session> {
    if (opening !== undefined) return opening.ready;
    const session = http2.connect(url.origin, options);
    const ready = new Promise<http2.ClientHttp2Session>((resolve, reject) => {
      session.on('error', (error) => {
        drop(session);
        reject(error);
      });
      session.on('close', () => {
        drop(session);
        reject(new ConnectionClosedError('the connection was closed before it was ready'));
      });
      session.on('goaway', () => drop(session));
      session.once('connect', () => {
        if (isTls && session.alpnProtocol !== 'h2') {
          session.destroy(new NoHttp2Error(`${new URL(url.origin).host} does not take HTTP/2`));
          return;
        }
        session.setTimeout(IDLE_CONNECTION_MS, () => session.close());
        session.unref();
        current = session;
        lastAliveAtMs = Date.now();
        resolve(session);
      });
    });
    opening = { ready, session };
    const done = () => {
      opening = undefined;
    };
    ready.then(done, done);
    return ready;
  }

  /** Whether the peer answers; where it does not, the connection ends. */
  function verify(session: http2.ClientHttp2Session): Promise<boolean> {
    verifying ??= new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        session.destroy(new ConnectionClosedError('the connection did not answer a PING'));
        resolve(false);
      }, PING_TIMEOUT_MS);
      session.once('close', () => resolve(false));
      session.ping((error) => {
        clearTimeout(timer);
        if (error === null) lastAliveAtMs = Date.now();
        resolve(error === null);
      });
    }).finally(() => {
      verifying = undefined;
    });
    return verifying;
  }

  function usable(): http2.ClientHttp2Session | undefined {
    return current === undefined || current.closed || current.destroyed ? undefined : current;
  }

  /** The connection, if it needs neither to be made nor to be asked whether it is alive. */
  function known(): http2.ClientHttp2Session | undefined {
    return Date.now() - lastAliveAtMs <= VERIFY_AFTER_SILENCE_MS ? usable() : undefined;
  }

  async function ready(): Promise<http2.ClientHttp2Session> {
    const session = usable();
    if (session === undefined) return open();
    return known() ?? ((await verify(session)) && !session.closed ? session : open());
  }

  return {
    openStream: (headers) => {
      const session = known();
      return session === undefined ? ready().then((made) => request(made, headers)) : request(session, headers);
    },
    prepare: async () => {
      await ready().catch(() => undefined);
    },
    noteLife: () => {
      lastAliveAtMs = Date.now();
    },
    abandon: (why) => {
      for (const session of [opening?.session, current]) session?.destroy(new ConnectionClosedError(why));
      current = undefined;
    },
  };
}

/** `code` as Node has it for a connection that ended. */
class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
  readonly code = 'ECONNRESET';
}

/** TLS, through a proxy where the environment names one. */
function tlsOptions(url: ServiceUrl): http2.SecureClientSessionOptions {
  const destination = destinationOf(url.href);
  const proxy = proxyFor(url);
  const trust = tlsTrust();
  return {
    createConnection: () => {
      const way = proxy === undefined ? destination : { socket: tunnelStream(proxy, destination, trust) };
      return connectTls({ ...way, ...trust, ...serverName(destination), ALPNProtocols: ['h2'] });
    },
  };
}
