/** What waits to be sent, counted within bounds. */
import type { Database } from '#runtime/database/database.ts';

import type { SendQueue } from './routes/sending.ts';

/** Most that are counted of each lane. */
const countedMax = 10_000;

const priorities = ['high', 'normal', 'low'] as const;

interface QueueRow {
  readonly instance: string;
  readonly urgency: number;
  readonly waiting: number;
  readonly due: number;
  readonly oldest: Date | null;
  readonly state: string | null;
  readonly reason: string | null;
  readonly until: Date | null;
  readonly cold_reason: string | null;
  readonly cold_until: Date | null;
}

// Instances are those that the tenant has or had, and those that only the sender has met. A lane is three
// times its class plus its priority (services/sender/lanes.ts).
const queuesStatement = `
  SELECT i.instance, l.lane % 3 AS urgency, sum(c.waiting)::int AS waiting, sum(c.due)::int AS due, min(c.oldest) AS oldest,
    g.state, g.reason, CASE g.state WHEN 'open' THEN g.probe_at END AS until,
    CASE WHEN g.cold_until > now() THEN g.cold_reason END AS cold_reason, g.cold_until
  FROM (
    SELECT id AS instance FROM instances WHERE tenant = $1 UNION SELECT instance FROM sending_gates WHERE tenant = $1
  ) i CROSS JOIN generate_series(0, 8) AS l (lane) CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, count(*) FILTER (WHERE q.next_attempt_at <= now()) AS due, min(q.created_at) AS oldest
    FROM (
      SELECT d.next_attempt_at, d.created_at FROM deliveries d
      WHERE d.status = 'queued' AND d.instance = i.instance AND d.lane = l.lane
      ORDER BY d.next_attempt_at, d.log_offset LIMIT $2
    ) q
  ) c LEFT JOIN sending_gates g ON g.tenant = $1 AND g.instance = i.instance
  GROUP BY i.instance, l.lane % 3, g.state, g.reason, g.probe_at, g.cold_until, g.cold_reason
  HAVING sum(c.waiting) > 0
  ORDER BY i.instance, l.lane % 3`;

/** The queues of a tenant in which something waits. Throws `database.unavailable`. */
export async function readQueues(database: Database, tenant: string): Promise<readonly SendQueue[]> {
  const found = await database.query<QueueRow>([tenant], queuesStatement, [tenant, countedMax]);
  return found.rows.map((row) => ({
    instanceId: row.instance,
    priority: priorities[row.urgency] ?? 'low',
    waiting: row.waiting,
    due: row.due,
    oldestAt: row.oldest?.toISOString() ?? null,
    paused:
      row.state === null || row.state === 'closed'
        ? null
        : { reason: row.reason ?? 'unknown', until: row.until?.toISOString() ?? null },
    newChatsPaused:
      row.cold_reason === null ? null : { reason: row.cold_reason, until: row.cold_until?.toISOString() ?? null },
  }));
}

/** Accounts of a provider that may not be sent with now. */
interface HeldAccounts {
  /** `unknown` of accounts that exist no longer. */
  readonly provider: string;
  /** Its breaker's, or `new-chats-stopped`. */
  readonly state: string;
  readonly count: number;
}

/** How many accounts are held, of all tenants together. Throws `database.unavailable`. */
export async function countHeldAccounts(
  database: Database,
  tenants: readonly string[],
): Promise<readonly HeldAccounts[]> {
  const found = await database.query<HeldAccounts>(
    tenants,
    `SELECT coalesce(i.provider, 'unknown') AS provider, s.state, count(*)::int AS count
     FROM sending_gates g LEFT JOIN instances i ON i.tenant = g.tenant AND i.id = g.instance
     CROSS JOIN LATERAL (
       SELECT g.state WHERE g.state <> 'closed' UNION ALL SELECT 'new-chats-stopped' WHERE g.cold_until > now()
     ) s (state) GROUP BY 1, 2`,
    [],
  );
  return found.rows;
}
