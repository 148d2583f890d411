import { foldPythonName } from '../../model/python-name.ts';
import { describe } from '../python/packages.ts';
import { parseRequirementLine } from '../requirements/requirement.ts';
import { isTomlTable, parseToml, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';
import type { Requests } from './requests.ts';
import type { Manifest, ReadRequests } from './unlocked-manifest.ts';

/** What `pip-compile` and the like make of a pyproject.toml. It is read by itself. */
const PINNED_BESIDE = 'requirements.txt';
/** The largest, with every hash, have some 500 KiB. */
const PINNED_MAX_BYTES = 4 * 1024 * 1024;
const REQUIREMENT_MAX_CHARACTERS = 4_096;

/** `pyproject.toml`: what the project, its extras and groups ask for, as the standards write it and as Poetry, PDM and uv do. */
export const readPyproject: ReadRequests = async (manifest, requests) => {
  const parsed = parseToml(manifest.text);
  if ('reason' in parsed) return parsed.reason;
  const { 'dependency-groups': groups } = parsed.value;
  const project = tableOf(parsed.value['project']);
  const tool = tableOf(parsed.value['tool']);
  const [uv, pdm, poetry] = [tableOf(tool['uv']), tableOf(tool['pdm']), tableOf(tool['poetry'])];
  const sources = new Map(Object.entries(tableOf(uv['sources'])).map(([name, source]) => [foldPythonName(name), source]));
  const known: Known = { own: foldPythonName(describe(project['name'])), sources, pinned: await pinnedBeside(manifest) };
  const { dynamic } = project;
  for (const part of ['dependencies', 'optional-dependencies']) {
    if (Array.isArray(dynamic) && dynamic.includes(part)) requests.addPart(part, 'made when the package is built, so not known');
  }
  addList(project['dependencies'], known, requests);
  for (const lists of [project['optional-dependencies'], groups, pdm['dev-dependencies']]) {
    for (const list of Object.values(tableOf(lists))) addList(list, known, requests);
  }
  addList(uv['dev-dependencies'], known, requests);
  addTable(poetry['dependencies'], known, requests);
  addTable(poetry['dev-dependencies'], known, requests);
  for (const group of Object.values(tableOf(poetry['group']))) addTable(tableOf(group)['dependencies'], known, requests);
  return undefined;
};

/** `Pipfile`: every table but its settings is a category of packages. */
export const readPipfile: ReadRequests = ({ text }, requests) => {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed.reason;
  for (const [category, packages] of Object.entries(parsed.value)) {
    if (!['requires', 'scripts', 'pipenv', 'source'].includes(category)) addTable(packages, NOTHING_KNOWN, requests);
  }
  return undefined;
};

/** What is no open request: all names folded. */
interface Known {
  /** The project itself, whose extras it may ask for. */
  readonly own: string;
  readonly sources: ReadonlyMap<string, unknown>;
  readonly pinned: ReadonlySet<string>;
}

const NOTHING_KNOWN: Known = { own: '', sources: new Map(), pinned: new Set() };

/** Names that the requirements beside the manifest pin. */
async function pinnedBeside({ readBeside }: Manifest): Promise<Set<string>> {
  const bytes = await readBeside(PINNED_BESIDE);
  const pinned = new Set<string>();
  if (bytes === undefined || bytes.length > PINNED_MAX_BYTES) return pinned;
  for (const line of decodeText(bytes).text.split('\n')) {
    if (!line.includes('==') || line.length > REQUIREMENT_MAX_CHARACTERS) continue;
    const { requirement } = parseRequirementLine((line.split(' #', 1)[0] ?? '').replace(/\\\s*$/, '').trim());
    if (requirement.kind === 'pinned') pinned.add(foldPythonName(requirement.name));
  }
  return pinned;
}

function tableOf(value: unknown): TomlTable {
  return isTomlTable(value) ? value : {};
}

/** Requirements as a requirements file writes them; a group that another one includes is read by itself. */
function addList(list: unknown, { own, sources, pinned }: Known, requests: Requests): void {
  for (const line of Array.isArray(list) ? list : []) {
    if (typeof line !== 'string') continue;
    const { requirement } = parseRequirementLine(line.slice(0, REQUIREMENT_MAX_CHARACTERS));
    if (requirement.kind === 'invalid') {
      requests.addOpen(/^[\w.-]+/.exec(line)?.[0] ?? line, line, 'not a requirement that pip would take');
    } else if (requirement.kind === 'remote') {
      requests.addOfAddress(requirement.name, requirement.address);
    } else if (requirement.kind === 'local' || requirement.kind === 'outside') {
      requests.addOwn(requirement.name, requirement.path);
    } else {
      const { name } = requirement;
      const folded = foldPythonName(name);
      if (folded === own || pinned.has(folded) || addPlace(name, sources.get(folded), requests)) continue;
      requests.addOpen(name, requirement.kind === 'pinned' ? `==${requirement.version}` : requirement.requirement);
    }
  }
}

/** Tables of Poetry and Pipenv: `name = "requirement"`, or a table, or, for platforms of their own, a list of those. */
function addTable(table: unknown, { pinned }: Known, requests: Requests): void {
  for (const [name, written] of Object.entries(tableOf(table))) {
    if (name === 'python' || pinned.has(foldPythonName(name))) continue;
    for (const request of Array.isArray(written) ? written : [written]) {
      if (!addPlace(name, request, requests)) requests.addOpen(name, describe(isTomlTable(request) ? request['version'] : request).trim());
    }
  }
}

/** What a table, or each of a list of them, says of a place other than a registry; false where it says none. */
function addPlace(name: string, written: unknown, requests: Requests): boolean {
  let isSaid = false;
  for (const source of Array.isArray(written) ? written : [written]) {
    const { path, workspace, git, hg, svn, url, file } = tableOf(source);
    const repository = git ?? hg ?? svn;
    const address = url ?? file;
    if (path !== undefined || workspace === true) requests.addOwn(name, describe(path));
    else if (repository !== undefined) requests.addOfRepository(name, describe(repository));
    else if (address !== undefined) requests.addOfAddress(name, describe(address));
    else continue;
    isSaid = true;
  }
  return isSaid;
}
