import { ReadingLimit } from '../reading.ts';
import type { XmlElement } from '../syntax/xml-element.ts';

/** So many references fit into a file of the largest size, one element each; lists within one element may name many more. */
const MAX_ITEMS = 100_000;

/** One item of a project that names a package, or what may be one. */
export interface PackageItem {
  /** `PackageReference`, `PackageVersion`, … */
  readonly kind: string;
  readonly id: string;
  /** As written, empty where none is. */
  readonly version: string;
  readonly isDevelopment: boolean;
  /** Adds to an item that stands elsewhere. */
  readonly isUpdate: boolean;
}

export interface Project {
  readonly packages: readonly PackageItem[];
  /** Paths of projects that it references. */
  readonly projects: readonly string[];
  /** SDKs of MSBuild that are fetched from a registry, `NAME/VERSION`. */
  readonly sdks: readonly string[];
  readonly warnings: readonly string[];
}

/** Items that bring a package in. */
const REFERENCES: ReadonlySet<string> = new Set([
  'packagereference',
  'globalpackagereference',
  'packagedownload',
  'dotnetclitoolreference',
]);
/** What groups items, or chooses among groups. */
const GROUPS: ReadonlySet<string> = new Set(['project', 'itemgroup', 'choose', 'when', 'otherwise', 'target']);

/** What else may stand right in a project; MSBuild refuses others, and an item group under another spelling must not pass for none. */
const OTHER_ELEMENTS: ReadonlySet<string> = new Set([
  ...['propertygroup', 'import', 'importgroup', 'usingtask', 'itemdefinitiongroup', 'projectextensions', 'sdk'],
]);

/** Names of elements and attributes mean the same in any letter case to MSBuild. Conditions are not weighed: every branch counts. */
export function readProject(root: XmlElement): Project {
  const packages: PackageItem[] = [];
  const projects: string[] = [];
  const sdks: string[] = [];
  const warnings: string[] = [];
  const open = [root];
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    const isItemGroup = group.name.toLowerCase() === 'itemgroup';
    if (group.text !== '') warnings.push(`text stands in <${group.name}>, and was not read`);
    for (const element of group.elements()) {
      const kind = element.name.toLowerCase();
      if (GROUPS.has(kind)) open.push(element);
      else if (group === root && !OTHER_ELEMENTS.has(kind))
        warnings.push(`<${element.name}> is not known to stand in a project, and was not read`);
      else if (kind === 'sdk' && !isItemGroup) sdks.push(sdkOf(metadata(element, 'name'), metadata(element, 'version')));
      else if (kind === 'import' && !isItemGroup) sdks.push(sdkOf(metadata(element, 'sdk'), metadata(element, 'version')));
      else if (!isItemGroup) continue;
      else if (kind === 'projectreference') for (const path of idsOf(element)) projects.push(path);
      else if (REFERENCES.has(kind) || kind === 'packageversion') addItems(element, packages, warnings);
      else if (metadata(element, 'version') !== '' && idsOf(element).length > 0)
        warnings.push(`the item <${element.name}> of ${idsOf(element)[0]} has a version, and is not known to be a package`);
    }
    checkItemCount(packages.length + projects.length + open.length);
  }
  for (const sdk of metadata(root, 'sdk').split(';')) sdks.push(sdk.trim());
  return { packages, projects, sdks: sdks.filter((sdk) => sdk.includes('/')), warnings };
}

function addItems(element: XmlElement, packages: PackageItem[], warnings: string[]): void {
  const ids = idsOf(element);
  if (ids.length === 0 && metadata(element, 'remove') === '') warnings.push(`a <${element.name}> names no package`);
  const version = metadata(element, 'versionoverride') || metadata(element, 'version');
  const isDevelopment = metadata(element, 'privateassets').toLowerCase() === 'all';
  // A download may name several versions of one package.
  const versions = element.name.toLowerCase() === 'packagedownload' ? version.split(';') : [version];
  const isUpdate = metadata(element, 'include') === '';
  checkItemCount(packages.length + ids.length * versions.length);
  for (const id of ids) {
    for (const each of versions) packages.push({ kind: element.name.toLowerCase(), id, version: each.trim(), isDevelopment, isUpdate });
  }
}

function checkItemCount(count: number): void {
  if (count > MAX_ITEMS) throw new ReadingLimit(`more than ${MAX_ITEMS} items; projects with up to that many are read`);
}

/** What is included, or updated where it stands in another file; several are separated by semicolons. */
function idsOf(element: XmlElement): string[] {
  const written = metadata(element, 'include') || metadata(element, 'update');
  return written
    .split(';')
    .map((id) => id.trim())
    .filter(Boolean);
}

/** An attribute or, of the same meaning, a child element. */
function metadata(element: XmlElement, name: string): string {
  for (const [attribute, value] of element.attributes()) if (attribute.toLowerCase() === name) return value.trim();
  for (const child of element.elements()) if (child.name.toLowerCase() === name) return child.text;
  return '';
}

function sdkOf(name: string, version: string): string {
  return version === '' ? name : `${name}/${version}`;
}

/** Whether a reference brings a package in; a central version alone does not. */
export function isReference({ kind }: PackageItem): boolean {
  return REFERENCES.has(kind);
}
