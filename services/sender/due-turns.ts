/**
 * What was put off and is due, taken in turns of the instances: one's heap holds up nobody else.
 *
 * U1 A turn gives every instance as many as any other, as far as it has them, the earliest first.
 * U2 It costs one look into an index while nothing is due; else it walks from instance to instance and reads of each that has
 *    something due no more than it may take. One that cannot walk them all goes on there the next time.
 */
import type { Database } from '#runtime/database/database.ts';

/** Tables of what was put off, each with the column that says until when. */
const dueColumns = { message_requests: 'due_at', deliveries: 'next_attempt_at' } as const;

/** Instances that one turn serves, and looks at. */
const instancesMax = { served: 50, walked: 2_000 } as const;

/**
 * Makes the turns of a table: the ids of up to `max` rows that are `scheduled` and due, which may be
 * another's meanwhile. `at`: epoch milliseconds; the database's clock without it. Throws `database.unavailable`.
 */
export function dueTurns(
  database: Database,
  table: keyof typeof dueColumns,
): (tenants: readonly string[], max: number, at?: number) => Promise<readonly string[]> {
  const statement = turnStatement(table, dueColumns[table]);
  let walkedUpTo = '';
  return async (tenants, max, at) => {
    const values = [at ?? null, walkedUpTo, instancesMax.walked, instancesMax.served, max];
    const found = await database.query<{ readonly ids: readonly string[]; readonly last: string | null }>(
      tenants,
      statement,
      values,
    );
    walkedUpTo = found.rows[0]?.last ?? '';
    return found.rows[0]?.ids ?? [];
  };
}

/**
 * Each part is asked for in the order of the one index that is to be taken: planned while the table is
 * empty, another one would look as good.
 * $1 the moment, $2 the instance to go on after, $3 and $4 instances to walk and to serve, $5 most rows.
 */
const turnStatement = (table: string, due: string): string => `
  WITH RECURSIVE moment AS (SELECT coalesce(to_timestamp($1::float8 / 1000), now()) AS at), walk AS (
    (SELECT d.instance, (d.${due} <= m.at)::int AS served, 1 AS walked, d.${due} <= m.at AS is_due
     FROM moment m CROSS JOIN LATERAL (
       SELECT r.${due} FROM ${table} r WHERE r.status = 'scheduled' ORDER BY r.${due} LIMIT 1
     ) earliest CROSS JOIN LATERAL (
       SELECT r.instance, r.${due} FROM ${table} r WHERE r.status = 'scheduled' AND r.instance > $2
       ORDER BY r.instance, r.${due}, r.id LIMIT 1
     ) d WHERE earliest.${due} <= m.at)
    UNION ALL
    SELECT d.instance, w.served + (d.${due} <= m.at)::int, w.walked + 1, d.${due} <= m.at
    FROM walk w CROSS JOIN moment m CROSS JOIN LATERAL (
      SELECT r.instance, r.${due} FROM ${table} r WHERE r.status = 'scheduled' AND r.instance > w.instance
      ORDER BY r.instance, r.${due}, r.id LIMIT 1
    ) d WHERE w.walked < $3 AND w.served < $4
  ), placed AS (
    SELECT d.id, d.${due} AS due, row_number() OVER (PARTITION BY w.instance ORDER BY d.${due}, d.id) AS place
    FROM walk w CROSS JOIN moment m CROSS JOIN LATERAL (
      SELECT r.id, r.${due} FROM ${table} r
      WHERE r.status = 'scheduled' AND r.instance = w.instance AND r.${due} <= m.at
      ORDER BY r.${due}, r.id LIMIT $5
    ) d WHERE w.is_due
  )
  SELECT ARRAY(SELECT id FROM placed ORDER BY place, due, id LIMIT $5) AS ids,
    (SELECT max(instance) FROM walk HAVING max(walked) >= $3 OR max(served) >= $4) AS last`;
