/**
 * Replies from the log become rows of `deliveries`. One that may be sent at once is claimed as it is
 * inserted, which saves it the way through the queue.
 *
 * A1 What waits behind another of its chat is due at 'infinity', so that no claim reads it; whoever ends
 *    that other one brings it to the front. The first open one of the chat is locked for the insert, so
 *    that it cannot end unseen meanwhile.
 * A2 A request that was cancelled before its reply came is not sent: request and reply are tied by a
 *    lock on the request.
 * A3 What A1 locks is locked in the order of chats, as by whoever settles (N1 of settlements.ts).
 * A4 `queue_progress` moves in the same transaction, which fails at a gap in it. What Postgres lost and is read again may have been sent: it is `sending` under a lapsed lease, to be looked up, not queued.
 */
import type { ReplyDeclined, ReplyRequested } from '#schemas/records.ts';

import type { Database, Sql } from '#runtime/database/database.ts';
import { type Columns, columnValues } from '#runtime/database/rows.ts';
import type { ReadSlice } from '#runtime/log/consume-records.ts';
import { progressMove } from '#runtime/log/queue-progress.ts';

import { clientMessageIdOf } from './client-message-id.ts';
import type { Standing } from './ladder.ts';
import { inOrder } from './settlements.ts';

/** A reply with its place on the log, and how it is to be queued. */
export interface PlacedReply {
  readonly reply: ReplyRequested;
  readonly partition: number;
  readonly offset: number;
  /** Its lane (`lanes.ts`). */
  readonly lane: number;
  /** Not before then, without holding up its chat; null for now. Epoch milliseconds. */
  readonly notBefore: number | null;
}

/** Replies to be queued, and which of them are begun at once. */
export interface Acceptance {
  readonly replies: readonly PlacedReply[];
  readonly declined: readonly ReplyDeclined[];
  /** The group that read them, where, and whether Postgres lost them since (A4). */
  readonly group: string;
  readonly slices: readonly ReadSlice[];
  readonly again: boolean;
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
  readonly attempts_forgiven: number;
  readonly lookups: number;
  readonly uncertain: boolean;
  readonly client_message_id: string;
  readonly lane: number;
  readonly fallback: Standing | null;
  readonly origin: string;
  readonly first_claimed_at: Date | null;
  readonly claimed_at: Date | null;
  readonly status: 'queued' | 'sending' | 'scheduled' | 'cancelled';
}

/** A reply with what the insert asks besides. */
interface Queued extends PlacedReply {
  readonly cancelled: boolean;
  /** The one before it of its chat that is inserted with it. */
  readonly previous: string | null;
  /** Where it may have been sent already, a time before that. Epoch milliseconds. */
  readonly lostSince: number | null;
}

const columns: Columns<Queued> = {
  tenant: ['text', ({ reply }) => reply.tenant],
  id: ['text', ({ reply }) => reply.eventId],
  conversation: ['text', ({ reply }) => reply.actor],
  log_partition: ['int', ({ partition }) => partition],
  log_offset: ['bigint', ({ offset }) => offset],
  instance: ['text', ({ reply }) => reply.instance],
  message_id: ['text', ({ reply }) => reply.messageId],
  origin: ['text', ({ reply }) => reply.origin],
  priority: ['text', ({ reply }) => reply.priority],
  lane: ['int', ({ lane }) => lane],
  kind: ['text', ({ reply }) => reply.kind],
  revision: ['text', ({ reply }) => reply.revision],
  content: ['bytea', ({ reply }) => (reply.sealed === null ? null : Buffer.from(reply.sealed))],
  client_message_id: ['text', ({ reply }) => clientMessageIdOf(reply.eventId)],
};

/** What decides about a row and is no column of it. */
const deciding: Columns<Queued> = {
  previous: ['text', ({ previous }) => previous],
  not_before: ['timestamptz', ({ notBefore }) => (notBefore === null ? null : new Date(notBefore))],
  cancelled: ['boolean', ({ cancelled }) => cancelled],
  lost_since: ['timestamptz', ({ lostSince }) => (lostSince === null ? null : new Date(lostSince))],
};

const given = { ...columns, ...deciding };
const names = Object.keys(columns);
const arrays = Object.values(given).map(([type], i) => `$${i + 1}::${type}[]`);
const [ids, owner, lease] = [1, 2, 3].map((place) => `$${arrays.length + place}`);

// A look for the one and not NOT EXISTS, which is planned as a scan of everything open, or of everything.
// L3: nothing of the chat that is open may be there before. What comes after it is not there yet, since a
// chat's replies are of one partition and this is read in order.
const acceptText = `
  WITH looked AS (
    SELECT g.*, (
      SELECT e.id FROM deliveries e WHERE e.conversation = g.conversation AND e.status IN ('queued', 'sending')
      ORDER BY e.log_offset LIMIT 1 FOR SHARE
    ) IS NOT NULL OR g.previous IS NOT NULL AND coalesce((
      SELECT p.status FROM deliveries p WHERE p.id = g.previous LIMIT 1
    ), 'queued') IN ('queued', 'sending') AS behind
    FROM unnest(${arrays.join(', ')}) AS g (${Object.keys(given).join(', ')})
  ), r AS (
    SELECT *, CASE WHEN cancelled THEN 'cancelled' WHEN lost_since IS NOT NULL THEN 'sending' WHEN not_before IS NOT NULL THEN 'scheduled'
      WHEN NOT behind AND id = ANY (${ids}::text[]) THEN 'sending' ELSE 'queued' END AS status
    FROM looked
  )
  INSERT INTO deliveries (${names.join(', ')}, status, next_attempt_at, claimed_by, claimed_at, first_claimed_at,
    lease_until, claim, attempts, reason, settled_at, report_due_at)
  SELECT ${names.map((name) => `r.${name}`).join(', ')}, r.status,
    CASE WHEN r.status = 'scheduled' THEN r.not_before WHEN r.status = 'queued' AND r.behind THEN 'infinity' ELSE now() END,
    CASE WHEN r.status = 'sending' THEN ${owner} END, CASE WHEN r.status = 'sending' THEN now() END,
    CASE WHEN r.status = 'sending' THEN least(now(), r.lost_since) END,
    CASE WHEN r.status = 'sending' AND r.lost_since IS NULL THEN now() + ${lease} * interval '1 ms'
      WHEN r.status = 'sending' THEN now() END,
    (r.status = 'sending')::int, (r.status = 'sending')::int,
    CASE WHEN r.cancelled THEN 'cancelled' END, CASE WHEN r.cancelled THEN now() END, CASE WHEN r.cancelled THEN now() END
  FROM r
  ON CONFLICT (id) DO NOTHING
  RETURNING tenant, id, conversation, instance, content, claim, attempts, attempts_forgiven, lookups, uncertain,
    client_message_id, lane, fallback, first_claimed_at, claimed_at, origin, status`;

/**
 * Queues replies in their order, notes refusals, and claims those of `begin` that nothing of their
 * chat stands before. Idempotent by event id; resolves with the rows that are new. Throws `database.unavailable`.
 */
export async function acceptReplies(database: Database, acceptance: Acceptance): Promise<readonly AcceptedRow[]> {
  const { replies, declined, group, slices } = acceptance;
  const tenants = new Set([...replies.map(({ reply }) => reply.tenant), ...declined.map(({ tenant }) => tenant)]);
  const accept = (cancelled: ReadonlySet<string>): readonly [string, readonly unknown[]] => [
    acceptText,
    [
      ...columnValues(given, queuedOf(acceptance, cancelled)),
      [...acceptance.begin],
      acceptance.owner,
      acceptance.leaseMs,
    ],
  ];
  const move = progressMove(group, slices);
  const asked = replies.filter(({ reply }) => reply.messageId !== null);
  if (declined.length === 0 && asked.length === 0) {
    const statements = [move, ...(replies.length === 0 ? [] : [accept(new Set())])];
    const [, accepted] = await database.queries([...tenants], statements);
    return (accepted?.rows ?? []) as unknown as readonly AcceptedRow[];
  }
  return database.transaction([...tenants], async (sql) => {
    const [, cancelled] = await Promise.all([
      sql.query(...move),
      asked.length === 0 ? new Set<string>() : lockRequests(sql, asked),
    ]);
    const [accepted] = await Promise.all([
      sql.query<AcceptedRow>(...accept(cancelled)),
      declined.length === 0 ? undefined : decline(sql, declined),
    ]);
    return accepted.rows;
  });
}

function queuedOf({ replies, again }: Acceptance, cancelled: ReadonlySet<string>): readonly Queued[] {
  const newest = new Map<string, string>();
  const queued = replies.map((placed) => {
    const { reply, notBefore } = placed;
    const isCancelled = reply.messageId !== null && cancelled.has(reply.messageId);
    const previous = newest.get(reply.actor) ?? null;
    if (!isCancelled && notBefore === null) newest.set(reply.actor, reply.eventId);
    return { ...placed, cancelled: isCancelled, previous, lostSince: again ? reply.occurredAt : null };
  });
  return queued.sort(({ reply: a }, { reply: b }) => inOrder(a.actor, b.actor));
}

/** Locks the requests of replies (A2); the ids of those that were cancelled. */
async function lockRequests(sql: Sql, asked: readonly PlacedReply[]): Promise<ReadonlySet<string>> {
  const found = await sql.query<{ readonly id: string; readonly status: string }>(
    `SELECT m.id, m.status FROM unnest($1::text[], $2::text[]) AS r (tenant, id) CROSS JOIN LATERAL (
       SELECT q.id, q.status FROM message_requests q WHERE q.tenant = r.tenant AND q.id = r.id LIMIT 1 FOR SHARE
     ) m`,
    [asked.map(({ reply }) => reply.tenant), asked.map(({ reply }) => reply.messageId)],
  );
  return new Set(found.rows.flatMap(({ id, status }) => (status === 'cancelled' ? [id] : [])));
}

async function decline(sql: Sql, declined: readonly ReplyDeclined[]): Promise<void> {
  await sql.query(
    `UPDATE message_requests m SET status = 'declined', updated_at = now(),
       reason = (SELECT d.reason FROM unnest($1::text[], $2::text[]) AS d (id, reason) WHERE d.id = m.id LIMIT 1)
     WHERE m.id = ANY ($1::text[]) AND m.status = 'queued'`,
    [declined.map(({ messageId }) => messageId), declined.map(({ reason }) => reason)],
  );
}
