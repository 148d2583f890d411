import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { isProtocolMismatch, RETRY_AFTER_MAX_MS, toErrorMeaning } from '../../../shared/safedep/error-meaning.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../../shared/safedep/generated/google/rpc/error_details_pb.js';

const NOW_MS = Date.parse('2026-01-02T03:04:05Z');

/** An error as the transport makes it of what the service sent. */
function wireError(
  message: string,
  code: Code,
  { metadata = {}, details = [] as { type: string; value: Uint8Array }[] } = {},
): ConnectError {
  const error = new ConnectError(message, code, metadata);
  error.isWireError = true;
  error.details = details;
  return error;
}

function detail<D extends DescMessage>(schema: D, init: MessageInitShape<D>) {
  return { type: schema.typeName, value: toBinary(schema, create(schema, init)) };
}

describe('what the service’s codes mean', () => {
  it.each([
    [Code.NotFound, 'not-analysed'],
    [Code.ResourceExhausted, 'throttled'],
    [Code.Unavailable, 'retry'],
    [Code.Aborted, 'retry'],
    [Code.DeadlineExceeded, 'retry'],
    [Code.Canceled, 'retry'],
    [Code.Internal, 'retry'],
    [Code.Unknown, 'retry'],
    [Code.InvalidArgument, 'refused'],
    [Code.OutOfRange, 'refused'],
    [Code.FailedPrecondition, 'refused'],
    [Code.AlreadyExists, 'refused'],
    [Code.Unauthenticated, 'credentials'],
    [Code.PermissionDenied, 'credentials'],
    [Code.Unimplemented, 'incompatible'],
    [Code.DataLoss, 'incompatible'],
    [99 as Code, 'retry'],
  ] as const)('code %i is %s', (code, meaning) => {
    const found = toErrorMeaning(wireError('the text', code), NOW_MS);
    expect(found.meaning).toBe(meaning);
    expect(found.reason).toMatch(meaning === 'not-analysed' ? /does not know this package version/ : /: the text( \(.*\))?$/);
  });

  it('takes the tenant that production does not know, which comes as Unknown, for a wrong credential', () => {
    expect(toErrorMeaning(wireError('failed to resolve tenant: record not found', Code.Unknown), NOW_MS)).toEqual({
      meaning: 'credentials',
      errorClass: 'sign-in',
      code: 'Unknown',
      reason: expect.stringMatching(
        /^SafeDep does not know the tenant: failed to resolve tenant: record not found \(`npm run cli -- auth whoami`/,
      ),
    });
  });

  it('quotes the service on one line and not at length', () => {
    const { reason } = toErrorMeaning(wireError(`a\nb${'x'.repeat(5000)}`, Code.Internal), NOW_MS);
    expect(reason).toContain('a b');
    expect(reason.length).toBeLessThan(260);
  });
});

describe('typed details', () => {
  const info = (reason: string, metadata: Record<string, string> = {}) => [detail(ErrorInfoSchema, { reason, metadata })];

  it.each([
    [Code.PermissionDenied, info('entitlement_not_available'), 'credentials'],
    [Code.ResourceExhausted, info('quota_exceeded', { reason: 'feature_not_available' }), 'credentials'],
    [Code.ResourceExhausted, info('quota_exceeded', { reason: 'limit_reached' }), 'throttled'],
    [Code.PermissionDenied, info('quota_exceeded', { reason: 'limit_reached' }), 'throttled'],
    [Code.PermissionDenied, info('SOMETHING_NEWER'), 'credentials'],
    [Code.ResourceExhausted, info('SOMETHING_NEWER'), 'throttled'],
  ] as const)('code %i with %j is %s', (code, details, meaning) => {
    expect(toErrorMeaning(wireError('service execution failed', code, { details: [...details] }), NOW_MS).meaning).toBe(meaning);
  });

  it('says so when the plan lacks a feature', () => {
    const error = wireError('x', Code.PermissionDenied, { details: info('ENTITLEMENT_NOT_AVAILABLE') });
    expect(toErrorMeaning(error, NOW_MS).reason).toMatch(/plan does not include/);
  });

  it('survives a detail that is no protobuf', () => {
    const details = [{ type: ErrorInfoSchema.typeName, value: new Uint8Array([255, 255, 255]) }];
    expect(toErrorMeaning(wireError('x', Code.ResourceExhausted, { details }), NOW_MS).meaning).toBe('throttled');
  });
});

describe('how long to wait', () => {
  const waitOf = (retryAfter: string) =>
    toErrorMeaning(wireError('x', Code.ResourceExhausted, { metadata: { 'retry-after': retryAfter } }), NOW_MS).retryAfterMs;

  it.each([
    ['2', 2_000],
    ['0.25', 250],
    ['0', 0],
    ['-5', 0],
    ['315360000', RETRY_AFTER_MAX_MS],
    ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('Retry-After %j is %j ms', (header, expected) => {
    expect(waitOf(header)).toBe(expected);
  });

  it('believes RetryInfo before the header', () => {
    const details = [detail(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } })];
    const error = wireError('x', Code.Unavailable, { details, metadata: { 'retry-after': '9' } });
    expect(toErrorMeaning(error, NOW_MS).retryAfterMs).toBe(1_500);
  });

  it('is absent where the service says nothing', () => {
    expect(toErrorMeaning(wireError('x', Code.ResourceExhausted), NOW_MS)).not.toHaveProperty('retryAfterMs');
  });
});

describe('errors that no service sent', () => {
  it.each([
    ['HTTP 429', Code.Unavailable, 'throttled'],
    ['HTTP 401', Code.Unauthenticated, 'credentials'],
    ['HTTP 403', Code.PermissionDenied, 'credentials'],
    ['HTTP 404', Code.Unimplemented, 'incompatible'],
    ['HTTP 415', Code.Unknown, 'incompatible'],
    ['HTTP 503', Code.Unavailable, 'retry'],
    ['HTTP 500', Code.Unknown, 'retry'],
    // Connect reports JSON that it cannot read so; the question itself was not refused.
    ['cannot decode message', Code.InvalidArgument, 'retry'],
    ['protocol error: missing output message for unary method', Code.Unimplemented, 'retry'],
    ['unsupported content type text/html', Code.Unknown, 'retry'],
    ['', Code.DeadlineExceeded, 'retry'],
    ['', Code.Canceled, 'retry'],
  ] as const)('%j with code %i is %s', (message, code, meaning) => {
    expect(toErrorMeaning(new ConnectError(message, code), NOW_MS).meaning).toBe(meaning);
  });

  it('takes whatever else is thrown for something to try again', () => {
    expect(toErrorMeaning(new URIError('URI malformed'), NOW_MS).meaning).toBe('retry');
    expect(toErrorMeaning('a string', NOW_MS).meaning).toBe('retry');
  });
});

describe('isProtocolMismatch', () => {
  it.each([
    'HTTP 404',
    'HTTP 415',
    'HTTP 464',
    'HTTP 505',
    'HTTP 400',
    'unsupported content type text/html',
    'protocol error: missing status',
  ])('finds it in %s', (message) => {
    expect(isProtocolMismatch(new ConnectError(message, Code.Unknown))).toBe(true);
  });

  it.each(['HTTP 503', 'HTTP 429', 'HTTP 403', 'read ECONNRESET'])('does not find it in %s: another protocol would not help', (message) => {
    expect(isProtocolMismatch(new ConnectError(message, Code.Unknown))).toBe(false);
  });

  it('finds it in a method that is not served, because a gateway of gRPC alone says so', () => {
    expect(isProtocolMismatch(wireError('unknown service', Code.Unimplemented))).toBe(true);
  });

  it('does not find it in any other error of the service, whatever its text', () => {
    expect(isProtocolMismatch(wireError('HTTP 404', Code.Internal))).toBe(false);
  });
});
