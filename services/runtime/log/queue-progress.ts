/**
 * How far a group's tables follow its topic, kept beside them in `queue_progress`. The group's offset on the log cannot
 * tell: where Postgres was set back to an earlier state, it is ahead of the tables.
 *
 * P1 Progress moves in the transaction that writes what was read, and never back.
 * P2 Nothing is written past a gap: what is missing is read again and written first.
 * P3 A partition without a row is followed from where the group is: nothing old is read again.
 */
import { type Database, type Sql, unawaited } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { recordOf } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import type { ReadRecord, ReadSlice } from './consume-records.ts';
import { GapBefore } from './joined-slices.ts';
import type { LoggedRecord } from './record-log.ts';

/** What is followed. */
export interface Following {
  readonly group: string;
  readonly topic: string;
  /**
   * Writes slices of several partitions and moves progress over them, in one transaction, which `progressMove` ends where
   * progress is not up to one of them. With `again` they were read before, and Postgres lost what came of them: nobody knows
   * what was done about it since. Resolves with whether there is something to do. Idempotent.
   */
  readonly write: (slices: readonly ReadSlice[], again: boolean) => Promise<boolean>;
}

/** What follows a topic: both resolve with whether there is something to do, and throw `GapBefore`, `database.unavailable`, `log.unavailable`. */
export interface Follower {
  readonly handle: (slices: readonly ReadSlice[]) => Promise<boolean>;
  readonly closeGap: (slice: ReadSlice, lost: AbortSignal) => Promise<boolean>;
}

/** Makes one. */
export function createFollower(
  runtime: Pick<Runtime, 'database' | 'log' | 'logger'>,
  { group, topic, write }: Following,
): Follower {
  const { database, log, logger } = runtime;

  const insist = async (slices: readonly ReadSlice[], again: boolean): Promise<boolean> => {
    try {
      return await write(slices, again);
    } catch (caught) {
      throw isBehind(caught) ? new GapBefore(undefined, { cause: caught }) : caught;
    }
  };

  const closeGap: Follower['closeGap'] = async ({ partition, from: to }, lost) => {
    let from = (await progressOf(database, group, partition)) ?? to;
    if (from >= to) return false;
    logger.warn('Postgres is behind the log, reading again', { topic, partition, offset: from, count: to - from });
    // What the log keeps no more cannot be read again.
    const start = (await log.ends(topic)).find((ends) => ends.partition === partition)?.start ?? 0;
    let hasWork = false;
    for await (const batch of log.readRange({ topic, partition, from: Math.min(Math.max(from, start), to), to })) {
      lost.throwIfAborted();
      const nextOffset: number = (batch.at(-1)?.offset ?? from - 1) + 1;
      hasWork = (await insist([{ partition, from, nextOffset, records: batch.flatMap(readable) }], true)) || hasWork;
      from = nextOffset;
    }
    if (from < to) await insist([{ partition, from, nextOffset: to, records: [] }], true);
    return hasWork;
  };

  return { handle: (slices) => insist(slices, false), closeGap };
}

/** What could not be decoded was parked when it was first read. */
function readable(logged: LoggedRecord): readonly ReadRecord[] {
  try {
    return [{ record: recordOf(logged), position: logged, value: logged.value }];
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return [];
  }
}

async function progressOf(database: Database, group: string, partition: number): Promise<number | undefined> {
  const { rows } = await database.query<{ readonly next_offset: string }>(
    [],
    'SELECT next_offset FROM queue_progress WHERE consumer_group = $1 AND partition = $2',
    [group, partition],
  );
  return rows[0] === undefined ? undefined : Number(rows[0].next_offset);
}

/** Writes by statements that are asked for together: for `Following.write`. Without tenants there is nothing but progress to write. */
export async function writeWithProgress(
  database: Database,
  group: string,
  { slices, tenants }: { readonly slices: readonly ReadSlice[]; readonly tenants: readonly string[] },
  write: (sql: Sql) => Promise<unknown>,
): Promise<void> {
  const move = progressMove(group, slices);
  // Should a crash of Postgres lose progress alone, the same is read again. Nobody waits for the disk.
  if (tenants.length === 0) await database.queries([], [unawaited, move]);
  else await database.transaction([...new Set(tenants)], (sql) => Promise.all([sql.query(...move), write(sql)]));
}

/**
 * The statement that moves progress over slices; it fails, and its transaction with it, where progress is not up to one of
 * them. Its locks make those take turns who read the same records, as a reader does that does not know yet that it lost them.
 */
export const progressMove = (
  group: string,
  slices: readonly ReadSlice[],
): readonly [text: string, values: readonly unknown[]] => [
  'SELECT prosa_move_progress($1, $2::int[], $3::bigint[], $4::bigint[])',
  [
    group,
    slices.map(({ partition }) => partition),
    slices.map(({ from }) => from),
    slices.map(({ nextOffset }) => nextOffset),
  ],
];

/** Whether `prosa_move_progress` ended a transaction. */
const isBehind = (caught: unknown): boolean => caught instanceof Error && 'code' in caught && caught.code === 'PR001';

/** Locks progress; how far it is, by partition. Without a row it is at the beginning of the slice. */
export async function lockProgress(
  sql: Sql,
  group: string,
  slices: readonly ReadSlice[],
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql.query<{ readonly partition: number; readonly next_offset: string }>(
    `INSERT INTO queue_progress AS p (consumer_group, partition, next_offset)
     SELECT $1, r.partition, r.next_offset FROM unnest($2::int[], $3::bigint[]) AS r (partition, next_offset) ORDER BY r.partition
     ON CONFLICT (consumer_group, partition) DO UPDATE SET next_offset = p.next_offset RETURNING partition, next_offset`,
    [group, slices.map(({ partition }) => partition), slices.map(({ from }) => from)],
  );
  return new Map(rows.map(({ partition, next_offset: offset }) => [partition, Number(offset)]));
}
