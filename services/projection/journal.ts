/**
 * Writes the journal and its snapshots; what they are for readers is in `#runtime/actor/journal.ts`.
 *
 * A snapshot is due when the actor's newest record has passed another `snapshotEvery` since its newest
 * snapshot. That is asked of the tables, two index probes per actor of a slice, so whatever was lost
 * (a crash before the snapshot, a deleted table) comes back with the actor's next record.
 */
import {
  type JournalFold,
  type JournalOf,
  type JournalPorts,
  countOrders,
  openJournalFold,
  snapshotEvery,
} from '#runtime/actor/journal.ts';
import { type Envelope, sealEnvelope } from '#runtime/actor/envelope.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import type { JournalRow, ParkedRow } from './rows.ts';

type NumberedRow = JournalRow & { readonly number: number };

const columns: Columns<NumberedRow> = {
  tenant: ['text', (row) => row.tenant],
  actor: ['text', (row) => row.actor],
  partition: ['int', (row) => row.partition],
  record_offset: ['bigint', (row) => row.offset],
  record_number: ['bigint', (row) => row.number],
  event_id: ['text', (row) => row.eventId],
  type: ['text', (row) => row.type],
  occurred_at: ['timestamptz', (row) => row.at],
  value: ['bytea', (row) => row.value],
};

/**
 * Writes rows that follow, in each actor, those that are there; rows that are there already stay as
 * they are. Deletes the snapshots that were made without an order of quarantine that is new.
 */
export async function writeJournal(sql: Sql, rows: readonly JournalRow[]): Promise<void> {
  if (rows.length === 0) return;
  const written = await insertRows<NumberedRow, { actor: string; record_offset: string }>(
    sql,
    'journal',
    columns,
    await numbered(sql, rows),
    'DO NOTHING',
    'actor, record_offset',
  );
  const fresh = new Set(written.map((row) => `${row.actor}/${row.record_offset}`));
  const orders = rows.filter((row) => row.quarantines !== null && fresh.has(`${row.actor}/${row.offset}`));
  if (orders.length === 0) return;
  await sql.query(
    `DELETE FROM journal_snapshots s USING unnest($1::text[], $2::bigint[]) AS o (actor, quarantines)
     WHERE s.actor = o.actor AND s.next_offset > o.quarantines`,
    [orders.map((row) => row.actor), orders.map((row) => row.quarantines)],
  );
}

const parkedColumns: Columns<ParkedRow> = {
  tenant: ['text', (row) => row.tenant],
  actor: ['text', (row) => row.actor],
  partition: ['int', (row) => row.partition],
  record_offset: ['bigint', (row) => row.offset],
};

/** Writes which records the host set aside; deletes the snapshots that were made without knowing it. */
export async function writeParked(sql: Sql, rows: readonly ParkedRow[]): Promise<void> {
  if (rows.length === 0) return;
  const fresh = await insertRows<ParkedRow, { actor: string; record_offset: string }>(
    sql,
    'journal_parked',
    parkedColumns,
    rows,
    'DO NOTHING',
    'actor, record_offset',
  );
  if (fresh.length === 0) return;
  await sql.query(
    `DELETE FROM journal_snapshots s USING unnest($1::text[], $2::bigint[]) AS o (actor, parked)
     WHERE s.actor = o.actor AND s.next_offset > o.parked`,
    [fresh.map((row) => row.actor), fresh.map((row) => row.record_offset)],
  );
}

async function numbered(sql: Sql, rows: readonly JournalRow[]): Promise<readonly NumberedRow[]> {
  const newest = await sql.query<{ actor: string; record_offset: string; record_number: string }>(
    `SELECT a.actor, j.record_offset, j.record_number FROM unnest($1::text[]) AS a (actor)
     CROSS JOIN LATERAL (
       SELECT record_offset, record_number FROM journal WHERE actor = a.actor ORDER BY record_offset DESC LIMIT 1
     ) j`,
    [[...new Set(rows.map((row) => row.actor))]],
  );
  const ends = new Map(
    newest.rows.map((row) => [row.actor, { offset: Number(row.record_offset), number: Number(row.record_number) }]),
  );
  return rows.map((row) => {
    const end = ends.get(row.actor) ?? { offset: -1, number: 0 };
    // At or before the newest: it is there with its number, and stays.
    if (row.offset <= end.offset) return { ...row, number: 0 };
    ends.set(row.actor, { offset: row.offset, number: end.number + 1 });
    return { ...row, number: end.number + 1 };
  });
}

/** An actor whose snapshots are behind its journal. */
interface Due extends JournalOf {
  readonly partition: number;
  /** Under whose keys it is sealed. */
  readonly person: string;
  /** Number of its newest record. */
  readonly records: number;
}

/**
 * Makes the snapshots that are due of the actors of some rows. Idempotent. Throws errors that are
 * `retry`; what is wrong with one actor leaves out its snapshots alone, since they are but a help.
 */
export async function keepSnapshots(runtime: Runtime, find: FindMachine, rows: readonly JournalRow[]): Promise<void> {
  const ports: JournalPorts = { ...runtime, find };
  for (const due of await dueActors(ports, rows)) {
    try {
      await keepActor(ports, due);
    } catch (caught) {
      if (!(caught instanceof OperatingError) || caught.disposition === 'retry') throw caught;
      const { tenant, actor, partition } = due;
      runtime.logger.warn('journal snapshot left out', { tenant, actor, partition, code: caught.code });
    }
  }
}

async function dueActors({ database }: JournalPorts, rows: readonly JournalRow[]): Promise<readonly Due[]> {
  const actors = new Map(rows.map((row) => [row.actor, row]));
  if (actors.size === 0) return [];
  const { rows: found } = await database.query<{ actor: string; person: string | null; record_number: string }>(
    [...new Set(rows.map(({ tenant }) => tenant))],
    `SELECT a.actor, c.person, j.record_number FROM unnest($1::text[]) AS a (actor)
       LEFT JOIN LATERAL (SELECT person FROM conversations WHERE id = a.actor LIMIT 1) c ON true
       CROSS JOIN LATERAL (
         SELECT record_number FROM journal WHERE actor = a.actor ORDER BY record_offset DESC LIMIT 1
       ) j
       LEFT JOIN LATERAL (
         SELECT records FROM journal_snapshots WHERE actor = a.actor ORDER BY next_offset DESC LIMIT 1
       ) s ON true
       WHERE j.record_number / $2 > coalesce(s.records, 0) / $2`,
    [[...actors.keys()], snapshotEvery],
  );
  return found.flatMap(({ actor, person, record_number }) => {
    const row = actors.get(actor);
    if (row === undefined) return [];
    const { tenant, partition } = row;
    return [{ tenant, actor, partition, person: person ?? tenantSubject(tenant), records: Number(record_number) }];
  });
}

/** Folds an actor from its newest usable snapshot and writes one at every boundary passed. */
async function keepActor(ports: JournalPorts, due: Due): Promise<void> {
  const journal = await openJournalFold(ports, due, Number.MAX_SAFE_INTEGER);
  const last = boundaryOf(due.records);
  let reached = boundaryOf(journal.start?.records ?? 0);
  if (reached >= last) return;
  for await (const { told, after } of journal.steps(Number.MAX_SAFE_INTEGER)) {
    // The record at the boundary itself may be one that does not open; then it is the next that does.
    const boundary = boundaryOf(told.number);
    if (boundary <= reached) continue;
    const body = await sealUnlessErased(ports, due, after);
    if (body !== undefined && !(await writeSnapshot(ports, due, journal, { body, told, after }))) return;
    reached = boundary;
    if (reached >= last) return;
  }
}

/** How many times `snapshotEvery` records were passed. */
const boundaryOf = (records: number): number => Math.floor(records / snapshotEvery);

async function sealUnlessErased(ports: JournalPorts, { person }: Due, envelope: Envelope): Promise<Buffer | undefined> {
  try {
    return await sealEnvelope(ports.vault, person, envelope, ports.find);
  } catch (caught) {
    if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return undefined;
    throw caught;
  }
}

/** False when an order of quarantine came meanwhile that the fold did not know, or the journal was emptied (J1). */
async function writeSnapshot(
  { database }: JournalPorts,
  due: Due,
  journal: JournalFold,
  made: { readonly body: Buffer; readonly told: { readonly number: number }; readonly after: Envelope },
): Promise<boolean> {
  const { tenant, actor, partition } = due;
  return database.transaction([tenant], async (sql) => {
    // Whoever writes the journal of this partition holds the lock of these rows.
    const progress = await sql.query('SELECT next_offset FROM journal_progress WHERE partition = $1 FOR UPDATE', [
      partition,
    ]);
    await sql.query('SELECT FROM parked_progress WHERE partition = $1 FOR UPDATE', [partition]);
    if (progress.rowCount === 0 || (await countOrders(sql, due)) !== journal.orders) return false;
    await sql.query(
      `INSERT INTO journal_snapshots (tenant, actor, partition, next_offset, records, body)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (actor, next_offset) DO UPDATE SET records = excluded.records, body = excluded.body`,
      [tenant, actor, partition, made.after.nextOffset, made.told.number, made.body],
    );
    return true;
  });
}
