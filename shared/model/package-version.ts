import { ECOSYSTEMS, type Ecosystem, isEcosystem, isServed } from './ecosystem.ts';

/** The unit of work: one version of one package, spelled as the lock file spells it (the service folds names itself). */
export interface PackageVersion {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
}

/**
 * SafeDep's declared limits, in characters (`Package.name` 1-255, `PackageVersion.version` 1-100). A package outside them
 * is `unsupported` and never asked.
 */
export const PACKAGE_NAME_MAX_CHARACTERS = 255;
export const PACKAGE_VERSION_MAX_CHARACTERS = 100;

/** The package version as one string, `NPM/@scope/name@1.0.0`: a key in tables and maps. Reversed by `parsePackageKey`. */
export function packageKey(packageVersion: PackageVersion): string {
  return `${packageVersion.ecosystem}/${packageVersion.name}@${packageVersion.version}`;
}

/** Undoes `packageKey`. A version never holds an `@`, a name may: the last one divides. Throws on anything else. */
export function parsePackageKey(key: string): PackageVersion {
  const slash = key.indexOf('/');
  const at = key.lastIndexOf('@');
  const ecosystem = key.slice(0, Math.max(slash, 0));
  if (slash < 0 || at <= slash + 1 || !isEcosystem(ecosystem)) {
    throw new Error(`not a package key: ${JSON.stringify(key.slice(0, 300))}`);
  }
  return { ecosystem, name: key.slice(slash + 1, at), version: key.slice(at + 1) };
}

/** Orders by key in UTF-16 code units: the same on every machine, which the numbering of batches depends on. */
export function comparePackageVersions(a: PackageVersion, b: PackageVersion): number {
  const left = packageKey(a);
  const right = packageKey(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Why SafeDep cannot be asked about this package version at all, or `undefined` when it can. */
export function whyUnsupported(packageVersion: PackageVersion): string | undefined {
  const { ecosystem } = packageVersion;
  if (!isServed(ecosystem)) return `SafeDep does not serve ${isEcosystem(ecosystem) ? ECOSYSTEMS[ecosystem].osvName : ecosystem} packages`;
  return whyOutsideLimits(packageVersion);
}

/** Why name or version is longer or shorter than SafeDep takes, and our keys hold; `undefined` when neither is. */
export function whyOutsideLimits({ name, version }: PackageVersion): string | undefined {
  if (name.length === 0 || name.length > PACKAGE_NAME_MAX_CHARACTERS) {
    return `the name has ${name.length} characters; SafeDep takes 1 to ${PACKAGE_NAME_MAX_CHARACTERS}`;
  }
  if (version.length === 0 || version.length > PACKAGE_VERSION_MAX_CHARACTERS) {
    return `the version has ${version.length} characters; SafeDep takes 1 to ${PACKAGE_VERSION_MAX_CHARACTERS}`;
  }
  return undefined;
}
