/**
 * What a broadcast handed over: ordinary messages, each known by an id that only the broadcast and the
 * conversation decide.
 */
import type { OutboundContent } from '#schemas/content.ts';

import type { Database } from '../database/database.ts';
import { derivedId } from '../records.ts';
import { type SealedIn, type Vault, tenantSubject } from '../vault/vault.ts';

interface Of {
  readonly tenant: string;
  readonly id: string;
}

/** Id of the message to a conversation: the same whatever crashes. */
export const broadcastMessageId = ({ tenant, id }: Of, conversation: string): string =>
  derivedId('m', tenant, 'broadcast', id, conversation);

/** What the variables of a recipient are sealed for. */
export const variablesIn = ({ tenant, id }: Of, conversation: string): SealedIn => ({
  tenant,
  actor: conversation,
  type: 'broadcast.variables',
  eventId: id,
});

const contentIn = ({ tenant, id }: Of): SealedIn => ({ tenant, actor: id, type: 'broadcast.content', eventId: id });

/** Seals what is sent to all. Throws `vault.unavailable`. */
export const sealBroadcast = (vault: Vault, of: Of, at: number, content: OutboundContent): Promise<Buffer> =>
  vault.seal(contentIn(of), tenantSubject(of.tenant), at, content);

/** Opens it; undefined once the tenant's own key was destroyed. Throws `vault.unavailable`. */
export async function openBroadcast(vault: Vault, of: Of, sealed: Buffer): Promise<OutboundContent | undefined> {
  const opened = await vault.open<OutboundContent>(contentIn(of), sealed);
  return opened.state === 'open' ? opened.value : undefined;
}

/**
 * Marks as settled what will not change by itself any more: declined, cancelled, or with a delivery that is
 * over. Resolves with how many are still on their way. Throws `database.unavailable`.
 */
export async function settleHandedOver(database: Database, { tenant, id }: Of): Promise<number> {
  await database.query(
    [tenant],
    `UPDATE broadcast_recipients SET status = 'settled', variables = NULL WHERE broadcast = $2 AND conversation = ANY (ARRAY(
       SELECT r.conversation FROM broadcast_recipients r
       LEFT JOIN LATERAL (
         SELECT q.status FROM message_requests q WHERE q.tenant = $1 AND q.id = r.message_id LIMIT 1
       ) q ON true
       LEFT JOIN LATERAL (
         SELECT d.status FROM deliveries d WHERE d.tenant = $1 AND d.message_id = r.message_id LIMIT 1
       ) d ON true
       WHERE r.broadcast = $2 AND r.status = 'handed'
         AND coalesce(d.status, q.status) NOT IN ('queued', 'scheduled', 'sending')))`,
    [tenant, id],
  );
  const left = await database.query<{ readonly count: number }>(
    [tenant],
    `SELECT count(*)::int AS count FROM broadcast_recipients WHERE broadcast = $1 AND status = 'handed'`,
    [id],
  );
  return left.rows[0]?.count ?? 0;
}

/** Handed over messages that are cancelled in one transaction. */
const cancelledMax = 500;

interface HandedRow {
  readonly message_id: string;
  readonly position: string;
}

/**
 * Cancels what was handed over and is not on its way to the provider, batch after batch; what is on its way
 * now may come back to the queue, so that somebody has to look again until `settleHandedOver` finds nothing.
 * Locks requests before deliveries, as the sender does. Idempotent. Throws `database.unavailable`.
 */
export async function cancelHandedOver(database: Database, { tenant, id }: Of): Promise<void> {
  let after = '0';
  for (let batch = cancelledMax; batch === cancelledMax;) {
    const handed: readonly HandedRow[] = await database.transaction([tenant], async (sql) => {
      const { rows } = await sql.query<HandedRow>(
        `SELECT r.message_id, r.position FROM broadcast_recipients r CROSS JOIN LATERAL (
           SELECT FROM message_requests q WHERE q.tenant = $1 AND q.id = r.message_id LIMIT 1 FOR UPDATE
         ) q
         WHERE r.broadcast = $2 AND r.status = 'handed' AND r.position > $3 ORDER BY r.position LIMIT $4`,
        [tenant, id, after, cancelledMax],
      );
      const ids = rows.map(({ message_id }) => message_id);
      const cancelled = await sql.query<{ readonly message_id: string }>(
        `UPDATE deliveries SET status = 'cancelled', reason = 'cancelled', settled_at = now(), report_due_at = now(),
           evidence_due_at = NULL, updated_at = now()
         WHERE tenant = $1 AND message_id = ANY ($2::text[]) AND status IN ('queued', 'scheduled', 'manual')
         RETURNING message_id`,
        [tenant, ids],
      );
      // Not NOT EXISTS, which is planned as a scan of all deliveries.
      await sql.query(
        `UPDATE message_requests q SET status = 'cancelled', content = NULL, updated_at = now()
         WHERE q.tenant = $1 AND q.id = ANY ($2::text[]) AND q.status IN ('scheduled', 'queued')
           AND (q.id = ANY ($3::text[])
             OR (SELECT d.id FROM deliveries d WHERE d.tenant = $1 AND d.message_id = q.id LIMIT 1) IS NULL)`,
        [tenant, ids, cancelled.rows.map(({ message_id }) => message_id)],
      );
      return rows;
    });
    after = handed.at(-1)?.position ?? after;
    batch = handed.length;
  }
}
