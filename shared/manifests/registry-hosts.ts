import type { LockFilePoisoning, ManifestContent, RegistryUse } from '../model/manifest.ts';
import type { ReadingSettings } from '../model/settings/settings.ts';

/** A host is unusual where at most one entry in so many uses it, and more stand at another. */
const USUAL_SHARE = 10;
/** With fewer entries than this, one of another host says nothing. */
const MIN_ENTRIES = 3;
/** Beyond these the rest is counted in a warning. */
const MAX_LISTED = 200;

/**
 * Adds what only the whole file and the settings show: packages from a host that is not on the settings' list or, where they
 * have none, from a host that hardly any other entry uses.
 */
export function withHostPoisonings(content: ManifestContent, settings: ReadingSettings): ManifestContent {
  if (content.status === 'error') return content;
  const listed = new Set([...settings.registryHosts, ...settings.privateRegistries].map((host) => host.toLowerCase()));
  const isForeign = settings.registryHosts.length > 0 ? foreignTo(listed) : unusualIn(content.registries, listed);
  if (!isForeign) return content;
  const found: LockFilePoisoning[] = [];
  for (const { ecosystem, name, version, registryHosts = [] } of content.packages) {
    for (const host of registryHosts) {
      const sign = isForeign(ecosystem, host);
      if (sign) found.push({ ...sign, packageVersion: { ecosystem, name, version }, detail: `${name}@${version} ${sign.detail}` });
    }
  }
  if (found.length === 0) return content;
  const omitted = found.length - MAX_LISTED;
  const uncounted = omitted > 0 ? [`${omitted} more packages of foreign hosts are not listed`] : [];
  return {
    ...content,
    poisonings: [...content.poisonings, ...found.slice(0, MAX_LISTED)],
    warnings: [...content.warnings, ...uncounted],
  };
}

type Sign = Pick<LockFilePoisoning, 'rule' | 'detail'>;
type IsForeign = (ecosystem: string, host: string) => Sign | undefined;

function foreignTo(listed: ReadonlySet<string>): IsForeign {
  return (_ecosystem, host) =>
    listed.has(host) ? undefined : { rule: 'foreign-host', detail: `comes from ${host}, which the settings do not list` };
}

/** `undefined` where every host is usual, as in nearly all files. */
function unusualIn(registries: readonly RegistryUse[], listed: ReadonlySet<string>): IsForeign | undefined {
  const sums = new Map<string, { total: number; most: RegistryUse }>();
  for (const use of registries) {
    const known = sums.get(use.ecosystem) ?? { total: 0, most: use };
    sums.set(use.ecosystem, { total: known.total + use.entryCount, most: use.entryCount > known.most.entryCount ? use : known.most });
  }
  const signs = new Map<string, Sign>();
  for (const { ecosystem, host, entryCount } of registries) {
    const sum = sums.get(ecosystem);
    if (!sum || listed.has(host)) continue;
    const { total, most } = sum;
    const isFew = entryCount === 1 || entryCount * USUAL_SHARE <= total;
    if (total < MIN_ENTRIES || !isFew || most.entryCount <= entryCount) continue;
    const detail = `comes from ${host}, as ${entryCount} of ${total} entries do; most come from ${most.host}`;
    signs.set(`${ecosystem}\n${host}`, { rule: 'unusual-host', detail });
  }
  return signs.size === 0 ? undefined : (ecosystem, host) => signs.get(`${ecosystem}\n${host}`);
}
