import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckState, deriveOutcome, isFailure } from '../../../shared/model/check.ts';

const ORDER: readonly CheckState[] = ['failed', 'throttled', 'unresolved', 'unsupported', 'not-analysed', 'known'];

describe('deriveOutcome', () => {
  it('is the graver of the two states in either order, benign for two known ones, and a finding before all', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ORDER), fc.constantFrom(...ORDER), (vulnerabilities, malware) => {
        const checks = { vulnerabilities: { state: vulnerabilities }, malware: { state: malware } };
        const graver = ORDER[Math.min(ORDER.indexOf(vulnerabilities), ORDER.indexOf(malware))];
        expect(deriveOutcome(checks, false)).toBe(graver === 'known' ? 'benign' : graver);
        expect(deriveOutcome(checks, true)).toBe('finding');
      }),
    );
  });

  it('tells failures, which are ours to mend, from gaps', () => {
    expect(ORDER.filter((state) => isFailure({ state }))).toEqual(['failed', 'throttled']);
  });
});
