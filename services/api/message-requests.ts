/**
 * Messages asked for through the API.
 *
 * M1 The row is there before the record: the sender may report on the message at once.
 * M2 One record per request: the row is locked while the record is appended and then marked. After a
 *    crash in between, a repeated request appends it again under the same ids, which the actor knows.
 * M3 The same idempotency key is the same request: same id; with another message it is refused.
 * M4 What is to be sent later waits in its row, sealed as its record will be; the sender hands it over when
 *    it is due, under the same ids (services/sender/hand-over.ts).
 */
import type { OutboundContent } from '#schemas/content.ts';
import type { MessageRequested } from '#schemas/records.ts';
import type { Sql } from '#runtime/database/database.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import { requestEventId, sealRequest } from '#runtime/message-requests.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** A message to be sent. */
export interface Wanted {
  readonly tenant: string;
  readonly instance: string;
  readonly entry: ConversationEntry;
  readonly content: OutboundContent;
  readonly priority: 'high' | 'normal' | 'low';
  readonly idempotencyKey: string | undefined;
  /** `operator` when somebody writes it by hand; `api` when absent. */
  readonly origin?: 'api' | 'operator';
  /** When it is to be handed over, epoch milliseconds, and how that was asked for; now when absent. */
  readonly due?: { readonly at: number; readonly asked: string } | undefined;
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
  readonly status: string;
}

/** Accepts a message. Throws `Problem` 409 (M3), 410 when the person was erased, `log.unavailable`, `database.unavailable`, `vault.unavailable`. */
export async function requestMessage(runtime: Runtime, wanted: Wanted): Promise<Accepted> {
  const { tenant, entry, instance, idempotencyKey } = wanted;
  const at = runtime.now();
  const proposed = `m_${newUlid(at)}`;
  const fingerprint = runtime.vault.index(tenant, 'message-request', fingerprintOf(wanted));
  const due = wanted.due !== undefined && wanted.due.at > at ? wanted.due.at : undefined;
  const status = due === undefined ? 'queued' : 'scheduled';
  // Before there is a row: of somebody who was erased none is made.
  const content = await sealed(runtime, wanted, proposed, at);
  const row = await runtime.database.transaction([tenant], async (sql) => {
    const inserted = await sql.query(
      `INSERT INTO message_requests (tenant, id, conversation, instance, idempotency_key, fingerprint, status, due_at,
         priority, origin, content)
       VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::float8 / 1000), $9, $11, $10)
       ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING`,
      [
        tenant,
        proposed,
        entry.conversation,
        instance,
        idempotencyKey ?? null,
        fingerprint,
        status,
        due ?? null,
        wanted.priority,
        due === undefined ? null : content,
        wanted.origin ?? 'api',
      ],
    );
    return inserted.rowCount === 1
      ? { id: proposed, conversation: entry.conversation, fingerprint, status }
      : readByKey(sql, tenant, idempotencyKey);
  });
  if (row.fingerprint !== fingerprint) {
    throw new Problem(409, 'idempotency-key-reused', 'The idempotency key was used for another message.');
  }
  if (row.status === 'queued') {
    const own = row.id === proposed ? content : await sealed(runtime, wanted, row.id, at);
    await appendOnce(runtime, wanted, row.id, at, own);
  }
  return { id: row.id, conversation: row.conversation, fresh: row.id === proposed };
}

const fingerprintOf = ({ instance, entry, content, priority, due, origin }: Wanted): string =>
  JSON.stringify([
    ...[instance, entry.conversation, content, priority],
    ...(due === undefined ? [] : [due.asked]),
    ...(origin === 'operator' ? [origin] : []),
  ]);

async function sealed({ vault }: Runtime, { tenant, entry, content }: Wanted, id: string, at: number): Promise<Buffer> {
  const { conversation, person } = entry;
  try {
    return await sealRequest(vault, { tenant, id, conversation, person, content }, at);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.code !== 'vault.key-erased') throw caught;
    throw new Problem(410, 'recipient-erased', 'The person was erased.');
  }
}

async function readByKey(sql: Sql, tenant: string, key: string | undefined): Promise<RequestRow> {
  const found = await sql.query<RequestRow>(
    'SELECT id, conversation, fingerprint, status FROM message_requests WHERE tenant = $1 AND idempotency_key = $2',
    [tenant, key],
  );
  const row = found.rows[0];
  if (row === undefined) throw new Error('a message request is neither new nor there');
  return row;
}

/** Appends the record of a request unless that was done (M2). */
async function appendOnce(runtime: Runtime, wanted: Wanted, id: string, at: number, content: Buffer): Promise<void> {
  const { tenant, entry } = wanted;
  const record: MessageRequested = {
    ...uncaused(
      tenant,
      entry.conversation,
      requestEventId(tenant, id),
      at,
      await runtime.tenants.currentRevision(tenant),
    ),
    type: 'message.requested',
    instance: wanted.instance,
    messageId: id,
    origin: wanted.origin ?? 'api',
    priority: wanted.priority,
    sealed: content,
  };
  await runtime.database.transaction([tenant], async (sql) => {
    const open = await sql.query(
      `SELECT FROM message_requests
       WHERE tenant = $1 AND id = $2 AND appended_at IS NULL AND status = 'queued' FOR UPDATE`,
      [tenant, id],
    );
    if (open.rowCount === 0) return;
    await runtime.log.append([outgoing(record)]);
    await sql.query('UPDATE message_requests SET appended_at = now() WHERE tenant = $1 AND id = $2', [tenant, id]);
  });
}
