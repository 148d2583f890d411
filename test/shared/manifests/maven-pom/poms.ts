/** `GROUP:ARTIFACT:VERSION`, the version left out where there is none; `more`: further elements. */
export function dependency(coordinates: string, more = ''): string {
  const [group, artifact, version] = coordinates.split(':');
  const ofVersion = version === undefined ? '' : `<version>${version}</version>`;
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId>${ofVersion}${more}</dependency>`;
}

export function dependencies(...coordinates: readonly string[]): string {
  return `<dependencies>${coordinates.map((each) => dependency(each)).join('\n')}</dependencies>`;
}

export function managed(...entries: readonly string[]): string {
  return `<dependencyManagement><dependencies>${entries.join('\n')}</dependencies></dependencyManagement>`;
}

export const IMPORT = '<type>pom</type><scope>import</scope>';

export function properties(values: Readonly<Record<string, string>>): string {
  return `<properties>${Object.entries(values)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('')}</properties>`;
}

/** `coordinates` as for `dependency`; `group` or `version` are left out where they are empty. */
export function pom(coordinates: string, ...parts: readonly string[]): string {
  const [group, artifact, version] = coordinates.split(':');
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="https://maven.example/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  ${group ? `<groupId>${group}</groupId>` : ''}
  <artifactId>${artifact}</artifactId>
  ${version ? `<version>${version}</version>` : ''}
  ${parts.join('\n  ')}
</project>
`;
}

export function parent(coordinates: string, relativePath?: string): string {
  const [group, artifact, version] = coordinates.split(':');
  const place = relativePath === undefined ? '' : `<relativePath>${relativePath}</relativePath>`;
  return `<parent><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${place}</parent>`;
}
