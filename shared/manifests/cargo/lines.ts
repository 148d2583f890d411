import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS } from '../text.ts';

interface CargoPackage {
  readonly name: unknown;
  readonly version: unknown;
  /** Absent for our own code. */
  readonly source: unknown;
  /** `name`, `name version` or `name version (source)`. */
  readonly dependencies: readonly string[];
}

export interface CargoLock {
  readonly version: unknown;
  readonly packages: readonly CargoPackage[];
}

interface OpenPackage {
  name: string | undefined;
  version: string | undefined;
  source: string | undefined;
  readonly dependencies: string[];
}

const KEY = /^(?:"[^"\\]*"|[a-z_]+)$/;
const LAYOUT = /^version = (\d{1,3})$/;
/** Checksums of layout 1, and patches that nothing uses. */
const OTHER_TABLES: ReadonlySet<string> = new Set(['[metadata]', '[[patch.unused]]']);

/**
 * Reads a `Cargo.lock` as cargo writes it, line by line: several times faster than a TOML parser, and no memory beyond what
 * it returns. `undefined` on the first line of another form: the file is then for the TOML parser.
 */
export function readLines(text: string): CargoLock | undefined {
  const packages: OpenPackage[] = [];
  let layout: number | undefined;
  let table: 'top' | 'package' | 'other' = 'top';
  let current: OpenPackage | undefined;
  let list: string[] | undefined;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    if (text.charCodeAt(end - 1) === 0x0d) end--;
    if (end - start > LINE_MAX_CHARACTERS) return undefined;
    const line = text.slice(start, end);
    start = next;
    if (list) {
      if (line === ']') {
        list = undefined;
        continue;
      }
      const item = line.startsWith(' "') && line.endsWith(',') ? readText(line, 1, line.length - 1) : undefined;
      if (item === undefined) return undefined;
      list.push(item);
    } else if (line === '[[package]]' || line === '[root]') {
      table = 'package';
      current = { name: undefined, version: undefined, source: undefined, dependencies: [] };
      packages.push(current);
      checkEntryCount(packages.length);
    } else if (line === '' || line.startsWith('#')) {
      // nothing stands in it
    } else if (line === 'dependencies = [' && table !== 'top') {
      list = table === 'package' && current ? current.dependencies : [];
    } else if (OTHER_TABLES.has(line)) {
      table = 'other';
    } else if (table === 'top') {
      const found = LAYOUT.exec(line)?.[1];
      if (found === undefined || layout !== undefined) return undefined;
      layout = Number(found);
    } else {
      const equals = line.indexOf(' = "');
      const value = equals < 0 ? undefined : readText(line, equals + 3, line.length);
      if (value === undefined) return undefined;
      const key = line.slice(0, equals);
      if (table === 'package' && current && (key === 'name' || key === 'version' || key === 'source')) {
        if (current[key] !== undefined) return undefined;
        current[key] = value;
      } else if (!KEY.test(key)) {
        return undefined;
      }
    }
  }
  return list ? undefined : { version: layout, packages };
}

/** The text between the quotes at `start` and right before `end`; `undefined` where there is more to it. */
function readText(line: string, start: number, end: number): string | undefined {
  const isClosed = line.indexOf('"', start + 1) === end - 1;
  const text = line.slice(start + 1, end - 1);
  return isClosed && !text.includes('\\') ? text : undefined;
}
