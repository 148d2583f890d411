import type { Parsed } from '../syntax/parsed.ts';
import { parseXml } from '../syntax/xml.ts';
import type { XmlElement } from '../syntax/xml-element.ts';
import { decodeXml } from '../syntax/xml-encoding.ts';
import { withoutHtmlEntities } from './entities.ts';

/** Larger files are not read; some 15,000 dependencies. What a document may hold is bounded by `parseXml`. */
export const POM_MAX_BYTES = 4 * 1024 * 1024;

/** A dependency as it is written, properties not filled in; empty texts for what is absent. */
export interface PomDependency {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly type: string;
  readonly classifier: string;
  readonly scope: string;
  readonly optional: string;
  readonly systemPath: string;
}

export interface PomSection {
  readonly properties: ReadonlyMap<string, string>;
  readonly dependencies: readonly PomDependency[];
  /** Of its `dependencyManagement`. */
  readonly managed: readonly PomDependency[];
}

interface PomProfile extends PomSection {
  readonly id: string;
  readonly isDefault: boolean;
}

export interface PomParent {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  /** Empty where the parent is to be fetched in any case. */
  readonly relativePath: string;
}

export interface Pom extends PomSection {
  /** Its repository path. */
  readonly path: string;
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly packaging: string;
  readonly parent: PomParent | undefined;
  readonly profiles: readonly PomProfile[];
  /** Folders or files, relative to its folder. */
  readonly modules: readonly string[];
  readonly warnings: readonly string[];
  /** It holds bytes that are no text in its encoding. */
  readonly damaged: boolean;
}

/** The group that the file itself names, or has from its parent. */
export function groupOf(pom: Pom): string {
  return pom.group || (pom.parent?.group ?? '');
}

/** Elements of a project and of a profile, as Maven 2 to 4 know them. */
const OF_PROJECTS: ReadonlySet<string> = new Set(
  (
    'modelVersion parent groupId artifactId version packaging name description url inceptionYear organization licenses developers ' +
    'contributors mailingLists prerequisites modules subprojects scm issueManagement ciManagement distributionManagement properties ' +
    'dependencyManagement dependencies repositories pluginRepositories build reports reporting profiles id activation'
  ).split(' '),
);

/** One of these stands in every file, even in those that Maven would refuse. */
const WHAT_MAKES_A_PROJECT = ['artifactId', 'parent', 'dependencies', 'dependencyManagement', 'modules', 'subprojects', 'profiles'];

class NotAPom extends Error {}

/** Reads what this format needs of a `pom.xml`. What Maven refuses to read (text between elements, an element twice) is refused. */
export function parsePom(path: string, bytes: Uint8Array): Parsed<Pom> {
  if (bytes.length > POM_MAX_BYTES) return { reason: `${path} has ${bytes.length} bytes; up to ${POM_MAX_BYTES} are read` };
  const decoded = decodeXml(bytes);
  const parsed = parseXml(withoutHtmlEntities(decoded.text));
  if ('reason' in parsed) return parsed;
  try {
    return { value: toPom(path, parsed.value, decoded.damaged) };
  } catch (error) {
    if (error instanceof NotAPom) return { reason: error.message };
    throw error;
  }
}

function toPom(path: string, project: XmlElement, damaged: boolean): Pom {
  if (project.name !== 'project') throw new NotAPom(`not a pom.xml: its root element is ${project.name}`);
  const warnings: string[] = [];
  const parts = partsOf(project);
  if (!WHAT_MAKES_A_PROJECT.some((name) => parts.has(name))) {
    throw new NotAPom('not a pom.xml: it names no artifact, and declares no dependencies');
  }
  const parent = parts.get('parent');
  const modules: string[] = [];
  const profiles: PomProfile[] = [];
  addModules(parts, modules);
  for (const profile of childrenOf(parts.get('profiles'), 'profile')) {
    const profileParts = partsOf(profile);
    addModules(profileParts, modules);
    profiles.push({
      id: textOf(profileParts, 'id') || 'default',
      isDefault: profileParts.get('activation')?.element('activeByDefault')?.text === 'true',
      ...sectionOf(profileParts, warnings),
    });
  }
  return {
    path,
    group: textOf(parts, 'groupId'),
    artifact: textOf(parts, 'artifactId'),
    version: textOf(parts, 'version'),
    packaging: textOf(parts, 'packaging') || 'jar',
    parent: parent && toParent(parent),
    profiles,
    modules,
    ...sectionOf(parts, warnings),
    warnings,
    damaged,
  };
}

type Parts = ReadonlyMap<string, XmlElement>;

/** The child elements by name, where each may stand once and no text between them. */
function partsOf(element: XmlElement): Map<string, XmlElement> {
  const parts = new Map<string, XmlElement>();
  for (const part of element.elements()) {
    if (parts.has(part.name)) throw new NotAPom(`<${part.name}> stands twice in one <${element.name}>`);
    parts.set(part.name, part);
  }
  checkNoText(element);
  return parts;
}

function checkNoText(element: XmlElement): void {
  const { text } = element;
  if (text !== '') throw new NotAPom(`text stands between the elements of <${element.name}>: ${JSON.stringify(text.slice(0, 40))}`);
}

function textOf(parts: Parts, name: string): string {
  return parts.get(name)?.text ?? '';
}

/** The elements of a list of elements of this one name. */
function childrenOf(list: XmlElement | undefined, name: string): readonly XmlElement[] {
  if (!list) return [];
  checkNoText(list);
  const children = list.elements();
  const other = children.find((child) => child.name !== name);
  if (other) throw new NotAPom(`<${other.name}> stands in <${list.name}>`);
  return children;
}

function toParent(element: XmlElement): PomParent {
  const parts = partsOf(element);
  const written = parts.get('relativePath')?.text;
  return {
    group: textOf(parts, 'groupId'),
    artifact: textOf(parts, 'artifactId'),
    version: textOf(parts, 'version'),
    relativePath: written ?? '../pom.xml',
  };
}

function addModules(parts: Parts, modules: string[]): void {
  for (const module of [...childrenOf(parts.get('modules'), 'module'), ...childrenOf(parts.get('subprojects'), 'subproject')]) {
    modules.push(module.text);
  }
}

function sectionOf(parts: Parts, warnings: string[]): PomSection {
  for (const name of parts.keys()) {
    if (!OF_PROJECTS.has(name)) warnings.push(`its <${name}> is not known, and was not read`);
  }
  const properties = new Map<string, string>();
  const written = parts.get('properties');
  if (written) checkNoText(written);
  // Of a property that stands twice, Maven takes the last one.
  for (const property of written?.elements() ?? []) properties.set(property.name, property.text);
  const management = parts.get('dependencyManagement');
  return {
    properties,
    dependencies: dependenciesOf(parts, warnings),
    managed: management ? dependenciesOf(partsOf(management), warnings) : [],
  };
}

function dependenciesOf(parts: Parts, warnings: string[]): PomDependency[] {
  return childrenOf(parts.get('dependencies'), 'dependency').map((element) => toDependency(element, warnings));
}

const OF_DEPENDENCIES: ReadonlySet<string> = new Set(
  'groupId artifactId version type classifier scope systemPath exclusions optional'.split(' '),
);

function toDependency(element: XmlElement, warnings: string[]): PomDependency {
  const parts = partsOf(element);
  for (const name of parts.keys()) {
    if (!OF_DEPENDENCIES.has(name)) warnings.push(`<${name}> in a <dependency> is not known, and was not read`);
  }
  return {
    group: textOf(parts, 'groupId'),
    artifact: textOf(parts, 'artifactId'),
    version: textOf(parts, 'version'),
    type: textOf(parts, 'type') || 'jar',
    classifier: textOf(parts, 'classifier'),
    scope: textOf(parts, 'scope'),
    optional: textOf(parts, 'optional'),
    systemPath: textOf(parts, 'systemPath'),
  };
}
