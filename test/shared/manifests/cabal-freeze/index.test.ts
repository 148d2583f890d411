import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'cabal.project.freeze';

const FREEZE = `active-repositories: hackage.example:merge
constraints: any.AC-Angle ==1.0,
             any.acme-left ==2.4.0.3,
             acme-left +orphaninstances -bundled--c-lib_2 -exe,
             setup.acme-setup ==3.4.0.0,
             acme-left:setup.acme-build ==0.1
with-compiler: ghc-9.2.8
index-state: hackage.example 2021-10-31T12:58:37Z
`;

describe('cabal.project.freeze', () => {
  it('reads the pins of its constraints, and passes over flags', async () => {
    const content = await read(PATH, FREEZE);
    expect(content.packages.map(({ name, version, line }) => [name, version, line])).toEqual([
      ['AC-Angle', '1.0', 2],
      ['acme-build', '0.1', 6],
      ['acme-left', '2.4.0.3', 3],
      ['acme-setup', '3.4.0.0', 5],
    ]);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it('reads other legal spellings', async () => {
    const content = await read(
      'ci.project.freeze',
      '\ufeffConstraints:\r\n  acme-a==1.0,, acme-b\r\n    == 2.0\r\n  -- acme-no ==1.0,\r\n\r\n  , (acme-x), acme-c (==3)\r\n  , acme-d +f test bench,\r\nconstraints: any.acme-a ==1.1\r\n',
    );
    expect(packagesOf(content)).toEqual(['acme-a@1.0', 'acme-a@1.1', 'acme-b@2.0', 'acme-c@3']);
    expect(gapsOf(content)).toEqual(['unresolved (acme-x)']);
  });

  it.each([
    ['any.acme >=1.0 && <2', 'unresolved acme >=1.0 && <2'],
    ['any.acme ==1.0 || ==1.1', 'unresolved acme ==1.0 || ==1.1'],
    ['any.acme ==1.0.*', 'unresolved acme ==1.0.*'],
    ['any.acme ==1.0-beta', 'unresolved acme ==1.0-beta'],
    ['any.base installed', 'unresolved base installed'],
    ['acme source', 'unresolved acme source'],
    ['acme', 'unresolved acme'],
    ['any.acme.left ==1.0', 'unresolved any.acme.left ==1.0'],
    ['acme- ==1.0', 'unresolved acme- ==1.0'],
    ['../acme ==1.0', 'unresolved ../acme ==1.0'],
    ['ac\u001bme ==1.0', 'unresolved ac \\u001bme ==1.0'],
    ['==1.0', 'unresolved ==1.0'],
  ])('makes a gap of %j', async (constraint, gap) => {
    const content = await read(PATH, `constraints: ${constraint},\n             any.right ==1.0\n`);
    expect(gapsOf(content)).toEqual([gap]);
    expect(packagesOf(content)).toEqual(['right@1.0']);
  });

  it('says which lines and fields it does not understand', async () => {
    const content = await read(PATH, 'nonsense\nconstraints: any.acme ==1.0\npackages: ./*.cabal\n  any.no ==1.0\n__proto__: x\n');
    expect(packagesOf(content)).toEqual(['acme@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved nonsense', 'unresolved any.no ==1.0', 'unresolved __proto__: x']);
    expect(content.warnings).toEqual(['its "packages" is not known, and was not read']);
  });

  it.each([
    ['\u0000', 'a binary file'],
    ['constraints: a ==1\rb ==2\n', 'a carriage return alone'],
    [`constraints: ${'a'.repeat(70_000)}`, 'line 1 has 70013 characters'],
    ['<<<<<<< a\nconstraints: a ==1\n=======\n>>>>>>> b\n', 'unfinished merge'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('takes a file that freezes nothing for what it says', async () => {
    for (const text of ['', '-- nothing\n', 'index-state: 2021-10-31T12:58:37Z\n']) {
      expect(await read(PATH, text)).toMatchObject({ packages: [], gaps: [], warnings: [] });
    }
  });

  it('reads back what was written', async () => {
    const entry = fc.record({
      qualifier: fc.constantFrom('any.', '', 'setup.', 'other-one:setup.'),
      name: fc.stringMatching(/^[A-Za-z0-9]{0,6}[A-Za-z](?:-[0-9]{0,2}[A-Za-z]{1,5}){0,3}$/),
      version: fc.stringMatching(/^[0-9]{1,3}(?:\.[0-9]{1,3}){0,4}$/),
      flags: fc.constantFrom('', '+f', '-g--h +f_2'),
      separator: fc.constantFrom(',\n             ', ', ', '\n           , '),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 20 }), async (entries) => {
        const text = entries
          .flatMap(({ qualifier, name, version, flags, separator }, index) => [
            index > 0 ? separator : '',
            `${qualifier}${name} ==${version}`,
            flags === '' ? '' : `${separator}${name} ${flags}`,
          ])
          .join('');
        const content = await read(PATH, `constraints: ${text}\nindex-state: x\n`);
        expect(packagesOf(content)).toEqual([...new Set(entries.map(({ name, version }) => `${name}@${version}`))].sort());
        expect([content.gaps, content.warnings]).toEqual([[], []]);
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    // Two hyphens at the start of a line begin a comment.
    await expectNoSilentLoss(PATH, FREEZE, { numRuns: 300 });
  });

  it('stays fast on long entries', async () => {
    for (const sign of ['a', 'a-', '1.', '(', ' +f', ':setup.', ', a ==1 ||']) {
      const lines = Array.from({ length: 20 }, () => `  ${sign.repeat(60_000 / sign.length)}`).join('\n');
      const content = await read(PATH, `constraints:\n${lines}\n`).catch(() => undefined);
      expect(content === undefined || content.gaps.length > 0).toBe(true);
    }
  });
});
