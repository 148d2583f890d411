import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, localsOf, packagesOf, poisoningsOf, read, reasonOf } from '../reading.ts';

const FILE = 'yarn.lock';
const CLASSIC = '# yarn lockfile v1\n\n';
const BERRY = '__metadata:\n  version: 8\n  cacheKey: 10c0\n\n';

function classic(keys: string, version: string, resolved?: string): string {
  return `${keys}:\n  version "${version}"\n${resolved === undefined ? '' : `  resolved "${resolved}"\n`}\n`;
}

function tarball(name: string, version: string, registry = 'https://registry.npm.example'): string {
  return `${registry}/${name}/-/${name.split('/').at(-1)}-${version}.tgz#0123456`;
}

describe('yarn 1', () => {
  it('takes the name from the key: several ranges, scopes, aliases, no range, ranges with spaces', async () => {
    const content = await read(
      FILE,
      CLASSIC +
        classic('debug@2.6.9, debug@4.3.4', '4.3.4', tarball('debug', '4.3.4')) +
        classic('"@scope/a@^1.0.0", "@scope/a@^1.2.0"', '1.2.3', tarball('@scope/a', '1.2.3')) +
        classic('"strip-ansi-cjs@npm:strip-ansi@^6.0.1", strip-ansi@^6.0.0', '6.0.1', tarball('strip-ansi', '6.0.1')) +
        classic('"pad@npm:@scope/pad@1"', '1.0.0', tarball('@scope/pad', '1.0.0')) +
        classic('balanced-match', '1.0.2', tarball('balanced-match', '1.0.2')) +
        classic('"left-pad@1.3.0 - 1.3.9"', '1.3.0', tarball('left-pad', '1.3.0')) +
        classic('odd@latest', 'next', undefined),
    );
    expect(packagesOf(content)).toEqual([
      '@scope/a@1.2.3',
      '@scope/pad@1.0.0',
      'balanced-match@1.0.2',
      'debug@4.3.4',
      'left-pad@1.3.0',
      'odd@next',
      'strip-ansi@6.0.1',
    ]);
    expect(content.warnings).toEqual([]);
  });

  it('reads quoted fields, an offline mirror and Windows line ends', async () => {
    const text = `${CLASSIC}a@1:\n  "version" "1.0.0"\n  "resolved" "${tarball('a', '1.0.0')}"\n  "dependencies":\n    "b" "^1"\n\n${classic('b@^1', '1.0.0', 'b-1.0.0.tgz#0123456')}`;
    expect(packagesOf(await read(FILE, text.replaceAll('\n', '\r\n')))).toEqual(['a@1.0.0', 'b@1.0.0']);
  });

  it('lists links, files and folders as local', async () => {
    const content = await read(
      FILE,
      CLASSIC +
        classic('"a@link:./deps/a"', '0.0.0') +
        classic('"b@file:./b", b@~1.0.0', '1.0.0') +
        classic('"c@file:c.tgz"', '1.0.0', 'file:c.tgz#0123456') +
        classic('"d@../d"', '1.0.0'),
    );
    expect(content).toMatchObject({ status: 'read', packages: [], gaps: [], warnings: [] });
    expect(localsOf(content)).toEqual(['a link:./deps/a', 'b file:./b', 'c file:c.tgz#0123456', 'd ../d']);
  });

  it('tells lines, hosts and digests', async () => {
    const sha1 = '0123456789abcdef0123456789abcdef01234567';
    const text = `${CLASSIC}a@1:
  version "1.0.0"
  resolved "https://registry.npm.example/a/-/a-1.0.0.tgz#${sha1}"
  integrity "sha1-AA== sha512-BB=="

b@1:
  version "1.0.0"
  resolved "https://registry.npm.example/b/-/b-1.0.0.tgz#${sha1}"
`;
    const registryHosts = ['registry.npm.example'];
    expect((await read(FILE, text)).packages).toEqual([
      { ecosystem: 'NPM', name: 'a', version: '1.0.0', line: 3, integrity: 'sha512-BB==', registryHosts },
      { ecosystem: 'NPM', name: 'b', version: '1.0.0', line: 8, integrity: `sha1:${sha1}`, registryHosts },
    ]);
  });

  it('reads spellings that yarn itself reads and does not write', async () => {
    const text = `${CLASSIC}a@1 :\n  version : "1.0.0"\n"b@^1", b@^2:\n  version 1.2.0\n  dependencies:\n    "@s/c" "^1"\n    deeper:\n      x "1"\n`;
    const content = await read(FILE, text);
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.2.0']);
    expect(content.packages.map(({ line }) => line)).toEqual([undefined, undefined]);
  });

  it('makes gaps of git and of addresses, with and without "resolved"', async () => {
    const content = await read(
      FILE,
      CLASSIC +
        classic('"a@git+ssh://git@git.example/a"', '1.0.0', 'git+ssh://git@git.example/a#0123456') +
        classic('b@owner/b', '1.0.0', 'https://codeload.example/owner/b/tar.gz/0123456') +
        classic('c@owner/c#main', '1.0.0') +
        classic('d@1.0.0, "d@https://token@git.example/d.git"', '1.0.0', 'https://token@git.example/d.git#0123456') +
        'e@^1:\n  resolved "https://registry.npm.example/e/-/e-1.0.0.tgz"\n',
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported a git+ssh://git@git.example/a#0123456',
      'unsupported b https://codeload.example/owner/b/tar.gz/0123456',
      'unsupported c owner/c#main',
      'unsupported d https://***@git.example/d.git#0123456',
      'unresolved e',
    ]);
  });

  it('lists what is fetched beside what the key names: poisoning, unless the project has a "resolutions" entry for it', async () => {
    const text =
      CLASSIC + classic('ms@^2', '2.1.3', tarball('ms', '2.1.3')) + classic('polyfill@^1', '1.5.2', tarball('@fork/polyfill', '1.5.2'));
    const poisoned = await read(FILE, text, { 'package.json': '{"resolutions":{"other":"npm:@fork/polyfill@1.5.2","polyfill":"^1"}}' });
    expect(packagesOf(poisoned)).toEqual(['@fork/polyfill@1.5.2', 'ms@2.1.3', 'polyfill@1.5.2']);
    expect(poisoningsOf(poisoned)).toEqual(['other-package polyfill@1.5.2']);
    expect(poisoningsOf(await read(FILE, text))).toEqual(['other-package polyfill@1.5.2']);
    const intended = await read(FILE, text, { 'package.json': '{"resolutions":{"parent/**/polyfill":"npm:@fork/polyfill@^1.5.2"}}' });
    expect(packagesOf(intended)).toEqual(['@fork/polyfill@1.5.2', 'ms@2.1.3', 'polyfill@1.5.2']);
    expect(intended.poisonings).toEqual([]);
    expect(intended.warnings).toEqual(['polyfill@1.5.2 is fetched as @fork/polyfill@1.5.2, as the project asks for']);
  });

  it('tells plain HTTP', async () => {
    const content = await read(FILE, CLASSIC + classic('ms@^2', '2.1.3', tarball('ms', '2.1.3', 'http://registry.npm.example')));
    expect(packagesOf(content)).toEqual(['ms@2.1.3']);
    expect(poisoningsOf(content)).toEqual(['plain-http ms@2.1.3']);
  });

  it('warns of a key that stands twice', async () => {
    const content = await read(FILE, CLASSIC + classic('ms@^2', '2.1.3') + classic('ms@^2', '2.0.0'));
    expect(packagesOf(content)).toEqual(['ms@2.0.0', 'ms@2.1.3']);
    expect(content.warnings).toEqual(['ms@^2 stands in the file twice; yarn takes the last']);
  });

  it('warns of a key that joins several packages', async () => {
    const content = await read(FILE, CLASSIC + classic('a@1, b@1', '1.0.0', tarball('a', '1.0.0')));
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(content.warnings).toEqual(['line 3 resolves several packages as one: a, b']);
  });

  it('accepts a project without dependencies by the first line that yarn writes', async () => {
    expect(await read(FILE, CLASSIC)).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it.each([
    ['text', 'this is not a lock file\nat all\n', /not the grammar of yarn 1 \(line 1, column \d+\)/],
    ['text with a colon', 'Dear all:\n  please note\n', /no entry of it has a version/],
    ['text of several lines with a colon', 'a:\n  version:\n    one\n', /not the grammar of yarn 1/],
    ['a version that is no text', 'a:\n  version:\n    one two\n', /the version of "a" is not text/],
    ['a key of JavaScript', `${CLASSIC}a@1 :\n  version "1"\n__proto__ :\n  version "1.0.0"\n`, /a key named "__proto__"/],
    ['empty', '', /no entry/],
    ['binary', '\u0000\u0001', /binary/],
    ['a merge conflict', `${CLASSIC}<<<<<<< HEAD\na@1:\n=======\nb@1:\n>>>>>>> topic\n`, /unfinished merge/],
    ['cut off', `${CLASSIC}a@1:\n  version "1.0`, /not the grammar of yarn 1 \(line 4, column \d+\)/],
    ['of lines that end differently for others', `${CLASSIC}a@1:\n  version "1.0.0"\r  resolved "x"\n`, /carriage returns/],
    ['one endless line', `${CLASSIC}"a@${' '.repeat(900_000)}":\n  version "1.0.0"\n`, /too large to be read in any spelling/],
  ])('refuses what is %s', async (_what, text, reason) => {
    expect(await reasonOf(FILE, text)).toMatch(reason);
  });
});

function berry(key: string, version: string, resolution: string, more = ''): string {
  return `"${key}":\n  version: ${version}\n  resolution: "${resolution}"\n${more}  languageName: node\n  linkType: hard\n\n`;
}

describe('yarn 2 and later', () => {
  it('takes the name from "resolution", so that aliases show their package', async () => {
    const content = await read(
      FILE,
      BERRY +
        berry('cjs@npm:ansi-regex@^5.0.0', '5.0.1', 'ansi-regex@npm:5.0.1') +
        berry('@scope/a@^1.0.0, @scope/a@npm:^1.2.0', '1.2.3', '@scope/a@npm:1.2.3') +
        berry('c@npm:b@1', '1.0.0', 'c@npm:b@1.0.0'),
    );
    expect(packagesOf(content)).toEqual(['@scope/a@1.2.3', 'ansi-regex@5.0.1', 'b@1.0.0']);
  });

  it('counts a patched package once, as what it patches', async () => {
    const content = await read(
      FILE,
      BERRY +
        berry('resolve@npm:^1', '1.22.8', 'resolve@npm:1.22.8') +
        berry(
          'resolve@patch:resolve@npm%3A^1#optional!builtin<compat/resolve>',
          '1.22.8',
          'resolve@patch:resolve@npm%3A1.22.8#optional!builtin<compat/resolve>::version=1.22.8&hash=c3c19d',
        ) +
        berry('@s/x@patch:x', '2.0.0', '@s/x@patch:@s/x@patch%3A@s/x@npm%253A2.0.0%23one#two') +
        berry('lib@patch:lib', '0.0.0', 'lib@patch:lib@workspace%3Alib#three'),
    );
    expect(packagesOf(content)).toEqual(['@s/x@2.0.0', 'resolve@1.22.8']);
    expect(content.gaps).toEqual([]);
  });

  it('lists workspaces, links, portals and files as local, and says what a workspace declares in vain', async () => {
    const content = await read(
      FILE,
      BERRY +
        berry(
          'app@workspace:.',
          '0.0.0-use.local',
          'app@workspace:.',
          '  dependencies:\n    ms: "npm:^2"\n    "@s/gone": "npm:^1"\n    lib: "workspace:^"\n  bin:\n    app: x.js\n',
        ) +
        berry('lib@workspace:^, lib@workspace:lib', '0.0.0-use.local', 'lib@workspace:lib') +
        berry('p@portal:../p', '0.0.0-use.local', 'p@portal:../p::locator=app') +
        berry('l@link:l', '0.0.0-use.local', 'l@link:l') +
        berry('f@file:f', '1.0.0', 'f@file:f#f::hash=1') +
        berry('ms@npm:^2', '2.1.3', 'ms@npm:2.1.3'),
    );
    expect(packagesOf(content)).toEqual(['ms@2.1.3']);
    expect(localsOf(content)).toEqual([
      'app workspace:.',
      'lib workspace:lib',
      'p portal:../p::locator=app',
      'l link:l',
      'f file:f#f::hash=1',
    ]);
    expect(gapsOf(content)).toEqual(['unresolved @s/gone npm:^1']);
  });

  it('tells direct from transitive ones, lines, and the checksum with the way of packing', async () => {
    const text =
      BERRY +
      berry('app@workspace:.', '0.0.0-use.local', 'app@workspace:.', '  dependencies:\n    a: "npm:^1"\n    c: "npm:^1"\n') +
      berry('a@npm:^1', '1.0.0', 'a@npm:1.0.0', '  dependencies:\n    b: "npm:^2"\n  checksum: 10/0abc\n') +
      berry('b@npm:^2', '2.0.0', 'b@npm:2.0.0', '  checksum: 0def\n') +
      berry('c@npm:^3', '3.0.0', 'c@npm:3.0.0');
    const fact = (name: string, version: string, more: object): object => ({ ecosystem: 'NPM', name, version, ...more });
    expect((await read(FILE, text)).packages).toEqual([
      fact('a', '1.0.0', { relationship: 'direct', line: 14, integrity: 'zip10:0abc' }),
      fact('b', '2.0.0', { relationship: 'transitive', line: 23, integrity: 'zip10c0:0def' }),
      fact('c', '3.0.0', { relationship: 'direct', line: 30 }),
    ]);
  });

  it('tells a package that a key does not ask for', async () => {
    const content = await read(
      FILE,
      BERRY +
        berry('lodash@npm:^4', '1.0.0', 'evil@npm:1.0.0') +
        berry('ms@npm:other@^2', '2.0.0', 'evil@npm:2.0.0') +
        berry('@std/fs@jsr:^1', '1.0.0', '@jsr/std__fs@npm:1.0.0') +
        berry('pad@npm:left-pad', '1.3.0', 'left-pad@npm:1.3.0'),
    );
    expect(poisoningsOf(content)).toEqual(['other-package evil@1.0.0', 'other-package evil@2.0.0']);
  });

  it('makes gaps of git, of addresses and of entries without "resolution"', async () => {
    const content = await read(
      FILE,
      `${BERRY}${berry('a@https://git.example/a.git', '1.0.0', 'a@https://git.example/a.git#commit=0123456')}${berry('b@https://files.example/b.tgz', '1.0.0', 'b@https://files.example/b.tgz')}"c@npm:1":\n  version: 1.0.0\n`,
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual([
      'unsupported a https://git.example/a.git#commit=0123456',
      'unsupported b https://files.example/b.tgz',
      'unresolved c 1.0.0',
    ]);
  });

  it('compares the archive of a registry with the package', async () => {
    const archive = (name: string): string => encodeURIComponent(`https://registry.npm.example/${name}/-/${name}-1.0.0.tgz`);
    const content = await read(
      FILE,
      `${BERRY}${berry('a@npm:1', '1.0.0', `a@npm:1.0.0::__archiveUrl=${archive('a')}`)}${berry('b@npm:1', '1.0.0', `b@npm:1.0.0::__archiveUrl=${archive('evil')}`)}`,
    );
    expect(packagesOf(content)).toEqual(['a@1.0.0', 'b@1.0.0', 'evil@1.0.0']);
    expect(poisoningsOf(content)).toEqual(['other-package b@1.0.0']);
    expect(content.registries).toEqual([{ ecosystem: 'NPM', host: 'registry.npm.example', entryCount: 2 }]);
  });

  it('believes "resolution" where "version" says another thing, and calls it poisoning', async () => {
    const content = await read(FILE, BERRY + berry('a@npm:1', '9.9.9', 'a@npm:1.0.0'));
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(content.poisonings).toEqual([
      {
        rule: 'other-version',
        packageVersion: { ecosystem: 'NPM', name: 'a', version: '1.0.0' },
        detail: 'a has version 9.9.9, but resolves to 1.0.0, which is what yarn fetches',
      },
    ]);
  });

  it('reads a key that is too long for one line', async () => {
    const ranges = Array.from({ length: 200 }, (_, index) => `ms@npm:^2.0.${index}`).join(', ');
    expect(packagesOf(await read(FILE, `${BERRY}? "${ranges}"\n:\n  version: 2.1.3\n  resolution: "ms@npm:2.1.3"\n`))).toEqual([
      'ms@2.1.3',
    ]);
  });

  it('accepts a project without dependencies', async () => {
    expect(await read(FILE, BERRY + berry('app@workspace:.', '0.0.0-use.local', 'app@workspace:.'))).toMatchObject({
      packages: [],
      gaps: [],
    });
  });

  it('refuses a file of yarn 2 without any entry', async () => {
    expect(await reasonOf(FILE, BERRY)).toMatch(/no entry, not even of the project itself/);
  });

  it.each([
    ['indented by four', (text: string) => text.replaceAll('\n  ', '\n    ')],
    ['with a comment', (text: string) => text.replace('version: 1.0.0', 'version: 1.0.0 # said')],
    ['with a space before a colon', (text: string) => text.replace('version: 1', 'version : 1')],
    ['in single quotes', (text: string) => text.replaceAll('"', "'")],
    [
      'as JSON',
      () =>
        '{"__metadata":\n{}}'.replace('{"__metadata":', '__metadata:').replace('{}}', ' version: 8\n') +
        '"a@npm:1": {"version": "1.0.0", "resolution": "a@npm:1.0.0"}\n',
    ],
  ])('reads YAML that yarn does not write: %s', async (_what, change) => {
    const content = await read(FILE, change(BERRY + berry('a@npm:1', '1.0.0', 'a@npm:1.0.0')));
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(content.packages[0]?.line).toBeUndefined();
  });

  it.each([
    ['a list', `${BERRY}- a\n`],
    ['cut off', `${BERRY}"a@npm:1":\n  version: 1.0.0\n  resolution: "a@np`],
    ['a key of its own', `${BERRY}? "a@npm:1"\n`],
    ['doubled in another spelling', `${BERRY}"a@npm:1": {}\n'a@npm:1': {}\n`],
    ['a bomb of aliases', `${BERRY}a0: &a0 [x, x]\na1: &a1 [*a0, *a0]\n"a@npm:1": {version: *a1}\n`],
    ['a list of fields', `${BERRY}"a@npm:1":\n- version: 1.0.0\n`],
  ])('refuses what is %s', async (_what, text) => {
    expect(await reasonOf(FILE, text)).toMatch(/^not a yarn.lock: (?:not valid YAML|"a@npm:1" is no entry)/);
  });
});

describe('yarn, damage', () => {
  it('loses no package of yarn 1 in silence', async () => {
    const text =
      CLASSIC +
      classic('kappa@^1.0.0, kappa@^1.2.0', '1.2.3', tarball('kappa', '1.2.3')) +
      classic('"@mu/nu@^2.0.0"', '2.3.4', tarball('@mu/nu', '2.3.4')) +
      classic('"rho@npm:sigma@^8.0.0"', '8.9.1', tarball('sigma', '8.9.1')) +
      classic('omicron@~5.6.0', '5.6.7', tarball('omicron', '5.6.7'));
    await expectNoSilentLoss(FILE, text);
  });

  it('loses no package of yarn 4 in silence', async () => {
    const text =
      BERRY +
      berry(
        'app@workspace:.',
        '0.0.0-use.local',
        'app@workspace:.',
        '  dependencies:\n    kappa: "npm:^1.0.0"\n    "@mu/nu": "npm:^2.0.0"\n',
      ) +
      berry('kappa@npm:^1.0.0', '1.2.3', 'kappa@npm:1.2.3') +
      berry('@mu/nu@npm:^2.0.0', '2.3.4', '@mu/nu@npm:2.3.4') +
      berry('rho@npm:sigma@^8.0.0', '8.9.1', 'sigma@npm:8.9.1');
    await expectNoSilentLoss(FILE, text);
  });
});
