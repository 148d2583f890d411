import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { RegistryEntries } from '../npm/registry-entries.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, hasStrayCarriageReturn, whyUnreadable } from '../text.ts';
import { isBerry, readBerry } from './berry.ts';
import { readClassic } from './classic.ts';

/** `yarn.lock` of yarn 1 (its own layout) and of yarn 2 and later (a subset of YAML, told by its `__metadata`). */
export const yarn: ManifestFormat = {
  name: 'yarn',
  ecosystem: 'NPM',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'yarn.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const { text } = decoded;
    const reason = whyUnreadable(text) ?? (hasStrayCarriageReturn(text) ? 'it has carriage returns within lines' : undefined);
    if (reason !== undefined) return unreadable(reason);
    const reading = new Reading('NPM', decoded);
    const entries = new RegistryEntries(reading);
    const complaint = isBerry(text) ? readBerry(text, entries, reading) : readClassic(text, entries, reading);
    if (complaint !== undefined) return unreadable(complaint);
    entries.finish();
    return reading.content();
  },
};
