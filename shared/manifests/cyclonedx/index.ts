import type { Ecosystem } from '../../model/ecosystem.ts';
import { ECOSYSTEMS } from '../../model/ecosystem.ts';
import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText } from '../text.ts';
import { addComponents } from './components.ts';
import { readJson } from './json.ts';
import { readXml } from './xml.ts';

/**
 * CycloneDX documents, JSON and XML, 1.0 to 1.7. A component is what its purl says; what the document is about, is our own code.
 */
export const cyclonedx: ManifestFormat = {
  name: 'cyclonedx',
  files: ['bom.json', 'bom.xml', '*.cdx.json', '*.cdx.xml'],
  ecosystems: Object.keys(ECOSYSTEMS) as Ecosystem[],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => /^(?:bom|.*\.bom|.*\.cdx|cyclonedx|.*-cyclonedx)\.(?:json|xml)$/i.test(baseName(path)),
  read(path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const bom = path.toLowerCase().endsWith('.xml') ? readXml(decoded.text) : readJson(bytes, decoded.text);
    if ('reason' in bom) return unreadable(bom.reason);
    const reading = new Reading('OTHER', decoded);
    addComponents(bom, reading);
    return reading.content();
  },
};
