import { isVersion } from '../reading.ts';
import { isMarker } from './marker.ts';
import { parseOptions } from './options.ts';

/** What one line of a requirements file asks for. */
export type Requirement =
  | { readonly kind: 'pinned'; readonly name: string; readonly version: string }
  | { readonly kind: 'unpinned'; readonly name: string; readonly requirement: string }
  | { readonly kind: 'remote'; readonly name: string; readonly address: string }
  | { readonly kind: 'local'; readonly name: string; readonly path: string }
  /** A path that leads out of any repository. */
  | { readonly kind: 'outside'; readonly name: string; readonly path: string }
  | { readonly kind: 'invalid'; readonly text: string };

const NAME = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*/;
const ADDRESS = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/|(?:git|hg|svn|bzr)\+)/;
const ARCHIVE = /\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tbz|tar\.xz|txz|tar)$/i;
const CLAUSE = /^(===|==|~=|!=|<=|>=|<|>)\s*(\S+)$/;

export interface RequirementLine {
  readonly requirement: Requirement;
  /** What follows the requirement and is neither a condition nor an option: something of another line may have got there. */
  readonly stray: string | undefined;
}

/** Reads one line that is no option, without its comment: `name[extra] == 1.0 ; marker --hash=...`, an address or a path. */
export function parseRequirementLine(line: string): RequirementLine {
  const words = line.split(/\s+/);
  const option = words.findIndex((word) => word.startsWith('-'));
  const text = (option < 0 ? words : words.slice(0, option)).join(' ');
  const requirement = parseRequirement(text);
  const options = option < 0 ? '' : words.slice(option).join(' ');
  if (parseOptions(options).length > 0) return { requirement, stray: options };
  const semicolon = requirement.kind === 'pinned' || requirement.kind === 'unpinned' ? text.indexOf(';') : -1;
  const marker = semicolon < 0 ? undefined : (text.slice(semicolon + 1).split('#', 1)[0] ?? '');
  return { requirement, stray: marker === undefined || isMarker(marker) ? undefined : marker };
}

function parseRequirement(text: string): Requirement {
  if (/^file:/i.test(text)) return toPath(nameOfAddress(text), text);
  if (ADDRESS.test(text)) return { kind: 'remote', name: nameOfAddress(text), address: text };
  const match = NAME.exec(text);
  const name = match?.[1] ?? '';
  const rest = text.slice(match?.[0].length ?? 0);
  const isName = /[A-Za-z0-9]$/.test(name);
  const at = rest.startsWith('@') ? 0 : rest.indexOf(' @ ');
  if (isName && at >= 0) {
    const address = rest.slice(at).replace(/^\s*@\s*/, '');
    return /^file:/i.test(address) ? toPath(name, address) : { kind: 'remote', name, address };
  }
  if (isPath(text)) return toPath(nameOfAddress(text), text);
  return isName ? parseSpecifier(name, rest) : { kind: 'invalid', text };
}

/** What `-e` and `--editable` take: an address of version control, or a folder. */
export function parseEditable(value: string): Requirement {
  const { requirement } = parseRequirementLine(value);
  if (requirement.kind === 'unpinned' && requirement.requirement === '') return toPath(requirement.name, value);
  return requirement.kind === 'pinned' || requirement.kind === 'unpinned' ? { kind: 'invalid', text: value } : requirement;
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

/** An absolute path, as a path or as `file:///...`. pdm writes `file:///${PROJECT_ROOT}/...` for what lies in the project. */
const ABSOLUTE = /^(?:[/~]|[A-Za-z]:[\\/]|file:\/(?!\/\/\$\{PROJECT_ROOT\}))/i;

/** A folder or archive: our own code, if it lies in the repository. */
function toPath(name: string, written: string): Requirement {
  const path = written.split(';', 1)[0]?.trim() ?? '';
  return { kind: ABSOLUTE.test(path) ? 'outside' : 'local', name, path };
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
  return /^[A-Za-z0-9][A-Za-z0-9_.]*/.exec(file)?.[0].replace(/\.(?:git|zip|whl)$/, '') ?? address;
}
