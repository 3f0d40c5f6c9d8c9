/** One look at everything that comes due by itself: while nothing does, it is all that a poll costs. */
import type { Database } from '#runtime/database/database.ts';

/** Each kind of work: its table, the column that says from when, and what its index is for besides. */
const heads = {
  /** Deliveries whose claimer is gone or left them to be looked up. */
  stale: ['deliveries', 'lease_until', `d.status = 'sending'`],
  reports: ['deliveries', 'report_due_at', 'true'],
  'put-off': ['deliveries', 'next_attempt_at', `d.status = 'scheduled'`],
  doubted: ['deliveries', 'evidence_due_at', 'true'],
  'hand-over': ['message_requests', 'due_at', `d.status = 'scheduled'`],
  steps: ['delivery_steps', 'record_due_at', 'true'],
  'gate-changes': ['sending_gate_changes', 'at', 'true'],
  broadcasts: ['broadcasts', 'wake_at', 'true'],
} as const;

/** What may be due. */
export type DueWork = keyof typeof heads;

/** Looks; what is due by the later of the two clocks, the database's and `now`. Throws `database.unavailable`. */
export function dueWorkFinder(
  database: Database,
  now: () => number,
): (tenants: readonly string[]) => Promise<ReadonlySet<DueWork>> {
  return async (tenants) => {
    const found = await database.query<{ readonly due: readonly DueWork[] }>(tenants, lookStatement, [now()]);
    return new Set(found.rows[0]?.due);
  };
}

// Both ends are named so that few rows are expected: else, planned while the table is empty, all that have a
// date are read and sorted.
const isDue = (work: string, [table, due, condition]: (typeof heads)[DueWork]): string => `
  CASE WHEN (
    SELECT d.${due} FROM ${table} d WHERE ${condition} AND d.${due} > '-infinity' AND d.${due} < 'infinity'
    ORDER BY d.${due} LIMIT 1
  ) <= greatest(now(), to_timestamp($1::float8 / 1000)) THEN '${work}' END`;

const lookStatement = `
  SELECT array_remove(ARRAY[${Object.entries(heads)
    .map(([work, head]) => isDue(work, head))
    .join(', ')}], NULL) AS due`;
