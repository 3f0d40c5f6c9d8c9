/**
 * Who and where in WAHA's events: message ids, chats, senders. A chat may be named by a phone number
 * and by a LID in the same event; the other name stands in engine fields.
 */
import { canonicalAddress } from '#runtime/directory/directory.ts';
import type { ProviderParty } from '#schemas/content.ts';

import { type JsonObject, idAt, textAt, valueAt } from './loose-json.ts';
import type { Chat } from './provider.ts';
import { type Own, address, chatAmong, otherNames, usable } from './whatsapp-address.ts';

/** Addresses of the account that a webhook is of; empty before it logged in. */
export const ownAddresses = (me: unknown): Own =>
  new Set(['id', 'lid', 'jid'].flatMap((name) => address(me, name) ?? []).map(canonicalAddress));

/** A message id; engines give text or whatsapp-web.js' object. */
export const messageIdAt = (payload: unknown, name: string): string | undefined =>
  idAt(payload, name) ?? idAt(payload, name, '_serialized') ?? idAt(payload, name, 'id');

/** Chat and stanza in a WAHA message id, `{fromMe}_{chat}_{STANZA}` or with `_{participant}`. A bare stanza id is itself. */
export function partsOfId(id: string): {
  readonly fromMe?: boolean;
  readonly chat?: string;
  readonly stanza: string;
  readonly participant?: string;
} {
  const [fromMe, chat = '', stanza = '', participant] = id.split('_');
  if ((fromMe !== 'true' && fromMe !== 'false') || stanza === '') return { stanza: id };
  return { fromMe: fromMe === 'true', chat, stanza, ...(participant === undefined ? {} : { participant }) };
}

/** Whether the event is of our own account. */
export const isFromMe = (payload: JsonObject): boolean => {
  const said = valueAt(payload, 'fromMe');
  return typeof said === 'boolean' ? said : partsOfId(messageIdAt(payload, 'id') ?? '').fromMe === true;
};

/**
 * The chat of something message-like; undefined when it is none that is talked in (status, channels,
 * broadcast lists) or is not named.
 *
 * For our own messages `from` may be we or the chat, and `to` may be missing (NOWEB), so the chat
 * inside the id comes first. Published samples have ids whose chat is not `from`: what is not ours
 * goes by `from`.
 */
export function chatOf(payload: JsonObject, own: Own): Chat | undefined {
  const fromMe = isFromMe(payload);
  const inId = partsOfId(messageIdAt(payload, 'id') ?? '').chat;
  const engine = [address(payload, '_data', 'key', 'remoteJid'), address(payload, '_data', 'Info', 'Chat')];
  const named = fromMe
    ? [usable(inId), ...engine, address(payload, 'to'), address(payload, 'from')]
    : [address(payload, 'from'), ...engine, usable(inId)];
  return chatAmong(named, [...engine, ...(fromMe ? alternatesOfOurs(payload) : alternatesOfTheirs(payload))], own);
}

/** Who did it. In groups the participant, in a direct chat the chat itself, or we. */
export function senderOf(payload: JsonObject, chat: Chat, me: unknown): ProviderParty {
  const inId = partsOfId(messageIdAt(payload, 'id') ?? '').participant;
  const participant =
    address(payload, 'participant') ?? address(payload, 'author') ?? address(payload, '_data', 'key', 'participant');
  if (isFromMe(payload)) return { address: participant ?? address(me, 'id') ?? address(payload, 'from') ?? 'me' };
  const name =
    textAt(payload, 256, '_data', 'pushName') ??
    textAt(payload, 256, '_data', 'notifyName') ??
    textAt(payload, 256, '_data', 'Info', 'PushName');
  const primary = chat.group ? (participant ?? usable(inId) ?? 'unknown') : chat.addresses[0];
  const alternates = chat.group
    ? otherNames(primary, [
        address(payload, '_data', 'key', 'participantAlt'),
        address(payload, '_data', 'key', 'participantPn'),
        address(payload, '_data', 'Info', 'SenderAlt'),
      ])
    : chat.addresses.slice(1);
  return {
    address: primary,
    ...(alternates.length === 0 ? {} : { alternateAddresses: alternates }),
    ...(name === undefined ? {} : { name }),
  };
}

const alternatesOfTheirs = (payload: JsonObject): (string | undefined)[] => [
  address(payload, '_data', 'key', 'remoteJidAlt'),
  address(payload, '_data', 'key', 'senderPn'),
  address(payload, '_data', 'key', 'senderLid'),
  address(payload, '_data', 'senderPn'),
  address(payload, '_data', 'Info', 'SenderAlt'),
];

/** `SenderAlt` and `senderPn` are ourselves here. */
const alternatesOfOurs = (payload: JsonObject): (string | undefined)[] => [
  address(payload, '_data', 'key', 'remoteJidAlt'),
  address(payload, '_data', 'Info', 'RecipientAlt'),
];
