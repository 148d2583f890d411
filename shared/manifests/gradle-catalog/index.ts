import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { packageNameOf } from '../maven/coordinates.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { isTomlTable, parseToml, type TomlTable } from '../syntax/toml.ts';
import { decodeText } from '../text.ts';
import { CatalogVersions } from './versions.ts';

/** The largest public ones have 200 kB. */
const CATALOG_MAX_BYTES = 4 * 1024 * 1024;
const FORMAT_VERSIONS = ['1.0', '1.1'];
const TABLES = ['versions', 'libraries', 'plugins', 'bundles', 'metadata'];
const OF_LIBRARIES: ReadonlySet<string> = new Set(['module', 'group', 'name', 'version']);
const OF_PLUGINS: ReadonlySet<string> = new Set(['id', 'version']);
const EMPTY_TABLE: TomlTable = Object.create(null) as TomlTable;

/** `libs.versions.toml` and other version catalogs of Gradle. */
export const gradleCatalog: ManifestFormat = {
  name: 'gradle-catalog',
  files: ['gradle/libs.versions.toml', '*.versions.toml'],
  ecosystems: ['MAVEN'],
  lists: 'declared',
  maxBytes: CATALOG_MAX_BYTES,
  matches: (path) => baseName(path).endsWith('.versions.toml'),
  read(_path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const parsed = parseToml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const catalog = parsed.value;
    const reason = whyNoCatalog(catalog);
    if (reason !== undefined) return unreadable(reason);
    const reading = new Reading('MAVEN', decoded);
    const versions = new CatalogVersions(tableOf(catalog, 'versions'));
    const lines = new LineCursor(decoded.text);
    lines.lineOf('[libraries');
    const libraries = Object.entries(tableOf(catalog, 'libraries'));
    const plugins = Object.entries(tableOf(catalog, 'plugins'));
    checkEntryCount(libraries.length + plugins.length);
    for (const [alias, library] of libraries) addLibrary(alias, library, versions, lines, reading);
    for (const [alias, plugin] of plugins) addPlugin(alias, plugin, versions, reading);
    for (const key of Object.keys(catalog)) {
      if (!TABLES.includes(key)) reading.addWarning(`its "${key}" is not known, and was not read`);
    }
    return reading.content();
  },
};

function whyNoCatalog(catalog: TomlTable): string | undefined {
  if (!TABLES.some((name) => catalog[name] !== undefined)) return 'not a version catalog: it has none of its tables';
  for (const name of TABLES) {
    if (catalog[name] !== undefined && !isTomlTable(catalog[name])) return `not a version catalog: its "${name}" is no table`;
  }
  const { format } = tableOf(catalog, 'metadata');
  if (format === undefined) return undefined;
  const { version } = isTomlTable(format) ? format : EMPTY_TABLE;
  return typeof version === 'string' && FORMAT_VERSIONS.includes(version)
    ? undefined
    : `format version ${String(version).slice(0, 20)} of a version catalog; ${FORMAT_VERSIONS.join(' and ')} are read`;
}

function tableOf(catalog: TomlTable, name: string): TomlTable {
  const table = catalog[name];
  return isTomlTable(table) ? table : EMPTY_TABLE;
}

/** `alias = "GROUP:NAME:VERSION"`, or a table of `module` or `group` and `name`, and `version`. */
function addLibrary(alias: string, written: unknown, versions: CatalogVersions, lines: LineCursor, reading: Reading): void {
  const library = typeof written === 'string' ? libraryFrom(written) : written;
  if (!isTomlTable(library)) {
    reading.addUnresolved(alias, typeof written === 'string' ? written : '', 'a library that is not GROUP:NAME:VERSION, and no table');
    return;
  }
  const module = moduleOf(library);
  const unknown = Object.keys(library).find((key) => !OF_LIBRARIES.has(key));
  const [group = '', artifact = '', ...rest] = module.split(':');
  const name = rest.length === 0 ? packageNameOf(group, artifact) : undefined;
  if (name === undefined || unknown !== undefined) {
    const reason = name === undefined ? 'a library without legal group and name' : `${unknown} is no part of a library`;
    reading.addUnresolved(name ?? alias, module, reason);
    return;
  }
  const { version: asked } = library;
  const version = versions.declaredBy(asked);
  if (version === undefined) {
    reading.addUnresolved(name, '', 'has no version here: a platform or the build gives it');
  } else if ('reason' in version) {
    reading.addUnresolved(name, version.written, version.reason);
  } else {
    const line = lines.lineOf(`\n${alias} `);
    reading.addPackage(name, version.version, line === undefined ? { relationship: 'direct' } : { relationship: 'direct', line });
  }
}

function libraryFrom(text: string): TomlTable | undefined {
  const [group, artifact, version, ...rest] = text.split(':');
  if (group === undefined || artifact === undefined || version === undefined || rest.length > 0) return undefined;
  return Object.assign(Object.create(null) as Record<string, unknown>, { group, name: artifact, version });
}

function moduleOf({ module, group, name }: TomlTable): string {
  if (typeof module === 'string' && group === undefined && name === undefined) return module;
  return module === undefined && typeof group === 'string' && typeof name === 'string' ? `${group}:${name}` : '';
}

/** `alias = "ID:VERSION"`, or a table of `id` and `version`. */
function addPlugin(alias: string, written: unknown, versions: CatalogVersions, reading: Reading): void {
  if (typeof written === 'string') {
    const colon = written.indexOf(':');
    addMarker(colon < 0 ? written : written.slice(0, colon), colon < 0 ? '' : written.slice(colon + 1), reading);
    return;
  }
  const { id, version: asked } = isTomlTable(written) ? written : EMPTY_TABLE;
  if (isTomlTable(written) && typeof id === 'string') {
    const unknown = Object.keys(written).find((key) => !OF_PLUGINS.has(key));
    if (unknown !== undefined) reading.addWarning(`plugin ${alias}: ${unknown} is no part of a plugin, and was not read`);
    const version = versions.declaredBy(asked);
    addMarker(id, version && 'version' in version ? version.version : (version?.written ?? ''), reading);
  } else {
    reading.addUnresolved(alias, '', 'a plugin without an id');
  }
}

function addMarker(id: string, version: string, reading: Reading): void {
  const reason =
    version === ''
      ? 'a Gradle plugin without version: of this build, or given by it'
      : `a Gradle plugin: what it is made of stands in the artifact ${id}:${id}.gradle.plugin, which is not fetched`;
  reading.addUnresolved(id, version, reason);
}
