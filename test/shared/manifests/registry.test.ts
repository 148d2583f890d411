import { describe, expect, it } from 'vitest';
import { type ReadFile, whyTooLarge } from '../../../shared/manifests/format.ts';
import { readManifest } from '../../../shared/manifests/read-manifest.ts';
import { findLockFiles, formatOf, isIgnored } from '../../../shared/manifests/registry.ts';
import { DEFAULT_SETTINGS, type ReadingSettings } from '../../../shared/model/settings/settings.ts';
import { bytesOf } from './reading.ts';

const READING = DEFAULT_SETTINGS.reading;
const LOCK = '{"lockfileVersion":3,"packages":{"node_modules/ms":{"version":"2.1.3"},"node_modules/@acme/core":{"version":"1.0.0"}}}';

function repository(files: Readonly<Record<string, string | Uint8Array>>): ReadFile {
  const known = new Map(Object.entries(files));
  return async (path) => {
    const content = known.get(path);
    return content === undefined ? undefined : bytesOf(content);
  };
}

describe('formatOf', () => {
  it.each([
    ['package-lock.json', 'npm'],
    ['web/npm-shrinkwrap.json', 'npm'],
    ['pnpm-lock.yaml', 'pnpm'],
    ['yarn.lock', 'yarn'],
    ['a/b/Cargo.lock', 'cargo'],
    ['go.mod', 'go-mod'],
    ['requirements.txt', 'requirements'],
    ['dev-requirements.txt', 'requirements'],
    ['Requirements_test.txt', 'requirements'],
    ['requirements/base.txt', 'requirements'],
  ])('reads %s as %s', (path, format) => {
    expect(formatOf(path)?.name).toBe(format);
  });

  it.each([
    'my-package.json',
    'my-package-lock.json',
    'cargo.lock',
    'go.sum',
    'requirements.md',
    'requirements/a/b.txt',
    'requirements',
    '',
  ])('knows no format for "%s"', (path) => {
    expect(formatOf(path)).toBeUndefined();
  });
});

describe('findLockFiles', () => {
  const foundIn = (...paths: string[]): string[] => findLockFiles(paths, READING).map(({ path }) => path);

  it.each([
    ['beside it', ['package.json', 'yarn.lock'], ['yarn.lock']],
    ['above it', ['packages/a/package.json', 'pnpm-lock.yaml'], ['pnpm-lock.yaml']],
    ['in a folder that Rush keeps', ['apps/a/package.json', 'common/config/rush/pnpm-lock.yaml'], ['common/config/rush/pnpm-lock.yaml']],
    [
      'in a folder of Xcode',
      ['Package.swift', 'App.xcworkspace/xcshareddata/swiftpm/Package.resolved'],
      ['App.xcworkspace/xcshareddata/swiftpm/Package.resolved'],
    ],
    ['in a folder of Gradle', ['app/build.gradle', 'gradle/verification-metadata.xml'], ['gradle/verification-metadata.xml']],
  ])('leaves a manifest out where a lock file resolves it, %s', (_where, paths, expected) => {
    expect(foundIn(...paths)).toEqual(expected);
  });

  it.each([
    ['of another package manager', ['package.json', 'Cargo.lock']],
    ['below it', ['package.json', 'docs/package-lock.json']],
    ['in a folder beside its own', ['a/package.json', 'ab/package-lock.json']],
    ['above it, of a package manager without workspaces', ['web/composer.json', 'composer.lock']],
    ['of a single script', ['pyproject.toml', 'run.py.lock']],
    ['of requirements, which may leave anything out', ['services/a/pyproject.toml', 'requirements.txt']],
  ])('keeps a manifest where the lock file is one %s', (_what, paths) => {
    expect(foundIn(...paths)).toEqual(paths);
  });

  it('takes no lock file for one that resolves something where the settings ignore it', () => {
    const settings = { ...READING, ignoredFolders: ['examples'] };
    expect(findLockFiles(['examples/yarn.lock', 'package.json', 'examples/package.json'], settings).map(({ path }) => path)).toEqual([
      'package.json',
    ]);
  });
});

describe('isIgnored', () => {
  const settings: ReadingSettings = { ...READING, ignoredFolders: ['vendor/fixtures', '/examples/', './old'] };

  it.each([
    'vendor/fixtures/yarn.lock',
    'examples/a/yarn.lock',
    'old/yarn.lock',
    'x/node_modules/y/package-lock.json',
    'vendor/a/go.mod',
    'a/vendor/b/Cargo.lock',
    'vendor/acme/lib/composer.json',
    'ios/Pods/lib/Package.swift',
  ])('leaves %s out', (path) => {
    expect(isIgnored(path, settings)).toBe(true);
  });

  it.each(['yarn.lock', 'examples2/yarn.lock', 'a/examples/yarn.lock', 'vendor/yarn.lock', 'node_modules.txt/yarn.lock'])(
    'keeps %s',
    (path) => {
      expect(isIgnored(path, settings)).toBe(false);
    },
  );
});

describe('readManifest', () => {
  it('names every path that it asked for, found or absent', async () => {
    const files = repository({ 'a/requirements.txt': '-r base.txt\n-c ../pins.txt\nflask==2.0.0\n', 'a/base.txt': 'six==1.16.0\n' });
    const { content, consulted } = await readManifest('a/requirements.txt', files, READING);
    expect(consulted).toEqual(['a/requirements.txt', 'a/base.txt', 'pins.txt']);
    expect(content).toMatchObject({ packages: [{ name: 'flask' }, { name: 'six' }] });
  });

  it('sorts packages by their key, each once', async () => {
    const lock =
      '{"packages":{"node_modules/b":{"version":"1.0.0"},"node_modules/a":{"version":"2.0.0"},"node_modules/a/node_modules/b":{"version":"1.0.0"}}}';
    const { content } = await readManifest('package-lock.json', repository({ 'package-lock.json': lock }), READING);
    expect(content).toMatchObject({
      packages: [
        { ecosystem: 'NPM', name: 'a', version: '2.0.0' },
        { ecosystem: 'NPM', name: 'b', version: '1.0.0' },
      ],
    });
  });

  it('makes gaps of private names, exact or by prefix', async () => {
    const settings: ReadingSettings = { ...READING, privateNames: { NPM: ['@acme/*'], PYPI: ['Our_Tool'] } };
    const npm = await readManifest('package-lock.json', repository({ 'package-lock.json': LOCK }), settings);
    expect(npm.content).toMatchObject({
      packages: [{ name: 'ms' }],
      gaps: [{ name: '@acme/core', requirement: '1.0.0', state: 'unresolved', reason: 'private: a name that the settings list' }],
    });
    const python = await readManifest('requirements.txt', repository({ 'requirements.txt': 'our-tool==1.0\nflask==2.0\n' }), settings);
    expect(python.content).toMatchObject({
      packages: [{ name: 'flask' }],
      gaps: [{ name: 'our-tool', reason: 'private: a name that the settings list' }],
    });
  });

  it('refuses a file over the limit of its format, and names the limit', async () => {
    const bytes = new Uint8Array(4 * 1024 * 1024 + 1).fill(0x61);
    const { content } = await readManifest('requirements.txt', repository({ 'requirements.txt': bytes }), READING);
    expect(content).toEqual({ status: 'error', reason: 'too large: 4194305 bytes; up to 4194304 are read of requirements' });
  });

  it('knows what is too large before any byte is read', () => {
    const [found] = findLockFiles(['README.md', 'go.mod', 'node_modules/a/go.mod'], READING);
    expect(found).toMatchObject({ path: 'go.mod', format: 'go-mod' });
    expect(found && whyTooLarge(found, found.maxBytes)).toBeUndefined();
    expect(found && whyTooLarge(found, found.maxBytes + 1)).toBe(
      `too large: ${(found?.maxBytes ?? 0) + 1} bytes; up to ${found?.maxBytes} are read of go-mod`,
    );
  });

  it('takes the size that is read at most from the settings, where they name one', () => {
    expect(findLockFiles(['go.mod'], { ...READING, limits: { ...READING.limits, fileBytes: 10 } })).toMatchObject([{ maxBytes: 10 }]);
  });

  it('refuses a file that is not there', async () => {
    const { content, consulted } = await readManifest('go.mod', repository({}), READING);
    expect(content).toEqual({ status: 'error', reason: 'there is no such file in the repository' });
    expect(consulted).toEqual(['go.mod']);
  });

  it('passes on that a file could not be read, the lock file or one beside it', async () => {
    const failure = new Error('the forge answered 503');
    const files = repository({ 'requirements.txt': '-r base.txt\n' });
    const failing: ReadFile = (path) => (path === 'base.txt' ? Promise.reject(failure) : files(path));
    await expect(readManifest('requirements.txt', failing, READING)).rejects.toBe(failure);
    await expect(readManifest('yarn.lock', () => Promise.reject(failure), READING)).rejects.toBe(failure);
  });

  it('refuses a path of no format', async () => {
    await expect(readManifest('README.md', repository({}), READING)).rejects.toThrow('no format reads "README.md"');
  });

  it('refuses a file with more entries than any lock file, and names the limit', async () => {
    const lines = Array.from({ length: 400_001 }, (_, index) => `    p${index} (1)\n`).join('');
    const lock = `GEM\n  remote: https://gems.example/\n  specs:\n${lines}`;
    const { content } = await readManifest('Gemfile.lock', repository({ 'Gemfile.lock': lock }), READING);
    expect(content).toEqual({ status: 'error', reason: 'more than 400000 entries; files with up to that many are read' });
  });

  it('makes gaps of packages that SafeDep cannot be asked about', async () => {
    const lock = JSON.stringify({
      packages: { [`node_modules/${'n'.repeat(256)}`]: { version: '1.0.0' }, 'node_modules/ms': { version: `1.0.0-${'x'.repeat(100)}` } },
    });
    const { content } = await readManifest('package-lock.json', repository({ 'package-lock.json': lock }), READING);
    expect(content).toMatchObject({ packages: [], gaps: [{ name: 'ms', state: 'unsupported' }, { state: 'unsupported' }] });
  });
});
