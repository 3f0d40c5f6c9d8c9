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
import type { LoggedRecord } from './record-log.ts';

/** A stretch of a topic. */
export interface Stretch extends ReadSlice {
  readonly records: readonly ReadRecord[];
  /** It was read before, and Postgres lost what came of it: nobody knows what was done about it since. */
  readonly again: boolean;
}

/** What is followed. */
export interface Following {
  readonly group: string;
  readonly topic: string;
  /**
   * Writes a stretch and moves progress, in one transaction; false, with nothing written that is not written again, where
   * progress is not up to the stretch. Idempotent.
   */
  readonly write: (stretch: Stretch) => Promise<boolean>;
}

/** Writes stretches in order, after what is missing before them; true when something was. Throws `database.unavailable`, `log.unavailable`. */
export type Follower = (records: readonly ReadRecord[], slice: ReadSlice) => Promise<boolean>;

/** Makes the function that follows a topic. */
export function createFollower(
  runtime: Pick<Runtime, 'database' | 'log' | 'logger'>,
  { group, topic, write }: Following,
): Follower {
  const { database, log, logger } = runtime;

  const insist = async (stretch: Stretch): Promise<void> => {
    // Set back once more meanwhile.
    if (!(await write(stretch))) throw new OperatingError('database.unavailable');
  };

  const closeGap = async (partition: number, to: number): Promise<void> => {
    const progress = await progressOf(database, group, partition);
    if (progress === undefined) return;
    let from = progress;
    logger.warn('Postgres is behind the log, reading again', { topic, partition, offset: from, count: to - from });
    // What the log keeps no more cannot be read again.
    const start = (await log.ends(topic)).find((ends) => ends.partition === partition)?.start ?? 0;
    for await (const batch of log.readRange({ topic, partition, from: Math.min(Math.max(from, start), to), to })) {
      const nextOffset: number = (batch.at(-1)?.offset ?? from - 1) + 1;
      await insist({ partition, from, nextOffset, records: batch.flatMap(readable), again: true });
      from = nextOffset;
    }
    if (from < to) await insist({ partition, from, nextOffset: to, records: [], again: true });
  };

  return async (records, slice) => {
    const stretch = { ...slice, records, again: false };
    if (await write(stretch)) return false;
    await closeGap(slice.partition, slice.from);
    await insist(stretch);
    return true;
  };
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

/** Rolls a transaction back. */
class BehindLog extends Error {
  override readonly name = 'BehindLog';
}

/** Writes a stretch by statements that are asked for together: `Following.write` for who needs no more. Without tenants there is nothing to write. */
export async function writeWithProgress(
  database: Database,
  group: string,
  { slice, tenants }: { readonly slice: ReadSlice; readonly tenants: readonly string[] },
  write: (sql: Sql) => Promise<unknown>,
): Promise<boolean> {
  // Nothing but progress: should a crash of Postgres lose it, the same is read again. Nobody waits for the disk.
  if (tenants.length === 0) {
    const [, moved] = await database.queries([], [unawaited, progressMove(group, slice)]);
    return moved?.rowCount !== 0;
  }
  try {
    await database.transaction([...new Set(tenants)], async (sql) => {
      const [moved] = await Promise.all([sql.query(...progressMove(group, slice)), write(sql)]);
      if (moved.rowCount === 0) throw new BehindLog();
    });
    return true;
  } catch (caught) {
    if (caught instanceof BehindLog) return false;
    throw caught;
  }
}

/**
 * The statement that moves progress over a stretch; it returns no row, and changes nothing, where progress is not up to it.
 * Its lock makes those take turns who read the same records, as a reader does that does not know yet that it lost them.
 */
export const progressMove = (
  group: string,
  { partition, from, nextOffset }: ReadSlice,
): readonly [text: string, values: readonly unknown[]] => [moveText, [group, partition, from, nextOffset]];

const moveText = `
  INSERT INTO queue_progress AS p (consumer_group, partition, next_offset) VALUES ($1, $2, $4)
  ON CONFLICT (consumer_group, partition) DO UPDATE SET next_offset = greatest(p.next_offset, excluded.next_offset)
  WHERE p.next_offset >= $3 RETURNING next_offset`;

/** Locks progress; how far it is. Without a row it is at the beginning of the stretch. */
export async function lockProgress(sql: Sql, group: string, { partition, from }: ReadSlice): Promise<number> {
  const { rows } = await sql.query<{ readonly next_offset: string }>(
    `INSERT INTO queue_progress AS p (consumer_group, partition, next_offset) VALUES ($1, $2, $3)
     ON CONFLICT (consumer_group, partition) DO UPDATE SET next_offset = p.next_offset RETURNING next_offset`,
    [group, partition, from],
  );
  return Number(rows[0]?.next_offset ?? from);
}
