import { Code, ConnectError } from '@connectrpc/connect';
import { readErrorDetails } from './error-details.ts';
import { type ErrorClass, errorEntry, type MethodKind } from './error-table.ts';
import { toOneLine } from './one-line.ts';

/**
 * What a failed call means for the caller: `ErrorClass` in as few kinds as a pipeline treats differently.
 *
 * - `not-analysed`: the service does not know this package version, or this report session. Never the same as benign.
 * - `throttled`: the limiter must be told; ask again later, with a new permit.
 * - `retry`: ask again later, with a new permit. Nothing in the client retries by itself.
 * - `credentials`: key, token, tenant or plan is wrong; asking again with the same does not help.
 * - `refused`: this question is wrong; asking it again does not help.
 * - `incompatible`: client and service do not speak the same protocol; a person must look.
 */
type FailureMeaning = 'not-analysed' | 'throttled' | 'retry' | 'credentials' | 'refused' | 'incompatible';

const MEANING_OF: Readonly<Record<ErrorClass, FailureMeaning>> = {
  retry: 'retry',
  wait: 'throttled',
  park: 'throttled',
  'missing-entitlement': 'credentials',
  'sign-in': 'credentials',
  'fix-request': 'refused',
  'not-analysed': 'not-analysed',
  'not-found': 'refused',
  incompatible: 'incompatible',
};

/** An error of a call with the kind of its method. A bare error is a look-up's. */
export class MethodError extends Error {
  override readonly name = 'MethodError';
  readonly methodKind: MethodKind;

  constructor(methodKind: MethodKind, cause: unknown) {
    super('the call failed', { cause });
    this.methodKind = methodKind;
  }
}

export interface ErrorMeaning {
  readonly meaning: FailureMeaning;
  /** The same, finer: for metrics and for people; where a client says otherwise, the meaning counts. Absent where no error was read. */
  readonly errorClass?: ErrorClass;
  /** Name of the canonical code, `ResourceExhausted`. */
  readonly code: string;
  /** One sentence for the reader, without a trailing full stop. Quotes the service, cut at `QUOTE_MAX_CHARACTERS`. */
  readonly reason: string;
  /** What the service asks to wait, in milliseconds, at most `RETRY_AFTER_MAX_MS`; absent where it says nothing usable. */
  readonly retryAfterMs?: number;
}

/** How much of the service's own text is shown. Ours: enough for a sentence, too little for a page of HTML. */
const QUOTE_MAX_CHARACTERS = 200;

/** The longest wait that is taken from a service, in milliseconds. Ours: a hint of years must not switch anything off. */
export const RETRY_AFTER_MAX_MS = 60 * 60 * 1000;

/** A wait up to this is the rate's, a longer one an allowance's, in milliseconds. Ours: SafeDep's rates are per second. */
const RATE_WAIT_MAX_MS = 60_000;

/** OpenSSL's names, as Node gives them, of a certificate that nobody trusted has signed. */
const UNTRUSTED_CERTIFICATE = /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)/;

/** HTTP statuses of a server or proxy that does not serve the protocol that it was asked in. */
const PROTOCOL_STATUSES = new Set([404, 405, 406, 411, 415, 421, 426, 464, 501, 505]);

/**
 * Reads an error of a call. The code decides only where the service itself sent it; an error that came up on the way (garbage, an
 * edge's HTML page, a broken connection) also has a code, which says nothing about the question that was asked.
 *
 * @param nowMs epoch milliseconds: for a `Retry-After` that names a date.
 */
export function toErrorMeaning(error: unknown, nowMs: number): ErrorMeaning {
  const [cause, methodKind] = error instanceof MethodError ? [error.cause, error.methodKind] : [error, 'look-up' as const];
  const connectError = ConnectError.from(cause);
  const details = readErrorDetails(connectError);
  const retryAfterMs = details.retryDelayMs === undefined ? readRetryAfterMs(connectError, nowMs) : clampWait(details.retryDelayMs);
  const rest = { code: Code[connectError.code] ?? `code ${connectError.code}`, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (!connectError.isWireError) {
    const { errorClass, reason } = breakdownOf(connectError);
    return { meaning: MEANING_OF[errorClass], errorClass, reason, ...rest };
  }
  const { errorClass: known, says, advice } = errorEntry(connectError.code, connectError.rawMessage, details.reasons, methodKind);
  let errorClass = known;
  if (known === 'wait' && details.hasQuotaFailure && retryAfterMs === undefined) errorClass = 'park';
  if (known === 'park' && retryAfterMs !== undefined && retryAfterMs <= RATE_WAIT_MAX_MS) errorClass = 'wait';
  // Who sends a report begins another session for this, as for a package version it does not mean that the request was wrong.
  const meaning = errorClass === 'not-found' && methodKind === 'session' ? 'not-analysed' : MEANING_OF[errorClass];
  const quote = errorClass === 'not-analysed' ? '' : quoted(connectError.rawMessage);
  return { meaning, errorClass, reason: `${says}${quote}${advice === undefined ? '' : ` (${advice})`}`, ...rest };
}

interface Breakdown {
  readonly errorClass: ErrorClass;
  readonly reason: string;
}

/** An error that no service sent: the way there, an edge in front of it, or an answer that cannot be read. */
function breakdownOf(error: ConnectError): Breakdown {
  const quote = quoted(error.rawMessage);
  const status = httpStatus(error);
  if (status === 429) return { errorClass: 'wait', reason: 'the edge in front of SafeDep refuses more calls for now (HTTP 429)' };
  if (status === 401 || status === 403) {
    return { errorClass: 'sign-in', reason: `the edge in front of SafeDep refuses the call (HTTP ${status})` };
  }
  if (status !== undefined && PROTOCOL_STATUSES.has(status)) {
    return { errorClass: 'incompatible', reason: `the server does not serve SafeDep's API in this protocol (HTTP ${status})` };
  }
  if (status !== undefined) return { errorClass: 'retry', reason: `SafeDep is not available (HTTP ${status})` };
  if (error.code === Code.DeadlineExceeded) return { errorClass: 'retry', reason: 'SafeDep did not answer in time' };
  if (error.code === Code.Canceled) return { errorClass: 'retry', reason: 'the call was given up before SafeDep answered' };
  if (systemCodes(error).some((code) => UNTRUSTED_CERTIFICATE.test(code))) {
    const advice = 'a proxy of yours that looks into TLS needs its certificate authority named in SAFEDEP_CA_FILE or NODE_EXTRA_CA_CERTS';
    return { errorClass: 'retry', reason: `the server cannot prove that it is SafeDep${quote} (${advice})` };
  }
  if (systemCodes(error).length > 0 || error.code === Code.Unavailable || error.code === Code.Aborted)
    return { errorClass: 'retry', reason: `the connection to SafeDep failed${quote}` };
  return { errorClass: 'retry', reason: `the answer cannot be read${quote}` };
}

/**
 * Whether an error says that the server, or something before it, does not speak the protocol of the call: no HTTP/2, no gRPC.
 * Only then another protocol can help.
 */
export function isProtocolMismatch(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  // A gateway that speaks gRPC and has no such service may still serve it as Connect.
  if (error.isWireError) return error.code === Code.Unimplemented;
  const status = httpStatus(error);
  if (status !== undefined) return status === 400 || PROTOCOL_STATUSES.has(status);
  if (/^unsupported content type|^protocol error: missing/.test(error.rawMessage)) return true;
  return systemCodes(error).some((code) => HTTP2_BREAKDOWNS.has(code) || code.endsWith('NO_APPLICATION_PROTOCOL'));
}

/** Node's codes, and ours of reset streams, that say HTTP/2 itself did not work: never those of a connection that only broke. */
const HTTP2_BREAKDOWNS = new Set([
  'ERR_HTTP2_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_RESET_PROTOCOL_ERROR',
  'ERR_HTTP2_RESET_REFUSED_STREAM',
  'ERR_HTTP2_RESET_INADEQUATE_SECURITY',
  'ERR_HTTP2_RESET_HTTP_1_1_REQUIRED',
]);

/** Node's codes of what caused an error: only a socket, a name or TLS has any. */
function systemCodes(error: ConnectError): string[] {
  const codes: string[] = [];
  for (let cause: unknown = error.cause; cause instanceof Error && codes.length < 8; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') codes.push(cause.code);
  }
  return codes;
}

/** The status of an answer that was no RPC answer at all. The transport keeps it in the text only. */
function httpStatus(error: ConnectError): number | undefined {
  const match = /^HTTP (\d{3})$/.exec(error.rawMessage);
  return match ? Number(match[1]) : undefined;
}

function quoted(text: string): string {
  const line = toOneLine(text, QUOTE_MAX_CHARACTERS);
  return line === '' ? '' : `: ${line}`;
}

function readRetryAfterMs(error: ConnectError, nowMs: number): number | undefined {
  const header = error.metadata.get('retry-after')?.trim();
  if (!header) return undefined;
  if (/^-?\d+(\.\d+)?$/.test(header)) return clampWait(Number(header) * 1000);
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : clampWait(dateMs - nowMs);
}

function clampWait(milliseconds: number): number {
  return Math.min(Math.max(Math.ceil(milliseconds), 0), RETRY_AFTER_MAX_MS);
}
