import type { Reading } from '../reading.ts';
import { isTomlTable, linesOfHeaders, parseToml, type TomlTable } from '../syntax/toml.ts';
import type { CargoLock, CargoPackage } from './lines.ts';

const TOP_KEYS: ReadonlySet<string> = new Set(['version', 'root', 'package', 'metadata', 'patch']);
const PACKAGE_KEYS: ReadonlySet<string> = new Set(['name', 'version', 'source', 'checksum', 'dependencies', 'replace']);

/** A `Cargo.lock` in any other TOML than cargo writes itself. */
export function readToml(text: string, reading: Reading): CargoLock | { readonly reason: string } {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed;
  const { version, root, package: entries = [], metadata } = parsed.value;
  const unknown = Object.keys(parsed.value).find((key) => !TOP_KEYS.has(key));
  if (unknown !== undefined) return { reason: `not a Cargo.lock: it has a ${JSON.stringify(unknown.slice(0, 40))}` };
  if (!Array.isArray(entries)) return { reason: 'not a Cargo.lock: "package" is no array of tables' };
  const lines = linesOfHeaders(text, 'package');
  const packages = entries.map((entry: unknown, index) => toPackage(entry, lines.length === entries.length ? lines[index] : undefined));
  if (root !== undefined) packages.push(toPackage(root, undefined));
  warnOfUnknownKeys(entries, reading);
  return { version, packages, checksums: new Map(isTomlTable(metadata) ? Object.entries(metadata) : []) };
}

function toPackage(entry: unknown, line: number | undefined): CargoPackage {
  const { name, version, source, checksum, dependencies } = isTomlTable(entry) ? entry : ({} as TomlTable);
  const texts = Array.isArray(dependencies) ? dependencies.filter((dependency) => typeof dependency === 'string') : [];
  return { name, version, source, checksum, dependencies: texts, line };
}

/** After so many keys that nobody knows it has been said that the file is odd. */
const MAX_UNKNOWN_KEYS = 20;

/** One of the known keys may be misspelt: a crate without its `source` would pass for our own code. */
function warnOfUnknownKeys(entries: readonly unknown[], reading: Reading): void {
  const warned = new Set<string>();
  for (const entry of entries) {
    for (const key in isTomlTable(entry) ? entry : {}) {
      if (PACKAGE_KEYS.has(key) || warned.has(key) || warned.size >= MAX_UNKNOWN_KEYS) continue;
      warned.add(key);
      reading.addWarning(`an entry has ${JSON.stringify(key.slice(0, 40))}, which is not known and not read`);
    }
  }
}
