/**
 * The timer service: turns `timer.set` into `timer.fired` when it is due.
 *
 * T1 A timer that is set is fired at least once at or after its due time, unless it was cancelled or
 *    set anew before. Firing it twice is harmless: the actor accepts the pending generation only.
 * T2 A record changes nothing that a later one settled, whoever reads it again, however late: `queue_progress` moves in
 *    the transaction that writes the rows, and what is before it is passed over.
 * T3 Where progress is behind what is read (Postgres was set back, or it was set back by hand), the topic is read again
 *    from there first. So a rebuild is: as the owner, `TRUNCATE timers; UPDATE queue_progress SET next_offset = … WHERE
 *    consumer_group = 'timers'`.
 */
import type { Sql } from '#runtime/database/database.ts';
import type { ReadRecord, ReadSlice } from '#runtime/log/consume-records.ts';
import { createFollower, lockProgress, progressMove } from '#runtime/log/queue-progress.ts';
import { startQueueService } from '#runtime/queue-service.ts';
import { causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { startTurning } from '#runtime/turning.ts';
import type { ProsaRecord, TimerCancelled, TimerFired, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

const group = 'timers';
const slice = { sliceRecordsMax: 500, sliceBytesMax: 1_048_576 } as const;
/** Nobody is timed to the tenth of a second, and timers are set by most messages: those of one moment are read together. */
const patienceMs = 100;
/** Timers fired per turn. */
const firedPerTurnMax = 500;
/** Longest sleep between turns. Whoever reads a `timer.set` that is due before wakes itself, so it bounds only how late a timer of one that died is fired. */
const turnMsMax = 1_000;

/** Starts the service. */
export function startTimers(runtime: Runtime): Promise<RunningService> {
  const topic = topics.timers;
  return startQueueService(runtime, {
    group,
    topic,
    ...slice,
    patienceMs,
    follower: createFollower(runtime, { group, topic, write: (slices) => writeTimers(runtime, slices) }),
    worker: startTurning({ logger: runtime.logger, turn: () => fireDue(runtime), idleMs: turnMsMax }),
  });
}

/** Keeps the table equal to the topic (T2). */
async function writeTimers({ database, now }: Runtime, slices: readonly ReadSlice[]): Promise<boolean> {
  const records = slices.flatMap((slice) => slice.records);
  const tenants = [...new Set(records.map(({ record }) => record.tenant))];
  await database.transaction(tenants, async (sql) => {
    const progress = await lockProgress(sql, group, slices);
    const isNew = ({ position: { partition, offset } }: ReadRecord): boolean =>
      offset >= (progress.get(partition) ?? 0);
    await settle(
      sql,
      records.filter(isNew).map(({ record }) => record),
    );
    await sql.query(...progressMove(group, slices));
  });
  // What is due later is found in time by the turns that come anyway.
  const until = now() + turnMsMax;
  return records.some(({ record }) => record.type === 'timer.set' && record.dueAt <= until);
}

async function settle(sql: Sql, records: readonly ProsaRecord[]): Promise<void> {
  // The last record of a timer settles it, so that one statement can write all of them.
  const last = new Map<string, TimerSet | TimerCancelled>();
  for (const record of records) {
    if (record.type === 'timer.set' || record.type === 'timer.cancelled')
      last.set(`${record.actor}/${record.timerId}`, record);
  }
  const settled = [...last.values()];
  const set = settled.filter((record) => record.type === 'timer.set');
  const cancelled = settled.filter((record) => record.type === 'timer.cancelled');
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
