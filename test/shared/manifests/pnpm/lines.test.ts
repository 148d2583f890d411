import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../../shared/manifests/pnpm/documents.ts';
import type { PnpmDocument } from '../../../../shared/manifests/pnpm/entries.ts';
import { readLines } from '../../../../shared/manifests/pnpm/lines.ts';

const SEED = `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      ms:
        specifier: ^2
        version: 2.1.3
      '@s/a':
        specifier: '*'
        version: 1.0.0(x@1.0.0)

packages:

  ms@2.1.3:
    resolution: {integrity: sha512-x==}
    engines: {node: '>=8'}
    deprecated: |-
      text
      name: x

  '@s/a@1.0.0':
    resolution: {integrity: sha512-x==, tarball: https://registry.npm.example/x.tgz}
    name: foo
    version: 1.0.0

snapshots:

  ms@2.1.3: {}
`;

const piece = fc.oneof(
  fc.constantFrom(
    '\n',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ': ',
    ':',
    '? ',
    '\r',
    '*x',
    '&x ',
    '  ',
    '    ',
    '#',
    ' #',
    '- ',
    '|',
    '>',
    '!',
    '\t',
    '---\n',
    '...\n',
  ),
  fc.constantFrom(
    '\u2028',
    '\u0085',
    '\ufeff',
    '  x@1.0.0: {}\n',
    '      x@1.0.0: {}\n',
    '    name: y\n',
    'packages:\n',
    '    resolution : {type: directory}\n',
  ),
  fc.string({ maxLength: 4 }),
);
const damaged = fc
  .array(fc.tuple(fc.nat(SEED.length), fc.nat(8), piece), { minLength: 1, maxLength: 4 })
  .map((edits) => edits.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), SEED));

/** What of a document decides the packages. */
function essence(documents: readonly PnpmDocument[]): unknown {
  return documents
    .filter(({ keys }) => keys.size > 0)
    .map(({ lockfileVersion, entries, importers, declared }) => ({
      lockfileVersion,
      entries: entries.map(({ key, name = '', version = '', integrity = '', isDevelopment = false, isOptional = false, resolution }) => ({
        ...{ key, name, version, integrity, isDevelopment, isOptional },
        resolution: ['tarball', 'type', 'directory', 'repo'].map((field) => resolution?.get(field) ?? ''),
      })),
      importers,
      declared: declared.map(({ importer, name, specifier, version }) => `${importer} ${name} ${specifier} ${version}`).sort(),
    }));
}

describe('the reader of lines', () => {
  it('reads what pnpm writes without the YAML parser, to the same', () => {
    const lines = readLines(SEED);
    const yaml = readYaml(SEED);
    expect(lines && essence(lines)).toEqual('reason' in yaml ? yaml.reason : essence(yaml));
    expect(lines?.[0]?.entries).toHaveLength(2);
  });

  it('never reads other packages than the YAML parser does', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        const lines = readLines(text);
        const yaml = lines && readYaml(text);
        if (yaml && !('reason' in yaml)) expect(essence(lines)).toEqual(essence(yaml));
      }),
      { numRuns: 4_000 },
    );
  });
});
