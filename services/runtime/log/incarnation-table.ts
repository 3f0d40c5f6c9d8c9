/**
 * Incarnations of the log, as Postgres has them on record. Their numbers are consecutive from 1. Every
 * offset of one is below the `base` of the next, so that the offsets of an actor grow over a growth.
 */
import type { Database, Sql } from '../database/database.ts';
import { OperatingError } from '../errors.ts';

/** One of them: the topics that are written to, or were before a growth. */
export interface Incarnation {
  readonly number: number;
  readonly partitionCount: number;
  /** First offset of each of its partitions, as the rest of Prosa counts. */
  readonly base: number;
}

/** All on record, oldest first; none before the first set-up. */
export async function readIncarnations(database: Database): Promise<readonly Incarnation[]> {
  const { rows } = await database.transaction([], (sql) =>
    sql.query<{ number: number; partition_count: number; base_offset: string }>(
      'SELECT number, partition_count, base_offset FROM log_incarnations ORDER BY number',
    ),
  );
  return rows.map((row) => ({
    number: row.number,
    partitionCount: row.partition_count,
    base: Number(row.base_offset),
  }));
}

/** Puts one on record. Idempotent. */
export async function recordIncarnation(sql: Sql, { number, partitionCount, base }: Incarnation): Promise<void> {
  await sql.query(
    'INSERT INTO log_incarnations (number, partition_count, base_offset) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [number, partitionCount, base],
  );
}

/**
 * Those on record, or the first as it is configured. Throws `config.invalid` when another partition count
 * is configured than that of any: the setting counts for the first set-up, and is no wish for a growth.
 */
export function incarnationsFor(
  recorded: readonly Incarnation[],
  configured: number,
): readonly [Incarnation, ...Incarnation[]] {
  const [first, ...later] = recorded;
  if (first === undefined) return [{ number: 1, partitionCount: configured, base: 0 }];
  const all = [first, ...later] as const;
  if (all.some(({ partitionCount }) => partitionCount === configured)) return all;
  const now = later.at(-1) ?? first;
  throw new OperatingError(
    'config.invalid',
    `PROSA_PARTITIONS is ${configured}, but the topics have ${now.partitionCount} partitions. The setting counts for ` +
      `the first set-up only; \`npm run prosa -- topics grow --partitions N\` makes more.`,
  );
}
