import type { GapState } from './check.ts';
import type { Ecosystem } from './ecosystem.ts';
import type { PackageVersion } from './package-version.ts';

/** Something that a lock file declares and that cannot be asked about: said per entry, never dropped. */
export interface ManifestGap {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  /** What stands in place of a version: a range, a git address, a tarball. Cut at 200 characters. */
  readonly requirement: string;
  readonly state: Extract<GapState, 'unsupported' | 'unresolved'>;
  readonly reason: string;
}

/**
 * What a lock file says. `read`: its grammar was recognised to the end. `error`: it was not, and nothing in `packages` may be
 * taken for the whole.
 */
export type ManifestContent =
  | {
      readonly status: 'read';
      readonly packages: readonly PackageVersion[];
      readonly gaps: readonly ManifestGap[];
      readonly warnings: readonly string[];
    }
  | { readonly status: 'error'; readonly reason: string };
