/** When a run has come to rest: everything read, everything sent, no timer pending. */
import { setTimeout as sleep } from 'node:timers/promises';

import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { topics } from '#schemas/topics.ts';

const lookIntervalMs = 200;
/** Looks in a row that must find nothing left to do. */
const looks = 3;

/** Groups whose readers take part in a run. */
export const watchedGroups = [
  ...consumerGroups.filter(({ group }) => !['compliance', 'media', 'webhooks'].includes(group)),
  { group: 'effects', topic: topics.effects },
];

/** What came of waiting. */
export interface Settled {
  /** False: it did not come to rest in time. */
  readonly settled: boolean;
  /** What was still to do. */
  readonly left: string;
}

/** Waits until there is nothing left to do. */
export async function settle(
  runtime: Runtime,
  tenant: string,
  busy: () => string | undefined,
  withinMs: number,
): Promise<Settled> {
  const begun = performance.now();
  let calm = 0;
  for (;;) {
    const [left, timers] = await workLeft(runtime, tenant, busy).catch(
      (caught: unknown) => [String(caught), 0] as const,
    );
    calm = left === undefined && timers === 0 ? calm + 1 : 0;
    if (calm >= looks) return { settled: true, left: '' };
    if (performance.now() - begun > withinMs) return { settled: false, left: left ?? `${timers} timers` };
    await sleep(lookIntervalMs);
  }
}

async function workLeft(
  { log, database }: Runtime,
  tenant: string,
  busy: () => string | undefined,
): Promise<readonly [string | undefined, number]> {
  const occupied = busy();
  if (occupied !== undefined) return [occupied, 0];
  for (const { group, topic } of watchedGroups) {
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
  return [open > 0 ? `${open} deliveries are open` : undefined, timers];
}
