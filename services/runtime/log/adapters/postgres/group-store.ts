/**
 * Consumer groups in tables: members with leases, and cursors with owners and epochs.
 *
 * Owns no state. Invariants:
 * G1 A lease that ran out (by the database's clock) is never renewed, so "its owner is gone" stays true.
 * G2 Taking a cursor raises its epoch and reads its offset in one statement, under the lock that a
 *    commit of the earlier owner would hold: what is read is where that owner truly ended.
 * G3 Nobody waits for a cursor that a commit holds: it is passed over and tried again.
 * G4 Every change of members or owners raises the group's generation in the same transaction.
 */
import type { Sql } from '../../../database/database.ts';
import { noSuchTopic } from './log-errors.ts';

/** A group on a topic. */
export interface GroupTopic {
  readonly group: string;
  readonly topic: string;
}

/** Members with a valid lease, and who owns which partition (null: nobody). */
export interface GroupView {
  readonly generation: number;
  readonly members: readonly string[];
  readonly cursors: readonly CursorView[];
}

/** One cursor as seen before anything is decided about it. */
export interface CursorView {
  readonly partition: number;
  readonly owner: string | null;
  readonly committedOffset: number | null;
}

/** A cursor that was taken, with the ends of its partition. */
export interface TakenCursor {
  readonly partition: number;
  readonly epoch: number;
  readonly committedOffset: number | null;
  readonly startOffset: number;
  readonly stableEnd: number;
}

const raiseGenerationText = `
  INSERT INTO log.groups (consumer_group, topic, generation) VALUES ($1, $2, 1)
  ON CONFLICT (consumer_group, topic) DO UPDATE SET generation = log.groups.generation + 1`;

/** Tells the others that members or owners changed. */
async function raiseGeneration(sql: Sql, { group, topic }: GroupTopic): Promise<void> {
  await sql.query(raiseGenerationText, [group, topic]);
}

/** Makes the group's cursors where there are none; null offsets. */
async function makeCursors(sql: Sql, { group, topic }: GroupTopic): Promise<void> {
  const { rows } = await sql.query<{ known: boolean }>(
    'SELECT EXISTS (SELECT FROM log.topics WHERE topic = $1) AS known',
    [topic],
  );
  if (rows[0]?.known !== true) throw noSuchTopic(topic);
  await sql.query(
    `INSERT INTO log.cursors (consumer_group, topic, partition)
     SELECT $1, topic, partition FROM log.partitions WHERE topic = $2 ORDER BY partition
     ON CONFLICT DO NOTHING`,
    [group, topic],
  );
}

/** See `RecordLog.createGroup`. */
export async function createGroup(sql: Sql, groupTopic: GroupTopic): Promise<void> {
  await makeCursors(sql, groupTopic);
  await sql.query(
    `UPDATE log.cursors c SET committed_offset = p.start_offset FROM log.partitions p
     WHERE c.consumer_group = $1 AND c.topic = $2 AND c.committed_offset IS NULL
       AND p.topic = c.topic AND p.partition = c.partition`,
    [groupTopic.group, groupTopic.topic],
  );
}

/** A new member joins. */
export async function join(
  sql: Sql,
  groupTopic: GroupTopic,
  member: { readonly id: string; readonly client: string; readonly leaseMs: number },
): Promise<void> {
  await makeCursors(sql, groupTopic);
  await sql.query(
    `INSERT INTO log.members (member, consumer_group, topic, client, lease_until)
     VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 ms')`,
    [member.id, groupTopic.group, groupTopic.topic, member.client, member.leaseMs],
  );
  await raiseGeneration(sql, groupTopic);
}

/** A member gives back all it owns and is gone. */
export async function leave(sql: Sql, groupTopic: GroupTopic, member: string): Promise<void> {
  const { group, topic } = groupTopic;
  await sql.query(
    'UPDATE log.cursors SET owner = NULL, epoch = epoch + 1 WHERE consumer_group = $1 AND topic = $2 AND owner = $3',
    [group, topic, member],
  );
  await sql.query('DELETE FROM log.members WHERE member = $1', [member]);
  await raiseGeneration(sql, groupTopic);
}

/** A member gives back one partition, if it still owns it under that epoch. */
export async function release(sql: Sql, groupTopic: GroupTopic, partition: number, epoch: number): Promise<void> {
  const { group, topic } = groupTopic;
  await sql.query(
    `UPDATE log.cursors SET owner = NULL, epoch = epoch + 1
     WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND epoch = $4`,
    [group, topic, partition, epoch],
  );
  await raiseGeneration(sql, groupTopic);
}

/** Renews the leases of members; returns those that still are members. Removes members whose lease ran out. */
export async function renewLeases(sql: Sql, members: readonly string[], leaseMs: number): Promise<ReadonlySet<string>> {
  const renewed = await sql.query<{ member: string }>(
    `UPDATE log.members SET lease_until = clock_timestamp() + $2 * interval '1 ms'
     WHERE member = ANY ($1::text[]) AND lease_until > clock_timestamp() RETURNING member`,
    [members, leaseMs],
  );
  const removed = await sql.query<{ consumer_group: string; topic: string }>(
    `DELETE FROM log.members WHERE member IN (
       SELECT member FROM log.members WHERE lease_until <= clock_timestamp() FOR UPDATE SKIP LOCKED
     ) RETURNING consumer_group, topic`,
  );
  // In one order everywhere: two processes that remove members at once must not wait in a ring.
  const groups = new Map(removed.rows.map((row) => [`${row.consumer_group}/${row.topic}`, row]));
  for (const [, row] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1)))
    await raiseGeneration(sql, { group: row.consumer_group, topic: row.topic });
  return new Set(renewed.rows.map(({ member }) => member));
}

/** Who is there and who owns what. */
export async function viewGroup(sql: Sql, { group, topic }: GroupTopic): Promise<GroupView> {
  // The generation first: a change made between these statements is then seen twice rather than never.
  const generation = await sql.query<{ generation: string }>(
    'SELECT generation FROM log.groups WHERE consumer_group = $1 AND topic = $2',
    [group, topic],
  );
  const members = await sql.query<{ member: string }>(
    'SELECT member FROM log.members WHERE consumer_group = $1 AND topic = $2 AND lease_until > clock_timestamp()',
    [group, topic],
  );
  const cursors = await sql.query<{ partition: number; owner: string | null; committed_offset: string | null }>(
    'SELECT partition, owner, committed_offset FROM log.cursors WHERE consumer_group = $1 AND topic = $2 ORDER BY partition',
    [group, topic],
  );
  return {
    generation: Number(generation.rows[0]?.generation ?? 0),
    members: members.rows.map(({ member }) => member),
    cursors: cursors.rows.map(({ partition, owner, committed_offset }) => ({
      partition,
      owner,
      committedOffset: offsetOf(committed_offset),
    })),
  };
}

const offsetOf = (stored: string | null): number | null => (stored === null ? null : Number(stored));

// A partition that never held a record starts at 0, written down at once. Only cursors that still have the
// owner that was seen (and found gone) are taken; a join with members here could be fooled by a concurrent change.
const takeText = `
  WITH free AS (
    SELECT c.partition FROM log.cursors c
    JOIN unnest($3::integer[], $4::text[]) AS seen (partition, owner) ON seen.partition = c.partition
    WHERE c.consumer_group = $1 AND c.topic = $2 AND c.owner IS NOT DISTINCT FROM seen.owner
    ORDER BY c.partition
    FOR UPDATE OF c SKIP LOCKED
  )
  UPDATE log.cursors c SET owner = $5, epoch = c.epoch + 1,
    committed_offset = CASE WHEN c.committed_offset IS NULL AND p.next_offset = 0 THEN 0 ELSE c.committed_offset END
  FROM free, log.partitions p
  WHERE c.consumer_group = $1 AND c.topic = $2 AND c.partition = free.partition
    AND p.topic = c.topic AND p.partition = c.partition
  RETURNING c.partition, c.epoch, c.committed_offset`;

interface TakenRow {
  readonly partition: number;
  readonly epoch: string;
  readonly committed_offset: string | null;
}

// After the fence, in a statement of its own: as the fence saw it, an end could be older than the offset
// that was committed up to it.
const endsText =
  'SELECT partition, start_offset, next_offset FROM log.partitions WHERE topic = $1 AND partition = ANY ($2::integer[])';

interface EndsRow {
  readonly partition: number;
  readonly start_offset: string;
  readonly next_offset: string;
}

/** Takes those cursors that are free as seen; those that a commit holds or that others took are left out. */
export async function takeCursors(
  sql: Sql,
  { group, topic }: GroupTopic,
  member: string,
  seen: readonly CursorView[],
): Promise<readonly TakenCursor[]> {
  const { rows } = await sql.query<TakenRow>(takeText, [
    group,
    topic,
    seen.map(({ partition }) => partition),
    seen.map(({ owner }) => owner),
    member,
  ]);
  if (rows.length === 0) return [];
  const ends = await sql.query<EndsRow>(endsText, [topic, rows.map(({ partition }) => partition)]);
  await raiseGeneration(sql, { group, topic });
  const endsOf = new Map(ends.rows.map((row) => [row.partition, row]));
  return rows.map((row) => ({
    partition: row.partition,
    epoch: Number(row.epoch),
    committedOffset: offsetOf(row.committed_offset),
    startOffset: Number(endsOf.get(row.partition)?.start_offset),
    stableEnd: Number(endsOf.get(row.partition)?.next_offset),
  }));
}

/** A cursor under the ownership that wants to move it. `epoch` null: whatever the epoch (only tests of the fence). */
export interface OwnedCursor extends GroupTopic {
  readonly partition: number;
  readonly epoch: number | null;
}

// A process that is stopped in a transaction would hold the locks of every partition it writes to;
// the server ends such a transaction after this time. Longer than any `prepare` takes.
const idleInTransactionMsMax = 10_000;

/** Locks the cursor until the transaction ends, so that nobody can take it; false when it is no longer owned. */
export async function lockCursor(sql: Sql, { group, topic, partition, epoch }: OwnedCursor): Promise<boolean> {
  const { rowCount } = await sql.query(
    `SELECT set_config('idle_in_transaction_session_timeout', $5, true) FROM log.cursors
     WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND epoch = coalesce($4, epoch) FOR UPDATE`,
    [group, topic, partition, epoch, String(idleInTransactionMsMax)],
  );
  return rowCount > 0;
}

/** Moves the cursor; false when it is no longer owned. */
export async function moveCursor(
  sql: Sql,
  { group, topic, partition, epoch }: OwnedCursor,
  nextOffset: number,
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE log.cursors SET committed_offset = $5
     WHERE consumer_group = $1 AND topic = $2 AND partition = $3 AND epoch = coalesce($4, epoch)`,
    [group, topic, partition, epoch, nextOffset],
  );
  return rowCount > 0;
}
