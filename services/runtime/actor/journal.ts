/**
 * The journal of an actor as readers have it: the records of its past and, every `snapshotEvery` of
 * them, the actor as they left it. The projection alone writes it (services/projection/journal.ts);
 * the host rebuilds actors from it, the API travels in time with it.
 *
 * J1 A snapshot is the fold of the journal's records before it, under all orders that the journal has:
 *    quarantines that the host ordered, records that it set aside. An order is behind the record that
 *    it is about; the transaction that writes it deletes the snapshots that were made without it.
 * J2 A snapshot is a hint where to begin. One that is missing, erased, changed or cut is passed over
 *    and the fold begins at an earlier one or at the first record: the outcome is the same.
 */
import { topics } from '#schemas/topics.ts';

import type { Database, Sql } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { recordOf } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import type { ToldRecord } from './apply.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import { type FoldStep, fold } from './fold.ts';
import type { FindMachine } from './machines.ts';
import { openPastRecords } from './told-records.ts';

/** Records between two snapshots. */
export const snapshotEvery = 200;

/** Rows read at once; a fold from a snapshot to the next is one batch. */
const batchRecords = snapshotEvery;

/** What reading a journal needs. */
export type JournalPorts = Pick<Runtime, 'database' | 'vault' | 'tenants' | 'logger'> & { readonly find: FindMachine };

/** Whose journal. */
export interface JournalOf {
  readonly tenant: string;
  readonly actor: string;
}

/** A record of the journal, opened. */
export interface JournalRecord extends ToldRecord {
  /** Its place among the actor's records; the first is 1. */
  readonly number: number;
}

/** An actor as its journal left it. */
export interface JournalSnapshot {
  readonly envelope: Envelope;
  /** Records that it is the fold of. */
  readonly records: number;
}

/** Offset up to which the journals of a partition are complete. */
export async function journalReach(database: Database, partition: number): Promise<number> {
  const found = await database.transaction([], (sql) =>
    sql.query<{ next_offset: string }>('SELECT next_offset FROM journal_progress WHERE partition = $1', [partition]),
  );
  return Number(found.rows[0]?.next_offset ?? 0);
}

interface SnapshotRow {
  readonly next_offset: string;
  readonly records: string;
  readonly body: Buffer;
}

/** The newest snapshot at or before an offset that can be used (J2). Throws `vault.unavailable`, `actor.machine-unknown`. */
export async function nearestSnapshot(
  ports: JournalPorts,
  of: JournalOf,
  atOrBefore: number,
): Promise<JournalSnapshot | undefined> {
  let bound = atOrBefore;
  for (;;) {
    const found = await ports.database.transaction([of.tenant], (sql) =>
      sql.query<SnapshotRow>(
        `SELECT next_offset, records, body FROM journal_snapshots
         WHERE tenant = $1 AND actor = $2 AND next_offset <= $3 ORDER BY next_offset DESC LIMIT 1`,
        [of.tenant, of.actor, bound],
      ),
    );
    const row = found.rows[0];
    if (row === undefined) return undefined;
    const nextOffset = Number(row.next_offset);
    const envelope = await openUsable(ports, { ...of, nextOffset, body: row.body });
    if (envelope !== undefined) return { envelope, records: Number(row.records) };
    bound = nextOffset - 1;
  }
}

async function openUsable(
  { vault, find, logger }: JournalPorts,
  row: JournalOf & { readonly nextOffset: number; readonly body: Buffer },
): Promise<Envelope | undefined> {
  try {
    return await openEnvelope(vault, row, find);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'rebuild') throw caught;
    const { tenant, actor, nextOffset: offset } = row;
    logger.warn('journal snapshot passed over', { tenant, actor, offset, code: caught.code });
    return undefined;
  }
}

interface RecordRow {
  readonly record_offset: string;
  readonly record_number: string;
  readonly partition: number;
  readonly value: Buffer;
}

/** Records of an actor in `[from, before)`, in order. Throws `record.unknown-type`, `vault.unavailable`. */
export async function* readJournal(
  ports: Pick<JournalPorts, 'database' | 'vault'>,
  of: JournalOf,
  from: number,
  before: number,
): AsyncGenerator<JournalRecord> {
  for (let next = from; next < before;) {
    const { rows } = await ports.database.transaction([of.tenant], (sql) =>
      sql.query<RecordRow>(
        `SELECT record_offset, record_number, partition, value FROM journal
         WHERE tenant = $1 AND actor = $2 AND record_offset >= $3 AND record_offset < $4
         ORDER BY record_offset LIMIT $5`,
        [of.tenant, of.actor, next, before, batchRecords],
      ),
    );
    yield* await openRows(ports, rows);
    if (rows.length < batchRecords) return;
    next = Number(rows.at(-1)?.record_offset) + 1;
  }
}

/** The records that an envelope holds, from the journal. */
export async function readHeld(
  ports: Pick<JournalPorts, 'database' | 'vault'>,
  { tenant, actor, held }: Envelope,
): Promise<readonly ToldRecord[]> {
  const { rows } = await ports.database.transaction([tenant], (sql) =>
    sql.query<RecordRow>(
      `SELECT record_offset, record_number, partition, value FROM journal
       WHERE tenant = $1 AND actor = $2 AND record_offset = ANY ($3) ORDER BY record_offset`,
      [tenant, actor, held.map(({ offset }) => offset)],
    ),
  );
  return openRows(ports, rows);
}

async function openRows(
  { vault }: Pick<JournalPorts, 'vault'>,
  rows: readonly RecordRow[],
): Promise<readonly JournalRecord[]> {
  const numbers = new Map(rows.map((row) => [Number(row.record_offset), Number(row.record_number)]));
  const told = await openPastRecords(
    vault,
    rows.map((row) => ({
      ...placeless,
      partition: row.partition,
      offset: Number(row.record_offset),
      value: row.value,
    })),
  );
  return told.map((one) => ({ ...one, number: numbers.get(one.offset) ?? 0 }));
}

/** Offsets at which the host ordered a quarantine of the actor, one per order in the journal, wherever that is. */
export async function readQuarantines({ database }: JournalPorts, of: JournalOf): Promise<readonly number[]> {
  const { rows } = await database.transaction([of.tenant], (sql) =>
    sql.query<{ value: Buffer }>(
      `SELECT value FROM journal WHERE tenant = $1 AND actor = $2 AND type = 'conversation.quarantined' ORDER BY record_offset`,
      [of.tenant, of.actor],
    ),
  );
  return rows.flatMap(({ value }) => {
    const record = recordOf({ ...placeless, value });
    return record.type === 'conversation.quarantined' ? [record.recordOffset] : [];
  });
}

/** Offsets of the actor's records that the host set aside. */
export async function readParked(
  { database }: Pick<JournalPorts, 'database'>,
  of: JournalOf,
): Promise<readonly number[]> {
  const { rows } = await database.transaction([of.tenant], (sql) =>
    sql.query<{ record_offset: string }>(
      'SELECT record_offset FROM journal_parked WHERE tenant = $1 AND actor = $2 ORDER BY record_offset',
      [of.tenant, of.actor],
    ),
  );
  return rows.map(({ record_offset }) => Number(record_offset));
}

/** How many orders `readQuarantines` and `readParked` would find, in a transaction of the caller. */
export async function countOrders(sql: Sql, of: JournalOf): Promise<number> {
  const { rows } = await sql.query<{ count: string }>(
    `SELECT (SELECT count(*) FROM journal WHERE tenant = $1 AND actor = $2 AND type = 'conversation.quarantined')
          + (SELECT count(*) FROM journal_parked WHERE tenant = $1 AND actor = $2) AS count`,
    [of.tenant, of.actor],
  );
  return Number(rows[0]?.count);
}

/** A fold of a journal, ready to run. */
export interface JournalFold {
  /** Where it begins; undefined: at the first record. */
  readonly start: JournalSnapshot | undefined;
  /** How many orders were in the journal when it was made ready (`countOrders`). */
  readonly orders: number;
  /** Folds the records from the start to an offset. May be run once. */
  steps(before: number): AsyncGenerator<FoldStep<JournalRecord>>;
}

/** Makes ready the fold that shows an actor from an offset on: it begins at the nearest snapshot at or before. */
export async function openJournalFold(ports: JournalPorts, of: JournalOf, from: number): Promise<JournalFold> {
  // Orders first: a start read after them was made with all of them (J1).
  const quarantines = await readQuarantines(ports, of);
  const parked = await readParked(ports, of);
  const start = await nearestSnapshot(ports, of, from);
  const { find, tenants } = ports;
  const around = {
    find,
    configuration: (tenant: string, revision: string) => tenants.configuration(tenant, revision),
    quarantines: new Set(quarantines),
    parked: new Set(parked),
    held: (envelope: Envelope) => readHeld(ports, envelope),
  };
  return {
    start,
    orders: quarantines.length + parked.length,
    steps: (before) => fold(readJournal(ports, of, start?.envelope.nextOffset ?? 0, before), around, start?.envelope),
  };
}

const placeless = { topic: topics.events, partition: 0, offset: 0, key: '', headers: {}, timestamp: 0 } as const;
