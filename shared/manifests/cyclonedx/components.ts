import { addPurl } from '../purl-entries.ts';
import type { Reading } from '../reading.ts';
import { checkEntryCount } from '../reading.ts';

/** A component of a document, whichever syntax it is written in. Absent texts are empty. */
export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** `bom-ref`, which the graph of dependencies names it by. */
  readonly ref: string;
  readonly scope: string;
  readonly isDevelopment: boolean;
  /** Why it is none, where it is not of the form that the specification gives it. */
  readonly complaint?: string | undefined;
  /** What stands in it and is not understood. */
  readonly unknown?: string | undefined;
}

export interface Bom {
  /** What the document is about, with the components that it is made of: our own code. */
  readonly subjects: readonly Component[];
  /** All others, nested ones included. */
  readonly components: readonly Component[];
  /** `bom-ref`s that each component depends on. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  readonly unknown?: string | undefined;
}

/** Kinds of component that are no software package: listed by scanners beside them, or instead of a lock file's name. */
const NO_PACKAGES: ReadonlySet<string> = new Set([
  'file',
  'operating-system',
  'device',
  'device-driver',
  'data',
  'machine-learning-model',
  'cryptographic-asset',
  'platform',
  'firmware',
]);

export function addComponents({ subjects, components, dependencies, unknown }: Bom, reading: Reading): void {
  if (unknown !== undefined) reading.addWarning(unknown);
  for (const { name, version, complaint } of subjects) {
    if (complaint !== undefined) reading.addUnresolved(name, version, complaint);
    else reading.addLocal(name, version, 'what the document is about');
  }
  const roots = subjects.map(({ ref }) => ref).filter((ref) => dependencies.has(ref));
  const direct = new Set(roots.flatMap((ref) => dependencies.get(ref) ?? []));
  const left = new Map<string, number>();
  for (const component of components) {
    const { type, name, version, purl, ref, scope, isDevelopment, complaint } = component;
    if (component.unknown !== undefined) reading.addWarning(component.unknown);
    if (complaint !== undefined) {
      reading.addUnresolved(name, version, complaint);
    } else if (purl !== '') {
      addPurl(
        {
          name,
          version,
          purl,
          facts: {
            ...(roots.length > 0 && ref !== '' ? { relationship: direct.has(ref) ? 'direct' : 'transitive' } : {}),
            ...(isDevelopment || scope === 'excluded' ? { isDevelopment: true } : {}),
            ...(scope === 'optional' ? { isOptional: true } : {}),
          },
        },
        reading,
      );
    } else if (NO_PACKAGES.has(type)) {
      left.set(type, (left.get(type) ?? 0) + 1);
    } else if (type === 'application' || type === 'container') {
      reading.addLocal(name, version, `of the kind ${type}, without a purl`);
    } else {
      reading.addUnsupported(name, version, 'has no purl, so nobody can be asked about it');
    }
  }
  for (const [type, count] of left)
    reading.addWarning(`${count} of the kind ${type}, which ${count === 1 ? 'is no package' : 'are no packages'}`);
}

/** Every component below these, depth first without recursion. `childrenOf` may be asked about each once. */
export function flatten<T>(roots: readonly T[], childrenOf: (node: T) => readonly T[]): T[] {
  const found: T[] = [];
  const open = [...roots].reverse();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    found.push(node);
    checkEntryCount(found.length);
    const children = childrenOf(node);
    for (let index = children.length - 1; index >= 0; index--) {
      const child = children[index];
      if (child !== undefined) open.push(child);
    }
  }
  return found;
}
