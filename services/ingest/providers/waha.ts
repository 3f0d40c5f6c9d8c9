/**
 * WAHA's webhooks: `{id, timestamp, event, session, me, payload, engine, …}`, one event per body,
 * signed with HMAC-SHA-512 over the raw bytes.
 *
 * Total: no body throws. An event that lacks what its kind needs, or whose kind is not known, is
 * kept as `webhook.other`. Source of the shapes: WAHA's documentation of July 2026 and OpenAPI
 * 2026.7.1; engines (WEBJS, WPP, NOWEB, GOWS) differ in `_data`.
 */
import { createHash } from 'node:crypto';

import { sessionStatuses } from '#runtime/waha/session-statuses.ts';
import type { SealedChange, SealedMessage } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, numberAt, objectAt, objectOf, textAt, timeAt, valueAt } from './loose-json.ts';
import {
  type Change,
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
import { chatOf, isFromMe, messageIdAt, ownAddresses, partsOfId, senderOf } from './waha-address.ts';
import { wahaContent } from './waha-content.ts';
import { type Own, address, chatAmong } from './whatsapp-address.ts';
import { failureReason, hiddenEditOf, limits, restrictionOf, unwrapped } from './whatsapp-message.ts';

/** One webhook, its envelope read. */
interface Webhook {
  readonly event: string;
  readonly payload: JsonObject;
  /** The payload as it is: some events have text or a list there. */
  readonly value: unknown;
  readonly me: unknown;
  readonly own: Own;
  /** The same in every delivery of the event. */
  readonly deliveryId: string;
  readonly envelopeAt: number | undefined;
  readonly raw: string;
  /** Where we reach WAHA. */
  readonly baseUrl: string | undefined;
}

type Reader = (webhook: Webhook) => NormalisedEvent | undefined;

/** WAHA. */
export const waha: WebhookProvider = {
  answersEvents: false,

  verify: (rawBody, headers, instance) => isSignedBody(rawBody, headers, instance.credentials.webhookSecret),

  normalise(body, instance) {
    const webhook = webhookOf(body, instance.settings.baseUrl);
    const session = valueAt(body.json, 'session');
    const wanted = instance.settings.session;
    // A body that names another instance than its token's is kept, not routed.
    if (wanted !== undefined && session !== undefined && session !== wanted) return [other(webhook, undefined)];
    return [readers.get(webhook.event)?.(webhook) ?? other(webhook, chatNamed(webhook))];
  },
};

function webhookOf(body: WebhookBody, baseUrl: string | undefined): Webhook {
  const value = valueAt(body.json, 'payload');
  const me = valueAt(body.json, 'me');
  return {
    event: textAt(body.json, 100, 'event') ?? '',
    payload: objectOf(value) ?? {},
    value,
    me,
    own: ownAddresses(me),
    deliveryId: idAt(body.json, 'id') ?? createHash('sha256').update(body.raw).digest('hex'),
    envelopeAt: timeAt(body.json, 'timestamp'),
    raw: body.raw,
    baseUrl,
  };
}

const about = (webhook: Webhook, at = timeAt(webhook.payload, 'timestamp')) => ({
  providerAt: at ?? webhook.envelopeAt ?? null,
  raw: webhook.raw,
});

const other = (webhook: Webhook, chat: Chat | undefined): NormalisedEvent =>
  otherEvent(webhook.event, chat, webhook.deliveryId, about(webhook));

/** The chat that an event without a reader names: calls (`from`), presence and archive (`id`), labels, groups. */
function chatNamed(webhook: Webhook): Chat | undefined {
  const { payload, own } = webhook;
  if (idAt(payload, 'from') !== undefined) return chatOf(payload, own);
  const named = [address(payload, 'id'), address(payload, 'chatId'), address(payload, 'group', 'id')];
  return chatAmong(named, [], own);
}

// --- messages -------------------------------------------------------------------------------------

const message: Reader = (webhook) => {
  const { payload, own, me } = webhook;
  const chat = chatOf(payload, own);
  const content = wahaContent(payload, webhook.baseUrl);
  if (content === undefined) return hiddenEdit(webhook, chat);
  if (chat === undefined) return undefined;
  const messageId = messageIdAt(payload, 'id') ?? webhook.deliveryId;
  const replyTo = messageIdAt(valueAt(payload, 'replyTo'), 'id');
  const sealed: SealedMessage = {
    messageId,
    stableId: partsOfId(messageId).stanza,
    chat: chat.addresses[0],
    sender: senderOf(payload, chat, me),
    content,
    ...(replyTo === undefined ? {} : { replyTo: partsOfId(replyTo).stanza }),
  };
  const common = { chat, message: sealed, ...about(webhook) };
  if (!isFromMe(payload)) return { type: 'message.received', ...common };
  const source = valueAt(payload, 'source');
  return { type: 'message.echoed', source: source === 'app' || source === 'api' ? source : 'unknown', ...common };
};

// --- what happens to earlier messages -------------------------------------------------------------

/** Assembles a change; undefined when it does not say what changed, or where. */
function changed(
  webhook: Webhook,
  change: Change,
  source: JsonObject,
  chat: Chat | undefined,
  target: string | undefined,
  extra: Pick<SealedChange, 'text' | 'reaction' | 'options'>,
): NormalisedEvent | undefined {
  if (chat === undefined || target === undefined) return undefined;
  const messageId = messageIdAt(source, 'id') ?? webhook.deliveryId;
  const details: SealedChange = {
    messageId,
    stableId: changeId(partsOfId(messageId).stanza, target, change, webhook),
    target,
    chat: chat.addresses[0],
    sender: senderOf(source, chat, webhook.me),
    ...extra,
  };
  return { type: 'message.changed', change, chat, details, ...about(webhook, timeAt(source, 'timestamp')) };
}

/**
 * Id of the change itself. Some engines repeat the original's id: then the delivery tells changes of
 * one message apart. A message is revoked once.
 */
function changeId(own: string, target: string, change: Change, webhook: Webhook): string {
  if (own !== target) return own;
  return change === 'revoked' ? target : `${target}/${webhook.deliveryId}`;
}

/** The message that an id names, in the form that is stable across address forms. */
const target = (id: string | undefined): string | undefined => (id === undefined ? undefined : partsOfId(id).stanza);

const reaction: Reader = (webhook) => {
  const { payload, own } = webhook;
  const emoji = textAt(payload, 64, 'reaction', 'text');
  const of = target(messageIdAt(valueAt(payload, 'reaction'), 'messageId'));
  // An absent or empty emoji takes the reaction back.
  return changed(
    webhook,
    emoji === undefined ? 'unreacted' : 'reacted',
    payload,
    chatOf(payload, own),
    of,
    emoji === undefined ? {} : { reaction: emoji },
  );
};

/** An edit that the engine could not decrypt comes as a message that holds nothing. */
function hiddenEdit(webhook: Webhook, chat: Chat | undefined): NormalisedEvent | undefined {
  const { payload } = webhook;
  const message = unwrapped(valueAt(payload, '_data', 'message') ?? valueAt(payload, '_data', 'Message'));
  return changed(webhook, 'edited', payload, chat, hiddenEditOf(message), {});
}

const edited: Reader = (webhook) => {
  const { payload, own } = webhook;
  const text = textAt(payload, limits.text, 'body');
  const of = target(messageIdAt(payload, 'editedMessageId') ?? messageIdAt(payload, 'id'));
  return changed(webhook, 'edited', payload, chatOf(payload, own), of, text === undefined ? {} : { text });
};

const revoked: Reader = (webhook) => {
  const { payload, own } = webhook;
  const before = objectAt(payload, 'before');
  const sources = [objectAt(payload, 'after'), before, payload].filter((source) => source !== undefined);
  const source = sources.find((found) => chatOf(found, own) !== undefined);
  if (source === undefined) return undefined;
  const of = target(messageIdAt(payload, 'revokedMessageId') ?? messageIdAt(before, 'id'));
  return changed(webhook, 'revoked', source, chatOf(source, own), of, {});
};

/** `to` and `from` may be the literal `me`; ids are written from the voter's side, so only their stanza counts. */
const vote: Reader = (webhook) => {
  const { payload, own } = webhook;
  const cast = objectAt(payload, 'vote');
  const poll = objectAt(payload, 'poll');
  if (cast === undefined) return undefined;
  const chosen = listAt(cast, limits.options, 'selectedOptions').flatMap((one) => optionName(one) ?? []);
  // Votes that could not be decrypted come with no options: unknown, not none.
  const options = webhook.event === 'poll.vote' ? { options: chosen } : {};
  const of = target(messageIdAt(poll, 'id'));
  return changed(webhook, 'voted', cast, chatOfAnswer(cast, poll, own, payload), of, options);
};

const optionName = (option: unknown): string | undefined =>
  textAt({ option }, 512, 'option') ?? textAt(option, 512, 'name');

const response: Reader = (webhook) => {
  const { payload, own } = webhook;
  const answer = textAt(payload, 32, 'eventResponse', 'response');
  const creation = objectAt(payload, 'eventCreationKey');
  const of = target(messageIdAt(creation, 'id'));
  const options = answer === undefined ? {} : { options: [answer] };
  return changed(webhook, 'responded', payload, chatOfAnswer(payload, creation, own, payload), of, options);
};

function chatOfAnswer(
  answer: JsonObject,
  asked: JsonObject | undefined,
  own: Own,
  payload: JsonObject,
): Chat | undefined {
  const key = address(payload, '_data', 'key', 'remoteJid');
  const sides = isFromMe(answer) ? (['to', 'from'] as const) : (['from', 'to'] as const);
  const named = [answer, asked].flatMap((source) => sides.map((side) => address(source, side)));
  return chatAmong([...named, key], [key, address(payload, '_data', 'key', 'remoteJidAlt')], own);
}

// --- status of our messages, state of the instance ------------------------------------------------

const statusByAck: ReadonlyMap<unknown, Status> = new Map<unknown, Status>([
  [-1, 'failed'],
  [0, 'pending'],
  [1, 'sent'],
  [2, 'delivered'],
  [3, 'read'],
  [4, 'played'],
  ['ERROR', 'failed'],
  ['PENDING', 'pending'],
  ['SERVER', 'sent'],
  ['DEVICE', 'delivered'],
  ['READ', 'read'],
  ['PLAYED', 'played'],
]);

const ack: Reader = (webhook) => {
  const { payload, own } = webhook;
  const id = messageIdAt(payload, 'id');
  const chat = chatOf(payload, own);
  const status = statusByAck.get(numberAt(payload, 'ack')) ?? statusByAck.get(valueAt(payload, 'ackName'));
  // That we read or played somebody's message on the phone is no status of a message of ours.
  if (id === undefined || chat === undefined || status === undefined || !isFromMe(payload)) return undefined;
  const parts = partsOfId(id);
  const participant = address(payload, 'participant') ?? parts.participant;
  const failure = failureReason(idAt(payload, 'error', 'code'));
  return statusEvent({ status, failure, chat, messageId: id, stableId: parts.stanza, participant }, about(webhook));
};

/** States of the deprecated event: whatsapp-web.js' WAState, and Baileys' connection. */
const statusByState: ReadonlyMap<unknown, InstanceStatus> = new Map<unknown, InstanceStatus>([
  ['CONNECTED', 'working'],
  ['open', 'working'],
  ['OPENING', 'starting'],
  ['PAIRING', 'starting'],
  ['TIMEOUT', 'starting'],
  ['connecting', 'starting'],
  ['UNPAIRED', 'scanning'],
  ['UNPAIRED_IDLE', 'scanning'],
  ['UNLAUNCHED', 'stopped'],
  ['close', 'stopped'],
  ['CONFLICT', 'failed'],
  ['DEPRECATED_VERSION', 'failed'],
  ['PROXYBLOCK', 'failed'],
  ['SMB_TOS_BLOCK', 'failed'],
  ['TOS_BLOCK', 'failed'],
]);

function reported(webhook: Webhook, status: InstanceStatus | undefined): NormalisedEvent {
  // WAHA 2026.8: beside the status, or in `me`.
  const lock = valueAt(webhook.payload, 'data', 'reachoutTimelock') ?? valueAt(webhook.me, 'reachoutTimelock');
  const restriction = restrictionOf(lock);
  return {
    type: 'instance.reported',
    status: status ?? 'unknown',
    deliveryId: webhook.deliveryId,
    ...(restriction === undefined ? {} : { restriction }),
    ...about(webhook),
  };
}

const sessionStatus: Reader = (webhook) => reported(webhook, sessionStatuses.get(valueAt(webhook.payload, 'status')));

const stateChange: Reader = (webhook) => {
  const { value, payload } = webhook;
  return reported(
    webhook,
    statusByState.get(value) ??
      statusByState.get(valueAt(payload, 'state')) ??
      statusByState.get(valueAt(payload, 'connection')),
  );
};

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['message', message],
  ['message.any', message],
  ['message.reaction', reaction],
  ['message.edited', edited],
  ['message.revoked', revoked],
  ['poll.vote', vote],
  ['poll.vote.failed', vote],
  ['event.response', response],
  ['event.response.failed', response],
  ['message.ack', ack],
  ['message.ack.group', ack],
  ['session.status', sessionStatus],
  ['state.change', stateChange],
]);
