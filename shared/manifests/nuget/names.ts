import { type EntryFacts, isVersion, type Reading } from '../reading.ts';

/** Ids of packages: words joined by dots, dashes and underscores. */
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Versions begin with a number, whatever follows. */
const VERSION_START = /^[0-9]/;

/** What the lock file resolves an id to, whatever it is. Ids that differ in letter case only are one package to NuGet, and are kept as written. */
export function addResolved(id: string, version: string, facts: EntryFacts, reading: Reading): void {
  if (!ID.test(id)) reading.addUnresolved(id, version, 'not a legal package id');
  else if (!isVersion(version) || !VERSION_START.test(version))
    reading.addUnresolved(id, version, version === '' ? 'has no version' : 'not a version');
  else reading.addPackage(id, version, facts);
}

/**
 * What a project asks for. `[1.0]` is that version alone, and `1.0` the lowest that is taken: NuGet takes the lowest that exists,
 * which is that one. Anything else is a range.
 */
export function addRequested(id: string, requested: string, facts: EntryFacts, reading: Reading): void {
  const exact = /^\[\s*([^\s,\]]+)\s*\]$/.exec(requested)?.[1] ?? requested;
  if (requested === '') reading.addUnresolved(id, '', 'no version is given, neither here nor centrally');
  else if (requested.includes('$('))
    reading.addUnresolved(id, requested, 'its version is a property of MSBuild, which may be set elsewhere');
  else if (exact.includes('*')) reading.addUnresolved(id, requested, 'a floating version, not one version');
  else if (/[[\](),]/.test(exact)) reading.addUnresolved(id, requested, 'a range of versions, not one version');
  else addResolved(id, exact, facts, reading);
}
