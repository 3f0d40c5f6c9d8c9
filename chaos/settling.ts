/** When a run has come to rest: everything read, everything sent, no timer pending. */
import { setTimeout as sleep } from 'node:timers/promises';

import { type ConsumerGroup, consumerGroups } from '#runtime/log/consumer-groups.ts';
import type { Runtime } from '#runtime/runtime.ts';

const lookIntervalMs = 200;
/** Looks in a row that must find nothing left to do. */
const looks = 3;
/** Beyond what is waited for. */
const skippedMs = 1_000;

/** Groups whose readers take part in a run. */
export const watchedGroups = (outskirts: boolean): readonly ConsumerGroup[] => {
  const absent = outskirts ? ['compliance'] : ['compliance', 'media', 'webhooks'];
  return consumerGroups.filter(({ group }) => !absent.includes(group));
};

/** What came of waiting. */
export interface Settled {
  /** False: it did not come to rest in time. */
  readonly settled: boolean;
  /** What was still to do. */
  readonly left: string;
}

/** Whose rest is waited for. */
export interface Settling {
  readonly runtime: Runtime;
  readonly tenant: string;
  /** Whether files are fetched and the tenant is told. */
  readonly outskirts: boolean;
  /** What is still done outside; undefined for nothing. */
  readonly busy: () => string | undefined;
  /** The time of the processes, epoch milliseconds. */
  readonly now: () => number;
  /** Sees to it that so much time has gone by for the processes. */
  readonly skip: (ms: number) => void;
}

/** Waits until there is nothing left to do. What is put off until later is not waited for: time goes on to then. */
export async function settle(on: Settling, withinMs: number): Promise<Settled> {
  const begun = performance.now();
  let calm = 0;
  for (;;) {
    const [left, timers] = await workLeft(on).catch((caught: unknown) => [String(caught), 0] as const);
    calm = left === undefined && timers === 0 ? calm + 1 : 0;
    if (calm >= looks) return { settled: true, left: '' };
    if (performance.now() - begun > withinMs) return { settled: false, left: left ?? `${timers} timers` };
    await sleep(lookIntervalMs);
  }
}

async function workLeft(on: Settling): Promise<readonly [string | undefined, number]> {
  const { log, database } = on.runtime;
  const { tenant } = on;
  const occupied = on.busy();
  if (occupied !== undefined) return [occupied, 0];
  for (const { group, topic } of watchedGroups(on.outskirts)) {
    const lag = (await log.lag(group, topic)).reduce((sum, one) => sum + one.lag, 0);
    if (lag > 0) return [`${group} is ${lag} behind on ${topic}`, 0];
  }
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ open: number; timers: number }>(
      `SELECT (SELECT count(*)::int FROM deliveries
               WHERE status IN ('queued', 'sending') OR report_due_at IS NOT NULL) AS open,
              (SELECT count(*)::int FROM timers) AS timers`,
    ),
  );
  const { open = 0, timers = 0 } = rows[0] ?? {};
  if (open > 0 || timers > 0) return [open > 0 ? `${open} deliveries are open` : undefined, timers];
  return [on.outskirts ? await filesAndWebhooksLeft(on) : undefined, 0];
}

/** Files to be fetched and events to be told. */
async function filesAndWebhooksLeft({ runtime, tenant, now, skip }: Settling): Promise<string | undefined> {
  const { rows } = await runtime.database.transaction([tenant], (sql) =>
    sql.query<{ count: number; due: Date | null }>(
      `SELECT count(*)::int AS count, min(due_at) AS due FROM (
         SELECT due_at FROM media_fetches UNION ALL SELECT due_at FROM webhook_deliveries WHERE status = 'queued'
       ) AS remaining`,
    ),
  );
  const { count = 0, due = null } = rows[0] ?? {};
  if (due === null) return undefined;
  const aheadMs = due.getTime() - now();
  if (aheadMs > 0) skip(aheadMs + skippedMs);
  return `${count} files and webhooks are waited for`;
}
