/** `LogAdministration` of the log in Postgres: an end that the partitions may not pass. */
import type { Database, Sql } from '../../../database/database.ts';
import type { LogAdministration } from '../../administration.ts';
import { asLog } from './log-errors.ts';

/** On the log of this database, which stays the caller's to close. */
export function openPostgresAdministration(database: Database): LogAdministration {
  const ask = <T>(work: (sql: Sql) => Promise<T>): Promise<T> => asLog(() => database.transaction([], work));
  const mark = async (topics: readonly string[], isHeld: boolean): Promise<void> => {
    // In the order in which writers lock.
    await ask((sql) =>
      sql.query(
        `WITH home AS MATERIALIZED (
           SELECT topic, partition FROM log.partitions WHERE topic = ANY ($1::text[]) ORDER BY topic, partition FOR UPDATE
         )
         UPDATE log.partitions p SET held_at = CASE WHEN $2 THEN p.next_offset END
         FROM home WHERE p.topic = home.topic AND p.partition = home.partition`,
        [topics, isHeld],
      ),
    );
  };
  return {
    async members(groups) {
      const { rows } = await ask((sql) =>
        sql.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM log.members
           WHERE consumer_group = ANY ($1::text[]) AND lease_until > clock_timestamp()`,
          [groups],
        ),
      );
      return rows[0]?.count ?? 0;
    },
    hold: (topics) => mark(topics, true),
    release: (topics) => mark(topics, false),
    async areHeld(topics) {
      const { rows } = await ask((sql) =>
        sql.query<{ held: boolean | null }>(
          'SELECT bool_or(held_at IS NOT NULL) AS held FROM log.partitions WHERE topic = ANY ($1::text[])',
          [topics],
        ),
      );
      return rows[0]?.held ?? false;
    },
    close: () => Promise.resolve(),
  };
}
