import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { type GoFile, parseGoFile, type Replacement, type Requirement } from './grammar.ts';
import { isLocalPath, isModulePath, isModuleVersion } from './module.ts';

/** The largest go.mod files in the wild have some 100 KiB. */
export const GO_MOD_MAX_BYTES = 4 * 1024 * 1024;

/**
 * `go.mod`: every required module, indirect ones included, after its `replace`. A replacement by a path is our own code; one of a
 * module that nobody requires does nothing. `exclude` is not applied: Go then selects another version, which only the module
 * graph tells. A file of Go 1.16 or older lists no indirect modules, and ends with a gap that says so. What the `replace` lines of a
 * `go.work` change is listed under that file.
 */
export const goMod: ManifestFormat = {
  name: 'go-mod',
  files: ['go.mod'],
  ecosystems: ['GO'],
  lists: 'exact',
  maxBytes: GO_MOD_MAX_BYTES,
  matches: (path) => baseName(path) === 'go.mod',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const file = parseGoFile(decoded.text, 'go.mod');
    if ('reason' in file) return unreadable(file.reason);
    const { module, required, goVersion } = file;
    if (module === undefined && required.length === 0) return unreadable('not a go.mod file: neither "module" nor "require" stand in it');
    const reading = new Reading('GO', decoded);
    if (module !== undefined) reading.addLocal(module, '', 'the module itself');
    for (const requirement of required) {
      if (file.excluded.has(`${requirement.path}@${requirement.version}`)) {
        reading.addWarning(`${requirement.path}@${requirement.version} is required and excluded: Go takes a later version`);
      }
      addRequired(requirement, replacementOf(requirement, file), reading);
    }
    if (required.length > 0 && !listsIndirect(goVersion)) {
      reading.addUnresolved(
        'indirect modules',
        `go ${goVersion ?? '(none)'}`,
        'a go.mod before Go 1.17 lists direct modules only; run go mod tidy with a newer one',
      );
    }
    return reading.content();
  },
};

/** That of the very version wins over that of all. */
export function replacementOf({ path, version }: Requirement, { replacements }: GoFile): Replacement | undefined {
  return replacements.get(`${path}@${version}`) ?? replacements.get(path);
}

/** Adds what is installed for a requirement: what replaces it, or itself. */
export function addRequired(
  { path, version, isIndirect, line }: Requirement,
  replacement: Replacement | undefined,
  reading: Reading,
): void {
  if (replacement && isLocalPath(replacement.path)) {
    reading.addLocal(path, replacement.path, 'replaced by a folder');
    return;
  }
  const name = replacement?.path ?? path;
  const resolved = replacement ? (replacement.version ?? '') : version;
  if (!isModulePath(name)) reading.addUnresolved(name, resolved, 'not a legal module path');
  else if (!isModuleVersion(resolved)) reading.addUnresolved(name, resolved, 'not a module version');
  else {
    const relationship = isIndirect ? 'transitive' : 'direct';
    reading.addPackage(name, resolved, line === undefined ? { relationship } : { relationship, line });
  }
}

/** Since Go 1.17 indirect modules are listed too. Without a `go` line, Go assumes 1.16. */
function listsIndirect(goVersion: string | undefined): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(goVersion ?? '1.16') ?? [];
  return Number(major) > 1 || Number(minor) >= 17;
}
