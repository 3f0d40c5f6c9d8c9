/** The recipients of a broadcast, on their way from `waiting` to a message of their own. */
import type { OutboundContent } from '#schemas/content.ts';
import { broadcastMessageId, variablesIn } from '#runtime/broadcasts/handed-over.ts';
import { type Variables, withVariables } from '#runtime/broadcasts/variables.ts';
import type { Database, Sql } from '#runtime/database/database.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type DueRequest, insertDueRequests, sealRequest } from '#runtime/message-requests.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Broadcast } from './turns.ts';

/** One who waits. */
export interface Waiting {
  readonly conversation: string;
  readonly person: string;
  readonly variables: Buffer | null;
  /** The chat goes on in that of another recipient. */
  readonly doubled: boolean;
}

/** What is done about one: a message of theirs, or a stable code of why there is none. */
export interface Prepared {
  readonly conversation: string;
  readonly request?: DueRequest;
  readonly skipped?: 'erased' | 'same-chat' | 'no-address';
}

/** Who waits, in their order. Throws `database.unavailable`. */
export async function readWaiting(
  database: Database,
  { tenant, id }: Broadcast,
  max: number,
): Promise<readonly Waiting[]> {
  const found = await database.query<Waiting>(
    [tenant],
    `SELECT r.conversation, r.person, r.variables, EXISTS (
       SELECT FROM broadcast_recipients o
       WHERE o.broadcast = $1 AND o.conversation = (SELECT c.merged_into FROM conversations c WHERE c.id = r.conversation)
     ) AS doubled
     FROM broadcast_recipients r WHERE r.broadcast = $1 AND r.status = 'waiting' ORDER BY r.position LIMIT $2`,
    [id, max],
  );
  return found.rows;
}

/** Makes the messages, due at `times` in their order; who gets none takes no time. `at` is now, epoch milliseconds. */
export async function prepareRecipients(
  { directory, vault }: Pick<Runtime, 'directory' | 'vault'>,
  broadcast: Broadcast,
  content: OutboundContent,
  waiting: readonly Waiting[],
  times: readonly number[],
  at: number,
): Promise<readonly Prepared[]> {
  const { tenant, instance } = broadcast;
  await vault.prefetch(waiting.flatMap(({ variables }) => (variables === null ? [] : [{ tenant, sealed: variables }])));

  const contentFor = async ({ conversation, variables }: Waiting): Promise<OutboundContent | undefined> => {
    if (variables === null) return content;
    const opened = await vault.open<Variables>(variablesIn(broadcast, conversation), variables);
    return opened.state === 'open' ? withVariables(content, opened.value) : undefined;
  };

  const sealedFor = async (one: Waiting): Promise<Buffer | Prepared['skipped']> => {
    if (one.doubled) return 'same-chat';
    const address = await directory.addressOf(tenant, one.conversation);
    if (address === undefined) return 'no-address';
    if (address.state === 'erased') return 'erased';
    const own = await contentFor(one);
    if (own === undefined) return 'erased';
    const id = broadcastMessageId(broadcast, one.conversation);
    try {
      return await sealRequest(vault, { tenant, id, ...one, content: own }, at);
    } catch (caught) {
      if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return 'erased';
      throw caught;
    }
  };

  const sealed = await Promise.all(waiting.map(sealedFor));
  let used = 0;
  return waiting.map(({ conversation }, i): Prepared => {
    const made = sealed[i];
    if (!Buffer.isBuffer(made)) return { conversation, skipped: made ?? 'no-address' };
    const dueAt = times[used++] ?? at;
    const id = broadcastMessageId(broadcast, conversation);
    return {
      conversation,
      request: { tenant, id, conversation, instance, priority: 'low', origin: 'broadcast', dueAt, content: made },
    };
  });
}

/** Hands over, in the transaction of the step (B1), which makes sure that they all wait still. */
export async function writePrepared(sql: Sql, { id }: Broadcast, prepared: readonly Prepared[]): Promise<void> {
  if (prepared.length === 0) return;
  await insertDueRequests(
    sql,
    prepared.flatMap(({ request }) => (request === undefined ? [] : [request])),
  );
  // By their keys: a condition on the status would have all that wait read, by the index of those.
  await sql.query(
    `UPDATE broadcast_recipients r SET status = CASE WHEN p.message_id IS NULL THEN 'skipped' ELSE 'handed' END,
       reason = p.reason, message_id = p.message_id, due_at = to_timestamp(p.due_at / 1000)
     FROM unnest($2::text[], $3::text[], $4::text[], $5::float8[]) AS p (conversation, reason, message_id, due_at)
     WHERE r.broadcast = $1 AND r.conversation = ANY ($2::text[]) AND r.conversation = p.conversation`,
    [
      id,
      prepared.map(({ conversation }) => conversation),
      prepared.map(({ skipped }) => skipped ?? null),
      prepared.map(({ request }) => request?.id ?? null),
      prepared.map(({ request }) => request?.dueAt ?? null),
    ],
  );
}
