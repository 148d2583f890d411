import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat } from '../format.ts';
import { LineCursor } from '../line-cursor.ts';
import { oneVersionOf, packageNameOf } from '../maven/coordinates.ts';
import { checkEntryCount, type EntryFacts, Reading, unreadable } from '../reading.ts';
import { parseXml } from '../syntax/xml.ts';
import type { XmlElement } from '../syntax/xml-element.ts';
import { decodeXml } from '../syntax/xml-encoding.ts';

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** Some 10,000 components as Gradle writes them, with the digests of five files each. What it may hold is bounded by `parseXml`. */
const VERIFICATION_MAX_BYTES = 10 * 1024 * 1024;
/** The strongest first. */
const ALGORITHMS = ['sha512', 'sha256', 'sha1', 'md5'] as const;
/** The file that is a component's code: a library of Java or of Android. */
const CODE_FILES = ['jar', 'aar'];

/**
 * `gradle/verification-metadata.xml`: the digests of all that Gradle ever fetched for a build, its plugins and their parents
 * included, often also of versions that are used no more.
 */
export const gradleVerification: ManifestFormat = {
  name: 'gradle-verification',
  files: ['gradle/verification-metadata.xml'],
  ecosystems: ['MAVEN'],
  lists: 'superset',
  maxBytes: VERIFICATION_MAX_BYTES,
  matches: (path) => baseName(path) === 'verification-metadata.xml',
  read(_path, bytes): ManifestContent {
    const decoded = decodeXml(bytes);
    const parsed = parseXml(decoded.text);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const root = parsed.value;
    if (root.name !== 'verification-metadata') return unreadable(`not a verification-metadata.xml: its root element is ${root.name}`);
    const reading = new Reading('MAVEN', decoded);
    const lines = new LineCursor(decoded.text);
    for (const section of root.elements()) {
      if (section.name === 'components') addComponents(section, lines, reading);
      else if (section.name !== 'configuration') reading.addWarning(`its <${section.name}> is not known, and was not read`);
    }
    if (root.text !== '') return unreadable(`text stands between its elements: ${root.text.slice(0, 40)}`);
    if (!root.element('components')) return unreadable('not a verification-metadata.xml: it has no <components>');
    return reading.content();
  },
};

function addComponents(components: XmlElement, lines: LineCursor, reading: Reading): void {
  if (components.text !== '') reading.addUnresolved('components', components.text, 'text in place of a component');
  let count = 0;
  for (const component of components.elements()) {
    checkEntryCount(++count);
    const group = component.attribute('group') ?? '';
    const artifact = component.attribute('name') ?? '';
    const written = component.attribute('version') ?? '';
    const name = packageNameOf(group, artifact);
    if (component.name !== 'component' || name === undefined) {
      reading.addUnresolved(`${group}:${artifact}`, written, `<${component.name}> names no group and artifact`);
      continue;
    }
    const one = oneVersionOf(written);
    if ('reason' in one) {
      reading.addUnresolved(name, written, written === '' ? 'has no version' : one.reason);
      continue;
    }
    const facts: Facts = { integrity: digestOf(component, `${artifact}-${one.version}`) };
    const line = lines.lineOf(`<component group="${group}" name="${artifact}" version="${written}"`);
    if (line !== undefined) facts.line = line;
    reading.addPackage(name, one.version, facts);
  }
}

/** The digest of the file that is the component's code; `undefined` where there is none, or where several are trusted. */
function digestOf(component: XmlElement, stem: string): string | undefined {
  for (const file of component.elements('artifact')) {
    const name = file.attribute('name') ?? '';
    if (!name.startsWith(stem) || !CODE_FILES.some((ending) => name === `${stem}.${ending}`)) continue;
    for (const algorithm of ALGORITHMS) {
      const digest = file.element(algorithm);
      const value = digest?.attribute('value');
      if (value !== undefined && !digest?.element('also-trust')) return `${algorithm}:${value.toLowerCase()}`;
    }
    return undefined;
  }
  return undefined;
}
