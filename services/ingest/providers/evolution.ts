/**
 * Evolution API v2's webhooks: `{event, instance, data, destination, date_time, sender, server_url, apikey}`,
 * the messages as Baileys gives them. No signature and no id of the event: the caller presents a
 * bearer secret besides the path token, and the same text is the same event.
 *
 * E1 Total: no body throws. What lacks what its kind needs, or is of an unknown kind, is kept as `webhook.other`.
 * E2 The credentials that a body holds are in nothing that comes out of here.
 * E3 `sender` is our own account, never the author. `date_time` is local time marked as UTC, and not read.
 *
 * Source of the shapes: Evolution's code, 2.3.6 and 2.3.7 (`whatsapp.baileys.service.ts`).
 */
import { createHash } from 'node:crypto';

import type { Instance } from '#runtime/instances/instances.ts';

import { isBearer } from './bearer.ts';
import { type JsonObject, idAt, listAt, objectAt, objectOf, textAt, valueAt } from './loose-json.ts';
import {
  type Chat,
  type InstanceStatus,
  type NormalisedEvent,
  type WebhookBody,
  type WebhookProvider,
  otherEvent,
  statusEvent,
} from './provider.ts';
import { withoutSecrets } from './redaction.ts';
import {
  type WebMessageContext,
  chatOfKey,
  echoSourceOf,
  isOurs,
  readDeletion,
  readProtocolMessage,
  readVotes,
  readWebMessage,
  webStatuses,
} from './web-message.ts';
import { address } from './whatsapp-address.ts';
import { failureReason, limits } from './whatsapp-message.ts';

/** One event, its envelope read. Of a body with a list, one item. */
interface Webhook {
  /** As `messages.upsert`, however it was spelt. */
  readonly event: string;
  readonly data: JsonObject;
  readonly own: readonly string[];
  /** The same in every delivery of the event. */
  readonly deliveryId: string;
  readonly raw: string;
}

type Reader = (webhook: Webhook) => readonly NormalisedEvent[];

/** Items of one body that become events of their own; Evolution posts one by one, so more is no real body. */
const itemsMax = 1_000;

/** Evolution API v2. */
export const evolution: WebhookProvider = {
  answersEvents: false,
  takesEventPath: true,

  verify: (_rawBody, headers, instance) =>
    isBearer(headers.authorization, instance.credentials.webhookSecret, Date.now()),

  normalise(body, instance) {
    const { json, raw } = withoutCredentials(body, instance);
    const event = eventOf(body.json) ?? canonicalName(textAt(json, 100, 'event') ?? '');
    const me = address(json, 'sender');
    const common = { event, own: me === undefined ? [] : [me] };
    const deliveryId = createHash('sha256').update(raw).digest('hex');
    const value = valueAt(json, 'data');
    const whole: Webhook = { ...common, data: objectOf(value) ?? {}, deliveryId, raw };
    // From the body as it came: a weak key may be a part of the name.
    const named = valueAt(body.json, 'instance');
    const wanted = instance.settings.session;
    // A body that names another instance than its token's is kept, not routed.
    if (wanted !== undefined && named !== undefined && named !== wanted) return [other(whole, undefined)];
    const reader = readers.get(event);
    if (reader === undefined) return [other(whole, chatNamed(whole))];
    if (!Array.isArray(value) || value.length === 0) return read(whole, reader);
    const items = (value as unknown[]).slice(0, itemsMax).flatMap((item, i) =>
      read(
        {
          ...common,
          data: objectOf(item) ?? {},
          deliveryId: `${deliveryId}/${i}`,
          raw: JSON.stringify({ ...json, data: item }),
        },
        reader,
      ),
    );
    return value.length <= itemsMax ? items : [...items, other(whole, undefined)];
  },
};

function read(webhook: Webhook, reader: Reader): readonly NormalisedEvent[] {
  const events = reader(webhook);
  return events.length > 0 ? events : [other(webhook, chatNamed(webhook))];
}

/** `MESSAGES_UPSERT` (as subscribed to), `messages-upsert` (as in the path) and `messages.upsert` are one. */
const canonicalName = (name: string): string => name.toLowerCase().replace(/[_-]/g, '.');

/** An event that we read; its name is then a word of ours. */
function eventOf(json: JsonObject): string | undefined {
  const name = canonicalName(textAt(json, 100, 'event') ?? '');
  return readers.has(name) ? name : undefined;
}

const isSecretName = (name: string): boolean => /^(?:api[_-]?key|jwt[_-]?key|token|hash)$/i.test(name);

/** The body as it may be kept (E2): without the instance's key, and without what our webhook is known by. */
function withoutCredentials({ json, raw }: WebhookBody, { credentials }: Instance): Pick<WebhookBody, 'json' | 'raw'> {
  const clean = withoutSecrets(raw, isSecretName, [
    credentials.apiKey,
    credentials.webhookSecret,
    credentials.webhookToken,
  ]);
  return clean === raw ? { json, raw } : { json: JSON.parse(clean) as JsonObject, raw: clean };
}

const contextOf = ({ own, deliveryId, raw }: Webhook): WebMessageContext => ({
  own,
  deliveryId,
  raw,
  source: 'unknown',
});

const one = (event: NormalisedEvent | undefined): readonly NormalisedEvent[] => (event === undefined ? [] : [event]);

const other = ({ event, deliveryId, raw }: Webhook, chat: Chat | undefined): NormalisedEvent =>
  otherEvent(event, chat, deliveryId, { providerAt: null, raw });

/** The chat that an event without a reader, or an unreadable one, is of. Lists of contacts and chats are of the instance. */
function chatNamed({ event, data, own }: Webhook): Chat | undefined {
  const named = [data['remoteJid'], event === 'call' ? (data['chatId'] ?? data['from']) : data['id']];
  // Not those of protocol messages, whose keys may name us.
  const isOfChat = /^(?:messages\.(?:upsert|update|delete)|send\.message|presence\.update|call)$/.test(event);
  if (!isOfChat) return undefined;
  const key = objectAt(data, 'key') ?? { remoteJid: named.find((text) => address({ text }, 'text') !== undefined) };
  return chatOfKey(key, own);
}

// --- messages -------------------------------------------------------------------------------------

const upsert: Reader = (webhook) => {
  const { data } = webhook;
  const fileUrl = textAt(data, limits.url, 'message', 'mediaUrl');
  return one(
    readWebMessage(data, {
      ...contextOf(webhook),
      // Sends through the API come as `send.message`, and here too (issue 1340).
      source: webhook.event === 'send.message' ? 'api' : echoSourceOf(idAt(data, 'key', 'id')),
      ...(fileUrl === undefined ? {} : { fileUrl }),
    }),
  );
};

/** The data are a protocol message; of any kind, not only of edits. */
const edited: Reader = (webhook) => one(readProtocolMessage(webhook.data, contextOf(webhook)));

/** The data are the key of what was deleted, or the stored message with its key. */
const deleted: Reader = (webhook) =>
  one(readDeletion(objectAt(webhook.data, 'key') ?? webhook.data, contextOf(webhook)));

/** A status of a message of ours, or votes. `DELETED` stands for whatever has no status (issue 2010): it says nothing. */
const updated: Reader = (webhook) => {
  const { data, own } = webhook;
  const key: JsonObject = { ...data, id: valueAt(data, 'keyId') ?? valueAt(data, 'key', 'id') };
  const votes = valueAt(data, 'pollUpdates');
  if (Array.isArray(votes)) return readVotes(listAt(data, limits.options, 'pollUpdates'), key, contextOf(webhook));
  const id = idAt(key, 'id');
  const chat = chatOfKey(key, own);
  const status = webStatuses.get(valueAt(data, 'status'));
  // That we read somebody's message on the phone is no status of a message of ours.
  if (id === undefined || chat === undefined || status === undefined || !isOurs(key)) return [];
  const participant = address(data, 'participant');
  const told = { status, failure: failureReason(), chat, messageId: id, participant };
  return [statusEvent(told, { providerAt: null, raw: webhook.raw })];
};

// --- state of the instance ------------------------------------------------------------------------

const reported = (
  { deliveryId, raw }: Webhook,
  status: InstanceStatus,
  qr?: { readonly code: string; readonly pairingCode?: string },
): readonly NormalisedEvent[] => [
  { type: 'instance.reported', status, deliveryId, providerAt: null, raw, ...(qr === undefined ? {} : { qr }) },
];

const statusByState: ReadonlyMap<unknown, InstanceStatus> = new Map<unknown, InstanceStatus>([
  ['open', 'working'],
  ['connecting', 'starting'],
  ['close', 'stopped'],
  // Nobody scanned the codes.
  ['refused', 'failed'],
]);

/** Reasons after which Evolution does not connect again: logged out, banned, replaced by another. */
const finalReasons: ReadonlySet<unknown> = new Set([401, 402, 403, 406]);

const connection: Reader = (webhook) => {
  const { data } = webhook;
  const status = statusByState.get(valueAt(data, 'state')) ?? 'unknown';
  const isFinal = status === 'stopped' && finalReasons.has(valueAt(data, 'statusReason'));
  return reported(webhook, isFinal ? 'failed' : status);
};

/** A code to scan, or that there will be no more. */
const qrCode: Reader = (webhook) => {
  const qr = objectAt(webhook.data, 'qrcode');
  const code = textAt(qr, limits.title, 'code');
  const pairingCode = textAt(qr, 32, 'pairingCode');
  if (code === undefined) return reported(webhook, qr === undefined ? 'failed' : 'scanning');
  return reported(webhook, 'scanning', { code, ...(pairingCode === undefined ? {} : { pairingCode }) });
};

const closed: Reader = (webhook) =>
  reported(webhook, valueAt(webhook.data, 'status') === 'closed' ? 'failed' : 'unknown');

const gone: Reader = (webhook) => reported(webhook, 'stopped');

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['messages.upsert', upsert],
  ['send.message', upsert],
  ['messages.edited', edited],
  ['send.message.update', edited],
  ['messages.delete', deleted],
  ['messages.update', updated],
  ['connection.update', connection],
  ['qrcode.updated', qrCode],
  ['status.instance', closed],
  ['logout.instance', gone],
  ['remove.instance', gone],
]);
