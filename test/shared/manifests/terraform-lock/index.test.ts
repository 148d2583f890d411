import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TERRAFORM_DEFAULT_HOST } from '../../../../shared/model/terraform-name.ts';
import { expectNoSilentLoss } from '../mutations.ts';
import { gapsOf, packagesOf, read, reasonOf } from '../reading.ts';

const PATH = 'live/.terraform.lock.hcl';

function provider(address: string, version: string): string {
  return `
provider "${address}" {
  version     = "${version}"
  constraints = "~> ${version}"
  hashes = [
    "h1:RJ+aZSw4J5vx4+zQ+uiQbzU2j0Vozyvw9V3kzurqCPA=",
    "zh:0be6ee63a380c7cf8b0666dd296ab5cdb9ec0a18ae99cd11d732783debd783f4",
  ]
}
`;
}

const LOCK = `# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.
${provider(`${TERRAFORM_DEFAULT_HOST}/acme/cloud`, '3.32.0')}${provider('tf.example:8443/acme/own_cloud', '0.0.20-beta1')}`;

describe('.terraform.lock.hcl', () => {
  it('cuts the default host, and keeps every other', async () => {
    const content = await read(PATH, LOCK);
    expect(content.packages).toEqual([
      { ecosystem: 'TERRAFORM_PROVIDER', name: 'acme/cloud', version: '3.32.0', line: 4, registryHosts: [TERRAFORM_DEFAULT_HOST] },
      {
        ecosystem: 'TERRAFORM_PROVIDER',
        name: 'tf.example:8443/acme/own_cloud',
        version: '0.0.20-beta1',
        line: 13,
        registryHosts: ['tf.example:8443'],
      },
    ]);
    expect([content.gaps, content.warnings]).toEqual([[], []]);
  });

  it('reads other legal spellings', async () => {
    const content = await read(
      PATH,
      [
        '\ufeff// a comment',
        '/* provider "tf.example/acme/none" {',
        '} */ provider "TF.example/acme/left" { version = "1.0.0" }',
        'provider "tf.example/acme/right" {hashes=["h1:a=" , "h1:$x%"',
        '  , "\\u0068\\"" # and another',
        ']',
        '\tversion="2.0.0" # comment }',
        '}',
        'provider "tf.example/acme/last" {}',
      ].join('\r\n'),
    );
    expect(content.packages.map(({ name, version, line }) => [name, version, line])).toEqual([
      ['tf.example/acme/left', '1.0.0', 3],
      ['tf.example/acme/right', '2.0.0', 4],
    ]);
    expect(gapsOf(content)).toEqual(['unresolved tf.example/acme/last']);
  });

  it.each([
    ['provider "tf.example/acme/left" {\n constraints = "~> 1.0"\n}', 'unresolved tf.example/acme/left ~> 1.0'],
    ['provider "tf.example/acme/left" {\n version = ["1.0.0"]\n}', 'unresolved tf.example/acme/left'],
    ['provider "tf.example/acme/left" {\n version = ">= 1.0"\n}', 'unresolved tf.example/acme/left >= 1.0'],
    ['provider "tf.example/-/left" {\n version = "1.0.0"\n}', 'unresolved tf.example/-/left 1.0.0'],
    ['provider "acme/left" {\n version = "1.0.0"\n}', 'unresolved acme/left 1.0.0'],
    ['provider "tf.example/../left" {\n version = "1.0.0"\n}', 'unresolved tf.example/../left 1.0.0'],
    ['provider {\n version = "1.0.0"\n}', 'unresolved provider 1.0.0'],
    ['provider "a" "b" {\n version = "1.0.0"\n}', 'unresolved provider a b 1.0.0'],
    ['module "tf.example/acme/net/cloud" {\n version = "1.0.0"\n}', 'unresolved module tf.example/acme/net/cloud 1.0.0'],
    ['__proto__ "x" {\n}', 'unresolved __proto__ x'],
  ])('makes a gap of %j', async (text, gap) => {
    const content = await read(PATH, text);
    expect(gapsOf(content)).toEqual([gap]);
    expect(packagesOf(content)).toEqual([]);
  });

  it('warns of attributes that it does not know, and of a provider that stands there twice', async () => {
    const block = 'provider "tf.example/acme/left" {\n version = "1.0.0"\n signed_by = "x"\n}\n';
    expect((await read(PATH, block + block)).warnings).toEqual([
      'its "signed_by" is not known, and was not read',
      'tf.example/acme/left@1.0.0 stands in it twice',
    ]);
  });

  it.each([
    ['provider', 'line 1: the end of the file in place of "{"'],
    ['provider "a" {\n', 'line 2: the end of the file in place of an attribute'],
    ['provider "a" {\n version = "1.0', 'line 2: a text that does not end'],
    ['provider "a" {\n version = "1.0"', 'line 2: the end of the file in place of a new line'],
    ['provider "a" {\n version = "1" hashes = []\n}', 'line 2: "hashes" in place of a new line'],
    ['provider "a" {\n version = "1"\n version = "2"\n}', 'line 3: a second "version"'],
    ['provider "a" {\n version = 1\n}', 'line 2: unexpected "1"'],
    ['provider "a" {\n version = one\n}', 'line 2: "one" in place of a text or a list'],
    [`provider "a" {\n version = "\${x}"\n}`, 'line 2: a template'],
    ['provider "a" {\n version = "\\x"\n}', 'line 2: an escape'],
    ['provider "a" {\n hashes = ["a" "b"]\n}', 'line 2: "b" in place of ","'],
    ['provider "a" {\n hashes = [["a"]]\n}', 'line 2: "[" in place of a text'],
    ['provider "a" {\n inner {\n }\n}', 'line 2: "{" in place of "="'],
    ['provider "a" {} provider "b" {}', 'line 1: "provider" in place of a new line'],
    ['/* provider', 'line 1: a comment that does not end'],
    ['version = "1"', 'line 1: "=" in place of "{"'],
    ['{"provider": {}}', 'line 1: "{" in place of a block'],
    ['nonsense ~', 'line 1: unexpected "~"'],
    ['provider "a" {\r version = "1"\n}', 'line 1: unexpected "\\r"'],
    ['\u0000', 'a binary file'],
    ['<<<<<<< a\nprovider "a" {}\n=======\n>>>>>>> b\n', 'unfinished merge'],
  ])('refuses %j', async (text, reason) => {
    expect(await reasonOf(PATH, text)).toContain(reason);
  });

  it('takes a file without providers for what it says', async () => {
    for (const text of ['', '\n', '# nothing yet\n'])
      expect(await read(PATH, text)).toMatchObject({ packages: [], gaps: [], warnings: [] });
  });

  it('reads back what was written', async () => {
    const part = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/);
    const version = fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:-[a-z0-9.]{1,8})?$/);
    const entry = fc.tuple(fc.constantFrom('', 'tf.example/', 'registry.other.example/'), part, part, version);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(entry, { maxLength: 12, selector: ([host, namespace, type]) => `${host}${namespace}/${type}` }),
        async (entries) => {
          const text = entries
            .map(([host, namespace, type, found]) => provider(`${host || `${TERRAFORM_DEFAULT_HOST}/`}${namespace}/${type}`, found))
            .join('');
          const content = await read(PATH, text);
          expect(packagesOf(content)).toEqual(
            entries.map(([host, namespace, type, found]) => `${host}${namespace}/${type}@${found}`).sort(),
          );
          expect([content.gaps, content.warnings]).toEqual([[], []]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('passes over no damage in silence', async () => {
    // A constraint or a digest may become any other text: neither is read.
    await expectNoSilentLoss(PATH, LOCK, { numRuns: 400 });
  });

  it('stays fast on long lines', async () => {
    for (const sign of ['a', ' ', '"', '\\', '[', '/*', '$', 'provider "a" {\n', '# ']) {
      const text = sign.repeat(1_000_000 / sign.length);
      for (const whole of [text, `provider "${text}`, `provider "a" {\n hashes = [${text}`]) await read(PATH, whole).catch(() => undefined);
    }
    expect((await read(PATH, `provider "${'a'.repeat(1_000_000)}" {}`)).gaps).toHaveLength(1);
  });
});
