import * as http from 'node:http';
import * as https from 'node:https';
import type { CustomFetch } from 'openid-client';
import { USER_AGENT } from '../calls.ts';
import { httpsAgent } from '../https-agent.ts';
import { type ServiceUrl, serviceUrl } from '../service-url.ts';

/** The largest answer that is read of a provider, in bytes. Ours: descriptions and tokens have a few kilobytes. */
const ANSWER_MAX_BYTES = 256 * 1024;

/** Statuses that have no body. */
const BODILESS = new Set([204, 205, 304]);

/** Why there was no answer, as a clause for the reader. Never quotes what was sent or received. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
}

/**
 * One request to the identity provider and how far it came. Its own HTTP client, because what matters is what the usual one hides: whether
 * the provider can have seen the request at all.
 */
export interface Exchange {
  readonly fetch: CustomFetch;
  /** The connection stood, so the provider may have acted. */
  isSent(): boolean;
  /** HTTP status of the answer; absent where none came. */
  status(): number | undefined;
}

/** Bounded by `timeoutMs` as a whole and ended by `signal`. HTTPS takes the way of every call: proxy and trust of the environment. */
export function createExchange(timeoutMs: number, signal: AbortSignal | undefined): Exchange {
  let sent = false;
  let status: number | undefined;

  function send(address: string, { method, headers, body }: Parameters<CustomFetch>[1]): Promise<Response> {
    const { url, agent } = wayTo(address);
    const { protocol, origin } = url;
    return new Promise((resolve, reject) => {
      const timeout = AbortSignal.timeout(timeoutMs);
      const fail = (error: NodeJS.ErrnoException) => reject(new ExchangeError(why(error, origin)));
      const why = (error: NodeJS.ErrnoException, host: string): string => {
        if (error instanceof ExchangeError) return error.message;
        if (signal?.aborted) return 'it was given up before an answer came';
        if (timeout.aborted) return `${host} did not answer within ${timeoutMs / 1000} s`;
        if (error.code === 'ERR_PROXY_TUNNEL') return error.message;
        return `the connection to ${host} failed (${error.code ?? error.name})`;
      };
      const request = (protocol === 'https:' ? https : http).request(new URL(address), {
        method,
        headers: { ...headers, 'user-agent': USER_AGENT },
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        agent,
      });
      request.on('error', fail);
      request.on('socket', (socket) => {
        const ready = () => {
          sent = true;
        };
        if (socket.connecting) socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', ready);
        else ready();
      });
      request.on('response', (response) => {
        status = response.statusCode;
        readText(response).then((text) => resolve(toResponse(response, text)), fail);
      });
      request.end(body === null || body === undefined ? undefined : String(body));
    });
  }

  // A thrown error must become a rejection: the library attaches its handlers to what is returned.
  return { fetch: async (address, options) => send(address, options), isSent: () => sent, status: () => status };
}

/** Also what the provider itself names as its endpoints must not take a token through the clear. Throws `ExchangeError`. */
function wayTo(address: string): { readonly url: ServiceUrl; readonly agent: http.Agent } {
  try {
    const url = serviceUrl(address);
    return { url, agent: url.protocol === 'http:' ? new http.Agent() : httpsAgent(url) };
  } catch (error) {
    throw new ExchangeError((error as Error).message);
  }
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_MAX_BYTES) throw new ExchangeError(`the answer is larger than ${ANSWER_MAX_BYTES / 1024} KiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Keeps the headers that mean something here: the library lets a challenge hide the error that stands in the body. */
function toResponse(response: http.IncomingMessage, text: string): Response {
  const status = response.statusCode ?? 502;
  const headers = new Headers({ 'content-type': response.headers['content-type'] ?? 'text/plain' });
  return new Response(BODILESS.has(status) ? null : withoutIdToken(text), { status, headers });
}

/**
 * Nothing is taken from an ID token, but the library would check it, by this machine's clock too: a refresh token that was just
 * rotated must not be lost over that.
 */
function withoutIdToken(text: string): string {
  if (!text.includes('"id_token"')) return text;
  try {
    const { id_token: _unused, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(rest);
  } catch {
    return text; // no JSON: the library says so
  }
}
