import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { addGraph } from './graph.ts';
import { addLists } from './lists.ts';

/** 0.0 to 0.4 are Conan 1's, 0.5 is Conan 2's. */
const KNOWN_VERSION = /^0\.[0-5]$/;

/**
 * `conan.lock`, of Conan 1 (a graph of nodes) and 2 (lists of references). What a recipe needs to be built, and recipes that others
 * are written with, count: their code runs, too.
 */
export const conan: ManifestFormat = {
  name: 'conan',
  files: ['conan.lock (Conan 1, 2)'],
  ecosystems: ['CONAN'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'conan.lock',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const lock = parsed.value;
    if (!isObject(lock)) return unreadable('not a conan.lock: not a JSON object');
    const version = own(lock, 'version');
    if (typeof version !== 'string' || !KNOWN_VERSION.test(version))
      return unreadable(`lock file version ${shown(version) || '(none)'} is not known; 0.0 to 0.5 are`);
    const reading = new Reading('CONAN', decoded);
    const problem = Object.hasOwn(lock, 'graph_lock') ? addGraph(lock, decoded.text, reading) : addLists(lock, decoded.text, reading);
    return problem === undefined ? reading.content() : unreadable(`not a conan.lock: ${problem}`);
  },
};
