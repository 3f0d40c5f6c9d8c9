/** Items of Cloud API webhooks as events: messages, what happens to them, statuses, and what is told of people. */
import { graphReason } from '#runtime/cloud/graph-errors.ts';
import type { SealedMessage } from '#schemas/content.ts';

import { chatOfEcho, chatOfStatus, chatWith, numberIdAt, participantOf, senderOf, userIdAt } from './cloud-address.ts';
import { cloudContent } from './cloud-content.ts';
import type { CloudPart, Reader } from './cloud-part.ts';
import { type JsonObject, idAt, listAt, numberAt, objectAt, textAt, valueAt } from './loose-json.ts';
import { type Change, type Chat, type NormalisedEvent, type Status, otherEvent, statusEvent } from './provider.ts';
import { limits } from './whatsapp-message.ts';

/** A message that a person sent, or what they did to an earlier one. */
export const readMessage: Reader = (part) => {
  const { item } = part;
  const type = textAt(item, 40, 'type') ?? 'unknown';
  // Backfill of what was said before the number was connected: nothing to be answered.
  if (part.field === 'history') return part.other(`history.${type}`, part.chatOfPerson());
  if (type === 'system') return system(part);
  const chat = part.chatOfPerson();
  // The chat was opened, nothing was written.
  if (type === 'request_welcome' || chat === undefined) return part.other(`messages.${type}`, chat);
  return (
    changeOf(part, type, chat) ?? [{ type: 'message.received', chat, message: sealed(part, chat), ...part.about() }]
  );
};

/** A message of our own account, written in the WhatsApp Business app. */
export const readEcho: Reader = (part) => {
  const type = textAt(part.item, 40, 'type') ?? 'unknown';
  const chat = chatOfEcho(part.item);
  if (chat === undefined) return part.other(`message_echoes.${type}`, undefined);
  const message = { ...sealed(part, chat), sender: { address: numberIdAt(part.item, 'from') ?? 'me' } };
  const change = changeOf(part, type, chat, message.sender);
  return change ?? [{ type: 'message.echoed', source: 'app', chat, message, ...part.about() }];
};

function sealed(part: CloudPart, chat: Chat): SealedMessage {
  const { item } = part;
  const id = idAt(item, 'id') ?? part.deliveryId();
  const replyTo = idAt(item, 'context', 'id');
  return {
    messageId: id,
    stableId: id,
    chat: chat.addresses[0],
    sender: senderOf(item, chat, part.contact),
    content: cloudContent(item),
    ...(replyTo === undefined ? {} : { replyTo }),
  };
}

/** A reaction, edit or revocation; undefined for messages, and for those that do not say what they change. */
function changeOf(
  part: CloudPart,
  type: string,
  chat: Chat,
  sender = senderOf(part.item, chat, part.contact),
): readonly NormalisedEvent[] | undefined {
  const { item } = part;
  const found = changed(item, type);
  if (found === undefined) return undefined;
  const { change, target, ...more } = found;
  const id = idAt(item, 'id') ?? part.deliveryId();
  const details = { messageId: id, stableId: id, target, chat: chat.addresses[0], sender, ...more };
  return [{ type: 'message.changed', change, chat, details, ...part.about() }];
}

interface Changed {
  readonly change: Change;
  readonly target: string;
  readonly text?: string;
  readonly reaction?: string;
}

function changed(item: JsonObject, type: string): Changed | undefined {
  const body = objectAt(item, type);
  const target = idAt(body, type === 'reaction' ? 'message_id' : 'original_message_id');
  if (target === undefined) return undefined;
  switch (type) {
    case 'reaction': {
      const reaction = textAt(body, 64, 'emoji');
      // An absent or empty emoji takes the reaction back.
      return reaction === undefined ? { change: 'unreacted', target } : { change: 'reacted', target, reaction };
    }
    case 'edit': {
      const now = cloudContent(objectAt(body, 'message') ?? {});
      const text = 'text' in now ? now.text : 'caption' in now ? now.caption : undefined;
      return { change: 'edited', target, ...(text === undefined ? {} : { text: text.slice(0, limits.text) }) };
    }
    case 'revoke':
      return { change: 'revoked', target };
    default:
      return undefined;
  }
}

/**
 * News of a person: another number, another id, another device. The new address is one more of the same
 * chat, since Meta says that it is the same person.
 */
function system(part: CloudPart): readonly NormalisedEvent[] {
  const body = objectAt(part.item, 'system');
  const known = part.chatOfPerson();
  const chat =
    known?.group === true
      ? known
      : chatWith(
          ...(known?.addresses ?? []),
          ...userIdsAt(body),
          numberIdAt(body, 'wa_id') ?? numberIdAt(body, 'new_wa_id'),
        );
  return part.other(`system.${textAt(body, 40, 'type') ?? 'unknown'}`, chat);
}

/** The BSUIDs that an item tells of, older first. */
const userIdsAt = (item: unknown): readonly (string | undefined)[] => [
  userIdAt(item, 'user_id', 'previous'),
  userIdAt(item, 'user_id', 'current'),
  userIdAt(item, 'user_id'),
  userIdAt(item, 'user_id_update', 'previous'),
  userIdAt(item, 'user_id_update', 'current'),
  userIdAt(item, 'user_id_update'),
];

/** A person's BSUID changed. */
export const readUserIdUpdate: Reader = (part) =>
  part.other('user_id_update', chatWith(...userIdsAt(part.item), numberIdAt(part.item, 'wa_id')));

/** A person said what they want to receive: `stop` and `resume` of marketing. A signal of consent. */
export const readPreference: Reader = (part) => {
  const category = textAt(part.item, 40, 'category') ?? 'unknown';
  const value = textAt(part.item, 40, 'value') ?? 'unknown';
  return part.other(`user_preferences.${category}.${value}`, part.chatOfPerson());
};

/** One chunk of the past: an event for each chat in it, and one for what is said of the chunk itself. */
export const readThread: Reader = (part) => {
  const threads = listAt(part.item, Infinity, 'threads');
  if (threads.length === 0) return part.other('history', undefined);
  const { providerAt, instance } = part.about();
  return threads.flatMap((thread) => {
    const { raw, deliveryId } = part.alone({ ...part.item, threads: [thread] });
    const chat = chatWith(
      userIdAt(thread, 'context', 'user_id') ?? userIdAt(thread, 'user_id'),
      numberIdAt(thread, 'id') ?? numberIdAt(thread, 'context', 'wa_id'),
    );
    return [otherEvent('history.thread', chat, deliveryId, { providerAt, instance, raw })];
  });
};

const statuses: ReadonlyMap<unknown, Status> = new Map<unknown, Status>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['failed', 'failed'],
]);

/** How far a message of ours got. */
export const readStatus: Reader = (part) => {
  const { item } = part;
  const chat = chatOfStatus(item);
  const id = idAt(item, 'id');
  const status = statuses.get(valueAt(item, 'status'));
  if (chat === undefined || id === undefined || status === undefined) {
    return part.other(`statuses.${textAt(item, 40, 'status') ?? 'unknown'}`, chat);
  }
  const failure = graphReason(numberAt(listAt(item, 1, 'errors')[0], 'code'));
  const deliveryId = idAt(item, 'biz_opaque_callback_data');
  const told = { status, failure, chat, messageId: id, participant: participantOf(item), deliveryId };
  return [statusEvent(told, part.about())];
};
