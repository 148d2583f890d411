import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, besideOf, type LockedBy, type ManifestFormat, UNLOCKED } from '../format.ts';
import { Reading } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { readCargoToml } from './cargo-toml.ts';
import { readComposerJson } from './composer-json.ts';
import { readPackageJson } from './package-json.ts';
import { readGemfile, readProgram } from './programs.ts';
import { readPubspec } from './pubspec.ts';
import { readPipfile, readPyproject } from './python.ts';
import { Requests } from './requests.ts';
import type { UnlockedManifest } from './unlocked-manifest.ts';

/** The largest that people write have some 100 kB. */
const MANIFEST_MAX_BYTES = 1024 * 1024;

const above = (...files: string[]): LockedBy => ({ above: files, beside: [] });
const beside = (...files: string[]): LockedBy => ({ above: [], beside: files });

const NPM_LOCKS = above('package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'deno.lock');
const PYTHON_LOCKS: LockedBy = { above: ['uv.lock'], beside: ['poetry.lock', 'pdm.lock', 'pylock.toml', 'Pipfile.lock'] };
const GRADLE_LOCKS: LockedBy = { above: ['verification-metadata.xml'], beside: ['gradle.lockfile'] };
const GRADLE_ASKS = /\bdependencies\s*\{\s*[^\s}]|\bid\b[^\n]{1,200}\bversion\b/;

const MANIFESTS: Readonly<Record<string, UnlockedManifest>> = {
  'package.json': { ecosystem: 'NPM', lockedBy: NPM_LOCKS, read: readPackageJson },
  'Cargo.toml': { ecosystem: 'CARGO', lockedBy: above('Cargo.lock'), read: readCargoToml },
  'pyproject.toml': { ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readPyproject },
  Pipfile: { ecosystem: 'PYPI', lockedBy: beside('Pipfile.lock'), read: readPipfile },
  'setup.py': { ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readProgram('setup.py', /\binstall_requires\b/) },
  'setup.cfg': { ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readProgram('setup.cfg', /^[ \t]*install_requires[ \t]*=/m) },
  'composer.json': { ecosystem: 'PACKAGIST', lockedBy: beside('composer.lock'), read: readComposerJson },
  'pubspec.yaml': { ecosystem: 'PUB', lockedBy: above('pubspec.lock'), read: readPubspec },
  Gemfile: { ecosystem: 'RUBYGEMS', lockedBy: beside('Gemfile.lock'), read: readGemfile },
  'gems.rb': { ecosystem: 'RUBYGEMS', lockedBy: beside('gems.locked'), read: readGemfile },
  'mix.exs': { ecosystem: 'HEX', lockedBy: above('mix.lock'), read: readProgram('mix.exs', /\{\s*:\w+\s*,\s*(?:["']|\w+:)/) },
  'rebar.config': { ecosystem: 'HEX', lockedBy: above('rebar.lock'), read: readProgram('rebar.config', /\{\s*deps\s*,\s*\[\s*[^\s\]]/) },
  'Package.swift': { ecosystem: 'SWIFT', lockedBy: beside('Package.resolved'), read: readProgram('Package.swift', /\.package\s*\(/) },
  Podfile: { ecosystem: 'COCOAPODS', lockedBy: beside('Podfile.lock'), read: readProgram('Podfile', /^[ \t]*pod[ \t]*[('"]/m) },
  'build.gradle': { ecosystem: 'MAVEN', lockedBy: GRADLE_LOCKS, read: readProgram('build.gradle', GRADLE_ASKS) },
  'build.gradle.kts': { ecosystem: 'MAVEN', lockedBy: GRADLE_LOCKS, read: readProgram('build.gradle.kts', GRADLE_ASKS) },
};

function manifestOf(path: string): UnlockedManifest | undefined {
  const name = baseName(path);
  return Object.hasOwn(MANIFESTS, name) ? MANIFESTS[name] : undefined;
}

/**
 * Manifests that no lock file resolves: gaps only, so that a repository without a lock file is not taken for one without packages.
 * One that cannot be read is a gap, too: a lock file it is not, and templates are full of them.
 */
export const unlocked: ManifestFormat = {
  name: UNLOCKED,
  files: Object.keys(MANIFESTS),
  ecosystems: [...new Set(Object.values(MANIFESTS).map(({ ecosystem }) => ecosystem))],
  lists: 'gaps',
  maxBytes: MANIFEST_MAX_BYTES,
  matches: (path) => manifestOf(path) !== undefined,
  lockedBy: (path) => manifestOf(path)?.lockedBy,
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const manifest = manifestOf(path);
    if (!manifest) throw new Error(`${path} is no manifest that is read here`);
    const decoded = decodeText(bytes);
    const reading = new Reading(manifest.ecosystem, decoded);
    const readBeside = (name: string) => readSibling(besideOf(path, name));
    const reason = whyUnreadable(decoded.text) ?? (await manifest.read({ bytes, text: decoded.text, readBeside }, new Requests(reading)));
    // What a reader added before it broke off is a part only, and is left out.
    const found = reason === undefined ? reading : new Reading(manifest.ecosystem, decoded);
    if (reason !== undefined) found.addUnresolved(baseName(path), '', `not read, and no lock file says what it brings in: ${reason}`);
    const content = found.content();
    if (content.status === 'error' || content.gaps.length + content.locals.length > 0) return content;
    return { ...content, warnings: [...content.warnings, 'nothing in it asks for packages, as far as it was read'] };
  },
};
