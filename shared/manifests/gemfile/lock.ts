import { checkEntryCount } from '../reading.ts';
import { LINE_MAX_CHARACTERS } from '../text.ts';

const SOURCE_TYPES = ['GEM', 'GIT', 'PATH', 'PLUGIN SOURCE'] as const;
type SourceType = (typeof SOURCE_TYPES)[number];

export interface GemSource {
  readonly type: SourceType;
  readonly remotes: string[];
}

export interface GemSpec {
  readonly source: GemSource;
  readonly name: string;
  /** Empty where none is written. */
  readonly version: string;
  /** Behind the version's `-`; `undefined` for the gem that is built on every platform. */
  readonly platform: string | undefined;
  readonly line: number;
}

export interface GemRequirement {
  /** As written behind the name, brackets left out; empty for any version. */
  readonly requirement: string;
  /** The gem that asks for it; `undefined` where the Gemfile does. */
  readonly declaredBy: string | undefined;
}

export interface GemfileLock {
  readonly sources: readonly GemSource[];
  readonly specs: readonly GemSpec[];
  /** What the Gemfile asks for, by name. */
  readonly dependencies: ReadonlyMap<string, GemRequirement>;
  /** What the gems ask for, by name, the first to ask. */
  readonly required: ReadonlyMap<string, GemRequirement>;
  /** `NAME (VERSION)` or `NAME (VERSION-PLATFORM)` -> each digest of it that is written, `ALGORITHM:VALUE`. */
  readonly checksums: ReadonlyMap<string, readonly string[]>;
  readonly bundler: string | undefined;
  readonly hasDependencies: boolean;
  /** What is none of the grammar: `where` is a section or a line. */
  readonly oddities: readonly { readonly where: string; readonly what: string }[];
}

type SectionName = SourceType | 'DEPENDENCIES' | 'CHECKSUMS' | 'BUNDLED WITH' | 'ignored' | 'unknown';

const SECTIONS: ReadonlyMap<string, SectionName> = new Map<string, SectionName>([
  ...SOURCE_TYPES.map((type) => [type, type] as const),
  ['DEPENDENCIES', 'DEPENDENCIES'],
  ['CHECKSUMS', 'CHECKSUMS'],
  ['BUNDLED WITH', 'BUNDLED WITH'],
  ['PLATFORMS', 'ignored'],
  ['RUBY VERSION', 'ignored'],
]);

/** Options of a source. Those of a plugin's are the plugin's own. */
const OPTIONS = new Set(['remote', 'revision', 'ref', 'branch', 'tag', 'submodules', 'glob']);
const OPTION = /^([A-Za-z]+): ?(.*)$/;
const CHECKSUM = /^ ([a-z0-9]+)=([0-9a-zA-Z+/=_-]+)(?:,|$)/;
/** Nobody has more; each gem of the source is of all of them. */
const MAX_REMOTES = 20;
/** So many lines that cannot be read are named; one more ends the reading. */
const MAX_ODDITIES = 200;

/** Reads the lines, each by the section and the depth at which it stands. `reason` where the file is no lock file of Bundler. */
export function readGemfileLock(text: string): GemfileLock | { readonly reason: string } {
  const reader = new LockReader();
  for (let start = 0, number = 1; start < text.length; number++) {
    const newline = text.indexOf('\n', start);
    let end = newline < 0 ? text.length : newline;
    const next = end + 1;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    if (end - start > LINE_MAX_CHARACTERS) return { reason: `line ${number} has more than ${LINE_MAX_CHARACTERS} characters` };
    let first = start;
    while (first < end && text.charCodeAt(first) === SPACE) first++;
    const reason = first < end ? reader.readLine(text.slice(first, end), first - start, number) : undefined;
    if (reason !== undefined) return { reason: `line ${number}: ${reason}` };
    start = next;
  }
  return reader.isBundlers ? reader : { reason: 'not a lock file of Bundler: none of its sections stands in it' };
}

class LockReader implements GemfileLock {
  readonly sources: GemSource[] = [];
  readonly specs: GemSpec[] = [];
  readonly dependencies = new Map<string, GemRequirement>();
  readonly required = new Map<string, GemRequirement>();
  readonly checksums = new Map<string, string[]>();
  readonly oddities: { where: string; what: string }[] = [];
  bundler: string | undefined;
  hasDependencies = false;
  /** A section of Bundler's has been met. */
  isBundlers = false;
  #section: SectionName | undefined;
  #source: GemSource | undefined;
  /** The line `specs:` of the source has been met. */
  #hasSpecs = false;

  /** Why the file cannot be read further, or `undefined`. `line`: without the `depth` blanks before it and those behind. */
  readLine(line: string, depth: number, number: number): string | undefined {
    if (depth === 0 && line.charCodeAt(0) !== TAB) this.#openSection(line, number);
    else if (this.#section === undefined) return 'it stands in no section';
    else if (this.#source) this.#readSource(this.#source, line, depth, number);
    else if (this.#section === 'DEPENDENCIES') this.#readDependency(line, depth, number);
    else if (this.#section === 'CHECKSUMS') this.#readChecksum(line, depth, number);
    else if (this.#section === 'BUNDLED WITH') this.bundler ??= line;
    if (this.oddities.length > MAX_ODDITIES) return `more than ${MAX_ODDITIES} lines to here are none of Bundler's`;
    return this.#source && this.#source.remotes.length > MAX_REMOTES ? `a source with more than ${MAX_REMOTES} remotes` : undefined;
  }

  #openSection(title: string, number: number): void {
    const section = SECTIONS.get(title) ?? 'unknown';
    this.#section = section;
    this.#source = undefined;
    this.#hasSpecs = false;
    if (section === 'unknown') {
      this.#addOddity(title, `a section that Bundler does not write (line ${number})`);
      return;
    }
    this.isBundlers = true;
    if (section === 'DEPENDENCIES') this.hasDependencies = true;
    if (!isSourceType(section)) return;
    this.#source = { type: section, remotes: [] };
    this.sources.push(this.#source);
    checkEntryCount(this.sources.length);
  }

  #readSource(source: GemSource, line: string, depth: number, number: number): void {
    if (depth === 4 && this.#hasSpecs) {
      const spec = toSpec(line, source, number);
      if (spec) this.specs.push(spec);
      else this.#addOddity(line, `line ${number} is no gem with a version`);
      checkEntryCount(this.specs.length);
    } else if (depth === 6 && this.#hasSpecs && this.specs.length > 0) {
      const found = toRequirement(line, this.specs.at(-1)?.name);
      if (!found) this.#addOddity(line, `line ${number} is no requirement of a gem`);
      else if (!this.required.has(found.name)) this.required.set(found.name, found);
      checkEntryCount(this.required.size);
    } else if (depth === 2 && line === 'specs:') {
      this.#hasSpecs = true;
    } else {
      const [, key, value = ''] = (depth === 2 && !this.#hasSpecs && OPTION.exec(line)) || [];
      if (key === undefined) this.#addOddity(line, `line ${number} is neither a gem nor an option of its source`);
      else if (key === 'remote') source.remotes.push(value);
      else if (source.type !== 'PLUGIN SOURCE' && !OPTIONS.has(key)) {
        this.#addOddity(line, `line ${number} is an option that Bundler does not write`);
      }
    }
  }

  #readDependency(line: string, depth: number, number: number): void {
    // A `!` pins it to its source.
    const found = depth === 2 ? toRequirement(line.endsWith('!') ? line.slice(0, -1) : line, undefined) : undefined;
    if (found) this.dependencies.set(found.name, found);
    else this.#addOddity(line, `line ${number} is no dependency`);
    checkEntryCount(this.dependencies.size);
  }

  #readChecksum(line: string, depth: number, number: number): void {
    const close = line.indexOf(')');
    const rest = line.slice(close + 1);
    const digest = CHECKSUM.exec(rest);
    if (depth !== 2 || close < 0 || (rest !== '' && !digest)) this.#addOddity(line, `line ${number} is no checksum`);
    else if (digest) addTo(this.checksums, line.slice(0, close + 1), `${digest[1]}:${digest[2]}`);
    checkEntryCount(this.checksums.size);
  }

  #addOddity(where: string, what: string): void {
    this.oddities.push({ where, what });
  }
}

function isSourceType(section: SectionName): section is SourceType {
  return (SOURCE_TYPES as readonly string[]).includes(section);
}

const TAB = 0x09;
const SPACE = 0x20;

/** A space, a tab, a carriage return. */
function isBlank(sign: number): boolean {
  return sign === SPACE || sign === TAB || sign === 0x0d;
}

/** `NAME (VERSION)` or `NAME (VERSION-PLATFORM)`: no version of a gem has a `-`. */
function toSpec(line: string, source: GemSource, number: number): GemSpec | undefined {
  const open = line.indexOf(' (');
  if (open <= 0)
    return line.includes(' ') || line.includes('(') ? undefined : { source, name: line, version: '', platform: undefined, line: number };
  const close = line.length - 1;
  if (line.charCodeAt(close) !== 0x29) return undefined;
  const dash = line.indexOf('-', open);
  const isPlain = dash < 0;
  return {
    source,
    name: line.slice(0, open),
    version: line.slice(open + 2, isPlain ? close : dash),
    platform: isPlain ? undefined : line.slice(dash + 1, close),
    line: number,
  };
}

/** `NAME` or `NAME (REQUIREMENTS)`. */
function toRequirement(line: string, declaredBy: string | undefined): (GemRequirement & { readonly name: string }) | undefined {
  const open = line.indexOf(' ');
  if (open < 0) return line.includes('(') ? undefined : { name: line, requirement: '', declaredBy };
  if (line.charCodeAt(open + 1) !== 0x28 || !line.endsWith(')')) return undefined;
  return { name: line.slice(0, open), requirement: line.slice(open + 2, -1), declaredBy };
}

function addTo(checksums: Map<string, string[]>, gem: string, digest: string): void {
  const known = checksums.get(gem);
  if (!known) checksums.set(gem, [digest]);
  else if (!known.includes(digest) && known.length < 2) known.push(digest);
}
