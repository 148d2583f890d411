import { describe, expect, it } from 'vitest';
import { gapsOf, localsOf, packagesOf, read } from '../reading.ts';
import { dependencies, dependency, IMPORT, managed, parent, pom, properties } from './poms.ts';

const PATH = 'services/app/pom.xml';
const PARENT = 'org.acme:base:1.0';

describe('maven-pom: parents', () => {
  it('takes properties, managed versions and dependencies of parents', async () => {
    const content = await read(
      PATH,
      pom(':app:', parent(PARENT), properties({ v: '2' }), dependencies('a:one', `a:two:\${far}`, `a:own:\${v}`)),
      {
        'services/pom.xml': pom(
          ':base:',
          parent('org.acme:root:1.0'),
          properties({ v: '1', w: `\${v}.5` }),
          managed(dependency(`a:one:\${w}`)),
          dependencies('a:common:7'),
        ),
        'pom.xml': pom('org.acme:root:1.0', properties({ far: '9' }), managed(dependency('a:one:0')), dependencies('a:top:8')),
      },
    );
    expect(packagesOf(content)).toEqual(['a:common@7', 'a:one@2.5', 'a:own@2', 'a:top@8', 'a:two@9']);
    expect(content.gaps).toEqual([]);
    expect(localsOf(content)).toEqual(['org.acme:app 1.0']);
  });

  it('lists the nearest of a dependency that a parent has too', async () => {
    const content = await read(PATH, pom(':app:', parent(PARENT), dependencies('a:one:2')), {
      'services/pom.xml': pom(PARENT, dependencies('a:one:1', 'a:two:1')),
    });
    expect(packagesOf(content)).toEqual(['a:one@2', 'a:two@1']);
  });

  it('reads a managed version in the light of the project, as Maven inherits before it fills in', async () => {
    const content = await read(PATH, pom(':app:5.0', parent(PARENT), dependencies('b:other')), {
      'services/pom.xml': pom(PARENT, managed(dependency(`b:other:\${project.version}`))),
    });
    expect(packagesOf(content)).toEqual(['b:other@5.0']);
  });

  it.each([
    ['../pom.xml', 'services/pom.xml'],
    ['..', 'services/pom.xml'],
    ['../../parent', 'parent/pom.xml'],
    ['../../parent/base.xml', 'parent/base.xml'],
    ['..\\..\\parent', 'parent/pom.xml'],
  ])('finds the parent at %s', async (relativePath, file) => {
    const content = await read(PATH, pom(':app:', parent(PARENT, relativePath), dependencies('a:b')), {
      [file]: pom(PARENT, managed(dependency('a:b:1'))),
    });
    expect(packagesOf(content)).toEqual(['a:b@1']);
  });

  it.each([
    ['there is none', undefined, {}, 'there is no services/pom.xml'],
    ['its place is empty', '', { 'services/pom.xml': pom(PARENT) }, 'registry'],
    ['it is out of the repository', '../../../pom.xml', {}, 'out of the repository'],
    ['it is another project', undefined, { 'services/pom.xml': pom('org.acme:other:1.0') }, 'another project'],
    ['it is another version', undefined, { 'services/pom.xml': pom('org.acme:base:2.0') }, 'version 2.0'],
    ['it cannot be read', undefined, { 'services/pom.xml': '<project>' }, 'cannot be read'],
  ])('tells a parent when %s', async (_, relativePath, siblings, reason) => {
    const content = await read(
      PATH,
      pom(':app:', parent(PARENT, relativePath), dependencies('a:b', `a:c:\${d}`, 'a:e:1')),
      siblings as Record<string, string>,
    );
    expect(packagesOf(content)).toEqual(['a:e@1']);
    expect(gapsOf(content)).toEqual(['unresolved org.acme:base 1.0', 'unresolved a:b', `unresolved a:c \${d}`]);
    expect(content.gaps[0]?.reason).toContain(reason);
    expect(content.gaps[1]?.reason).toContain('the parent org.acme:base');
    expect(content.gaps[2]?.reason).toContain('the parent org.acme:base');
  });

  it('ends where parents are parents of themselves', async () => {
    const content = await read('a/pom.xml', pom('org.acme:a:1', parent('org.acme:b:1', '../b'), dependencies('x:y:1')), {
      'b/pom.xml': pom('org.acme:b:1', parent('org.acme:a:1', '../a')),
    });
    expect(packagesOf(content)).toEqual(['x:y@1']);
    expect(content.gaps[0]?.reason).toContain('parent of itself');
  });

  it('follows a version that all modules share by a property', async () => {
    const content = await read(PATH, pom(':app:', parent(`org.acme:base:\${revision}`), dependencies(`b:c:\${project.version}`)), {
      'services/pom.xml': pom(`org.acme:base:\${revision}`, properties({ revision: '3.1' })),
    });
    expect(packagesOf(content)).toEqual(['b:c@3.1']);
  });

  it('takes the coordinates of a parent that is named by its place alone', async () => {
    const content = await read(PATH, pom(':app:', '<parent/>', dependencies(`b:c:\${project.version}`)), {
      'services/pom.xml': pom('org.acme:base:4'),
    });
    expect(packagesOf(content)).toEqual(['b:c@4']);
    expect(localsOf(content)).toEqual(['org.acme:app 4']);
  });
});

describe('maven-pom: imported lists of versions', () => {
  const BOM = dependency('org.acme:acme-bom:1.0', IMPORT);
  const ROOT = pom('org.acme:root:1.0', '<modules><module>bom</module><module>app</module></modules>');

  it('reads one of the repository by its own properties', async () => {
    const content = await read(
      'app/pom.xml',
      pom('org.acme:app:1.0', properties({ v: '1' }), managed(BOM, dependency(`a:near:\${v}`)), dependencies('a:one', 'a:near')),
      {
        'pom.xml': ROOT,
        'bom/pom.xml': pom('org.acme:acme-bom:1.0', properties({ v: '2' }), managed(dependency(`a:one:\${v}`), dependency('a:near:9'))),
      },
    );
    expect(packagesOf(content)).toEqual(['a:near@1', 'a:one@2']);
    expect(content.gaps).toEqual([]);
  });

  it('tells one that the repository does not have, once for all that may need it', async () => {
    const content = await read(
      'pom.xml',
      pom('org.acme:app:1.0', managed(dependency('net.example:list:4', IMPORT)), dependencies('a:one', 'a:two:2')),
    );
    expect(packagesOf(content)).toEqual(['a:two@2']);
    expect(gapsOf(content)).toEqual(['unresolved net.example:list 4', 'unresolved a:one']);
    expect(content.gaps[1]?.reason).toContain('the imported net.example:list');
  });

  it('does not take one of another version, nor one that imports itself', async () => {
    const content = await read(
      'app/pom.xml',
      pom('org.acme:app:1.0', managed(dependency('org.acme:acme-bom:0.9', IMPORT)), dependencies('a:one')),
      {
        'pom.xml': ROOT,
        'bom/pom.xml': pom('org.acme:acme-bom:1.0', managed(dependency('a:one:1'))),
      },
    );
    expect(gapsOf(content)).toEqual(['unresolved org.acme:acme-bom 0.9', 'unresolved a:one']);
    const cycle = await read('app/pom.xml', pom('org.acme:app:1.0', managed(BOM), dependencies('a:one')), {
      'pom.xml': ROOT,
      'bom/pom.xml': pom('org.acme:acme-bom:1.0', managed(BOM, dependency('a:one:1'))),
    });
    expect(packagesOf(cycle)).toEqual(['a:one@1']);
  });

  it('ends on lists that all import one another', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `bom${index}`);
    const imports = managed(...names.map((name) => dependency(`org.acme:${name}:1.0`, IMPORT)), dependency('a:one:1'));
    const content = await read('app/pom.xml', pom('org.acme:app:1.0', imports, dependencies('a:one')), {
      'pom.xml': pom('org.acme:root:1.0', `<modules>${names.map((name) => `<module>${name}</module>`).join('')}</modules>`),
      ...Object.fromEntries(names.map((name) => [`${name}/pom.xml`, pom(`org.acme:${name}:1.0`, imports)])),
    });
    expect(packagesOf(content)).toEqual(['a:one@1']);
  });
});

describe('maven-pom: modules', () => {
  const ROOT = pom('org.acme:root:1.0', '<modules><module>app</module><module>core</module><module>odd</module></modules>');

  it('takes modules of the repository for our own, whatever their folders are called', async () => {
    const siblings = {
      'pom.xml': ROOT,
      'core/pom.xml': pom(':acme-core:', parent('org.acme:root:1.0')),
      'odd/pom.xml': pom('org.acme:strange:1.0', '<modules><module>inner</module></modules>'),
      'odd/inner/pom.xml': pom('org.acme:inner:1.0'),
    };
    const wanted = [
      `org.acme:acme-core:\${project.version}`,
      'org.acme:strange:1.0',
      'org.acme:inner:1.0',
      'org.acme:absent:1.0',
      'b:c:1.0',
      'org.acme:acme-core:0.9',
    ];
    const content = await read('app/pom.xml', pom(':app:', parent('org.acme:root:1.0'), dependencies(...wanted)), siblings);
    expect(localsOf(content)).toEqual(['org.acme:app 1.0', 'org.acme:acme-core 1.0', 'org.acme:strange 1.0', 'org.acme:inner 1.0']);
    expect(packagesOf(content)).toEqual(['b:c@1.0', 'org.acme:absent@1.0', 'org.acme:acme-core@0.9']);
  });

  it('does not read the repository where nothing has the version of the project', async () => {
    const content = await read('app/pom.xml', pom('org.acme:app:1.0', dependencies('org.acme:core:2.0')), { 'pom.xml': 'not read' });
    expect(packagesOf(content)).toEqual(['org.acme:core@2.0']);
  });

  it('goes by the names of folders, and says so, where there are too many modules to read', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `m${index}`);
    const root = pom('org.acme:root:1.0', `<modules>${names.map((name) => `<module>${name}</module>`).join('')}</modules>`);
    const modules = Object.fromEntries(names.map((name) => [`${name}/pom.xml`, pom(`org.acme:acme-${name}:1.0`)]));
    const wanted = dependencies(...names.map((name) => `org.acme:acme-${name}:1.0`), 'org.acme:else:1.0', 'b:else:1.0');
    const content = await read('pom.xml', root.replace('</project>', `${wanted}</project>`), modules);
    expect(content.locals).toHaveLength(61);
    expect(packagesOf(content)).toEqual(['b:else@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved org.acme:else 1.0']);
    expect(content.gaps[0]?.reason).toContain('may be a module');
  });
});
