/**
 * What waits for an account that has been shut for long: others stand in for it, where the line's route and the
 * ladder of the tenant allow it. What nobody stands in for waits on, and goes out when the account is back.
 */
import type { Runtime } from '#runtime/runtime.ts';

import type { Standing } from './ladder.ts';
import type { PolicyFinder } from './placement.ts';
import type { Routes } from './routes.ts';

/** What relief is made with. */
export interface HeldParts {
  readonly runtime: Pick<Runtime, 'database' | 'logger' | 'now'>;
  readonly policyOf: PolicyFinder;
  readonly routes: Pick<Routes, 'standInFor'>;
  /** Least time between two looks. Milliseconds. */
  readonly everyMs: number;
}

interface ShutRow {
  readonly tenant: string;
  readonly instance: string;
  readonly reason: string | null;
  readonly shut_ms: string;
}

interface HeldRow {
  readonly id: string;
  readonly conversation: string;
  readonly lane: number;
  readonly fallback: Standing | null;
}

const accountsMax = 200;
/** Messages of an account that are looked at together. */
const heldMax = 200;

const shutStatement = `
  SELECT tenant, instance, reason, extract(epoch FROM now() - opened_at) * 1000 AS shut_ms FROM sending_gates
  WHERE state <> 'closed' AND opened_at <= now() - interval '1 minute' ORDER BY opened_at LIMIT $1`;

// The first of each class and priority; those that write to strangers come last (lanes.ts).
const heldStatement = `
  SELECT d.id, d.conversation, d.lane, d.fallback FROM deliveries d
  WHERE d.status = 'queued' AND d.instance = $1 AND NOT d.uncertain
  ORDER BY d.lane, d.next_attempt_at, d.log_offset LIMIT $2`;

/** $1 ids, $2 who stands in for each, $3 the account, $4 why. What waits behind another of its chat waits on. */
const reliefStatement = `
  WITH moved AS (
    UPDATE deliveries d SET instance = g.instance, fallback = 'instance', attempts_forgiven = d.attempts, cause = $4,
      updated_at = now(), next_attempt_at = CASE d.next_attempt_at WHEN 'infinity' THEN d.next_attempt_at ELSE now() END
    FROM unnest($1::text[], $2::text[], $5::text[]) AS g (id, instance, from_step)
    WHERE d.id = ANY ($1::text[]) AND d.id = g.id AND coalesce(d.status, '') = 'queued' AND d.instance = $3 AND NOT d.uncertain
    RETURNING d.tenant, d.id, d.instance, g.from_step
  )
  INSERT INTO delivery_steps (tenant, delivery, number, step, from_step, cause, instance)
  SELECT m.tenant, m.id, 1 + coalesce((SELECT max(e.number) FROM delivery_steps e WHERE e.delivery = m.id), 0),
    'instance', m.from_step, $4, m.instance FROM moved m`;

/** Makes the turn; it throws `database.unavailable`. */
export function createHeldRelief({ runtime, policyOf, routes, everyMs }: HeldParts) {
  const { database, logger } = runtime;
  let nextAt = 0;

  const relieve = async ({ tenant, instance, reason, shut_ms: shutMs }: ShutRow): Promise<void> => {
    const { fallback } = await policyOf(tenant);
    if (!fallback.steps.includes('instance') || Number(shutMs) < fallback.heldMs) return;
    const { rows } = await database.query<HeldRow>([tenant], heldStatement, [instance, heldMax]);
    const going = [];
    for (const row of rows) {
      const standIn = await routes.standInFor({ tenant, instance, ...row }, row.fallback === 'instance');
      if (standIn !== undefined) going.push({ ...row, standIn });
    }
    if (going.length === 0) return;
    const moved = await database.query([tenant], reliefStatement, [
      going.map(({ id }) => id),
      going.map(({ standIn }) => standIn),
      instance,
      reason ?? 'unknown',
      going.map(({ fallback: from }) => from),
    ]);
    logger.warn('others stand in for an account that is shut', {
      tenant,
      instance,
      count: moved.rowCount,
      ...(reason === null ? {} : { code: reason }),
    });
  };

  return async (tenants: readonly string[]): Promise<void> => {
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + everyMs;
    const { rows } = await database.query<ShutRow>(tenants, shutStatement, [accountsMax]);
    for (const row of rows) await relieve(row);
  };
}
