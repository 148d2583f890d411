import { splitNpmSpec } from '../npm/names.ts';
import { type NpmFacts, RegistryEntries } from '../npm/registry-entries.ts';
import { checkEntryCount, type Reading } from '../reading.ts';
import { parseYaml } from '../syntax/yaml.ts';
import { readLines, unquote, type YarnEntry, type YarnLayout } from './lines.ts';
import { type Entries, toEntries } from './whole.ts';

/** Nearly every key is in double quotes; one in single quotes is for the YAML parser. */
const KEY = /^(?:"|[\w$][^\s'"#]*$)/;
const LAYOUT: YarnLayout = {
  separator: ': ',
  specsOf: (key) => (KEY.test(key) ? specsOf(unquote(key)) : undefined),
  hasWantedDependencies: ({ resolution }) => resolution === undefined || isWorkspace(resolution),
};
/** The first entry of every such file. Its `version` counts up with the internals of yarn, not with the layout, and is not asked. */
const METADATA = '__metadata';
const LOCAL_PROTOCOL = /^(?:workspace|file|link|portal):/;
const WORKSPACE_PROTOCOL = 'workspace:';
const NPM_PROTOCOL = 'npm:';
const PATCH_PROTOCOL = 'patch:';
/** Patches of patched packages nest; yarn's own add one. */
const PATCH_MAX_DEPTH = 4;

export function isBerry(text: string): boolean {
  return text.includes(METADATA) && /^__metadata:\s*$/m.test(text);
}

/** The entries of a file of yarn 2 and later: line by line, or by a YAML parser where a line is of no form that yarn writes. */
export function readBerry(text: string): Entries {
  const entries = readLines(text, LAYOUT) ?? readYaml(text);
  if ('reason' in entries || entries.some(({ specs }) => specs[0] !== METADATA)) return entries;
  return { reason: 'not a yarn.lock: it has no entry, not even of the project itself' };
}

/** As `readBerry`, by a YAML parser. */
export function readYaml(text: string): Entries {
  const parsed = parseYaml(text);
  if ('reason' in parsed) return { reason: `not a yarn.lock: ${parsed.reason}` };
  const [root, ...others] = parsed.value;
  if (!(root instanceof Map) || others.length > 0) return { reason: 'not a yarn.lock: not one mapping' };
  return toEntries(root, specsOf);
}

function isWorkspace(resolution: string): boolean {
  return resolution.includes(`@${WORKSPACE_PROTOCOL}`);
}

function specsOf(key: string | undefined): readonly string[] | undefined {
  return key === undefined || key === '' ? undefined : key.split(', ');
}

/**
 * The name is that of `resolution`, never of the key, which may be an alias. A patched package stands twice, as `npm:` and as
 * `patch:`, and counts once, as what it patches.
 */
export function addBerry(found: readonly YarnEntry[], reading: Reading): void {
  const berry = new Berry(found, reading);
  for (const entry of found) if (entry.specs[0] !== METADATA) berry.add(entry);
}

class Berry {
  readonly #reading: Reading;
  readonly #entries: RegistryEntries;
  readonly #facts: NpmFacts = {};
  /** `name@range` of what workspaces ask for; the name alone where resolutions changed the range. */
  readonly #direct = new Set<string>();
  /** Checksums are of the archives that yarn packs; they change with the way in which it packs them. */
  readonly #cacheKey: string | undefined;

  constructor(found: readonly YarnEntry[], reading: Reading) {
    this.#reading = reading;
    this.#entries = new RegistryEntries(reading);
    this.#cacheKey = found.find(({ specs }) => specs[0] === METADATA)?.fields.cacheKey;
    this.#checkDeclared(found);
  }

  add(entry: YarnEntry): void {
    const { line, specs, fields } = entry;
    const { resolution, version } = fields;
    if (resolution === undefined) {
      this.#reading.addUnresolved(splitNpmSpec(specs[0] ?? '').name, version ?? '', 'its entry has no "resolution"');
      return;
    }
    const { name, rest: reference } = splitNpmSpec(resolution);
    this.#facts.relationship = specs.some((spec) => this.#isDirect(spec)) ? 'direct' : 'transitive';
    if (line !== undefined) this.#facts.line = line;
    this.#facts.integrity = reference.startsWith(NPM_PROTOCOL) ? this.#digestOf(fields.checksum) : undefined;
    this.#addByReference(name, reference, version, 0, specs);
  }

  #addByReference(name: string, reference: string, version: string | undefined, depth: number, specs: readonly string[]): void {
    if (LOCAL_PROTOCOL.test(reference)) {
      this.#reading.addLocal(
        name,
        reference,
        reference.startsWith(WORKSPACE_PROTOCOL) ? 'a workspace' : 'a file or folder of the repository',
      );
    } else if (reference.startsWith(NPM_PROTOCOL)) {
      this.#addRegistryEntry(name, reference.slice(NPM_PROTOCOL.length), version, specs);
    } else if (reference.startsWith(PATCH_PROTOCOL)) {
      const patched = decode(reference.slice(PATCH_PROTOCOL.length).split('#', 1)[0] ?? '');
      const source = splitNpmSpec(patched);
      // A patch upon a patch names the inner one; whatever else is patched stands in the file on its own.
      if (depth > PATCH_MAX_DEPTH) this.#reading.addUnresolved(name, reference, 'patches nest deeper than yarn makes them');
      else if (/^(?:npm|patch):/.test(source.rest)) this.#addByReference(source.name, source.rest, undefined, depth + 1, []);
    } else {
      const place = /^(?:git|ssh)|\.git(?:#|$)|#commit[=:]/.test(reference) ? 'a git repository' : 'an address of its own';
      this.#reading.addUnsupported(name, reference, `comes from ${place}, not from a registry`);
    }
  }

  /** `1.0.0`, `1.0.0::__archiveUrl=https%3A%2F%2F...` where the registry keeps its tarballs elsewhere, or `name@1.0.0`. */
  #addRegistryEntry(name: string, selector: string, version: string | undefined, specs: readonly string[]): void {
    const bindings = selector.indexOf('::');
    const reference = bindings < 0 ? selector : selector.slice(0, bindings);
    const at = reference.indexOf('@', 1);
    const realName = at < 0 ? name : reference.slice(0, at);
    const realVersion = at < 0 ? reference : reference.slice(at + 1);
    if (version !== undefined && version !== realVersion) {
      this.#reading.addPoisoning(
        'other-version',
        realName,
        realVersion,
        `${realName} has version ${version}, but resolves to ${realVersion}, which is what yarn fetches`,
      );
    }
    const foreign = specs.find((spec) => !isAskedFor(spec, realName));
    if (foreign !== undefined) {
      this.#reading.addPoisoning('other-package', realName, realVersion, `${foreign} resolves to ${realName}@${realVersion}`);
    }
    this.#entries.add(realName, realVersion, bindings < 0 ? '' : archiveOf(selector.slice(bindings + 2)), this.#facts, {
      anyTarball: true,
    });
  }

  #digestOf(checksum: string | undefined): string | undefined {
    if (checksum === undefined) return undefined;
    const slash = checksum.indexOf('/');
    const key = slash < 0 ? this.#cacheKey : checksum.slice(0, slash);
    const digest = checksum.slice(slash + 1);
    return key !== undefined && /^[a-z0-9]+$/.test(key) && /^[0-9a-f]+$/.test(digest) ? `zip${key}:${digest}` : undefined;
  }

  #isDirect(spec: string): boolean {
    return this.#direct.has(spec) || this.#direct.has(splitNpmSpec(spec).name);
  }

  /** Resolutions may change the range that a workspace declares, never the name. */
  #checkDeclared(found: readonly YarnEntry[]): void {
    const known = new Set<string>();
    const names = new Set<string>();
    for (const { specs } of found) {
      for (const spec of specs) {
        if (known.has(spec)) this.#reading.addWarning(`${spec} stands in the file twice; yarn takes the last`);
        known.add(spec);
        names.add(splitNpmSpec(spec).name);
      }
      checkEntryCount(known.size);
    }
    for (const { specs, fields, dependencies } of found) {
      if (fields.resolution === undefined || !isWorkspace(fields.resolution)) continue;
      const owner = splitNpmSpec(specs[0] ?? '').name;
      for (let index = 0; index < dependencies.length; index += 2) {
        const name = dependencies[index] ?? '';
        const range = dependencies[index + 1] ?? '';
        const wanted = `${name}@${range}`;
        if (known.has(wanted)) this.#direct.add(wanted);
        else if (names.has(name)) this.#direct.add(name);
        else this.#reading.addUnresolved(name, range, `declared by ${owner}, but the lock file does not resolve it`);
      }
      checkEntryCount(this.#direct.size);
    }
  }
}

/** Whether `name@range` asks for a package of that name: by its own name, or as an alias of it. Other protocols have rules of their own. */
function isAskedFor(spec: string, realName: string): boolean {
  if (spec.startsWith(realName) && spec.charCodeAt(realName.length) === 0x40) return true;
  const { rest: range } = splitNpmSpec(spec);
  if (range.startsWith(NPM_PROTOCOL)) return splitNpmSpec(range.slice(NPM_PROTOCOL.length)).name === realName;
  return range.includes(':');
}

const ARCHIVE = '__archiveUrl=';

function archiveOf(bindings: string): string {
  const archive = bindings.split('&').find((binding) => binding.startsWith(ARCHIVE));
  return archive === undefined ? '' : decode(archive.slice(ARCHIVE.length));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray `%`: what is wrong with it shows when the name and version are checked
  }
}
