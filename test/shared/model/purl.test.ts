import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { parsePurl, toPurl } from '../../../shared/model/purl.ts';

describe('toPurl', () => {
  it.each([
    ['NPM', '@scope/left', '1.0.0', 'pkg:npm/%40scope/left@1.0.0'],
    ['PYPI', 'Zope.Interface_x', '1!2.0+local', 'pkg:pypi/zope-interface-x@1%212.0%2Blocal'],
    ['GO', 'github.com/Masterminds/semver/v3', 'v3.1.0', 'pkg:golang/github.com/masterminds/semver/v3@v3.1.0'],
    ['MAVEN', 'org.example:lib', '1', 'pkg:maven/org.example/lib@1'],
    ['CARGO', 'serde', '1.0.0+build', 'pkg:cargo/serde@1.0.0%2Bbuild'],
    ['PACKAGIST', 'Vendor/Name', '1', 'pkg:composer/vendor/name@1'],
  ] as const)('writes %s %s %s as %s', (ecosystem, name, version, purl) => {
    expect(toPurl({ ecosystem, name, version })).toBe(purl);
  });

  it('writes one line that parses, whatever a lock file put into a name', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(ECOSYSTEMS) as Ecosystem[])),
        fc.string({ unit: 'binary', minLength: 1 }).filter((name) => !/^\/|\/\/|\/$/.test(name)),
        fc.string({ unit: 'binary', minLength: 1 }),
        (ecosystem, name, version) => {
          const purl = toPurl({ ecosystem, name, version });
          expect(purl).toMatch(/^pkg:[\x21-\x7e]+$/);
          const read = parsePurl(purl);
          expect([read?.ecosystem, read?.version]).toEqual([ecosystem, version.toWellFormed()]);
        },
      ),
    );
  });
});

describe('parsePurl', () => {
  it('reads what toPurl wrote, where the type folds nothing', () => {
    const name = fc.string({ minLength: 1 }).filter((value) => !value.includes('/'));
    fc.assert(
      fc.property(
        fc.constantFrom('NPM' as const, 'CARGO' as const),
        fc.constantFrom('', '@scope/'),
        name,
        name,
        (ecosystem, scope, rest, version) => {
          const packageVersion = { ecosystem, name: scope + rest, version };
          expect(parsePurl(toPurl(packageVersion))).toEqual(packageVersion);
        },
      ),
    );
  });

  it('reads what others write: qualifiers, a subpath, capitals in the type', () => {
    const left = { ecosystem: 'NPM', name: '@scope/left', version: '1.0.0' };
    for (const purl of ['pkg:npm/@scope/left@1.0.0', 'pkg://NPM/%40scope/left@1.0.0?arch=x#src']) expect(parsePurl(purl)).toEqual(left);
    expect(parsePurl('pkg:maven/org.example/lib@1')).toEqual({ ecosystem: 'MAVEN', name: 'org.example:lib', version: '1' });
  });

  it.each(['', 'left@1.0.0', 'pkg:npm/left', 'pkg:deb/left@1', 'pkg:npm/le%ft@1', 'pkg:npm/@1'])('refuses %j', (purl) => {
    expect(parsePurl(purl)).toBeUndefined();
  });
});
