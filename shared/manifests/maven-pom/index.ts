import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, type ManifestFormat, type ReadFile } from '../format.ts';
import { oneVersionOf, packageNameOf } from '../maven/coordinates.ts';
import { checkEntryCount, type EntryFacts, Reading, unreadable } from '../reading.ts';
import { EffectivePom, type ResolvedDependency } from './effective.ts';
import { POM_MAX_BYTES, type Pom, type PomDependency, parsePom } from './pom.ts';
import { type PomChain, RepositoryPoms } from './repository.ts';

const SCOPES: ReadonlySet<string> = new Set([
  'compile',
  'provided',
  'runtime',
  'test',
  'system',
  'compile-only',
  'test-only',
  'test-runtime',
  'none',
]);

/**
 * `pom.xml`: what is declared, with the versions that the file itself, its parents and imported lists of versions give, as far
 * as they stand in the repository. Plugins are not read.
 */
export const mavenPom: ManifestFormat = {
  name: 'maven-pom',
  files: ['pom.xml'],
  ecosystems: ['MAVEN'],
  lists: 'declared',
  maxBytes: POM_MAX_BYTES,
  matches: (path) => baseName(path) === 'pom.xml',
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const parsed = parsePom(path, bytes);
    if ('reason' in parsed) return unreadable(parsed.reason);
    const reader = new PomReader(parsed.value, readSibling);
    return reader.read();
  },
};

class PomReader {
  readonly #pom: Pom;
  readonly #repository: RepositoryPoms;
  readonly #reading: Reading;
  #entryCount = 0;

  constructor(pom: Pom, readSibling: ReadFile) {
    this.#pom = pom;
    this.#repository = new RepositoryPoms(pom, readSibling);
    this.#reading = new Reading('MAVEN', { text: '', damaged: pom.damaged });
  }

  async read(): Promise<ManifestContent> {
    const pom = this.#pom;
    for (const warning of pom.warnings) this.#reading.addWarning(warning);
    const chain = await this.#repository.chainOf(pom);
    const effective = await EffectivePom.of(chain, this.#repository);
    if (pom.artifact !== '') {
      this.#reading.addLocal(`${effective.group}:${effective.fill(pom.artifact)}`, effective.version, 'the project itself');
    }
    const { missing } = chain;
    if (missing) {
      const reason = `a parent that is not in the repository (${missing.reason}): what it adds and manages is not known`;
      this.#reading.addUnresolved(`${missing.group}:${missing.artifact}`, missing.version, reason);
    }
    const unread = this.#addMissing(effective, missing && `the parent ${missing.group}:${missing.artifact}`);
    for (const { dependency, groups } of inheritedBy(chain, effective)) {
      await this.#add(effective.resolve(dependency), effective, groups, unread);
    }
    for (const profile of pom.profiles) {
      if (profile.isDefault) continue;
      const withProfile = await effective.withProfile(profile, this.#repository);
      const unreadByProfile = [...unread, ...this.#addMissing(withProfile, undefined)];
      for (const dependency of profile.dependencies) {
        await this.#add(withProfile.resolve(dependency), withProfile, [profile.id], unreadByProfile);
      }
    }
    return this.#reading.content();
  }

  /** Where versions may stand that are not known here, in words. */
  #addMissing(effective: EffectivePom, parent: string | undefined): string[] {
    for (const { name, version, reason } of effective.missingImports) this.#reading.addUnresolved(name, version, reason);
    return [...(parent === undefined ? [] : [parent]), ...effective.missingImports.map(({ name }) => `the imported ${name}`)];
  }

  async #add(dependency: ResolvedDependency, effective: EffectivePom, groups: readonly string[], unread: readonly string[]): Promise<void> {
    checkEntryCount(++this.#entryCount);
    const { group, artifact, version, requirement, scope } = dependency;
    if ('reason' in group || 'reason' in artifact) {
      const reason = 'reason' in group ? group.reason : 'reason' in artifact ? artifact.reason : '';
      this.#reading.addUnresolved(dependency.written, requirement, reason);
      return;
    }
    const name = packageNameOf(group.text, artifact.text);
    if (name === undefined) {
      this.#reading.addUnresolved(dependency.written, requirement, 'a dependency without legal group and artifact');
      return;
    }
    if (!SCOPES.has(scope)) this.#reading.addWarning(`${name}: ${scope} is no scope of Maven`);
    if (scope === 'system') {
      this.#reading.addLocal(name, requirement, `a file of this machine or repository: ${dependency.systemPath}`);
    } else if (version === undefined) {
      this.#reading.addUnresolved(name, '', whyNoVersion(unread));
    } else if ('reason' in version) {
      this.#reading.addUnresolved(name, requirement, version.reason);
    } else {
      const one = oneVersionOf(version.text);
      if ('reason' in one) this.#reading.addUnresolved(name, version.text, one.reason);
      else await this.#addVersion(group.text, artifact.text, one.version, effective, factsOf(dependency, groups));
    }
  }

  /** What has the version of this project may be built beside it: then it is our own code. */
  async #addVersion(group: string, artifact: string, version: string, effective: EffectivePom, facts: EntryFacts): Promise<void> {
    const name = `${group}:${artifact}`;
    const isOfGroup = group === effective.group;
    const module = version === effective.version ? await this.#repository.findModule(group, artifact, isOfGroup) : 'absent';
    if (module === 'absent' || (typeof module === 'string' && !isOfGroup)) this.#reading.addPackage(name, version, facts);
    else if (module === 'unread') this.#reading.addUnresolved(name, version, 'may be a module of this repository: not all were read');
    else this.#reading.addLocal(name, version, 'a module of this repository');
  }
}

interface Inherited {
  readonly dependency: PomDependency;
  readonly groups: readonly string[];
}

/** The dependencies of the project and of its parents, those of default profiles too; the nearest of each key only. */
function inheritedBy({ poms }: PomChain, effective: EffectivePom): Inherited[] {
  const inherited: Inherited[] = [];
  const nearer = new Set<string>();
  for (const pom of poms) {
    const ofPom: Inherited[] = pom.dependencies.map((dependency) => ({ dependency, groups: [] }));
    for (const { isDefault, id, dependencies } of pom.profiles) {
      if (isDefault) ofPom.push(...dependencies.map((dependency) => ({ dependency, groups: [id] })));
    }
    const kept = ofPom.filter(({ dependency }) => !nearer.has(effective.keyOf(dependency)));
    for (const { dependency } of kept) nearer.add(effective.keyOf(dependency));
    inherited.push(...kept);
  }
  return inherited;
}

function factsOf({ scope, isOptional }: ResolvedDependency, groups: readonly string[]): EntryFacts {
  const facts: EntryFacts = { relationship: 'direct', isDevelopment: scope.startsWith('test'), isOptional };
  return groups.length === 0 ? facts : { ...facts, groups };
}

function whyNoVersion(unread: readonly string[]): string {
  if (unread.length === 0) return 'has no version, and nothing in the repository manages one';
  const more = unread.length > 3 ? ` and ${unread.length - 3} more` : '';
  return `has no version here: it may stand in ${unread.slice(0, 3).join(', ')}${more}, not in the repository`;
}
