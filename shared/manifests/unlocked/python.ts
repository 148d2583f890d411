import { describe, isPythonName } from '../python/packages.ts';
import { parseRequirementLine } from '../requirements/requirement.ts';
import { isTomlTable, parseToml, type TomlTable } from '../syntax/toml.ts';
import { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const PIN = /^={2,3}\s*([^\s*,]+)$/;
/** Poetry takes a bare version for that very version. */
const BARE = /^\d[A-Za-z0-9.+-]*$/;

/** `pyproject.toml`: what the project, its extras and groups ask for, as the standards write it and as Poetry, PDM and uv do. */
export const readPyproject: ReadRequests = (_bytes, text, reading) => {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed.reason;
  const requests = new Requests(reading, 'PYPI', isPythonName);
  const { project, 'dependency-groups': groups } = parsed.value;
  const tool = tableOf(parsed.value['tool']);
  const poetry = tableOf(tool['poetry']);
  const sources = tableOf(tableOf(tool['uv'])['sources']);
  addList(tableOf(project)['dependencies'], false, sources, requests);
  for (const extra of Object.values(tableOf(tableOf(project)['optional-dependencies']))) addList(extra, false, sources, requests);
  for (const group of Object.values(tableOf(groups))) addList(group, true, sources, requests);
  for (const group of Object.values(tableOf(tableOf(tool['pdm'])['dev-dependencies']))) addList(group, true, sources, requests);
  addList(tableOf(tool['uv'])['dev-dependencies'], true, sources, requests);
  addTable(poetry['dependencies'], false, requests);
  addTable(poetry['dev-dependencies'], true, requests);
  for (const group of Object.values(tableOf(poetry['group']))) addTable(tableOf(group)['dependencies'], true, requests);
  return undefined;
};

/** `Pipfile`: every table but its settings is a category of packages. */
export const readPipfile: ReadRequests = (_bytes, text, reading) => {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed.reason;
  const requests = new Requests(reading, 'PYPI', isPythonName);
  for (const [category, packages] of Object.entries(parsed.value)) {
    if (!['requires', 'scripts', 'pipenv', 'source'].includes(category)) addTable(packages, category === 'dev-packages', requests, false);
  }
  return undefined;
};

function tableOf(value: unknown): TomlTable {
  return isTomlTable(value) ? value : {};
}

/** Requirements as a requirements file writes them; a group that another one includes is read by itself. */
function addList(list: unknown, isDevelopment: boolean, sources: TomlTable, requests: Requests): void {
  for (const line of Array.isArray(list) ? list : []) {
    if (typeof line !== 'string') continue;
    const { requirement } = parseRequirementLine(line);
    if (requirement.kind === 'invalid') {
      requests.addOpen(/^[\w.-]+/.exec(line)?.[0] ?? line, line, 'not a requirement that pip would take');
    } else if (requirement.kind === 'remote') {
      requests.addOfAddress(requirement.name, requirement.address);
    } else if (requirement.kind === 'local' || requirement.kind === 'outside') {
      requests.addOwn(requirement.name, requirement.path);
    } else if (!addSource(requirement.name, sources[requirement.name], requests)) {
      if (requirement.kind === 'pinned') requests.addPinned(requirement.name, requirement.version, isDevelopment);
      else requests.addOpen(requirement.name, requirement.requirement);
    }
  }
}

/** Tables of Poetry and Pipenv: `name = "requirement"`, or a table, or, for platforms of their own, a list of those. */
function addTable(table: unknown, isDevelopment: boolean, requests: Requests, isPoetry = true): void {
  for (const [name, written] of Object.entries(tableOf(table))) {
    if (isPoetry && name === 'python') continue;
    for (const request of Array.isArray(written) ? written : [written]) {
      if (addSource(name, request, requests)) continue;
      const range = describe(isTomlTable(request) ? request['version'] : request).trim();
      const version = PIN.exec(range)?.[1] ?? (isPoetry && BARE.test(range) ? range : undefined);
      if (version === undefined) requests.addOpen(name, range);
      else requests.addPinned(name, version, isDevelopment);
    }
  }
}

/** What a table says of a place other than a registry; false where it says none. */
function addSource(name: string, source: unknown, requests: Requests): boolean {
  const { path, workspace, git, hg, svn, url, file } = tableOf(source);
  const repository = git ?? hg ?? svn;
  const address = url ?? file;
  if (path !== undefined || workspace === true) requests.addOwn(name, describe(path));
  else if (repository !== undefined) requests.addOfRepository(name, describe(repository));
  else if (address !== undefined) requests.addOfAddress(name, describe(address));
  else return false;
  return true;
}
