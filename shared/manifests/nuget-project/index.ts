import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, besideOf, type ManifestFormat, type ReadFile } from '../format.ts';
import { addRequested } from '../nuget/names.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { parseXml } from '../syntax/xml.ts';
import { decodeText } from '../text.ts';
import { isReference, type Project, readProject } from './project.ts';

/** The largest project files have some 200 kB. */
const PROJECT_MAX_BYTES = 4 * 1024 * 1024;
/** Folders above a project in which central versions are looked for. */
const MAX_FOLDERS_ABOVE = 30;

const CENTRAL = 'Directory.Packages.props';
const LOCK = 'packages.lock.json';

/**
 * Project files of MSBuild (`*.csproj`, `*.fsproj`, `*.vbproj`) and `Directory.Packages.props`: what is asked for directly. A
 * project takes its central versions from the nearest `Directory.Packages.props` at or above its folder. Where a
 * `packages.lock.json` lies beside a project, that is what counts.
 */
export const nugetProject: ManifestFormat = {
  name: 'nuget-project',
  files: ['*.csproj', '*.fsproj', '*.vbproj', 'Directory.Packages.props'],
  ecosystems: ['NUGET'],
  lists: 'declared',
  maxBytes: PROJECT_MAX_BYTES,
  matches: (path) => /.\.(?:cs|fs|vb)proj$/i.test(baseName(path)) || baseName(path).toLowerCase() === CENTRAL.toLowerCase(),
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const decoded = decodeText(bytes);
    const project = parseProject(decoded.text);
    if ('reason' in project) return unreadable(project.reason);
    const reading = new Reading('NUGET', decoded);
    if (baseName(path).toLowerCase() === CENTRAL.toLowerCase()) {
      addPackages(project, new Map(), reading);
    } else if ((await readSibling(besideOf(path, LOCK))) !== undefined) {
      reading.addWarning(`${LOCK} lies beside it: NuGet takes what that says, and this file adds nothing`);
    } else {
      const isCentral = project.packages.some((item) => isReference(item) && item.version === '');
      addPackages(project, isCentral ? await centralVersions(path, readSibling, reading) : new Map(), reading);
    }
    return reading.content();
  },
};

function parseProject(text: string): Project | { readonly reason: string } {
  const parsed = parseXml(text);
  if ('reason' in parsed) return parsed;
  if (parsed.value.name !== 'Project') return { reason: `not a project file: its root is <${parsed.value.name}>, not <Project>` };
  return readProject(parsed.value);
}

function addPackages({ packages, projects, sdks, warnings }: Project, central: CentralVersions, reading: Reading): void {
  const versionsHere = versionsById(packages);
  let requestCount = 0;
  for (const item of packages) {
    const id = item.id.toLowerCase();
    const versions = item.version === '' ? central.get(id) : [item.version];
    // What only adds to an item of this file needs no version of its own.
    if (versions === undefined && item.isUpdate && versionsHere.has(id)) continue;
    const facts = {
      ...(isReference(item) ? { relationship: 'direct' as const } : {}),
      ...(item.isDevelopment ? { isDevelopment: true } : {}),
    };
    requestCount += versions?.length ?? 1;
    checkEntryCount(requestCount);
    for (const version of versions ?? ['']) addRequested(item.id, version, facts, reading);
  }
  for (const path of projects) reading.addLocal(path, '', 'a project of the solution');
  for (const sdk of sdks) {
    const slash = sdk.indexOf('/');
    reading.addUnresolved(
      sdk.slice(0, slash),
      sdk.slice(slash + 1),
      'an SDK of MSBuild, which is fetched like a package and locked nowhere',
    );
  }
  for (const warning of warnings) reading.addWarning(warning);
}

/** By id in lower case; conditions may give one package several. */
type CentralVersions = ReadonlyMap<string, readonly string[]>;

function versionsById(packages: Project['packages']): CentralVersions {
  const versions = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const { id, version } of packages) {
    const key = id.toLowerCase();
    const ofId = versions.get(key);
    if (version === '' || seen.has(`${key}\n${version}`)) continue;
    seen.add(`${key}\n${version}`);
    if (ofId) ofId.push(version);
    else versions.set(key, [version]);
  }
  return versions;
}

/** The central versions of the nearest file that has them. */
async function centralVersions(path: string, readSibling: ReadFile, reading: Reading): Promise<CentralVersions> {
  const folders = path.split('/').slice(0, -1);
  for (let count = 0; count <= MAX_FOLDERS_ABOVE; count++) {
    const file = [...folders, CENTRAL].join('/');
    const bytes = await readSibling(file);
    if (bytes !== undefined) {
      const project = bytes.length > PROJECT_MAX_BYTES ? { reason: 'it is too large' } : parseProject(decodeText(bytes).text);
      if (!('reason' in project)) return versionsById(project.packages);
      reading.addWarning(`the central versions in ${file} were not read: ${project.reason}`);
      return new Map();
    }
    if (folders.pop() === undefined) break;
  }
  return new Map();
}
