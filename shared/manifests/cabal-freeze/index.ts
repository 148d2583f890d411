import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { Reading, unreadable } from '../reading.ts';
import { decodeText, hasStrayCarriageReturn, LINE_MAX_CHARACTERS, whyUnreadable } from '../text.ts';
import { parseConstraint } from './constraint.ts';

/** Real ones have some 20 KiB. */
const CABAL_FREEZE_MAX_BYTES = 4 * 1024 * 1024;
const FIELD = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*:(.*)$/s;
/** Fields that say when and where cabal looked, and with what it builds; they name no package. */
const OTHER_FIELDS = new Set(['active-repositories', 'index-state', 'with-compiler', 'reject-unconstrained-dependencies', 'optimization']);
/** An entry may go on over so many lines; a version range has a few. */
const ENTRY_MAX_CHARACTERS = 4_096;

/** `cabal.project.freeze`: the constraints that `cabal freeze` writes. */
export const cabalFreeze: ManifestFormat = {
  name: 'cabal-freeze',
  files: ['cabal.project.freeze', '*.project.freeze'],
  ecosystems: ['HACKAGE'],
  lists: 'exact',
  maxBytes: CABAL_FREEZE_MAX_BYTES,
  matches: (path) => /^(?:cabal|.+)\.project\.freeze$/.test(baseName(path)),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    if (hasStrayCarriageReturn(decoded.text)) return unreadable('a line ends with a carriage return alone');
    const reading = new Reading('HACKAGE', decoded);
    const problem = readLines(decoded.text.split('\n'), reading);
    return problem === undefined ? reading.content() : unreadable(problem);
  },
};

/** Gives why the file is none. */
function readLines(lines: readonly string[], reading: Reading): string | undefined {
  const constraints = new Constraints(reading);
  let isInConstraints = false;
  for (const [index, written] of lines.entries()) {
    if (written.length > LINE_MAX_CHARACTERS)
      return `line ${index + 1} has ${written.length} characters; up to ${LINE_MAX_CHARACTERS} are read`;
    const line = written.trimEnd();
    const isIndented = line.startsWith(' ') || line.startsWith('\t');
    const text = line.trimStart();
    // Within a line two hyphens begin no comment: flags have them.
    if (text === '' || text.startsWith('--')) continue;
    if (isIndented) {
      if (isInConstraints) constraints.addLine(text, index + 1);
      else sayIfConstraint(text, index + 1, reading);
      continue;
    }
    constraints.end();
    const [, field, value = ''] = FIELD.exec(line) ?? [];
    isInConstraints = field?.toLowerCase() === 'constraints';
    if (field === undefined) reading.addUnresolved(text, '', `line ${index + 1} is no field of a freeze file`);
    else if (isInConstraints) constraints.addLine(value.trim(), index + 1);
    else {
      if (!OTHER_FIELDS.has(field.toLowerCase())) reading.addWarning(`its "${field}" is not known, and was not read`);
      sayIfConstraint(value, index + 1, reading);
    }
  }
  constraints.end();
  return undefined;
}

/** Another field holds no pin: where one stands there, the line above was damaged. */
function sayIfConstraint(text: string, line: number, reading: Reading): void {
  if (text.includes('==')) reading.addUnresolved(text.trim(), '', `line ${line}: a pin in a field that is not "constraints"`);
}

/** Puts entries together that go on over lines. */
class Constraints {
  readonly #reading: Reading;
  #entry = '';
  #line = 0;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  addLine(text: string, line: number): void {
    const [first = '', ...more] = text.split(',');
    this.#append(first, line);
    for (const part of more) {
      this.end();
      this.#append(part, line);
    }
  }

  /** The entry is whole. */
  end(): void {
    const entry = this.#entry;
    this.#entry = '';
    if (entry === '') return;
    if (entry.length > ENTRY_MAX_CHARACTERS) {
      this.#reading.addUnresolved(entry, '', `longer than ${ENTRY_MAX_CHARACTERS} characters`);
      return;
    }
    const constraint = parseConstraint(entry);
    if (constraint.kind === 'pin') this.#reading.addPackage(constraint.name, constraint.version, { line: this.#line });
    else if (constraint.kind === 'other') this.#reading.addUnresolved(constraint.name, constraint.requirement, constraint.reason);
  }

  #append(part: string, line: number): void {
    const text = part.trim();
    if (text === '' || this.#entry.length > ENTRY_MAX_CHARACTERS) return;
    if (this.#entry === '') this.#line = line;
    this.#entry = this.#entry === '' ? text : `${this.#entry} ${text}`;
  }
}
