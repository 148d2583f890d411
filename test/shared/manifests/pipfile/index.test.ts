import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'Pipfile.lock';
const SOURCE = { name: 'pypi', url: 'https://pypi.example/simple', verify_ssl: true };

function lock(categories: object, sources: readonly object[] = [SOURCE]): string {
  return JSON.stringify({ _meta: { hash: { sha256: '01' }, 'pipfile-spec': 6, requires: {}, sources }, ...categories }, undefined, 4);
}

function pin(version: string, more: object = {}): object {
  return { hashes: ['sha256:01'], markers: "python_version >= '3.7'", version: `==${version}`, ...more };
}

describe('Pipfile.lock', () => {
  it('lists all categories, two versions of a name too, with the host of the only index', async () => {
    const content = await read(
      FILE,
      lock({
        default: { pluggy: pin('1.0.1'), both: pin('1.0') },
        develop: { pluggy: pin('1.0.0'), both: pin('1.0', { index: 'pypi' }) },
        docs: { sphinx: pin('7.0', { extras: ['x'] }) },
      }),
    );
    const registryHosts = ['pypi.example'];
    expect(content.packages).toEqual([
      { ecosystem: 'PYPI', name: 'both', version: '1.0', isDevelopment: false, registryHosts },
      { ecosystem: 'PYPI', name: 'pluggy', version: '1.0.0', isDevelopment: true, registryHosts },
      { ecosystem: 'PYPI', name: 'pluggy', version: '1.0.1', isDevelopment: false, registryHosts },
      { ecosystem: 'PYPI', name: 'sphinx', version: '7.0', isDevelopment: false, groups: ['docs'], registryHosts },
    ]);
    expect(content).toMatchObject({ gaps: [], locals: [], warnings: [], poisonings: [] });
  });

  it('knows with several indexes only what an entry says itself', async () => {
    const sources = [SOURCE, { name: 'inner', url: `https://\${USER}:\${PASSWORD}@pypi.internal.example/simple`, verify_ssl: false }];
    const content = await read(
      FILE,
      lock({ default: { a: pin('1.0'), b: pin('1.0', { index: 'inner' }), c: pin('1.0', { index: 'gone' }) } }, sources),
    );
    expect(content.packages.map(({ name, registryHosts }) => [name, registryHosts])).toEqual([
      ['a', undefined],
      ['b', ['pypi.internal.example']],
      ['c', undefined],
    ]);
    expect(content.warnings).toEqual([
      'the certificate of the index pypi.internal.example is not checked',
      'c is of the index gone, which the file does not describe',
    ]);
  });

  it('reports an index without TLS', async () => {
    const content = await read(FILE, lock({ default: { a: pin('1.0') } }, [{ ...SOURCE, url: 'http://pypi.example/simple' }]));
    expect(poisoningsOf(content)).toEqual(['plain-http a@1.0']);
  });

  it('keeps folders and files for our own, and makes gaps of repositories and addresses', async () => {
    const content = await read(
      FILE,
      lock({
        default: {
          me: { editable: true, path: '.' },
          archive: { file: 'vendor/archive-1.0.zip' },
          fork: { editable: true, git: 'https://git.example/fork.git', ref: '0123', version: '==1.0' },
          address: { file: 'https://files.example/address-1.0.zip', hashes: [] },
        },
      }),
    );
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toEqual(['me .', 'archive vendor/archive-1.0.zip']);
    expect(gapsOf(content)).toEqual([
      'unsupported fork https://git.example/fork.git#0123',
      'unsupported address https://files.example/address-1.0.zip',
    ]);
  });

  it('makes gaps of what has no exact version or no legal name', async () => {
    const content = await read(
      FILE,
      `{"_meta":{},"default":{"any":{"version":"*"},"range":{"version":">=1"},"none":{"hashes":[]},"wild":{"version":"==1.*"},"odd":7,"../x":{"version":"==1"},"__proto__":{"version":"==1"},"constructor":{"version":"==1"},"old":"==1.0","arbitrary":{"version":"===1.0-weird"}}}`,
    );
    expect(packagesOf(content)).toEqual(['arbitrary@1.0-weird', 'constructor@1', 'old@1.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved any *',
      'unresolved range >=1',
      'unresolved none',
      'unresolved wild 1.*',
      'unresolved odd 7',
      'unresolved ../x 1',
      'unresolved __proto__ 1',
    ]);
    expect(({} as Record<string, unknown>)['version']).toBeUndefined();
  });

  it('makes a gap of a name that is longer than any that can be looked up', async () => {
    const content = await read(FILE, lock({ default: { ['a-'.repeat(2_000_000)]: pin('1.0') } }));
    expect(content).toMatchObject({ packages: [], gaps: [{ reason: 'not a legal package name' }] });
  });

  it('warns of keys that may be known ones, misspelt', async () => {
    const content = await read(FILE, lock({ default: { a: pin('1.0', { gitt: 'x' }), b: pin('1.0', { gitt: 'x' }) } }));
    expect(content.warnings).toEqual(['the entry of a has "gitt", which is not known and not read']);
  });

  it('accepts a project without dependencies', async () => {
    expect(await read(FILE, lock({ default: {}, develop: {} }))).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['empty', '', /not valid JSON/],
    ['cut off', lock({ default: { a: pin('1.0') } }).slice(0, -20), /not valid JSON/],
    ['another kind of file', '{"packages":{}}', /neither "_meta" nor "default" nor "develop"/],
    ['a layout to come', '{"_meta":{"pipfile-spec":7},"default":{}}', /pipfile-spec 7 is not known/],
    ['a list', '[]', /not a JSON object/],
    ['of the wrong type', '{"_meta":{},"default":[]}', /"default" is not an object/],
    ['of wrong facts', '{"_meta":1}', /"_meta" is not an object/],
    ['a merge conflict', '<<<<<<< HEAD\n=======\n>>>>>>> topic\n', /unfinished merge/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });

  it('reads back what was written', async () => {
    const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,5})?$/), fc.constantFrom('constructor', 'valueof'));
    const version = fc.stringMatching(/^(\d!)?\d{1,4}(\.\d{1,3}){0,3}((a|b|rc)\d)?(\.post\d)?(\+[a-z]{1,4})?$/);
    const category = fc.uniqueArray(fc.tuple(name, version), { selector: ([n]) => n, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(category, category, async (main, develop) => {
        const write = (entries: readonly (readonly [string, string])[]): object => Object.fromEntries(entries.map(([n, v]) => [n, pin(v)]));
        const content = await read(FILE, lock({ default: write(main), develop: write(develop) }));
        expect(packagesOf(content).sort()).toEqual([...new Set([...main, ...develop].map(([n, v]) => `${n}@${v}`))].sort());
        expect(content).toMatchObject({ gaps: [], warnings: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    const rich = lock({
      default: { celery: pin('4.4.7'), itsdangerous: { git: 'https://git.example/itsdangerous', ref: '0123' } },
      develop: { pytest: pin('8.0.1') },
    });
    await expectNoSilentLoss(FILE, rich);
  });
});
