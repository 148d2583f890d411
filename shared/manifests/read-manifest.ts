import type { ManifestContent } from '../model/manifest.ts';
import type { ReadingSettings } from '../model/settings/settings.ts';
import { type ManifestFormat, type ReadFile, whyTooLarge } from './format.ts';
import { withoutPrivate } from './private-packages.ts';
import { ReadingLimit, unreadable } from './reading.ts';
import { formatOnRequest, maxBytesOf } from './registry.ts';
import { withHostPoisonings } from './registry-hosts.ts';
import { withDigestPoisonings } from './shared-digests.ts';

export interface ReadManifest {
  readonly content: ManifestContent;
  /** Every path asked for, found or absent, the lock file itself first: what the content is a function of. */
  readonly consulted: readonly string[];
  /** The reading was ended for its time or memory. Another machine may manage: such an error holds for this time only. */
  readonly wasEnded?: true;
}

/**
 * Reads the lock file at `path`. Throws what `readFile` throws, and on a path of no format; everything that is wrong with the
 * file itself is in the content.
 */
export async function readManifest(path: string, readFile: ReadFile, settings: ReadingSettings): Promise<ReadManifest> {
  const format = formatOnRequest(path);
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
  const content = await readWith(format, path, consult, settings).catch((error: unknown) => {
    if (failures.includes(error)) throw error;
    if (error instanceof ReadingLimit) return unreadable(error.message);
    // A defect of the reader must not stop the other lock files of the repository, nor pass for a clean one.
    return unreadable(
      `the ${format.name} reader failed on this file (${error instanceof Error ? error.name : typeof error}); please report it`,
    );
  });
  return { content: withDigestPoisonings(withHostPoisonings(withoutPrivate(content, settings), settings)), consulted: [...consulted] };
}

async function readWith(format: ManifestFormat, path: string, consult: ReadFile, settings: ReadingSettings): Promise<ManifestContent> {
  const bytes = await consult(path);
  if (bytes === undefined) return unreadable('there is no such file in the repository');
  const tooLarge = whyTooLarge({ format: format.name, maxBytes: maxBytesOf(format, settings) }, bytes.length);
  if (tooLarge !== undefined) return unreadable(tooLarge);
  return format.read(path, bytes, consult);
}
