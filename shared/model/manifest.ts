import type { GapState } from './check.ts';
import type { Ecosystem } from './ecosystem.ts';
import type { PackageVersion } from './package-version.ts';

/** What a lock file tells of a package besides its identity. What its format does not tell is absent. */
export interface PackageUse {
  /** `direct`: one of our own manifests asks for it. */
  readonly relationship?: 'direct' | 'transitive';
  /** True where it is needed for development only, by every entry that names it. */
  readonly isDevelopment?: boolean;
  /** True where no entry needs it: the installation may leave it out. */
  readonly isOptional?: boolean;
  /** Named groups or extras of the format that draw it in, sorted. */
  readonly groups?: readonly string[];
  /** The first line of its first entry, from 1. Absent where finding it out would cost a second parse. */
  readonly line?: number;
}

/** A package version that a registry serves, as one lock file resolves it. */
export interface ManifestPackage extends PackageVersion, PackageUse {
  /** Hosts of the registries that the file names for it, lower case, with a port where one is given. Absent where it names none. */
  readonly registryHosts?: readonly string[];
  /** The file's own digest of what is fetched, `ALGORITHM:VALUE` or as the format writes it: compared, never verified. */
  readonly integrity?: string;
}

/** An entry that is no package of a registry. */
export interface ManifestEntry {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  /** What stands in place of a version: a range, a git address, a folder. Cut at 200 characters. */
  readonly requirement: string;
  readonly reason: string;
}

/** Something that a lock file declares and that cannot be asked about: said per entry, never dropped. */
export interface ManifestGap extends ManifestEntry {
  readonly state: Extract<GapState, 'unsupported' | 'unresolved'>;
}

/** Our own code under a package's name: a workspace member, the project itself, a folder. Never looked up, and no gap. */
export type LocalPackage = ManifestEntry;

/**
 * Signs that somebody changed a lock file by hand, to have other code installed than it says.
 *
 * - `other-package`, `other-version`: what is fetched is another package or version than the entry claims.
 * - `plain-http`: it is fetched without TLS, so anybody on the way may change it.
 * - `changed-integrity`: the same version has another digest than before, or than another entry says.
 * - `unusual-host`: hardly any other entry of the file uses that host, and no setting names it.
 * - `foreign-host`: the settings list the registries' hosts, and this one is not among them.
 */
export const POISONING_RULES = [
  'other-package',
  'other-version',
  'plain-http',
  'changed-integrity',
  'unusual-host',
  'foreign-host',
] as const;
export type PoisoningRule = (typeof POISONING_RULES)[number];

export interface LockFilePoisoning {
  readonly rule: PoisoningRule;
  /** As the entry claims it. */
  readonly packageVersion: PackageVersion;
  /** One line for a person: what was found where. */
  readonly detail: string;
}

/** The packages of one ecosystem that a file has from one registry host. */
export interface RegistryUse {
  readonly ecosystem: Ecosystem;
  readonly host: string;
  readonly entryCount: number;
}

/**
 * What a lock file says. `read`: its grammar was recognised to the end. `error`: it was not, and nothing in `packages` may be
 * taken for the whole.
 */
export type ManifestContent =
  | {
      readonly status: 'read';
      /** Distinct, in order of ecosystem, name and version. */
      readonly packages: readonly ManifestPackage[];
      readonly gaps: readonly ManifestGap[];
      readonly locals: readonly LocalPackage[];
      readonly registries: readonly RegistryUse[];
      readonly poisonings: readonly LockFilePoisoning[];
      readonly warnings: readonly string[];
    }
  | { readonly status: 'error'; readonly reason: string };
