/**
 * Files whose time is over: those of persons whose keys were destroyed, and those that are older than their tenant keeps
 * files.
 *
 * R1 A removal is on the audit topic before anything is removed, always under the same id: what broke off is done again,
 *    by any process.
 * R2 What is gone keeps a row that says so, without name, hash or object. Objects go by way of `file_leftovers`: one that
 *    the store does not remove now is swept later.
 * R3 A key under legal hold (`held`) holds its files, whatever their age.
 * R4 An erased key is looked at for as long as a write that began before it was erased may still end.
 */
import type { Database } from '../database/database.ts';
import { auditRecord, derivedId, outgoing, uncaused } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import { filesKeptMs } from '../tenants/retention.ts';
import type { ObjectStore } from './object-store.ts';
import { forgetObject, leftoverAgeMs } from './postgres-files.ts';

/** A file to be removed. */
interface Removed {
  readonly id: string;
  readonly actor: string;
  readonly object: string;
}

type Reason = 'erased' | 'expired';

/** What the audit says. */
const outcomes: Readonly<Record<Reason, string>> = { erased: 'person.erased', expired: 'retention.over' };

/** Files removed together, and how often in one go. */
const removedTogetherMax = 100;
const roundsMax = 100;

/**
 * Removes files of some tenants whose time is over, within bounds, until `signal` says to stop; returns how many. Throws
 * like `Files`, and `log.unavailable`.
 */
export type FileRemovals = (tenants: readonly string[], signal?: AbortSignal) => Promise<number>;

/** Makes it. */
export function createFileRemovals(
  { database, log, logger, tenants, now }: Pick<Runtime, 'database' | 'log' | 'logger' | 'tenants' | 'now'>,
  store: ObjectStore,
): FileRemovals {
  const audited = async (tenant: string, files: readonly Removed[], reason: Reason): Promise<void> => {
    const records = files.map(({ id, actor }) => {
      const header = uncaused(tenant, actor, derivedId('a', tenant, 'file', id, reason), now());
      return auditRecord(header, { action: 'file.deleted', subject: id, outcome: outcomes[reason] });
    });
    await log.append(records.map((record) => outgoing(record)));
  };

  return async (of, signal) => {
    const isOver = (): boolean => signal?.aborted === true;

    const removeAll = async (tenant: string, reason: Reason, find: () => Promise<readonly Removed[]>) => {
      let count = 0;
      for (let round = 0; round < roundsMax && !isOver(); round += 1) {
        const files = await find();
        if (files.length === 0) break;
        await audited(tenant, files, reason);
        await giveUp(database, tenant, files, reason, now());
        for (const { object } of files) if (!isOver()) await forgetObject(database, store, tenant, object);
        count += files.length;
      }
      if (count > 0) logger.info('files were removed', { tenant, count, code: outcomes[reason] });
      return count;
    };

    let count = 0;
    for (const tenant of of) {
      count += await removeAll(tenant, 'erased', () => filesOfErased(database, tenant));
      await closeKeys(database, tenant, now());
      const before = now() - (await filesKeptMs(tenants, tenant));
      count += await removeAll(tenant, 'expired', () => filesFromBefore(database, tenant, before));
    }
    return count;
  };
}

// Below, look-ups are sub-selects and no joins: a join that is planned while the tables are empty reads all of a tenant's.
// `gone IS NULL` would take the index by age where the primary key is meant.

async function filesOfErased(database: Database, tenant: string): Promise<readonly Removed[]> {
  const found = await database.query<Removed>(
    [tenant],
    `SELECT f.id, f.actor, f.object FROM vault_keys k
     CROSS JOIN LATERAL (SELECT id, actor, object FROM files WHERE tenant = k.tenant AND key = uuid_send(k.id) LIMIT $2) AS f
     WHERE k.tenant = $1 AND k.state = 'erased' AND k.files_gone_at IS NULL LIMIT $2`,
    [tenant, removedTogetherMax],
  );
  return found.rows;
}

/** R4. */
async function closeKeys(database: Database, tenant: string, at: number): Promise<void> {
  await database.query(
    [tenant],
    `UPDATE vault_keys k SET files_gone_at = to_timestamp($2 / 1000.0)
     WHERE k.tenant = $1 AND k.state = 'erased' AND k.files_gone_at IS NULL AND k.erased_at < to_timestamp($3 / 1000.0)
       AND (SELECT f.id FROM files f WHERE f.tenant = k.tenant AND f.key = uuid_send(k.id) LIMIT 1) IS NULL`,
    [tenant, at, at - leftoverAgeMs],
  );
}

async function filesFromBefore(database: Database, tenant: string, at: number): Promise<readonly Removed[]> {
  const found = await database.query<Removed>(
    [tenant],
    `SELECT f.id, f.actor, f.object FROM files f
     WHERE f.tenant = $1 AND f.gone IS NULL AND f.created_at < to_timestamp($2 / 1000.0)
       AND (SELECT k.state FROM vault_keys k WHERE k.id = encode(f.key, 'hex')::uuid) IS DISTINCT FROM 'held'
     ORDER BY f.created_at LIMIT $3`,
    [tenant, at, removedTogetherMax],
  );
  return found.rows;
}

/** R2. Those that another process was first with stay as they are. */
async function giveUp(
  database: Database,
  tenant: string,
  files: readonly Removed[],
  reason: Reason,
  at: number,
): Promise<void> {
  const ids = files.map(({ id }) => id);
  await database.transaction([tenant], async (sql) => {
    await sql.query(
      `INSERT INTO file_leftovers (tenant, object, since)
       SELECT tenant, object, to_timestamp(0) FROM files WHERE tenant = $1 AND id = ANY ($2::text[]) AND object IS NOT NULL FOR UPDATE
       ON CONFLICT DO NOTHING`,
      [tenant, ids],
    );
    await sql.query(
      `UPDATE files SET object = NULL, about = NULL, gone = $3, gone_at = to_timestamp($4 / 1000.0)
       WHERE tenant = $1 AND id = ANY ($2::text[]) AND object IS NOT NULL`,
      [tenant, ids, reason, at],
    );
  });
}
