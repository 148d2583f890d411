import { create, type DescMessage, type JsonObject, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toAnswer } from '../../../shared/safedep/answer.ts';
import type { CallFailure } from '../../../shared/safedep/calls.ts';
import { type ErrorMeaning, MethodError, toErrorMeaning } from '../../../shared/safedep/error-meaning.ts';
import { ERROR_CLASSES, type ErrorClass, METHOD_KINDS, type MethodKind } from '../../../shared/safedep/error-table.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../../shared/safedep/generated/google/rpc/error_details_pb.js';

type Detail = { readonly type: string; readonly value: Uint8Array; readonly debug?: JsonObject };

const EMPTY = new Uint8Array();
const CODES = [...Array(17).keys(), 99] as Code[];

function typed<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Detail {
  return { type: schema.typeName, value: toBinary(schema, create(schema, init)) };
}

function inAny({ type, value, debug }: Detail): Detail {
  const wrapped = typed(AnySchema, { typeUrl: `type.googleapis.com/${type}`, value });
  return { ...wrapped, ...(debug && { debug: { '@type': `type.googleapis.com/${type}`, ...debug } }) };
}

/** An Any that stands in an Any has its JSON in the field `value`. */
function inAnyOfAny(detail: Detail): Detail {
  const once = inAny(detail);
  const twice = inAny({ type: once.type, value: once.value });
  return { ...twice, ...(once.debug && { debug: { '@type': 'type.googleapis.com/google.protobuf.Any', value: once.debug } }) };
}

const info = (reason: string, metadataReason?: string) =>
  typed(ErrorInfoSchema, { reason, metadata: metadataReason === undefined ? {} : { reason: metadataReason } });
/** SafeDep's own detail: its numbers are not known, so that its bytes say nothing to us. */
const own = (reason: string): Detail => ({
  type: 'safedep.messages.error.v1.ErrorDetail',
  value: new Uint8Array([8, 2]),
  debug: { reason: `ERROR_REASON_${reason}` },
});
const retryIn = (seconds: bigint) => typed(RetryInfoSchema, { retryDelay: { seconds } });
const QUOTA_FAILURE: Detail = { type: 'google.rpc.QuotaFailure', value: EMPTY };

function errorOf(code: Code, details: readonly Detail[], message = 'service execution failed'): ConnectError {
  const error = new ConnectError(message, code);
  error.isWireError = true;
  error.details = [...details];
  return error;
}

function meaningOf(code: Code, details: readonly Detail[], methodKind: MethodKind, message?: string): ErrorMeaning {
  return toErrorMeaning(new MethodError(methodKind, errorOf(code, details, message)), 0);
}

/** Written down once more, by hand: what each code means where no detail says more. */
const BY_CODE: Readonly<Record<number, ErrorClass>> = {
  0: 'retry',
  1: 'retry',
  2: 'retry',
  3: 'fix-request',
  4: 'retry',
  5: 'not-found',
  6: 'fix-request',
  7: 'sign-in',
  8: 'wait',
  9: 'fix-request',
  10: 'retry',
  11: 'fix-request',
  12: 'incompatible',
  13: 'retry',
  14: 'retry',
  15: 'incompatible',
  16: 'sign-in',
  99: 'retry',
};

/** What each set of details means whatever the code; `undefined` where the code decides. */
const DETAILS: readonly (readonly [name: string, details: readonly Detail[], expected: ErrorClass | undefined])[] = [
  ['none', [], undefined],
  ['ErrorInfo entitlement_not_available', [info('entitlement_not_available')], 'missing-entitlement'],
  ['ErrorInfo quota_exceeded', [info('quota_exceeded')], 'park'],
  ['ErrorInfo quota_exceeded, limit_reached', [info('quota_exceeded', 'limit_reached')], 'park'],
  ['ErrorInfo quota_exceeded, feature_not_available', [info('quota_exceeded', 'feature_not_available')], 'missing-entitlement'],
  ['ErrorInfo derived SUBSCRIPTION_PAST_DUE', [info('SUBSCRIPTION_PAST_DUE')], 'missing-entitlement'],
  ['ErrorInfo of a newer reason', [info('SOMETHING_NEWER', 'something_newer')], undefined],
  ['ErrorInfo that is no protobuf', [{ type: ErrorInfoSchema.typeName, value: new Uint8Array([255, 255]) }], undefined],
  ['ErrorDetail ENTITLEMENT_NOT_AVAILABLE', [own('ENTITLEMENT_NOT_AVAILABLE')], 'missing-entitlement'],
  ['ErrorDetail QUOTA_EXCEEDED', [own('QUOTA_EXCEEDED')], 'park'],
  ['ErrorDetail PAYMENT_METHOD_REQUIRED', [own('PAYMENT_METHOD_REQUIRED')], 'missing-entitlement'],
  ['ErrorDetail PAYMENT_DECLINED', [own('PAYMENT_DECLINED')], 'missing-entitlement'],
  ['ErrorDetail of a newer reason', [own('SOMETHING_NEWER')], undefined],
  ['ErrorDetail without JSON, with its derived ErrorInfo', [{ ...own('x'), debug: {} }, info('quota_exceeded')], 'park'],
  ['ErrorDetail before its ErrorInfo', [info('quota_exceeded'), own('ENTITLEMENT_NOT_AVAILABLE')], 'missing-entitlement'],
  ['ErrorDetail in an Any', [inAny(own('QUOTA_EXCEEDED'))], 'park'],
  ['ErrorDetail in an Any in an Any', [inAnyOfAny(own('QUOTA_EXCEEDED'))], 'park'],
  ['ErrorInfo in an Any in an Any', [inAnyOfAny(info('entitlement_not_available'))], 'missing-entitlement'],
  ['quota_exceeded beside QuotaFailure', [QUOTA_FAILURE, info('quota_exceeded')], 'park'],
  ['quota_exceeded, to be asked again in a second', [info('quota_exceeded'), retryIn(1n)], 'wait'],
  ['quota_exceeded, to be asked again in a day', [info('quota_exceeded'), retryIn(86_400n)], 'park'],
  ['RetryInfo alone', [retryIn(1n)], undefined],
];

const OF_PROJECTS = [
  'PROJECT_NOT_SCANNABLE',
  'GITHUB_INSTALLATION_LINK_CONFLICT',
  'GITHUB_INSTALLATION_NOT_ACCESSIBLE',
  'GITHUB_INSTALLATION_SUSPENDED',
  'GITHUB_REAUTHORIZATION_REQUIRED',
  'GITHUB_REPOSITORY_NOT_ACCESSIBLE',
];

function byCode(code: Code, methodKind: MethodKind): ErrorClass | undefined {
  return code === Code.NotFound && methodKind === 'look-up' ? 'not-analysed' : BY_CODE[code];
}

/** What a failed look-up leaves of a package version: never a known check, never a fact. */
function expectNotClean({ meaning, ...rest }: ErrorMeaning): void {
  const failure: CallFailure = { kind: meaning, ...rest };
  const { checks, facts } = toAnswer(failure, failure);
  for (const { state } of [checks.vulnerabilities, checks.malware]) {
    expect(state).not.toBe('known');
  }
  expect(facts).toEqual({});
}

describe.each(METHOD_KINDS)('the error table for %s methods', (methodKind) => {
  it.each(CODES)('gives code %i with every detail its documented class', (code) => {
    for (const [name, details, expected] of DETAILS) {
      const found = meaningOf(code, details, methodKind);
      expect([name, found.errorClass]).toEqual([name, expected ?? byCode(code, methodKind)]);
      expect(ERROR_CLASSES).toContain(found.errorClass);
      expect(found.reason).not.toMatch(/undefined|\n/);
      expectNotClean(found);
    }
  });

  it.each(CODES)('reads reasons of projects with code %i where a project is asked for, and nowhere else', (code) => {
    for (const reason of OF_PROJECTS) {
      const expected = methodKind === 'look-up' ? byCode(code, methodKind) : 'fix-request';
      expect(meaningOf(code, [own(reason)], methodKind).errorClass).toBe(expected);
    }
  });

  it('calls a thing not analysed only where SafeDep itself does not know it', () => {
    for (const code of CODES) {
      for (const [, details, expected] of DETAILS) {
        const mayBe = code === Code.NotFound && expected === undefined && (methodKind === 'look-up' || methodKind === 'session');
        expect(meaningOf(code, details, methodKind).meaning === 'not-analysed').toBe(mayBe);
      }
    }
  });

  it('never makes anything clean of details that nobody has seen', () => {
    const detail = fc.record({
      type: fc.constantFrom(AnySchema.typeName, ErrorInfoSchema.typeName, 'safedep.messages.error.v1.ErrorDetail', 'x.Y'),
      value: fc.uint8Array({ maxLength: 40 }),
      debug: fc.option(fc.jsonValue(), { nil: undefined }),
    });
    void fc.assert(
      fc.property(fc.constantFrom(...CODES), fc.array(detail, { maxLength: 4 }), fc.string(), (code, details, message) => {
        const found = meaningOf(code, details as Detail[], methodKind, message);
        expect(ERROR_CLASSES).toContain(found.errorClass);
        if (code !== Code.NotFound) expect(found.meaning).not.toBe('not-analysed');
        if (methodKind === 'look-up') expectNotClean(found);
      }),
    );
  });
});

describe('a quota that nothing else is said of', () => {
  it('is an allowance, unless the service says when to come back', () => {
    expect(meaningOf(Code.ResourceExhausted, [QUOTA_FAILURE], 'look-up').errorClass).toBe('park');
    expect(meaningOf(Code.ResourceExhausted, [QUOTA_FAILURE, retryIn(1n)], 'look-up')).toMatchObject({
      errorClass: 'wait',
      retryAfterMs: 1_000,
    });
  });
});

describe('what SafeDep’s troubleshooting page is about', () => {
  it.each([
    [Code.Unauthenticated, 'Token auth failed: No user: record not found', 'control-plane', /auth login` registers/],
    [Code.Unauthenticated, 'Token auth failed: No user: record not found', 'look-up', /key list/],
    [Code.NotFound, 'user not found', 'control-plane', /auth login` registers/],
    [Code.Unknown, 'failed to resolve tenant: record not found', 'look-up', /auth whoami/],
    [Code.NotFound, 'tenant not found', 'look-up', /auth whoami/],
    [
      Code.Unauthenticated,
      'Token auth failed: an API key is not accepted here',
      'control-plane',
      /takes a sign-in, not an API key.*auth login/,
    ],
    [Code.Unauthenticated, 'Token auth failed: token is expired', 'data-plane', /has expired.*auth login/],
    [Code.Unauthenticated, 'something else', 'look-up', /auth verify/],
    [Code.PermissionDenied, 'owner role required', 'control-plane', /auth whoami/],
  ] as const)('code %i, %j of a %s method names our command', (code, message, methodKind, reason) => {
    const found = meaningOf(code, [], methodKind, message);
    expect(found).toMatchObject({ meaning: 'credentials', errorClass: 'sign-in', reason: expect.stringMatching(reason) });
    expect(found.reason).toContain(`: ${message} (`);
  });
});
