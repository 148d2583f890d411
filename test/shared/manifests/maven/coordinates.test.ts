import { describe, expect, it } from 'vitest';
import { oneVersionOf, packageNameOf } from '../../../../shared/manifests/maven/coordinates.ts';

describe('oneVersionOf', () => {
  it.each([
    ['1.0', '1.0'],
    ['[1.0]', '1.0'],
    ['[ 1.0 , 1.0 ]', '1.0'],
    ['9+181-r4173-1', '9+181-r4173-1'],
    ['v3-rev20231115-2.0.0', 'v3-rev20231115-2.0.0'],
    ['1.0-SNAPSHOT', '1.0-SNAPSHOT'],
  ])('takes %s for version %s', (requirement, version) => {
    expect(oneVersionOf(requirement)).toEqual({ version });
  });

  it.each([
    '[1.0,2.0)',
    '(,1.0]',
    '[1.0,2.0[',
    ']1.0,2.0]',
    '[1.0],[2.0]',
    '[1.0',
    '[1.0)',
    '1.+',
    'LATEST',
    'latest.release',
    '',
    '1 0',
    '1.0\u0000',
  ])('takes "%s" for no version', (requirement) => {
    expect(oneVersionOf(requirement)).toHaveProperty('reason');
  });

  it('ends on long texts', () => {
    for (const text of ['['.repeat(1_000_000), `[${' '.repeat(1_000_000)}x`, `[1,${' '.repeat(1_000_000)}`]) {
      expect(oneVersionOf(text)).toHaveProperty('reason');
    }
  });
});

describe('packageNameOf', () => {
  it('joins legal coordinates, and refuses others', () => {
    expect(packageNameOf('org.acme', 'core_2.13')).toBe('org.acme:core_2.13');
    for (const [group, artifact] of [
      ['', 'core'],
      ['org.acme', ''],
      ['org acme', 'core'],
      ['org.acme', '../core'],
      ['org:acme', 'core'],
    ] as const) {
      expect(packageNameOf(group, artifact)).toBeUndefined();
    }
  });
});
