import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';

/** deno 2.9 writes 5; a higher one is a layout that nobody has described yet. */
const HIGHEST_VERSION = 5;

/** What a deno.lock says, wherever its layout puts it. */
export interface DenoSections {
  /** `npm:name@range` or `jsr:@scope/name@range` -> version, from layout 4 on. */
  readonly specifiers: JsonObject;
  readonly npm: JsonObject;
  readonly jsr: JsonObject;
  /** Address of a module -> digest. */
  readonly remote: JsonObject;
  readonly workspace: JsonObject;
  /** Sections of no name that deno writes. */
  readonly unknown: readonly string[];
}

type SectionName = Exclude<keyof DenoSections, 'unknown'>;

/** Which sections stand at the top in each layout; those of `packages` or `npm` beside them. */
const AT_TOP: Readonly<Record<number, readonly string[]>> = {
  2: ['remote', 'npm', 'redirects'],
  3: ['packages', 'remote', 'redirects', 'workspace'],
  4: ['specifiers', 'npm', 'jsr', 'remote', 'redirects', 'workspace'],
  5: ['specifiers', 'npm', 'jsr', 'remote', 'redirects', 'workspace'],
};

/** The sections, or why the file is none of deno's. Layout 1 has no version, and addresses only. */
export function sectionsOf(lock: JsonObject): DenoSections | string {
  const version = own(lock, 'version');
  if (version === undefined) return sectionsOfFirstLayout(lock);
  const layout = typeof version === 'string' && /^[1-9]\d*$/.test(version) ? Number(version) : Number.NaN;
  const known = AT_TOP[layout];
  if (known === undefined) return `version ${shown(version)} is not known; 2 to ${HIGHEST_VERSION} are`;
  const unknown = Object.keys(lock).filter((key) => key !== 'version' && !known.includes(key));
  // Layout 2 nests packages and specifiers in `npm`, layout 3 all of them in `packages`.
  const nested = layout === 2 ? own(lock, 'npm') : layout === 3 ? own(lock, 'packages') : lock;
  if (nested !== undefined && !isObject(nested)) return `not a deno.lock: its packages are ${shown(nested)}, not an object`;
  const packages = nested ?? {};
  if (layout < 4) {
    const expected = layout === 2 ? ['specifiers', 'packages'] : ['specifiers', 'npm', 'jsr'];
    unknown.push(...Object.keys(packages).filter((key) => !expected.includes(key)));
  }
  const found: Record<SectionName, unknown> = {
    specifiers: layout === 2 ? undefined : own(packages, 'specifiers'),
    npm: own(packages, layout === 2 ? 'packages' : 'npm'),
    jsr: layout === 2 ? undefined : own(packages, 'jsr'),
    remote: own(lock, 'remote'),
    workspace: own(lock, 'workspace'),
  };
  for (const [name, section] of Object.entries(found)) {
    if (section !== undefined && !isObject(section)) return `not a deno.lock: ${JSON.stringify(name)} is ${shown(section)}, not an object`;
  }
  return { ...emptySections(), ...(withoutAbsent(found) as Partial<DenoSections>), unknown };
}

function sectionsOfFirstLayout(lock: JsonObject): DenoSections | string {
  const addresses = Object.keys(lock);
  const isAllAddresses = addresses.every((address) => /^(?:https?|file|data):/i.test(address));
  if (addresses.length === 0 || !isAllAddresses) return 'not a deno.lock: it has no "version", and not addresses only';
  return { ...emptySections(), remote: lock };
}

function emptySections(): DenoSections {
  return { specifiers: {}, npm: {}, jsr: {}, remote: {}, workspace: {}, unknown: [] };
}

function withoutAbsent(sections: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(sections).filter(([, section]) => section !== undefined));
}
