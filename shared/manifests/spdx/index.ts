import { ECOSYSTEMS, type Ecosystem } from '../../model/ecosystem.ts';
import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText } from '../text.ts';
import { addDocument } from './document.ts';
import { readJson } from './json.ts';
import { readTagValue } from './tag-value.ts';

/** SPDX documents, JSON and tags with values, 2.0 to 2.3. A package is what its purls say; what the document is about, is our own code. */
export const spdx: ManifestFormat = {
  name: 'spdx',
  files: ['*.spdx.json', '*.spdx'],
  ecosystems: Object.keys(ECOSYSTEMS) as Ecosystem[],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => /(?:^|[._-])spdx(?:\.json)?$/i.test(baseName(path)),
  read(path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const document = path.toLowerCase().endsWith('.json') ? readJson(bytes, decoded.text) : readTagValue(decoded.text);
    if ('reason' in document) return unreadable(document.reason);
    const reading = new Reading('OTHER', decoded);
    addDocument(document, reading);
    return reading.content();
  },
};
