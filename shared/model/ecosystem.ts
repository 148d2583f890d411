/**
 * Where a package version comes from. The names are SafeDep's (`ECOSYSTEM_` cut off), because look-ups use them; the purl
 * type and OSV's name of each stand beside it, for people and for other tools.
 */
export const ECOSYSTEMS = {
  NPM: { purlType: 'npm', osvName: 'npm' },
  PYPI: { purlType: 'pypi', osvName: 'PyPI' },
  CARGO: { purlType: 'cargo', osvName: 'crates.io' },
  GO: { purlType: 'golang', osvName: 'Go' },
  MAVEN: { purlType: 'maven', osvName: 'Maven' },
  RUBYGEMS: { purlType: 'gem', osvName: 'RubyGems' },
  NUGET: { purlType: 'nuget', osvName: 'NuGet' },
  PACKAGIST: { purlType: 'composer', osvName: 'Packagist' },
  GITHUB_ACTIONS: { purlType: 'githubactions', osvName: 'GitHub Actions' },
} as const;

export type Ecosystem = keyof typeof ECOSYSTEMS;

export function isEcosystem(text: string): text is Ecosystem {
  return Object.hasOwn(ECOSYSTEMS, text);
}
