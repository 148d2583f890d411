import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { checkEntryCount, isVersion, Reading, unreadable } from '../reading.ts';
import { decodeText, LINE_MAX_CHARACTERS, whyUnreadable } from '../text.ts';

/** The largest go.mod files in the wild have some 100 KiB. */
const GO_MOD_MAX_BYTES = 4 * 1024 * 1024;

/** Every directive of the go.mod grammar (Go 1.26). */
const DIRECTIVES = new Set(['module', 'go', 'toolchain', 'godebug', 'require', 'exclude', 'replace', 'retract', 'tool', 'ignore']);

/** A module path: segments of these characters, none of them `.` or `..`. */
const MODULE = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._~+-]+(?:\/[A-Za-z0-9._~+-]+)*$/;
const LOCAL_PATH = /^(?:\.{0,2}[/\\]|\.{1,2}$|[A-Za-z]:[/\\])/;

interface Replacement {
  readonly path: string;
  readonly version: string | undefined;
}

interface Module {
  readonly goVersion: string | undefined;
  readonly required: ReadonlyMap<string, ReadonlySet<string>>;
  /** By `path` and by `path@version`; the latter wins. */
  readonly replacements: ReadonlyMap<string, Replacement>;
}

/**
 * `go.mod`: every required module, indirect ones included, after its `replace`. A replacement by a path is our own code; one of a
 * module that nobody requires does nothing. `exclude` is not applied: Go then selects another version, which only the module
 * graph tells. `go.sum` is not read: it is a superset of what is used. A file of Go 1.16 or older lists no indirect modules, and
 * ends with a gap that says so. The `replace` lines of a `go.work` are not applied.
 */
export const goMod: ManifestFormat = {
  name: 'go-mod',
  ecosystem: 'GO',
  maxBytes: GO_MOD_MAX_BYTES,
  matches: (path) => baseName(path) === 'go.mod',
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const module = parseModule(decoded.text);
    if ('reason' in module) return unreadable(module.reason);
    const reading = new Reading('GO', decoded);
    for (const [path, versions] of module.required) {
      for (const version of versions) addRequired(path, version, module, reading);
    }
    if (module.required.size > 0 && !listsIndirect(module.goVersion)) {
      const requirement = `go ${module.goVersion ?? '(none)'}`;
      reading.addUnresolved(
        'indirect modules',
        requirement,
        'a go.mod before Go 1.17 lists direct modules only; run go mod tidy with a newer one',
      );
    }
    return reading.content();
  },
};

function addRequired(path: string, version: string, module: Module, reading: Reading): void {
  const replacement = module.replacements.get(`${path}@${version}`) ?? module.replacements.get(path);
  if (replacement && LOCAL_PATH.test(replacement.path)) return;
  const name = replacement?.path ?? path;
  const resolved = replacement ? (replacement.version ?? '') : version;
  if (!MODULE.test(name)) reading.addUnresolved(name, resolved, 'not a legal module path');
  else if (!/^v\d/.test(resolved) || !isVersion(resolved)) reading.addUnresolved(name, resolved, 'not a module version');
  else reading.addPackage(name, resolved);
}

/** Since Go 1.17 indirect modules are listed too. Without a `go` line, Go assumes 1.16. */
function listsIndirect(goVersion: string | undefined): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(goVersion ?? '1.16') ?? [];
  return Number(major) > 1 || Number(minor) >= 17;
}

function parseModule(text: string): Module | { readonly reason: string } {
  const required = new Map<string, Set<string>>();
  const replacements = new Map<string, Replacement>();
  let isNamed = false;
  let goVersion: string | undefined;
  let block = '';
  let lineNumber = 0;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    lineNumber++;
    if (end - start > LINE_MAX_CHARACTERS) return { reason: `line ${lineNumber} has ${end - start} characters; go.mod has no such lines` };
    const words = splitWords(text.slice(start, end));
    start = end + 1;
    if (!words) return { reason: `line ${lineNumber} is no line of a go.mod file: a quotation does not end` };
    if (words.length === 0) continue;
    if (block !== '' && words[0] === ')' && words.length === 1) {
      block = '';
      continue;
    }
    const directive = block === '' ? (words.shift() ?? '') : block;
    if (!DIRECTIVES.has(directive))
      return { reason: `line ${lineNumber} has no directive that go.mod knows: it begins with ${JSON.stringify(directive.slice(0, 40))}` };
    if (block === '' && words[0] === '(' && words.length === 1) {
      block = directive;
    } else if (directive === 'module') {
      isNamed = words.length === 1;
    } else if (directive === 'go') {
      goVersion = words[0];
    } else if (directive === 'require') {
      const [path, version] = words;
      if (path === undefined || version === undefined || words.length !== 2)
        return { reason: `line ${lineNumber}: "require" takes a path and a version` };
      const versions = required.get(path);
      if (versions) versions.add(version);
      else required.set(path, new Set([version]));
      checkEntryCount(required.size);
    } else if (directive === 'replace') {
      const arrow = words.indexOf('=>');
      const [from, fromVersion] = words.slice(0, Math.max(arrow, 0));
      const [path, version] = words.slice(arrow + 1);
      if (from === undefined || path === undefined || arrow > 2 || words.length - arrow > 3)
        return { reason: `line ${lineNumber}: "replace" takes PATH [VERSION] => PATH [VERSION]` };
      replacements.set(fromVersion === undefined ? from : `${from}@${fromVersion}`, { path, version });
    }
  }
  if (block !== '') return { reason: `the file ends within its "${block} (" block` };
  if (!isNamed && required.size === 0) return { reason: 'not a go.mod file: neither "module" nor "require" stand in it' };
  return { goVersion, required, replacements };
}

/** The words of one line without its comment; `undefined` where a quotation does not end. */
function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*(?:\/\/.*|"((?:[^"\\]|\\.)*)"|`([^`]*)`|(=>|[()])|((?:(?!\/\/|=>)[^\s"`()])+)|(\S))/y;
  while (word.lastIndex < line.length) {
    const match = word.exec(line);
    if (!match) return words;
    const [, quoted, raw, sign, plain, stray] = match;
    if (stray !== undefined) return undefined;
    const text = quoted ?? raw ?? sign ?? plain;
    if (text !== undefined) words.push(text);
  }
  return words;
}
