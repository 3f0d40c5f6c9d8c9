/**
 * The projection: what the log says, in tables that can be asked.
 *
 * Owns: the directory's addresses of merged conversations, `journal`, `journal_snapshots`, `journal_parked` and their progress (what happened to each actor;
 * the actor host rebuilds actors from them), `messages` and what belongs to it (history), `contacts`.
 *
 * P1 Every write is a merge of a function of one record: any slice may be projected again, in any
 *    order with others, and the tables are the same. (The number of a journal's record needs those
 *    before it, which P2 has there; a snapshot is a function of the journal.)
 * P2 `…_progress` moves in the transaction that writes the rows, and only on from where it is: all
 *    readable records of the partition before it are projected, whatever the group's offset says.
 * P3 Where progress is behind the group's offset (tables emptied, database restored from an older
 *    copy), the gap is read from the log again before anything else of that partition. So a rebuild
 *    is: as the owner, `TRUNCATE journal, journal_snapshots, journal_parked, journal_progress,
 *    parked_progress, history_progress, messages, message_changes, message_marks, message_links,
 *    message_files, contacts, contact_words`, and start again. Emptied alone, `journal_snapshots` comes back too, an actor's with its next record.
 * P4 What came of all topics and partitions while the last write went on is written together.
 * P5 A record that cannot be decoded is parked, one of an unknown type yields the partition.
 */
import { findMachine } from '#machines/registry.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { Sql } from '#runtime/database/database.ts';
import { OperatingError } from '#runtime/errors.ts';
import { GapBefore, joinSlices } from '#runtime/log/joined-slices.ts';
import type { Assignment, LoggedRecord, SliceWorker } from '#runtime/log/record-log.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { contactsOf, writeContacts } from './contacts.ts';
import { keepSnapshots } from './journal.ts';
import { type Reading, readRecords } from './readings.ts';
import { rowsOf } from './rows.ts';
import { writeRows } from './tables.ts';
import { Traffic } from './traffic.ts';

const group = 'projection';
const parkedEvents = parkedTopicOf(topics.events);
const sliceRecordsMax = 500;
const sliceBytesMax = 4 * 1024 * 1024;
/** A message and what became of its reply are written together. */
const patienceMs = 100;

/** Consecutive records of one partition and the range of offsets that they are all of. */
export interface Stretch {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly records: readonly LoggedRecord[];
}

/** One that was read. */
interface ReadStretch extends Omit<Stretch, 'records'> {
  readonly read: readonly Reading[];
}

/** What the service works with. */
interface Projector {
  readonly runtime: Runtime;
  readonly find: FindMachine;
  readonly traffic?: Traffic;
}

/** Starts the service. `find` is the registry of machines, for the journal's snapshots. */
export async function startProjection(runtime: Runtime, find: FindMachine = findMachine): Promise<RunningService> {
  const traffic = new Traffic(runtime.database);
  const projector = { runtime, find, traffic };
  const projected = projecting(projector);
  const consumers = await Promise.all(
    [topics.events, topics.replies, parkedEvents].map((topic) =>
      runtime.log.consume({
        group,
        topic,
        transactional: false,
        sliceRecordsMax,
        sliceBytesMax,
        patienceMs,
        assigned: (assignment) => workerOf(projector, assignment, projected),
      }),
    ),
  );
  return {
    name: 'projection',
    finished: Promise.all(consumers.map((consumer) => consumer.finished)).then(() => undefined),
    stop: async () => {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      await traffic.stop();
    },
  };
}

/** Makes the function that projects what was read, that of all topics and partitions together (P4). */
const projecting = (projector: Projector) =>
  joinSlices<ReadStretch>({
    handle: (stretches) => write(projector, stretches),
    closeGap: ({ topic, partition, from }, lost) => closeGap(projector, topic, partition, from, lost),
    bounds: { sliceRecordsMax, sliceBytesMax },
    sizesOf: ({ read }) => read.map(({ logged }) => logged.value.length),
  });

async function workerOf(
  projector: Projector,
  assignment: Assignment,
  projected: (stretch: ReadStretch, lost: AbortSignal) => Promise<void>,
): Promise<SliceWorker> {
  const { topic, partition, lost } = assignment;
  projector.runtime.metrics.assignments.inc({ group });
  let from = assignment.startOffset;
  await projected({ topic, partition, from, to: from, read: [] }, lost);
  return {
    async process(slice) {
      const stretch = { topic, partition, from, to: slice.nextOffset, records: slice.records };
      await projected(await readStretch(projector, stretch), lost);
      await assignment.commit([], slice.nextOffset);
      from = slice.nextOffset;
    },
  };
}

/** Projects a stretch. Idempotent (P1). */
export async function project(runtime: Runtime, stretch: Stretch, find: FindMachine = findMachine): Promise<void> {
  const projector = { runtime, find };
  const { signal } = new AbortController();
  await projecting(projector)(await readStretch(projector, stretch), signal);
}

/** Reads records, and parks those that cannot be read. */
async function readStretch({ runtime }: Projector, { records, ...stretch }: Stretch): Promise<ReadStretch> {
  const { read, parked } = await readRecords(runtime, records);
  if (parked.length > 0) await runtime.log.append(parked);
  return { ...stretch, read };
}

/** Throws `GapBefore`, with nothing written, when the records before one of the stretches are not projected (P2). */
async function write({ runtime, find, traffic }: Projector, stretches: readonly ReadStretch[]): Promise<void> {
  const read = stretches.flatMap((stretch) => stretch.read);
  const rows = rowsOf(read, (tenant, stableId) => runtime.vault.index(tenant, 'message-id', stableId));
  const contacts = await contactsOf(runtime, rows.sightings);
  const tenants = [...new Set(read.map(({ record }) => record.tenant))];
  await followMerges(runtime, read);
  await runtime.database.transaction(tenants, async (sql) => {
    const [areNext] = await Promise.all([advance(sql, stretches), writeRows(sql, rows), writeContacts(sql, contacts)]);
    if (!areNext) throw new GapBefore();
  });
  runtime.metrics.projectedRecords.inc(read.length);
  traffic?.note(read.filter(({ logged }) => logged.topic === topics.events));
  await keepSnapshots(runtime, find, rows.journal);
}

/** The directory follows what became of conversations: before progress moves, so that none is left out. Idempotent. */
async function followMerges({ directory }: Runtime, read: readonly Reading[]): Promise<void> {
  for (const { record } of read) {
    const { tenant, actor, type, occurredAt: at } = record;
    if (type === 'conversation.merged') await directory.move({ tenant, from: record.from, into: actor, at });
    if (type === 'merge.undone') await directory.move({ tenant, from: actor, into: undefined, at });
  }
}

const progressTables = new Map<string, string>([
  [topics.events, 'journal_progress'],
  [topics.replies, 'history_progress'],
  [parkedEvents, 'parked_progress'],
]);

const progressTableOf = (topic: string): string => progressTables.get(topic) ?? '';

/** Moves progress to the ends of stretches; the rows' locks, in one order, make writers of one partition take turns. */
async function advance(sql: Sql, stretches: readonly ReadStretch[]): Promise<boolean> {
  const byTopic = Map.groupBy(stretches, ({ topic }) => topic);
  const moves = [...progressTables].map(async ([topic, table]) => {
    const of = byTopic.get(topic) ?? [];
    if (of.length === 0) return true;
    const moved = await sql.query(
      `UPDATE ${table} p SET next_offset = GREATEST(p.next_offset, r.until)
       FROM (
         SELECT q.partition, r.since, r.until FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS r (partition, since, until)
         JOIN ${table} q ON q.partition = r.partition ORDER BY q.partition FOR UPDATE OF q
       ) AS r WHERE p.partition = r.partition AND p.next_offset >= r.since`,
      [of.map(({ partition }) => partition), of.map(({ from }) => from), of.map(({ to }) => to)],
    );
    return moved.rowCount === of.length;
  });
  return (await Promise.all(moves)).every(Boolean);
}

/** Projects what lies between progress and `to` (P3). */
async function closeGap(
  { runtime, find }: Projector,
  topic: string,
  partition: number,
  to: number,
  lost: AbortSignal,
): Promise<void> {
  // Of what is old, no traffic is told.
  const projector = { runtime, find };
  let from = await progressOf(runtime, topic, partition);
  if (from >= to) return;
  runtime.logger.info('projecting again', { topic, partition, offset: from, count: to - from });
  for await (const records of runtime.log.readRange({ topic, partition, from, to })) {
    lost.throwIfAborted();
    const next = (records.at(-1)?.offset ?? from - 1) + 1;
    await write(projector, [await readStretch(projector, { topic, partition, from, to: next, records })]);
    from = next;
  }
  await write(projector, [{ topic, partition, from, to, read: [] }]);
}

/** Progress of a partition; made, for every partition at the oldest record held, when there is none. */
async function progressOf(runtime: Runtime, topic: string, partition: number): Promise<number> {
  const table = progressTableOf(topic);
  const read = async (): Promise<number | undefined> => {
    const found = await runtime.database.transaction([], (sql) =>
      sql.query<{ next_offset: string }>(`SELECT next_offset FROM ${table} WHERE partition = $1`, [partition]),
    );
    return found.rows[0] === undefined ? undefined : Number(found.rows[0].next_offset);
  };
  const known = await read();
  if (known !== undefined) return known;
  if (runtime.log.before !== undefined)
    throw new OperatingError(
      'log.offset-out-of-range',
      `${table} has no row of partition ${partition}, and records from before the partitions were made more are not ` +
        'projected again: bring back a backup of the tables.',
    );
  // Of all partitions, since a first start lacks them all.
  const ends = await runtime.log.ends(topic);
  await runtime.database.transaction([], (sql) =>
    sql.query(
      `INSERT INTO ${table} (partition, next_offset) SELECT * FROM unnest($1::int[], $2::bigint[]) ON CONFLICT DO NOTHING`,
      [ends.map((end) => end.partition), ends.map(({ start }) => start)],
    ),
  );
  return (await read()) ?? 0;
}
