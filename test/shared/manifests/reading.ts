import { readManifest } from '../../../shared/manifests/read-manifest.ts';
import type { ManifestContent } from '../../../shared/model/manifest.ts';
import { DEFAULT_SETTINGS } from '../../../shared/model/settings/settings.ts';

export type ReadContent = Extract<ManifestContent, { status: 'read' }>;

export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

/** The content of the first of these files; the others lie beside it in the repository. */
export async function contentOf(
  path: string,
  content: string | Uint8Array,
  siblings: Readonly<Record<string, string>> = {},
): Promise<ManifestContent> {
  const files = new Map<string, string | Uint8Array>([...Object.entries(siblings), [path, content]]);
  const readFile = async (asked: string): Promise<Uint8Array | undefined> => {
    const found = files.get(asked);
    return found === undefined ? undefined : bytesOf(found);
  };
  return (await readManifest(path, readFile, DEFAULT_SETTINGS.reading)).content;
}

/** As `contentOf`, where the file must be readable. */
export async function read(
  path: string,
  content: string | Uint8Array,
  siblings: Readonly<Record<string, string>> = {},
): Promise<ReadContent> {
  const found = await contentOf(path, content, siblings);
  if (found.status === 'error') throw new Error(`${path} was not read: ${found.reason}`);
  return found;
}

/** The packages as `name@version`, in the order read. */
export function packagesOf(content: ReadContent): string[] {
  return content.packages.map(({ name, version }) => `${name}@${version}`);
}

/** The gaps as `state name requirement`, in the order read. */
export function gapsOf(content: ReadContent): string[] {
  return content.gaps.map(({ state, name, requirement }) => [state, name, requirement].filter(Boolean).join(' '));
}

/** Why the file was not read; throws where it was. */
export async function reasonOf(path: string, content: string | Uint8Array): Promise<string> {
  const found = await contentOf(path, content);
  if (found.status === 'read') throw new Error(`${path} was read: ${found.packages.length} packages`);
  return found.reason;
}

/** The locals as `name requirement`, in the order read. */
export function localsOf(content: ReadContent): string[] {
  return content.locals.map(({ name, requirement }) => [name, requirement].filter(Boolean).join(' '));
}

/** The signs of poisoning as `rule name@version`, in the order found. */
export function poisoningsOf(content: ReadContent): string[] {
  return content.poisonings.map(({ rule, packageVersion: { name, version } }) => `${rule} ${name}@${version}`);
}
