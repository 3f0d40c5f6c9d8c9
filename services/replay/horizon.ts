/**
 * Up to where a replay looks: what the actor host had committed when it began, so that every output of
 * what is folded is on the log.
 */
import { setTimeout } from 'node:timers/promises';

import { topics } from '#schemas/topics.ts';
import { journalReach } from '#runtime/actor/journal.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { PartitionEnds } from '#runtime/log/record-log.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** Where each partition of the actors' topic ends for a replay. */
export type Horizon = ReadonlyMap<number, number>;

/** After a commit its outputs become visible partition by partition; by then they are. */
const settleMs = 500;
/** How long the tables may be behind the log before a replay is put off. */
const patienceMs = 15_000;
const lookEveryMs = 100;

/** What the host has committed now. Waits a moment, so that its outputs can be read. */
export async function committedHorizon({ log }: Pick<Runtime, 'log'>, signal: AbortSignal): Promise<Horizon> {
  const lags = await log.lag('conversation', topics.events);
  await setTimeout(settleMs, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  return new Map(lags.map(({ partition, committed }) => [partition, committed ?? 0]));
}

/**
 * Waits until journal, history and audit table have all that is on the log now: what an actor told another is in the
 * journal of that one, maybe behind what its host has committed. Throws `actor.journal-behind` when they do not within
 * bounds.
 */
export async function tablesAt(runtime: Pick<Runtime, 'log' | 'database'>, signal: AbortSignal): Promise<void> {
  const events = await runtime.log.ends(topics.events);
  const replies = await runtime.log.ends(topics.replies);
  const audit = new Map((await runtime.log.ends(topics.audit)).map((end) => [end.partition, end.stableEnd]));
  const until = performance.now() + patienceMs;
  for (;;) {
    signal.throwIfAborted();
    if (
      (await journalAt(runtime, events)) &&
      (await historyAt(runtime, replies)) &&
      (await runtime.log.lag('compliance', topics.audit)).every(
        ({ partition, committed, lag }) => lag === 0 || (committed ?? 0) >= (audit.get(partition) ?? 0),
      )
    )
      return;
    if (performance.now() > until) throw new OperatingError('actor.journal-behind');
    await setTimeout(lookEveryMs);
  }
}

async function journalAt({ database }: Pick<Runtime, 'database'>, ends: readonly PartitionEnds[]): Promise<boolean> {
  for (const { partition, start, stableEnd } of ends)
    if (stableEnd > start && (await journalReach(database, partition)) < stableEnd) return false;
  return true;
}

async function historyAt({ database }: Pick<Runtime, 'database'>, ends: readonly PartitionEnds[]): Promise<boolean> {
  const { rows } = await database.transaction([], (sql) =>
    sql.query<{ partition: number; next_offset: string }>('SELECT partition, next_offset FROM history_progress'),
  );
  const reached = new Map(rows.map((row) => [row.partition, Number(row.next_offset)]));
  return ends.every(({ partition, start, stableEnd }) => (reached.get(partition) ?? start) >= stableEnd);
}
