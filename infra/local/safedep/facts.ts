import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type PackageVersion, packageKey, parsePackageKey } from '../../../shared/model/package-version.ts';
import { issueText } from '../../../shared/model/schema-issue.ts';

/** Every text that the stand-in invents begins with this, so that nobody takes it for real. */
export const MADE_UP = 'made up: ';

/** Texts of an own file get the mark too, if they lack it: the stand-in knows nothing that is true. */
const madeUpText = v.pipe(
  v.string(),
  v.transform((text) => (text.startsWith(MADE_UP) ? text : MADE_UP + text)),
);

/** The facts of one package version, as a scenario has them. */
export const factsSchema = v.strictObject({
  /** `not-analysed`: NotFound, as for a version that the service does not know. */
  insight: v.optional(v.picklist(['known', 'not-analysed'])),
  vulnerabilities: v.optional(
    v.array(
      v.strictObject({
        id: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
        aliases: v.optional(v.array(v.string())),
        severity: v.optional(v.picklist(['critical', 'high', 'medium', 'low'])),
        summary: madeUpText,
      }),
    ),
  ),
  licences: v.optional(v.array(v.string())),
  /** When the registry published this version, RFC 3339. */
  publishedAt: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  deprecated: v.optional(v.boolean()),
  malware: v.optional(v.picklist(['benign', 'verified', 'suspicious', 'verified-safe', 'pending', 'failed', 'not-analysed'])),
  malwareSummary: v.optional(madeUpText),
  /** The tenant's reason for excluding the package from malware verdicts. Not told to keyless callers. */
  exclusion: v.optional(madeUpText),
});

/** What the stand-in says of one package version. What is left out is decided by the package's name. */
export type MadeUpFacts = v.InferInput<typeof factsSchema>;
export type CompleteFacts = v.InferOutput<typeof factsSchema>;

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
    const result = v.safeParse(factsSchema, facts);
    if (!result.success) throw new FactsError(`the facts of ${packageKey(packageVersion)} are wrong: ${issueText(result.issues[0])}`);
    this.#named.set(folded(packageVersion), result.output);
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
