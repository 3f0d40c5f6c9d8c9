/**
 * Replies from the log become rows of `deliveries`. One that may be sent at once is claimed as it is
 * inserted, which saves it the way through the queue.
 */
import type { ReplyDeclined, ReplyRequested } from '#schemas/records.ts';

import type { Database, Sql } from '#runtime/database/database.ts';
import { type Columns, columnValues } from '#runtime/database/rows.ts';

import { clientMessageIdOf } from './client-message-id.ts';

/** A reply with its place on the log. */
export interface PositionedReply {
  readonly reply: ReplyRequested;
  readonly partition: number;
  readonly offset: number;
}

/** Replies to be queued, and which of them are begun at once. */
export interface Acceptance {
  readonly replies: readonly PositionedReply[];
  readonly declined: readonly ReplyDeclined[];
  /** Names the process that begins. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Event ids of replies that the owner has room for: of a chat its first at most. */
  readonly begin: ReadonlySet<string>;
}

/** A row that was inserted. */
export interface AcceptedRow {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly content: Buffer | null;
  readonly claim: string;
  readonly attempts: number;
  readonly lookups: number;
  readonly uncertain: boolean;
  readonly client_message_id: string;
  readonly first_claimed_at: Date | null;
  readonly status: 'queued' | 'sending';
}

const columns: Columns<PositionedReply> = {
  tenant: ['text', ({ reply }) => reply.tenant],
  id: ['text', ({ reply }) => reply.eventId],
  conversation: ['text', ({ reply }) => reply.actor],
  log_partition: ['int', ({ partition }) => partition],
  log_offset: ['bigint', ({ offset }) => offset],
  instance: ['text', ({ reply }) => reply.instance],
  message_id: ['text', ({ reply }) => reply.messageId],
  origin: ['text', ({ reply }) => reply.origin],
  priority: ['text', ({ reply }) => reply.priority],
  kind: ['text', ({ reply }) => reply.kind],
  revision: ['text', ({ reply }) => reply.revision],
  content: ['bytea', ({ reply }) => (reply.sealed === null ? null : Buffer.from(reply.sealed))],
  client_message_id: ['text', ({ reply }) => clientMessageIdOf(reply.eventId)],
};

const names = Object.keys(columns);
const arrays = Object.values(columns).map(([type], i) => `$${i + 1}::${type}[]`);
const [ids, owner, lease] = [1, 2, 3].map((place) => `$${names.length + place}`);

// A look for the first one and not NOT EXISTS, which is planned as a scan of everything open.
// L3: nothing of the chat that is open may be there before. What comes after it is not there yet, since a
// chat's replies are of one partition and this is read in order.
const acceptText = `
  WITH r AS (
    SELECT r.*, r.id = ANY (${ids}::text[]) AND (
      SELECT e.id FROM deliveries e WHERE e.conversation = r.conversation AND e.status IN ('queued', 'sending')
      ORDER BY e.log_offset LIMIT 1
    ) IS NULL AS begins
    FROM unnest(${arrays.join(', ')}) AS r (${names.join(', ')})
  )
  INSERT INTO deliveries (${names.join(', ')}, status, claimed_by, claimed_at, first_claimed_at, lease_until, claim, attempts)
  SELECT ${names.map((name) => `r.${name}`).join(', ')}, CASE WHEN begins THEN 'sending' ELSE 'queued' END,
    CASE WHEN begins THEN ${owner} END, CASE WHEN begins THEN now() END, CASE WHEN begins THEN now() END,
    CASE WHEN begins THEN now() + ${lease} * interval '1 ms' END, begins::int, begins::int
  FROM r
  ON CONFLICT (id) DO NOTHING
  RETURNING tenant, id, conversation, instance, content, claim, attempts, lookups, uncertain, client_message_id,
    first_claimed_at, status`;

/**
 * Queues replies in their order, notes refusals, and claims those of `begin` that nothing of their
 * chat stands before. Idempotent by event id; resolves with the rows that are new. Throws
 * `database.unavailable`.
 */
export async function acceptReplies(database: Database, acceptance: Acceptance): Promise<readonly AcceptedRow[]> {
  const { replies, declined } = acceptance;
  const tenants = new Set([...replies.map(({ reply }) => reply.tenant), ...declined.map(({ tenant }) => tenant)]);
  if (tenants.size === 0) return [];
  const values = [...columnValues(columns, replies), [...acceptance.begin], acceptance.owner, acceptance.leaseMs];
  if (declined.length === 0) return (await database.query<AcceptedRow>([...tenants], acceptText, values)).rows;
  return database.transaction([...tenants], async (sql) => {
    const [accepted] = await Promise.all([sql.query<AcceptedRow>(acceptText, values), decline(sql, declined)]);
    return accepted.rows;
  });
}

async function decline(sql: Sql, declined: readonly ReplyDeclined[]): Promise<void> {
  await sql.query(
    `UPDATE message_requests m SET status = 'declined', reason = d.reason, updated_at = now()
     FROM unnest($1::text[], $2::text[], $3::text[]) AS d (tenant, id, reason)
     WHERE m.tenant = d.tenant AND m.id = d.id AND m.status = 'queued'`,
    [
      declined.map(({ tenant }) => tenant),
      declined.map(({ messageId }) => messageId),
      declined.map(({ reason }) => reason),
    ],
  );
}
