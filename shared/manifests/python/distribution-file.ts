import { PACKAGE_NAME_MAX_CHARACTERS } from '../../model/package-version.ts';
import { foldPythonName } from '../../model/python-name.ts';

/** Endings of source distributions, whose names are `NAME-VERSION` and nothing more. */
const SOURCE_ENDINGS = ['.tar.gz', '.zip', '.tar.bz2', '.tgz', '.tar.xz'];

export type FileMismatch = { readonly rule: 'other-package' | 'other-version'; readonly file: string };

/**
 * How the file at an address contradicts the package that it is to be: a wheel or source distribution of another name or version.
 * `undefined` where it agrees, and where the address names no such file.
 */
export function findMismatch(name: string, version: string, address: string): FileMismatch | undefined {
  const file = fileOf(address);
  const isWheel = file.endsWith('.whl');
  const ending = isWheel ? '.whl' : SOURCE_ENDINGS.find((candidate) => file.endsWith(candidate));
  if (ending === undefined) return undefined;
  const stem = file.slice(0, -ending.length);
  const end = endOfName(name, stem);
  if (end === undefined) return { rule: 'other-package', file };
  const rest = stem.slice(end + 1);
  const written = isWheel ? rest.slice(0, Math.max(rest.indexOf('-'), 0)) : rest;
  return written === version || areSameVersion(written, version) ? undefined : { rule: 'other-version', file };
}

function fileOf(address: string): string {
  const hash = address.indexOf('#');
  const query = address.indexOf('?');
  let end = hash < 0 ? address.length : hash;
  if (query >= 0 && query < end) end = query;
  const file = address.slice(address.lastIndexOf('/', end) + 1, end);
  if (!file.includes('%')) return file;
  try {
    return decodeURIComponent(file);
  } catch {
    return file; // a stray `%`
  }
}

/** The index of the `-` that ends the package's name in the file's, whatever the spelling; `undefined` where another name stands there. */
function endOfName(name: string, stem: string): number | undefined {
  // Nearly every file: the name as it is, or with `_` for each `-`.
  const { length } = name;
  if (stem.charCodeAt(length) === 0x2d) {
    const start = stem.slice(0, length);
    if (start === name || start === name.replaceAll('-', '_')) return length;
  }
  if (length > PACKAGE_NAME_MAX_CHARACTERS) return length; // such a package is not looked up
  const folded = foldPythonName(name);
  for (let dash = stem.indexOf('-'); dash >= 0; dash = stem.indexOf('-', dash + 1)) {
    if (foldPythonName(stem.slice(0, dash)) === folded) return dash;
    if (dash > 2 * length) return undefined;
  }
  return undefined;
}

/** Whether two spellings mean one version, generously: what only looks different must not be taken for an attack. */
function areSameVersion(a: string, b: string): boolean {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  if (foldVersion(left) === foldVersion(right)) return true;
  const [publicA = '', localA] = left.split('+', 2);
  const [publicB = '', localB] = right.split('+', 2);
  return (localA === undefined || localB === undefined) && foldVersion(publicA) === foldVersion(publicB);
}

const TAGS: ReadonlyMap<string, string> = new Map([
  ['alpha', 'a'],
  ['beta', 'b'],
  ['c', 'rc'],
  ['pre', 'rc'],
  ['preview', 'rc'],
  // `1.0-1` is `1.0.post1`: the tag may be absent.
  ['post', ''],
  ['rev', ''],
  ['r', ''],
  ['v', ''],
]);

/** PyPI's normal form, roughly: numbers and short tags, without zeros that say nothing. */
function foldVersion(version: string): string {
  const parts: string[] = [];
  const dropZeros = (): void => {
    while (parts.at(-1) === '0') parts.pop();
  };
  for (const part of version.match(/[0-9]+|[a-z]+/g) ?? []) {
    if (part >= 'a') {
      const tag = TAGS.get(part) ?? part;
      if (tag === '') continue;
      dropZeros();
      parts.push(tag);
    } else {
      parts.push(part.replace(/^0+(?=[0-9])/, ''));
    }
  }
  dropZeros();
  return parts.join('.');
}
