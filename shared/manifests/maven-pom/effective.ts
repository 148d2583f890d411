import { groupOf, type Pom, type PomDependency, type PomSection } from './pom.ts';
import { type Filled, Properties } from './properties.ts';
import type { PomChain, RepositoryPoms } from './repository.ts';

/** Imported lists of versions that are looked for in the repository; further ones count as absent. */
const MAX_IMPORTS = 200;

/** What an imported list of versions says of one artifact, filled in by the properties of that list. */
interface Managed {
  readonly version: Filled;
  readonly scope: string;
  readonly optional: string;
}

/** An imported list of versions that cannot be read here. */
export interface MissingImport {
  readonly name: string;
  readonly version: string;
  readonly reason: string;
}

/** A dependency with its properties filled in and what is managed for it applied. */
export interface ResolvedDependency {
  /** Group and artifact as they are written. */
  readonly written: string;
  readonly group: Filled;
  readonly artifact: Filled;
  /** Absent where nothing gives a version. */
  readonly version: Filled | undefined;
  /** As it is written or managed; empty where there is none. */
  readonly requirement: string;
  readonly scope: string;
  readonly isOptional: boolean;
  readonly systemPath: string;
}

/** Projects that are imported as lists of versions, by their pom; `undefined` while they are put together. */
export type ImportedPoms = Map<Pom, EffectivePom | undefined>;

/** A project with all that it inherits; or such a project with one of its profiles on top. */
export class EffectivePom {
  readonly #chain: PomChain;
  /** The project without the profile. */
  readonly #base: EffectivePom | undefined;
  readonly #properties: Properties;
  readonly #ofSections = new Map<string, string>();
  /** Properties that only profiles set which are not active by default; `undefined` where they differ. */
  readonly #ofProfiles: ReadonlyMap<string, string | undefined>;
  readonly #managed = new Map<string, PomDependency>();
  readonly #imports: PomDependency[] = [];
  readonly #imported = new Map<string, Managed>();
  readonly missingImports: MissingImport[] = [];

  private constructor(chain: PomChain, sections: readonly PomSection[], base?: EffectivePom) {
    this.#chain = chain;
    this.#base = base;
    this.#ofProfiles = base ? base.#ofProfiles : propertiesOfProfiles(chain);
    this.#properties = new Properties((name) => this.#lookUp(name));
    for (const { properties } of sections) {
      for (const [name, value] of properties) if (!this.#ofSections.has(name)) this.#ofSections.set(name, value);
    }
    for (const { managed } of sections) {
      for (const entry of managed) {
        const key = this.keyOf(entry);
        if (this.fill(entry.scope) === 'import') this.#imports.push(entry);
        else if (!this.#managed.has(key)) this.#managed.set(key, entry);
      }
    }
  }

  static async of(chain: PomChain, repository: RepositoryPoms, imported: ImportedPoms = new Map()): Promise<EffectivePom> {
    const sections = chain.poms.flatMap((pom): PomSection[] => [...pom.profiles.filter(({ isDefault }) => isDefault), pom]);
    const effective = new EffectivePom(chain, sections);
    await effective.#import(repository, imported);
    return effective;
  }

  /** The same project with a profile that is not active by default. */
  async withProfile(profile: PomSection, repository: RepositoryPoms): Promise<EffectivePom> {
    const effective = new EffectivePom(this.#chain, [profile], this);
    await effective.#import(repository, new Map());
    return effective;
  }

  /** Filled in, as far as its properties are known; empty where there is none. */
  get group(): string {
    return this.fill(this.#fieldOf('groupId') ?? '');
  }

  /** As `group`. */
  get version(): string {
    return this.fill(this.#fieldOf('version') ?? '');
  }

  /** The text with its properties filled in; as it is where one of them is not known. */
  fill(text: string): string {
    const filled = this.#properties.fill(text);
    return 'text' in filled ? filled.text : text;
  }

  /** What Maven tells two dependencies apart by. */
  keyOf({ group, artifact, type, classifier }: PomDependency): string {
    return `${this.fill(group)}:${this.fill(artifact)}:${this.fill(type)}:${this.fill(classifier)}`;
  }

  resolve(dependency: PomDependency): ResolvedDependency {
    const managed = this.#managedFor(this.keyOf(dependency));
    const written = dependency.version === '' ? managed?.version : dependency.version;
    const version = typeof written === 'string' ? this.#properties.fill(written) : written;
    const isGiven = written !== undefined && written !== '';
    return {
      written: `${dependency.group}:${dependency.artifact}`,
      group: this.#properties.fill(dependency.group),
      artifact: this.#properties.fill(dependency.artifact),
      version: isGiven ? version : undefined,
      requirement: typeof written === 'string' ? written : '',
      scope: this.fill(dependency.scope || (managed?.scope ?? '')) || 'compile',
      isOptional: this.fill(dependency.optional || (managed?.optional ?? '')) === 'true',
      systemPath: dependency.systemPath || ((managed as PomDependency | undefined)?.systemPath ?? ''),
    };
  }

  /** Of the project's own lists an entry is given as it is written, of an imported one filled in. */
  #managedFor(key: string): PomDependency | Managed | undefined {
    const base = this.#base;
    const asWritten = this.#managed.get(key) ?? (base ? base.#managed.get(key) : undefined);
    return asWritten ?? this.#imported.get(key) ?? (base ? base.#imported.get(key) : undefined);
  }

  /** For each list of versions of the repository that the project imports, in turn: what no list before it has. */
  async #import(repository: RepositoryPoms, imported: ImportedPoms): Promise<void> {
    const [own] = this.#chain.poms;
    if (own) imported.set(own, undefined);
    for (const [index, entry] of this.#imports.entries()) {
      const group = this.fill(entry.group);
      const artifact = this.fill(entry.artifact);
      const version = this.fill(entry.version);
      const list = index < MAX_IMPORTS ? await this.#findList(group, artifact, version, repository, imported) : undefined;
      if (list instanceof EffectivePom) this.#takeFrom(list);
      else {
        const why = list === undefined ? '' : `: ${list}`;
        const reason = `an imported list of versions (BOM) that is not in the repository${why}`;
        this.missingImports.push({ name: `${group}:${artifact}`, version, reason });
      }
    }
    if (own) imported.set(own, this);
  }

  /** The imported project; what keeps it from being read, or `undefined` where the repository has none of the name. */
  async #findList(
    group: string,
    artifact: string,
    version: string,
    repository: RepositoryPoms,
    imported: ImportedPoms,
  ): Promise<EffectivePom | string | undefined> {
    const found = await repository.findModule(group, artifact, version === this.version || group === this.group);
    if (typeof found === 'string') return found === 'absent' ? undefined : 'too many modules to look for it';
    if (imported.has(found) && imported.get(found) === undefined) return 'it imports itself';
    const list = imported.get(found) ?? (await EffectivePom.of(await repository.chainOf(found), repository, imported));
    return list.version === version ? list : `${found.path} is version ${list.version}`;
  }

  #takeFrom(list: EffectivePom): void {
    for (const [key, { version, scope, optional }] of list.#managed) {
      if (this.#imported.has(key)) continue;
      this.#imported.set(key, { version: list.#properties.fill(version), scope: list.fill(scope), optional: list.fill(optional) });
    }
    for (const [key, managed] of list.#imported) if (!this.#imported.has(key)) this.#imported.set(key, managed);
  }

  /** In the order of Maven: the project's own fields by their full names, properties, and the fields by their short names. */
  #lookUp(name: string): Filled {
    const field = /^(?:project|pom)\.(.+)$/.exec(name)?.[1];
    const text = (field === undefined ? undefined : this.#fieldOf(field)) ?? this.#propertyOf(name) ?? this.#fieldOf(name);
    if (text !== undefined) return { text };
    if (this.#ofProfiles.has(name)) return { reason: `profiles set the property ${name} to different values` };
    const { missing } = this.#chain;
    const where = missing ? `; it may stand in the parent ${missing.group}:${missing.artifact}, which is not in the repository` : '';
    return { reason: `the property ${name} is not set here${where}` };
  }

  #propertyOf(name: string): string | undefined {
    return this.#ofSections.get(name) ?? (this.#base ? this.#base.#propertyOf(name) : this.#ofProfiles.get(name));
  }

  #fieldOf(name: string): string | undefined {
    const { poms } = this.#chain;
    const [own] = poms;
    const parent = own?.parent;
    switch (name) {
      case 'groupId':
        return firstOf(poms, groupOf);
      case 'artifactId':
        return own?.artifact || undefined;
      case 'version':
        return firstOf(poms, (pom) => pom.version || (pom.parent?.version ?? ''));
      case 'packaging':
        return own?.packaging;
      case 'parent.groupId':
        return parent?.group || undefined;
      case 'parent.artifactId':
        return parent?.artifact || undefined;
      case 'parent.version':
        return parent?.version || undefined;
      default:
        return undefined;
    }
  }
}

function firstOf(poms: readonly Pom[], read: (pom: Pom) => string): string | undefined {
  const pom = poms.find((each) => read(each) !== '');
  return pom && read(pom);
}

function propertiesOfProfiles({ poms }: PomChain): Map<string, string | undefined> {
  const values = new Map<string, string | undefined>();
  for (const { profiles } of poms) {
    for (const { isDefault, properties } of profiles) {
      if (isDefault) continue;
      for (const [name, value] of properties) values.set(name, !values.has(name) || values.get(name) === value ? value : undefined);
    }
  }
  return values;
}
