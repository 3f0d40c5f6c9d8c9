/**
 * Snapshots on record, and putting right those that are wrong.
 *
 * A wrong snapshot of the host is overwritten with the fold's; when there are newer ones, all of the
 * actor are deleted: an actor that has begun and has none is folded anew from its journal before its next
 * record (host invariant I7). The epoch of its partition is raised in the same transaction: an owner
 * that has the same wrong state in memory may write nothing more (S1), drops all it has in memory, takes
 * the partition over again, and reads.
 */
import { type Envelope, sealEnvelope, stateText, statusOf } from '#runtime/actor/envelope.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { Database, Sql } from '#runtime/database/database.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** Where a snapshot is. */
export interface SnapshotPlace {
  readonly kind: 'host' | 'journal';
  readonly nextOffset: number;
}

interface SnapshotsOf {
  readonly tenant: string;
  readonly actor: string;
  readonly partition: number;
  /** Under whose keys it is sealed. */
  readonly person: string;
}

const tables = { host: 'actor_snapshots', journal: 'journal_snapshots' } as const;

/** Every snapshot of an actor. */
export async function snapshotPlaces(
  database: Database,
  { tenant, actor }: Pick<SnapshotsOf, 'tenant' | 'actor'>,
): Promise<readonly SnapshotPlace[]> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ kind: SnapshotPlace['kind']; next_offset: string }>(
      `SELECT 'host' AS kind, next_offset FROM actor_snapshots WHERE tenant = $1 AND actor = $2
       UNION ALL SELECT 'journal', next_offset FROM journal_snapshots WHERE tenant = $1 AND actor = $2`,
      [tenant, actor],
    ),
  );
  return rows.map(({ kind, next_offset }) => ({ kind, nextOffset: Number(next_offset) }));
}

/** The sealed snapshot; undefined when it is no longer there. */
export async function readSnapshot(
  database: Database,
  { tenant, actor }: Pick<SnapshotsOf, 'tenant' | 'actor'>,
  { kind, nextOffset }: SnapshotPlace,
): Promise<Buffer | undefined> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ body: Buffer }>(
      `SELECT body FROM ${tables[kind]} WHERE tenant = $1 AND actor = $2 AND next_offset = $3`,
      [tenant, actor, nextOffset],
    ),
  );
  return rows[0]?.body;
}

/**
 * Puts right what follows from a wrong snapshot. `envelope` is what the fold came to at the same offset.
 * Idempotent. Throws `database.unavailable`, `vault.unavailable`.
 */
export async function repairSnapshot(
  ports: Pick<Runtime, 'database' | 'vault'> & { readonly find: FindMachine },
  of: SnapshotsOf,
  { kind, nextOffset }: SnapshotPlace,
  envelope: Envelope,
): Promise<void> {
  const { database, vault, find } = ports;
  const { tenant, actor, partition, person } = of;
  // A hint where to begin: the projection makes it anew.
  if (kind === 'journal') {
    await database.transaction([tenant], (sql) => deleteFrom(sql, 'journal_snapshots', of, nextOffset));
    return;
  }
  const body = await sealEnvelope(vault, person, envelope, find);
  await database.transaction([tenant], async (sql) => {
    // Whoever writes a slice holds this row: from here on the present owner writes nothing (S1).
    const { rows } = await sql.query<{ epoch: string }>(
      'UPDATE actor_partitions SET epoch = epoch + 1 WHERE partition = $1 RETURNING epoch',
      [partition],
    );
    const later = await sql.query('SELECT FROM actor_snapshots WHERE tenant = $1 AND actor = $2 AND next_offset > $3', [
      tenant,
      actor,
      nextOffset,
    ]);
    await deleteFrom(sql, 'journal_snapshots', of, nextOffset);
    // What was made from the wrong one is wrong too, and an older one would pass for the newest.
    if (later.rowCount > 0) {
      await deleteFrom(sql, 'actor_snapshots', of, 0);
      return;
    }
    await sql.query(
      `UPDATE actor_snapshots SET body = $4, epoch = $5, machine = $6, machine_version = $7, state = $8, status = $9,
              episode = $10, held = $11
       WHERE tenant = $1 AND actor = $2 AND next_offset = $3`,
      [
        tenant,
        actor,
        nextOffset,
        body,
        rows[0]?.epoch ?? 0,
        envelope.episode?.machine ?? 'none',
        envelope.episode?.machineVersion ?? '',
        envelope.episode === null ? 'none' : stateText(envelope.episode.snapshot.value),
        statusOf(envelope),
        envelope.episode?.number ?? 0,
        envelope.held.length,
      ],
    );
  });
}

const deleteFrom = (sql: Sql, table: string, { tenant, actor }: SnapshotsOf, nextOffset: number) =>
  sql.query(`DELETE FROM ${table} WHERE tenant = $1 AND actor = $2 AND next_offset >= $3`, [tenant, actor, nextOffset]);
