/**
 * Snapshots, epochs and progress in Postgres.
 *
 * S1 Nothing is written under an epoch that is not the partition's newest. Epochs grow with the clock, so
 *    that none comes twice, also when Postgres was set back to an earlier state.
 * S2 Of each actor the newest version at or below the committed offset is kept until a newer one is
 *    committed, so that a slice whose commit fails costs nothing.
 * S3 `actors_begun` is truth: an actor in it is never taken for a new one.
 * S4 Of a partition it is known which offset was committed when its last slice was written, and which
 *    one that slice leads to. A log that committed neither tells that Postgres was set back: a running
 *    host then writes nothing more, and the next take-over folds what is gone.
 */
import type { Database, Sql } from '../database/database.ts';
import { OperatingError } from '../errors.ts';

/** A snapshot to be written, sealed. */
export interface SnapshotRow {
  readonly tenant: string;
  readonly actor: string;
  readonly nextOffset: number;
  readonly machine: string;
  readonly machineVersion: string;
  readonly state: string;
  readonly status: string;
  readonly episode: number;
  readonly held: number;
  readonly body: Buffer;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  /** Offset of the actor's first record, when this is its first snapshot. */
  readonly begunOffset: number | undefined;
}

/** What a slice writes. */
export interface SnapshotWrite {
  readonly partition: number;
  readonly epoch: number;
  /** Test seam: true writes under any epoch. */
  readonly anyEpoch?: boolean;
  /** What was committed before the slice. */
  readonly committedOffset: number;
  readonly nextOffset: number;
  readonly rows: readonly SnapshotRow[];
}

/** What is stored of an actor. */
export interface StoredActor {
  readonly tenant: string;
  readonly actor: string;
  /** The person under whose keys it is sealed; undefined for actors that are not conversations. */
  readonly person: string | undefined;
  /** Offset of its first record; undefined when it has not begun. */
  readonly begunOffset: number | undefined;
  /** The newest snapshot at or below the offset asked for. */
  readonly snapshot: { readonly nextOffset: number; readonly body: Buffer } | undefined;
}

/** A take-over of a partition. */
export interface Takeover {
  readonly epoch: number;
  /** Offset up to which every snapshot is there, as far as what is committed on the log tells. */
  readonly progress: number;
  /** Take-overs in a row, this one included, that began at the same committed offset. */
  readonly startsWithoutProgress: number;
}

/** Names the tenants whose rows a transaction touches, inside a transaction that somebody else began. */
export async function declareTenants(sql: Sql, tenants: readonly string[]): Promise<void> {
  await sql.query(`SELECT set_config('app.tenants', $1, true)`, [tenants.join(',')]);
}

/** Begins a new epoch of a partition (S1): from now on its predecessor writes nothing. */
export async function takeOver(database: Database, partition: number, startOffset: number): Promise<Takeover> {
  return database.transaction([], async (sql) => {
    const taken = await sql.query<{ epoch: string; progress: string; suspect_count: number }>(
      `INSERT INTO actor_partitions AS p (partition, epoch, suspect_start, suspect_count)
       VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, $2, 1)
       ON CONFLICT (partition) DO UPDATE SET
         epoch = greatest(p.epoch + 1, excluded.epoch),
         suspect_count = CASE WHEN p.suspect_start = $2 THEN p.suspect_count + 1 ELSE 1 END,
         suspect_start = $2
       RETURNING epoch, CASE WHEN progress = $2 THEN progress ELSE least(committed, progress) END AS progress, suspect_count`,
      [partition, startOffset],
    );
    const row = taken.rows[0];
    if (row === undefined) throw new OperatingError('database.unavailable');
    return { epoch: Number(row.epoch), progress: Number(row.progress), startsWithoutProgress: row.suspect_count };
  });
}

/** Marks that a record is about to be applied; returns how often it was begun before and the process ended. */
export async function markAttempt(
  database: Database,
  partition: number,
  epoch: number,
  offset: number,
): Promise<number> {
  return database.transaction([], async (sql) => {
    const marked = await sql.query<{ attempt_count: number }>(
      `UPDATE actor_partitions SET
         attempt_count = CASE WHEN attempt_offset = $3 THEN attempt_count + 1 ELSE 1 END,
         attempt_offset = $3
       WHERE partition = $1 AND epoch = $2 RETURNING attempt_count`,
      [partition, epoch, offset],
    );
    const row = marked.rows[0];
    if (row === undefined) throw new OperatingError('log.fenced');
    return row.attempt_count - 1;
  });
}

/**
 * Takes back the mark of a record whose application failed without ending the process: that was no death. Under
 * whatever epoch: who loses the partition at a record did not die of it either.
 */
export async function unmarkAttempt(database: Database, partition: number, offset: number): Promise<void> {
  await database.transaction([], (sql) =>
    sql.query(
      `UPDATE actor_partitions SET attempt_count = attempt_count - 1
       WHERE partition = $1 AND attempt_offset = $2 AND attempt_count > 0`,
      [partition, offset],
    ),
  );
}

interface StoredRow {
  readonly actor: string;
  readonly person: string | null;
  readonly begun_offset: string | null;
  readonly next_offset: string | null;
  readonly body: Buffer | null;
}

/** What is stored of some actors, as of a committed offset: one query for all misses of a slice. */
export async function loadActors(
  database: Database,
  actors: readonly { readonly tenant: string; readonly actor: string }[],
  committedOffset: number,
): Promise<readonly StoredActor[]> {
  const tenantOf = new Map(actors.map(({ actor, tenant }) => [actor, tenant]));
  const found = await database.transaction([...new Set(tenantOf.values())], (sql) =>
    sql.query<StoredRow>(
      // Each is asked for alone: a join that is planned while the tables are empty reads all rows of the tenants.
      `SELECT a.actor, c.person, b.begun_offset, s.next_offset, s.body
       FROM unnest($1::text[]) AS a (actor)
       LEFT JOIN LATERAL (SELECT person FROM conversations WHERE id = a.actor LIMIT 1) c ON true
       LEFT JOIN LATERAL (SELECT begun_offset FROM actors_begun WHERE actor = a.actor LIMIT 1) b ON true
       LEFT JOIN LATERAL (
         SELECT next_offset, body FROM actor_snapshots WHERE actor = a.actor AND next_offset <= $2
         ORDER BY next_offset DESC LIMIT 1
       ) s ON true`,
      [[...tenantOf.keys()], committedOffset],
    ),
  );
  return found.rows.map((row) => ({
    tenant: tenantOf.get(row.actor) ?? '',
    actor: row.actor,
    person: row.person ?? undefined,
    begunOffset: row.begun_offset === null ? undefined : Number(row.begun_offset),
    snapshot:
      row.next_offset === null || row.body === null
        ? undefined
        : { nextOffset: Number(row.next_offset), body: row.body },
  }));
}

/**
 * Writes a slice's snapshots and the progress of the partition, in the transaction given. Throws
 * `log.fenced` when the epoch is not the newest, or when snapshots before it are gone (S4).
 */
export async function writeSnapshots(sql: Sql, slice: SnapshotWrite): Promise<void> {
  const { rows } = slice;
  // All at once: where the first finds that the epoch is over, the others are rolled back with it.
  const [isMine] = await Promise.all([
    moveProgress(sql, slice),
    ...(rows.length === 0 ? [] : [insertSnapshots(sql, slice), deleteSuperseded(sql, slice), insertBegun(sql, rows)]),
  ]);
  if (!isMine) throw new OperatingError('log.fenced');
}

/** The row lock makes a take-over wait until this transaction ends (S1). */
async function moveProgress(sql: Sql, slice: SnapshotWrite): Promise<boolean> {
  const mine = await sql.query(
    `UPDATE actor_partitions SET progress = $3, committed = $5
     WHERE partition = $1 AND (epoch = $2 OR $4) AND $5 IN (committed, progress)`,
    [slice.partition, slice.epoch, slice.nextOffset, slice.anyEpoch ?? false, slice.committedOffset],
  );
  return mine.rowCount === 1;
}

async function insertSnapshots(sql: Sql, { rows, partition, epoch }: SnapshotWrite): Promise<void> {
  const column = <K extends keyof SnapshotRow>(name: K) => rows.map((row) => row[name]);
  await sql.query(
    `INSERT INTO actor_snapshots (tenant, actor, next_offset, partition, epoch, machine, machine_version, state, status, episode, held, body, updated_at)
     SELECT t, a, n, $3, $4, m, mv, st, ss, e, h, b, to_timestamp(u / 1000.0)
     FROM unnest($1::text[], $2::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::int[], $12::bytea[], $13::bigint[])
       AS r (t, a, n, m, mv, st, ss, e, h, b, u)
     ON CONFLICT (actor, next_offset) DO UPDATE SET
       epoch = excluded.epoch, machine = excluded.machine, machine_version = excluded.machine_version, state = excluded.state,
       status = excluded.status, episode = excluded.episode, held = excluded.held, body = excluded.body, updated_at = excluded.updated_at`,
    [
      column('tenant'),
      column('actor'),
      partition,
      epoch,
      column('nextOffset'),
      column('machine'),
      column('machineVersion'),
      column('state'),
      column('status'),
      column('episode'),
      column('held'),
      column('body'),
      column('updatedAt'),
    ],
  );
}

/** S2: of the versions at or below what was committed before this slice, the newest alone can be asked for. */
async function deleteSuperseded(sql: Sql, { rows, committedOffset }: SnapshotWrite): Promise<void> {
  await sql.query(
    `DELETE FROM actor_snapshots s USING unnest($1::text[]) AS a (actor) CROSS JOIN LATERAL (
       SELECT next_offset AS kept FROM actor_snapshots WHERE actor = a.actor AND next_offset <= $2
       ORDER BY next_offset DESC LIMIT 1
     ) k WHERE s.actor = a.actor AND s.next_offset < k.kept`,
    [rows.map(({ actor }) => actor), committedOffset],
  );
}

async function insertBegun(sql: Sql, rows: readonly SnapshotRow[]): Promise<void> {
  const begun = rows.filter((row) => row.begunOffset !== undefined);
  if (begun.length === 0) return;
  await sql.query(
    `INSERT INTO actors_begun (tenant, actor, begun_offset) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
     ON CONFLICT (actor) DO NOTHING`,
    [begun.map((row) => row.tenant), begun.map((row) => row.actor), begun.map((row) => row.begunOffset)],
  );
}
