/** Where the code of an npm package comes from, by the address that a lock file keeps (`resolved`, `tarball`). */
export type Origin =
  | { readonly kind: 'registry'; readonly host: string; readonly secure: boolean; readonly tarball: Tarball | undefined }
  | { readonly kind: 'git' }
  | { readonly kind: 'tarball' }
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
const WEB = /^(https?):\/\/(?:[^/@?#]*@)?([^/?#]+)([^?#]*)/i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

export function originOf(address: string): Origin {
  if (GIT.test(address)) return { kind: 'git' };
  if (LOCAL.test(address)) return { kind: 'local' };
  const web = WEB.exec(address);
  if (!web) return { kind: SCHEME.test(address) ? 'tarball' : 'path' };
  const [, scheme = '', host = '', path = ''] = web;
  const dash = path.indexOf('/-/');
  if (dash < 0) return { kind: 'tarball' };
  const tarball = tarballOf(path.slice(0, dash), path.slice(path.lastIndexOf('/') + 1));
  return { kind: 'registry', host: host.toLowerCase(), secure: scheme.toLowerCase() === 'https', tarball };
}

function tarballOf(folder: string, file: string): Tarball | undefined {
  const segments = folder.replace(/%2f/gi, '/').replace(/%40/g, '@').split('/');
  const last = segments.at(-1) ?? '';
  const scope = segments.at(-2) ?? '';
  if (last === '') return undefined;
  const stem = file.replace(/\.(?:tgz|tar\.gz)$/i, '').replace(/%2b/gi, '+');
  const version = stem.startsWith(`${last}-`) ? stem.slice(last.length + 1) : undefined;
  return { name: scope.startsWith('@') ? `${scope}/${last}` : last, version };
}
