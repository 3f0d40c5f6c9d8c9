/** Who somebody is. */
import type { Database } from '../database/database.ts';

/** Conversations that were merged one after the other into one, at most. */
const mergesMax = 20;
/** Conversations that were merged into one and the same. */
const mergedIntoMax = 100;

/**
 * The person of a conversation, and after them those of the younger conversations that turned out to be the same chat: what
 * these own is the same person's. Undefined when there is no such conversation. Throws `database.unavailable`.
 */
export async function personsOf(
  database: Database,
  tenant: string,
  conversation: string,
): Promise<readonly [string, ...string[]] | undefined> {
  const found = await database.query<{ person: string }>(
    [tenant],
    // Not as a join: planned while the table is empty, that reads all conversations of the tenant.
    `WITH RECURSIVE same (id, person, merges) AS (
       SELECT id, person, 0 FROM conversations WHERE tenant = $1 AND id = $2
       UNION ALL
       SELECT younger.id, younger.person, same.merges + 1 FROM same CROSS JOIN LATERAL (
         SELECT c.id, c.person FROM conversations c WHERE c.tenant = $1 AND c.merged_into = same.id
         ORDER BY c.id LIMIT $4
       ) younger WHERE same.merges < $3
     )
     SELECT person FROM same ORDER BY merges`,
    [tenant, conversation, mergesMax, mergedIntoMax],
  );
  const [first, ...others] = found.rows.map(({ person }) => person);
  return first === undefined ? undefined : [first, ...new Set(others)];
}
