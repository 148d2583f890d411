/** Where the code of an npm package comes from, by the address that a lock file keeps (`resolved`, `tarball`). */
export type Origin =
  | { readonly kind: 'registry'; readonly host: string; readonly secure: boolean; readonly tarball: Tarball | undefined }
  | { readonly kind: 'git' }
  /** An address of another form. Without a host where it is none of the web. */
  | { readonly kind: 'tarball'; readonly host?: string; readonly secure?: boolean }
  | { readonly kind: 'local' }
  /** No scheme: a path, if it is one. */
  | { readonly kind: 'path' };

/** What a registry address says about the package, `.../NAME/-/FILE-VERSION.tgz`. */
export interface Tarball {
  readonly name: string;
  /** Absent where the file is not named after the package, as some mirrors have it. */
  readonly version: string | undefined;
}

const GIT = /^(?:git[+:@]|ssh:|github:|gitlab:|bitbucket:|gist:|hg\+|svn\+)|^https?:\/\/[^?#]+\.git(?:[?#]|$)/i;
const LOCAL = /^(?:file|link|portal|workspace):/i;
/** A user before the host is cut out. A host of other signs than these is none: who fetches it may read it otherwise. */
const WEB = /^(https?):\/\/(?:[^/@?#\\\s]*@)?([A-Za-z0-9._~-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?)(?=[/?#]|$)([^?#\\\s]*)/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

export function originOf(address: string): Origin {
  if (GIT.test(address)) return { kind: 'git' };
  if (LOCAL.test(address)) return { kind: 'local' };
  const web = WEB.exec(address);
  if (!web) return { kind: SCHEME.test(address) ? 'tarball' : 'path' };
  const [, scheme = '', written = '', path = ''] = web;
  const host = written.toLowerCase();
  const secure = scheme.toLowerCase() === 'https';
  const tarball = tarballOf(path);
  return tarball === undefined ? { kind: 'tarball', host, secure } : { kind: 'registry', host, secure, tarball: tarball ?? undefined };
}

/**
 * What the path of an address says of the package: `undefined` where it is none of a registry, `null` where it says nothing. Besides
 * the usual form there are `.../NAME/download/NAME-VERSION.tgz`, of the mirrors that cnpm runs, and GitHub's
 * `/download/@SCOPE/NAME/VERSION/DIGEST`.
 */
export function tarballOf(path: string): Tarball | null | undefined {
  const dash = path.indexOf('/-/');
  if (dash >= 0) return fileOf(path.slice(0, dash), path);
  const download = path.indexOf('/download/');
  if (download < 0) return undefined;
  if (download === 0) {
    const [, scope, name, version] = GITHUB_PACKAGE.exec(path) ?? [];
    return name === undefined ? undefined : { name: `${scope}/${name}`, version };
  }
  const tarball = fileOf(path.slice(0, download), path);
  return tarball?.version === undefined ? undefined : tarball;
}

const GITHUB_PACKAGE = /^\/download\/(@[^/]+)\/([^/]+)\/(\d+\.\d+\.\d+[^/]*)\/[^/]+$/;

/** By the folder that bears the name, and the file's name. */
function fileOf(folder: string, path: string): Tarball | null {
  const segments = folder.replace(/%2f/gi, '/').replace(/%40/g, '@').split('/');
  const last = segments.at(-1) ?? '';
  const scope = segments.at(-2) ?? '';
  if (last === '') return null;
  const file = path.slice(path.lastIndexOf('/') + 1);
  const stem = file.replace(/\.(?:tgz|tar\.gz)$/i, '').replace(/%2b/gi, '+');
  const version = stem.startsWith(`${last}-`) ? stem.slice(last.length + 1) : undefined;
  return { name: scope.startsWith('@') ? `${scope}/${last}` : last, version };
}
