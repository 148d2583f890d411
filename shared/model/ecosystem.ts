/**
 * Where a package version comes from. The names are SafeDep's (`ECOSYSTEM_` cut off) where it has one, because look-ups use them,
 * and in the same style where it has none: those it cannot be asked about (`isServed` false). The purl type and OSV's label of
 * each stand beside it, for people and for other tools; OSV has no label for JSR, CocoaPods, Docker and Terraform, these are ours.
 */
export const ECOSYSTEMS = {
  NPM: { purlType: 'npm', osvName: 'npm', isServed: true },
  PYPI: { purlType: 'pypi', osvName: 'PyPI', isServed: true },
  CARGO: { purlType: 'cargo', osvName: 'crates.io', isServed: true },
  GO: { purlType: 'golang', osvName: 'Go', isServed: true },
  MAVEN: { purlType: 'maven', osvName: 'Maven', isServed: true },
  RUBYGEMS: { purlType: 'gem', osvName: 'RubyGems', isServed: true },
  NUGET: { purlType: 'nuget', osvName: 'NuGet', isServed: true },
  PACKAGIST: { purlType: 'composer', osvName: 'Packagist', isServed: true },
  GITHUB_ACTIONS: { purlType: 'githubactions', osvName: 'GitHub Actions', isServed: true },
  TERRAFORM_PROVIDER: { purlType: 'terraform', osvName: 'Terraform', isServed: true },
  JSR: { purlType: 'jsr', osvName: 'JSR', isServed: false },
  PUB: { purlType: 'pub', osvName: 'Pub', isServed: false },
  HEX: { purlType: 'hex', osvName: 'Hex', isServed: false },
  SWIFT: { purlType: 'swift', osvName: 'SwiftURL', isServed: false },
  COCOAPODS: { purlType: 'cocoapods', osvName: 'CocoaPods', isServed: false },
  CONAN: { purlType: 'conan', osvName: 'ConanCenter', isServed: false },
  CRAN: { purlType: 'cran', osvName: 'CRAN', isServed: false },
  BIOCONDUCTOR: { purlType: 'bioconductor', osvName: 'Bioconductor', isServed: false },
  HACKAGE: { purlType: 'hackage', osvName: 'Hackage', isServed: false },
  DOCKER: { purlType: 'docker', osvName: 'Docker', isServed: false },
  /** What only an SBOM names: operating systems' packages, generic ones. */
  OTHER: { purlType: 'generic', osvName: 'other', isServed: false },
} as const;

export type Ecosystem = keyof typeof ECOSYSTEMS;

/** Those that SafeDep can be asked about. */
export type ServedEcosystem = { [E in Ecosystem]: (typeof ECOSYSTEMS)[E]['isServed'] extends true ? E : never }[Ecosystem];

export function isEcosystem(text: string): text is Ecosystem {
  return Object.hasOwn(ECOSYSTEMS, text);
}

/** Whether SafeDep can be asked about it: no for a name that this build does not know, too. */
export function isServed(ecosystem: Ecosystem): ecosystem is ServedEcosystem {
  return isEcosystem(ecosystem) && ECOSYSTEMS[ecosystem].isServed;
}
