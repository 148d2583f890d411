import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { foldPythonName } from '../../../shared/model/python-name.ts';
import { poisoningsOf, read } from './reading.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/manifests/', import.meta.url));

/** What `make-lock-files` notes of each. */
interface Fixture {
  readonly file: string;
  readonly manager: string;
  readonly listing: string;
}

interface Case extends Fixture {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly expected: readonly string[];
}

function textOf(...path: string[]): string {
  return readFileSync(join(FIXTURES, ...path), 'utf8');
}

function caseOf(name: string): Case {
  const paths = readdirSync(join(FIXTURES, name), { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name).slice(join(FIXTURES, name).length + 1)] : [],
  );
  const files = Object.fromEntries(paths.map((path) => [path, textOf(name, path)]));
  return { name, files, expected: textOf(name, 'expected.txt').split('\n').filter(Boolean), ...JSON.parse(textOf(name, 'fixture.json')) };
}

const CASES = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('/fixture.json'))
  .map((path) => caseOf(path.slice(0, -'/fixture.json'.length)))
  .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Every project, member, folder, archive and git dependency of ours has such a name; a folder alone is shown by its path. */
const OURS = /^\.?$|^(?:@?acme\b|git\.example\/acme\/|example\.acme:|linked$)/;

/** What only has a registry's name: a `[patch]` by folder and one by git. And what only the network can resolve: a range, an imported pom. */
const NOT_PINNED: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(['cargo-1', 'cargo-2', 'cargo-3', 'cargo-4'].map((name) => [name, ['cfg-if', 'either']])),
  maven: ['org.junit.jupiter:junit-jupiter', 'org.junit:junit-bom', 'org.osgi:osgi.core'],
};

/** One of twelve gems is from another server. */
const UNUSUAL: Readonly<Record<string, readonly string[]>> = { bundler: ['unusual-host hidden-brick@7.0.1'] };

describe('lock files that package managers made', () => {
  it('has some of each of the ecosystems whose managers can be had', () => {
    expect(CASES.length).toBeGreaterThan(30);
  });

  it.each(CASES)('reads from $name/$file what $manager itself lists', async ({ file, files, expected }) => {
    const { [file]: lock = '', ...siblings } = files;
    const { packages } = await read(file, lock, siblings);
    const found = new Set(
      packages.map(({ ecosystem, name, version }) => `${ecosystem === 'PYPI' ? foldPythonName(name) : name} ${version}`),
    );
    expect([...found].sort()).toEqual([...expected].sort());
  });

  it.each(CASES)(
    'takes nothing of $name/$file for poisoned, and only what is no package of a registry for none',
    async ({ name, file, files }) => {
      const { [file]: lock = '', ...siblings } = files;
      const content = await read(file, lock, siblings);
      const { gaps, locals } = content;
      expect(poisoningsOf(content)).toEqual(UNUSUAL[name] ?? []);
      const others = [...gaps, ...locals].map((entry) => entry.name).filter((found) => !OURS.test(found));
      expect(others.sort()).toEqual(NOT_PINNED[name] ?? []);
    },
  );
});
