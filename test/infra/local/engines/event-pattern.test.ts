import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, EventPatternError } from '../../../../infra/local/engines/event-pattern.ts';

const event = {
  source: 'safedep-watch',
  'detail-type': 'finding.opened',
  detail: {
    severity: 'HIGH',
    score: 7.5,
    baseline: false,
    empty: null,
    tags: ['live', 'malware'],
    package: { name: 'left-pad', paths: [{ file: 'a' }, { file: 'b' }] },
  },
};

describe('compilePattern', () => {
  const matching: readonly unknown[] = [
    { source: ['safedep-watch'] },
    { source: ['x', 'safedep-watch'], detail: { severity: ['HIGH'] } },
    { source: [{ prefix: 'safedep' }] },
    { source: [{ prefix: { 'equals-ignore-case': 'SAFEDEP' } }] },
    { source: [{ suffix: 'watch' }] },
    { source: [{ suffix: { 'equals-ignore-case': 'WATCH' } }] },
    { 'detail-type': [{ wildcard: 'finding.*' }] },
    { 'detail-type': [{ wildcard: '*.opened' }] },
    { detail: { severity: [{ 'equals-ignore-case': 'high' }] } },
    { detail: { severity: [{ 'anything-but': 'LOW' }] } },
    { detail: { severity: [{ 'anything-but': ['LOW', 'MEDIUM'] }] } },
    { detail: { severity: [{ 'anything-but': { prefix: 'L' } }] } },
    { detail: { severity: [{ 'anything-but': { suffix: ['OW', 'UM'] } }] } },
    { detail: { severity: [{ 'anything-but': { wildcard: 'L*' } }] } },
    { detail: { score: [{ numeric: ['>', 7] }] } },
    { detail: { score: [{ numeric: ['>=', 7.5, '<', 8] }] } },
    { detail: { score: [{ numeric: ['=', 7.5] }] } },
    { detail: { score: [7.5] } },
    { detail: { baseline: [false] } },
    { detail: { empty: [null] } },
    { detail: { severity: [{ exists: true }] } },
    { detail: { missing: [{ exists: false }] } },
    { missing: { below: [{ exists: false }] } },
    { detail: { tags: ['malware'] } },
    { detail: { tags: [{ 'anything-but': 'live' }] } },
    { detail: { package: { paths: { file: ['b'] } } } },
    { $or: [{ source: ['other'] }, { detail: { severity: ['HIGH'] } }] },
    { source: ['safedep-watch'], detail: { $or: [{ score: [1] }, { baseline: [false] }] } },
  ];
  for (const pattern of matching) {
    it(`matches with ${JSON.stringify(pattern)}`, () => {
      expect(compilePattern(pattern)(event)).toBe(true);
    });
  }

  const others: readonly unknown[] = [
    { source: ['safedep'] },
    { source: ['safedep-watch'], detail: { severity: ['LOW'] } },
    { source: [{ prefix: 'watch' }] },
    { 'detail-type': [{ wildcard: 'finding.*.x' }] },
    { detail: { severity: [{ 'anything-but': ['HIGH', 'LOW'] }] } },
    { detail: { severity: [{ 'anything-but': { prefix: 'H' } }] } },
    { detail: { missing: [{ 'anything-but': 'x' }] } },
    { detail: { score: [{ numeric: ['<', 7.5] }] } },
    { detail: { score: ['7.5'] } },
    { detail: { severity: [{ numeric: ['>', 0] }] } },
    { detail: { missing: [{ exists: true }] } },
    { detail: { severity: [{ exists: false }] } },
    { detail: { package: [{ exists: true }] } },
    { detail: { empty: ['null'] } },
    { detail: { tags: ['other'] } },
    { detail: { package: { paths: { file: ['c'] } } } },
    { $or: [{ source: ['other'] }, { source: ['another'] }] },
  ];
  for (const pattern of others) {
    it(`does not match with ${JSON.stringify(pattern)}`, () => {
      expect(compilePattern(pattern)(event)).toBe(false);
    });
  }

  it('reads a star after a backslash as itself', () => {
    const matches = compilePattern({ name: [{ wildcard: String.raw`a\*b*` }] });
    expect(matches({ name: 'a*bc' })).toBe(true);
    expect(matches({ name: 'axbc' })).toBe(false);
  });

  it('matches an exact text whatever characters it has', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        expect(compilePattern({ field: [text] })({ field: text })).toBe(true);
        expect(compilePattern({ field: [{ 'anything-but': text }] })({ field: text })).toBe(false);
        expect(compilePattern({ field: [{ prefix: text }] })({ field: text + other })).toBe(true);
        expect(compilePattern({ field: [{ suffix: other }] })({ field: text + other })).toBe(true);
      }),
    );
  });

  const refused: readonly unknown[] = [
    {},
    'source',
    { source: 'x' },
    { source: [] },
    { source: [{ sounds: 'like' }] },
    { source: [{ prefix: 'a', suffix: 'b' }] },
    { score: [{ numeric: ['!', 3] }] },
    { score: [{ numeric: ['>'] }] },
    { source: [{ exists: 'yes' }] },
    { source: [{ 'anything-but': { exists: true } }] },
    { $or: [{ source: ['x'] }] },
  ];
  for (const pattern of refused) {
    it(`refuses ${JSON.stringify(pattern)}`, () => {
      expect(() => compilePattern(pattern)).toThrow(EventPatternError);
    });
  }
});
