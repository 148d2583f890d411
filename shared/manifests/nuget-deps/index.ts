import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, JSON_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { addResolved } from '../nuget/names.ts';
import { Reading, unreadable } from '../reading.ts';
import { parseJson } from '../syntax/json.ts';
import { isObject, own, shown } from '../syntax/json-object.ts';
import { decodeText } from '../text.ts';

/** Kinds of library that are no package of a registry: our own projects, plain assemblies, the runtime itself. */
const OWN_KINDS: Readonly<Record<string, string>> = {
  project: 'a project of the solution',
  reference: 'a plain assembly',
  referenceassembly: 'a plain assembly',
  runtimepack: 'a part of the .NET runtime',
  msbuildproject: 'a project of the solution',
};
const KNOWN_KEYS: ReadonlySet<string> = new Set(['runtimeTarget', 'compilationOptions', 'targets', 'libraries', 'runtimes']);

/** `NAME.deps.json`, which .NET writes beside a built program: every library that it loads. */
export const nugetDeps: ManifestFormat = {
  name: 'nuget-deps',
  files: ['*.deps.json'],
  ecosystems: ['NUGET'],
  lists: 'exact',
  maxBytes: JSON_LOCK_MAX_BYTES,
  matches: (path) => /.\.deps\.json$/i.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseJson(bytes, decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const document = parsed.value;
    if (!isObject(document)) return unreadable('not a deps.json of .NET: not a JSON object');
    if (own(document, 'runtimeTarget') === undefined && own(document, 'targets') === undefined)
      return unreadable('not a deps.json of .NET: neither "runtimeTarget" nor "targets" stand in it');
    const libraries = own(document, 'libraries');
    if (!isObject(libraries)) return unreadable('not a deps.json of .NET: its "libraries" are no object');
    const reading = new Reading('NUGET', decoded);
    for (const key of Object.keys(document))
      if (!KNOWN_KEYS.has(key)) reading.addWarning(`its ${JSON.stringify(key)} is not known, and was not read`);
    for (const library of Object.keys(libraries)) addLibrary(library, libraries[library], reading);
    return reading.content();
  },
};

function addLibrary(library: string, entry: unknown, reading: Reading): void {
  const slash = library.lastIndexOf('/');
  const id = slash < 0 ? library : library.slice(0, slash);
  const version = slash < 0 ? '' : library.slice(slash + 1);
  const type = isObject(entry) ? own(entry, 'type') : undefined;
  if (type === 'package') {
    const sha512 = isObject(entry) ? own(entry, 'sha512') : undefined;
    addResolved(id, version, typeof sha512 === 'string' && sha512 !== '' ? { integrity: sha512 } : {}, reading);
  } else if (typeof type === 'string' && Object.hasOwn(OWN_KINDS, type)) {
    reading.addLocal(id, version, OWN_KINDS[type] ?? '');
  } else {
    reading.addUnresolved(id, version, `of the type ${shown(type) || 'none'}, which is not known`);
  }
}
