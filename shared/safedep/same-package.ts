import { Ecosystem } from '#safedep-api/safedep/messages/package/v1/ecosystem_pb.js';
import type { PackageVersion as AnsweredPackageVersion } from '#safedep-api/safedep/messages/package/v1/package_version_pb.js';
import type { PackageVersion } from '../model/package-version.ts';
import { toSafeDepEcosystem } from './ecosystem.ts';
import { toOneLine } from './one-line.ts';

/** SafeDep's row for all versions of a package: what it says of version `0` holds for every one. */
const ALL_VERSIONS = '0';

/**
 * How an answer's package differs from the one that was asked about, as half a sentence, or `undefined` when it is the same.
 *
 * The service folds spellings (letter case, PyPI's `-_.`, a leading `v`), so only what differs after folding counts; an answer that
 * leaves its package out, or a part of it, is taken to be for the question it came back on.
 */
export function whyOtherPackage(asked: PackageVersion, answered: AnsweredPackageVersion | undefined): string | undefined {
  if (answered === undefined) return undefined;
  const ecosystem = answered.package?.ecosystem ?? Ecosystem.UNSPECIFIED;
  const name = answered.package?.name ?? '';
  const { version } = answered;
  const same =
    (ecosystem === Ecosystem.UNSPECIFIED || ecosystem === toSafeDepEcosystem(asked.ecosystem)) &&
    (name === '' || name === asked.name || foldName(name) === foldName(asked.name)) &&
    (version === '' || version === ALL_VERSIONS || version === asked.version || foldVersion(version) === foldVersion(asked.version));
  return same ? undefined : `got ${toOneLine(`${Ecosystem[ecosystem] ?? ecosystem}/${name}@${version}`, 200)}`;
}

/** Folds more than any one ecosystem does: two packages that only differ so are never mixed up by a service that folds less. */
function foldName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** PyPI's normal form of a version, roughly, and harmless elsewhere: `v1.0.0-Beta` and `1.0b0` are one. */
function foldVersion(version: string): string {
  return version
    .toLowerCase()
    .replace(/^v/, '')
    .replace(/\+.*$/, '')
    .replace(/alpha/g, 'a')
    .replace(/beta/g, 'b')
    .replace(/(?:preview|pre|(?<![a-z])c)(?=[-_.]?\d|$)/g, 'rc')
    .replace(/[-_.]?(a|b|rc|post|dev)[-_.]?(\d*)/g, (_, tag: string, digits: string) => `${tag}${Number(digits || 0)}`)
    .replace(/(?:\.0)+(?=$|[^.\d])/g, '');
}
