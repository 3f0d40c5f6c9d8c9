/**
 * Messages asked for through the API.
 *
 * M1 The row is there before the record: the sender may report on the message at once.
 * M2 One record per request: the row is locked while the record is appended and then marked. After a
 *    crash in between, a repeated request appends it again under the same ids, which the actor knows.
 * M3 The same idempotency key is the same request: same id; with another message it is refused.
 */
import type { OutboundContent, SealedOutbound } from '#schemas/content.ts';
import type { MessageRequested } from '#schemas/records.ts';
import type { Sql } from '#runtime/database/database.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { Problem } from '#runtime/http.ts';
import { derivedId, newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** A message to be sent. */
export interface Wanted {
  readonly tenant: string;
  readonly instance: string;
  readonly entry: ConversationEntry;
  readonly content: OutboundContent;
  readonly priority: 'high' | 'normal' | 'low';
  readonly idempotencyKey: string | undefined;
}

/** A request as accepted. */
export interface Accepted {
  readonly id: string;
  readonly conversation: string;
  /** False when an earlier request with the same idempotency key was meant. */
  readonly fresh: boolean;
}

interface RequestRow {
  readonly id: string;
  readonly conversation: string;
  readonly fingerprint: string | null;
}

/** Accepts a message. Throws `Problem` 409 (M3), `log.unavailable`, `database.unavailable`, `vault.unavailable`. */
export async function requestMessage(runtime: Runtime, wanted: Wanted): Promise<Accepted> {
  const { tenant, entry, instance, idempotencyKey } = wanted;
  const at = runtime.now();
  const proposed = `m_${newUlid(at)}`;
  const fingerprint = runtime.vault.index(tenant, 'message-request', fingerprintOf(wanted));
  const row = await runtime.database.transaction([tenant], async (sql) => {
    const inserted = await sql.query(
      `INSERT INTO message_requests (tenant, id, conversation, instance, idempotency_key, fingerprint)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, idempotency_key) DO NOTHING`,
      [tenant, proposed, entry.conversation, instance, idempotencyKey ?? null, fingerprint],
    );
    return inserted.rowCount === 1
      ? { id: proposed, conversation: entry.conversation, fingerprint }
      : readByKey(sql, tenant, idempotencyKey);
  });
  if (row.fingerprint !== fingerprint) {
    throw new Problem(409, 'idempotency-key-reused', 'The idempotency key was used for another message.');
  }
  await appendOnce(runtime, wanted, row.id, at);
  return { id: row.id, conversation: row.conversation, fresh: row.id === proposed };
}

const fingerprintOf = ({ instance, entry, content, priority }: Wanted): string =>
  JSON.stringify([instance, entry.conversation, content, priority]);

async function readByKey(sql: Sql, tenant: string, key: string | undefined): Promise<RequestRow> {
  const found = await sql.query<RequestRow>(
    'SELECT id, conversation, fingerprint FROM message_requests WHERE tenant = $1 AND idempotency_key = $2',
    [tenant, key],
  );
  const row = found.rows[0];
  if (row === undefined) throw new Error('a message request is neither new nor there');
  return row;
}

/** Appends the record of a request unless that was done (M2). */
async function appendOnce(runtime: Runtime, wanted: Wanted, id: string, at: number): Promise<void> {
  const { tenant, entry } = wanted;
  const eventId = derivedId('e', tenant, 'message.requested', id);
  const where = { tenant, actor: entry.conversation, type: 'message.requested', eventId };
  const content: SealedOutbound = { content: wanted.content };
  const sealed = await runtime.vault.seal(where, entry.person, at, content);
  const record: MessageRequested = {
    type: 'message.requested',
    tenant,
    actor: entry.conversation,
    eventId,
    causationId: null,
    occurredAt: at,
    providerAt: null,
    revision: await runtime.tenants.currentRevision(tenant),
    instance: wanted.instance,
    messageId: id,
    origin: 'api',
    priority: wanted.priority,
    sealed,
  };
  await runtime.database.transaction([tenant], async (sql) => {
    const open = await sql.query(
      'SELECT FROM message_requests WHERE tenant = $1 AND id = $2 AND appended_at IS NULL FOR UPDATE',
      [tenant, id],
    );
    if (open.rowCount === 0) return;
    await runtime.log.append([outgoing(record)]);
    await sql.query('UPDATE message_requests SET appended_at = now() WHERE tenant = $1 AND id = $2', [tenant, id]);
  });
}
