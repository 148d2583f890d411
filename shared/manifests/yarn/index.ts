import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, besideOf, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { type DecodedText, decodeText, hasStrayCarriageReturn, whyUnreadable } from '../text.ts';
import { addBerry, isBerry, readBerry } from './berry.ts';
import { addClassic, readClassic } from './classic.ts';
import type { YarnEntry } from './lines.ts';
import { NO_RESOLUTIONS, type Resolutions, resolutionsOf } from './resolutions.ts';

/** `yarn.lock` of yarn 1 (its own layout) and of yarn 2 and later (a subset of YAML, told by its `__metadata`). */
export const yarn: ManifestFormat = {
  name: 'yarn',
  files: ['yarn.lock (1, 2 and later)'],
  ecosystems: ['NPM'],
  lists: 'exact',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'yarn.lock',
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const decoded = decodeText(bytes);
    const { text } = decoded;
    const reason = whyUnreadable(text) ?? (hasStrayCarriageReturn(text) ? 'it has carriage returns within lines' : undefined);
    if (reason !== undefined) return unreadable(reason);
    const isOfBerry = isBerry(text);
    const entries = isOfBerry ? readBerry(text) : readClassic(text);
    if ('reason' in entries) return unreadable(entries.reason);
    const content = contentOf(entries, isOfBerry, NO_RESOLUTIONS, decoded);
    if (isOfBerry || content.status === 'error' || content.poisonings.every(({ rule }) => rule !== 'other-package')) return content;
    // yarn 1 keeps what `resolutions` ask for in the address alone. They are few, so the file beside is read only now.
    const packageJson = await readSibling(besideOf(path, 'package.json'));
    const resolutions = packageJson ? resolutionsOf(packageJson) : NO_RESOLUTIONS;
    return resolutions.size === 0 ? content : contentOf(entries, isOfBerry, resolutions, decoded);
  },
};

function contentOf(entries: readonly YarnEntry[], isOfBerry: boolean, resolutions: Resolutions, decoded: DecodedText): ManifestContent {
  const reading = new Reading('NPM', decoded);
  if (isOfBerry) addBerry(entries, reading);
  else addClassic(entries, resolutions, reading);
  return reading.content();
}
