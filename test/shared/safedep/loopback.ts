import type * as net from 'node:net';

/** Servers of one test file: on any free port of this machine, ended with every connection when the test is over. */
export class Loopback {
  readonly #ends: (() => unknown)[] = [];

  /** Runs `end` when the test is over, the latest first. */
  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** The port that the server listens on. */
  async listen(server: net.Server): Promise<number> {
    const sockets = new Set<net.Socket>();
    server.on('connection', (socket: net.Socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    this.onEnd(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as net.AddressInfo).port;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}
