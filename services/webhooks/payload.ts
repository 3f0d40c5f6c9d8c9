/** What an endpoint is told of a record: ids, states and times; content only where it asked for it. */
import type { SealedChange, SealedMessage } from '#schemas/content.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import type { Vault } from '#runtime/vault/vault.ts';
import { testEvent } from '#runtime/webhooks/subscriptions.ts';

/** Plain fields of a record that are told, by whatever type has them. */
const told = [
  'kind',
  'group',
  'change',
  'status',
  'reason',
  'deliveryId',
  'attempts',
  'messageEventId',
  'fileId',
  'bytes',
  'mimetype',
] as const;

/** The body, as JSON text. Throws `vault.unavailable`. */
export async function payloadOf(vault: Vault, record: ProsaRecord, includesContent: boolean): Promise<string> {
  const fields: Readonly<Record<string, unknown>> = { ...record };
  const { actor, eventId, occurredAt, providerAt, type } = record;
  return JSON.stringify({
    type,
    timestamp: new Date(occurredAt).toISOString(),
    data: {
      eventId,
      ...(actor.startsWith('c_') ? { conversationId: actor } : {}),
      ...('instance' in record ? { instanceId: record.instance } : {}),
      ...(providerAt === null ? {} : { providerAt: new Date(providerAt).toISOString() }),
      ...Object.fromEntries(told.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]]))),
      ...(includesContent ? await contentOf(vault, record) : {}),
    },
  });
}

/** The body of a test. */
export const testPayload = (occurredAt: Date): string =>
  JSON.stringify({ type: testEvent, timestamp: occurredAt.toISOString(), data: {} });

async function contentOf(vault: Vault, record: ProsaRecord): Promise<object> {
  if ((record.type !== 'message.received' && record.type !== 'message.changed') || record.sealed === null) return {};
  const opened = await vault.open<SealedMessage | SealedChange>(record, record.sealed);
  if (opened.state === 'erased') return { erased: true };
  const { sender } = opened.value;
  const from = { address: sender.address, ...(sender.name === undefined ? {} : { name: sender.name }) };
  if ('content' in opened.value) return { from, content: opened.value.content };
  const { text, reaction, options } = opened.value;
  return { from, content: { text, reaction, options } };
}
