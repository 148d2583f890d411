import { checkEntryCount } from '../reading.ts';
import { hasStrayCarriageReturn, LINE_MAX_CHARACTERS } from '../text.ts';
import { DEPENDENCY_GROUPS, type PnpmDeclared, type PnpmDocument, type PnpmEntry } from './entries.ts';

/** Thrown at the first line that pnpm does not write: the file is then for the YAML parser. */
class UnexpectedLine extends Error {}

type Section = 'packages' | 'importers' | 'group' | 'skipped';

interface OpenDocument {
  lockfileVersion: string;
  readonly entries: PnpmEntry[];
  readonly declared: PnpmDeclared[];
  readonly keys: Set<string>;
}

/**
 * Reads a pnpm lock file as pnpm writes it, line by line, many times faster than a YAML parser; of `packages:` only the fields
 * that tell what an entry is. Every line of a section that is read must have the expected form, and so must every line without
 * indentation; sections that are not needed are passed over. `undefined` where a line has another form, anchors and aliases among them.
 */
export function readLines(text: string): readonly PnpmDocument[] | undefined {
  if (hasStrayCarriageReturn(text)) return undefined;
  try {
    return readDocuments(text);
  } catch (error) {
    if (error instanceof UnexpectedLine) return undefined;
    throw error;
  }
}

function readDocuments(text: string): readonly PnpmDocument[] {
  const documents: OpenDocument[] = [];
  let document = openDocument();
  let section: Section = 'skipped';
  let entries = new EntryLines(document);
  let importers = new ImporterLines(document, 0, '');
  let isEmpty = true;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    if (text.charCodeAt(end - 1) === 0x0d) end--;
    if (end - start > LINE_MAX_CHARACTERS) throw new UnexpectedLine();
    let first = start;
    while (first < end && text.charCodeAt(first) === 0x20) first++;
    const indent = first - start;
    start = next;
    if (first === end || text.charCodeAt(first) === 0x23) continue;
    if (indent > 0) {
      if (document.keys.size === 0) throw new UnexpectedLine();
      if (section === 'packages') entries.read(indent, text, first, end);
      else if (section !== 'skipped') importers.read(indent, text.slice(first, end));
      continue;
    }
    const line = text.slice(first, end);
    if (line === '---' || line === '...') {
      if (!isEmpty) documents.push(document);
      document = openDocument();
      entries = new EntryLines(document);
      section = 'skipped';
      isEmpty = true;
      continue;
    }
    isEmpty = false;
    const { key, value } = readPair(line);
    if (document.keys.has(key)) throw new UnexpectedLine();
    document.keys.add(key);
    if (key === 'lockfileVersion' && isCollection(value)) throw new UnexpectedLine();
    if (key === 'lockfileVersion') document.lockfileVersion = value;
    section = sectionOf(key);
    if (section !== 'skipped' && value !== '' && value !== '{}') throw new UnexpectedLine();
    if (section === 'importers') importers = new ImporterLines(document, 4, '');
    if (section === 'group') importers = new ImporterLines(document, 0, key);
  }
  if (!isEmpty) documents.push(document);
  return documents;
}

function openDocument(): OpenDocument {
  return { lockfileVersion: '', entries: [], declared: [], keys: new Set() };
}

function sectionOf(key: string): Section {
  if (key === 'packages' || key === 'importers') return key;
  return DEPENDENCY_GROUPS.has(key) ? 'group' : 'skipped';
}

/** A field that is passed over; a space or tab before its colon would hide one that is not. */
const OTHER_FIELD = /[A-Za-z]+:(?=[ \r\n]|$)/y;

/** The lines of `packages:`. Keys stand at two spaces, fields at four, what is deeper belongs to a field. */
class EntryLines {
  readonly #document: OpenDocument;
  readonly #keys = new Set<string>();
  #entry: PnpmEntry | undefined;
  #longKey: string | undefined;
  /** Whether deeper lines may follow: those of a field that is passed over, or of a `resolution:` over several lines. */
  #isOpenField = false;
  /** Set within a `resolution:` that is written over several lines. */
  #resolution: Map<string, string> | undefined;

  constructor(document: OpenDocument) {
    this.#document = document;
  }

  read(indent: number, text: string, first: number, end: number): void {
    if (indent > 4) {
      if (!this.#isOpenField) throw new UnexpectedLine();
      if (this.#resolution && indent === 6) this.#readResolutionField(text.slice(first, end));
      return;
    }
    this.#resolution = undefined;
    this.#isOpenField = false;
    const longKey = this.#longKey;
    this.#longKey = undefined;
    if (longKey !== undefined) {
      if (indent !== 2 || !text.startsWith(': ', first)) throw new UnexpectedLine();
      this.#readField(this.#add(longKey), text, first + 2, end);
    } else if (indent === 2 && text.startsWith('? ', first)) {
      // A key of more than 1,024 characters, for all its peers; its first field follows behind a colon.
      this.#longKey = readScalar(text.slice(first + 1, end));
    } else if (indent === 2) {
      this.#open(text.slice(first, end));
    } else if (indent === 4 && this.#entry) {
      this.#readField(this.#entry, text, first, end);
    } else {
      throw new UnexpectedLine();
    }
  }

  #open(line: string): void {
    const { key, value } = readPair(line);
    if (value !== '' && value !== '{}') throw new UnexpectedLine();
    this.#add(key);
  }

  #add(key: string): PnpmEntry {
    if (this.#keys.has(key)) throw new UnexpectedLine();
    this.#keys.add(key);
    const entry = { key };
    this.#entry = entry;
    this.#document.entries.push(entry);
    checkEntryCount(this.#document.entries.length);
    return entry;
  }

  #readField(entry: PnpmEntry, text: string, first: number, end: number): void {
    if (text.startsWith('resolution:', first)) {
      if (entry.resolution !== undefined) throw new UnexpectedLine();
      const value = text.slice(first + 'resolution:'.length, end).trim();
      if (value === '') this.#resolution = new Map();
      this.#isOpenField = value === '';
      entry.resolution = this.#resolution ?? readFlowMap(value);
    } else if (text.startsWith('name:', first) || text.startsWith('version:', first)) {
      const { key, value } = readPair(text.slice(first, end));
      if ((key !== 'name' && key !== 'version') || entry[key] !== undefined || value === '' || isCollection(value))
        throw new UnexpectedLine();
      entry[key] = value;
    } else {
      OTHER_FIELD.lastIndex = first;
      if (!OTHER_FIELD.test(text)) throw new UnexpectedLine();
      this.#isOpenField = true;
    }
  }

  #readResolutionField(line: string): void {
    if (line.startsWith('- ')) return; // the variants of a runtime: `type` says that it is one
    const { key, value } = readPair(line);
    if (isCollection(value) || this.#resolution?.has(key)) throw new UnexpectedLine();
    this.#resolution?.set(key, value);
  }
}

/** The lines of `importers:`, or of a dependency group at the top of a file with one project. */
class ImporterLines {
  readonly #document: OpenDocument;
  /** How far the group names are indented. */
  readonly #groupIndent: number;
  #importer = '';
  #group: string;
  #name = '';

  constructor(document: OpenDocument, groupIndent: number, group: string) {
    this.#document = document;
    this.#groupIndent = groupIndent;
    this.#group = group;
    if (group !== '') this.#importer = '.';
  }

  read(indent: number, line: string): void {
    const depth = indent - this.#groupIndent;
    if (depth < 0) {
      if (indent !== 2) throw new UnexpectedLine();
      this.#importer = readPair(line).key;
      this.#group = '';
    } else if (this.#importer === '') {
      throw new UnexpectedLine();
    } else if (depth === 0) {
      this.#group = readPair(line).key;
      this.#name = '';
    } else if (this.#group === '') {
      throw new UnexpectedLine();
    } else if (DEPENDENCY_GROUPS.has(this.#group)) {
      this.#readDependency(depth, line);
    }
  }

  /** `name: version` in layout 5; later `name:` with `specifier` and `version` below it. */
  #readDependency(depth: number, line: string): void {
    const { key, value } = readPair(line);
    if (isCollection(value)) throw new UnexpectedLine();
    if (depth === 2) {
      this.#name = key;
      if (value !== '') this.#declare(value);
    } else if (depth !== 4 || this.#name === '') {
      throw new UnexpectedLine();
    } else if (key === 'version' && value !== '') {
      this.#declare(value);
    }
  }

  #declare(version: string): void {
    this.#document.declared.push({ importer: this.#importer, name: this.#name, version });
    checkEntryCount(this.#document.declared.length);
  }
}

/** What may not begin a plain scalar that pnpm writes: quotes, indicators, anchors, aliases, tags. */
const INDICATOR = /^[&*!|>%@`"'?{}[\],#]|^[-?:](?: |$)/;

/** Tabs, and spaces that are none to YAML, among them: no key or version of pnpm's has any. */
const NOT_ASCII = /[^\x20-\x7e]/;

/** `key: value`, either of them quoted or plain; an empty flow collection stays as it is. */
function readPair(line: string): { readonly key: string; readonly value: string } {
  if (NOT_ASCII.test(line)) throw new UnexpectedLine();
  const key = line.charCodeAt(0) === 0x27 ? readQuoted(line) : undefined;
  if (key) {
    if (line.charCodeAt(key.end) !== 0x3a) throw new UnexpectedLine();
    return { key: key.text, value: readScalar(line.slice(key.end + 1)) };
  }
  if (INDICATOR.test(line)) throw new UnexpectedLine();
  const separator = line.indexOf(': ');
  const colon = separator >= 0 ? separator : line.endsWith(':') ? line.length - 1 : -1;
  if (colon <= 0) throw new UnexpectedLine();
  const plain = line.slice(0, colon);
  if (plain.includes(' #') || plain.endsWith(' ')) throw new UnexpectedLine();
  return { key: plain, value: readScalar(line.slice(colon + 1)) };
}

function isCollection(value: string): boolean {
  return value === '{}' || value === '[]';
}

/** The value behind a colon. Where a space does not follow it, the line is not what it seems. */
function readScalar(rest: string): string {
  if (rest === '') return '';
  if (rest.charCodeAt(0) !== 0x20) throw new UnexpectedLine();
  const value = rest.trim();
  if (value === '' || isCollection(value)) return value;
  if (value.startsWith("'")) {
    const quoted = readQuoted(value);
    if (quoted?.end !== value.length) throw new UnexpectedLine();
    return quoted.text;
  }
  if (INDICATOR.test(value) || value.includes(': ') || value.includes(' #') || value.endsWith(':')) throw new UnexpectedLine();
  return value;
}

/** A single-quoted scalar at the start; `undefined` where it does not end on the line. */
function readQuoted(text: string): { readonly text: string; readonly end: number } | undefined {
  for (let from = 1; ; ) {
    const quote = text.indexOf("'", from);
    if (quote < 0) return undefined;
    if (text.charCodeAt(quote + 1) === 0x27) from = quote + 2;
    else return { text: text.slice(1, quote).replaceAll("''", "'"), end: quote + 1 };
  }
}

const FLOW_PAIR = /\s*([A-Za-z]+): (?:'((?:[^']|'')*)'|([^\s'"{}[\],&*!|>%@`#][^\s{}[\],]*))\s*(,|$)/y;

const ONLY_INTEGRITY = /^\{integrity: [A-Za-z0-9+/=-]+\}$/;
const NO_FIELDS: ReadonlyMap<string, string> = new Map();

/** `{integrity: sha512-x, tarball: https://...}` on one line, as pnpm writes a resolution. */
function readFlowMap(value: string): ReadonlyMap<string, string> {
  if (ONLY_INTEGRITY.test(value)) return NO_FIELDS; // nearly every one, and nothing that is asked for
  if (NOT_ASCII.test(value) || !value.startsWith('{') || !value.endsWith('}')) throw new UnexpectedLine();
  const body = value.slice(1, -1).trimEnd();
  const fields = new Map<string, string>();
  for (FLOW_PAIR.lastIndex = 0; FLOW_PAIR.lastIndex < body.length; ) {
    const [, key, quoted, plain, separator] = FLOW_PAIR.exec(body) ?? [];
    const text = quoted === undefined ? plain : quoted.replaceAll("''", "'");
    if (key === undefined || text === undefined || fields.has(key)) throw new UnexpectedLine();
    fields.set(key, text);
    if (separator === '') break;
  }
  return fields;
}
