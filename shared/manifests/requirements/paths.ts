/**
 * The repository path that `target` means in the file `from`; `undefined` for an address, an absolute path, and for one that leads
 * out of the repository.
 */
export function resolveInclude(from: string, target: string): string | undefined {
  if (/^(?:[/\\~]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*:\/\/|file:)/.test(target) || target.includes('\u0000')) return undefined;
  const segments = from.split('/').slice(0, -1);
  for (const segment of target.replaceAll('\\', '/').split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.pop() === undefined) return undefined;
  }
  return segments.length > 0 ? segments.join('/') : undefined;
}
