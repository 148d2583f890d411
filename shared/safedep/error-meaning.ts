import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from './generated/google/rpc/error_details_pb.js';
import { toOneLine } from './one-line.ts';

/**
 * What a failed call means for the caller.
 *
 * - `not-analysed`: the service does not know this package version. Never the same as benign.
 * - `throttled`: the limiter must be told; ask again later, with a new permit.
 * - `retry`: ask again later, with a new permit. Nothing in the client retries by itself.
 * - `credentials`: key, token, tenant or plan is wrong; asking again with the same does not help.
 * - `refused`: this question is wrong; asking it again does not help.
 * - `incompatible`: client and service do not speak the same protocol; a person must look.
 */
type FailureMeaning = 'not-analysed' | 'throttled' | 'retry' | 'credentials' | 'refused' | 'incompatible';

export interface ErrorMeaning {
  readonly meaning: FailureMeaning;
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

/** What production answers, with code Unknown, for a tenant that does not exist. */
const UNKNOWN_TENANT = /failed to resolve tenant/i;

/** HTTP statuses of a server or proxy that does not serve the protocol that it was asked in. */
const PROTOCOL_STATUSES = new Set([404, 405, 406, 411, 415, 421, 426, 464, 501, 505]);

/**
 * Reads an error of a call. The code decides only where the service itself sent it; an error that came up on the way (garbage, an
 * edge's HTML page, a broken connection) also has a code, which says nothing about the question that was asked.
 *
 * @param nowMs epoch milliseconds: for a `Retry-After` that names a date.
 */
export function toErrorMeaning(error: unknown, nowMs: number): ErrorMeaning {
  const connectError = ConnectError.from(error);
  const found = connectError.isWireError ? meaningOfCode(connectError) : meaningOfBreakdown(connectError);
  const retryAfterMs = readRetryAfterMs(connectError, nowMs);
  return {
    ...found,
    code: Code[connectError.code] ?? `code ${connectError.code}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

interface Found {
  readonly meaning: FailureMeaning;
  readonly reason: string;
}

/** One case for each canonical code, as the service sent it. */
function meaningOfCode(error: ConnectError): Found {
  const quote = quoted(error.rawMessage);
  const detail = readErrorInfo(error);
  switch (error.code) {
    case Code.NotFound:
      return { meaning: 'not-analysed', reason: 'SafeDep does not know this package version' };
    case Code.ResourceExhausted:
      if (isEntitlement(detail)) return missingEntitlement(quote);
      return { meaning: 'throttled', reason: `SafeDep refuses more calls for now${quote}` };
    case Code.Unauthenticated:
      return { meaning: 'credentials', reason: `SafeDep does not accept the credential${quote}` };
    case Code.PermissionDenied:
      if (detail === 'quota_exceeded' || detail === 'limit_reached')
        return { meaning: 'throttled', reason: `SafeDep's allowance is used up${quote}` };
      if (isEntitlement(detail)) return missingEntitlement(quote);
      return { meaning: 'credentials', reason: `SafeDep does not allow this call with this credential${quote}` };
    case Code.InvalidArgument:
    case Code.OutOfRange:
    case Code.FailedPrecondition:
    case Code.AlreadyExists:
      return { meaning: 'refused', reason: `SafeDep refuses the request${quote}` };
    case Code.Unimplemented:
      return { meaning: 'incompatible', reason: `SafeDep does not serve this method here${quote}` };
    case Code.DataLoss:
      return { meaning: 'incompatible', reason: `SafeDep reports lost data${quote}` };
    case Code.Unknown:
      if (UNKNOWN_TENANT.test(error.rawMessage)) return { meaning: 'credentials', reason: `SafeDep does not know the tenant${quote}` };
      return { meaning: 'retry', reason: `SafeDep failed without saying how${quote}` };
    case Code.DeadlineExceeded:
      return { meaning: 'retry', reason: `SafeDep ran out of time${quote}` };
    case Code.Unavailable:
      return { meaning: 'retry', reason: `SafeDep is not available${quote}` };
    default: // Aborted, Canceled, Internal, and codes that do not exist yet
      return { meaning: 'retry', reason: `SafeDep failed (${Code[error.code] ?? error.code})${quote}` };
  }
}

/** An error that no service sent: the way there, an edge in front of it, or an answer that cannot be read. */
function meaningOfBreakdown(error: ConnectError): Found {
  const quote = quoted(error.rawMessage);
  const status = httpStatus(error);
  if (status === 429) return { meaning: 'throttled', reason: 'the edge in front of SafeDep refuses more calls for now (HTTP 429)' };
  if (status === 401 || status === 403) {
    return { meaning: 'credentials', reason: `the edge in front of SafeDep refuses the call (HTTP ${status})` };
  }
  if (status !== undefined && PROTOCOL_STATUSES.has(status)) {
    return { meaning: 'incompatible', reason: `the server does not serve SafeDep's API in this protocol (HTTP ${status})` };
  }
  if (status !== undefined) return { meaning: 'retry', reason: `SafeDep is not available (HTTP ${status})` };
  if (error.code === Code.DeadlineExceeded) return { meaning: 'retry', reason: 'SafeDep did not answer in time' };
  if (error.code === Code.Canceled) return { meaning: 'retry', reason: 'the call was given up before SafeDep answered' };
  if (systemCodes(error).length > 0 || error.code === Code.Unavailable || error.code === Code.Aborted)
    return { meaning: 'retry', reason: `the connection to SafeDep failed${quote}` };
  return { meaning: 'retry', reason: `the answer cannot be read${quote}` };
}

/**
 * Whether an error says that the server, or something before it, does not speak the protocol of the call: no HTTP/2, no gRPC.
 * Only then another protocol can help.
 */
export function isProtocolMismatch(error: unknown): boolean {
  if (!(error instanceof ConnectError) || error.isWireError) return false;
  const status = httpStatus(error);
  if (status !== undefined) return status === 400 || PROTOCOL_STATUSES.has(status);
  if (/^unsupported content type|^protocol error: missing|HTTP_1_1_REQUIRED/.test(error.rawMessage)) return true;
  return systemCodes(error).some((code) => code === 'ERR_HTTP2_ERROR' || code.endsWith('NO_APPLICATION_PROTOCOL'));
}

/** Node's codes of what caused an error: only a socket, a name or TLS has any. */
function systemCodes(error: ConnectError): string[] {
  const codes: string[] = [];
  for (let cause: unknown = error.cause; cause instanceof Error && codes.length < 8; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') codes.push(cause.code);
  }
  return codes;
}

/** The list of reasons is open: an unknown one leaves the decision to the code. */
function isEntitlement(detail: string | undefined): boolean {
  return detail === 'feature_not_available' || detail === 'entitlement_not_available';
}

function missingEntitlement(quote: string): Found {
  return { meaning: 'credentials', reason: `the tenant's SafeDep plan does not include this${quote}` };
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

/** SafeDep's own reason of the detail `google.rpc.ErrorInfo`: the finer of metadata `reason` and `reason`, lower case. */
function readErrorInfo(error: ConnectError): string | undefined {
  const info = error.findDetails(ErrorInfoSchema)[0];
  const reason = info?.metadata['reason'] || info?.reason;
  return reason ? reason.toLowerCase() : undefined;
}

function readRetryAfterMs(error: ConnectError, nowMs: number): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay) return clampWait(Number(delay.seconds) * 1000 + delay.nanos / 1e6);
  const header = error.metadata.get('retry-after')?.trim();
  if (!header) return undefined;
  if (/^-?\d+(\.\d+)?$/.test(header)) return clampWait(Number(header) * 1000);
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : clampWait(dateMs - nowMs);
}

function clampWait(milliseconds: number): number {
  return Math.min(Math.max(Math.ceil(milliseconds), 0), RETRY_AFTER_MAX_MS);
}
