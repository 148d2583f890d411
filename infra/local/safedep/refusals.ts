import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '#safedep-api/google/rpc/error_details_pb.js';

/** SafeDep's refusals, with the codes and texts that were seen of it. What was not seen is ours, in the same manner. */

/** A credential that is not known, is expired, or was taken back; also a good sign-in of somebody who is not registered. */
export function noUser(): ConnectError {
  return new ConnectError('Token auth failed: No user: record not found', Code.Unauthenticated);
}

/** A tenant that does not exist, or none. The code is production's. */
export function noTenant(): ConnectError {
  return new ConnectError('failed to resolve tenant: record not found', Code.Unknown);
}

export function rateLimited(): ConnectError {
  return new ConnectError('rate limit exceeded', Code.ResourceExhausted);
}

/** SafeDep's text around every error that says more in its details. */
const TYPED = 'service execution failed';

/** SafeDep's own detail of errors. Its field numbers are not known, so that it travels in JSON only. */
const ERROR_DETAIL = 'safedep.messages.error.v1.ErrorDetail';

/** The tenant's plan lacks a feature. */
export function missingEntitlement(): ConnectError {
  return typed(Code.PermissionDenied, 'entitlement_not_available', 'feature_not_available');
}

/** The tenant's allowance of calls of a method is used up. */
export function quotaExceeded(retryAfterSeconds: number): ConnectError {
  const error = typed(Code.ResourceExhausted, 'quota_exceeded', 'limit_reached');
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: { seconds: BigInt(retryAfterSeconds) } } });
  return error;
}

function typed(code: Code, reason: string, finer: string): ConnectError {
  const error = new ConnectError(TYPED, code);
  error.details.push(
    { desc: ErrorInfoSchema, value: { reason, domain: 'stand-in.safedep.example', metadata: { reason: finer } } },
    { type: ERROR_DETAIL, value: new Uint8Array(), debug: { reason: `ERROR_REASON_${reason.toUpperCase()}` } },
  );
  return error;
}

export function invalid(field: string, why: string): ConnectError {
  return new ConnectError(`${field}: ${why}`, Code.InvalidArgument);
}

export function notFound(what: string): ConnectError {
  return new ConnectError(`${what}: record not found`, Code.NotFound);
}
