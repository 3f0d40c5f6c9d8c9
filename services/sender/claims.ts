/**
 * How processes come by deliveries: statements on what is queued, put off or left behind. Each goes by
 * an index of its own and reads what it takes, not what waits (`claims.test.ts` counts).
 */
import type { Database } from '#runtime/database/database.ts';

import type { AcceptedRow } from './acceptance.ts';
import type { ClaimedDelivery } from './deliveries.ts';
import { dueTurns } from './due-turns.ts';
import { strides } from './fair-shares.ts';
import { priorities } from './lanes.ts';

/** How a process claims. */
export interface ClaimRequest {
  readonly tenants: readonly string[];
  readonly owner: string;
  readonly leaseMs: number;
  readonly max: number;
}

/** What may be taken of a lane. */
export interface LaneRoom {
  readonly instance: string;
  readonly lane: number;
  /** Most of this lane, of its class, and of the instance. */
  readonly room: number;
  readonly classRoom: number;
  readonly instanceRoom: number;
  /** Virtual time at which its next one starts (`fair-shares.ts`). */
  readonly start: number;
}

/** A lane in which something is queued. */
export interface WaitingLane {
  readonly tenant: string;
  readonly instance: string;
  readonly lane: number;
  /** Milliseconds until its first one is due; 0 when it is. */
  readonly dueInMs: number;
  /** Whether the instance's gate lets it pass now, lets one pass to try, or for how long it is shut. */
  readonly gate: 'open' | 'probe' | 'shut';
  readonly gateInMs: number;
  /** Nobody is written to first. */
  readonly coldShut: boolean;
}

/** Longest time that is told: what waits behind another one of its chat waits for ever by itself. */
const waitToldMs = 60_000;

/** Chats that one look for forgotten heads goes through. */
const mendedChats = 200;

/** Of a chat so many are raised, the first ones: the next reply raises more. */
const raisedMax = 100;

/**
 * The condition on a row that was found by its id. Said so that no partial index seems to fit, which would
 * be read whole in place of the one row.
 */
export const isStill = (row: string, status: 'queued' | 'scheduled' | 'sending'): string =>
  `coalesce(${row}.status, '') = '${status}'`;

/** Opens them as prosa_worker. All methods throw `database.unavailable`. */
export function openClaims(database: Database) {
  const putOff = dueTurns(database, 'deliveries');
  return {
    /** Lanes in which something is queued, with the state of their gates. Instances are skipped through, not read. */
    async waiting(tenants: readonly string[]): Promise<readonly WaitingLane[]> {
      const found = await database.query<WaitingRow>(tenants, waitingStatement, [waitToldMs]);
      return found.rows.map((row) => ({
        tenant: row.tenant,
        instance: row.instance,
        lane: row.lane,
        dueInMs: Number(row.due_in),
        gate: row.gate,
        gateInMs: Number(row.gate_in),
        coldShut: row.cold_shut,
      }));
    },

    /** Takes what is due, within the room of each lane, in the order of their starts. */
    async claimDue(
      request: ClaimRequest & { readonly rooms: readonly LaneRoom[] },
    ): Promise<readonly ClaimedDelivery[]> {
      const { rooms } = request;
      if (rooms.length === 0 || request.max <= 0) return [];
      const askedAt = performance.now();
      const found = await database.query<ClaimedRow>(request.tenants, claimDueStatement, [
        request.owner,
        request.leaseMs,
        request.max,
        rooms.map(({ instance }) => instance),
        rooms.map(({ lane }) => lane),
        rooms.map(({ room }) => room),
        rooms.map(({ classRoom }) => classRoom),
        rooms.map(({ instanceRoom }) => instanceRoom),
        rooms.map(({ start }) => start),
        rooms.map(({ lane }) => strides[lane % priorities.length] ?? 1),
      ]);
      return found.rows.map((row) => claimedOf(row, askedAt));
    },

    /** Takes over those whose claimer is gone or left them to be looked up. */
    async claimStale(request: ClaimRequest): Promise<readonly ClaimedDelivery[]> {
      const values = [request.owner, request.leaseMs, request.max];
      const askedAt = performance.now();
      const found = await database.query<ClaimedRow>(request.tenants, claimStaleStatement, values);
      return found.rows.map((row) => claimedOf(row, askedAt));
    },

    /** Queues what was put off until now, of each instance as many; resolves with how many. */
    async queuePutOff(tenants: readonly string[], max: number): Promise<number> {
      const ids = await putOff(tenants, max);
      if (ids.length === 0) return 0;
      const { rowCount } = await database.query(
        tenants,
        `UPDATE deliveries d SET status = 'queued', next_attempt_at = now(), updated_at = now()
         WHERE d.id = ANY (ARRAY(
           SELECT s.id FROM deliveries s WHERE s.id = ANY ($1::text[]) AND ${isStill('s', 'scheduled')}
           FOR UPDATE SKIP LOCKED))`,
        [ids],
      );
      return rowCount;
    },

    /**
     * Brings to the front what waits behind nothing, which happens only where a process ended at the wrong
     * moment: looks through some chats after `after`; resolves with where to go on.
     */
    async mend(tenants: readonly string[], after: string): Promise<string> {
      const found = await database.query<{ readonly last: string | null }>(tenants, mendStatement, [
        after,
        mendedChats,
      ]);
      return found.rows[0]?.last ?? '';
    },

    /** Lets the first one of chats go now that waited for another to end. */
    async promote(tenants: readonly string[], conversations: readonly string[]): Promise<void> {
      await database.queries(tenants, [promotion(conversations.map((conversation) => [conversation, 0]))]);
    },

    /**
     * What stands before urgent ones of its chat goes in their lane: else they would wait as long as it. In
     * pairs of chat and lane.
     */
    async raise(tenants: readonly string[], chats: readonly (readonly [string, number])[]): Promise<void> {
      if (chats.length === 0) return;
      await database.query(tenants, raiseStatement, [
        chats.map(([conversation]) => conversation),
        chats.map(([, lane]) => lane),
        raisedMax,
      ]);
    },
  };
}

/** The claims. */
export type Claims = ReturnType<typeof openClaims>;

/** What a claim returns of a row `d`. */
const claimedColumns = `d.tenant, d.id, d.conversation, d.instance, d.content, d.claim, d.attempts, d.attempts_forgiven,
  d.lookups, d.uncertain, d.client_message_id, d.lane, d.fallback, d.first_claimed_at, d.claimed_at, d.origin`;

/** $1 the longest wait that is told, in milliseconds. */
const waitingStatement = `
  WITH RECURSIVE lanes AS (
    (SELECT instance, lane FROM deliveries WHERE status = 'queued' AND instance > '' ORDER BY instance, lane LIMIT 1)
    UNION ALL
    SELECT further.instance, further.lane FROM lanes l CROSS JOIN LATERAL (
      SELECT d.instance, d.lane FROM deliveries d
      WHERE d.status = 'queued' AND (d.instance, d.lane) > (l.instance, l.lane)
      ORDER BY d.instance, d.lane LIMIT 1
    ) further
  )
  SELECT head.tenant, l.instance, l.lane,
    CASE WHEN head.next_attempt_at <= now() THEN 0 ELSE
      least($1, extract(epoch FROM least(head.next_attempt_at, now() + interval '1 hour') - now()) * 1000) END AS due_in,
    CASE WHEN g.state IS NULL OR g.state = 'closed' THEN 'open'
      WHEN g.state = 'open' AND g.probe_at <= now() OR g.state = 'half-open' AND g.probe_until <= now() THEN 'probe'
      ELSE 'shut' END AS gate,
    least($1, greatest(0, extract(epoch FROM
      CASE g.state WHEN 'open' THEN g.probe_at ELSE coalesce(g.probe_until, now()) END - now()) * 1000)) AS gate_in,
    coalesce(g.cold_until > now(), false) AS cold_shut
  FROM lanes l CROSS JOIN LATERAL (
    SELECT d.tenant, d.next_attempt_at FROM deliveries d
    WHERE d.status = 'queued' AND d.instance = l.instance AND d.lane = l.lane
    ORDER BY d.next_attempt_at, d.log_offset LIMIT 1
  ) head LEFT JOIN LATERAL (
    SELECT * FROM sending_gates WHERE tenant = head.tenant AND instance = l.instance LIMIT 1
  ) g ON true`;

/**
 * L3: it is the first open one of its chat. Asked so and not by NOT EXISTS, which is planned, while the
 * table is empty, as a scan of everything open. Of each lane its first ones; of these, by their starts, as many as class and
 * instance have room for.
 * $1 owner, $2 lease (ms), $3 most in all, $4 to $10 the columns of lanes with room.
 */
const claimDueStatement = `
  WITH heads AS (
    SELECT head.id, r.instance, r.lane, r.class_room, r.instance_room,
      r.start + r.stride * (row_number() OVER (
        PARTITION BY r.instance, r.lane % ${priorities.length} ORDER BY head.next_attempt_at, head.log_offset) - 1) AS start
    FROM unnest($4::text[], $5::int[], $6::int[], $7::int[], $8::int[], $9::float8[], $10::float8[])
      AS r (instance, lane, room, class_room, instance_room, start, stride)
    CROSS JOIN LATERAL (
      SELECT d.id, d.next_attempt_at, d.log_offset FROM deliveries d
      WHERE d.instance = r.instance AND d.lane = r.lane AND d.status = 'queued' AND d.next_attempt_at <= now()
        AND d.id = (
          SELECT e.id FROM deliveries e WHERE e.conversation = d.conversation AND e.status IN ('queued', 'sending')
          ORDER BY e.log_offset LIMIT 1
        )
      ORDER BY d.next_attempt_at, d.log_offset
      LIMIT r.room
      FOR UPDATE OF d SKIP LOCKED
    ) head
  ), classed AS (
    SELECT *, row_number() OVER (
      PARTITION BY instance, lane / ${priorities.length} ORDER BY start, lane % ${priorities.length}) AS class_place
    FROM heads
  ), placed AS (
    SELECT *, row_number() OVER (PARTITION BY instance ORDER BY start, lane % ${priorities.length}, lane) AS place
    FROM classed WHERE class_place <= class_room
  ), due AS (
    SELECT id FROM placed WHERE place <= instance_room ORDER BY place LIMIT $3
  )
  UPDATE deliveries d SET status = 'sending', claimed_by = $1, claimed_at = now(), claim = d.claim + 1,
    lease_until = now() + $2 * interval '1 ms', first_claimed_at = coalesce(d.first_claimed_at, now()),
    attempts = d.attempts + 1, lookups = 0, updated_at = now()
  WHERE d.id = ANY (ARRAY(SELECT id FROM due))
  RETURNING ${claimedColumns}, false AS abandoned`;

const claimStaleStatement = `
  WITH stale AS (
    SELECT id, claimed_by IS NOT NULL AS abandoned FROM deliveries WHERE status = 'sending' AND lease_until <= now()
    ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE deliveries d SET claimed_by = $1, claimed_at = now(), claim = d.claim + 1,
    lease_until = now() + $2 * interval '1 ms', lookups = d.lookups + 1, uncertain = true, updated_at = now()
  FROM stale WHERE d.id = stale.id
  RETURNING ${claimedColumns}, stale.abandoned`;

/**
 * The statement that brings the first open one of chats to the front, so many milliseconds from now, if it
 * waited for another. It is locked, so that it cannot end meanwhile; what did so before is passed over.
 */
export const promotion = (
  chats: readonly (readonly [conversation: string, delayMs: number])[],
): readonly [string, readonly unknown[]] => [
  promoteStatement,
  [chats.map(([conversation]) => conversation), chats.map(([, delayMs]) => delayMs)],
];

const promoteStatement = `
  UPDATE deliveries n SET next_attempt_at = now() + c.delay_ms * interval '1 ms'
  FROM unnest($1::text[], $2::float8[]) AS c (conversation, delay_ms) CROSS JOIN LATERAL (
    SELECT b.id FROM deliveries b
    WHERE b.conversation = c.conversation AND b.status IN ('queued', 'sending') ORDER BY b.log_offset LIMIT 1 FOR UPDATE
  ) AS first
  WHERE n.id = first.id AND n.next_attempt_at = 'infinity'`;

/** $1 chats, $2 their lanes, $3 how many of each chat. */
const raiseStatement = `
  WITH before AS MATERIALIZED (
    SELECT b.id, min(c.lane) AS lane FROM unnest($1::text[], $2::int[]) AS c (conversation, lane) CROSS JOIN LATERAL (
      SELECT o.id, o.lane FROM deliveries o
      WHERE o.conversation = c.conversation AND o.status IN ('queued', 'sending') ORDER BY o.log_offset LIMIT $3
    ) b WHERE b.lane > c.lane GROUP BY b.id
  )
  UPDATE deliveries d SET lane = before.lane FROM before
  WHERE d.id = ANY (ARRAY(SELECT id FROM before)) AND d.id = before.id AND ${isStill('d', 'queued')}`;

/** $1 the chat to go on after, $2 how many. */
const mendStatement = `
  WITH RECURSIVE chats AS (
    (SELECT conversation, id, 1 AS number FROM deliveries
     WHERE status IN ('queued', 'sending') AND conversation > $1 ORDER BY conversation, log_offset LIMIT 1)
    UNION ALL
    SELECT further.conversation, further.id, c.number + 1 FROM chats c CROSS JOIN LATERAL (
      SELECT d.conversation, d.id FROM deliveries d
      WHERE d.status IN ('queued', 'sending') AND d.conversation > c.conversation
      ORDER BY d.conversation, d.log_offset LIMIT 1
    ) further WHERE c.number < $2
  ), mended AS (
    UPDATE deliveries n SET next_attempt_at = now()
    WHERE n.id = ANY (ARRAY(SELECT id FROM chats)) AND ${isStill('n', 'queued')} AND n.next_attempt_at = 'infinity'
  )
  SELECT CASE WHEN count(*) < $2 THEN '' ELSE max(conversation) END AS last FROM chats`;

interface WaitingRow {
  readonly tenant: string;
  readonly instance: string;
  readonly lane: number;
  readonly due_in: string;
  readonly gate: WaitingLane['gate'];
  readonly gate_in: string;
  readonly cold_shut: boolean;
}

type ClaimedRow = Omit<AcceptedRow, 'status' | 'first_claimed_at' | 'claimed_at'> & {
  readonly first_claimed_at: Date;
  readonly claimed_at: Date;
  readonly abandoned: boolean;
};

/** Those of accepted rows that were begun. */
export const begunOf = (
  { first_claimed_at, claimed_at, ...row }: AcceptedRow,
  askedAt: number,
): readonly ClaimedDelivery[] =>
  row.status === 'sending' && first_claimed_at !== null && claimed_at !== null
    ? [claimedOf({ ...row, first_claimed_at, claimed_at, abandoned: false }, askedAt)]
    : [];

const claimedOf = (row: ClaimedRow, askedAt: number): ClaimedDelivery => ({
  tenant: row.tenant,
  id: row.id,
  conversation: row.conversation,
  instance: row.instance,
  content: row.content,
  claim: row.claim,
  attempts: row.attempts,
  tries: row.attempts - row.attempts_forgiven,
  lookups: row.lookups,
  uncertain: row.uncertain,
  clientMessageId: row.client_message_id,
  lane: row.lane,
  fallback: row.fallback,
  origin: row.origin,
  claimedAt: row.claimed_at.getTime(),
  firstClaimedAt: row.first_claimed_at.getTime(),
  askedAt,
  abandoned: row.abandoned,
});
