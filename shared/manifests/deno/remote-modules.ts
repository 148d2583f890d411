import { checkEntryCount } from '../reading.ts';

/** Modules of one address, as its host names versions: `deno.land/std` at `0.200.0`. */
export interface RemoteModules {
  readonly name: string;
  /** Empty where the address tells none. */
  readonly version: string;
  readonly fileCount: number;
}

/** Beyond these the rest is counted as one: each becomes a gap of the file. */
const MAX_GROUPS = 1_000;

/**
 * The addresses of a lock file by what they belong to: up to the part of the path that has a version, `name@version`, or else the
 * host. A lock file has hundreds of addresses for a handful of these.
 */
export function modulesOf(addresses: readonly string[]): readonly RemoteModules[] {
  const groups = new Map<string, { name: string; version: string; fileCount: number }>();
  checkEntryCount(addresses.length);
  for (const address of addresses) {
    const found = groupOf(address);
    const key = `${found.name}@${found.version}`;
    const known = groups.get(key);
    if (known) known.fileCount++;
    else if (groups.size < MAX_GROUPS) groups.set(key, { ...found, fileCount: 1 });
    else groups.set('', { name: 'addresses', version: '', fileCount: (groups.get('')?.fileCount ?? 0) + 1 });
  }
  return [...groups.values()];
}

/** Parts of a path that are looked at for a version. */
const MAX_SEGMENTS = 12;

function groupOf(address: string): { name: string; version: string } {
  const path = address.replace(/^[a-z]+:\/\//i, '').split(/[?#]/, 1)[0] ?? '';
  const segments = path.split('/', MAX_SEGMENTS);
  for (const [index, segment] of segments.entries()) {
    const at = segment.indexOf('@', 1);
    if (index === 0 || at < 0) continue;
    return { name: [...segments.slice(0, index), segment.slice(0, at)].join('/'), version: segment.slice(at + 1) };
  }
  return { name: segments[0] ?? '', version: '' };
}
