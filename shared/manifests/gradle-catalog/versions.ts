import { type OneVersion, oneVersionOf } from '../maven/coordinates.ts';
import { isTomlTable, type TomlTable } from '../syntax/toml.ts';

/** What a rich version may say, the strongest first. */
const WISHES = ['strictly', 'require', 'prefer'] as const;
const OF_RICH_VERSIONS: ReadonlySet<string> = new Set([...WISHES, 'reject', 'rejectAll', 'ref']);
/** Divides `strictly` from `prefer` in a version of one text: `1.0!!`, `[1.0, 2.0[!!1.5`. */
const STRICTLY = '!!';

/** A version as the catalog declares it, and the one version that it comes to. */
export type DeclaredVersion = OneVersion & { readonly written: string };

/** Gradle makes accessors of aliases, in which these signs are one. */
function normalised(alias: string): string {
  return alias.replace(/[-_]/g, '.');
}

/** The `[versions]` of a catalog. */
export class CatalogVersions {
  readonly #versions = new Map<string, unknown>();

  constructor(table: TomlTable) {
    for (const [alias, version] of Object.entries(table)) this.#versions.set(normalised(alias), version);
  }

  /** What the `version` of a library or plugin means; `undefined` where it has none. */
  declaredBy(version: unknown): DeclaredVersion | undefined {
    if (version === undefined) return undefined;
    if (!isTomlTable(version)) return declared(version);
    const { ref } = version;
    if (ref === undefined) return declared(version);
    if (typeof ref !== 'string') return { written: '', reason: 'its version.ref is no text' };
    const referred = this.#versions.get(normalised(ref));
    if (referred === undefined) return { written: ref, reason: `the catalog has no version ${ref}` };
    if (Object.keys(version).length > 1) return { written: ref, reason: 'a version both of its own and by reference' };
    return declared(referred);
  }
}

function declared(version: unknown): DeclaredVersion {
  if (typeof version === 'string') return fromText(version);
  if (!isTomlTable(version)) return { written: '', reason: 'its version is no text and no table' };
  const unknown = Object.keys(version).find((key) => !OF_RICH_VERSIONS.has(key));
  if (unknown !== undefined) return { written: unknown, reason: `${unknown} is no part of a version` };
  const { rejectAll } = version;
  if (rejectAll === true) return { written: 'rejectAll', reason: 'all versions are rejected' };
  const wishes: string[] = [];
  for (const wish of WISHES) {
    const wished = version[wish];
    if (wished === undefined) continue;
    if (typeof wished !== 'string') return { written: wish, reason: `its ${wish} is no text` };
    wishes.push(wished);
  }
  return fromWishes(wishes);
}

function fromText(version: string): DeclaredVersion {
  const strictly = version.indexOf(STRICTLY);
  if (strictly < 0) return fromWishes([version]);
  const prefer = version.slice(strictly + STRICTLY.length);
  return fromWishes([version.slice(0, strictly), ...(prefer === '' ? [] : [prefer])]);
}

/** The first that is one version: after a range, the preferred one, which Gradle takes while nothing else is asked for. */
function fromWishes(wishes: readonly string[]): DeclaredVersion {
  const [first = ''] = wishes;
  if (wishes.length === 0) return { written: '', reason: 'has no version' };
  for (const wish of wishes) {
    const one = oneVersionOf(wish);
    if ('version' in one) return { ...one, written: wish };
  }
  return { written: first, ...oneVersionOf(first) };
}
