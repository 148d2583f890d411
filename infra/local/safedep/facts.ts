import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { type PackageVersion, packageKey, parsePackageKey } from '../../../shared/model/package-version.ts';

/** Every text that the stand-in invents begins with this, so that nobody takes it for real. */
export const MADE_UP = 'made up: ';

/** Texts of an own file get the mark too, if they lack it: the stand-in knows nothing that is true. */
const madeUpText = z.pipe(
  z.string(),
  z.transform((text) => (text.startsWith(MADE_UP) ? text : MADE_UP + text)),
);

/** The facts of one package version, as a scenario has them. */
export const factsSchema = z.strictObject({
  /** `not-analysed`: NotFound, as for a version that the service does not know. */
  insight: z.optional(z.enum(['known', 'not-analysed'])),
  vulnerabilities: z.optional(
    z.array(
      z.strictObject({
        id: z.string().check(z.minLength(1), z.maxLength(100)),
        aliases: z.optional(z.array(z.string())),
        severity: z.optional(z.enum(['critical', 'high', 'medium', 'low'])),
        summary: madeUpText,
      }),
    ),
  ),
  licences: z.optional(z.array(z.string())),
  /** When the registry published this version, RFC 3339. */
  publishedAt: z.optional(z.iso.datetime()),
  deprecated: z.optional(z.boolean()),
  malware: z.optional(z.enum(['benign', 'verified', 'suspicious', 'verified-safe', 'pending', 'failed', 'not-analysed'])),
  malwareSummary: z.optional(madeUpText),
  /** The tenant's reason for excluding the package from malware verdicts. Not told to keyless callers. */
  exclusion: z.optional(madeUpText),
});

/** What the stand-in says of one package version. What is left out is decided by the package's name. */
export type MadeUpFacts = z.input<typeof factsSchema>;
export type CompleteFacts = z.output<typeof factsSchema>;

export class FactsError extends Error {
  override readonly name = 'FactsError';
}

/** Facts that are kept worked out. */
const WORKED_OUT_MAX = 20_000;

/** Answers by package version: those that were set, and for all others what follows from the name. */
export class FactBook {
  readonly #named = new Map<string, CompleteFacts>();
  /** What was worked out before: both questions of a package version need it. */
  readonly #worked = new Map<string, CompleteFacts>();

  /** Facts by a key that `isFactsKey` takes. */
  setByKey(key: string, facts: CompleteFacts): void {
    this.#named.set(folded(parsePackageKey(key)), facts);
    this.#worked.clear();
  }

  set(packageVersion: PackageVersion, facts: MadeUpFacts): void {
    const result = z.safeParse(factsSchema, facts);
    if (!result.success) throw new FactsError(`the facts of ${packageKey(packageVersion)} are wrong: ${result.error.issues[0]?.message}`);
    this.#named.set(folded(packageVersion), result.data);
    this.#worked.clear();
  }

  get(packageVersion: PackageVersion): CompleteFacts {
    const key = folded(packageVersion);
    const known = this.#worked.get(key);
    if (known !== undefined) return known;
    const named = this.#named.get(key) ?? this.#named.get(folded({ ...packageVersion, version: '*' }));
    const facts = { ...defaultFacts(packageVersion), ...named };
    if (this.#worked.size >= WORKED_OUT_MAX) this.#worked.clear();
    this.#worked.set(key, facts);
    return facts;
  }
}

/** Whether a text reads `ECOSYSTEM/name@version`; the version `*` stands for all that are not named. */
export function isFactsKey(key: string): boolean {
  try {
    parsePackageKey(key);
    return true;
  } catch {
    return false;
  }
}

/** SafeDep folds names: PyPI's `-_.` and letter case. */
export function foldedName({ ecosystem, name }: PackageVersion): string {
  return ecosystem === 'PYPI' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name;
}

function folded(packageVersion: PackageVersion): string {
  return packageKey({ ...packageVersion, name: foldedName(packageVersion) });
}

const LICENCES = ['MIT', 'MIT', 'MIT', 'Apache-2.0', 'ISC', 'BSD-3-Clause'] as const;
const DEFAULT_SEVERITIES = ['low', 'medium', 'medium', 'high'] as const;

/** One package name in this many has a made-up vulnerability. */
const VULNERABLE_ONE_IN = 50;

/** Publication dates are spread over these years, so that freshness has something to work on. */
const FIRST_PUBLICATION_MS = Date.UTC(2016, 0, 1);
const PUBLICATION_SPAN_MS = Date.UTC(2026, 0, 1) - FIRST_PUBLICATION_MS;

/** The same facts for the same package on every machine: licence and vulnerability from the name, the date from the version too. */
function defaultFacts(packageVersion: PackageVersion): CompleteFacts {
  const name = createHash('sha256')
    .update(`${packageVersion.ecosystem}/${foldedName(packageVersion)}`)
    .digest();
  const version = createHash('sha256').update(name).update(packageVersion.version).digest();
  const vulnerable = name.readUInt32BE(0) % VULNERABLE_ONE_IN === 0;
  return {
    licences: [LICENCES[name.readUInt8(4) % LICENCES.length] ?? 'MIT'],
    publishedAt: new Date(FIRST_PUBLICATION_MS + (version.readUInt32BE(0) / 2 ** 32) * PUBLICATION_SPAN_MS).toISOString(),
    malware: 'benign',
    vulnerabilities: vulnerable
      ? [
          {
            id: `GHSA-made-up-${name.toString('hex', 8, 12)}`,
            severity: DEFAULT_SEVERITIES[name.readUInt8(5) % DEFAULT_SEVERITIES.length] ?? 'medium',
            summary: `${MADE_UP}a vulnerability that follows from the name ${foldedName(packageVersion)}`,
          },
        ]
      : [],
  };
}
