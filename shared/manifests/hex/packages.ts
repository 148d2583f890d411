import { type EntryFacts, isVersion, type Reading } from '../reading.ts';

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/** Names of Hex packages, and of the applications in them. */
const NAME = /^[a-z][A-Za-z0-9_]*$/;
const DIGEST = /^[0-9A-Fa-f]{64}$/;
/** The repository that Hex takes where none is named. */
const DEFAULT_REPOSITORY = 'hexpm';

/** Of the tarball: `sha256` of all its bytes, `inner` of its content only, which older locks have alone. */
interface HexDigests {
  readonly outer: string | undefined;
  readonly inner: string | undefined;
}

interface HexEntry {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly digests: HexDigests;
  readonly line?: number;
  readonly relationship?: 'direct' | 'transitive';
}

/** Adds a package of a Hex repository by its claimed name and version. `key`: under which the lock file has it. */
export function addHexPackage(key: string, { name = key, version, digests, line, relationship }: HexEntry, reading: Reading): void {
  if (!NAME.test(name)) reading.addUnresolved(name, version ?? '', 'not a legal package name');
  else if (!isVersion(version)) reading.addUnresolved(name, version ?? '', version === undefined ? 'has no version' : 'not a version');
  else {
    const facts: Facts = { integrity: integrityOf(digests) };
    if (line !== undefined) facts.line = line;
    if (relationship !== undefined) facts.relationship = relationship;
    reading.addPackage(name, version, facts);
  }
}

function integrityOf({ outer, inner }: HexDigests): string | undefined {
  if (outer !== undefined && DIGEST.test(outer)) return `sha256:${outer.toLowerCase()}`;
  return inner !== undefined && DIGEST.test(inner) ? `inner:${inner.toLowerCase()}` : undefined;
}

/** Counts the packages of other repositories than the public one, such as that of an organisation. */
export class HexRepositories {
  readonly #others = new Map<string, { count: number; readonly example: string }>();

  note(repository: string | undefined, name: string): void {
    if (repository === undefined || repository === DEFAULT_REPOSITORY) return;
    const known = this.#others.get(repository);
    if (known) known.count++;
    else this.#others.set(repository, { count: 1, example: name });
  }

  warn(reading: Reading): void {
    for (const [repository, { count, example }] of this.#others) {
      reading.addWarning(`${count} package${count === 1 ? '' : 's'} of the Hex repository ${repository}, such as ${example}`);
    }
  }
}
