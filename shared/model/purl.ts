import { ECOSYSTEMS, type Ecosystem } from './ecosystem.ts';
import type { PackageVersion } from './package-version.ts';

/** Percent-encodes one purl segment: RFC 3986's unreserved characters and `:` stay (purl specification, "Character encoding"). */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}

/** Lone surrogates cannot be percent-encoded: a name with one is shown with U+FFFD instead of failing the whole page. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}

/**
 * The package URL, for people and for other tools; look-ups never use it. PyPI names are folded and golang names lowered, as
 * the purl types ask; Maven's `group:artifact` becomes namespace and name.
 */
export function toPurl(packageVersion: PackageVersion): string {
  const { ecosystem, version } = packageVersion;
  let name = wellFormed(packageVersion.name);
  if (ecosystem === 'PYPI') name = name.toLowerCase().replace(/[-_.]+/g, '-');
  if (ecosystem === 'GO' || ecosystem === 'PACKAGIST' || ecosystem === 'GITHUB_ACTIONS') name = name.toLowerCase();
  if (ecosystem === 'MAVEN') name = name.replace(':', '/');
  const path = name.split('/').map(encodeSegment).join('/');
  return `pkg:${ECOSYSTEMS[ecosystem].purlType}/${path}@${encodeSegment(wellFormed(version))}`;
}

/** Reads a purl that names one version, `pkg:npm/%40scope/name@1.0.0`. Qualifiers and subpath are ignored. `undefined` if it is none. */
export function parsePurl(purl: string): PackageVersion | undefined {
  const match = /^pkg:\/{0,2}([a-zA-Z0-9.+-]+)\/([^?#]+)@([^?#@/]+)(?:[?#].*)?$/.exec(purl);
  if (!match) return undefined;
  const [, type = '', path = '', version = ''] = match;
  const entry = Object.entries(ECOSYSTEMS).find(([, facts]) => facts.purlType === type.toLowerCase());
  if (!entry) return undefined;
  const ecosystem = entry[0] as Ecosystem;
  try {
    const segments = path.split('/').map(decodeURIComponent);
    const name = ecosystem === 'MAVEN' ? segments.join('/').replace(/\/(?=[^/]*$)/, ':') : segments.join('/');
    return { ecosystem, name, version: decodeURIComponent(version) };
  } catch {
    return undefined; // a stray `%`: no purl
  }
}
