import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat, type ReadFile } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';
import { sectionsOf } from './layouts.ts';
import { SectionsReader } from './sections-reader.ts';

/** `deno.lock`: packages of npm and JSR, and the addresses of modules that stand on no registry. */
export const deno: ManifestFormat = {
  name: 'deno',
  files: ['deno.lock (1 to 5)'],
  ecosystems: ['NPM', 'JSR'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => baseName(path) === 'deno.lock',
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    if (!isObject(parsed.value)) return unreadable('not a deno.lock: not a JSON object');
    const sections = sectionsOf(parsed.value);
    if (typeof sections === 'string') return unreadable(sections);
    const reading = new Reading('NPM', decoded);
    const reader = new SectionsReader(sections, reading);
    reader.read();
    const unresolved = reader.unresolved();
    if (unresolved.length > 0) {
      const members = await namesOfMembers(path, reader.members(), readSibling);
      for (const { specifier, name, owner } of unresolved) {
        const folder = members.get(name);
        if (folder === undefined) {
          reader.ecosystemOf(specifier).addUnresolved(name, specifier, `declared by ${owner}, but the lock file does not resolve it`);
        } else {
          reader.ecosystemOf(specifier).addLocal(name, folder, 'a member of the workspace');
        }
      }
    }
    return reading.content();
  },
};

/** So many members are looked at to tell their names: each costs up to three files. */
const MAX_MEMBERS_READ = 100;
const MEMBER_FILES = ['deno.json', 'deno.jsonc', 'package.json'] as const;
const NAME_FIELD = /^[ \t]*(?:\{[ \t]*)?"name"[ \t]*:[ \t]*"([^"\\]{1,255})"/m;

/** The lock file keeps the folders of members, not their names, by which they ask for each other. */
async function namesOfMembers(path: string, folders: readonly string[], readSibling: ReadFile): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  const root = path.slice(0, path.lastIndexOf('/') + 1);
  for (const folder of ['.', ...folders.slice(0, MAX_MEMBERS_READ)]) {
    if (folder !== '.' && !/^(?:[^./\\][^/\\]*\/)*[^./\\][^/\\]*$/.test(folder)) continue;
    for (const file of MEMBER_FILES) {
      const bytes = await readSibling(folder === '.' ? `${root}${file}` : `${root}${folder}/${file}`);
      const name = bytes && NAME_FIELD.exec(decodeText(bytes).text)?.[1];
      if (name !== undefined) names.set(name, folder);
    }
  }
  return names;
}
