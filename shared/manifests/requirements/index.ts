import type { ManifestContent } from '../../model/manifest.ts';
import { foldPythonName } from '../../model/python-name.ts';
import { baseName, type ManifestFormat, type ReadFile } from '../format.ts';
import { PythonPackages } from '../python/packages.ts';
import { checkEntryCount, Reading, unreadable } from '../reading.ts';
import { decodeText, whyUnreadable } from '../text.ts';
import { logicalLines } from './lines.ts';
import { type Option, parseOptions } from './options.ts';
import { resolveInclude } from './paths.ts';
import { parseEditable, parseRequirementLine, type Requirement } from './requirement.ts';

/** The largest requirements files, with every hash, have some 500 KiB. */
const REQUIREMENTS_MAX_BYTES = 4 * 1024 * 1024;
/** Files that one requirements file may draw in, by `-r` and `-c` together. */
const MAX_INCLUDES = 100;
/** Beyond these, lines to be warned of are counted. */
const MAX_WARNINGS = 40;

/**
 * pip's requirements files: every `*.txt` with `requirements` in its name (any case), and every `*.txt` in a folder of the name
 * `requirements`. Only `==` and `===` without a wildcard are pins; markers do not matter. What `-r` names is read as well, and
 * `-c` gives versions to what is not pinned and installs nothing. Both are looked for in the repository only.
 */
export const requirements: ManifestFormat = {
  name: 'requirements',
  files: ['*requirements*.txt', 'requirements/*.txt'],
  ecosystems: ['PYPI'],
  lists: 'declared',
  maxBytes: REQUIREMENTS_MAX_BYTES,
  matches: (path) => /requirements[^/]*\.txt$/i.test(baseName(path)) || /(?:^|\/)requirements\/[^/]*\.txt$/i.test(path),
  async read(path, bytes, readSibling): Promise<ManifestContent> {
    const decoded = decodeText(bytes);
    const reason = whyUnreadable(decoded.text);
    if (reason !== undefined) return unreadable(reason);
    const files = new RequirementFiles(new Reading('PYPI', decoded), readSibling);
    await files.read(path, decoded.text, false);
    return files.content();
  },
};

interface Pinned {
  /** As first spelled. */
  readonly name: string;
  /** Version -> the line that names it first, where that is in the file itself. */
  readonly versions: Map<string, number | undefined>;
}

/** One requirements file and everything that it draws in. */
class RequirementFiles {
  readonly #reading: Reading;
  readonly #readSibling: ReadFile;
  readonly #visited = new Set<string>();
  /** By folded name. */
  readonly #pinned = new Map<string, Pinned>();
  readonly #constraints = new Map<string, Set<string>>();
  readonly #unpinned: { readonly name: string; readonly requirement: string; readonly line: number | undefined }[] = [];
  /** The address of the index that replaces the usual one. */
  #index: string | undefined;
  #hasOtherPlaces = false;
  #warningCount = 0;
  #validCount = 0;
  #invalidCount = 0;

  constructor(reading: Reading, readSibling: ReadFile) {
    this.#reading = reading;
    this.#readSibling = readSibling;
  }

  async read(path: string, text: string, isConstraint: boolean): Promise<void> {
    const isMain = this.#visited.size === 0;
    this.#visited.add(visit(path, isConstraint));
    for (const line of logicalLines(text)) {
      const lineNumber = isMain ? line.line : undefined;
      if (line.isTooLong) {
        this.#addInvalid(line.text, 'a line longer than any requirement');
      } else if (!line.text.startsWith('-')) {
        const { requirement, stray } = parseRequirementLine(line.text);
        this.#add(requirement, isConstraint, lineNumber);
        if (stray !== undefined) this.#warn(`${path}, line ${line.line}: neither a condition nor an option, not read: ${stray}`);
      } else {
        for (const option of parseOptions(line.text)) {
          if (option.kind === 'unknown') {
            this.#addInvalid(option.text, 'an option that pip does not take in a file');
            continue;
          }
          this.#validCount++;
          if (option.kind === 'include') await this.#include(path, option.path, option.isConstraint);
          else if (option.kind === 'editable') this.#add(parseEditable(option.value), isConstraint, lineNumber);
          else this.#addPlace(option);
        }
      }
    }
  }

  content(): ManifestContent {
    if (this.#validCount === 0 && this.#invalidCount > 0) return unreadable('not a requirements file: none of its lines is a requirement');
    if (this.#warningCount > MAX_WARNINGS) this.#reading.addWarning(`${this.#warningCount - MAX_WARNINGS} more lines are to be warned of`);
    const packages = new PythonPackages(this.#reading);
    const index = this.#hasOtherPlaces ? undefined : this.#index;
    for (const { name, versions } of this.#pinned.values()) {
      for (const [version, line] of versions) packages.add(name, version, line === undefined ? {} : { line }, index);
    }
    for (const { name, requirement, line } of this.#unpinned) {
      const versions = this.#constraints.get(foldPythonName(name));
      for (const version of versions ?? []) packages.add(name, version, line === undefined ? {} : { line }, index);
      if (!versions)
        this.#reading.addUnresolved(name, requirement, requirement === '' ? 'no version is given' : 'not pinned to one exact version');
    }
    return this.#reading.content();
  }

  #warn(sentence: string): void {
    if (++this.#warningCount <= MAX_WARNINGS) this.#reading.addWarning(sentence);
  }

  #addPlace(option: Extract<Option, { kind: 'index' | 'another-place' | 'warning' }>): void {
    if (option.kind === 'index') {
      this.#index = option.address;
      this.#warn(`packages come from an index that the file names: ${option.address}`);
    } else {
      if (option.kind === 'another-place') this.#hasOtherPlaces = true;
      this.#warn(option.sentence);
    }
  }

  #add(requirement: Requirement, isConstraint: boolean, line: number | undefined): void {
    if (requirement.kind === 'invalid') {
      this.#addInvalid(requirement.text, 'not a requirement that pip would take');
      return;
    }
    this.#validCount++;
    if (requirement.kind === 'pinned') {
      const folded = foldPythonName(requirement.name);
      if (isConstraint) {
        this.#constraints.set(folded, (this.#constraints.get(folded) ?? new Set()).add(requirement.version));
      } else {
        const pinned = this.#pinned.get(folded) ?? { name: requirement.name, versions: new Map() };
        this.#pinned.set(folded, pinned);
        if (!pinned.versions.has(requirement.version)) pinned.versions.set(requirement.version, line);
        checkEntryCount(this.#pinned.size);
      }
    } else if (requirement.kind === 'unpinned' && !isConstraint) {
      this.#unpinned.push({ ...requirement, line });
      checkEntryCount(this.#unpinned.length);
    } else if (requirement.kind === 'remote' && !isConstraint) {
      this.#reading.addUnsupported(requirement.name, requirement.address, 'comes from an address of its own, not from a registry');
    } else if (requirement.kind === 'local' && !isConstraint) {
      this.#reading.addLocal(requirement.name, requirement.path, 'a folder or file of our own');
    } else if (requirement.kind === 'outside' && !isConstraint) {
      this.#reading.addUnresolved(requirement.name, requirement.path, 'a path that leads out of the repository');
    }
  }

  #addInvalid(text: string, reason: string): void {
    this.#invalidCount++;
    this.#reading.addUnresolved(text.split(/\s/, 1)[0] ?? text, text, reason);
  }

  /** A missing file of requirements is a gap. A missing one of constraints leaves its own gaps: what it would have pinned. */
  async #include(from: string, target: string, isConstraint: boolean): Promise<void> {
    const path = resolveInclude(from, target);
    if (path !== undefined && this.#visited.has(visit(path, isConstraint))) return;
    const found = path === undefined ? 'lies outside the repository and is not read' : await this.#readInclude(path);
    if (typeof found === 'string') {
      if (isConstraint) this.#warn(`the constraints file ${target} ${found}`);
      else this.#reading.addUnresolved(target, `-r ${target}`, `the requirements file ${target} ${found}`);
    } else if (path !== undefined) {
      await this.read(path, found.text, isConstraint);
    }
  }

  async #readInclude(path: string): Promise<string | { readonly text: string }> {
    if (this.#visited.size > MAX_INCLUDES) return `is not read: ${MAX_INCLUDES} files were drawn in before it`;
    const bytes = await this.#readSibling(path);
    if (bytes === undefined) return 'is not in the repository';
    if (bytes.length > REQUIREMENTS_MAX_BYTES) return `is too large: ${bytes.length} bytes`;
    const { text, damaged } = decodeText(bytes);
    if (damaged) this.#warn(`${path} is not valid UTF-8: unreadable bytes were replaced`);
    const reason = whyUnreadable(text);
    return reason === undefined ? { text } : `is unreadable: ${reason}`;
  }
}

function visit(path: string, isConstraint: boolean): string {
  return `${isConstraint ? '-c' : '-r'} ${path}`;
}
