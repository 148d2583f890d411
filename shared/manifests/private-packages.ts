import type { ManifestContent, ManifestGap, ManifestPackage } from '../model/manifest.ts';
import { foldPythonName } from '../model/python-name.ts';
import type { ReadingSettings } from '../model/settings/settings.ts';

/**
 * Private packages become gaps: a public service knows nothing of them, and must not be told. Private is what the settings name,
 * and what any entry has from a registry that they name.
 */
export function withoutPrivate(content: ManifestContent, settings: ReadingSettings): ManifestContent {
  if (content.status === 'error') return content;
  if (settings.privateRegistries.length === 0 && Object.keys(settings.privateNames).length === 0) return content;
  const registries = new Set(settings.privateRegistries.map((host) => host.toLowerCase()));
  const packages: ManifestPackage[] = [];
  const gaps: ManifestGap[] = [];
  for (const found of content.packages) {
    const reason = whyPrivate(found, registries, settings);
    if (reason === undefined) packages.push(found);
    else gaps.push({ ecosystem: found.ecosystem, name: found.name, requirement: found.version, state: 'unresolved', reason });
  }
  return gaps.length === 0 ? content : { ...content, packages, gaps: [...content.gaps, ...gaps] };
}

function whyPrivate(
  { ecosystem, name, registryHosts }: ManifestPackage,
  registries: ReadonlySet<string>,
  settings: ReadingSettings,
): string | undefined {
  const host = registryHosts?.find((candidate) => registries.has(candidate));
  if (host !== undefined) return `private: of the registry ${host}`;
  const patterns = settings.privateNames[ecosystem] ?? [];
  const fold = ecosystem === 'PYPI' ? foldPythonName : (text: string) => text;
  const isPrivate = patterns.some((pattern) =>
    pattern.endsWith('*') ? fold(name).startsWith(fold(pattern.slice(0, -1))) : fold(name) === fold(pattern),
  );
  return isPrivate ? 'private: a name that the settings list' : undefined;
}
