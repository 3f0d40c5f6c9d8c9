/** What became of many messages, counted: each once, in the furthest that it came to. */
import type { Database } from '#runtime/database/database.ts';

/** Messages with one outcome and one reason. */
export interface OutcomeCount {
  readonly outcome: string;
  /** Stable code. */
  readonly reason: string | null;
  readonly count: number;
  /** Of these the ones that were sent within the last minute. */
  readonly recent: number;
}

/**
 * SQL that counts the outcomes of what `source` selects: `message_id`, or `own` and `own_reason` for what has
 * no message. `$1` is the tenant. One by one by their keys, whatever is known of the sizes of the tables. A message is `queued` and `scheduled` until a provider has it.
 */
const countsOf = (source: string): string => `
  SELECT outcome, CASE WHEN outcome NOT IN ('queued', 'scheduled', 'sending') THEN reason END AS reason,
    count(*)::int AS count, count(*) FILTER (WHERE sent_at > now() - interval '1 minute')::int AS recent
  FROM (
    -- Who said no while it waited did not want it, as who said so before (services/sender/objections.ts).
    SELECT coalesce(r.own, k.status, CASE WHEN d.status = 'failed' AND d.reason LIKE 'consent.%' THEN 'declined' ELSE d.status END,
        q.status) AS outcome,
      CASE WHEN r.own IS NOT NULL THEN r.own_reason WHEN k.status IS NOT NULL THEN k.reason
        WHEN d.status IS NOT NULL THEN d.reason ELSE q.reason END AS reason,
      CASE WHEN d.status = 'sent' THEN d.settled_at END AS sent_at
    FROM (${source}) r
    LEFT JOIN LATERAL (
      SELECT status, reason FROM message_requests WHERE tenant = $1 AND id = r.message_id LIMIT 1
    ) q ON true
    LEFT JOIN LATERAL (
      SELECT * FROM deliveries WHERE tenant = $1 AND message_id = r.message_id ORDER BY created_at DESC, id DESC LIMIT 1
    ) d ON true
    LEFT JOIN LATERAL (
      SELECT * FROM (
        SELECT status, reason FROM message_marks m
        WHERE d.status IN ('sent', 'unknown') AND m.tenant = $1 AND m.conversation = d.conversation
          AND m.mark = ANY (ARRAY[d.id, d.provider_message_index] || ARRAY(
            SELECT l.stable_index FROM message_links l
            WHERE l.tenant = $1 AND l.conversation = d.conversation AND l.delivery_id = d.id))
        ORDER BY m.rank DESC, m.event_id DESC LIMIT 1
      ) furthest WHERE status IN ('delivered', 'read', 'failed')
    ) k ON true
  ) known GROUP BY 1, 2 ORDER BY 1, 2`;

const ofBroadcast = countsOf(`
  SELECT CASE WHEN r.status IN ('handed', 'settled') THEN r.message_id END AS message_id,
    CASE r.status WHEN 'skipped' THEN 'skipped' WHEN 'waiting' THEN
      CASE WHEN b.status IN ('stopped', 'expired', 'failed') THEN 'cancelled' ELSE 'waiting' END END AS own,
    CASE WHEN r.status = 'waiting' THEN b.reason ELSE r.reason END AS own_reason
  FROM broadcast_recipients r JOIN broadcasts b ON b.id = r.broadcast WHERE r.broadcast = $2 AND r.tenant = $1`);

const ofMessages = countsOf('SELECT i AS message_id, NULL AS own, NULL AS own_reason FROM unnest($2::text[]) AS i');

/** Outcomes of the recipients of a broadcast. Throws `database.unavailable`. */
export const broadcastOutcomes = async (
  database: Database,
  tenant: string,
  broadcast: string,
): Promise<readonly OutcomeCount[]> =>
  (await database.query<OutcomeCount>([tenant], ofBroadcast, [tenant, broadcast])).rows;

/** Outcomes of messages that were asked for. Throws `database.unavailable`. */
export const messageOutcomes = async (
  database: Database,
  tenant: string,
  ids: readonly string[],
): Promise<readonly OutcomeCount[]> => (await database.query<OutcomeCount>([tenant], ofMessages, [tenant, ids])).rows;

/** How many there are of some outcomes. */
export const countOf = (counts: readonly OutcomeCount[], ...outcomes: readonly string[]): number =>
  counts.reduce((sum, { outcome, count }) => sum + (outcomes.includes(outcome) ? count : 0), 0);
