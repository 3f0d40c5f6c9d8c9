/** Deliveries that did not go out, counted by what kept them: what people decide about. */
import type { Database } from '#runtime/database/database.ts';

/** What a delivery can be that needs somebody. `failed` was refused for good: it waits for nobody. */
export const undecidedStatuses = ['manual', 'unknown', 'failed'] as const;
export type UndecidedStatus = (typeof undecidedStatuses)[number];

/** Deliveries of one account with one status and one cause. */
export interface Cause {
  readonly status: UndecidedStatus;
  readonly reason: string | null;
  readonly cause: string | null;
  readonly instanceId: string;
  readonly count: number;
  readonly oldestAt: string;
  readonly newestAt: string;
}

/** Which are counted. */
export interface CauseFilter {
  readonly statuses: readonly UndecidedStatus[];
  readonly instance?: string | undefined;
}

/** Causes that are told. */
const causesMax = 200;

interface CauseRow extends Omit<Cause, 'instanceId' | 'oldestAt' | 'newestAt'> {
  readonly instance: string;
  readonly oldest: Date;
  readonly newest: Date;
}

/** Causes, those of the most deliveries first. Throws `database.unavailable`. */
export async function readCauses(
  database: Database,
  tenant: string,
  { statuses, instance }: CauseFilter,
): Promise<readonly Cause[]> {
  // Each status is found by the index of its own, which is why it stands in the text.
  const of = [...new Set(statuses)].map(
    (status) => `
      SELECT status, reason, cause, instance, count(*)::int AS count, min(updated_at) AS oldest, max(updated_at) AS newest
      FROM deliveries WHERE tenant = $1 AND status = '${status}' AND dismissed_at IS NULL
        AND ($3::text IS NULL OR instance = $3) GROUP BY status, reason, cause, instance`,
  );
  const found = await database.query<CauseRow>(
    [tenant],
    `SELECT * FROM (${of.join(' UNION ALL ')}) causes ORDER BY count DESC, status, reason, cause, instance LIMIT $2`,
    [tenant, causesMax, instance ?? null],
  );
  return found.rows.map(({ instance: instanceId, oldest, newest, ...cause }) => ({
    ...cause,
    instanceId,
    oldestAt: oldest.toISOString(),
    newestAt: newest.toISOString(),
  }));
}
