/**
 * Messages that were asked for later are handed to the log when they are due: only then does the machine
 * say whether they may be sent.
 *
 * D1 A request that is due is appended at least once, always under the same ids, which the actor knows
 *    (M2 of the API's message requests): it is marked only after the log has it.
 * D2 What was cancelled before is not appended: row and append are under one lock.
 * D3 Instances take turns (`due-turns.ts`): ten thousand of one that are due at once hold up no other's.
 */
import type { MessageRequested } from '#schemas/records.ts';

import { requestEventId } from '#runtime/message-requests.ts';
import { outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { dueTurns } from './due-turns.ts';

/** Most requests of one turn. */
const handedOverMax = 200;

interface DueRow {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly priority: string | null;
  readonly origin: string | null;
  readonly content: Buffer | null;
}

/** Makes the turn: hands over what is due; it throws `database.unavailable`, `log.unavailable`. */
export function createHandOver({
  database,
  log,
  tenants,
  now,
}: Pick<Runtime, 'database' | 'log' | 'tenants' | 'now'>): (of: readonly string[]) => Promise<void> {
  const dueOf = dueTurns(database, 'message_requests');

  const recordOf = async (row: DueRow, at: number): Promise<MessageRequested> => ({
    ...uncaused(
      row.tenant,
      row.conversation,
      requestEventId(row.tenant, row.id),
      at,
      await tenants.currentRevision(row.tenant),
    ),
    type: 'message.requested',
    instance: row.instance,
    messageId: row.id,
    origin: row.origin ?? 'api',
    priority: row.priority ?? 'normal',
    sealed: row.content,
  });

  return async (of) => {
    const at = now();
    const ids = await dueOf(of, handedOverMax, at);
    if (ids.length === 0) return;
    await database.transaction(of, async (sql) => {
      const due = await sql.query<DueRow>(
        `SELECT tenant, id, conversation, instance, priority, origin, content FROM message_requests
         WHERE id = ANY ($1::text[]) AND coalesce(status, '') = 'scheduled'
         ORDER BY due_at, id FOR UPDATE SKIP LOCKED`,
        [ids],
      );
      if (due.rows.length === 0) return;
      const records = await Promise.all(due.rows.map((row) => recordOf(row, at)));
      await log.append(records.map((record) => outgoing(record)));
      await sql.query(
        `UPDATE message_requests SET status = 'queued', appended_at = now(), content = NULL, updated_at = now()
         WHERE id = ANY ($1::text[])`,
        [due.rows.map(({ id }) => id)],
      );
    });
  };
}
