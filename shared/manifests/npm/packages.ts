import { type Reading, ReadingLimit } from '../reading.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { strongestDigest } from './digest.ts';
import { originOf } from './origin.ts';
import { type NpmFacts, RegistryEntries } from './registry-entries.ts';

const FOLDER = 'node_modules/';

/** Beyond these a path is made to keep us busy: what a folder declares is looked for on each level. */
const OWN_FOLDER_MAX_DEPTH = 32;
const OWN_FOLDER_MAX_CHARACTERS = 512;

/** Folders looked at for what is declared: a workspace of 1,000 members takes some 150,000. */
const MAX_STEPS = 2_000_000;

/** The way through what our own folders declare. */
interface Walk {
  /** Folders of what is asked for. */
  readonly direct: Set<string>;
  stepCount: number;
}

/** What an installed folder needs: with these an entry is fetched, wherever it stands. */
const FETCHED = ['resolved', 'integrity', 'inBundle'] as const;

/** Layouts 2 and 3: one entry for each folder. */
export function readPackages(packages: JsonObject, reading: Reading): void {
  const installed: string[] = [];
  const walk: Walk = { direct: new Set(), stepCount: 0 };
  let hasOwnFolder = false;
  for (const folder of Object.keys(packages)) {
    if (isInstalled(folder)) {
      installed.push(folder);
    } else {
      hasOwnFolder = true;
      addOwnFolder(folder, packages, walk, reading);
    }
  }
  const entries = new RegistryEntries(reading);
  const facts: NpmFacts = {};
  for (const folder of installed) {
    const entry = packages[folder];
    const folderName = folder.slice(folder.lastIndexOf(FOLDER) + FOLDER.length);
    if (!isObject(entry)) {
      reading.addUnresolved(folderName, '', `its entry is ${shown(entry)}, not an object`);
      continue;
    }
    if (hasOwnFolder) facts.relationship = walk.direct.has(folder) ? 'direct' : 'transitive';
    readEntry(folderName, entry, packages, entries, facts, reading);
  }
}

function isInstalled(folder: string): boolean {
  const start = folder.lastIndexOf(FOLDER);
  return start === 0 || (start > 0 && folder.charCodeAt(start - 1) === 0x2f);
}

function readEntry(
  folderName: string,
  entry: JsonObject,
  packages: JsonObject,
  entries: RegistryEntries,
  facts: NpmFacts,
  reading: Reading,
): void {
  const { name = folderName, version, resolved, link, integrity, dev, optional } = entry;
  const address = addressOf(resolved);
  if (address === undefined || typeof name !== 'string') {
    reading.addUnresolved(folderName, shown(resolved), 'its "resolved" or "name" is not text');
  } else if (link !== true) {
    facts.integrity = strongestDigest(integrity);
    facts.isDevelopment = dev === true;
    facts.isOptional = optional === true;
    entries.add(name, version, address, facts);
  } else if (!['local', 'path'].includes(originOf(address).kind)) {
    reading.addUnsupported(name, address, 'a link that leads out of the repository');
  } else if (!Object.hasOwn(packages, address)) {
    reading.addLocal(name, address, 'a link to a folder');
  }
}

/** The project itself, a workspace, the target of a link: our own code, with what it declares. */
function addOwnFolder(folder: string, packages: JsonObject, walk: Walk, reading: Reading): void {
  const entry = packages[folder];
  if (!isObject(entry)) {
    reading.addUnresolved(folder, '', `its entry is ${shown(entry)}, not an object`);
    return;
  }
  const { name, version } = entry;
  if (folder.length > OWN_FOLDER_MAX_CHARACTERS || folder.split('/').length > OWN_FOLDER_MAX_DEPTH) {
    reading.addUnresolved(folder, shown(version), 'its folder has a longer path than any project has');
    return;
  }
  if (folder !== '' && FETCHED.some((field) => own(entry, field) !== undefined)) {
    reading.addUnresolved(folder, shown(version), 'it is fetched, but its folder is none that npm installs into');
    return;
  }
  const ownName = typeof name === 'string' ? name : folder.slice(folder.lastIndexOf('/') + 1);
  reading.addLocal(ownName === '' ? '.' : ownName, folder === '' ? '.' : folder, folder === '' ? 'the project itself' : 'a folder of ours');
  if (!folder.startsWith('../')) followDeclared(folder, entry, packages, walk, reading);
}

/** Whether something declared must be resolved; npm leaves out optional dependencies and peers, and development ones of a link. */
const GROUPS: readonly (readonly [group: string, mustBeResolved: 'always' | 'of-project' | 'never'])[] = [
  ['dependencies', 'always'],
  ['devDependencies', 'of-project'],
  ['optionalDependencies', 'never'],
  ['peerDependencies', 'never'],
];

/** What a folder of our own declares stands in it or above it. */
function followDeclared(folder: string, entry: JsonObject, packages: JsonObject, walk: Walk, reading: Reading): void {
  const optional = entry['optionalDependencies'];
  for (const [group, mustBeResolved] of GROUPS) {
    const declared = own(entry, group);
    if (!isObject(declared)) continue;
    for (const name of Object.keys(declared)) {
      const resolved = folderOf(folder, name, packages, walk);
      if (resolved !== undefined) {
        walk.direct.add(resolved);
        compareWithDeclared(name, declared[name], packages[resolved], reading);
      } else if (mustBeResolved === 'never' || (mustBeResolved === 'of-project' && folder !== '')) continue;
      else if (!isObject(optional) || !Object.hasOwn(optional, name)) {
        const owner = folder === '' ? 'the project' : folder;
        reading.addUnresolved(name, shown(declared[name]), `declared by ${owner}, but the lock file does not resolve it`);
      }
    }
  }
}

/** Who asks for a range of a name gets that name; npm installs another one under it only as an alias, which is asked for as such. */
function compareWithDeclared(name: string, range: unknown, entry: unknown, reading: Reading): void {
  if (!isObject(entry) || typeof range !== 'string' || range.includes(':') || range.includes('/')) return;
  const { name: found, version, link } = entry;
  if (typeof found !== 'string' || found === name || link === true) return;
  reading.addPoisoning(
    'other-package',
    found,
    shown(version),
    `${name}@${range} is asked for, but ${found}@${shown(version)} is installed`,
  );
}

/** The nearest folder of that name, from `folder` upwards. */
function folderOf(folder: string, name: string, packages: JsonObject, walk: Walk): string | undefined {
  for (let above = folder; ; above = above.slice(0, Math.max(above.lastIndexOf('/'), 0))) {
    if (++walk.stepCount > MAX_STEPS) throw new ReadingLimit('its folders declare more than any project does');
    const found = above === '' ? `${FOLDER}${name}` : `${above}/${FOLDER}${name}`;
    if (Object.hasOwn(packages, found)) return found;
    if (above === '') return undefined;
  }
}

/** npm 5 and 6 wrote `false` for bundled packages; `undefined` for what is no address at all. */
export function addressOf(resolved: unknown): string | undefined {
  if (typeof resolved === 'string') return resolved;
  return resolved === undefined || resolved === null || typeof resolved === 'boolean' ? '' : undefined;
}
