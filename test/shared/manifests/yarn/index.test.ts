import { describe, expect, it } from 'vitest';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

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

  it('leaves out links, files and folders', async () => {
    const content = await read(
      FILE,
      CLASSIC +
        classic('"a@link:./deps/a"', '0.0.0') +
        classic('"b@file:./b", b@~1.0.0', '1.0.0') +
        classic('"c@file:c.tgz"', '1.0.0', 'file:c.tgz#0123456') +
        classic('"d@../d"', '1.0.0'),
    );
    expect(content).toEqual({ status: 'read', packages: [], gaps: [], warnings: [] });
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

  it('lists what a "resolutions" entry fetches beside what the key names, with a warning', async () => {
    const content = await read(FILE, CLASSIC + classic('polyfill@^1', '1.5.2', tarball('@fork/polyfill', '1.5.2')));
    expect(packagesOf(content)).toEqual(['@fork/polyfill@1.5.2', 'polyfill@1.5.2']);
    expect(content.warnings).toEqual([
      'polyfill@1.5.2 is fetched as @fork/polyfill@1.5.2: another package or version than the entry claims',
    ]);
  });

  it('warns of plain HTTP', async () => {
    const content = await read(FILE, CLASSIC + classic('ms@^2', '2.1.3', tarball('ms', '2.1.3', 'http://registry.npm.example')));
    expect(packagesOf(content)).toEqual(['ms@2.1.3']);
    expect(content.warnings).toEqual(['1 package is fetched over plain HTTP, such as ms']);
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
    ['text', 'this is not a lock file\nat all\n', /line 1 is of no form/],
    ['text with a colon', 'Dear all:\n  please note\n', /line 2 is of no form|no list of packages/],
    ['empty', '', /no entry/],
    ['binary', '\u0000\u0001', /binary/],
    ['a merge conflict', `${CLASSIC}<<<<<<< HEAD\na@1:\n=======\nb@1:\n>>>>>>> topic\n`, /unfinished merge/],
    ['cut off', `${CLASSIC}a@1:\n  version "1.0`, /line 4 is of no form/],
    ['of lines that end differently for others', `${CLASSIC}a@1:\n  version "1.0.0"\r  resolved "x"\n`, /carriage returns/],
    ['one endless line', `${CLASSIC}"a@${' '.repeat(70_000)}":\n  version "1.0.0"\n`, /line 3 has 700\d\d characters/],
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

  it('leaves out workspaces, links, portals and files, and says what a workspace declares in vain', async () => {
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
    expect(gapsOf(content)).toEqual(['unresolved @s/gone npm:^1']);
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
    expect(content.warnings).toHaveLength(1);
  });

  it('believes "resolution" where "version" says another thing, with a warning', async () => {
    const content = await read(FILE, BERRY + berry('a@npm:1', '9.9.9', 'a@npm:1.0.0'));
    expect(packagesOf(content)).toEqual(['a@1.0.0']);
    expect(content.warnings).toEqual(['a has version 9.9.9, but resolves to 1.0.0: the latter is what yarn fetches']);
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
    ['a list', `${BERRY}- a\n`],
    ['cut off', `${BERRY}"a@npm:1":\n  version: 1.0.0\n  resolution: "a@np`],
    ['a key of its own', `${BERRY}? "a@npm:1"\n`],
    ['oddly indented', `${BERRY}"a@npm:1":\n   version: 1.0.0\n`],
  ])('refuses what is %s', async (_what, text) => {
    expect(await reasonOf(FILE, text)).toMatch(/line \d+ is of no form that yarn writes/);
  });
});
