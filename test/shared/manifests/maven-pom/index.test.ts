import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectNoSilentLoss } from '../mutations.ts';
import { bytesOf, contentOf, gapsOf, localsOf, packagesOf, read, reasonOf } from '../reading.ts';
import { dependencies, dependency, managed, parent, pom, properties } from './poms.ts';

const APP = 'org.acme:app:1.0';
const FILE = 'pom.xml';

describe('maven-pom', () => {
  it('lists what the file pins, with scope and whether it is optional', async () => {
    const content = await read(
      FILE,
      pom(
        APP,
        `<dependencies>${dependency('com.example:core:1.2')}${dependency('com.example:checks:2.0', '<scope>test</scope>')}
        ${dependency('com.example:maybe:3.0', '<optional>true</optional>')}${dependency('com.example:given:4.0', '<scope>provided</scope>')}</dependencies>`,
      ),
    );
    expect(content.packages).toEqual([
      { ecosystem: 'MAVEN', name: 'com.example:checks', version: '2.0', relationship: 'direct', isDevelopment: true, isOptional: false },
      { ecosystem: 'MAVEN', name: 'com.example:core', version: '1.2', relationship: 'direct', isDevelopment: false, isOptional: false },
      { ecosystem: 'MAVEN', name: 'com.example:given', version: '4.0', relationship: 'direct', isDevelopment: false, isOptional: false },
      { ecosystem: 'MAVEN', name: 'com.example:maybe', version: '3.0', relationship: 'direct', isDevelopment: false, isOptional: true },
    ]);
    expect(localsOf(content)).toEqual(['org.acme:app 1.0']);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it('takes the version that is managed only where a dependency has none', async () => {
    const content = await read(
      FILE,
      pom(
        APP,
        managed(
          dependency('a:one:1'),
          dependency('a:two:2', '<scope>test</scope>'),
          dependency('a:unused:3'),
          dependency('a:jar:4', '<type>test-jar</type>'),
        ),
        dependencies('a:one:1.1', 'a:two', 'a:jar'),
      ),
    );
    expect(packagesOf(content)).toEqual(['a:one@1.1', 'a:two@2']);
    expect(content.packages[1]?.isDevelopment).toBe(true);
    expect(gapsOf(content)).toEqual(['unresolved a:jar']);
  });

  it('keeps each version of a name, in and out of profiles, and of each classifier', async () => {
    const profile = `<profiles><profile><id>old</id>${dependencies('a:one:0.9')}</profile></profiles>`;
    const content = await read(
      FILE,
      pom(APP, `<dependencies>${dependency('a:one:1')}${dependency('a:one:2', '<classifier>linux</classifier>')}</dependencies>`, profile),
    );
    expect(packagesOf(content)).toEqual(['a:one@0.9', 'a:one@1', 'a:one@2']);
    expect(content.packages[0]?.groups).toEqual(['old']);
  });

  it('does not list plugins and their dependencies', async () => {
    const plugin = `<build><plugins><plugin><artifactId>p</artifactId><version>1</version>${dependencies('a:hidden:1')}</plugin></plugins></build>`;
    expect(packagesOf(await read(FILE, pom(APP, plugin, dependencies('a:one:1'))))).toEqual(['a:one@1']);
  });

  it.each([
    ['[1.0,2.0)', 'range'],
    ['LATEST', 'time to time'],
    [`\${unknown}`, 'unknown is not set'],
    [`\${env.VERSION}`, 'env.VERSION is not set'],
    [`\${open`, 'not closed'],
    ['1 0', 'not a version'],
    ['1.0<!-- -->\u200b', 'not a version'],
  ])('tells the version %s', async (version, reason) => {
    const content = await read(FILE, pom(APP, dependencies(`a:b:${version}`)));
    expect(content.packages).toEqual([]);
    expect(content.gaps).toMatchObject([{ state: 'unresolved', name: 'a:b' }]);
    expect(content.gaps[0]?.reason).toContain(reason);
  });

  it('takes a hard requirement, and text with comments and white space in it', async () => {
    const content = await read(FILE, pom(APP, dependencies('a:hard:[1.0]', 'a:text:\n  1.<!-- x -->5\n', 'a:cdata:<![CDATA[2.0]]>')));
    expect(packagesOf(content)).toEqual(['a:cdata@2.0', 'a:hard@1.0', 'a:text@1.5']);
  });

  it('tells dependencies without legal coordinates', async () => {
    const content = await read(
      FILE,
      pom(
        APP,
        `<dependencies><dependency><artifactId>b</artifactId><version>1</version></dependency><dependency/>${dependency('a/c:d:1')}</dependencies>`,
      ),
    );
    expect(content.packages).toEqual([]);
    expect(gapsOf(content)).toEqual(['unresolved :b 1', 'unresolved :', 'unresolved a/c:d 1']);
  });

  it('takes what lies on a disk for our own', async () => {
    const system = dependency('a:b:1', `<scope>system</scope><systemPath>\${basedir}/lib/b.jar</systemPath>`);
    const content = await read(FILE, pom(APP, `<dependencies>${system}</dependencies>`));
    expect(content.packages).toEqual([]);
    expect(localsOf(content)).toContain('a:b 1');
  });

  it('warns of scopes and sections that Maven does not know', async () => {
    const content = await read(
      FILE,
      pom(APP, '<dependencys/>', `<dependencies>${dependency('a:b:1', '<scope>tset</scope>')}</dependencies>`),
    );
    expect(packagesOf(content)).toEqual(['a:b@1']);
    expect(content.warnings).toEqual([expect.stringContaining('<dependencys>'), expect.stringContaining('tset')]);
  });

  it('finds nothing in a file that declares nothing', async () => {
    const content = await read(FILE, '<project><artifactId>a</artifactId></project>');
    expect([content.packages, content.gaps, localsOf(content)]).toEqual([[], [], [':a']]);
  });

  it('warns of elements of a dependency that Maven does not know', async () => {
    const content = await read(FILE, pom(APP, `<dependencies>${dependency('a:b:1', '<versoin>2</versoin>')}</dependencies>`));
    expect(packagesOf(content)).toEqual(['a:b@1']);
    expect(content.warnings).toEqual([expect.stringContaining('<versoin>')]);
  });

  it('knows the entities of HTML, as Maven does, and no others', async () => {
    const text = pom(APP, '<name>Se&ntilde;or &amp; Se&ntilde;ora &copy; &mdash;</name>', dependencies('a:b:1'));
    expect(packagesOf(await read(FILE, text))).toEqual(['a:b@1']);
    expect(await reasonOf(FILE, text.replace('&copy;', '&own;'))).toContain('&own;');
  });

  it('reads UTF-16 with its mark, and the encoding that the document declares', async () => {
    const text = pom(APP, '<name>Señor</name>', dependencies('a:b:1'));
    const utf16 = Buffer.from(`\ufeff${text.replace('UTF-8', 'UTF-16')}`, 'utf16le');
    expect(packagesOf(await read(FILE, utf16))).toEqual(['a:b@1']);
    const latin1 = await read(FILE, Buffer.from(text.replace('UTF-8', 'ISO-8859-1'), 'latin1'));
    expect([packagesOf(latin1), latin1.warnings]).toEqual([['a:b@1'], []]);
    const undeclared = await read(FILE, Buffer.from(text, 'latin1'));
    expect(undeclared.warnings).toEqual([expect.stringContaining('UTF-8')]);
  });

  it.each([
    ['an empty file', ''],
    ['another document', '<settings/>'],
    ['a project of nothing', '<project a="1"/>'],
    ['a cut file', pom(APP, dependencies('a:b:1')).slice(0, -20)],
    ['a document type', `<!DOCTYPE project [<!ENTITY v "1">]><project>${dependencies('a:b:1')}</project>`],
    ['text between dependencies', pom(APP, `<dependencies>${dependency('a:b:1')} and ${dependency('a:c:1')}</dependencies>`)],
    ['an element twice', pom(APP, `<dependencies>${dependency('a:b:1', '<version>2</version>')}</dependencies>`)],
    ['dependencies twice', pom(APP, dependencies('a:b:1'), dependencies('a:c:1'))],
    ['an unknown element among dependencies', pom(APP, `<dependencies><dependancy/>${dependency('a:b:1')}</dependencies>`)],
    ['UTF-16 without its mark', Buffer.from(pom(APP), 'utf16le').toString('latin1')],
    ['an unfinished merge', `<project>\n<<<<<<< a\n<x/>\n=======\n<y/>\n>>>>>>> b\n</project>`],
    [
      'more than 100,000 dependencies',
      `<project>${'<dependencies/>'.replace('/', `>${'<dependency/>'.repeat(400_001)}</dependencies`)}</project>`,
    ],
  ])('refuses %s', async (_, text) => {
    expect(await reasonOf(FILE, text)).not.toContain('reader failed');
  });

  it('takes the names of Object.prototype for data', async () => {
    const content = await read(
      FILE,
      pom('constructor:toString:1', properties({ v: '2' }), dependencies(`constructor:hasOwnProperty:\${v}`, `a:b:\${constructor}`)),
    );
    expect(packagesOf(content)).toEqual(['constructor:hasOwnProperty@2']);
    expect(gapsOf(content)).toEqual([`unresolved a:b \${constructor}`]);
  });

  it('reads back what was written', async () => {
    const id = fc.stringMatching(/^[a-z][a-zA-Z0-9_.-]{0,12}$/);
    const version = fc.stringMatching(/^[0-9][0-9A-Za-z.-]{0,8}$/);
    const how = fc.constantFrom('plain', 'property', 'managed', 'profile', 'pin');
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(id, id, version, how), { selector: ([group, name]) => `${group}:${name}`, maxLength: 20 }),
        async (entries) => {
          const of = (wanted: string) => entries.filter(([, , , each]) => each === wanted);
          const names = new Map(entries.map((entry, index) => [entry, `v${index}`]));
          const text = pom(
            APP,
            properties(Object.fromEntries(of('property').map((entry) => [names.get(entry) ?? '', entry[2]]))),
            managed(...of('managed').map(([group, name, number]) => dependency(`${group}:${name}:${number}`))),
            dependencies(
              ...of('plain').map(([group, name, number]) => `${group}:${name}:${number}`),
              ...of('pin').map(([group, name, number]) => `${group}:${name}:[${number}]`),
              ...of('property').map((entry) => `${entry[0]}:${entry[1]}:\${${names.get(entry)}}`),
              ...of('managed').map(([group, name]) => `${group}:${name}`),
            ),
            `<profiles>${of('profile')
              .map(([group, name, number]) => `<profile>${dependencies(`${group}:${name}:${number}`)}</profile>`)
              .join('')}</profiles>`,
          );
          const content = await read(FILE, text);
          expect(content.gaps).toEqual([]);
          expect(new Set(packagesOf(content))).toEqual(new Set(entries.map(([group, name, number]) => `${group}:${name}@${number}`)));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('loses nothing in silence when a character is damaged', async () => {
    const text = pom(
      'org.acme:app:7.7',
      parent('org.acme:base:7.6', ''),
      properties({ 'core.version': '1.25' }),
      managed(dependency('net.example:managed:2.13')),
      dependencies(`com.example:core:\${core.version}`, 'com.example:strings:3.31', 'net.example:managed'),
      `<profiles><profile><id>extra</id>${dependencies('org.extra:more:[4.19]')}</profile></profiles>`,
    );
    await expectNoSilentLoss(FILE, text);
  });
});

describe('maven-pom: properties', () => {
  const versionOf = async (version: string, ...parts: readonly string[]): Promise<string> => {
    const content = await read(FILE, pom(APP, ...parts, dependencies(`a:b:${version}`)));
    return packagesOf(content)[0] ?? content.gaps[0]?.reason ?? '';
  };

  it.each([
    [`\${project.version}`, '1.0'],
    [`\${pom.version}`, '1.0'],
    [`\${version}`, '1.0'],
    [`\${v}`, '3.0'],
    [`\${nested}`, '3.0-x'],
    [`\${v}-\${project.version}`, '3.0-1.0'],
    [`\${dotted.name}`, '4'],
  ])('fills in %s', async (version, expected) => {
    expect(await versionOf(version, properties({ v: '3.0', nested: `\${v}-x`, 'dotted.name': ' 4 ' }))).toBe(`a:b@${expected}`);
  });

  it('prefers a property to a field by its short name, and a field by its full name to a property', async () => {
    const values = properties({ version: '8', 'project.version': '9' });
    expect(await versionOf(`\${version}`, values)).toBe('a:b@8');
    expect(await versionOf(`\${project.version}`, values)).toBe('a:b@1.0');
  });

  it('fills in names', async () => {
    const content = await read(
      FILE,
      pom(APP, properties({ scala: '2.13' }), dependencies(`\${project.groupId}.x:core_\${scala}:1`, `\${no}:x:1`)),
    );
    expect(packagesOf(content)).toEqual(['org.acme.x:core_2.13@1']);
    expect(gapsOf(content)).toEqual([`unresolved \${no}:x 1`]);
  });

  it('ends cycles, and texts that grow without bound', async () => {
    expect(await versionOf(`\${a}`, properties({ a: `\${b}`, b: `\${a}` }))).toContain('refers to itself');
    expect(await versionOf(`\${a}`, properties({ a: `\${a}` }))).toContain('refers to itself');
    const growing = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`p${index}`, `\${p${index + 1}}`.repeat(4)]));
    expect(await versionOf(`\${p0}`, properties({ ...growing, p30: 'x' }))).toContain('more than');
    const deep = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`p${index}`, `\${p${index + 1}}`]));
    expect(await versionOf(`\${p0}`, properties(deep))).toContain('more than');
    expect(await versionOf(`\${`.repeat(200_000))).toContain('characters');
  });

  it('takes what profiles that are active by default set, and what all the others agree on', async () => {
    const profile = (id: string, activation: string, values: Record<string, string>) =>
      `<profile><id>${id}</id>${activation}${properties(values)}</profile>`;
    const profiles = `<profiles>${profile('x', '<activation><activeByDefault>true</activeByDefault></activation>', { v: '2' })}
      ${profile('y', '', { v: '3', agreed: '4', open: '5' })}${profile('z', '', { agreed: '4', open: '6' })}</profiles>`;
    expect(await versionOf(`\${v}`, properties({ v: '1' }), profiles)).toBe('a:b@2');
    expect(await versionOf(`\${agreed}`, profiles)).toBe('a:b@4');
    expect(await versionOf(`\${open}`, profiles)).toContain('different values');
  });

  it('reads the dependencies of a profile with its properties and managed versions', async () => {
    const profile = `<profiles><profile><id>x</id>${properties({ v: '2' })}${managed(dependency('a:m:3'))}${dependencies(`a:b:\${v}`, 'a:m', 'a:n')}</profile></profiles>`;
    const content = await read(
      FILE,
      pom(APP, properties({ v: '1' }), managed(dependency('a:m:9'), dependency(`a:n:\${v}`)), dependencies(`a:c:\${v}`), profile),
    );
    expect(packagesOf(content)).toEqual(['a:b@2', 'a:c@1', 'a:m@3', 'a:n@2']);
  });

  it('reads a hostile one without delay', async () => {
    const text = pom(
      APP,
      `<profiles>${`<profile>${managed(dependency('a:b:1'))}</profile>`.repeat(5_000)}</profiles>`,
      managed(...Array.from({ length: 5_000 }, (_, index) => dependency(`a:m${index}:1`))),
    );
    expect(await contentOf(FILE, bytesOf(text))).toMatchObject({ status: 'read' });
  });
});
