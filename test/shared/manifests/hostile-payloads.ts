import { formatOnRequest } from '../../../shared/manifests/registry.ts';

/** A file made to hurt whoever reads it. Not one holds a package that may be taken for a whole list. */
export interface HostilePayload {
  readonly name: string;
  /** Some so many characters, as text or as bytes. */
  make(characters: number): string | Uint8Array;
}

/** A text of at least so many characters, made of the pieces in turn. */
function repeated(characters: number, piece: (index: number) => string): string {
  const pieces: string[] = [];
  let length = 0;
  for (let index = 0; length < characters; index++) {
    const next = piece(index);
    pieces.push(next);
    length += next.length;
  }
  return pieces.join('');
}

const NESTED_JSON_STEPS = ['[', '{"a":', '{"dependencies":{"a":', '{"packages":[{"components":['];

export const HOSTILE_PAYLOADS: readonly HostilePayload[] = [
  ...NESTED_JSON_STEPS.flatMap((step): HostilePayload[] => [
    { name: `JSON nested by ${step}, cut`, make: (characters) => step.repeat(characters / step.length) },
    {
      name: `JSON nested by ${step}, closed`,
      make: (characters) => {
        const depth = Math.floor(characters / step.length / 2);
        const closing = [...step]
          .reverse()
          .map((sign) => (sign === '[' ? ']' : sign === '{' ? '}' : ''))
          .join('');
        return `${step.repeat(depth)}1${closing.repeat(depth)}`;
      },
    },
  ]),
  { name: 'JSON of many empty objects', make: (characters) => `{"packages":[${'{},'.repeat(characters / 3)}{}]}` },
  { name: 'JSON of many keys', make: (characters) => `{${repeated(characters, (index) => `"k${index}":${index},`)}"z":0}` },
  { name: 'JSON with one long text', make: (characters) => `{"name":"${'a'.repeat(characters)}"}` },
  {
    name: 'JSON whose keys are the names of Object.prototype',
    make: () => '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  },
  { name: 'TOML of nested arrays', make: (characters) => `version = 4\nx = ${'['.repeat(characters)}` },
  { name: 'TOML of nested tables', make: (characters) => `version = 4\n[a${'.a'.repeat(characters / 2)}]\n` },
  { name: 'TOML of many dotted keys', make: (characters) => repeated(characters, (index) => `a${index}.b.c.d.e = 1\n`) },
  { name: 'TOML of many tables', make: (characters) => `version = 4\n${repeated(characters, (index) => `[t${index}]\n`)}` },
  { name: 'TOML of many inline tables', make: (characters) => `x = [${'{},'.repeat(characters / 3)}]` },
  { name: 'YAML of nested flow', make: (characters) => `lockfileVersion: '9.0'\npackages: ${'['.repeat(characters)}` },
  { name: 'YAML of nested maps in one line', make: (characters) => `packages: ${'{a: '.repeat(characters / 4)}` },
  {
    name: 'YAML of ever deeper blocks',
    make: (characters) => Array.from({ length: Math.sqrt(characters) }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
  },
  {
    name: 'YAML of aliases to aliases',
    make: () =>
      `a0: &a0 [x, x]\n${Array.from({ length: 30 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]\n`).join('')}packages: *a30\n`,
  },
  {
    name: 'YAML of a chain of merges',
    make: (characters) =>
      `m0: &m0 {k: v}\n${repeated(characters, (index) => `m${index + 1}: &m${index + 1}\n  <<: *m${index}\n  k${index}: v\n`)}`,
  },
  { name: 'YAML of many keys', make: (characters) => repeated(characters, (index) => `key${index}: value\n`) },
  { name: 'XML of nested elements', make: (characters) => `<project>${'<a>'.repeat(characters / 3)}` },
  {
    name: 'XML of nested elements, closed',
    make: (characters) => `<project>${'<a>'.repeat(characters / 7)}${'</a>'.repeat(characters / 7)}</project>`,
  },
  { name: 'XML of many attributes', make: (characters) => `<project ${repeated(characters, (index) => `a${index}="1" `)}/>` },
  { name: 'XML of many elements', make: (characters) => `<project>${'<dependency/>'.repeat(characters / 13)}</project>` },
  {
    name: 'XML of entities of entities',
    make: () =>
      `<?xml version="1.0"?><!DOCTYPE project [<!ENTITY l0 "lol">${Array.from({ length: 12 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`).join('')}]><project>&l12;</project>`,
  },
  {
    name: 'XML with an entity from a file',
    make: () =>
      '<?xml version="1.0"?><!DOCTYPE project [<!ENTITY e SYSTEM "file:///etc/hostname">]><project><artifactId>&e;</artifactId></project>',
  },
  { name: 'XML in comments that never end', make: (characters) => `<project>${'<!-- '.repeat(characters / 5)}` },
  { name: 'one long line of letters', make: (characters) => 'a'.repeat(characters) },
  { name: 'one long line of spaces within a word', make: (characters) => `a${' '.repeat(characters)}b` },
  { name: 'one long line of versions', make: (characters) => `flask==${'1.'.repeat(characters / 2)}\n` },
  { name: 'one long line of quotes', make: (characters) => '"'.repeat(characters) },
  { name: 'one long line of backslashes', make: (characters) => `a "${'\\'.repeat(characters)}` },
  { name: 'one long line of opening brackets of all kinds', make: (characters) => '([{<'.repeat(characters / 4) },
  { name: 'one long line of dashes and at signs', make: (characters) => '-@'.repeat(characters / 2) },
  { name: 'many lines of nonsense', make: (characters) => repeated(characters, (index) => `nonsense ${index} ~~ !\n`) },
  { name: 'many empty lines', make: (characters) => '\n'.repeat(characters) },
  { name: 'many lines that go on', make: (characters) => 'a \\\n'.repeat(characters / 4) },
  { name: 'many nested blocks of HCL', make: (characters) => 'provider "a" {\n'.repeat(characters / 15) },
  { name: 'many nested terms of Erlang and Elixir', make: (characters) => `%{${'"a": {:hex, ['.repeat(characters / 14)}` },
  { name: 'many sections of a Gemfile.lock', make: (characters) => repeated(characters, () => 'GEM\n  remote: x\n  specs:\n') },
  {
    name: 'bytes of all values',
    make: (characters) => Uint8Array.from({ length: Math.min(characters, 65_536) }, (_, index) => (index * 31 + (index >> 8)) % 256),
  },
  { name: 'UTF-16 without its end', make: () => Uint8Array.of(0xff, 0xfe, 0x61) },
  { name: 'only a byte order mark', make: () => Uint8Array.of(0xef, 0xbb, 0xbf) },
  { name: 'half a merge', make: () => '<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n' },
];

/** A path of each format, by its name. */
export const SAMPLE_PATHS: Readonly<Record<string, string>> = {
  npm: 'package-lock.json',
  pnpm: 'pnpm-lock.yaml',
  yarn: 'yarn.lock',
  bun: 'bun.lock',
  deno: 'deno.lock',
  requirements: 'requirements.txt',
  pipfile: 'Pipfile.lock',
  poetry: 'poetry.lock',
  pdm: 'pdm.lock',
  uv: 'uv.lock',
  pylock: 'pylock.toml',
  cargo: 'Cargo.lock',
  'go-mod': 'go.mod',
  'go-sum': 'go.sum',
  'go-work': 'go.work',
  gemfile: 'Gemfile.lock',
  composer: 'composer.lock',
  'maven-pom': 'pom.xml',
  'gradle-lockfile': 'gradle.lockfile',
  'gradle-verification': 'gradle/verification-metadata.xml',
  'gradle-catalog': 'gradle/libs.versions.toml',
  'nuget-lock': 'packages.lock.json',
  'nuget-packages-config': 'packages.config',
  'nuget-project': 'app.csproj',
  'nuget-deps': 'app.deps.json',
  pub: 'pubspec.lock',
  mix: 'mix.lock',
  rebar: 'rebar.lock',
  swift: 'Package.resolved',
  cocoapods: 'Podfile.lock',
  conan: 'conan.lock',
  'terraform-lock': '.terraform.lock.hcl',
  'github-actions': '.github/workflows/build.yml',
  renv: 'renv.lock',
  'cabal-freeze': 'cabal.project.freeze',
  'stack-lock': 'stack.yaml.lock',
  dockerfile: 'Dockerfile',
  unlocked: 'package.json',
  cyclonedx: 'bom.json',
  spdx: 'app.spdx.json',
};

/** More paths of formats that have several syntaxes. */
const MORE_PATHS: readonly string[] = [
  'npm-shrinkwrap.json',
  'bom.xml',
  'app.spdx',
  'Directory.Packages.props',
  'buildscript-gradle.lockfile',
  'pyproject.toml',
  'Cargo.toml',
  'pubspec.yaml',
  'Gemfile',
  'build.gradle',
];

/** Every path that some format reads, of those above. */
export function samplePaths(): string[] {
  return [...Object.values(SAMPLE_PATHS), ...MORE_PATHS].filter((path) => formatOnRequest(path) !== undefined);
}
