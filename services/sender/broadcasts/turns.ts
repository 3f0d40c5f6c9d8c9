/** Turns at broadcasts: which process looks at one, and that it alone writes what comes of it. */
import type { Database, Sql } from '#runtime/database/database.ts';

import type { PaceOf } from './pace.ts';

/** A broadcast whose turn it is. */
export interface Broadcast extends PaceOf {
  readonly tenant: string;
  readonly id: string;
  readonly instance: string;
  readonly line: string;
  readonly status: 'running' | 'stopped' | 'expired' | 'failed';
  readonly segment: Segment | null;
  readonly gathered_to: string;
  readonly is_gathered: boolean;
  readonly recipients: number;
  readonly content: Buffer;
  readonly expires_at: Date | null;
  readonly turn: string;
}

/** What the people have in common who are looked for. */
export interface Segment {
  readonly consent?: 'given';
  readonly lastSeenWithinDays?: number;
  readonly state?: string;
}

/** Where a turn leaves a broadcast. */
export interface Step {
  readonly status?: 'expired' | 'failed' | 'finished';
  readonly reason?: string;
  /** Epoch milliseconds; null for never again. */
  readonly wakeAt: number | null;
  readonly nextDueAt?: number;
}

/** A turn whose process went away is taken over after this. */
const leaseMs = 10_000;

// The turn is what the process that had it before writes no more by. Leases are by the database's clock: one that is
// ahead must not keep a broadcast longer.
const claimStatement = `
  UPDATE broadcasts SET lease_until = now() + interval '${leaseMs} ms', turn = turn + 1
  WHERE id = ANY (ARRAY(
    SELECT id FROM broadcasts WHERE wake_at <= to_timestamp($1::float8 / 1000) AND lease_until <= now()
    ORDER BY wake_at LIMIT $2 FOR UPDATE SKIP LOCKED))
  RETURNING tenant, id, instance, line, status, segment, gathered_to, is_gathered, recipients, content, per_minute,
    next_due_at, expires_at, turn`;

/** Takes broadcasts that are to be looked at; each is this process's until it advances it, or its lease is over. */
export async function claimBroadcasts(
  database: Database,
  tenants: readonly string[],
  at: number,
  count: number,
): Promise<readonly Broadcast[]> {
  return (await database.query<Broadcast>(tenants, claimStatement, [at, count])).rows;
}

/**
 * Moves a broadcast on and ends the turn; false when the turn or the status is no longer the one that it was
 * claimed with. Locks it until the transaction is over.
 */
export async function advance(sql: Sql, { tenant, id, turn, status }: Broadcast, to: Step): Promise<boolean> {
  const changed = await sql.query(
    `UPDATE broadcasts SET status = coalesce($5, status), reason = coalesce($6, reason),
       wake_at = to_timestamp($7::float8 / 1000), next_due_at = coalesce(to_timestamp($8::float8 / 1000), next_due_at),
       lease_until = '-infinity', updated_at = CASE WHEN $5::text IS NULL THEN updated_at ELSE now() END,
       ended_at = CASE WHEN $5::text IS NULL THEN ended_at ELSE now() END
     WHERE tenant = $1 AND id = $2 AND turn = $3 AND status = $4`,
    [tenant, id, turn, status, to.status ?? null, to.reason ?? null, to.wakeAt, to.nextDueAt ?? null],
  );
  return changed.rowCount === 1;
}
