/** Looking for the people of a broadcast, page by page through the chats of its line. */
import { recipientsMax } from '#runtime/broadcasts/bounds.ts';
import type { Sql } from '#runtime/database/database.ts';

import { newestConsent } from '../objections.ts';
import type { Broadcast, Segment } from './turns.ts';

/** Chats that are looked at in one transaction. */
const pageMax = 1_000;
const dayMs = 86_400_000;

// Everything by the key of the chat at hand. Whoever is in it already stays as they are.
const pageStatement = `
  WITH page AS (
    SELECT c.id, c.person, c.is_group, c.merged_into FROM conversations c
    WHERE c.line = $3 AND c.id > $4 ORDER BY c.id LIMIT ${pageMax}
  ), added AS (
    INSERT INTO broadcast_recipients (tenant, broadcast, conversation, person)
    SELECT $1, $2, p.id, p.person FROM page p
    WHERE NOT p.is_group AND p.merged_into IS NULL
      AND ($5::text IS NULL OR $5 = ${newestConsent('agreement', '$1', 'p.id')})
      AND ($6::timestamptz IS NULL OR $6 <= (
        SELECT s.last_seen_at FROM contacts s WHERE s.tenant = $1 AND s.conversation = p.id AND s.person = p.person))
      AND ($7::text IS NULL OR $7 = (
        SELECT a.state FROM actor_snapshots a WHERE a.actor = p.id ORDER BY a.next_offset DESC LIMIT 1))
    ORDER BY p.id
    ON CONFLICT (broadcast, conversation) DO NOTHING RETURNING conversation
  )
  SELECT (SELECT count(*)::int FROM page) AS seen, (SELECT max(id) FROM page) AS last,
    (SELECT count(*)::int FROM added) AS added`;

interface Page {
  readonly seen: number;
  readonly last: string | null;
  readonly added: number;
}

/** Looks through the next page; false when there are too many people, which ends the broadcast unsent. */
export async function gatherPage(sql: Sql, broadcast: Broadcast, segment: Segment, at: number): Promise<boolean> {
  const { tenant, id, line, gathered_to: from, recipients } = broadcast;
  const { consent, lastSeenWithinDays: days, state } = segment;
  const since = days === undefined ? null : new Date(at - days * dayMs);
  const values = [tenant, id, line, from, consent ?? null, since, state ?? null];
  const [page] = (await sql.query<Page>(pageStatement, values)).rows;
  const { seen = 0, last = null, added = 0 } = page ?? {};
  const total = recipients + added;
  const isTooMany = total > recipientsMax;
  await sql.query(
    `UPDATE broadcasts SET recipients = $3, gathered_to = coalesce($4, gathered_to), is_gathered = $5,
       status = CASE WHEN $6 THEN 'failed' ELSE status END, reason = CASE WHEN $6 THEN 'recipients-too-many' END,
       ended_at = CASE WHEN $6 THEN now() END
     WHERE tenant = $1 AND id = $2`,
    [tenant, id, total, last, seen < pageMax, isTooMany],
  );
  return !isTooMany;
}
