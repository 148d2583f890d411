import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { Reading } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { readCargoToml } from './cargo-toml.ts';
import { readComposerJson } from './composer-json.ts';
import { readPackageJson } from './package-json.ts';
import { readGemfile, readProgram } from './programs.ts';
import { readPubspec } from './pubspec.ts';
import { readPipfile, readPyproject } from './python.ts';
import type { UnlockedManifest } from './unlocked-manifest.ts';

/** The largest that people write have some 100 kB. */
const MANIFEST_MAX_BYTES = 1024 * 1024;

const PYTHON_LOCKS = ['uv', 'poetry', 'pdm', 'pipfile', 'pylock', 'requirements'];
const GRADLE = {
  ecosystem: 'MAVEN',
  lockedBy: ['gradle-lockfile', 'gradle-verification'],
  asksFor:
    /^[ \t]*(?:[A-Za-z]*(?:[aA]pi|[iI]mplementation|[cC]ompileOnly|[rR]untimeOnly|[cC]lasspath|[pP]rocessor)|compile|kapt|ksp)[ \t(]+\S/m,
} as const;

const MANIFESTS: ReadonlyMap<string, UnlockedManifest> = new Map(
  (
    [
      { file: 'package.json', ecosystem: 'NPM', lockedBy: ['npm', 'pnpm', 'yarn', 'bun', 'deno'], read: readPackageJson },
      { file: 'Cargo.toml', ecosystem: 'CARGO', lockedBy: ['cargo'], read: readCargoToml },
      { file: 'pyproject.toml', ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readPyproject },
      { file: 'Pipfile', ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readPipfile },
      { file: 'setup.py', ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readProgram('setup.py', /\binstall_requires\b/) },
      { file: 'setup.cfg', ecosystem: 'PYPI', lockedBy: PYTHON_LOCKS, read: readProgram('setup.cfg', /^[ \t]*install_requires[ \t]*=/m) },
      { file: 'composer.json', ecosystem: 'PACKAGIST', lockedBy: ['composer'], read: readComposerJson },
      { file: 'pubspec.yaml', ecosystem: 'PUB', lockedBy: ['pub'], read: readPubspec },
      { file: 'Gemfile', ecosystem: 'RUBYGEMS', lockedBy: ['gemfile'], read: readGemfile },
      { file: 'gems.rb', ecosystem: 'RUBYGEMS', lockedBy: ['gemfile'], read: readGemfile },
      { file: 'mix.exs', ecosystem: 'HEX', lockedBy: ['mix'], read: readProgram('mix.exs', /\{\s*:\w+\s*,\s*(?:["']|\w+:)/) },
      { file: 'rebar.config', ecosystem: 'HEX', lockedBy: ['rebar'], read: readProgram('rebar.config', /\{\s*deps\s*,\s*\[\s*[^\s\]]/) },
      { file: 'Package.swift', ecosystem: 'SWIFT', lockedBy: ['swift'], read: readProgram('Package.swift', /\.package\s*\(/) },
      { file: 'Podfile', ecosystem: 'COCOAPODS', lockedBy: ['cocoapods'], read: readProgram('Podfile', /^[ \t]*pod[ \t]*[('"]/m) },
      { file: 'build.gradle', ...GRADLE, read: readProgram('build.gradle', GRADLE.asksFor) },
      { file: 'build.gradle.kts', ...GRADLE, read: readProgram('build.gradle.kts', GRADLE.asksFor) },
    ] as const satisfies readonly UnlockedManifest[]
  ).map((manifest) => [manifest.file, manifest]),
);

/**
 * Manifests that no lock file resolves. What they ask for in one exact version is a package, everything else a gap: a repository
 * without a lock file is not one without packages. One that cannot be read is a gap, too: a lock file it is not, and templates
 * are full of them.
 */
export const unlocked: ManifestFormat = {
  name: 'unlocked',
  files: [...MANIFESTS.keys()],
  ecosystems: [...new Set([...MANIFESTS.values()].map(({ ecosystem }) => ecosystem))],
  lists: 'declared',
  maxBytes: MANIFEST_MAX_BYTES,
  matches: (path) => MANIFESTS.has(baseName(path)),
  lockedBy: (path) => MANIFESTS.get(baseName(path))?.lockedBy ?? [],
  read(path, bytes): ManifestContent {
    const manifest = MANIFESTS.get(baseName(path));
    if (!manifest) throw new Error(`${path} is no manifest that is read here`);
    const decoded = decodeText(bytes);
    const reading = new Reading(manifest.ecosystem, decoded);
    const reason = whyUnreadable(decoded.text) ?? manifest.read(bytes, decoded.text, reading);
    if (reason === undefined) {
      const content = reading.content();
      if (content.status === 'error' || content.packages.length + content.gaps.length + content.locals.length > 0) return content;
      return { ...content, warnings: [...content.warnings, 'nothing in it asks for packages, as far as it was read'] };
    }
    // What was added before it broke off may be a part only.
    const unread = new Reading(manifest.ecosystem, decoded);
    unread.addUnresolved(manifest.file, '', `not read, and no lock file says what it brings in: ${reason}`);
    return unread.content();
  },
};
