import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ECOSYSTEMS, type Ecosystem } from '../../../shared/model/ecosystem.ts';
import { parsePackageUrl, parsePurl, toPurl } from '../../../shared/model/purl.ts';

describe('toPurl', () => {
  it.each([
    ['NPM', '@scope/left', '1.0.0', 'pkg:npm/%40scope/left@1.0.0'],
    ['PYPI', 'Zope.Interface_x', '1!2.0+local', 'pkg:pypi/zope-interface-x@1%212.0%2Blocal'],
    ['GO', 'github.com/Masterminds/semver/v3', 'v3.1.0', 'pkg:golang/github.com/masterminds/semver/v3@v3.1.0'],
    ['MAVEN', 'org.example:lib', '1', 'pkg:maven/org.example/lib@1'],
    ['CARGO', 'serde', '1.0.0+build', 'pkg:cargo/serde@1.0.0%2Bbuild'],
    ['PACKAGIST', 'Vendor/Name', '1', 'pkg:composer/vendor/name@1'],
    ['GITHUB_ACTIONS', 'Actions/Checkout', 'v4', 'pkg:githubactions/actions/checkout@v4'],
    ['TERRAFORM_PROVIDER', 'acme/cloud', '1.0.0', 'pkg:terraform/acme/cloud@1.0.0'],
    ['TERRAFORM_PROVIDER', 'tf.example/acme/cloud', '1.0.0', 'pkg:terraform/acme/cloud@1.0.0?repository_url=tf.example'],
    ['SWIFT', 'git.example/Acme/Kit', '1.0.0', 'pkg:swift/git.example/Acme/Kit@1.0.0'],
    ['JSR', '@std/fmt', '1.0.0', 'pkg:jsr/%40std/fmt@1.0.0'],
    ['DOCKER', 'images.example/acme/base', 'sha256:00ff', 'pkg:docker/images.example/acme/base@sha256:00ff'],
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

  it.each([
    ['pkg:golang/git.example/acme/left@1.0.0', 'GO', 'git.example/acme/left', 'v1.0.0'],
    ['pkg:golang/git.example/acme/left@v1.0.0#sub/folder', 'GO', 'git.example/acme/left', 'v1.0.0'],
    ['pkg:golang/stdlib@1.22.1', 'GO', 'stdlib', '1.22.1'],
    ['pkg:maven/org.example/lib@1?type=jar&classifier=x', 'MAVEN', 'org.example:lib', '1'],
    ['pkg:maven/org/example/lib@1', 'MAVEN', 'org.example:lib', '1'],
    ['pkg:composer/acme/left@1', 'PACKAGIST', 'acme/left', '1'],
    ['pkg:swift/git.example/Acme/Kit@1.0.0', 'SWIFT', 'git.example/Acme/Kit', '1.0.0'],
    ['pkg:githubactions/acme/tools%2Fdeploy@v1', 'GITHUB_ACTIONS', 'acme/tools', 'v1'],
    ['pkg:githubactions/acme/tools/deploy@refs/heads/main', 'GITHUB_ACTIONS', 'acme/tools', 'refs/heads/main'],
    ['pkg:terraform/acme/cloud@1.0.0', 'TERRAFORM_PROVIDER', 'acme/cloud', '1.0.0'],
    ['pkg:terraform/acme/cloud@1.0.0?repository_url=https://TF.example/v1', 'TERRAFORM_PROVIDER', 'tf.example/acme/cloud', '1.0.0'],
    ['pkg:conan/openssl.example/openssl@3.0.3?user=a&channel=b', 'CONAN', 'openssl', '3.0.3'],
    ['pkg:cocoapods/Left@1.0#Core', 'COCOAPODS', 'Left', '1.0'],
    ['pkg:docker/acme/base@sha256%3A00ff?repository_url=images.example', 'DOCKER', 'images.example/acme/base', 'sha256:00ff'],
    ['pkg:pypi/left-pad@1!2.0', 'PYPI', 'left-pad', '1!2.0'],
    ['pkg:hackage/a50@0.5', 'HACKAGE', 'a50', '0.5'],
    ['pkg:cran/rJava@1.0-4', 'CRAN', 'rJava', '1.0-4'],
    ['pkg:bioconductor/limma@3.58.0', 'BIOCONDUCTOR', 'limma', '3.58.0'],
    ['pkg:hex/jason@1.1.2', 'HEX', 'jason', '1.1.2'],
    ['pkg:jsr/@std/fmt@1.0.0', 'JSR', '@std/fmt', '1.0.0'],
  ])('reads %s', (purl, ecosystem, name, version) => {
    expect(parsePurl(purl)).toEqual({ ecosystem, name, version });
  });

  it('takes apart a purl of any type', () => {
    expect(parsePackageUrl('pkg:Generic/acme/thing?Download_URL=https%3A%2F%2Fa.example%2Fx')).toEqual({
      type: 'generic',
      namespace: ['acme'],
      name: 'thing',
      version: '',
      qualifiers: new Map([['download_url', 'https://a.example/x']]),
    });
  });

  it.each(['', 'left@1.0.0', 'pkg:npm/left', 'pkg:npm/@scope/left', 'pkg:deb/left@1', 'pkg:npm/le%ft@1', 'pkg:npm/@1'])(
    'refuses %j',
    (purl) => {
      expect(parsePurl(purl)).toBeUndefined();
    },
  );
});
