import type { Reading } from '../reading.ts';

/** `owner/repository[/path]@ref`. The signs that git allows in no ref are not matched. */
const REMOTE = /^([A-Za-z0-9][A-Za-z0-9_-]*\/[A-Za-z0-9._-]+)((?:\/[^@\s]*)?)@([^@]*)$/;
const REF = /^[^\s~^:?*[\]\\@\p{C}]+$/u;
const DOCKER = 'docker://';

/** Adds what a `uses` names. `lines`: where each text stands. */
export function addUses(written: string, lines: ReadonlyMap<string, number>, reading: Reading): void {
  const uses = written.trim();
  if (uses.startsWith('./') || uses.startsWith('../') || uses === '.' || uses === '..') {
    reading.addLocal(uses, '', 'an action or a workflow of this repository');
  } else if (uses.includes('${{')) {
    reading.addUnresolved(uses, '', 'an expression, which only the run resolves');
  } else if (uses.startsWith(DOCKER)) {
    addImage(uses.slice(DOCKER.length), reading);
  } else if (/^[a-z+]+:\/\//i.test(uses)) {
    reading.addUnsupported(uses, '', 'an address, not an action of GitHub');
  } else {
    addRemote(uses, lines.get(uses), reading);
  }
}

/** A container's image, which runs as a step, as the job, or beside it. */
export function addImage(written: string, reading: Reading): void {
  const image = written.trim();
  const images = reading.in('DOCKER');
  if (image.includes('${{')) images.addUnresolved(image, '', 'an expression, which only the run resolves');
  else images.addUnsupported(image, '', 'a container image, not an action');
}

function addRemote(uses: string, line: number | undefined, reading: Reading): void {
  const [, repository, , ref] = REMOTE.exec(uses) ?? [];
  if (repository === undefined || /\/\.{1,2}$/.test(repository)) {
    const at = uses.indexOf('@');
    const reason = at < 0 ? 'names no ref (owner/repository@ref)' : 'not of the form owner/repository@ref';
    reading.addUnresolved(at < 0 ? uses : uses.slice(0, at), at < 0 ? '' : uses.slice(at), reason);
  } else if (ref === undefined || !REF.test(ref)) {
    reading.addUnresolved(repository, ref ?? '', ref === '' || ref === undefined ? 'names no ref' : 'not a ref of git');
  } else {
    reading.addPackage(repository, ref, line === undefined ? { relationship: 'direct' } : { relationship: 'direct', line });
  }
}

/** Before a `uses:` stand white space and dashes: more of them than this in no workflow. */
const INDENTATION_MAX_CHARACTERS = 256;
const VALUE_MAX_CHARACTERS = 1_024;

/** The first line, from 1, of each text after `uses:`, quotes and comment cut off. One in a script or a comment may be among them. */
export function linesOfUses(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  let line = 1;
  let start = 0;
  let end = endOfLine(text, 0);
  for (let found = text.indexOf('uses'); found >= 0; found = text.indexOf('uses', found + 4)) {
    while (end < found) {
      line++;
      start = end + 1;
      end = endOfLine(text, start);
    }
    if (found - start > INDENTATION_MAX_CHARACTERS) continue;
    const value = valueAfterUses(text.slice(start, found), text.slice(found, Math.min(end, found + VALUE_MAX_CHARACTERS)));
    if (value !== undefined && !lines.has(value)) lines.set(value, line);
  }
  return lines;
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline < 0 ? text.length : newline;
}

function valueAfterUses(before: string, from: string): string | undefined {
  if (!/^[\s-]*["']?$/.test(before)) return undefined;
  const [, double, single, plain] = /^uses["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|([^\s"'#]\S*))/.exec(from) ?? [];
  return double ?? single ?? plain;
}
