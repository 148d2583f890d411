import type { ReadingSettings } from '../model/settings/settings.ts';
import { bun } from './bun/index.ts';
import { cabalFreeze } from './cabal-freeze/index.ts';
import { cargo } from './cargo/index.ts';
import { cocoapods } from './cocoapods/index.ts';
import { composer } from './composer/index.ts';
import { conan } from './conan/index.ts';
import { cyclonedx } from './cyclonedx/index.ts';
import { deno } from './deno/index.ts';
import { dockerfile } from './dockerfile/index.ts';
import { baseName, type LockedBy, type LockFilePath, type ManifestFormat } from './format.ts';
import { gemfile } from './gemfile/index.ts';
import { githubActions } from './github-actions/index.ts';
import { goMod } from './go-mod/index.ts';
import { goSum } from './go-sum/index.ts';
import { goWork } from './go-work/index.ts';
import { gradleCatalog } from './gradle-catalog/index.ts';
import { gradleLockfile } from './gradle-lockfile/index.ts';
import { gradleVerification } from './gradle-verification/index.ts';
import { mavenPom } from './maven-pom/index.ts';
import { mix } from './mix/index.ts';
import { npm } from './npm/index.ts';
import { nugetDeps } from './nuget-deps/index.ts';
import { nugetLock } from './nuget-lock/index.ts';
import { nugetPackagesConfig } from './nuget-packages-config/index.ts';
import { nugetProject } from './nuget-project/index.ts';
import { pdm } from './pdm/index.ts';
import { pipfile } from './pipfile/index.ts';
import { pnpm } from './pnpm/index.ts';
import { poetry } from './poetry/index.ts';
import { pub } from './pub/index.ts';
import { pylock } from './pylock/index.ts';
import { rebar } from './rebar/index.ts';
import { renv } from './renv/index.ts';
import { requirements } from './requirements/index.ts';
import { spdx } from './spdx/index.ts';
import { stackLock } from './stack-lock/index.ts';
import { swift } from './swift/index.ts';
import { terraformLock } from './terraform-lock/index.ts';
import { unlocked } from './unlocked/index.ts';
import { uv } from './uv/index.ts';
import { yarn } from './yarn/index.ts';

/** One line each, the first that matches a path reads it. */
export const FORMATS: readonly ManifestFormat[] = [
  npm,
  pnpm,
  yarn,
  bun,
  deno,
  cargo,
  goMod,
  requirements,
  goSum,
  goWork,
  pdm,
  pipfile,
  poetry,
  pylock,
  uv,
  gemfile,
  composer,
  pub,
  mix,
  rebar,
  swift,
  cocoapods,
  mavenPom,
  gradleCatalog,
  gradleLockfile,
  gradleVerification,
  nugetLock,
  nugetPackagesConfig,
  nugetProject,
  nugetDeps,
  cyclonedx,
  spdx,
  conan,
  githubActions,
  terraformLock,
  renv,
  cabalFreeze,
  stackLock,
  dockerfile,
  unlocked,
];

/** Which format the pipeline reads this path by, if any. */
export function formatOf(path: string): ManifestFormat | undefined {
  return FORMATS.find((format) => format.isOnRequestOnly !== true && format.matches(path));
}

/** As `formatOf`, with those that are only read when a person asks for it. */
export function formatOnRequest(path: string): ManifestFormat | undefined {
  return FORMATS.find((format) => format.matches(path)) ?? FORMATS.find((format) => format.matchesOnRequest?.(path) === true);
}

/** What `cargo vendor` and `go mod vendor` copy are the dependencies' own files; nobody resolves by them. */
const VENDORED = new Set(['Cargo.lock', 'go.mod']);

/**
 * Whether a lock file is none of ours: below a folder that the settings name (repository-relative), below `node_modules`, or,
 * for Cargo, Go and manifests, below `vendor` (or CocoaPods' `Pods`).
 */
export function isIgnored(path: string, settings: ReadingSettings): boolean {
  const folders = path.split('/').slice(0, -1);
  if (folders.includes('node_modules')) return true;
  if (folders.includes('vendor') && VENDORED.has(baseName(path))) return true;
  if (unlocked.matches(path) && (folders.includes('vendor') || folders.includes('Pods'))) return true;
  return settings.ignoredFolders.some((folder) => path.startsWith(`${folder.replace(/^\.?\/+|\/+$/g, '')}/`));
}

/** The lock files among the paths of a repository that the pipeline reads, and the manifests that none of them resolves. */
export function findLockFiles(paths: readonly string[], settings: ReadingSettings): LockFilePath[] {
  const found = paths.flatMap((path) => {
    const format = formatOf(path);
    return format && !isIgnored(path, settings) ? [{ path, format }] : [];
  });
  const files = new Set(found.map(({ path }) => `${resolvedFolderOf(path)}/${baseName(path)}`));
  return found
    .filter(({ path, format }) => !isLocked(path, format.lockedBy?.(path), files))
    .map(({ path, format }) => ({ path, format: format.name, maxBytes: maxBytesOf(format, settings) }));
}

/** Folders for a lock file alone, inside the one whose manifests it resolves: Rush's, Xcode's, Gradle's. */
const LOCK_FOLDERS = /(?:^|\/)(?:common\/config\/(?:rush|subspaces\/[^/]+)|[^/]+\.(?:xcodeproj|xcworkspace)(?:\/.*)?|gradle)$/;

function resolvedFolderOf(path: string): string {
  return folderOf(path).replace(LOCK_FOLDERS, '');
}

function isLocked(path: string, lockedBy: LockedBy | undefined, files: ReadonlySet<string>): boolean {
  if (!lockedBy) return false;
  const own = folderOf(path);
  if (lockedBy.beside.some((name) => files.has(`${own}/${name}`))) return true;
  for (let folder = own; ; folder = folderOf(folder)) {
    if (lockedBy.above.some((name) => files.has(`${folder}/${name}`))) return true;
    if (folder === '') return false;
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The size up to which a file of the format is read. */
export function maxBytesOf(format: ManifestFormat, settings: ReadingSettings): number {
  return settings.limits.fileBytes ?? format.maxBytes;
}
