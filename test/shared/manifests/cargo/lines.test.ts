import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from '../../../../shared/manifests/cargo/lines.ts';
import { parseToml } from '../../../../shared/manifests/parsers.ts';

const SEED = `# generated
version = 4

[[package]]
name = "ms"
version = "1.0.0"
source = "registry+https://index.crates.example"
dependencies = [
 "a",
 "b 1",
]

[[package]]
name = "b"
version = "2.0.0"

[metadata]
"checksum x" = "y"
`;

const piece = fc.oneof(
  fc.constantFrom('\n', '"', "'", '{', '}', '[', ']', ' = ', '=', '\r', '"""', "'''", '#', '\\', '.', ',', '\t', ' '),
  fc.constantFrom('[[package]]\n', 'name = "z"\n', 'source = "q"\n', '[package]\n', 'dependencies = []\n'),
  fc.string({ maxLength: 4 }),
);
const damaged = fc
  .array(fc.tuple(fc.nat(SEED.length), fc.nat(8), piece), { minLength: 1, maxLength: 4 })
  .map((edits) => edits.reduce((text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length), SEED));

function byToml(text: string): unknown {
  const parsed = parseToml(text);
  if ('reason' in parsed) return undefined;
  const { package: packages = [], root } = parsed.value as { package?: Record<string, unknown>[]; root?: Record<string, unknown> };
  return [...packages, ...(root ? [root] : [])].map(({ name, version, source, dependencies = [] }) => ({
    name,
    version,
    source,
    dependencies,
  }));
}

describe('the reader of lines', () => {
  it('reads what cargo writes without the TOML parser, to the same', () => {
    expect(readLines(SEED)?.packages).toEqual(byToml(SEED));
    expect(readLines(SEED)).toMatchObject({ version: 4, packages: [{ name: 'ms' }, { name: 'b' }] });
  });

  it('never reads other packages than the TOML parser does', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        const lines = readLines(text);
        const toml = lines && byToml(text);
        if (toml) expect(lines.packages).toEqual(toml);
      }),
      { numRuns: 3_000 },
    );
  });
});
