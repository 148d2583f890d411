import { isVersion } from '../reading.ts';

/** What one line of a requirements file asks for. */
export type Requirement =
  | { readonly kind: 'pinned'; readonly name: string; readonly version: string }
  | { readonly kind: 'unpinned'; readonly name: string; readonly requirement: string }
  | { readonly kind: 'remote'; readonly name: string; readonly address: string }
  | { readonly kind: 'local' }
  | { readonly kind: 'invalid'; readonly text: string };

const NAME = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*/;
const ADDRESS = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|(?:git|hg|svn|bzr)\+)/;
const ARCHIVE = /\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tbz|tar\.xz|txz|tar)$/i;
const CLAUSE = /^(===|==|~=|!=|<=|>=|<|>)\s*(\S+)$/;

/** PyPI's rule for names that mean the same package (PEP 503). */
export function foldPythonName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Reads one line that is no option, without its comment: `name[extra] == 1.0 ; marker --hash=...`, an address or a path. */
export function parseRequirement(line: string): Requirement {
  const words = line.split(/\s+/);
  const option = words.findIndex((word) => word.startsWith('-'));
  const text = (option < 0 ? words : words.slice(0, option)).join(' ');
  if (/^file:/i.test(text)) return { kind: 'local' };
  if (ADDRESS.test(text)) return { kind: 'remote', name: nameOfAddress(text), address: text };
  const match = NAME.exec(text);
  const name = match?.[1] ?? '';
  const rest = text.slice(match?.[0].length ?? 0);
  const isName = /[A-Za-z0-9]$/.test(name);
  const at = rest.startsWith('@') ? 0 : rest.indexOf(' @ ');
  if (isName && at >= 0) {
    const address = rest.slice(at).replace(/^\s*@\s*/, '');
    return /^file:/i.test(address) ? { kind: 'local' } : { kind: 'remote', name, address };
  }
  if (isPath(text)) return { kind: 'local' };
  return isName ? parseSpecifier(name, rest) : { kind: 'invalid', text };
}

/** What `-e` and `--editable` take: an address of version control, or a folder. */
export function parseEditable(value: string): Requirement {
  const requirement = parseRequirement(value);
  return requirement.kind === 'remote' ? requirement : { kind: 'local' };
}

/** A range without a pin stays unpinned, and so do two pins that contradict each other. */
function parseSpecifier(name: string, rest: string): Requirement {
  const specifier = (rest.split(/[;#]/, 1)[0] ?? '')
    .trim()
    .replace(/^\((.*)\)$/, '$1')
    .trim();
  if (specifier === '') return { kind: 'unpinned', name, requirement: '' };
  const pins = new Set<string>();
  for (const part of specifier.split(',')) {
    const [, operator, version] = CLAUSE.exec(part.trim()) ?? [];
    if (operator === undefined)
      return /^[=~!<>]/.test(specifier) ? { kind: 'unpinned', name, requirement: specifier } : { kind: 'invalid', text: `${name} ${rest}` };
    if ((operator === '==' || operator === '===') && isVersion(version)) pins.add(version);
  }
  const [version] = pins;
  return version !== undefined && pins.size === 1 ? { kind: 'pinned', name, version } : { kind: 'unpinned', name, requirement: specifier };
}

function isPath(text: string): boolean {
  const path = text.split(';', 1)[0]?.trim() ?? '';
  return (
    /^(?:\.{1,2}(?:$|[/\\[])|[/~]|[A-Za-z]:[\\/])/.test(path) || (!/[\s=<>!]/.test(path) && (/[/\\]/.test(path) || ARCHIVE.test(path)))
  );
}

/** `#egg=NAME`, else the first part of the file's name, else the address itself. */
function nameOfAddress(address: string): string {
  const egg = /[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(address)?.[1];
  if (egg !== undefined) return egg;
  const file = address.split(/[?#]/, 1)[0]?.split('/').at(-1)?.split('@', 1)[0] ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9_.]*/.exec(file)?.[0].replace(/\.(?:git|zip)$/, '') ?? address;
}
