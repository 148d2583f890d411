import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'deno.lock';
const SHA256 = 'a'.repeat(64);

function lock(version: string, sections: object): string {
  return JSON.stringify({ version, ...sections }, null, 2);
}

describe('deno', () => {
  it.each([
    [
      '2',
      { npm: { specifiers: { ms: 'ms@2.1.3' }, packages: { 'ms@2.1.3': { integrity: 'sha512-AA==', dependencies: {} } } }, remote: {} },
    ],
    ['3', { packages: { specifiers: { 'npm:ms@2': 'npm:ms@2.1.3' }, npm: { 'ms@2.1.3': { integrity: 'sha512-AA==' } } }, remote: {} }],
    ['4', { specifiers: { 'npm:ms@2': '2.1.3' }, npm: { 'ms@2.1.3': { integrity: 'sha512-AA==' } } }],
    ['5', { specifiers: { 'npm:ms@2': '2.1.3' }, npm: { 'ms@2.1.3': { integrity: 'sha512-AA==', deprecated: true } } }],
  ])('reads layout %s', async (version, sections) => {
    const content = await read(FILE, lock(version, sections));
    expect(content.packages).toEqual([{ ecosystem: 'NPM', name: 'ms', version: '2.1.3', integrity: 'sha512-AA==' }]);
    expect(content).toMatchObject({ gaps: [], warnings: [], poisonings: [] });
  });

  it('cuts the peers of npm packages, and keeps every version', async () => {
    const content = await read(
      FILE,
      lock('5', {
        npm: {
          'react-dom@18.3.1_react@18.3.1': {},
          '@s/under_score@1.0.0-rc.1__react@18.3.1_@babel+core@7.24.7': {},
          '@s/under_score@2.0.0': {},
          'Case@1.0.0': {},
        },
      }),
    );
    expect(packagesOf(content)).toEqual(['@s/under_score@1.0.0-rc.1', '@s/under_score@2.0.0', 'Case@1.0.0', 'react-dom@18.3.1'].sort());
  });

  it('lists packages of JSR as such, direct from transitive where a workspace tells', async () => {
    const content = await read(
      FILE,
      lock('4', {
        specifiers: { 'jsr:@std/assert@1': '1.0.9', 'jsr:@std/internal@^1.0.5': '1.0.5', 'npm:ms@^2': '2.1.3' },
        jsr: { '@std/assert@1.0.9': { integrity: SHA256, dependencies: ['jsr:@std/internal'] }, '@std/internal@1.0.5': { integrity: 7 } },
        npm: { 'ms@2.1.3': {} },
        workspace: { dependencies: ['jsr:@std/assert@1'], packageJson: { dependencies: ['npm:ms@^2'] } },
      }),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'JSR', name: '@std/assert', version: '1.0.9', relationship: 'direct', integrity: `sha256:${SHA256}` },
      { ecosystem: 'JSR', name: '@std/internal', version: '1.0.5', relationship: 'transitive' },
      { ecosystem: 'NPM', name: 'ms', version: '2.1.3', relationship: 'direct' },
    ]);
  });

  it('gathers addresses by what they belong to', async () => {
    const remote = {
      'https://deno.land/std@0.200.0/path/mod.ts': SHA256,
      'https://deno.land/std@0.200.0/path/posix.ts': SHA256,
      'https://deno.land/std@0.190.0/path/mod.ts': SHA256,
      'https://esm.sh/v135/@preact/signals@1.2.3/x.mjs?target=denonext': SHA256,
      'https://files.example/a/b/mod.ts': SHA256,
      'https://files.example/c.ts': SHA256,
    };
    const content = await read(FILE, lock('3', { packages: {}, remote }));
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported deno.land/std 0.200.0',
      'unsupported deno.land/std 0.190.0',
      'unsupported esm.sh/v135/@preact/signals 1.2.3',
      'unsupported files.example',
    ]);
    expect(content.gaps[0]?.reason).toBe('2 modules from an address, not from a registry');
    expect(gapsOf(await read(FILE, JSON.stringify(remote)))).toEqual(gapsOf(content));
  });

  it('bounds the gaps of a file of very many addresses', async () => {
    const remote = Object.fromEntries(Array.from({ length: 8_000 }, (_, index) => [`https://x${index}.example/a.ts`, SHA256]));
    const content = await read(FILE, lock('4', { remote }));
    expect(content.gaps).toHaveLength(1_001);
    expect(content.gaps.at(-1)).toMatchObject({ name: 'addresses', reason: '7000 modules from an address, not from a registry' });
  });

  it('says what members of the workspace declare and nothing resolves, but for each other', async () => {
    const text = lock('5', {
      specifiers: { 'npm:ms@^2': '2.1.3', 'npm:odd@1': '1.0.0' },
      npm: { 'ms@2.1.3': {} },
      workspace: {
        dependencies: ['jsr:@acme/core@1', 'npm:gone@^1'],
        members: {
          'packages/core': { dependencies: ['npm:ms@^2', 'npm:odd@1'] },
          'packages/tool': { packageJson: { dependencies: ['npm:tool-of-ours@*'] }, dependencies: ['https://x.example/y.ts'] },
        },
      },
    });
    const siblings = {
      'app/packages/core/deno.jsonc': '{\n  // said\n  "name": "@acme/core",\n}\n',
      'app/packages/tool/package.json': '{\n  "name": "tool-of-ours"\n}\n',
    };
    const content = await read('app/deno.lock', text, siblings);
    expect(packagesOf(content)).toEqual(['ms@2.1.3']);
    expect(localsOf(content)).toEqual([
      'packages/core packages/core',
      'packages/tool packages/tool',
      '@acme/core packages/core',
      'tool-of-ours packages/tool',
    ]);
    expect(gapsOf(content)).toEqual([
      'unresolved odd 1.0.0',
      'unresolved packages/tool https://x.example/y.ts',
      'unresolved gone npm:gone@^1',
    ]);
    expect(gapsOf(await read('app/deno.lock', text))).toContain('unresolved @acme/core jsr:@acme/core@1');
  });

  it('takes linked packages for our own', async () => {
    const content = await read(
      FILE,
      lock('5', {
        specifiers: { 'npm:a@1': '1.0.0' },
        npm: { 'a@1.0.0': {}, 'b@1.0.0_a@1.0.0': {} },
        jsr: { '@s/c@1.0.0': {} },
        workspace: { dependencies: ['npm:a@1'], links: { 'npm:a@1.0.0': {}, 'jsr:@s/c@1.0.0': {} } },
      }),
    );
    expect(packagesOf(content)).toEqual(['b@1.0.0']);
    expect(localsOf(content)).toEqual(['a 1.0.0', '@s/c 1.0.0']);
    expect(content.gaps).toEqual([]);
  });

  it('compares the tarball that layout 5 keeps', async () => {
    const content = await read(
      FILE,
      lock('5', {
        npm: {
          'a@1.0.0': { tarball: 'https://registry.npm.example/a/-/a-1.0.0.tgz' },
          'b@1.0.0': { tarball: 'http://registry.npm.example/evil/-/evil-1.0.0.tgz' },
          'c@1.0.0': { tarball: 7 },
        },
      }),
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.0.0', 'evil@1.0.0']);
    expect(poisoningsOf(content)).toEqual(['plain-http b@1.0.0', 'other-package b@1.0.0']);
    expect(gapsOf(content)).toEqual(['unresolved c 1.0.0']);
  });

  it('keeps the good entries beside those of wrong types, and names of JavaScript as data', async () => {
    const text = `{"version":"4","npm":{"__proto__":{},"constructor@1.0.0":{},"no-version":{},"a@^1":{},"b@1.0.0":null},"jsr":{"@s/a@1.0.0":[],"plain@1.0.0":{},"@s/../x@1.0.0":{}},"workspace":{"dependencies":"npm:x@1","members":{"m":7}}}`;
    const content = await read(FILE, text);
    expect(packagesOf(content)).toEqual(['constructor@1.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved the project',
      'unresolved m',
      'unresolved __proto__',
      'unresolved no-version',
      'unresolved a ^1',
      'unresolved b 1.0.0',
      'unresolved @s/a 1.0.0',
      'unresolved plain 1.0.0',
      'unresolved @s/../x 1.0.0',
    ]);
  });

  it('says when a section stands where its layout has none', async () => {
    const content = await read(FILE, lock('4', { packages: { npm: { 'ms@2.1.3': {} } } }));
    expect(content.packages).toEqual([]);
    expect(content.warnings).toEqual(['"packages" is no section that deno writes in this layout; what stands in it was not read']);
  });

  it('accepts a file of a project without dependencies', async () => {
    expect(await read(FILE, '{"version":"5"}')).toMatchObject({ packages: [], gaps: [], warnings: [], locals: [] });
  });

  it.each([
    ['empty', '', /^not valid JSON/],
    ['a list', '[]', /not a JSON object/],
    ['of a layout to come', '{"version":"6"}', /version 6 is not known; 2 to 5 are/],
    ['of a version that is no text', '{"version":5}', /version 5 is not known/],
    ['of no version', '{"npm":{}}', /no "version", and not addresses only/],
    ['without anything', '{}', /no "version", and not addresses only/],
    ['packages of another type', '{"version":"5","npm":[]}', /"npm" is a list, not an object/],
    ['nested packages of another type', '{"version":"3","packages":[]}', /its packages are a list, not an object/],
    ['cut off', '{"version":"5","npm":{"ms@2.1', /^not valid JSON/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('loses no package in silence when a character changes', async () => {
    const text = lock('5', {
      specifiers: { 'jsr:@pi/tau@1': '1.5.9', 'npm:kappa@^1': '1.2.3', 'npm:@mu/nu@2': '2.3.4_kappa@1.2.3' },
      jsr: { '@pi/tau@1.5.9': { integrity: SHA256 } },
      npm: { '@mu/nu@2.3.4_kappa@1.2.3': { integrity: 'sha512-AA==' }, 'kappa@1.2.3': { integrity: 'sha512-BB==' }, 'omicron@5.6.7': {} },
      workspace: { dependencies: ['jsr:@pi/tau@1', 'npm:kappa@^1', 'npm:@mu/nu@2'] },
    });
    await expectNoSilentLoss(FILE, text);
  });
});
