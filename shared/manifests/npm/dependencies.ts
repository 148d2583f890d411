import type { Reading } from '../reading.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { strongestDigest } from './digest.ts';
import { splitNpmSpec } from './names.ts';
import { originOf } from './origin.ts';
import { addressOf } from './packages.ts';
import { type NpmFacts, RegistryEntries } from './registry-entries.ts';

const ALIAS = 'npm:';

/** Layout 1: dependencies nested in dependencies. Walked without recursion, however deep. */
export function readDependencies(dependencies: JsonObject, reading: Reading): void {
  const entries = new RegistryEntries(reading);
  const facts: NpmFacts = {};
  const open = [dependencies];
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    for (const key of Object.keys(group)) {
      const entry = group[key];
      if (!isObject(entry)) {
        reading.addUnresolved(key, '', `its entry is ${shown(entry)}, not an object`);
        continue;
      }
      readEntry(key, entry, entries, facts, reading);
      for (const field in entry) {
        const nested = entry[field];
        if (field === 'dependencies' && isObject(nested)) open.push(nested);
        else if (field === 'dependencies' || (field !== 'requires' && holdsEntries(nested))) {
          reading.addUnresolved(key, '', `its ${JSON.stringify(field)} is ${shown(nested)}, which npm does not write`);
        }
      }
    }
  }
}

/** Whether something is made like `dependencies`, whatever its name. */
function holdsEntries(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const key in value) {
    const entry = value[key];
    if (isObject(entry) && own(entry, 'version') !== undefined) return true;
  }
  return false;
}

function readEntry(key: string, entry: JsonObject, entries: RegistryEntries, facts: NpmFacts, reading: Reading): void {
  const { version, resolved, integrity, dev, optional } = entry;
  const address = addressOf(resolved);
  if (address === undefined) {
    reading.addUnresolved(key, shown(resolved), 'its "resolved" is not text');
  } else if (typeof version !== 'string') {
    const isAbsent = version === undefined && optional === true;
    reading.addUnresolved(key, shown(version), isAbsent ? 'optional, and was not available to npm' : 'has no version');
  } else if (version.includes(':') && !version.startsWith(ALIAS)) {
    addForeign(key, version, reading);
  } else {
    facts.integrity = strongestDigest(integrity);
    facts.isDevelopment = dev === true;
    facts.isOptional = optional === true;
    const real = version.startsWith(ALIAS) ? version.slice(ALIAS.length) : undefined;
    if (real === undefined) {
      entries.add(key, version, address, facts);
    } else {
      const at = real.lastIndexOf('@');
      entries.add(at > 0 ? real.slice(0, at) : splitNpmSpec(real).name, at > 0 ? real.slice(at + 1) : undefined, address, facts);
    }
  }
}

/** An address in place of the version. */
function addForeign(key: string, version: string, reading: Reading): void {
  switch (originOf(version).kind) {
    case 'git':
      reading.addUnsupported(key, version, 'comes from a git repository, not from a registry');
      return;
    case 'local':
      reading.addLocal(key, version, 'a file or folder of the repository');
      return;
    case 'path':
      reading.addUnresolved(key, version, 'not a version');
      return;
    default:
      reading.addUnsupported(key, version, 'comes from an address of its own, not from a registry');
  }
}
