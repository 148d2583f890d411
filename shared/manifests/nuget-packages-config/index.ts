import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { addResolved } from '../nuget/names.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseXml } from '../syntax/xml.ts';
import { decodeText } from '../text.ts';

/** The largest have some hundred packages, in 20 kB. */
const PACKAGES_CONFIG_MAX_BYTES = 4 * 1024 * 1024;

/** `packages.config` of projects of the old kind, and `packages.PROJECT.config`: what is installed, one version each. */
export const nugetPackagesConfig: ManifestFormat = {
  name: 'nuget-packages-config',
  files: ['packages.config', 'packages.*.config'],
  ecosystems: ['NUGET'],
  lists: 'exact',
  maxBytes: PACKAGES_CONFIG_MAX_BYTES,
  matches: (path) => /^packages\.(?:[^/]+\.)?config$/i.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseXml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    if (parsed.value.name !== 'packages') return unreadable(`not a packages.config: its root is <${parsed.value.name}>, not <packages>`);
    const reading = new Reading('NUGET', decoded);
    if (parsed.value.text !== '') reading.addWarning('text stands between its packages, and was not read');
    for (const element of parsed.value.elements()) {
      const id = element.attribute('id');
      const version = element.attribute('version') ?? '';
      if (element.name !== 'package') {
        reading.addUnresolved(id ?? element.name, version, `<${element.name}> stands in place of a package`);
      } else if (id === undefined) {
        reading.addUnresolved('package', version, 'has no id');
      } else {
        const isDevelopment = element.attribute('developmentDependency')?.toLowerCase() === 'true';
        addResolved(id, version, isDevelopment ? { isDevelopment } : {}, reading);
      }
    }
    return reading.content();
  },
};
