import { shown } from '../syntax/json-object.ts';
import { isTomlTable, parseToml, type TomlTable } from '../syntax/toml.ts';
import type { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const SECTIONS = ['dependencies', 'build-dependencies', 'dev-dependencies'];

/** `Cargo.toml` of a package or a workspace. What a member takes from its workspace is said where the workspace says it. */
export const readCargoToml: ReadRequests = ({ text }, requests) => {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed.reason;
  const { workspace, target } = parsed.value;
  addSections(parsed.value, requests);
  if (isTomlTable(workspace)) addSections(workspace, requests);
  for (const platform of isTomlTable(target) ? Object.values(target) : []) if (isTomlTable(platform)) addSections(platform, requests);
  return undefined;
};

function addSections(table: TomlTable, requests: Requests): void {
  for (const section of SECTIONS) {
    const crates = table[section] ?? table[section.replace('-', '_')];
    if (!isTomlTable(crates)) continue;
    for (const [name, request] of Object.entries(crates)) addRequest(name, request, requests);
  }
}

function addRequest(key: string, request: unknown, requests: Requests): void {
  const { package: renamed, version, path, git, workspace } = isTomlTable(request) ? request : ({ version: request } as TomlTable);
  const name = typeof renamed === 'string' ? renamed : key;
  if (workspace === true) return;
  if (path !== undefined) requests.addOwn(name, shown(path));
  else if (git !== undefined) requests.addOfRepository(name, shown(git));
  else requests.addOpen(name, shown(version).trim());
}
