import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { getProxyForUrl } from 'proxy-from-env';
import type { ServiceUrl } from './service-url.ts';
import { type Destination, destinationOf, serverName, type TlsTrust } from './tls-connection.ts';

/** How long a proxy may take to open the way, in milliseconds. Ours: below a call's deadline, so that the error names the proxy. */
const TUNNEL_TIMEOUT_MS = 4_000;

/** The proxy did not open the way. Its address is in the text, a name or password for it never. */
class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code = 'ERR_PROXY_TUNNEL';
}

/** A proxy that opens a way through for TLS: it sees which host is called, and nothing of the call. */
export interface Proxy {
  readonly destination: Destination;
  readonly isTls: boolean;
  /** Value of `proxy-authorization`; absent where the address carries no name. */
  readonly authorization?: string;
}

/**
 * The proxy that the environment names for a host: `HTTPS_PROXY` or `ALL_PROXY` unless `NO_PROXY` excepts it, lower case first.
 * Plain HTTP is this machine only, which no proxy is asked for.
 *
 * @throws Error for the reader when it is named in a way that cannot be used.
 */
export function proxyFor({ protocol, href }: ServiceUrl): Proxy | undefined {
  const text = protocol === 'https:' ? getProxyForUrl(href) : '';
  if (text === '') return undefined;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('HTTPS_PROXY is not an address: it must look like http://proxy.example:3128');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`HTTPS_PROXY names a proxy that is spoken to by ${url.protocol}// : only http:// and https:// proxies can be used`);
  }
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    destination: destinationOf(url),
    isTls: url.protocol === 'https:',
    ...(url.username !== '' && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  };
}

/** Asks a proxy for a way to `target`. The returned function gives up; `onEnd` is then called with an error. */
export function openTunnel(
  proxy: Proxy,
  target: Destination,
  trust: TlsTrust,
  onEnd: (error: Error | null, socket?: Socket) => void,
): () => void {
  const name = `the proxy ${proxy.destination.host}:${proxy.destination.port}`;
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const request = (proxy.isTls ? https : http).request({
    ...proxy.destination,
    ...(proxy.isTls && { ...trust, ...serverName(proxy.destination) }),
    method: 'CONNECT',
    path: `${host}:${target.port}`,
    headers: { host: `${host}:${target.port}`, ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }) },
    agent: false,
    timeout: TUNNEL_TIMEOUT_MS,
  });
  request.once('connect', ({ statusCode }, socket: Socket, head) => {
    socket.setTimeout(0);
    if (statusCode === 200) {
      if (head.length > 0) socket.unshift(head);
      onEnd(null, socket);
      return;
    }
    socket.destroy();
    const why = statusCode === 407 ? ': it wants a name and a password, in HTTPS_PROXY as http://NAME:PASSWORD@HOST:PORT' : '';
    onEnd(new ProxyError(`${name} refused the way to ${host}:${target.port} (HTTP ${statusCode})${why}`));
  });
  request.once('response', (response) => {
    response.destroy();
    onEnd(new ProxyError(`${name} refused the way to ${host}:${target.port} (HTTP ${response.statusCode})`));
  });
  request.once('timeout', () => request.destroy(new ProxyError(`${name} did not open the way to ${host} in ${TUNNEL_TIMEOUT_MS} ms`)));
  request.once('error', (error: NodeJS.ErrnoException) => {
    onEnd(error instanceof ProxyError ? error : new ProxyError(`${name} cannot be reached: ${error.code ?? error.message}`));
  });
  request.end();
  return () => request.destroy();
}

/** The way through a proxy as a stream that can be used at once: what is written waits until the way is open. */
export function tunnelStream(proxy: Proxy, target: Destination, trust: TlsTrust): Duplex {
  let socket: Socket | undefined;
  let giveUp: () => void = () => {};
  const tunnel: Duplex = new Duplex({
    construct: (onReady) => {
      giveUp = openTunnel(proxy, target, trust, (error, opened) => {
        if (opened !== undefined) {
          socket = opened;
          opened.on('data', (chunk) => {
            if (!tunnel.push(chunk)) opened.pause();
          });
          opened.on('end', () => tunnel.push(null));
          opened.on('error', (broken) => tunnel.destroy(broken));
          opened.on('close', () => tunnel.destroy());
          if (tunnel.destroyed) opened.destroy();
        }
        onReady(error);
      });
    },
    read: () => void socket?.resume(),
    write: (chunk, encoding, onWritten) => void socket?.write(chunk, encoding, onWritten),
    final: (onFinished) => void socket?.end(onFinished),
    destroy: (error, onDestroyed) => {
      giveUp();
      socket?.destroy();
      onDestroyed(error);
    },
  });
  return tunnel;
}
