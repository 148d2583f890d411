import { SqlError } from './sql-error.ts';

export interface ColumnName {
  readonly table: string;
  readonly column: string;
}

export type Literal = string | number | boolean;

/** `LIKE` with a text that ends in its only `%`: the text before it. */
export type Condition =
  | { readonly column: ColumnName; readonly is: 'in'; readonly values: readonly Literal[] }
  | { readonly column: ColumnName; readonly is: 'prefix'; readonly prefix: string };

export interface Query {
  /** Empty for `COUNT(*)`. */
  readonly columns: readonly ColumnName[];
  /** The one of FROM first. */
  readonly tables: readonly string[];
  readonly conditions: readonly Condition[];
  readonly orderBy: readonly { readonly column: ColumnName; readonly descending: boolean }[];
  readonly limit: number | undefined;
}

/** What of SafeDep's dialect is served. */
export const SQL_SUBSET =
  "SELECT table.column, ... or COUNT(*) FROM table [JOIN table ON ...] [WHERE table.column = value | IN (...) | LIKE 'prefix%' [AND ...]] [ORDER BY table.column [DESC]] [LIMIT n]";

type Token = { readonly kind: 'word' | 'sign'; readonly text: string } | { readonly kind: 'literal'; readonly value: Literal };

const TOKEN = /\s+|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)|'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)|([(),=*;<>!])/y;

/** Words that end what stands after `ON`. */
const AFTER_ON = new Set(['JOIN', 'INNER', 'LEFT', 'RIGHT', 'FULL', 'CROSS', 'WHERE', 'GROUP', 'ORDER', 'LIMIT', 'HAVING', 'UNION']);

/**
 * Reads a query of the subset. What stands after `ON` is not looked at, as at SafeDep: how tables are joined is the service's.
 *
 * @throws SqlError for anything else, with what it is.
 */
export function parseQuery(text: string): Query {
  return new Parser(tokens(text)).query();
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new SqlError(`cannot read from ${JSON.stringify(text.slice(at, at + 20))} on`);
    const [, word, quoted, number, sign] = match;
    if (quoted !== undefined) found.push({ kind: 'literal', value: quoted.replaceAll("''", "'") });
    else if (number !== undefined) found.push({ kind: 'literal', value: Number(number) });
    else if (word !== undefined && /^(true|false)$/i.test(word)) found.push({ kind: 'literal', value: word.toLowerCase() === 'true' });
    else if (word !== undefined) found.push({ kind: 'word', text: word });
    else if (sign !== undefined) found.push({ kind: 'sign', text: sign });
  }
  return found;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(all: readonly Token[]) {
    this.#tokens = all;
  }

  query(): Query {
    this.#require('SELECT');
    const columns = this.#selected();
    this.#require('FROM');
    const tables = [this.#tableName()];
    while (this.#takes('JOIN') || this.#takes('INNER', 'JOIN')) tables.push(this.#joined());
    const conditions: Condition[] = [];
    if (this.#takes('WHERE')) conditions.push(...this.#list(() => this.#condition(), 'AND'));
    const orderBy = this.#takes('ORDER', 'BY') ? this.#list(() => this.#ordered(), ',') : [];
    const limit = this.#takes('LIMIT') ? this.#wholeNumber() : undefined;
    this.#takes(';');
    if (this.#at < this.#tokens.length) throw this.#unexpected('the end');
    return { columns, tables, conditions, orderBy, limit };
  }

  #selected(): readonly ColumnName[] {
    if (this.#takes('COUNT', '(', '*', ')')) return [];
    return this.#list(() => this.#columnName(), ',');
  }

  #joined(): string {
    const table = this.#tableName();
    this.#require('ON');
    let depth = 0;
    const start = this.#at;
    for (let word = this.#word(); word !== undefined && (depth > 0 || !AFTER_ON.has(word)); word = this.#word()) {
      if (word === ';') break;
      if (word === '(') depth++;
      if (word === ')') depth--;
      this.#at++;
    }
    if (this.#at === start) throw this.#unexpected('a condition after ON');
    return table;
  }

  #condition(): Condition {
    const column = this.#columnName();
    if (this.#takes('=')) return { column, is: 'in', values: [this.#literal()] };
    if (this.#takes('IN', '(')) {
      const values = this.#list(() => this.#literal(), ',');
      this.#require(')');
      return { column, is: 'in', values };
    }
    if (!this.#takes('LIKE')) throw this.#unexpected('=, IN or LIKE');
    const pattern = this.#literal();
    if (typeof pattern !== 'string' || !/^[^%_]+%$/.test(pattern)) throw new SqlError("LIKE takes a prefix only: 'text%'");
    return { column, is: 'prefix', prefix: pattern.slice(0, -1) };
  }

  #ordered() {
    const column = this.#columnName();
    const descending = this.#takes('DESC');
    if (!descending) this.#takes('ASC');
    return { column, descending };
  }

  #columnName(): ColumnName {
    const token = this.#tokens[this.#at];
    const [table, column] = token?.kind === 'word' ? token.text.toLowerCase().split('.') : [];
    if (table === undefined || column === undefined) throw this.#unexpected('a column as table.column');
    this.#at++;
    return { table, column };
  }

  #tableName(): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || token.text.includes('.') || AFTER_ON.has(token.text.toUpperCase())) throw this.#unexpected('a table');
    this.#at++;
    return token.text.toLowerCase();
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'literal') throw this.#unexpected('a value');
    this.#at++;
    return token.value;
  }

  #wholeNumber(): number {
    const value = this.#literal();
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new SqlError('LIMIT takes a whole number');
    return value;
  }

  #list<T>(one: () => T, separator: string): T[] {
    const all = [one()];
    while (this.#takes(separator)) all.push(one());
    return all;
  }

  /** The word or sign here in capitals; a value stands as something that no keyword is. */
  #word(offset = 0): string | undefined {
    const token = this.#tokens[this.#at + offset];
    return token?.kind === 'literal' ? `'${token.value}'` : token?.text.toUpperCase();
  }

  #takes(...words: readonly string[]): boolean {
    if (!words.every((word, offset) => this.#word(offset) === word)) return false;
    this.#at += words.length;
    return true;
  }

  #require(word: string): void {
    if (!this.#takes(word)) throw this.#unexpected(word);
  }

  #unexpected(wanted: string): SqlError {
    const found = this.#word();
    return new SqlError(`expected ${wanted}${found === undefined ? ' before the end' : `, not ${found}`}`);
  }
}
