/**
 * Webhooks of our own Baileys gateway: `{id, timestamp, event, session, sequence, epoch, me, data}`, the
 * data as Baileys' events have them, signed like WAHA's. Several messages of one event are several of ours.
 *
 * Y1 Total: no body throws. What lacks what its kind needs, or is of an unknown kind, is kept as `webhook.other`.
 * Y2 A message that could not be decrypted is kept as `webhook.other`; when its content comes later, that is
 *    the message.
 *
 * Source of the shapes: `services/baileys-gateway/intake.ts` and the types of Baileys 7.0.0-rc14.
 */
import { createHash } from 'node:crypto';

import { isBearer } from './bearer.ts';
import { type JsonObject, idAt, listAt, objectAt, objectOf, textAt, timeAt, valueAt } from './loose-json.ts';
import {
  type Chat,
  type InstanceStatus,
  type NormalisedEvent,
  type Status,
  type WebhookBody,
  type WebhookProvider,
  otherEvent,
  statusEvent,
} from './provider.ts';
import { isSignedBody } from './signed-body.ts';
import {
  type WebMessageContext,
  chatOfKey,
  echoSourceOf,
  isOurs,
  readDeletion,
  readProtocolMessage,
  readWebMessage,
  webStatuses,
} from './web-message.ts';
import { address, chatAmong } from './whatsapp-address.ts';
import { failureReason, limits, restrictionOf } from './whatsapp-message.ts';

/** One thing of a webhook, the envelope read. */
interface Item {
  readonly event: string;
  readonly value: JsonObject;
  readonly own: readonly string[];
  /** The same in every delivery. */
  readonly deliveryId: string;
  readonly envelopeAt: number | null;
  readonly raw: string;
}

type Reader = (item: Item) => NormalisedEvent | undefined;

/** The gateway puts fewer into a body. */
const itemsMax = 1_000;

/** Our Baileys gateway. */
export const baileys: WebhookProvider = {
  answersEvents: false,

  // The gateway signs; the bearer is for those who try the webhook by hand.
  verify: (rawBody, headers, { credentials }) =>
    headers['x-webhook-hmac'] === undefined
      ? isBearer(headers.authorization, credentials.webhookSecret, Date.now())
      : isSignedBody(rawBody, headers, credentials.webhookSecret),

  normalise(body, instance) {
    const { json, raw } = body;
    const event = textAt(json, 100, 'event') ?? '';
    const data = valueAt(json, 'data');
    const whole: Item = { ...envelopeOf(body), event, value: objectOf(data) ?? {}, raw };
    const session = valueAt(json, 'session');
    // A body that names another instance than its token's is kept, not routed.
    if (session !== undefined && session !== instance.id) return [other(whole, undefined)];
    const list = event === 'messages.upsert' ? valueAt(data, 'messages') : data;
    if (!Array.isArray(list)) return [read(whole)];
    const items = (list as unknown[]).slice(0, itemsMax).map((value, i) =>
      read({
        ...whole,
        value: objectOf(value) ?? {},
        deliveryId: `${whole.deliveryId}/${i}`,
        raw: list.length === 1 ? raw : rawOf(json, event, value),
      }),
    );
    return items.length > 0 && list.length <= itemsMax ? items : [...items, other(whole, undefined)];
  },
};

function envelopeOf({ json, raw }: WebhookBody): Pick<Item, 'own' | 'deliveryId' | 'envelopeAt'> {
  return {
    own: [address(json, 'me', 'id'), address(json, 'me', 'lid')].filter((one) => one !== undefined),
    deliveryId: idAt(json, 'id') ?? createHash('sha256').update(raw).digest('hex'),
    envelopeAt: timeAt(json, 'timestamp') ?? null,
  };
}

/** The body as if it had held this alone. */
const rawOf = (json: JsonObject, event: string, value: unknown): string =>
  JSON.stringify({
    ...json,
    data: event === 'messages.upsert' ? { ...objectAt(json, 'data'), messages: [value] } : [value],
  });

const read = (item: Item): NormalisedEvent => readers.get(item.event)?.(item) ?? other(item, chatNamed(item));

const contextOf = ({ own, deliveryId, raw }: Item): WebMessageContext => ({ own, deliveryId, raw, source: 'unknown' });

const other = ({ event, deliveryId, envelopeAt, raw }: Item, chat: Chat | undefined): NormalisedEvent =>
  otherEvent(event, chat, deliveryId, { providerAt: envelopeAt, raw });

/** The chat that an event without a reader, or an unreadable one, is of. */
function chatNamed({ event, value, own }: Item): Chat | undefined {
  if (event === 'lid-mapping.update') return namesOf(value);
  if (event === 'call') return chatOfKey({ remoteJid: value['chatId'] ?? value['from'] }, own);
  return chatOfKey(objectAt(value, 'key') ?? objectOf(listAt(value, 1, 'keys')[0]), own);
}

/** Two addresses of one person. It says nothing of there being a chat. */
function namesOf(value: JsonObject): Chat | undefined {
  const [lid, number] = [address(value, 'lid'), address(value, 'pn')];
  const chat = chatAmong([number], [lid], new Set());
  return chat === undefined ? undefined : { ...chat, mustExist: true };
}

const upsert: Reader = (item) => {
  const { value } = item;
  const fileUrl = textAt(value, limits.url, 'fileUrl');
  return readWebMessage(value, {
    ...contextOf(item),
    source: valueAt(value, 'sentByUs') === true ? 'api' : echoSourceOf(idAt(value, 'key', 'id')),
    ...(fileUrl === undefined ? {} : { fileUrl }),
  });
};

/** A status of a message of ours; or an edit or revocation that came as nothing else. */
const updated: Reader = (item) => {
  const { value } = item;
  const key = objectAt(value, 'key');
  const update = objectAt(value, 'update');
  const status = webStatuses.get(valueAt(update, 'status'));
  if (status !== undefined) return statusOf(item, key, status, update);
  const stub = valueAt(update, 'messageStubType');
  if (stub === 1 || stub === 'REVOKE') return key === undefined ? undefined : readDeletion(key, contextOf(item));
  const edited = objectAt(update, 'message', 'editedMessage', 'message');
  if (edited === undefined) return undefined;
  return readProtocolMessage({ type: 'MESSAGE_EDIT', key, editedMessage: edited }, contextOf(item));
};

function statusOf(
  item: Item,
  key: JsonObject | undefined,
  status: Status,
  update: JsonObject | undefined,
  participant?: string,
): NormalisedEvent | undefined {
  const chat = chatOfKey(key, item.own);
  const id = idAt(key, 'id');
  // That we read somebody's message on the phone is no status of a message of ours.
  if (chat === undefined || id === undefined || !isOurs(key)) return undefined;
  const [code] = listAt(update, 1, 'messageStubParameters');
  const failure = failureReason(typeof code === 'string' ? code : undefined);
  const providerAt = timeAt(update, 'messageTimestamp') ?? item.envelopeAt;
  return statusEvent({ status, failure, chat, messageId: id, participant }, { providerAt, raw: item.raw });
}

/** In groups; the furthest that it says of one participant. */
const receipt: Reader = (item) => {
  const told = objectAt(item.value, 'receipt');
  const status = receiptStatuses.find(([name]) => timeAt(told, name) !== undefined)?.[1];
  if (status === undefined) return undefined;
  return statusOf(item, objectAt(item.value, 'key'), status, undefined, address(told, 'userJid'));
};

const receiptStatuses: readonly (readonly [string, Status])[] = [
  ['playedTimestamp', 'played'],
  ['readTimestamp', 'read'],
  ['receiptTimestamp', 'delivered'],
];

const statuses: ReadonlySet<unknown> = new Set<InstanceStatus>([
  'stopped',
  'starting',
  'scanning',
  'working',
  'failed',
]);

const reported: Reader = ({ value, deliveryId, envelopeAt, raw }) => {
  const status = valueAt(value, 'status');
  const restriction = restrictionOf(valueAt(value, 'reachoutTimeLock'));
  const code = textAt(value, limits.title, 'qr', 'code');
  const pairingCode = textAt(value, 32, 'qr', 'pairingCode');
  return {
    type: 'instance.reported',
    status: statuses.has(status) ? (status as InstanceStatus) : 'unknown',
    deliveryId,
    providerAt: envelopeAt,
    raw,
    ...(code === undefined ? {} : { qr: { code, ...(pairingCode === undefined ? {} : { pairingCode }) } }),
    ...(restriction === undefined ? {} : { restriction }),
  };
};

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['messages.upsert', upsert],
  ['messages.update', updated],
  ['message-receipt.update', receipt],
  ['session.status', reported],
]);
