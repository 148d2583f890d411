import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { contentOf, packagesOf, read } from './reading.ts';

/** Names that mean something to JavaScript: data here, whatever the format. */
const TRAPS = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype', 'isPrototypeOf'];

const npmName = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9._-]{0,12}$/),
  fc.stringMatching(/^@[a-z][a-z0-9-]{0,8}\/[a-z][a-z0-9._-]{0,8}$/),
  fc.constantFrom(...TRAPS),
);
const semver = fc.stringMatching(/^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)(-[a-z]{1,4}\.[0-9])?$/);
const npmPackages = fc.uniqueArray(fc.tuple(npmName, semver), { selector: ([name]) => name, maxLength: 20 });
const crateName = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/), fc.constantFrom(...TRAPS, '__proto__'));
const modulePath = fc.stringMatching(/^[a-z]{1,6}\.[a-z]{2,3}(\/[A-Za-z][A-Za-z0-9_-]{0,8}){1,3}$/);
const pythonName = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/).filter((name) => !name.includes('--'));

function tarball(name: string, version: string): string {
  return `https://registry.npm.example/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
}

function quoted(name: string): string {
  return name.startsWith('@') ? `'${name}'` : name;
}

function sorted(packages: readonly (readonly [string, string])[]): string[] {
  return [...new Set(packages.map(([name, version]) => `${name}@${version}`))].sort();
}

type Written = readonly [string, string];

/** Each writes a lock file of these packages as its package manager would. */
const WRITERS: readonly { readonly title: string; readonly path: string; readonly write: (packages: readonly Written[]) => string }[] = [
  {
    title: 'package-lock.json, layout 3',
    path: 'package-lock.json',
    write: (packages) =>
      JSON.stringify({
        lockfileVersion: 3,
        packages: Object.fromEntries([
          ['', {}],
          ...packages.map(([name, version]) => [`node_modules/${name}`, { version, resolved: tarball(name, version) }]),
        ]),
      }),
  },
  {
    title: 'package-lock.json, layout 1',
    path: 'package-lock.json',
    write: (packages) =>
      JSON.stringify({
        lockfileVersion: 1,
        dependencies: Object.fromEntries(packages.map(([name, version]) => [name, { version, resolved: tarball(name, version) }])),
      }),
  },
  {
    title: 'pnpm-lock.yaml, layout 9',
    path: 'pnpm-lock.yaml',
    write: (packages) =>
      `lockfileVersion: '9.0'\n\npackages:\n${packages.map(([name, version]) => `\n  ${quoted(`${name}@${version}`)}:\n    resolution: {integrity: sha512-x==}\n`).join('')}`,
  },
  {
    title: 'pnpm-lock.yaml, layout 6',
    path: 'pnpm-lock.yaml',
    write: (packages) =>
      `lockfileVersion: '6.0'\n\npackages:\n${packages.map(([name, version]) => `\n  /${name}@${version}(@x/peer@1.0.0):\n    dev: true\n`).join('')}`,
  },
  {
    title: 'pnpm-lock.yaml, layout 5',
    path: 'pnpm-lock.yaml',
    write: (packages) =>
      `lockfileVersion: 5.4\n\npackages:\n${packages.map(([name, version]) => `\n  /${name}/${version}_peer@1.0.0:\n    dev: true\n`).join('')}`,
  },
  {
    title: 'yarn.lock of yarn 1',
    path: 'yarn.lock',
    write: (packages) =>
      `# yarn lockfile v1\n\n${packages.map(([name, version]) => `"${name}@^${version}":\n  version "${version}"\n  resolved "${tarball(name, version)}#0123"\n\n`).join('')}`,
  },
  {
    title: 'yarn.lock of yarn 4',
    path: 'yarn.lock',
    write: (packages) =>
      `__metadata:\n  version: 8\n\n"app@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "app@workspace:."\n\n${packages.map(([name, version]) => `"${name}@npm:^${version}":\n  version: ${version}\n  resolution: "${name}@npm:${version}"\n\n`).join('')}`,
  },
  {
    title: 'bun.lock',
    path: 'bun.lock',
    write: (packages) =>
      `{\n  "lockfileVersion": 1,\n  "workspaces": {\n    "": { "name": "app" },\n  },\n  "packages": {\n${packages.map(([name, version]) => `    "${name}": ["${name}@${version}", "", {}, "sha512-AA=="],\n`).join('\n')}  }\n}\n`,
  },
  {
    title: 'deno.lock',
    path: 'deno.lock',
    write: (packages) =>
      JSON.stringify({
        version: '5',
        npm: Object.fromEntries(packages.map(([name, version]) => [`${name}@${version}_peer@1.0.0`, { integrity: 'sha512-AA==' }])),
      }),
  },
];

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

describe('what was written is read', () => {
  it.each(WRITERS)('$title', async ({ path, write }) => {
    await fc.assert(
      fc.asyncProperty(npmPackages, async (packages) => {
        const content = await read(path, write(packages));
        expect(packagesOf(content).sort()).toEqual(sorted(packages));
        expect(content.gaps).toEqual([]);
        expect(content.warnings).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('Cargo.lock', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(crateName, semver), { maxLength: 20 }), async (packages) => {
        const text = packages.map(
          ([name, version]) =>
            `\n[[package]]\nname = "${name}"\nversion = "${version}"\nsource = "registry+https://index.crates.example"\n`,
        );
        expect(packagesOf(await read('Cargo.lock', `version = 4\n${text.join('')}`)).sort()).toEqual(sorted(packages));
      }),
      { numRuns: 60 },
    );
  });

  it('go.mod', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            modulePath,
            semver.map((version) => `v${version}`),
          ),
          { maxLength: 20 },
        ),
        async (packages) => {
          const text = packages.map(([name, version]) => `\t${name} ${version}\n`);
          expect(packagesOf(await read('go.mod', `module example.com/app\n\ngo 1.26\n\nrequire (\n${text.join('')})\n`)).sort()).toEqual(
            sorted(packages),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('requirements.txt', async () => {
    const line = fc.tuple(
      pythonName,
      semver,
      fc.constantFrom('', '  # comment', ' --hash=sha256:00', " ; python_version > '3'", ' \\\n    --hash=sha256:00'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const packages = lines.map(([name, version]) => [name, version] as const);
        const text = lines.map(([name, version, more]) => `${name}==${version}${more}\n`).join('');
        expect(packagesOf(await read('requirements.txt', text)).sort()).toEqual(sorted(packages));
      }),
      { numRuns: 60 },
    );
  });
});

const PATHS = [
  'package-lock.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'deno.lock',
  'Cargo.lock',
  'go.mod',
  'requirements.txt',
] as const;
const SEEDS = [
  ...WRITERS.map(({ write }) =>
    write([
      ['ms', '2.1.3'],
      ['@scope/a', '1.0.0'],
      ['constructor', '1.0.0'],
    ]),
  ),
  'version = 4\n\n[[package]]\nname = "ms"\nversion = "1.0.0"\nsource = "registry+https://index.crates.example"\ndependencies = [\n "a",\n]\n',
  'module m\ngo 1.26\nrequire (\n\ta.example/b v1.0.0 // indirect\n)\nreplace a.example/b => ./b\n',
  '-r base.txt\nflask[async]==2.0 --hash=sha256:00 ; x\n-e git+https://git.example/x.git#egg=x\n',
];

/** A lock file with a few pieces cut out, doubled or put in from elsewhere. */
const damaged = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.array(
      fc.tuple(
        fc.nat(400),
        fc.nat(12),
        fc.oneof(
          fc.string({ maxLength: 6, unit: 'binary' }),
          fc.constantFrom('\n', '"', "'", '{', '}', '[', '__proto__', ': ', '? ', '\r', '@', '*x', '&x ', '  '),
        ),
      ),
      {
        maxLength: 5,
      },
    ),
  )
  .map(([seed, edits]) => edits.reduce((text, [at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length), seed));

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** Every text that a content holds, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

describe('what was never written', () => {
  it.each(PATHS)('ends as content, with nothing unprintable in it: %s', async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        const content = await contentOf(path, text);
        const texts = textsIn(content);
        if (content.status === 'error') expect(content.reason).not.toContain('reader failed');
        for (const said of texts) expect(said).not.toMatch(UNPRINTABLE);
      }),
      { numRuns: 400 },
    );
  });

  it.each(PATHS)('ends as content from any bytes: %s', async (path) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const content = await contentOf(path, bytes);
        if (content.status === 'error') expect(content.reason).not.toContain('reader failed');
      }),
      { numRuns: 200 },
    );
  });

  it('reads a layout that falls back to the YAML parser as the reader of lines would', async () => {
    await fc.assert(
      fc.asyncProperty(npmPackages, async (packages) => {
        const asJson = JSON.stringify({
          lockfileVersion: '9.0',
          packages: Object.fromEntries(packages.map(([name, version]) => [`${name}@${version}`, {}])),
        });
        expect(packagesOf(await read('pnpm-lock.yaml', asJson)).sort()).toEqual(sorted(packages));
      }),
      { numRuns: 60 },
    );
  });
});
