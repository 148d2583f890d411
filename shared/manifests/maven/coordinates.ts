import { isVersion } from '../reading.ts';

/** What Maven and Gradle take as a group, and as the name of an artifact. */
const ID = /^[A-Za-z0-9_.-]+$/;
/** `[1.0]`, or `[1.0,1.0]`, which is the same. */
const PIN = /^\[\s*([^\s,[\]()]+)\s*(?:,\s*([^\s,[\]()]+)\s*)?\]$/;
/** What Maven and Gradle replace by a version of the moment. */
const MOVING = new Set(['LATEST', 'RELEASE', 'latest.release', 'latest.integration', 'latest.milestone']);

/** The package's name, `group:artifact`; `undefined` where one of them is no legal one. */
export function packageNameOf(group: string, artifact: string): string | undefined {
  return ID.test(group) && ID.test(artifact) ? `${group}:${artifact}` : undefined;
}

/** The one version that a requirement of Maven or Gradle allows or, if it is a plain one, asks for. */
export type OneVersion = { readonly version: string } | { readonly reason: string };

export function oneVersionOf(requirement: string): OneVersion {
  const [, lowest, highest] = PIN.exec(requirement) ?? [];
  const version = lowest !== undefined && (highest === undefined || highest === lowest) ? lowest : requirement;
  if (MOVING.has(version)) return { reason: `${version} is another version from time to time` };
  if (/^[[(\]]/.test(version) || version.includes(',')) return { reason: 'a range, not a version' };
  if (version.endsWith('+') && isVersion(version)) return { reason: 'a version that begins so, not a version' };
  return isVersion(version) ? { version } : { reason: 'not a version' };
}
