import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LOOKUP_BATCH_MAX_PACKAGES,
  type LookupBatch,
  MESSAGE_MAX_BYTES,
  MessageError,
  parseEvaluation,
  parseLookupBatch,
  parsePushHint,
  toBatches,
} from '../../../shared/messages/queue-messages.ts';
import { PACKAGE_NAME_MAX_CHARACTERS, PACKAGE_VERSION_MAX_CHARACTERS } from '../../../shared/model/package-version.ts';

const REF = { tenant: 'default', forge: 'github', host: 'github.com', repositoryId: '1', ref: 'refs/heads/main' } as const;
const packageVersion = fc.record({
  ecosystem: fc.constantFrom('NPM' as const, 'GO' as const),
  name: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  version: fc.string({ minLength: 1, maxLength: 20 }),
});
const bodyOf = (packages: LookupBatch['packages'], ref: string): string =>
  JSON.stringify({
    version: 1,
    kind: 'lookups',
    lane: 'background',
    scan: { ref: { ...REF, ref }, generation: Number.MAX_SAFE_INTEGER, batchNumber: 100_000 },
    packages,
  } satisfies LookupBatch);

describe('toBatches', () => {
  it('cuts without loss, without change of order, and never into an empty batch', () => {
    fc.assert(
      fc.property(fc.array(packageVersion, { maxLength: 300 }), (packages) => {
        const batches = toBatches(packages);
        expect(batches.flat()).toEqual(packages);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(LOOKUP_BATCH_MAX_PACKAGES);
        }
      }),
    );
  });

  it('fills every batch but the last, so that equal snapshots have equal numbers', () => {
    const packages = Array.from(
      { length: 20_000 },
      (_, index) => ({ ecosystem: 'NPM', name: `package-${index}`, version: '1.0.0' }) as const,
    );
    const batches = toBatches(packages);
    expect(batches).toHaveLength(Math.ceil(20_000 / LOOKUP_BATCH_MAX_PACKAGES));
  });

  it('keeps every message below its limit, with the longest names in their longest spelling', () => {
    const worst = { name: '\u0001'.repeat(PACKAGE_NAME_MAX_CHARACTERS), version: '\u0001'.repeat(PACKAGE_VERSION_MAX_CHARACTERS) };
    const packages = Array.from({ length: 200 }, () => ({ ecosystem: 'GITHUB_ACTIONS', ...worst }) as const);
    for (const batch of toBatches(packages))
      expect(Buffer.byteLength(bodyOf(batch, 'r'.repeat(4096)))).toBeLessThanOrEqual(MESSAGE_MAX_BYTES);
  });

  it('cuts by size where 64 packages are too much', () => {
    const packages = Array.from({ length: 10 }, () => ({ ecosystem: 'NPM', name: 'n'.repeat(50_000), version: '1' }) as const);
    const batches = toBatches(packages);
    expect(batches.map((batch) => batch.length)).toEqual([3, 3, 3, 1]);
    for (const batch of batches) expect(Buffer.byteLength(bodyOf(batch, 'main'))).toBeLessThanOrEqual(MESSAGE_MAX_BYTES);
  });
});

describe('a message', () => {
  it('comes back from its text as it was, whatever a name or a ref holds', () => {
    fc.assert(
      fc.property(fc.array(packageVersion, { maxLength: 5 }), fc.string({ unit: 'binary' }), (packages, ref) => {
        const parsed = parseLookupBatch(bodyOf(packages, `${ref}\uffff`));
        expect(parsed.packages).toEqual(packages);
        expect(parsed.scan?.ref.ref).toBe(`${ref}\uffff`);
      }),
    );
  });

  it.each([
    ['what is not JSON', '{', 'the body is not JSON'],
    ['another version', JSON.stringify({ version: 2, kind: 'lookups', lane: 'live', packages: [] }), 'version'],
    ['another kind', JSON.stringify({ version: 1, kind: 'push', lane: 'live', packages: [] }), 'kind'],
    ['an unknown lane', JSON.stringify({ version: 1, kind: 'lookups', lane: 'fast', packages: [] }), 'lane'],
    [
      'an unknown ecosystem',
      JSON.stringify({ version: 1, kind: 'lookups', lane: 'live', packages: [{ ecosystem: 'toString', name: 'a', version: '1' }] }),
      'packages.0.ecosystem',
    ],
    ['no object at all', 'null', 'document'],
  ])('refuses %s, and says where', (_, body, where) => {
    expect(() => parseLookupBatch(body)).toThrow(MessageError);
    expect(() => parseLookupBatch(body)).toThrow(where);
  });

  it('refuses a push of an unknown forge and an evaluation of an unknown kind', () => {
    const push = {
      version: 1,
      kind: 'push',
      ref: { ...REF, forge: 'other' },
      repositoryName: 'a/b',
      deliveryId: '',
      lane: 'live',
      receivedAtMs: 1,
    };
    expect(() => parsePushHint(JSON.stringify(push))).toThrow('ref.forge');
    expect(() => parseEvaluation(JSON.stringify({ version: 1, kind: 'evaluated', ref: REF }))).toThrow(MessageError);
  });

  it('is read though a newer sender added a field', () => {
    expect(parseEvaluation(JSON.stringify({ version: 1, kind: 'evaluate', ref: REF, since: 5 }))).toEqual({
      version: 1,
      kind: 'evaluate',
      ref: REF,
    });
  });
});
