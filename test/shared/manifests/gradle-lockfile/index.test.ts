import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gradleLockfile } from '../../../../shared/manifests/gradle-lockfile/index.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { bytesOf, gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'app/gradle.lockfile';
const LOCK = `# This is a Gradle generated file for dependency locking.

org.acme:core:1.2.3=compileClasspath,runtimeClasspath,testRuntimeClasspath
org.acme:tools_2.13:9+181-r4=annotationProcessor
com.example.util:strings:v3-rev2-2.0.0=testCompileClasspath,testRuntimeClasspath
net.example:client:0.1-SNAPSHOT=debugUnitTestRuntimeClasspath
com.example.build:com.example.build.gradle.plugin:8.4.0=classpath
empty=kapt,testAnnotationProcessor
`;

describe('gradle-lockfile', () => {
  it.each([
    'gradle.lockfile',
    'app/buildscript-gradle.lockfile',
    'settings-gradle.lockfile',
    'locking/gradle-2.13.lockfile',
    'gradle/dependency-locks/compileClasspath.lockfile',
    'app/gradle/dependency-locks/buildscript-classpath.lockfile',
  ])('reads %s', (path) => {
    expect(gradleLockfile.matches(path)).toBe(true);
  });

  it.each(['gradle.lock', 'conda.lockfile', 'dependency-locks/x.lockfile', 'gradle/dependency-locks/a/x.lockfile', 'mygradle.lockfile'])(
    'leaves %s alone',
    (path) => {
      expect(gradleLockfile.matches(path)).toBe(false);
    },
  );

  it('lists each line with its configurations, and tells what only tests need', async () => {
    const { packages, gaps, warnings } = await read(PATH, LOCK);
    expect(gaps).toEqual([]);
    expect(warnings).toEqual([]);
    expect(packages.map(({ name, version, line, groups, isDevelopment }) => ({ name, version, line, groups, isDevelopment }))).toEqual([
      {
        name: 'com.example.build:com.example.build.gradle.plugin',
        version: '8.4.0',
        line: 7,
        groups: ['classpath'],
        isDevelopment: false,
      },
      {
        name: 'com.example.util:strings',
        version: 'v3-rev2-2.0.0',
        line: 5,
        groups: ['testCompileClasspath', 'testRuntimeClasspath'],
        isDevelopment: true,
      },
      { name: 'net.example:client', version: '0.1-SNAPSHOT', line: 6, groups: ['debugUnitTestRuntimeClasspath'], isDevelopment: true },
      {
        name: 'org.acme:core',
        version: '1.2.3',
        line: 3,
        groups: ['compileClasspath', 'runtimeClasspath', 'testRuntimeClasspath'],
        isDevelopment: false,
      },
      { name: 'org.acme:tools_2.13', version: '9+181-r4', line: 4, groups: ['annotationProcessor'], isDevelopment: false },
    ]);
  });

  it('keeps two versions of one name, and reads Windows line ends and lines after "empty="', async () => {
    const content = await read(PATH, 'empty=\r\norg.acme:core:1.0=a\r\norg.acme:core:2.0=b');
    expect(packagesOf(content)).toEqual(['org.acme:core@1.0', 'org.acme:core@2.0']);
    expect(content.gaps).toEqual([]);
  });

  it('reads the file of one configuration, which is named by the file', async () => {
    const content = await read('gradle/dependency-locks/testRuntimeClasspath.lockfile', '# comment\norg.acme:core:1.0\n');
    expect(content.packages).toMatchObject([{ name: 'org.acme:core', groups: ['testRuntimeClasspath'], isDevelopment: true }]);
    expect((await read('gradle/dependency-locks/kapt.lockfile', '# This is a Gradle generated file.\n')).packages).toEqual([]);
  });

  it('finds nothing where nothing is locked', async () => {
    const content = await read(PATH, 'empty=\n');
    expect([content.packages, content.gaps, content.warnings]).toEqual([[], [], []]);
  });

  it('tells each line that it does not understand', async () => {
    const lines = [
      'nonsense',
      'a:b=c',
      '::=x',
      'a:b:c:d=x',
      'a:b:1.0',
      'a:b:1.0=',
      'a:b:1.0=x=y',
      'a:b:1.0=c:d',
      ' a:b:1.0=c',
      'a b:c:1=x',
    ];
    const content = await read(PATH, `org.acme:core:1.0=a\n${lines.join('\n')}\nempty=\n`);
    expect(packagesOf(content)).toEqual(['org.acme:core@1.0']);
    expect(gapsOf(content)).toEqual(lines.map((line) => `unresolved ${line.trim()}`));
    expect(content.gaps[0]?.reason).toContain('line 2');
  });

  it('tells versions that are none', async () => {
    const content = await read(PATH, 'a:b:latest.release=x\na:d:[1,2)=x\nempty=\n');
    expect(gapsOf(content)).toEqual(['unresolved a:b latest.release', 'unresolved a:d [1,2)']);
  });

  it('warns where the last line of Gradle is missing', async () => {
    expect((await read(PATH, 'org.acme:core:1.0=a\n')).warnings).toEqual([expect.stringContaining('empty=')]);
  });

  it('tells a package that stands in the line of the empty configurations', async () => {
    expect(gapsOf(await read(PATH, 'empty=a,borg.acme:core:1.0=a\n'))).toHaveLength(1);
  });

  it.each([
    ['an empty file', ''],
    ['only comments', '# This is a Gradle generated file.\n'],
    ['another file', '{"lockfileVersion": 3}\n'],
    ['an unfinished merge', '<<<<<<< ours\na:b:1=c\n=======\na:b:2=c\n>>>>>>> theirs\nempty=\n'],
    ['binary bytes', 'a:b:1=c\u0000\nempty=\n'],
    ['a line within a line', 'a:b:1=c\ra:d:1=c\nempty=\n'],
    ['a line without end', `a:b:1=${'c'.repeat(70_000)}\nempty=\n`],
    ['more lines than any build', `${Array.from({ length: 400_001 }, (_, index) => `a:b${index}:1=c\n`).join('')}empty=\n`],
  ])('refuses %s', async (_, text) => {
    expect(await reasonOf(PATH, text)).not.toContain('reader failed');
  });

  it('replaces nothing in silence: bytes that are no UTF-8 are said', async () => {
    const content = await read(PATH, Uint8Array.of(0x23, 0xff, 0x0a, ...bytesOf('a:b:1=c\nempty=\n')));
    expect(content.warnings).toEqual([expect.stringContaining('UTF-8')]);
  });

  it('takes the names of Object.prototype for data', async () => {
    const content = await read(PATH, '__proto__:constructor:1=__proto__,toString\nempty=__proto__\n');
    expect(content.packages).toMatchObject([{ name: '__proto__:constructor', groups: ['__proto__', 'toString'] }]);
  });

  it('reads back what was written', async () => {
    const id = fc.stringMatching(/^[a-z][a-zA-Z0-9_.-]{0,12}$/);
    const version = fc.stringMatching(/^[0-9a-z][0-9A-Za-z.-]{0,8}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(id, id, version, id), { selector: (entry) => entry.join(), maxLength: 20 }),
        async (entries) => {
          const text = entries.map(([group, name, number, use]) => `${group}:${name}:${number}=${use}\n`).join('');
          const expected = new Set(entries.map(([group, name, number]) => `${group}:${name}@${number}`));
          expect(new Set(packagesOf(await read(PATH, `# x\n${text}empty=\n`)))).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('loses nothing in silence when a character is damaged', async () => {
    await expectNoSilentLoss(PATH, LOCK);
  });
});
