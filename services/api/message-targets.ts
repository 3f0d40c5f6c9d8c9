/** Earlier messages of a conversation, as providers know them. */
import type { MessageTarget, SealedDelivery, SealedMessage } from '#schemas/content.ts';
import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { notFound } from './route.ts';

interface DeliveryRow {
  readonly id: string;
  readonly result: Buffer | null;
}

interface MessageRow {
  readonly direction: 'in' | 'out';
  readonly sealed_type: string;
  readonly sealed: Buffer | null;
}

/**
 * The message of a conversation that the API shows under this id: that of the message itself or, for one that
 * was asked for, that of the request. Throws `Problem` 404 for another conversation's and for one that was
 * erased, 409 for one of ours that the provider has not taken yet, or not surely.
 */
export async function messageTarget(
  { database, vault }: Pick<Runtime, 'database' | 'vault'>,
  tenant: string,
  conversation: string,
  id: string,
): Promise<MessageTarget> {
  const { delivery, message } = await database.transaction([tenant], async (sql) => {
    const deliveries = await sql.query<DeliveryRow>(
      `SELECT id, result FROM deliveries WHERE tenant = $1 AND (message_id = $2 OR id = $2) AND conversation = $3
       ORDER BY created_at DESC, id DESC LIMIT 1`,
      [tenant, id, conversation],
    );
    const requests = await sql.query(
      'SELECT FROM message_requests WHERE tenant = $1 AND id = $2 AND conversation = $3',
      [tenant, id, conversation],
    );
    const messages = await sql.query<MessageRow>(
      'SELECT direction, sealed_type, sealed FROM messages WHERE tenant = $1 AND id = $2 AND conversation = $3',
      [tenant, id, conversation],
    );
    // Asked for and not come to the sender yet.
    const early: DeliveryRow | undefined = requests.rowCount > 0 ? { id, result: null } : undefined;
    return { delivery: deliveries.rows[0] ?? early, message: messages.rows[0] };
  });
  if (delivery !== undefined) {
    const where = { tenant, actor: conversation, type: 'delivery.result', eventId: delivery.id };
    const opened = delivery.result === null ? undefined : await vault.open<SealedDelivery>(where, delivery.result);
    if (opened?.state === 'erased') throw notFound();
    if (opened?.value.stableId === undefined) throw notSent();
    return { target: opened.value.stableId, ours: true };
  }
  if (message?.sealed == null) throw notFound();
  // A reply that has not come to the sender yet.
  if (message.sealed_type === 'reply.requested') throw notSent();
  const where = { tenant, actor: conversation, type: message.sealed_type, eventId: id };
  const opened = await vault.open<SealedMessage>(where, message.sealed);
  if (opened.state === 'erased') throw notFound();
  const { stableId, chat, sender } = opened.value;
  return {
    target: stableId,
    ours: message.direction === 'out',
    ...(chat.endsWith('@g.us') && message.direction === 'in' ? { participant: sender.address } : {}),
  };
}

const notSent = (): Problem =>
  new Problem(409, 'message-not-sent', 'The message is not known to have been sent, so nothing can refer to it.');
