/**
 * The timer service: turns `timer.set` into `timer.fired` when it is due.
 *
 * T1 A timer that is set is fired at least once at or after its due time, unless it was cancelled or
 *    set anew before. Firing it twice is harmless: the actor accepts the pending generation only.
 * T2 Rows can be rebuilt from the topic; a repeated record changes nothing that a later one settled.
 */
import type { Sql } from '#runtime/database/database.ts';
import { startQueueService } from '#runtime/queue-service.ts';
import { causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { startTurning } from '#runtime/turning.ts';
import type { ProsaRecord, TimerCancelled, TimerFired, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

const group = 'timers';
const slice = { sliceRecordsMax: 500, sliceBytesMax: 1_048_576 } as const;
/** Timers fired per turn. */
const firedPerTurnMax = 500;
/** Longest sleep between turns. Whoever reads a `timer.set` wakes itself, so it bounds only how late a timer of one that died is fired. */
const turnMsMax = 1_000;

/** Starts the service. */
export function startTimers(runtime: Runtime): Promise<RunningService> {
  return startQueueService(runtime, {
    group,
    topic: topics.timers,
    ...slice,
    keep: (records) =>
      recordTimers(
        runtime,
        records.map(({ record }) => record),
      ),
    worker: startTurning({ logger: runtime.logger, turn: () => fireDue(runtime), idleMs: turnMsMax }),
  });
}

/** Keeps the table equal to the topic (T2). */
async function recordTimers(runtime: Runtime, records: readonly ProsaRecord[]): Promise<boolean> {
  // The last record of a timer settles it, so that one statement can write the slice.
  const last = new Map<string, TimerSet | TimerCancelled>();
  for (const record of records) {
    if (record.type === 'timer.set' || record.type === 'timer.cancelled')
      last.set(`${record.actor}/${record.timerId}`, record);
  }
  const settled = [...last.values()];
  const set = settled.filter((record) => record.type === 'timer.set');
  const cancelled = settled.filter((record) => record.type === 'timer.cancelled');
  await runtime.database.transaction([...new Set(settled.map(({ tenant }) => tenant))], async (sql) => {
    if (set.length > 0) {
      await sql.query(
        `INSERT INTO timers (tenant, actor, timer_id, generation, due_at)
         SELECT t, a, i, g, to_timestamp(d / 1000.0) FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) AS r (t, a, i, g, d)
         ON CONFLICT (actor, timer_id) DO UPDATE SET generation = excluded.generation, due_at = excluded.due_at`,
        [
          set.map((r) => r.tenant),
          set.map((r) => r.actor),
          set.map((r) => r.timerId),
          set.map((r) => r.eventId),
          set.map((r) => r.dueAt),
        ],
      );
    }
    // Whatever generation is there is older than the cancellation, which came last.
    if (cancelled.length > 0)
      await deleteTimers(
        sql,
        cancelled.map(({ actor, timerId }) => ({ actor, timer_id: timerId })),
      );
  });
  return set.length > 0;
}

const deleteTimers = (sql: Sql, timers: readonly { readonly actor: string; readonly timer_id: string }[]) =>
  sql.query(
    'DELETE FROM timers t USING unnest($1::text[], $2::text[]) AS r (a, i) WHERE t.actor = r.a AND t.timer_id = r.i',
    [timers.map(({ actor }) => actor), timers.map(({ timer_id }) => timer_id)],
  );

interface DueTimer {
  readonly tenant: string;
  readonly actor: string;
  readonly timer_id: string;
  readonly generation: string;
}

/** Fires what is due; returns how long to sleep. */
async function fireDue({ database, log, tenants, metrics, now }: Runtime): Promise<number> {
  const at = now();
  return database.transaction(await tenants.ids(), async (sql) => {
    // Locked rows are another process' turn. They are deleted only after the log has the records (T1).
    const due = await sql.query<DueTimer>(
      `SELECT tenant, actor, timer_id, generation FROM timers WHERE due_at <= to_timestamp($1 / 1000.0)
       ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [at, firedPerTurnMax],
    );
    if (due.rows.length > 0) {
      await log.append(due.rows.map((timer) => outgoing(firedOf(timer, at))));
      await deleteTimers(sql, due.rows);
      metrics.timersFired.inc(due.rows.length);
      return due.rows.length === firedPerTurnMax ? 0 : 1;
    }
    const next = await sql.query<{ due: Date | null }>('SELECT min(due_at) AS due FROM timers');
    const dueAt = next.rows[0]?.due?.getTime() ?? Infinity;
    return Math.max(1, Math.min(turnMsMax, dueAt - at));
  });
}

const firedOf = ({ tenant, actor, timer_id: timerId, generation }: DueTimer, at: number): TimerFired => ({
  ...causedBy(
    { tenant, actor, eventId: generation, revision: null },
    derivedId('e', tenant, actor, timerId, generation),
    at,
  ),
  type: 'timer.fired',
  timerId,
  generation,
});
