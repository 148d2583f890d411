import { isRecord, type References, resolveIntrinsics } from './intrinsics.ts';
import { TemplateError } from './plan.ts';

/**
 * Reads the properties of one resource and remembers which ones were looked at, so that `done` can refuse the rest: a property that
 * nobody read could change what the resource does. Intrinsics are resolved only in properties that are read.
 */
export class Properties {
  readonly where: string;
  readonly #raw: Readonly<Record<string, unknown>>;
  readonly #references: References;
  readonly #seen = new Set<string>();
  readonly #children: Properties[] = [];

  constructor(where: string, raw: unknown, references: References) {
    if (!isRecord(raw)) throw new TemplateError(`${where}: expected an object, found ${JSON.stringify(raw)}`);
    this.where = where;
    this.#raw = raw;
    this.#references = references;
  }

  /** The resolved value, `undefined` when absent. */
  value(name: string): unknown {
    this.#seen.add(name);
    return resolveIntrinsics(this.#raw[name], this.#references, `${this.where}.${name}`);
  }

  string(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') return value;
    return this.refuse(`${name} is no string: ${JSON.stringify(value)}`);
  }

  requiredString(name: string): string {
    return this.string(name) ?? this.refuse(`${name} is missing`);
  }

  /** CloudFormation takes numbers as text too. */
  number(name: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const number = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '') ? Number(value) : Number.NaN;
    return Number.isFinite(number) ? number : this.refuse(`${name} is no number: ${JSON.stringify(value)}`);
  }

  boolean(name: string): boolean | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    return this.refuse(`${name} is no boolean: ${JSON.stringify(value)}`);
  }

  /** The object under `name`, whose own properties `done` checks too. */
  child(name: string): Properties | undefined {
    this.#seen.add(name);
    const raw = this.#raw[name];
    return raw === undefined ? undefined : this.#adopt(`${this.where}.${name}`, raw);
  }

  /** The objects of the list under `name`; an absent list is empty. */
  children(name: string): Properties[] {
    this.#seen.add(name);
    const raw = this.#raw[name] ?? [];
    if (!Array.isArray(raw)) return this.refuse(`${name} is no list: ${JSON.stringify(raw)}`);
    return raw.map((item, index) => this.#adopt(`${this.where}.${name}[${index}]`, item));
  }

  /** Properties that change nothing on this machine: rights, encryption, backups, tags, capacity. */
  withoutLocalEffect(...names: readonly string[]): this {
    for (const name of names) this.#seen.add(name);
    return this;
  }

  /** Throws unless the property is absent or has the one value that the engines run. */
  only(name: string, allowed: unknown): void {
    const value = this.value(name);
    if (value !== undefined && value !== allowed) this.refuse(`${name} = ${JSON.stringify(value)} is not run by the local engines`);
  }

  /** Throws when a property is left that nobody read. */
  done(): void {
    const unread = Object.keys(this.#raw).filter((name) => !this.#seen.has(name));
    if (unread.length > 0) this.refuse(`${unread.join(', ')}: not understood by the local engines`);
    for (const child of this.#children) child.done();
  }

  refuse(problem: string): never {
    throw new TemplateError(`${this.where}: ${problem}`);
  }

  #adopt(where: string, raw: unknown): Properties {
    const child = new Properties(where, raw, this.#references);
    this.#children.push(child);
    return child;
  }
}
