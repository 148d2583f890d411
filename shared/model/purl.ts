import { ECOSYSTEMS, type Ecosystem } from './ecosystem.ts';
import type { PackageVersion } from './package-version.ts';
import { foldPythonName } from './python-name.ts';
import { toTerraformName } from './terraform-name.ts';

/** A package URL in its parts, decoded; what it does not have is empty. The subpath is left out. */
export interface PackageUrl {
  /** Lower case. */
  readonly type: string;
  readonly namespace: readonly string[];
  readonly name: string;
  readonly version: string;
  /** Keys in lower case. */
  readonly qualifiers: ReadonlyMap<string, string>;
}

/** The purl types whose names are the same in any case, and written in lower case. */
const FOLDED: ReadonlySet<Ecosystem> = new Set(['GO', 'PACKAGIST', 'GITHUB_ACTIONS', 'HEX', 'PUB']);

const ECOSYSTEM_OF_TYPE: ReadonlyMap<string, Ecosystem> = new Map(
  Object.entries(ECOSYSTEMS).map(([ecosystem, { purlType }]) => [purlType, ecosystem as Ecosystem]),
);

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
 * The package URL, for people and for other tools; look-ups never use it. Names are folded where the purl type asks for it; Maven's
 * `group:artifact` becomes namespace and name, and the host of a Terraform provider a qualifier.
 */
export function toPurl(packageVersion: PackageVersion): string {
  const { ecosystem, version } = packageVersion;
  let name = wellFormed(packageVersion.name);
  let host: string | undefined;
  if (ecosystem === 'PYPI') name = foldPythonName(name);
  if (FOLDED.has(ecosystem)) name = name.toLowerCase();
  if (ecosystem === 'MAVEN') name = name.replace(':', '/');
  if (ecosystem === 'TERRAFORM_PROVIDER' && name.split('/').length === 3) {
    host = name.slice(0, name.indexOf('/'));
    name = name.slice(host.length + 1);
  }
  const path = name.split('/').map(encodeSegment).join('/');
  const qualifiers = host === undefined ? '' : `?repository_url=${encodeSegment(host)}`;
  return `pkg:${ECOSYSTEMS[ecosystem].purlType}/${path}@${encodeSegment(wellFormed(version))}${qualifiers}`;
}

const PURL = /^pkg:\/*([a-z][a-z0-9.+-]*)\/([^?#]+)(?:\?([^#]*))?(?:#.*)?$/i;

/** Takes a purl apart, be it of a type that is known here or not. `undefined` if it is none. */
export function parsePackageUrl(purl: string): PackageUrl | undefined {
  const [, type, path, query = ''] = PURL.exec(purl) ?? [];
  if (type === undefined || path === undefined) return undefined;
  // An npm scope's `@` may stand unencoded: it follows a slash, a version's never does.
  const at = path.lastIndexOf('@');
  const hasVersion = at > 0 && path[at - 1] !== '/';
  try {
    const segments = (hasVersion ? path.slice(0, at) : path)
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
    const name = segments.pop();
    if (name === undefined || name === '') return undefined;
    const qualifiers = new Map(query.split('&').flatMap(readQualifier));
    const version = hasVersion ? decodeURIComponent(path.slice(at + 1)) : '';
    return { type: type.toLowerCase(), namespace: segments, name, version, qualifiers };
  } catch {
    return undefined; // a stray `%`: no purl
  }
}

function readQualifier(pair: string): [string, string][] {
  const equals = pair.indexOf('=');
  return equals > 0 ? [[pair.slice(0, equals).toLowerCase(), decodeURIComponent(pair.slice(equals + 1))]] : [];
}

/** The ecosystem of a purl's type, where it is known here. */
function ecosystemOf({ type }: PackageUrl): Ecosystem | undefined {
  return ECOSYSTEM_OF_TYPE.get(type);
}

/** A purl's package as its registry names it, as far as the purl tells: most types write names in lower case. */
function nameOf(packageUrl: PackageUrl, ecosystem: Ecosystem): string {
  const { namespace, name, qualifiers } = packageUrl;
  const whole = [...namespace, name].join('/');
  switch (ecosystem) {
    case 'MAVEN':
      return namespace.length > 0 ? `${namespace.join('.')}:${name}` : name;
    case 'GITHUB_ACTIONS':
      return whole.split('/').slice(0, 2).join('/'); // the path of an action within its repository may follow
    case 'CONAN':
      return name; // the namespace is a vendor, which no reference names
    case 'COCOAPODS':
      return namespace[0] ?? name; // some put a subspec behind a slash
    case 'TERRAFORM_PROVIDER': {
      const host = hostOf(qualifiers.get('repository_url') ?? '');
      return host === '' || namespace.length !== 1 ? whole : toTerraformName(host, whole);
    }
    case 'DOCKER': {
      const host = hostOf(qualifiers.get('repository_url') ?? '');
      return host === '' || namespace[0] === host ? whole : `${host}/${whole}`;
    }
    default:
      return whole;
  }
}

/** A purl's version as its registry writes it. */
function versionOf({ namespace, version }: PackageUrl, ecosystem: Ecosystem): string {
  // Some leave out the `v` of Go modules. The standard library, which no host serves, has none.
  const isModule = ecosystem === 'GO' && namespace[0]?.includes('.') === true;
  return isModule && /^\d/.test(version) ? `v${version}` : version;
}

function hostOf(address: string): string {
  return /^(?:https?:\/\/)?(?:[^/@]*@)?([^/?#]*)/i.exec(address)?.[1]?.toLowerCase() ?? '';
}

/** Reads a purl that names one version, `pkg:npm/%40scope/name@1.0.0`. The subpath is ignored. `undefined` if it is none, or of no type that is known here. */
export function parsePurl(purl: string): PackageVersion | undefined {
  const packageUrl = parsePackageUrl(purl);
  const ecosystem = packageUrl && ecosystemOf(packageUrl);
  if (!packageUrl || ecosystem === undefined || packageUrl.version === '') return undefined;
  return { ecosystem, name: nameOf(packageUrl, ecosystem), version: versionOf(packageUrl, ecosystem) };
}
