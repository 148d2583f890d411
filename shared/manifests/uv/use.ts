import { describe, type PythonFacts } from '../python/packages.ts';
import type { Reading } from '../reading.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';
import type { Source } from './source.ts';

/** What draws a package in, the strongest last. */
type Need = 'development' | 'optional' | 'always';

interface Dependency {
  readonly name: string;
  readonly version: string | undefined;
  /** It has a marker. */
  readonly isConditional: boolean;
}

type ByName = ReadonlyMap<string, readonly TomlTable[]>;

/**
 * Finds out from our own packages and the edges between all of them how each package is used. Versions of one name are not told
 * apart on the way: what one of them needs, all are taken to need.
 */
export function findUse(
  entries: readonly TomlTable[],
  sources: readonly Source[],
  manifest: unknown,
  reading: Reading,
): (entry: TomlTable) => PythonFacts {
  const byName = groupByName(entries);
  const direct = new Map<string, Set<string>>();
  const roots: Record<Need, string[]> = { development: [], optional: [], always: [] };
  const addRoots = (list: unknown, need: Need, group: string | undefined): void => {
    for (const { name, version } of dependenciesIn(list)) {
      roots[need].push(name);
      const key = version === undefined ? name : `${name}@${version}`;
      const groups = direct.get(key) ?? new Set();
      direct.set(key, groups);
      if (group !== undefined) groups.add(group);
    }
  };
  entries.forEach((entry, index) => {
    checkResolved(entry, byName, reading);
    if (sources[index]?.kind !== 'local') return;
    addRoots(entry['dependencies'], 'always', undefined);
    forEachGroup(entry['optional-dependencies'], (group, list) => addRoots(list, 'optional', group));
    forEachGroup(entry['dev-dependencies'], (group, list) => addRoots(list, 'development', group));
  });
  if (isTomlTable(manifest)) {
    const { requirements } = manifest;
    addRoots(requirements, 'always', undefined);
    forEachGroup(manifest['dependency-groups'], (group, list) => addRoots(list, 'development', group));
    for (const { name, isConditional } of dependenciesIn(requirements)) {
      // What a script asks for on some platforms only may be resolved for none of those that count.
      if (!isConditional && !byName.has(name)) addMissing(name, 'the script', reading);
    }
  }
  if (direct.size === 0) return () => ({});
  const needs = new Map<string, Need>();
  for (const need of ['always', 'optional', 'development'] as const) walk(roots[need], need, byName, needs);
  return (entry) => toFacts(describe(entry['name']), describe(entry['version']), direct, needs);
}

function groupByName(entries: readonly TomlTable[]): ByName {
  const byName = new Map<string, TomlTable[]>();
  for (const entry of entries) {
    const name = describe(entry['name']);
    const known = byName.get(name);
    if (known) known.push(entry);
    else byName.set(name, [entry]);
  }
  return byName;
}

/** uv resolves every edge: where one leads nowhere, the file was cut or merged badly. */
function checkResolved(entry: TomlTable, byName: ByName, reading: Reading): void {
  const check = (list: unknown): void => {
    for (const { name } of dependenciesIn(list)) {
      if (!byName.has(name)) addMissing(name, describe(entry['name']), reading);
    }
  };
  check(entry['dependencies']);
  forEachGroup(entry['optional-dependencies'], (_group, list) => check(list));
  forEachGroup(entry['dev-dependencies'], (_group, list) => check(list));
}

function addMissing(name: string, owner: string, reading: Reading): void {
  reading.addUnresolved(name, '', `declared by ${owner}, but the lock file does not resolve it`);
}

function toFacts(
  name: string,
  version: string,
  direct: ReadonlyMap<string, ReadonlySet<string>>,
  needs: ReadonlyMap<string, Need>,
): PythonFacts {
  const groups = direct.get(name) ?? direct.get(`${name}@${version}`);
  const need = needs.get(name);
  const facts: PythonFacts = { relationship: groups ? 'direct' : 'transitive' };
  if (need !== undefined) facts.isDevelopment = need === 'development';
  if (need !== undefined) facts.isOptional = need === 'optional';
  if (groups && groups.size > 0) facts.groups = [...groups];
  return facts;
}

/** Marks everything that can be reached and is not marked yet. Each name once, so the time is that of reading the edges. */
function walk(roots: readonly string[], need: Need, byName: ByName, needs: Map<string, Need>): void {
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needs.has(name)) continue;
    needs.set(name, need);
    for (const entry of byName.get(name) ?? []) {
      for (const dependency of dependenciesIn(entry['dependencies'])) open.push(dependency.name);
      forEachGroup(entry['optional-dependencies'], (_group, list) => {
        for (const dependency of dependenciesIn(list)) open.push(dependency.name);
      });
    }
  }
}

function forEachGroup(groups: unknown, visit: (group: string, list: unknown) => void): void {
  if (!isTomlTable(groups)) return;
  for (const group of Object.keys(groups)) visit(group, groups[group]);
}

function* dependenciesIn(list: unknown): Generator<Dependency> {
  if (!Array.isArray(list)) return;
  for (const item of list) {
    if (!isTomlTable(item)) continue;
    const { name, version, marker } = item;
    if (typeof name === 'string')
      yield { name, version: typeof version === 'string' ? version : undefined, isConditional: marker !== undefined };
  }
}
