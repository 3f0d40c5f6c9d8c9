/**
 * What people order about messages that are to be sent: not at all, or once more. The sender sees it in
 * the rows; what they lead to is told by it.
 *
 * O1 A message that was cancelled is not sent: its request is locked, so that its delivery is either there
 *    and is cancelled, or will find it so (A2 of the sender's acceptance).
 * O2 What is on its way or may have arrived is never sent again unasked.
 */
import type { Database, Sql } from '#runtime/database/database.ts';
import { Problem } from '#runtime/http.ts';

import { notFound } from './route.ts';

/** A message that something was ordered about. */
export interface Ordered {
  readonly conversation: string;
  readonly instance: string;
  /** Its status after it. */
  readonly status: string;
  /** False when it was so already. */
  readonly changed: boolean;
}

interface Found {
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly status: string;
}

/** The delivery of a message, by either id, locked. */
async function deliveryOf(sql: Sql, tenant: string, id: string): Promise<Found | undefined> {
  const found = await sql.query<Found>(
    `SELECT id, conversation, instance, status FROM deliveries WHERE tenant = $1 AND (message_id = $2 OR id = $2)
     ORDER BY created_at DESC, id DESC LIMIT 1 FOR UPDATE`,
    [tenant, id],
  );
  return found.rows[0];
}

/** Cancels a message that is not on its way. Idempotent. Throws `Problem` 404 and 409, `database.unavailable`. */
export function cancelMessage(database: Database, tenant: string, id: string): Promise<Ordered> {
  return database.transaction([tenant], async (sql) => {
    const requests = await sql.query<Found>(
      `SELECT id, conversation, instance, status FROM message_requests WHERE tenant = $1 AND id = $2 FOR UPDATE`,
      [tenant, id],
    );
    const request = requests.rows[0];
    const delivery = await deliveryOf(sql, tenant, id);
    const found = delivery ?? request;
    if (found === undefined) throw notFound();
    const { conversation, instance, status } = found;
    if (status === 'cancelled') return { conversation, instance, status, changed: false };
    if (!['queued', 'scheduled', 'manual'].includes(status))
      throw new Problem(409, 'message-not-cancellable', 'The message is on its way, or was sent or given up.');
    if (delivery !== undefined) {
      await sql.query(
        `UPDATE deliveries SET status = 'cancelled', reason = 'cancelled', settled_at = now(), report_due_at = now(),
           evidence_due_at = NULL, updated_at = now() WHERE tenant = $1 AND id = $2`,
        [tenant, delivery.id],
      );
    }
    if (request !== undefined) {
      await sql.query(
        `UPDATE message_requests SET status = 'cancelled', content = NULL, updated_at = now()
         WHERE tenant = $1 AND id = $2`,
        [tenant, id],
      );
    }
    return { conversation, instance, status: 'cancelled', changed: true };
  });
}

/**
 * SET of a delivery that is tried again: its attempts so far no longer count for the schedule, nor its way down the
 * ladder. A report that nobody made yet is about what is no longer so; the next one will be made.
 */
export const queuedAgain = `status = 'queued', reason = NULL, next_attempt_at = now(), attempts_forgiven = attempts,
  fallback = NULL, dismissed_at = NULL, settled_at = NULL, report_due_at = NULL, evidence_due_at = NULL, updated_at = now()`;

/**
 * Has a message tried again now, from the first delay on; one that waits for its next attempt has it now.
 * `evenIfUnknown`: also when it may have arrived. Throws `Problem` 404 and 409, `database.unavailable`.
 */
export function retryMessage(database: Database, tenant: string, id: string, evenIfUnknown: boolean): Promise<Ordered> {
  return database.transaction([tenant], async (sql) => {
    const delivery = await deliveryOf(sql, tenant, id);
    if (delivery === undefined) {
      const requests = await sql.query<Found>(
        'SELECT id, conversation, instance, status FROM message_requests WHERE tenant = $1 AND id = $2',
        [tenant, id],
      );
      if (requests.rows[0] === undefined) throw notFound();
      throw notRetryable();
    }
    const { conversation, instance, status } = delivery;
    if (status === 'unknown' && !evenIfUnknown)
      throw new Problem(409, 'message-outcome-unknown', 'The message may have arrived: it could be there twice.');
    if (status === 'queued') {
      // What waits behind another of its chat waits on.
      await sql.query(
        `UPDATE deliveries SET next_attempt_at = now(), updated_at = now()
         WHERE tenant = $1 AND id = $2 AND next_attempt_at <> 'infinity'`,
        [tenant, delivery.id],
      );
      return { conversation, instance, status, changed: true };
    }
    if (!['failed', 'manual', 'unknown'].includes(status)) throw notRetryable();
    await sql.query(`UPDATE deliveries SET ${queuedAgain} WHERE tenant = $1 AND id = $2`, [tenant, delivery.id]);
    return { conversation, instance, status: 'queued', changed: true };
  });
}

const notRetryable = (): Problem =>
  new Problem(409, 'message-not-retryable', 'The message was sent, or was refused for the sake of the person.');
