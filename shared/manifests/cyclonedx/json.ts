import { parseJson } from '../syntax/json.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import { type Bom, type Component, flatten } from './components.ts';
import { findUnknown, whyUnknownVersion } from './versions.ts';

/** cyclonedx-npm says so where an npm package is installed for development only. */
const DEVELOPMENT_PROPERTY = 'cdx:npm:package:development';

/** A BOM in JSON, or why it is none. */
export function readJson(bytes: Uint8Array, text: string): Bom | { readonly reason: string } {
  const parsed = parseJson(bytes, text);
  if ('reason' in parsed) return parsed;
  const bom = parsed.value;
  if (!isObject(bom) || own(bom, 'bomFormat') !== 'CycloneDX')
    return { reason: 'not a CycloneDX document: its "bomFormat" is not "CycloneDX"' };
  const unknown = whyUnknownVersion(shown(own(bom, 'specVersion')));
  if (unknown !== undefined) return { reason: unknown };
  const components = own(bom, 'components');
  if (components !== undefined && !Array.isArray(components)) return { reason: 'not a CycloneDX document: its "components" are no list' };
  const metadata = own(bom, 'metadata');
  const subject = isObject(metadata) ? own(metadata, 'component') : undefined;
  const dependencies = own(bom, 'dependencies');
  return {
    subjects: subject === undefined ? [] : flatten([subject as unknown], childrenOf).map(toComponent),
    components: flatten((components ?? []) as readonly unknown[], childrenOf).map(toComponent),
    dependencies: Array.isArray(dependencies) ? toDependencies(dependencies) : new Map(),
    unknown: findUnknown('bom', Object.keys(bom)),
  };
}

function childrenOf(node: unknown): readonly unknown[] {
  const children = isObject(node) ? own(node, 'components') : undefined;
  return Array.isArray(children) ? children : [];
}

function toComponent(node: unknown): Component {
  const nothing = { type: '', name: 'a component', version: '', purl: '', ref: '', scope: '', isDevelopment: false };
  if (!isObject(node)) return { ...nothing, version: shown(node), complaint: `a component that is ${shown(node)}, not an object` };
  const children = own(node, 'components');
  const texts = { type: '', name: '', version: '', purl: '', scope: '', group: '', 'bom-ref': '' };
  let complaint = children !== undefined && !Array.isArray(children) ? 'its "components" are no list' : undefined;
  for (const key of Object.keys(texts) as (keyof typeof texts)[]) {
    const value = own(node, key);
    if (typeof value === 'string') texts[key] = value;
    else if (value !== undefined) complaint = `its "${key}" is ${shown(value)}, not text`;
  }
  const { group, 'bom-ref': ref, ...rest } = texts;
  if (texts.name === '' || texts.type === '') complaint ??= 'it has no name or no type';
  return {
    ...rest,
    ref,
    name: group === '' ? rest.name : `${group}/${rest.name}`,
    isDevelopment: isForDevelopment(node),
    complaint,
    unknown: findUnknown('component', Object.keys(node)),
  };
}

function isForDevelopment(node: JsonObject): boolean {
  const properties = own(node, 'properties');
  if (!Array.isArray(properties)) return false;
  return properties.some(
    (property) => isObject(property) && own(property, 'name') === DEVELOPMENT_PROPERTY && own(property, 'value') === 'true',
  );
}

function toDependencies(entries: readonly unknown[]): Map<string, readonly string[]> {
  const dependencies = new Map<string, readonly string[]>();
  for (const entry of entries) {
    if (!isObject(entry)) continue;
    const ref = own(entry, 'ref');
    const dependsOn = own(entry, 'dependsOn');
    if (typeof ref !== 'string') continue;
    dependencies.set(ref, Array.isArray(dependsOn) ? dependsOn.filter((each) => typeof each === 'string') : []);
  }
  return dependencies;
}
