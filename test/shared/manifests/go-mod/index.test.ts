import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';

const FILE = 'go.mod';
const HEAD = 'module example.com/app\n\ngo 1.26.0\n';

describe('go.mod', () => {
  it('lists required modules, indirect ones included, with their leading v', async () => {
    const content = await read(
      FILE,
      `${HEAD}
toolchain go1.26.8
require example.com/a v1.0.0 // a comment
require (
	example.com/b/v2 v2.1.0+incompatible
	"example.com/C" \`v0.0.0-20200624184116-66aa578126db\` // indirect
	//example.com/out v9.9.9
)
tool example.com/a/cmd/x
godebug default=go1.21
retract [v1.0.0, v1.1.0]
ignore ./testdata
`,
    );
    expect(packagesOf(content)).toEqual([
      'example.com/C@v0.0.0-20200624184116-66aa578126db',
      'example.com/a@v1.0.0',
      'example.com/b/v2@v2.1.0+incompatible',
    ]);
    expect(content.packages).toMatchObject([
      { relationship: 'transitive', line: 9 },
      { relationship: 'direct', line: 6 },
      { relationship: 'direct', line: 8 },
    ]);
    expect(localsOf(content)).toEqual(['example.com/app']);
    expect(content).toMatchObject({ gaps: [], warnings: [] });
  });

  it('takes for indirect what Go does: the word alone, or before a semicolon', async () => {
    const content = await read(
      FILE,
      `${HEAD}require (\nexample.com/a v1.0.0 //indirect\nexample.com/b v1.0.0 // indirect; for tests\nexample.com/c v1.0.0 // indirectly\n)\n`,
    );
    expect(content.packages.map(({ relationship }) => relationship)).toEqual(['transitive', 'transitive', 'direct']);
  });

  it('applies replacements: by version before by module, by a path as our own code, unused ones not at all', async () => {
    const content = await read(
      FILE,
      `${HEAD}
require (
	example.com/a v1.0.0
	example.com/a v1.1.0
	example.com/b v1.0.0
	example.com/c v1.0.0
	example.com/d v1.0.0
)
replace example.com/a => example.com/fork v1.9.0
replace (
	example.com/a v1.0.0 => example.com/other v1.5.0
	example.com/b => ./b
	example.com/c v1.0.0 => ../../c
	example.com/d v2.0.0 => example.com/unused v1.0.0
	example.com/nobody => example.com/unused v1.0.0
)
exclude example.com/d v1.0.0
`,
    );
    expect(packagesOf(content)).toEqual(['example.com/d@v1.0.0', 'example.com/fork@v1.9.0', 'example.com/other@v1.5.0']);
    expect(localsOf(content)).toEqual(['example.com/app', 'example.com/b ./b', 'example.com/c ../../c']);
    expect(content.warnings).toEqual(['example.com/d@v1.0.0 is required and excluded: Go takes a later version']);
  });

  it('says that a file before Go 1.17 lists direct modules only', async () => {
    for (const line of ['go 1.16\n', '']) {
      const content = await read(FILE, `module m\n${line}require example.com/a v1.0.0\n`);
      expect(packagesOf(content)).toEqual(['example.com/a@v1.0.0']);
      expect(content.gaps).toMatchObject([{ name: 'indirect modules', state: 'unresolved' }]);
    }
  });

  it('makes gaps of versions that are none and of illegal paths', async () => {
    const content = await read(
      FILE,
      `${HEAD}require (\nexample.com/a master\n../x v1.0.0\nexample.com/a/../b v1.0.0\n)\nreplace example.com/c => example.com/d\nrequire example.com/c v1.0.0\n`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unresolved example.com/a master',
      'unresolved ../x v1.0.0',
      'unresolved example.com/a/../b v1.0.0',
      'unresolved example.com/d',
    ]);
  });

  it('accepts a module without requirements, and the module line as a block', async () => {
    expect(await read(FILE, 'module (\n\texample.com/app\n)\n')).toMatchObject({ status: 'read', packages: [], gaps: [], warnings: [] });
  });

  it('reads Windows line ends', async () => {
    expect(packagesOf(await read(FILE, `${HEAD}require (\n\texample.com/a v1.0.0\n)\n`.replaceAll('\n', '\r\n')))).toEqual([
      'example.com/a@v1.0.0',
    ]);
  });

  it.each([
    ['empty', '', /neither "module" nor "require"/],
    ['text', 'this is no module\n', /line 1 has no directive/],
    ['cut off in a block', `${HEAD}require (\n\texample.com/a v1.0.0\n`, /ends within its "require \(" block/],
    ['cut off in a line', `${HEAD}require example.com/a\n`, /"require" takes a path and a version/],
    ['a broken replacement', `${HEAD}replace example.com/a\n`, /"replace" takes/],
    ['a quotation without end', `${HEAD}require "example.com/a v1.0.0\n`, /a quotation does not end/],
    ['an unknown directive', `${HEAD}requires example.com/a v1.0.0\n`, /begins with "requires"/],
    ['one endless line', `module ${'x'.repeat(70_000)}\n`, /line 1 has 70007 characters/],
    ['a merge conflict', `${HEAD}<<<<<<< HEAD\n=======\n>>>>>>> topic\n`, /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written, in blocks and on lines of their own', async () => {
    const path = fc.stringMatching(/^[a-z]{1,6}\.[a-z]{2,3}(\/[A-Za-z][A-Za-z0-9_~-]{0,8}){1,3}$/);
    const version = fc.stringMatching(/^v\d{1,2}\.\d{1,2}\.\d{1,2}(-[a-z0-9]{1,6}\.\d)?(\+incompatible)?$/);
    const entry = fc.record({ path, version, isIndirect: fc.boolean(), isAlone: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(entry, { selector: (found) => `${found.path}@${found.version}`, maxLength: 20 }), async (entries) => {
        const lines = entries.map(({ path: name, version: found, isIndirect, isAlone }) => {
          const line = `${name} ${found}${isIndirect ? ' // indirect' : ''}`;
          return isAlone ? `require ${line}\n` : `require (\n\t${line}\n)\n`;
        });
        const content = await read(FILE, `${HEAD}${lines.join('')}`);
        const readBack = content.packages.map(({ name, version: found, relationship }) => `${name}@${found} ${relationship}`);
        const written = entries.map(
          ({ path: name, version: found, isIndirect }) => `${name}@${found} ${isIndirect ? 'transitive' : 'direct'}`,
        );
        expect(readBack.sort()).toEqual(written.sort());
        expect(content.gaps).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('passes over no damage in silence', async () => {
    await expectNoSilentLoss(
      FILE,
      `${HEAD}\nrequire (\n\texample.com/first v1.0.0\n\tgit.example/second v1.2.3 // indirect\n)\n\nrequire host.example/third/v2 v2.0.1\n`,
      // Two slashes begin a comment, which may hold anything.
      { except: ['/'] },
    );
  });
});
