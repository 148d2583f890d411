import type { LineCursor } from '../line-cursor.ts';
import { type EntryFacts, isVersion, type Reading } from '../reading.ts';
import { parseReference } from './reference.ts';

/** Adds what a reference names, or a gap that says why it names nothing. */
export function addReference(text: string, facts: EntryFacts, lines: LineCursor, reading: Reading): void {
  const reference = parseReference(text);
  if (!reference) {
    reading.addUnresolved(text, '', 'not a Conan reference (name/version)');
    return;
  }
  const { name, version } = reference;
  if (version.startsWith('[')) reading.addUnresolved(name, version, 'a range, not one version');
  else if (!isVersion(version)) reading.addUnresolved(name, version, 'not a version');
  else {
    const line = lines.lineOf(JSON.stringify(text));
    reading.addPackage(name, version, line === undefined ? facts : { ...facts, line });
  }
}
