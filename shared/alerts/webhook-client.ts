import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup as resolveName } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { hostOf, whyRefusedAddress, whyRefusedUrl } from './sink-address.ts';

/** What came of one attempt. */
export type PostResult =
  /** The consumer answered; `status` is what it said, redirects included: none is followed. */
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Not sent: the address is one that alerts do not go to. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export interface WebhookClient {
  /** One POST; never throws. Ends within the time limit, whatever the consumer does. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<PostResult>;
}

/** All addresses of a name, as the system resolves it. */
export type ResolveAddresses = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface WebhookClientOptions {
  /** Ports on this machine that alerts never go to: the Lambda Runtime API, the extensions of AWS. */
  readonly reservedPorts: ReadonlySet<number>;
  readonly resolve?: ResolveAddresses;
  /** From the look-up to the status line. Default 10 s: a consumer answers first and works later. */
  readonly timeoutMs?: number;
}

const POST_TIMEOUT_MS = 10_000;
/** The answer's body says nothing that we use: so much is read to let a polite consumer finish its answer, then the connection goes. */
const ANSWER_MAX_BYTES = 1024;
const ANSWER_READ_MS = 500;

/** Carried out of the look-up, to tell "we do not go there" from "the name does not resolve". */
class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

const resolveAll: ResolveAddresses = (hostname) => resolveName(hostname, { all: true });

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/**
 * The look-up of one connection: the addresses that are checked are the ones that are connected to. One address out of bounds
 * refuses the whole name, because a name that points inside and outside is not to be trusted.
 */
function checkedLookup(url: string, resolve: ResolveAddresses) {
  return (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
    resolve(hostname).then(
      (addresses) => {
        const reason = addresses.map(({ address }) => whyRefusedAddress(url, address)).find((text) => text !== undefined);
        const [first] = addresses;
        if (reason !== undefined) callback(new AddressRefusedError(reason), []);
        else if (first === undefined) callback(new Error(`${hostname} has no address`), []);
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, []),
    );
  };
}

/** `Retry-After` in seconds, from either of its two forms; `undefined` where there is none that makes sense. */
function retryAfterSeconds(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}

/** The code where there is one: messages of the system can carry what was being sent. */
function failureText(error: Error & { readonly code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.message.slice(0, 200);
}

/** Lets the answer end by itself if it is short and quick, else ends it. */
function discard(response: http.IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const timer = setTimeout(() => response.destroy(), ANSWER_READ_MS);
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX_BYTES) response.destroy();
    });
    response.on('error', () => response.destroy());
    response.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export function createWebhookClient({
  reservedPorts,
  resolve = resolveAll,
  timeoutMs = POST_TIMEOUT_MS,
}: WebhookClientOptions): WebhookClient {
  function whyRefused(url: string): string | undefined {
    const reason = whyRefusedUrl(url, reservedPorts);
    if (reason !== undefined) return reason;
    // An address that stands in the URL is connected to without a look-up.
    const host = hostOf(new URL(url));
    return isIP(host) === 0 ? undefined : whyRefusedAddress(url, host);
  }

  function send(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<PostResult> {
    return new Promise((settle) => {
      const target = new URL(url);
      const request = (target.protocol === 'https:' ? https : http).request(target, {
        method: 'POST',
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        lookup: checkedLookup(url, resolve),
        // A connection of its own: none that another process-wide setting (a proxy) or an earlier answer has shaped.
        agent: false,
      });
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      request.on('response', (response) => {
        clearTimeout(timer);
        const seconds = retryAfterSeconds(response.headers['retry-after'], Date.now());
        const result: PostResult = {
          kind: 'answered',
          status: response.statusCode ?? 0,
          ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
        };
        void discard(response).then(() => settle(result));
      });
      request.on('error', (error) => {
        clearTimeout(timer);
        settle(
          error instanceof AddressRefusedError
            ? { kind: 'refused', reason: error.message }
            : { kind: 'failed', reason: failureText(error) },
        );
      });
      request.end(body);
    });
  }

  return {
    async post(url, headers, body) {
      const reason = whyRefused(url);
      return reason === undefined ? send(url, headers, body) : { kind: 'refused', reason };
    },
  };
}
