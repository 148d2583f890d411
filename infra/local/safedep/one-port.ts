import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import type { connectNodeAdapter } from '@connectrpc/connect-node';

export type RequestHandler = ReturnType<typeof connectNodeAdapter>;

/** HTTP/2 in cleartext begins with this (RFC 9113, section 3.4); no HTTP/1.1 request does. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A connection that does not say within this time what it speaks is closed, in milliseconds. */
const PREFACE_TIMEOUT_MS = 10_000;

export interface OnePort {
  readonly port: number;
  /** Ends every connection at once. */
  close(): Promise<void>;
}

export class PortInUseError extends Error {
  override readonly name = 'PortInUseError';
}

/**
 * Serves HTTP/1.1 and cleartext HTTP/2 with prior knowledge on one loopback port, told apart by a connection's first bytes.
 *
 * @param port 0 for any free one.
 * @throws PortInUseError when something else listens there.
 */
export async function listenOnOnePort(port: number, handler: RequestHandler): Promise<OnePort> {
  const http1Server = http.createServer(handler);
  const http2Server = http2.createServer(handler);
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(PREFACE_TIMEOUT_MS, () => socket.destroy());
    let start = Buffer.alloc(0);
    socket.on('readable', function decide() {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      start = Buffer.concat([start, chunk]);
      const length = Math.min(start.length, HTTP2_PREFACE.length);
      const mayBeHttp2 = start.compare(HTTP2_PREFACE, 0, length, 0, length) === 0;
      // So far all fits the preface, but there is more of it to come.
      if (mayBeHttp2 && start.length < HTTP2_PREFACE.length) return;
      socket.off('readable', decide);
      socket.setTimeout(0);
      socket.unshift(start);
      (mayBeHttp2 ? http2Server : http1Server).emit('connection', socket);
      if (!mayBeHttp2) socket.resume();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortInUseError(`port ${port} is in use: end what listens there, or choose another`) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as net.AddressInfo;
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      http1Server.close();
      http2Server.close();
    },
  };
}
