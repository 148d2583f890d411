/** What a pnpm lock file says, however it was read. */
export interface PnpmDocument {
  readonly lockfileVersion: string;
  /** Every key at the top. */
  readonly keys: ReadonlySet<string>;
  readonly entries: readonly PnpmEntry[];
  readonly declared: readonly PnpmDeclared[];
}

/** One key of `packages:` with the fields that tell what it is. */
export interface PnpmEntry {
  readonly key: string;
  /** Written where the key does not tell them: git, tarballs, folders. */
  name?: string;
  version?: string;
  /** Fields of `resolution`: `tarball`, `type`, `directory`, `repo`, `commit`; without `integrity` where that is the only one. */
  resolution?: ReadonlyMap<string, string>;
}

/** What a project of the workspace depends on, with the version that it was resolved to. */
export interface PnpmDeclared {
  readonly importer: string;
  readonly name: string;
  readonly version: string;
}

/** Groups of an importer whose members must stand in `packages:`. */
export const DEPENDENCY_GROUPS: ReadonlySet<string> = new Set([
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'configDependencies',
  'packageManagerDependencies',
]);
