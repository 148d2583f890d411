import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { isModulePath, isModuleVersion } from '../go-mod/module.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, LINE_MAX_CHARACTERS, whyUnreadable } from '../text.ts';

const OF_GO_MOD = '/go.mod';
/** `h1:` and a SHA-256 in base64, the only kind that Go writes. */
const HASH = /^h1:[A-Za-z0-9+/]{43}=$/;

/**
 * `go.sum`: the modules with a hash of their zip file, which were downloaded at some time. Those with the hash of their `go.mod` only
 * were looked at for their requirements. Read on request only: what is used stands in `go.mod`.
 */
export const goSum: ManifestFormat = {
  name: 'go-sum',
  files: ['go.sum', 'go.work.sum'],
  ecosystems: ['GO'],
  lists: 'superset',
  isOnRequestOnly: true,
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'go.sum' || baseName(path) === 'go.work.sum',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const { text } = decoded;
    const reason = whyUnreadable(text);
    if (reason !== undefined) return unreadable(reason);
    const reading = new Reading('GO', decoded);
    let lineNumber = 0;
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      lineNumber++;
      if (end - start > LINE_MAX_CHARACTERS)
        return unreadable(`line ${lineNumber} has ${end - start} characters; go.sum has no such lines`);
      const line = text.slice(start, end).trim();
      start = end + 1;
      if (line === '') continue;
      const [path = '', version = '', hash = '', ...more] = line.split(/[ \t]+/);
      if (!HASH.test(hash) || more.length > 0) return unreadable(`line ${lineNumber} is no line of a go.sum file: PATH VERSION HASH`);
      const isOfGoMod = version.endsWith(OF_GO_MOD);
      const found = isOfGoMod ? version.slice(0, -OF_GO_MOD.length) : version;
      if (!isModulePath(path) || !isModuleVersion(found)) reading.addUnresolved(path, version, 'not a legal module path and version');
      else if (!isOfGoMod) reading.addPackage(path, found, { integrity: hash, line: lineNumber });
    }
    return reading.content();
  },
};
