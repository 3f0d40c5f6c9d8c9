/**
 * What people order about many deliveries at once: by their ids, or by what they have in common. The rules of
 * `sending-orders.ts` hold for each.
 */
import type { Database, Sql } from '#runtime/database/database.ts';

import type { UndecidedStatus } from './manual-queue.ts';
import { queuedAgain } from './sending-orders.ts';

/** Which deliveries: those named, or those that have all of the rest in common. */
export interface BulkOrder {
  /** Of deliveries, or of the messages that they are of. */
  readonly ids?: readonly string[] | undefined;
  readonly statuses: readonly UndecidedStatus[];
  /** Of the last so many. */
  readonly hours?: number | undefined;
  readonly instance?: string | undefined;
  readonly reason?: string | undefined;
  readonly cause?: string | undefined;
}

/** A delivery that something was done about. */
export interface Decided {
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  /** Its status after it. */
  readonly status: string;
}

/** What came of an order. */
export interface BulkOutcome {
  readonly decided: readonly Decided[];
  /** Ids that were named and are of nothing that can be ordered about so. */
  readonly skipped: readonly string[];
  /** Another call has something to do. */
  readonly more: boolean;
}

/** Most deliveries of one order. */
export const orderedMax = 1_000;

interface FoundRow {
  readonly id: string;
  readonly message_id: string | null;
  readonly status: string;
}

/** The deliveries of an order, the oldest first. Those by id may have any status. */
async function find(sql: Sql, tenant: string, order: BulkOrder): Promise<readonly FoundRow[]> {
  if (order.ids !== undefined) {
    const found = await sql.query<FoundRow>(
      `SELECT id, message_id, status FROM deliveries WHERE tenant = $1 AND id = ANY ($2::text[])
       UNION SELECT id, message_id, status FROM deliveries WHERE tenant = $1 AND message_id = ANY ($2::text[])`,
      [tenant, order.ids],
    );
    return found.rows;
  }
  // Each status is found by the index of its own, which is why it stands in the text.
  const ended = [...new Set(order.statuses)].map(
    (status) => `
      (SELECT id, message_id, status, updated_at FROM deliveries
       WHERE tenant = $1 AND status = '${status}' AND dismissed_at IS NULL
         AND ($2::float8 IS NULL OR updated_at >= now() - $2 * interval '1 hour')
         AND ($3::text IS NULL OR instance = $3) AND ($4::text IS NULL OR reason = $4) AND ($5::text IS NULL OR cause = $5)
       ORDER BY updated_at LIMIT $6)`,
  );
  const found = await sql.query<FoundRow>(
    `SELECT id, message_id, status FROM (${ended.join(' UNION ALL ')}) AS ended ORDER BY updated_at, id LIMIT $6`,
    [tenant, order.hours ?? null, order.instance ?? null, order.reason ?? null, order.cause ?? null, orderedMax],
  );
  return found.rows;
}

const outcomeOf = (order: BulkOrder, found: readonly FoundRow[], decided: readonly Decided[]): BulkOutcome => {
  const done = new Set(decided.map(({ id }) => id));
  for (const { id, message_id } of found) if (message_id !== null && done.has(id)) done.add(message_id);
  return {
    decided,
    skipped: (order.ids ?? []).filter((id) => !done.has(id)),
    more: order.ids === undefined && found.length === orderedMax,
  };
};

const changedColumns = 'id, conversation, instance, status';

/**
 * Has deliveries tried again now, from the first delay and the first rung on; what is named and waits for its next
 * attempt has it now. What may have arrived only where the order names its status, or `evenIfUnknown`. Throws
 * `database.unavailable`.
 */
export function retryMany(
  database: Database,
  tenant: string,
  order: BulkOrder,
  evenIfUnknown: boolean,
): Promise<BulkOutcome> {
  const statuses = ['failed', 'manual', ...(evenIfUnknown ? ['unknown'] : [])];
  return database.transaction([tenant], async (sql) => {
    const found = await find(sql, tenant, order);
    const ids = found.map(({ id }) => id);
    const [again, sooner] = await Promise.all([
      sql.query<Decided>(
        `UPDATE deliveries SET ${queuedAgain} WHERE tenant = $1 AND id = ANY ($2::text[]) AND status = ANY ($3::text[])
         RETURNING ${changedColumns}`,
        [tenant, ids, statuses],
      ),
      // Those that were queued before this order, and wait behind nothing of their chat.
      sql.query<Decided>(
        `UPDATE deliveries SET next_attempt_at = now(), updated_at = now() WHERE tenant = $1 AND id = ANY ($2::text[])
           AND status = 'queued' AND next_attempt_at <> 'infinity' RETURNING ${changedColumns}`,
        [tenant, found.filter(({ status }) => status === 'queued').map(({ id }) => id)],
      ),
    ]);
    return outcomeOf(order, found, [...again.rows, ...sooner.rows]);
  });
}

/**
 * Cancels deliveries that are not on their way. What may have arrived cannot be taken back: it stays `unknown` and
 * leaves the queue for decisions. Throws `database.unavailable`.
 */
export function cancelMany(database: Database, tenant: string, order: BulkOrder): Promise<BulkOutcome> {
  return database.transaction([tenant], async (sql) => {
    const found = await find(sql, tenant, order);
    const ids = found.map(({ id }) => id);
    const messages = found.flatMap(({ message_id }) => (message_id === null ? [] : [message_id]));
    // O1: requests before deliveries, as whoever cancels one does.
    await sql.query('SELECT FROM message_requests WHERE tenant = $1 AND id = ANY ($2::text[]) ORDER BY id FOR UPDATE', [
      tenant,
      messages,
    ]);
    const [cancelled, dismissed] = await Promise.all([
      sql.query<Decided & { readonly message_id: string | null }>(
        `UPDATE deliveries SET status = 'cancelled', reason = 'cancelled', settled_at = now(), report_due_at = now(),
           evidence_due_at = NULL, updated_at = now()
         WHERE tenant = $1 AND id = ANY ($2::text[]) AND status IN ('queued', 'scheduled', 'manual')
         RETURNING ${changedColumns}, message_id`,
        [tenant, ids],
      ),
      sql.query<Decided>(
        `UPDATE deliveries SET dismissed_at = now() WHERE tenant = $1 AND id = ANY ($2::text[]) AND status = 'unknown'
           AND dismissed_at IS NULL RETURNING ${changedColumns}`,
        [tenant, ids],
      ),
    ]);
    await sql.query(
      `UPDATE message_requests SET status = 'cancelled', content = NULL, updated_at = now()
       WHERE tenant = $1 AND id = ANY ($2::text[])`,
      [tenant, cancelled.rows.flatMap(({ message_id }) => (message_id === null ? [] : [message_id]))],
    );
    const decided = cancelled.rows.map(({ message_id: _, ...one }) => one);
    return outcomeOf(order, found, [...decided, ...dismissed.rows]);
  });
}
