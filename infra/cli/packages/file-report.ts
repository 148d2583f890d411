import { whyTooLarge } from '../../../shared/manifests/format.ts';
import type { ManifestReader } from '../../../shared/manifests/manifest-reader.ts';
import { formatOnRequest, maxBytesOf } from '../../../shared/manifests/registry.ts';
import type { ManifestContent } from '../../../shared/model/manifest.ts';
import type { ReadingSettings } from '../../../shared/model/settings/settings.ts';
import { type FoundFile, repositoryReader, sizeOf } from './find-files.ts';

/** What one file says. */
export interface FileReport {
  /** As the file was named, or found. */
  readonly path: string;
  /** Absent where its name says no known format. */
  readonly format?: string;
  readonly content: ManifestContent;
}

/** Reads one file. Whatever goes wrong is the content's reason. */
export async function reportOn(file: FoundFile, reader: ManifestReader, settings: ReadingSettings): Promise<FileReport> {
  const format = formatOnRequest(file.path);
  if (!format) return { path: file.shown, content: failed('its name says no known format') };
  const report = (content: ManifestContent): FileReport => ({ path: file.shown, format: format.name, content });
  const size = await sizeOf(file);
  if (typeof size !== 'number') return report(failed(size.reason));
  const tooLarge = whyTooLarge({ format: format.name, maxBytes: maxBytesOf(format, settings) }, size);
  if (tooLarge !== undefined) return report(failed(tooLarge));
  try {
    return report((await reader.read(file.path, repositoryReader(file), settings)).content);
  } catch (error) {
    return report(failed(error instanceof Error ? error.message : String(error)));
  }
}

function failed(reason: string): ManifestContent {
  return { status: 'error', reason };
}
