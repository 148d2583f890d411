import { isNpmName } from '../npm/names.ts';

export interface PnpmId {
  readonly name: string;
  readonly version: string;
}

const VERSION = /^\d+\.\d+\.\d+/;
const LOCAL = /^(?:file|link|workspace):/;
/** `name@version` of layouts 6 and 9, with or without the leading slash of 6. */
const WITH_AT = /^\/?((?:@[^/@]+\/)?[^/@]+)@(.+)$/;
/** `/name/version_peers` of layout 5; before it peers stood behind a slash. */
const WITH_SLASH = /^\/?((?:@[^/@]+\/)?[^/@]+)\/([^/_]+)(?:_.*|\/[^/]+@.*)?$/;
/** The key up to its peers and patch: `react-dom@18.2.0(react@18.2.0)` -> `react-dom@18.2.0`. Cut before anything is split. */
export function withoutPeers(key: string): string {
  const bracket = key.indexOf('(');
  return bracket < 0 ? key : key.slice(0, bracket);
}

export function isLocalKey(key: string): boolean {
  return LOCAL.test(key) || LOCAL.test(splitKey(key)?.version ?? '');
}

/** Name and version (or what stands for one) of a key of any layout; `undefined` where the key holds no name. */
export function splitKey(key: string): PnpmId | undefined {
  const bare = withoutPeers(key);
  const spec = hasHost(bare) ? bare.slice(bare.indexOf('/') + 1) : bare;
  for (const form of [WITH_AT, WITH_SLASH]) {
    const [, name, version] = form.exec(spec) ?? [];
    if (name !== undefined && version !== undefined) return { name, version };
  }
  return undefined;
}

/** The registry package that a key names, on whichever registry host; `undefined` for git, addresses and anything else. */
export function registryPackageOf(key: string): PnpmId | undefined {
  const id = splitKey(key);
  return id && VERSION.test(id.version) && isNpmName(id.name) ? id : undefined;
}

/** Whether a registry or git host stands before the name; pnpm writes a port as `host+4873`. */
export function hasHost(key: string): boolean {
  const slash = key.indexOf('/');
  const first = slash < 0 ? '' : key.slice(0, slash);
  return first === 'localhost' || (/[.+]/.test(first) && !first.includes('@'));
}
