import { isNpmName } from '../npm/names.ts';

export interface PnpmId {
  readonly name: string;
  readonly version: string;
}

const AT = 0x40;
const SLASH = 0x2f;
const VERSION = /^\d+\.\d+\.\d+/;
const LOCAL = /^(?:file|link|workspace):/;
/** `/name/version_peers` of layout 5; before it peers stood behind a slash. */
const WITH_SLASH = /^\/?((?:@[^/@]+\/)?[^/@]+)\/([^/_]+)(?:_.*|\/[^/]+@.*)?$/;

/** The key up to its peers and patch: `react-dom@18.2.0(react@18.2.0)` -> `react-dom@18.2.0`. Cut before anything is split. */
export function withoutPeers(key: string): string {
  const bracket = key.indexOf('(');
  return bracket < 0 ? key : key.slice(0, bracket);
}

/** Whether a key without peers is a folder or file: by itself, or by what it names as the version. */
export function isLocalKey(bare: string, id: PnpmId | undefined): boolean {
  return LOCAL.test(bare) || (id !== undefined && LOCAL.test(id.version));
}

/** Name and version (or what stands for one) of a key of any layout without its peers; `undefined` where the key holds no name. */
export function splitKey(bare: string): PnpmId | undefined {
  const start = hostOf(bare) === undefined ? 0 : bare.indexOf('/') + 1;
  return splitAtSign(bare, start) ?? splitAtSlash(start === 0 ? bare : bare.slice(start));
}

/** `name@version` of layouts 6 and 9, with or without the leading slash of 6. */
function splitAtSign(key: string, from: number): PnpmId | undefined {
  const start = key.charCodeAt(from) === SLASH ? from + 1 : from;
  const at = key.indexOf('@', start + 1);
  if (at < 0 || at === key.length - 1) return undefined;
  // One slash in a scoped name, none in another: else the sign belongs to the peers of layout 5.
  const slash = key.indexOf('/', start);
  const isScoped = key.charCodeAt(start) === AT;
  if (slash >= 0 && slash < at) {
    const next = key.indexOf('/', slash + 1);
    if (!isScoped || slash === start + 1 || slash === at - 1 || (next >= 0 && next < at)) return undefined;
  } else if (isScoped) {
    return undefined;
  }
  return { name: key.slice(start, at), version: key.slice(at + 1) };
}

function splitAtSlash(key: string): PnpmId | undefined {
  const [, name, version] = WITH_SLASH.exec(key) ?? [];
  return name === undefined || version === undefined ? undefined : { name, version };
}

/** Whether a key names a version of a package of a registry, on whichever host; false for git, addresses and anything else. */
export function isRegistryPackage(id: PnpmId | undefined): id is PnpmId {
  return id !== undefined && VERSION.test(id.version) && isNpmName(id.name);
}

/** The registry or git host that stands before the name, if one does; pnpm writes a port as `host+4873`. */
export function hostOf(key: string): string | undefined {
  const slash = key.indexOf('/');
  if (slash <= 0 || key.charCodeAt(0) === AT) return undefined;
  const first = key.slice(0, slash);
  if (first.includes('@') || !(first === 'localhost' || /[.+]/.test(first))) return undefined;
  return first.replace('+', ':');
}
