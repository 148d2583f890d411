import type { ManifestContent } from '../../model/manifest.ts';
import { baseName, LINES_LOCK_MAX_BYTES, type ManifestFormat } from '../format.ts';
import { oneVersionOf, packageNameOf } from '../maven/coordinates.ts';
import { checkEntryCount, type EntryFacts, Reading, unreadable } from '../reading.ts';
import { decodeText, hasStrayCarriageReturn, LINE_MAX_CHARACTERS, whyUnreadable } from '../text.ts';

/** The folder of one lock file for each configuration, as Gradle 4.8 to 6 have it. */
const FOLDER = /(?:^|\/)gradle\/dependency-locks\/[^/]+\.lockfile$/;
/** `gradle.lockfile`, `buildscript-gradle.lockfile`, and one for each variant of a build (`gradle-2.13.lockfile`). */
const FILE = /^(?:[\w.-]*-)?gradle(?:-[\w.-]+)?\.lockfile$/;
/** Begins the line of the configurations that have no dependencies. */
const EMPTY = 'empty=';
/** No name of a configuration may hold these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a control character is what this looks for
const NOT_CONFIGURATIONS = /[\u0000-\u001f/\\:<>"?*|=]/;
/** Configurations of the Java and Android plugins that only tests are built and run with. */
const OF_TESTS = /^test[A-Z]|(?:UnitTest|AndroidTest)[A-Z]/;

/**
 * `gradle.lockfile` and its like: `GROUP:NAME:VERSION=CONFIGURATION,...`, one a line. In a lock file of one configuration
 * (`gradle/dependency-locks`) the configuration is the name of the file.
 */
export const gradleLockfile: ManifestFormat = {
  name: 'gradle-lockfile',
  files: ['gradle.lockfile', 'buildscript-gradle.lockfile', 'gradle/dependency-locks/*.lockfile'],
  ecosystems: ['MAVEN'],
  lists: 'exact',
  maxBytes: LINES_LOCK_MAX_BYTES,
  matches: (path) => FILE.test(baseName(path)) || FOLDER.test(path),
  read(path, bytes): ManifestContent {
    const decoded = decodeText(bytes);
    const { text } = decoded;
    const reason = whyUnreadable(text) ?? whyNoLockFile(text);
    if (reason !== undefined) return unreadable(reason);
    const isOfOne = FOLDER.test(path) && !FILE.test(baseName(path));
    const lines = new LockLines(new Reading('MAVEN', decoded), isOfOne ? baseName(path).slice(0, -'.lockfile'.length) : undefined);
    let number = 1;
    for (let start = 0; start < text.length; number++) {
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      if (end - start > LINE_MAX_CHARACTERS) return unreadable(`line ${number} has more than ${LINE_MAX_CHARACTERS} characters`);
      lines.read(text.slice(start, text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end), number);
      start = end + 1;
    }
    return lines.content();
  },
};

const CARRIAGE_RETURN = 0x0d;

function whyNoLockFile(text: string): string | undefined {
  if (hasStrayCarriageReturn(text)) return 'a carriage return stands within a line';
  return text.trim() === '' ? 'an empty file: where nothing is locked, Gradle writes "empty="' : undefined;
}

class LockLines {
  readonly #reading: Reading;
  readonly #configuration: string | undefined;
  /** The few lists of configurations that a file repeats, and what they say. */
  readonly #uses = new Map<string, EntryFacts>();
  #entryCount = 0;
  #packageCount = 0;
  #hasEmpty = false;

  constructor(reading: Reading, configuration: string | undefined) {
    this.#reading = reading;
    this.#configuration = configuration;
  }

  read(line: string, number: number): void {
    if (line === '' || line.startsWith('#') || line.trim() === '') return;
    checkEntryCount(++this.#entryCount);
    if (line.startsWith(EMPTY)) {
      this.#hasEmpty = true;
      if (line.includes(':')) this.#addBad(line, number);
      return;
    }
    const equals = line.indexOf('=');
    const configurations = equals < 0 ? this.#configuration : line.slice(equals + 1);
    const [group = '', artifact = '', written = '', ...rest] = (equals < 0 ? line : line.slice(0, equals)).split(':');
    const name = packageNameOf(group, artifact);
    if (name === undefined || written === '' || rest.length > 0 || !configurations || NOT_CONFIGURATIONS.test(configurations)) {
      this.#addBad(line, number);
      return;
    }
    const one = oneVersionOf(written);
    if ('reason' in one) {
      this.#reading.addUnresolved(name, written, `line ${number}: ${one.reason}`);
      return;
    }
    this.#packageCount++;
    this.#reading.addPackage(name, one.version, { ...this.#useOf(configurations), line: number });
  }

  content(): ManifestContent {
    if (this.#hasEmpty || this.#configuration !== undefined) return this.#reading.content();
    if (this.#packageCount === 0)
      return unreadable('not a lock file of Gradle: no line is GROUP:NAME:VERSION=CONFIGURATIONS, and none is "empty="');
    this.#reading.addWarning('it has no line "empty=", which Gradle writes last: the end of the file may be missing');
    return this.#reading.content();
  }

  #useOf(configurations: string): EntryFacts {
    const known = this.#uses.get(configurations);
    if (known) return known;
    const groups = configurations.split(',').filter((configuration) => configuration !== '');
    const isDevelopment = groups.length > 0 && groups.every((group) => OF_TESTS.test(group));
    const use: EntryFacts = groups.length === 0 ? {} : { groups, isDevelopment };
    this.#uses.set(configurations, use);
    return use;
  }

  #addBad(line: string, number: number): void {
    this.#reading.addUnresolved(line.trim(), '', `line ${number} is not GROUP:NAME:VERSION=CONFIGURATIONS`);
  }
}
