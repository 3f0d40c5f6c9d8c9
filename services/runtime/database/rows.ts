/**
 * Many rows in one statement: columns go over as arrays, so the statement's text does not depend on
 * the number of rows.
 */
import type { Sql } from './database.ts';

/** A column of a statement: its type in Postgres and its value in a row. */
export type Columns<Row> = Readonly<Record<string, readonly [type: string, value: (row: Row) => unknown]>>;

/** The values of rows, one array per column, for `unnest`. */
export const columnValues = <Row>(columns: Columns<Row>, rows: readonly Row[]): readonly (readonly unknown[])[] =>
  Object.values(columns).map(([, value]) => rows.map((row) => storable(value(row))));

/**
 * Inserts rows. `conflict` is what follows `ON CONFLICT`. Does nothing for no rows; resolves with
 * what `returning` names.
 */
export async function insertRows<Row, Returned = never>(
  sql: Sql,
  table: string,
  columns: Columns<Row>,
  rows: readonly Row[],
  conflict: string,
  returning?: string,
): Promise<readonly Returned[]> {
  if (rows.length === 0) return [];
  const named = Object.entries(columns);
  const inserted = await sql.query<Returned>(
    `INSERT INTO ${table} (${named.map(([name]) => name).join(', ')})
     SELECT * FROM unnest(${named.map(([, [type]], i) => `$${i + 1}::${type}[]`).join(', ')})
     ON CONFLICT ${conflict}${returning === undefined ? '' : ` RETURNING ${returning}`}`,
    columnValues(columns, rows),
  );
  return inserted.rows;
}

/** Postgres' text holds every character but NUL. */
const storable = (value: unknown): unknown =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\u{FFFD}') : value;
