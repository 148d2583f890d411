import { checkEntryCount } from '../reading.ts';
import { DEPENDENCY_GROUPS, type PnpmDeclared } from './entries.ts';
import { isCollection, readPair, UnexpectedLine } from './scalars.ts';

/** The lines of `importers:`, or of a dependency group at the top of a file with one project. */
export class ImporterLines {
  readonly #declared: PnpmDeclared[];
  readonly #importers: string[];
  /** How far the group names are indented. */
  readonly #groupIndent: number;
  #importer = '';
  #group: string;
  #name = '';
  #specifier: string | undefined;

  constructor(declared: PnpmDeclared[], importers: string[], groupIndent: number, group: string) {
    this.#declared = declared;
    this.#importers = importers;
    this.#groupIndent = groupIndent;
    this.#group = group;
    if (group !== '') this.#importer = '.';
  }

  read(indent: number, line: string): void {
    const depth = indent - this.#groupIndent;
    if (depth < 0) {
      if (indent !== 2) throw new UnexpectedLine();
      this.#importer = readPair(line).key;
      this.#group = '';
      this.#importers.push(this.#importer);
      checkEntryCount(this.#importers.length);
    } else if (this.#importer === '') {
      throw new UnexpectedLine();
    } else if (depth === 0) {
      this.#group = readPair(line).key;
      this.#name = '';
    } else if (this.#group === '') {
      throw new UnexpectedLine();
    } else if (DEPENDENCY_GROUPS.has(this.#group)) {
      this.#readDependency(depth, line);
    }
  }

  /** `name: version` in layout 5; later `name:` with `specifier` and `version` below it. */
  #readDependency(depth: number, line: string): void {
    const { key, value } = readPair(line);
    if (isCollection(value)) throw new UnexpectedLine();
    if (depth === 2) {
      this.#name = key;
      this.#specifier = undefined;
      if (value !== '') this.#declare(value);
    } else if (depth !== 4 || this.#name === '') {
      throw new UnexpectedLine();
    } else if (key === 'specifier') {
      this.#specifier = value;
    } else if (key === 'version' && value !== '') {
      this.#declare(value);
    }
  }

  #declare(version: string): void {
    const found = { importer: this.#importer, name: this.#name, version };
    this.#declared.push(this.#specifier === undefined ? found : { ...found, specifier: this.#specifier });
    checkEntryCount(this.#declared.length);
  }
}
