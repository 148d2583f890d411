import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATHS } from './names.ts';

/**
 * What the provider does instead of answering.
 *
 * - `answer-lost`: it does what it was asked to (a refresh token is rotated), and the connection ends before the answer leaves.
 * - `reset`: the connection ends before anything is done. `silence`: nothing is done and nothing said.
 * - `http-503`, `http-429`, `html` (a page, status 200): an edge answers in its place.
 * - `slow`: it answers, `delayMs` later than it would; what it does, it does after that time.
 */
export const IDENTITY_FAULT_KINDS = ['answer-lost', 'reset', 'silence', 'http-503', 'http-429', 'html', 'slow'] as const;

export interface IdentityFault {
  readonly kind: (typeof IDENTITY_FAULT_KINDS)[number];
  /** Requests to this endpoint only; the token endpoint where it is left out. */
  readonly endpoint?: keyof typeof PATHS;
  /** So many requests, then it is over; until it is taken back where this is left out. */
  readonly times?: number;
  /** Of `slow`, in milliseconds. */
  readonly delayMs?: number;
}

/** One fault at a time. */
export class TokenFaults {
  #fault: IdentityFault | undefined;
  #left = 0;

  set(fault: IdentityFault | undefined): void {
    this.#fault = fault;
    this.#left = fault?.times ?? Number.POSITIVE_INFINITY;
  }

  /** Answers in the provider's place, or spoils its answer to come. False where the request is to be served. */
  async answer(path: string, response: ServerResponse): Promise<boolean> {
    const fault = this.#take(path);
    switch (fault?.kind) {
      case undefined:
        return false;
      case 'answer-lost':
        response.end = () => response.destroy();
        response.write = () => false;
        return false;
      case 'slow':
        await sleep(fault.delayMs ?? 0);
        return false;
      case 'reset':
        response.socket?.destroy();
        return true;
      case 'silence':
        return true;
      case 'html':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>made up: a page that is no answer</body></html>');
        return true;
      case 'http-503':
      case 'http-429':
        response.writeHead(Number(fault.kind.slice(-3)), { 'content-type': 'text/plain' }).end('made up: not now');
        return true;
    }
  }

  #take(path: string): IdentityFault | undefined {
    if (this.#fault === undefined || this.#left <= 0 || path !== PATHS[this.#fault.endpoint ?? 'token']) return undefined;
    this.#left--;
    return this.#fault;
  }
}
