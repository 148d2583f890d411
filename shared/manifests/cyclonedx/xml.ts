import { parseXml } from '../syntax/xml.ts';
import type { XmlElement } from '../syntax/xml-element.ts';
import { type Bom, type Component, flatten } from './components.ts';
import { findUnknown, whyUnknownVersion } from './versions.ts';

const NAMESPACE = /^https?:\/\/cyclonedx\.org\/schema\/bom\/(.+)$/;

/** A BOM in XML, or why it is none. */
export function readXml(text: string): Bom | { readonly reason: string } {
  const parsed = parseXml(text);
  if ('reason' in parsed) return parsed;
  const bom = parsed.value;
  const version = bom
    .attributes()
    .map(([, value]) => NAMESPACE.exec(value)?.[1])
    .find((found) => found !== undefined);
  if (bom.name !== 'bom' || version === undefined)
    return { reason: 'not a CycloneDX document: its root is no <bom> of a CycloneDX namespace' };
  const unknown = whyUnknownVersion(version);
  if (unknown !== undefined) return { reason: unknown };
  const subject = bom.element('metadata')?.element('component');
  return {
    subjects: subject ? flatten([subject], childrenOf).map(toComponent) : [],
    components: flatten(childrenOf(bom), childrenOf).map(toComponent),
    dependencies: new Map(
      (bom.element('dependencies')?.elements('dependency') ?? []).map((dependency) => [
        dependency.attribute('ref') ?? '',
        dependency.elements('dependency').map((each) => each.attribute('ref') ?? ''),
      ]),
    ),
    unknown: findUnknown('bom', namesIn(bom)),
  };
}

function namesIn(node: XmlElement): string[] {
  return node.elements().map(({ name }) => name);
}

function childrenOf(node: XmlElement): readonly XmlElement[] {
  return node.elements('components').flatMap((list) => list.elements());
}

function toComponent(node: XmlElement): Component {
  const textOf = (name: string) => node.element(name)?.text ?? '';
  const group = textOf('group');
  const name = textOf('name');
  const type = node.attribute('type') ?? '';
  const complaint =
    node.name !== 'component'
      ? `<${node.name}> stands in place of a component`
      : name === '' || type === ''
        ? 'it has no name or no type'
        : undefined;
  return {
    type,
    name: (group === '' ? name : `${group}/${name}`) || 'a component',
    version: textOf('version'),
    purl: textOf('purl'),
    ref: node.attribute('bom-ref') ?? '',
    scope: textOf('scope'),
    isDevelopment: false,
    complaint,
    unknown: complaint === undefined ? findUnknown('component', namesIn(node)) : undefined,
  };
}
