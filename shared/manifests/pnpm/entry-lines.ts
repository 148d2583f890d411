import { isOneDigest, strongestDigest } from '../npm/digest.ts';
import { checkEntryCount } from '../reading.ts';
import type { PnpmEntry } from './entries.ts';
import { withoutPeers } from './keys.ts';
import { isCollection, readFlowMap, readPair, readScalar, readSimpleKey, UnexpectedLine } from './scalars.ts';

/** What nearly every entry has, and nothing else in its `resolution:`. */
const INTEGRITY_START = 'resolution: {integrity: ';
const DIGEST_LIST = /^[A-Za-z0-9+/=-]+(?: [A-Za-z0-9+/=-]+)+$/;

/** The lines of `packages:`. Keys stand at two spaces, fields at four, what is deeper belongs to a field. */
export class EntryLines {
  readonly entries: PnpmEntry[] = [];
  readonly #keys = new Set<string>();
  #entry: PnpmEntry | undefined;
  #longKey: string | undefined;
  /** Whether deeper lines may follow: those of a field that is passed over, or of a `resolution:` over several lines. */
  #isOpenField = false;
  /** Set within a `resolution:` that is written over several lines. */
  #resolution: Map<string, string> | undefined;

  read(indent: number, text: string, first: number, end: number, line: number): void {
    if (indent > 4) {
      if (!this.#isOpenField) throw new UnexpectedLine();
      if (this.#resolution && indent === 6) this.#readResolutionField(text.slice(first, end));
      return;
    }
    this.#closeResolution();
    this.#isOpenField = false;
    const longKey = this.#longKey;
    this.#longKey = undefined;
    if (longKey !== undefined) {
      if (indent !== 2 || !text.startsWith(': ', first)) throw new UnexpectedLine();
      this.#readField(this.#add(longKey, line - 1), text, first + 2, end);
    } else if (indent === 2 && text.startsWith('? ', first)) {
      // A key of more than 1,024 characters, for all its peers; its first field follows behind a colon.
      this.#longKey = readScalar(text.slice(first + 1, end));
    } else if (indent === 2) {
      this.#open(text.slice(first, end), line);
    } else if (indent === 4 && this.#entry) {
      this.#readField(this.#entry, text, first, end);
    } else {
      throw new UnexpectedLine();
    }
  }

  /** Call it after the last line. */
  close(): void {
    this.#closeResolution();
    if (this.#longKey !== undefined) throw new UnexpectedLine();
  }

  #open(line: string, lineNumber: number): void {
    const simple = readSimpleKey(line);
    if (simple !== undefined) {
      this.#add(simple, lineNumber);
      return;
    }
    const { key, value } = readPair(line);
    if (value !== '' && value !== '{}') throw new UnexpectedLine();
    this.#add(key, lineNumber);
  }

  #add(key: string, line: number): PnpmEntry {
    if (this.#keys.has(key)) throw new UnexpectedLine();
    this.#keys.add(key);
    const entry = { key, line };
    this.#entry = entry;
    this.entries.push(entry);
    checkEntryCount(this.entries.length);
    return entry;
  }

  #readField(entry: PnpmEntry, text: string, first: number, end: number): void {
    if (text.startsWith('resolution:', first)) {
      this.#openResolution(entry, text, first, end);
    } else if (text.startsWith('name:', first) || text.startsWith('version:', first)) {
      const { key, value } = readPair(text.slice(first, end));
      if ((key !== 'name' && key !== 'version') || entry[key] !== undefined || value === '' || isCollection(value))
        throw new UnexpectedLine();
      entry[key] = value;
    } else if (end - first === 'dev: true'.length && text.startsWith('dev: true', first)) {
      entry.isDevelopment = true;
    } else if (end - first === 'optional: true'.length && text.startsWith('optional: true', first)) {
      entry.isOptional = true;
    } else {
      if (!isOtherField(text, first, end)) throw new UnexpectedLine();
      this.#isOpenField = true;
    }
  }

  #openResolution(entry: PnpmEntry, text: string, first: number, end: number): void {
    if (entry.resolution !== undefined || entry.integrity !== undefined) throw new UnexpectedLine();
    if (text.charCodeAt(end - 1) === 0x7d && text.startsWith(INTEGRITY_START, first)) {
      // Of one digest and nothing else; whatever does not look so is read as a map.
      const integrity = text.slice(first + INTEGRITY_START.length, end - 1);
      if (isOneDigest(integrity)) {
        entry.integrity = integrity;
        return;
      }
      if (DIGEST_LIST.test(integrity)) {
        setResolution(entry, new Map([['integrity', integrity]]));
        return;
      }
    }
    const start = first + 'resolution:'.length;
    // Without a space after it the colon is a part of the key.
    if (start < end && text.charCodeAt(start) !== 0x20) throw new UnexpectedLine();
    const value = text.slice(start, end).trim();
    this.#isOpenField = value === '';
    if (value === '') this.#resolution = new Map();
    else setResolution(entry, readFlowMap(value));
  }

  #readResolutionField(line: string): void {
    if (line.startsWith('- ')) return; // the variants of a runtime: `type` says that it is one
    const { key, value } = readPair(line);
    if (isCollection(value) || this.#resolution?.has(key)) throw new UnexpectedLine();
    this.#resolution?.set(key, value);
  }

  #closeResolution(): void {
    if (this.#resolution && this.#entry) setResolution(this.#entry, this.#resolution);
    this.#resolution = undefined;
  }
}

/** A field that is passed over: letters and a colon. A space or tab before that would hide a field that is not. */
function isOtherField(text: string, first: number, end: number): boolean {
  let index = first;
  for (let sign = text.charCodeAt(index) | 0x20; sign >= 0x61 && sign <= 0x7a; sign = text.charCodeAt(index) | 0x20) index++;
  return index > first && text.charCodeAt(index) === 0x3a && (index + 1 === end || text.charCodeAt(index + 1) === 0x20);
}

/** Parts the digest from the fields that tell what an entry is. */
export function setResolution(entry: PnpmEntry, fields: Map<string, string>): void {
  const integrity = strongestDigest(fields.get('integrity'));
  if (integrity !== undefined) entry.integrity = integrity;
  entry.resolution = fields;
}

/** The lines of `snapshots:`, of which only one thing is asked. Whatever cannot be followed there is passed over. */
export class SnapshotLines {
  readonly #keys: string[] = [];
  readonly #optional = new Set<number>();

  read(indent: number, text: string, first: number, end: number): void {
    if (indent === 2) this.#keys.push(text.slice(first, end));
    else if (indent === 4 && end - first === 'optional: true'.length && text.startsWith('optional: true', first)) {
      this.#optional.add(this.#keys.length - 1);
    }
  }

  /** The keys whose every snapshot is optional, without peers. */
  optional(): ReadonlySet<string> {
    return optionalKeys(this.#keys.map(bareKey), this.#optional);
  }
}

/** Of keys that may repeat, those that are optional each time. */
export function optionalKeys(keys: readonly string[], optionalIndexes: ReadonlySet<number>): ReadonlySet<string> {
  const optional = new Set<string>();
  if (optionalIndexes.size === 0) return optional;
  for (const index of optionalIndexes) optional.add(keys[index] ?? '');
  for (const [index, key] of keys.entries()) if (!optionalIndexes.has(index)) optional.delete(key);
  return optional;
}

/** `'@scope/name@1.0.0(peer@1.0.0)':` without what is none of the key. */
function bareKey(written: string): string {
  const key = withoutPeers(written.startsWith('? ') ? written.slice(2) : written);
  const start = key.charCodeAt(0) === 0x27 ? 1 : 0;
  let end = key.length;
  if (key.endsWith('{}')) end = key.lastIndexOf(':');
  else if (key.charCodeAt(end - 1) === 0x3a) end--;
  if (start === 1 && key.charCodeAt(end - 1) === 0x27) end--;
  return key.slice(start, end);
}
