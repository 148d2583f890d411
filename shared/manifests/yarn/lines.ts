import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS } from '../text.ts';

/** One entry of a `yarn.lock` of either layout. */
export interface YarnEntry {
  /** From 1; absent where a parser of the whole file read it. */
  readonly line?: number;
  /** Its key, `name@range` in a list. */
  readonly specs: readonly string[];
  /** Those of its own fields that tell what it is. */
  readonly fields: YarnFields;
  /** `name`, `range` of what stands below `dependencies:`, in turns; of entries that the layout asks them of. */
  readonly dependencies: readonly string[];
}

export interface YarnFields {
  version?: string;
  resolved?: string;
  resolution?: string;
  integrity?: string;
  checksum?: string;
  cacheKey?: string;
}

/** Those that are asked for, by their names. */
export const YARN_FIELDS: Readonly<Record<string, keyof YarnFields>> = {
  version: 'version',
  resolved: 'resolved',
  resolution: 'resolution',
  integrity: 'integrity',
  checksum: 'checksum',
  cacheKey: 'cacheKey',
};

export interface YarnLayout {
  /** What stands between a field and its value. */
  readonly separator: ' ' | ': ';
  /** The list of a key, as it stands and without its colon; `undefined` where it is none. */
  readonly specsOf: (key: string) => readonly string[] | undefined;
  /** Whether the dependencies of an entry with these fields are asked for. */
  readonly hasWantedDependencies: (fields: YarnFields) => boolean;
}

/** Thrown at the first line that yarn does not write: the file is then for a parser of the whole grammar. */
class UnexpectedLine extends Error {}

/**
 * Every entry of a `yarn.lock` as yarn writes it: keys without indentation, fields at two spaces, lists and maps below them deeper.
 * `undefined` where a line fits none of these: whoever cannot follow the grammar must not guess at the packages.
 */
export function readLines(text: string, layout: YarnLayout): readonly YarnEntry[] | undefined {
  try {
    return readEntries(text, layout);
  } catch (error) {
    if (error instanceof UnexpectedLine) return undefined;
    throw error;
  }
}

function readEntries(text: string, { separator, specsOf, hasWantedDependencies }: YarnLayout): readonly YarnEntry[] {
  const entries: YarnEntry[] = [];
  let fields: YarnFields | undefined;
  let dependencies: string[] = [];
  let group: string | undefined;
  let longKey: string | undefined;
  let line = 0;
  let specCount = 0;
  let dependencyCount = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    if (text.charCodeAt(end - 1) === 0x0d) end--;
    line++;
    if (end - start > LINE_MAX_CHARACTERS) throw new UnexpectedLine();
    let first = start;
    while (first < end && text.charCodeAt(first) === 0x20) first++;
    const indent = first - start;
    start = next;
    if (first === end || text.charCodeAt(first) === 0x23) continue;
    if (indent === 4) {
      if (group === undefined) throw new UnexpectedLine();
      if (group === 'dependencies') {
        const pair = readPair(text.slice(first, end), separator);
        if (fields && hasWantedDependencies(fields)) {
          dependencies.push(...pair);
          checkEntryCount(++dependencyCount);
        }
      }
    } else if (indent === 2) {
      if (!fields) throw new UnexpectedLine();
      if (text.charCodeAt(end - 1) === 0x3a) {
        group = nameOf(text.slice(first, end - 1));
        if (Object.hasOwn(YARN_FIELDS, group)) throw new UnexpectedLine();
      } else {
        group = undefined;
        readField(text, first, end, separator, fields);
      }
    } else if (indent === 0) {
      let key = text.slice(first, end);
      // yarn 2 and later put a key of more than 1,024 characters on a line of its own, `? key`, and its colon on the next.
      if (separator === ': ' && key.startsWith('? ') && longKey === undefined) {
        longKey = key.slice(2);
        continue;
      }
      if (!key.endsWith(':') || (key === ':') !== (longKey !== undefined)) throw new UnexpectedLine();
      key = longKey ?? key.slice(0, -1);
      longKey = undefined;
      group = undefined;
      fields = {};
      dependencies = [];
      const specs = specsOf(key);
      if (!specs) throw new UnexpectedLine();
      entries.push({ line, specs, fields, dependencies });
      specCount += specs.length;
      checkEntryCount(specCount);
    } else if (indent < 4 || group === undefined || group === 'dependencies') {
      // Deeper lines belong to maps of maps, such as `dependenciesMeta:`.
      throw new UnexpectedLine();
    }
  }
  if (longKey !== undefined) throw new UnexpectedLine();
  return entries;
}

function readField(text: string, first: number, end: number, separator: string, fields: YarnFields): void {
  const split = text.indexOf(separator, first);
  if (split < 0 || split >= end) throw new UnexpectedLine();
  const name = nameOf(text.slice(first, split));
  if (!Object.hasOwn(YARN_FIELDS, name)) return;
  const wanted = YARN_FIELDS[name];
  if (wanted === undefined) return;
  const value = scalar(text.slice(split + separator.length, end), PLAIN_VALUE);
  if (value === '' || fields[wanted] !== undefined) throw new UnexpectedLine();
  fields[wanted] = value;
}

/** `name range` or `name: range`, either of them quoted or plain. */
function readPair(line: string, separator: string): readonly [string, string] {
  const isQuoted = line.charCodeAt(0) === 0x22;
  const nameEnd = isQuoted ? line.indexOf('"', 1) + 1 : line.indexOf(separator);
  if (nameEnd <= 0 || !line.startsWith(separator, nameEnd)) throw new UnexpectedLine();
  return [scalar(line.slice(0, nameEnd), PLAIN_NAME), scalar(line.slice(nameEnd + separator.length), PLAIN_RANGE)];
}

function nameOf(written: string): string {
  const name = written.charCodeAt(0) === 0x22 ? written.slice(1, -1) : written;
  for (let index = 0; index < name.length; index++) {
    const sign = name.charCodeAt(index) | 0x20;
    if (sign < 0x61 || sign > 0x7a) throw new UnexpectedLine();
  }
  if (name === '' || (name.length < written.length && !written.endsWith('"'))) throw new UnexpectedLine();
  return name;
}

/** What is written without quotes here: versions, digests, names and ranges, none of them with a sign that means more to YAML or yarn. */
const PLAIN_VALUE = /^[A-Za-z0-9][^\s"'#,:[\]{}]*$/;
const PLAIN_NAME = /^[A-Za-z0-9$_/][^\s"'#,:[\]{}]*$/;
const PLAIN_RANGE = /^[A-Za-z0-9^~<=.][^\s"'#,:[\]{}]*(?: [^\s"'#,:[\]{}]+)*$/;

function scalar(written: string, plain: RegExp): string {
  if (written.charCodeAt(0) !== 0x22 && plain.test(written)) return written;
  const text = written.charCodeAt(0) === 0x22 ? unquote(written) : undefined;
  if (text === undefined) throw new UnexpectedLine();
  return text;
}

/** A value as it stands or in double quotes, which yarn writes as JSON does; `undefined` for anything else. */
export function unquote(value: string): string | undefined {
  if (value.charCodeAt(0) !== 0x22) return value.includes('"') ? undefined : value.trimEnd();
  const end = value.length - 1;
  if (end < 1 || value.charCodeAt(end) !== 0x22) return undefined;
  const inner = value.slice(1, -1);
  if (!inner.includes('\\')) return inner.includes('"') ? undefined : inner;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return undefined; // the line is then for the parser
  }
}
