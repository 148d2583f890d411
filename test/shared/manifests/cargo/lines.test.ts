import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CargoLock, readLines } from '../../../../shared/manifests/cargo/lines.ts';
import { readToml } from '../../../../shared/manifests/cargo/toml.ts';
import { Reading } from '../../../../shared/manifests/reading.ts';

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

function withoutLines({ version, packages, checksums }: CargoLock): unknown {
  return { version, packages: packages.map((found) => ({ ...found, line: undefined })), checksums: [...checksums] };
}

function byToml(text: string): unknown {
  const lock = readToml(text, new Reading('CARGO', { text, damaged: false }));
  return 'reason' in lock ? undefined : withoutLines(lock);
}

describe('the reader of lines', () => {
  it('reads what cargo writes without the TOML parser, to the same', () => {
    const lock = readLines(SEED);
    expect(lock && withoutLines(lock)).toEqual(byToml(SEED));
    expect(lock).toMatchObject({
      version: 4,
      packages: [
        { name: 'ms', line: 4 },
        { name: 'b', line: 13 },
      ],
    });
  });

  it('never reads other packages than the TOML parser does', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        const lines = readLines(text);
        const toml = lines && byToml(text);
        if (toml) expect(withoutLines(lines)).toEqual(toml);
      }),
      { numRuns: 3_000 },
    );
  });
});
