/**
 * Whether the log is the one that Postgres has applied. Another log under the same tables begins at the
 * first offset again, and actors leave out what they hold for applied: what people write would be taken
 * and never answered.
 */
import { topics } from '#schemas/topics.ts';

import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import type { RecordLog } from './record-log.ts';

/** Throws `log.offset-out-of-range` where Postgres is further than the log: it is another one, or has lost records. */
export async function refuseOtherLog(log: Pick<RecordLog, 'ends'>, database: Database): Promise<void> {
  const { rows } = await database.transaction([], (sql) =>
    sql.query<{ partition: number; progress: string }>('SELECT partition, progress FROM actor_partitions'),
  );
  const reached = new Map(rows.map(({ partition, progress }) => [partition, Number(progress)]));
  for (const { partition, stableEnd } of await log.ends(topics.events)) {
    const progress = reached.get(partition) ?? 0;
    if (progress <= stableEnd) continue;
    throw new OperatingError(
      'log.offset-out-of-range',
      `Postgres has applied partition ${partition} of ${topics.events} to offset ${progress}, and the log ends at ${stableEnd}. ` +
        'Without KAFKA_BROKERS it is in Postgres, npm run cluster has a broker of its own: each wants its own PROSA_DATA_DIR or DATABASE_URL.',
    );
  }
}
