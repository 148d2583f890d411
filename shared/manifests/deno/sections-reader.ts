import { strongestDigest } from '../npm/digest.ts';
import { splitNpmSpec } from '../npm/names.ts';
import { type NpmFacts, RegistryEntries } from '../npm/registry-entries.ts';
import { checkEntryCount, isVersion, type Reading } from '../reading.ts';
import { isObject, type JsonObject, own, shown } from '../syntax/json-object.ts';
import type { DenoSections } from './layouts.ts';
import { modulesOf } from './remote-modules.ts';

const NPM = 'npm:';
const JSR = 'jsr:';
const JSR_NAME = /^@[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9-]*$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** A specifier that a member of the workspace declares and that has no version in the file. */
export interface UnresolvedSpecifier {
  readonly specifier: string;
  readonly name: string;
  readonly owner: string;
}

/** Adds what the sections of a deno.lock say. */
export class SectionsReader {
  readonly #sections: DenoSections;
  readonly #reading: Reading;
  readonly #jsr: Reading;
  /** Keys of entries that a member of the workspace asks for; none where the file has no workspace. */
  readonly #directOfNpm = new Set<string>();
  readonly #directOfJsr = new Set<string>();
  readonly #unresolved: UnresolvedSpecifier[] = [];
  /** Packages that are taken from a folder of ours, `npm:name@version`. */
  readonly #linked: ReadonlySet<string>;
  readonly #hasWorkspace: boolean;

  constructor(sections: DenoSections, reading: Reading) {
    this.#sections = sections;
    this.#reading = reading;
    this.#jsr = reading.in('JSR');
    const { workspace } = sections;
    this.#hasWorkspace = Object.keys(workspace).length > 0;
    this.#linked = new Set([...Object.keys(objectOf(workspace, 'links')), ...Object.keys(objectOf(workspace, 'patches'))]);
  }

  read(): void {
    for (const key of this.#sections.unknown) {
      this.#reading.addWarning(`${JSON.stringify(key)} is no section that deno writes in this layout; what stands in it was not read`);
    }
    this.#followDeclared();
    this.#readNpm();
    this.#readJsr();
    for (const { name, version, fileCount } of modulesOf(Object.keys(this.#sections.remote))) {
      const files = fileCount === 1 ? 'one module' : `${fileCount} modules`;
      this.#reading.addUnsupported(name, version, `${files} from an address, not from a registry`);
    }
  }

  unresolved(): readonly UnresolvedSpecifier[] {
    return this.#unresolved;
  }

  /** Folders of the members of the workspace. */
  members(): readonly string[] {
    return Object.keys(objectOf(this.#sections.workspace, 'members'));
  }

  ecosystemOf(specifier: string): Reading {
    return specifier.startsWith(JSR) ? this.#jsr : this.#reading;
  }

  #readNpm(): void {
    const { npm } = this.#sections;
    const entries = new RegistryEntries(this.#reading);
    const facts: NpmFacts = {};
    for (const key of Object.keys(npm)) {
      const entry = npm[key];
      const { name, rest } = splitNpmSpec(key);
      // Peers stand behind the version, `18.3.1_react@18.3.1`; no version has such a sign.
      const peers = rest.indexOf('_');
      const version = peers < 0 ? rest : rest.slice(0, peers);
      if (!isObject(entry)) {
        this.#reading.addUnresolved(name, rest, `its entry is ${shown(entry)}, not an object`);
      } else if (this.#linked.size > 0 && this.#linked.has(`${NPM}${name}@${version}`)) {
        this.#reading.addLocal(name, version, 'linked to a folder of ours');
      } else {
        const { integrity, tarball } = entry;
        if (this.#hasWorkspace) facts.relationship = this.#directOfNpm.has(key) ? 'direct' : 'transitive';
        facts.integrity = strongestDigest(integrity);
        if (tarball !== undefined && typeof tarball !== 'string') {
          this.#reading.addUnresolved(name, version, `its "tarball" is ${shown(tarball)}, not text`);
        } else {
          entries.add(name, version, tarball ?? '', facts, { anyTarball: true });
        }
      }
    }
  }

  #readJsr(): void {
    const { jsr } = this.#sections;
    for (const key of Object.keys(jsr)) {
      const entry = jsr[key];
      const { name, rest: version } = splitNpmSpec(key);
      if (!isObject(entry)) {
        this.#jsr.addUnresolved(name, version, `its entry is ${shown(entry)}, not an object`);
      } else if (!JSR_NAME.test(name) || !isVersion(version)) {
        this.#jsr.addUnresolved(name, version, 'not a legal package name and version of JSR');
      } else if (this.#linked.size > 0 && this.#linked.has(`${JSR}${key}`)) {
        this.#jsr.addLocal(name, version, 'linked to a folder of ours');
      } else {
        const { integrity } = entry;
        const digest = typeof integrity === 'string' && SHA256.test(integrity) ? `sha256:${integrity}` : undefined;
        const relationship = this.#directOfJsr.has(key) ? 'direct' : 'transitive';
        this.#jsr.addPackage(name, version, this.#hasWorkspace ? { integrity: digest, relationship } : { integrity: digest });
      }
    }
  }

  #followDeclared(): void {
    const { workspace } = this.#sections;
    this.#follow(workspace, 'the project');
    const members = objectOf(workspace, 'members');
    for (const folder of Object.keys(members)) {
      const member = members[folder];
      this.#jsr.addLocal(folder, folder, 'a member of the workspace');
      if (isObject(member)) this.#follow(member, folder);
      else this.#reading.addUnresolved(folder, '', `its entry in the workspace is ${shown(member)}, not an object`);
    }
  }

  #follow(member: JsonObject, owner: string): void {
    for (const dependencies of [own(member, 'dependencies'), own(objectOf(member, 'packageJson'), 'dependencies')]) {
      if (dependencies === undefined) continue;
      if (!Array.isArray(dependencies)) {
        this.#reading.addUnresolved(owner, '', `its "dependencies" is ${shown(dependencies)}, not a list`);
        continue;
      }
      for (const specifier of dependencies) this.#followSpecifier(specifier, owner);
      checkEntryCount(this.#unresolved.length);
    }
  }

  #followSpecifier(specifier: unknown, owner: string): void {
    const scheme = typeof specifier === 'string' ? specifier.slice(0, NPM.length) : '';
    if (typeof specifier !== 'string' || (scheme !== NPM && scheme !== JSR)) {
      this.#reading.addUnresolved(owner, shown(specifier), 'it declares what is neither of npm nor of JSR');
      return;
    }
    const { name } = splitNpmSpec(specifier.slice(NPM.length));
    const version = this.#sections.specifiers[specifier]; // nothing that is inherited has such a name
    if (typeof version !== 'string') {
      this.#unresolved.push({ specifier, name, owner });
      return;
    }
    // Layout 3 repeats the name, `npm:name@1.0.0`; later ones do not.
    const key = version.startsWith(scheme) ? version.slice(scheme.length) : `${name}@${version}`;
    const isOfNpm = scheme === NPM;
    if (Object.hasOwn(isOfNpm ? this.#sections.npm : this.#sections.jsr, key)) (isOfNpm ? this.#directOfNpm : this.#directOfJsr).add(key);
    else if (!this.#linked.has(scheme + key)) {
      this.ecosystemOf(specifier).addUnresolved(name, version, `declared by ${owner}, but no entry of the file is ${scheme}${key}`);
    }
  }
}

function objectOf(object: JsonObject, key: string): JsonObject {
  const value = own(object, key);
  return isObject(value) ? value : {};
}
