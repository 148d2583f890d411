import { describe, expect, it } from 'vitest';
import { poisoningsOf, read } from './reading.ts';

const lock = (digests: Readonly<Record<string, string>>) =>
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': {},
      ...Object.fromEntries(
        Object.entries(digests).map(([key, integrity]) => {
          const [path = '', version] = key.split('@');
          return [`node_modules/${path}`, { version, integrity }];
        }),
      ),
    },
  });

const A = `sha512-${'a'.repeat(86)}==`;
const B = `sha512-${'b'.repeat(86)}==`;

describe('digests of one lock file', () => {
  it('that two packages share are a sign of poisoning', async () => {
    const content = await read('package-lock.json', lock({ 'debug@4.3.4': A, 'ms@2.1.3': A, 'left@1.0.0': B }));
    expect(poisoningsOf(content)).toEqual(['other-package ms@2.1.3']);
    expect(content.poisonings[0]?.detail).toContain('has the digest of debug@4.3.4');
  });

  it('that two versions share are one, too', async () => {
    const content = await read('package-lock.json', lock({ 'ms@2.1.3': A, 'a/node_modules/ms@2.1.4': A }));
    expect(poisoningsOf(content)).toEqual(['other-version ms@2.1.4']);
  });

  it('are none where one package stands in several places', async () => {
    const content = await read('package-lock.json', lock({ 'ms@2.1.3': A, 'a/node_modules/ms@2.1.3': A }));
    expect(poisoningsOf(content)).toEqual([]);
  });

  it('are told apart where they begin and end alike', async () => {
    const beginning = 'c'.repeat(40);
    const [first, second] = ['d', 'e'].map((rest) => `sha512-${beginning}${rest.repeat(46)}==`) as [string, string];
    const content = await read('package-lock.json', lock({ 'a@1.0.0': first, 'b@1.0.0': second, 'c@1.0.0': second, 'd@1.0.0': first }));
    expect(poisoningsOf(content)).toEqual(['other-package c@1.0.0', 'other-package d@1.0.0']);
  });
});
