import { hasStrayCarriageReturn, LINE_MAX_CHARACTERS } from '../text.ts';
import { DEPENDENCY_GROUPS, type PnpmDeclared, type PnpmDocument } from './entries.ts';
import { EntryLines, SnapshotLines } from './entry-lines.ts';
import { ImporterLines } from './importer-lines.ts';
import { isCollection, readPair, UnexpectedLine } from './scalars.ts';

type Section = 'packages' | 'snapshots' | 'importers' | 'group' | 'skipped';

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
  const documents: PnpmDocument[] = [];
  let document = new OpenDocument();
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    line++;
    if (text.charCodeAt(end - 1) === 0x0d) end--;
    if (end - start > LINE_MAX_CHARACTERS) throw new UnexpectedLine();
    let first = start;
    while (first < end && text.charCodeAt(first) === 0x20) first++;
    const indent = first - start;
    start = next;
    if (first === end || text.charCodeAt(first) === 0x23) continue;
    if (indent > 0) {
      document.read(indent, text, first, end, line);
      continue;
    }
    const written = text.slice(first, end);
    if (written === '---' || written === '...') {
      document.closeInto(documents);
      document = new OpenDocument();
    } else {
      document.open(written);
    }
  }
  document.closeInto(documents);
  return documents;
}

/** One YAML document, while its lines are read. */
class OpenDocument {
  readonly #declared: PnpmDeclared[] = [];
  readonly #importerNames: string[] = [];
  readonly #keys = new Set<string>();
  readonly #entries = new EntryLines();
  readonly #snapshots = new SnapshotLines();
  #importers: ImporterLines | undefined;
  #section: Section = 'skipped';
  #lockfileVersion = '';

  /** A line without indentation. */
  open(line: string): void {
    const { key, value } = readPair(line);
    if (this.#keys.has(key)) throw new UnexpectedLine();
    this.#keys.add(key);
    if (key === 'lockfileVersion' && isCollection(value)) throw new UnexpectedLine();
    if (key === 'lockfileVersion') this.#lockfileVersion = value;
    this.#section = sectionOf(key);
    if (this.#section !== 'skipped' && value !== '' && value !== '{}') throw new UnexpectedLine();
    if (this.#section === 'importers') this.#importers = new ImporterLines(this.#declared, this.#importerNames, 4, '');
    if (this.#section === 'group') this.#importers = new ImporterLines(this.#declared, this.#importerNames, 0, key);
  }

  read(indent: number, text: string, first: number, end: number, line: number): void {
    switch (this.#section) {
      case 'packages':
        this.#entries.read(indent, text, first, end, line);
        return;
      case 'snapshots':
        this.#snapshots.read(indent, text, first, end);
        return;
      case 'skipped':
        if (this.#keys.size === 0) throw new UnexpectedLine();
        return;
      default:
        this.#importers?.read(indent, text.slice(first, end));
    }
  }

  closeInto(documents: PnpmDocument[]): void {
    this.#entries.close();
    if (this.#keys.size === 0) return;
    documents.push({
      lockfileVersion: this.#lockfileVersion,
      keys: this.#keys,
      entries: this.#entries.entries,
      importers: this.#importerNames,
      declared: this.#declared,
      optional: this.#snapshots.optional(),
    });
  }
}

function sectionOf(key: string): Section {
  if (key === 'packages' || key === 'snapshots' || key === 'importers') return key;
  return DEPENDENCY_GROUPS.has(key) ? 'group' : 'skipped';
}
