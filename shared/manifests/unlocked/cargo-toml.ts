import { CRATE_NAME } from '../cargo/names.ts';
import { shown } from '../syntax/json-object.ts';
import { isTomlTable, parseToml, type TomlTable } from '../syntax/toml.ts';
import { Requests } from './requests.ts';
import type { ReadRequests } from './unlocked-manifest.ts';

const EXACT = /^=\s*(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/;
const SECTIONS = ['dependencies', 'build-dependencies', 'dev-dependencies'];

/** `Cargo.toml` of a package or a workspace. What a member takes from its workspace is said where the workspace says it. */
export const readCargoToml: ReadRequests = (_bytes, text, reading) => {
  const parsed = parseToml(text);
  if ('reason' in parsed) return parsed.reason;
  const requests = new Requests(reading, 'CARGO', (name) => CRATE_NAME.test(name));
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
    for (const [name, request] of Object.entries(crates)) addRequest(name, request, section === 'dev-dependencies', requests);
  }
}

function addRequest(key: string, request: unknown, isDevelopment: boolean, requests: Requests): void {
  const { package: renamed, version, path, git, workspace } = isTomlTable(request) ? request : ({ version: request } as TomlTable);
  const name = typeof renamed === 'string' ? renamed : key;
  if (workspace === true) return;
  if (path !== undefined) {
    requests.addOwn(name, shown(path));
  } else if (git !== undefined) {
    requests.addOfRepository(name, shown(git));
  } else {
    const range = shown(version).trim();
    const exact = EXACT.exec(range)?.[1];
    if (exact === undefined) requests.addOpen(name, range);
    else requests.addPinned(name, exact, isDevelopment);
  }
}
