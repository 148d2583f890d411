import type { ManifestContent, ManifestGap } from '../model/manifest.ts';
import type { PackageVersion } from '../model/package-version.ts';
import type { ReadingSettings } from '../model/settings/settings.ts';
import { cargo } from './cargo/index.ts';
import { baseName, type ManifestFormat, type ReadFile } from './format.ts';
import { goMod } from './go-mod/index.ts';
import { npm } from './npm/index.ts';
import { pnpm } from './pnpm/index.ts';
import { ReadingLimit, unreadable } from './reading.ts';
import { requirements } from './requirements/index.ts';
import { foldPythonName } from './requirements/requirement.ts';
import { yarn } from './yarn/index.ts';

export type { ManifestFormat, ReadFile } from './format.ts';

/** Raised whenever what is read from the same bytes changes: manifests that were read by another version are read again. */
export const READER_VERSION = 1;

const FORMATS: readonly ManifestFormat[] = [npm, pnpm, yarn, cargo, goMod, requirements];

/** Which format reads this path, if any. */
export function formatOf(path: string): ManifestFormat | undefined {
  return FORMATS.find((format) => format.matches(path));
}

/** What `cargo vendor` and `go mod vendor` copy are the dependencies' own files; nobody resolves by them. */
const VENDORED = new Set(['Cargo.lock', 'go.mod']);

/**
 * Whether a lock file is none of ours: below a folder that the settings name (repository-relative), below `node_modules`, or,
 * for Cargo and Go, below `vendor`.
 */
export function isIgnored(path: string, settings: ReadingSettings): boolean {
  const folders = path.split('/').slice(0, -1);
  if (folders.includes('node_modules')) return true;
  if (folders.includes('vendor') && VENDORED.has(baseName(path))) return true;
  return settings.ignoredFolders.some((folder) => path.startsWith(`${folder.replace(/^\.?\/+|\/+$/g, '')}/`));
}

/** Why a file of this size is not read, or `undefined` when it is: known from a tree before any byte is fetched. */
export function whyTooLarge(format: ManifestFormat, sizeBytes: number): string | undefined {
  return sizeBytes > format.maxBytes ? `too large: ${sizeBytes} bytes; up to ${format.maxBytes} are read of ${format.name}` : undefined;
}

export interface ReadManifest {
  readonly format: string;
  readonly content: ManifestContent;
  /** Every path asked for, found or absent, the lock file itself first: what the content is a function of. */
  readonly consulted: readonly string[];
}

/**
 * Reads the lock file at `path`. Throws what `readFile` throws, and on a path of no format; everything that is wrong with the
 * file itself is in the content.
 */
export async function readManifest(path: string, readFile: ReadFile, settings: ReadingSettings): Promise<ReadManifest> {
  const format = formatOf(path);
  if (!format) throw new Error(`no format reads ${JSON.stringify(path)}; ask formatOf first`);
  const consulted = new Set<string>();
  const failures: unknown[] = [];
  const consult: ReadFile = async (asked) => {
    consulted.add(asked);
    try {
      return await readFile(asked);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  const content = await readWith(format, path, consult).catch((error: unknown) => {
    if (failures.includes(error)) throw error;
    if (error instanceof ReadingLimit) return unreadable(error.message);
    // A defect of the reader must not stop the other lock files of the repository, nor pass for a clean one.
    return unreadable(
      `the ${format.name} reader failed on this file (${error instanceof Error ? error.name : typeof error}); please report it`,
    );
  });
  return { format: format.name, content: withoutPrivate(content, settings), consulted: [...consulted] };
}

async function readWith(format: ManifestFormat, path: string, consult: ReadFile): Promise<ManifestContent> {
  const bytes = await consult(path);
  if (bytes === undefined) return unreadable('there is no such file in the repository');
  const tooLarge = whyTooLarge(format, bytes.length);
  if (tooLarge !== undefined) return unreadable(tooLarge);
  return format.read(path, bytes, consult);
}

/** Private names become gaps: a public service knows nothing of them, and must not be told. */
function withoutPrivate(content: ManifestContent, settings: ReadingSettings): ManifestContent {
  if (content.status === 'error') return content;
  const packages: PackageVersion[] = [];
  const gaps: ManifestGap[] = [];
  for (const packageVersion of content.packages) {
    if (isPrivate(packageVersion, settings)) {
      const { ecosystem, name, version } = packageVersion;
      gaps.push({ ecosystem, name, requirement: version, state: 'unresolved', reason: 'a private name' });
    } else {
      packages.push(packageVersion);
    }
  }
  return gaps.length === 0 ? content : { ...content, packages, gaps: [...content.gaps, ...gaps] };
}

function isPrivate({ ecosystem, name }: PackageVersion, settings: ReadingSettings): boolean {
  const patterns = (settings.privateNames as Partial<Record<string, readonly string[]>>)[ecosystem] ?? [];
  const fold = ecosystem === 'PYPI' ? foldPythonName : (text: string) => text;
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? fold(name).startsWith(fold(pattern.slice(0, -1))) : fold(name) === fold(pattern),
  );
}
