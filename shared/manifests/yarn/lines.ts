import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS } from '../text.ts';

/** One entry of a `yarn.lock`: its key line, its own fields, and the names below `dependencies:`. */
export interface YarnEntry {
  readonly lineNumber: number;
  /** The key as it stands, without its colon. */
  readonly key: string;
  /** Fields by name; only those that are asked for. */
  readonly fields: ReadonlyMap<string, string>;
  readonly dependencies: readonly string[];
}

/** What is wrong with the file as a whole, if anything. */
export type Complaint = string | undefined;

export interface YarnLayout {
  readonly wantedFields: ReadonlySet<string>;
  /** What stands between a field and its value. */
  readonly separator: ' ' | ': ';
}

const FIELD = /^("?)([A-Za-z]+)\1$/;

/**
 * Hands every entry of either layout to `take`, which may find something wrong with it: keys without indentation, fields at two spaces, lists and maps below them deeper. A line that
 * fits none of these ends the reading with a reason: whoever cannot follow the grammar must not guess at the packages.
 */
export function readEntries(text: string, layout: YarnLayout, take: (entry: YarnEntry) => Complaint): Complaint {
  let entry: YarnEntry | undefined;
  let fields = new Map<string, string>();
  let dependencies: string[] = [];
  let longKey: string | undefined;
  let isWithinDependencies = false;
  let lineNumber = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    if (text.charCodeAt(end - 1) === 0x0d) end--;
    lineNumber++;
    if (end - start > LINE_MAX_CHARACTERS) return `line ${lineNumber} has ${end - start} characters; yarn writes no such lines`;
    let first = start;
    while (first < end && text.charCodeAt(first) === 0x20) first++;
    const indent = first - start;
    start = next;
    if (first === end || text.charCodeAt(first) === 0x23) continue;
    if (indent > 2) {
      if (!entry || indent === 3) return unexpected(lineNumber);
      if (isWithinDependencies && indent === 4) {
        dependencies.push(text.slice(first, end));
        checkEntryCount(dependencies.length);
      }
      continue;
    }
    const line = text.slice(first, end);
    if (indent === 0) {
      // yarn 2 and later put a key of more than 1,024 characters on a line of its own, `? key`, and its colon on the next.
      if (line.startsWith('? ') && longKey === undefined) {
        longKey = line.slice(2);
        continue;
      }
      if (!line.endsWith(':') || (line === ':') !== (longKey !== undefined)) return unexpected(lineNumber);
      const complaint = entry && take(entry);
      if (complaint !== undefined) return complaint;
      fields = new Map();
      dependencies = [];
      isWithinDependencies = false;
      entry = { lineNumber, key: longKey ?? line.slice(0, -1), fields, dependencies };
      longKey = undefined;
      continue;
    }
    if (indent !== 2 || !entry) return unexpected(lineNumber);
    if (line.endsWith(':')) {
      const group = FIELD.exec(line.slice(0, -1))?.[2];
      if (group === undefined) return unexpected(lineNumber);
      isWithinDependencies = group === 'dependencies';
      continue;
    }
    isWithinDependencies = false;
    const split = line.indexOf(layout.separator);
    const field = split < 0 ? undefined : FIELD.exec(line.slice(0, split))?.[2];
    if (field === undefined) return unexpected(lineNumber);
    if (!layout.wantedFields.has(field)) continue;
    const value = unquote(line.slice(split + layout.separator.length));
    if (value === undefined || fields.has(field)) return unexpected(lineNumber);
    fields.set(field, value);
  }
  if (longKey !== undefined) return unexpected(lineNumber);
  return entry && take(entry);
}

function unexpected(lineNumber: number): string {
  return `not a yarn.lock: line ${lineNumber} is of no form that yarn writes`;
}

/** A value as it stands or in double quotes, which yarn writes as JSON does. */
export function unquote(value: string): string | undefined {
  if (!value.startsWith('"')) return value.includes('"') ? undefined : value.trimEnd();
  if (value.length < 2 || !value.endsWith('"')) return undefined;
  const inner = value.slice(1, -1);
  if (!inner.includes('\\')) return inner.includes('"') ? undefined : inner;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : undefined;
  } catch {
    return undefined; // the line is then unexpected, and said so
  }
}
