import { LineCursor } from '../line-cursor.ts';
import { checkEntryCount, type EntryFacts, type Reading } from '../reading.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { addReference } from './entry.ts';
import { parseReference } from './reference.ts';

/** Profiles say for which machine; they name no package but tools that stand in the graph as well. */
const TOP_KEYS = new Set(['version', 'graph_lock', 'profile_host', 'profile_build', 'profile', 'remotes']);
const GRAPH_KEYS = new Set(['nodes', 'revisions_enabled']);
const NODE_KEYS = new Set([
  ...['ref', 'pref', 'options', 'package_id', 'prev', 'requires', 'build_requires', 'python_requires', 'path', 'context', 'modified'],
]);

/** What a node needs, by the numbers of other nodes. */
const REQUIREMENTS = ['requires', 'build_requires'];

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** Conan 1: nodes by number, or by an UUID in the first layouts. Gives why the document is none. */
export function addGraph(lock: JsonObject, text: string, reading: Reading): string | undefined {
  const graph = own(lock, 'graph_lock');
  if (!isObject(graph)) return 'its "graph_lock" is no object';
  const nodes = own(graph, 'nodes');
  if (!isObject(nodes)) return 'its "nodes" are no object';
  const ids = Object.keys(nodes);
  checkEntryCount(ids.length);
  warnOfUnknown(lock, TOP_KEYS, reading);
  warnOfUnknown(graph, GRAPH_KEYS, reading);
  const direct = findDirect(nodes);
  const lines = new LineCursor(text);
  for (const id of ids) {
    const node = nodes[id];
    if (!isObject(node)) {
      reading.addUnresolved(`node ${id}`, shown(node), 'a node that is no object');
      continue;
    }
    warnOfUnknown(node, NODE_KEYS, reading);
    const facts: Facts = {};
    if (direct !== undefined) facts.relationship = direct.has(id) ? 'direct' : 'transitive';
    const context = own(node, 'context');
    if (context === 'build' || context === 'host') facts.isDevelopment = context === 'build';
    addNode(id, node, facts, lines, reading);
    for (const key of REQUIREMENTS) {
      const required = own(node, key);
      if (required !== undefined && required !== null && typeof required !== 'object')
        reading.addUnresolved(`node ${id}`, shown(required), `its "${key}" are no list`);
    }
    for (const required of requiredBy(node)) {
      if (!Object.hasOwn(nodes, required)) reading.addUnresolved(`node ${required}`, '', `required by node ${id}, and not in the file`);
    }
    addPythonRequires(own(node, 'python_requires'), lines, reading);
  }
  return undefined;
}

function addNode(id: string, node: JsonObject, facts: EntryFacts, lines: LineCursor, reading: Reading): void {
  // Layouts up to 0.3 have `pref`, which names the binary as well; both are null for a consumer without a name.
  const reference = own(node, 'ref') ?? own(node, 'pref') ?? undefined;
  const path = own(node, 'path') ?? undefined;
  if (typeof path === 'string') {
    const name = typeof reference === 'string' ? (parseReference(reference)?.name ?? reference) : 'the project itself';
    reading.addLocal(name, path, 'a recipe in a folder');
  } else if (path !== undefined) {
    reading.addUnresolved(shown(reference) || `node ${id}`, shown(path), 'its "path" is no text');
  } else if (typeof reference === 'string') {
    addReference(reference, facts, lines, reading);
  } else if (reference === undefined && id === '0') {
    reading.addLocal('the project itself', '', 'the consumer of the graph');
  } else {
    reading.addUnresolved(`node ${id}`, shown(reference), 'a node without a reference');
  }
}

/** Recipes that recipes are written with: a list of references, in some layouts an object of them. */
function addPythonRequires(value: unknown, lines: LineCursor, reading: Reading): void {
  if (value === undefined || value === null) return;
  const entries: readonly unknown[] = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [value];
  for (const entry of entries) {
    if (typeof entry === 'string') addReference(entry, {}, lines, reading);
    else reading.addUnresolved('python_requires', shown(entry), 'an entry that is no reference');
  }
}

/** The nodes that our own recipes require; `undefined` where no node is marked as ours. */
function findDirect(nodes: JsonObject): ReadonlySet<string> | undefined {
  const ours = Object.values(nodes).filter((node): node is JsonObject => isObject(node) && typeof own(node, 'path') === 'string');
  return ours.length === 0 ? undefined : new Set(ours.flatMap(requiredBy));
}

function requiredBy(node: JsonObject): string[] {
  return REQUIREMENTS.flatMap((key) => {
    const required = own(node, key);
    // The first layouts had an object: references with the number of their node.
    const ids: readonly unknown[] = Array.isArray(required) ? required : isObject(required) ? Object.values(required) : [];
    return ids.filter((id) => typeof id === 'string');
  });
}

function warnOfUnknown(object: JsonObject, known: ReadonlySet<string>, reading: Reading): void {
  for (const key of Object.keys(object)) {
    if (!known.has(key)) reading.addWarning(`its "${key}" is not known, and was not read`);
  }
}
