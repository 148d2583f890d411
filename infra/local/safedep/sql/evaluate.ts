import { type ColumnName, type Condition, type Literal, parseQuery } from './parse.ts';
import { SqlError } from './sql-error.ts';
import { SQL_TABLES, type SqlColumn, type SqlRow, type SqlTable, type SqlValue } from './tables.ts';

export interface SqlAnswer {
  readonly columns: readonly { readonly name: string; readonly type: SqlColumn['type'] | 'INT' }[];
  readonly rows: readonly Readonly<Record<string, SqlValue>>[];
}

/** Rows of several tables that belong together. */
interface Joined {
  readonly place: SqlRow['place'];
  readonly values: ReadonlyMap<string, SqlRow['values']>;
}

/**
 * Runs a query over rows by table.
 *
 * @throws SqlError for what is outside the subset, or names what is not there.
 */
export function evaluate(text: string, rowsOf: (table: string) => readonly SqlRow[]): SqlAnswer {
  const query = parseQuery(text);
  const tables = query.tables.map(tableNamed);
  if (tables.every(({ joinOnly }) => joinOnly)) throw new SqlError(`${query.tables[0]} can only be joined to a table of the tenant`);
  const used = [...query.columns, ...query.conditions.map(({ column }) => column), ...query.orderBy.map(({ column }) => column)];
  for (const column of used) {
    if (!query.tables.includes(column.table)) throw new SqlError(`${column.table} stands neither in FROM nor in JOIN`);
    columnNamed(column);
  }
  const tests = query.conditions.map(toTest);
  const found = join(tables, rowsOf).filter((row) => tests.every((test) => test(row)));
  if (query.columns.length === 0) return { columns: [{ name: 'count', type: 'INT' }], rows: [{ count: found.length }] };
  if (query.orderBy.length > 0) found.sort((a, b) => compare(a, b, query.orderBy));
  return {
    columns: query.columns.map((column) => ({ name: qualified(column), type: columnNamed(column).type })),
    rows: found
      .slice(0, query.limit)
      .map((row) => Object.fromEntries(query.columns.map((column) => [qualified(column), valueIn(row, column)]))),
  };
}

function join(tables: readonly SqlTable[], rowsOf: (table: string) => readonly SqlRow[]): Joined[] {
  const [first, ...others] = tables as [SqlTable, ...SqlTable[]];
  let joined: Joined[] = rowsOf(first.name).map(({ place, values }) => ({ place, values: new Map([[first.name, values]]) }));
  const belongsTo = new Set(first.belongsTo);
  const names = new Set([first.name]);
  for (const table of others) {
    if (names.has(table.name)) throw new SqlError(`${table.name} is named twice`);
    names.add(table.name);
    const shared = table.belongsTo.filter((each) => belongsTo.has(each));
    if (shared.length === 0) throw new SqlError(`no edge joins ${table.name} to ${[...belongsTo].join(', ')}: ask GetSchema for them`);
    const keyOf = ({ place }: { readonly place: SqlRow['place'] }) => JSON.stringify(shared.map((each) => place[each]));
    const byKey = Map.groupBy(rowsOf(table.name), keyOf);
    joined = joined.flatMap((row) =>
      (byKey.get(keyOf(row)) ?? []).map(({ place, values }) => ({
        place: { ...row.place, ...place },
        values: new Map([...row.values, [table.name, values]]),
      })),
    );
    for (const each of table.belongsTo) belongsTo.add(each);
  }
  return joined;
}

function toTest(condition: Condition): (row: Joined) => boolean {
  const { column } = condition;
  const described = columnNamed(column);
  if (condition.is === 'prefix') {
    if (described.type !== 'STRING') throw new SqlError(`LIKE needs a text, ${qualified(column)} is ${described.type}`);
    return (row) => String(valueIn(row, column)).startsWith(condition.prefix);
  }
  const values = new Set<SqlValue>(condition.values.map((value) => comparable(column, described, value)));
  return (row) => values.has(valueIn(row, column));
}

/** A value as the column has it; an enum's may be asked for by name. @throws SqlError for one of another type. */
function comparable(column: ColumnName, { type, enumNumbers }: SqlColumn, value: Literal): SqlValue {
  if (type === 'ENUM') {
    const number = typeof value === 'number' ? value : enumNumbers?.[String(value)];
    if (number !== undefined) return number;
  } else if (typeof value === (type === 'BOOL' ? 'boolean' : 'string')) {
    return value;
  }
  throw new SqlError(`${qualified(column)} is ${type} and cannot be compared with ${JSON.stringify(value)}`);
}

function compare(a: Joined, b: Joined, orderBy: readonly { readonly column: ColumnName; readonly descending: boolean }[]): number {
  for (const { column, descending } of orderBy) {
    const [left, right] = [valueIn(a, column), valueIn(b, column)];
    if (left !== right) return left < right === descending ? 1 : -1;
  }
  return 0;
}

function valueIn(row: Joined, { table, column }: ColumnName): SqlValue {
  return row.values.get(table)?.[column] ?? '';
}

function tableNamed(name: string): SqlTable {
  const table = SQL_TABLES.find((each) => each.name === name);
  if (table === undefined) throw new SqlError(`there is no table ${name}; there are ${SQL_TABLES.map((each) => each.name).join(', ')}`);
  return table;
}

function columnNamed({ table, column }: ColumnName): SqlColumn {
  const { columns } = tableNamed(table);
  const found = columns.find(({ name }) => name === column);
  if (found === undefined) throw new SqlError(`${table} has no column ${column}; it has ${columns.map(({ name }) => name).join(', ')}`);
  return found;
}

function qualified({ table, column }: ColumnName): string {
  return `${table}.${column}`;
}
