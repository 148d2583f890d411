/** What a pnpm lock file says, however it was read. */
export interface PnpmDocument {
  readonly lockfileVersion: string;
  /** Every key at the top. */
  readonly keys: ReadonlySet<string>;
  readonly entries: readonly PnpmEntry[];
  /** Folders of the projects of the workspace; none in a file of one project. */
  readonly importers: readonly string[];
  readonly declared: readonly PnpmDeclared[];
  /** Keys of `packages:` whose every use in `snapshots:` is optional, without peers. Of layout 9. */
  readonly optional: ReadonlySet<string>;
}

/** One key of `packages:` with the fields that tell what it is. */
export interface PnpmEntry {
  readonly key: string;
  /** From 1; absent where a YAML parser read the file. */
  line?: number;
  /** Written where the key does not tell them: git, tarballs, folders. */
  name?: string;
  version?: string;
  /** Of layouts 5 and 6. */
  isDevelopment?: true;
  isOptional?: true;
  /** The strongest digest. */
  integrity?: string;
  /** The other fields of `resolution`: `tarball`, `type`, `directory`, `repo`, `commit`; absent where there is none. */
  resolution?: ReadonlyMap<string, string>;
}

/** What a project of the workspace depends on, with the version that it was resolved to. */
export interface PnpmDeclared {
  readonly importer: string;
  readonly name: string;
  /** What it asks for; absent in layout 5. */
  readonly specifier?: string;
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
