/**
 * Who and where in WAHA's events: message ids, chats, senders. A chat may be named by a phone number
 * and by a LID in the same event; the other name stands in engine fields.
 */
import { canonicalAddress } from '#runtime/directory/directory.ts';
import type { ProviderParty } from '#schemas/content.ts';

import { type JsonObject, idAt, textAt, valueAt } from './loose-json.ts';
import type { Chat } from './provider.ts';

/** Our own account's addresses, canonical. */
export type Own = ReadonlySet<string>;

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

/**
 * The chat that some addresses name, most trusted first. `alternates` are those that are sure to be
 * other names of the chat: one of somebody else would merge two people for good.
 */
export function chatAmong(
  named: readonly (string | undefined)[],
  alternates: readonly (string | undefined)[],
  own: Own,
): Chat | undefined {
  const present = named.filter((found) => found !== undefined);
  const group = present.find((found) => kindOf(found) === 'group');
  if (group !== undefined) return { addresses: [group], group: true };
  if (present.some((found) => kindOf(found) === 'other')) return undefined;
  // A note to ourselves is a chat too: there every address is ours.
  const primary = present.find((found) => !own.has(canonicalAddress(found))) ?? present[0];
  if (primary === undefined) return undefined;
  return { addresses: [primary, ...otherNames(primary, alternates, own)], group: false };
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

/** An address at a path; undefined for what is none, as the literal `me` in polls. */
export const address = (value: unknown, ...path: readonly string[]): string | undefined => usable(idAt(value, ...path));

const addressPattern = /^[\w.:-]{1,128}@[a-z.]{1,30}$/;

const usable = (text: string | undefined): string | undefined =>
  text !== undefined && addressPattern.test(text) ? text : undefined;

/** `other`: status, channels, broadcast lists, bots, calls. */
function kindOf(found: string): 'pn' | 'lid' | 'group' | 'other' {
  const kind = canonicalAddress(found).split(':')[0];
  return kind === 'pn' || kind === 'lid' || kind === 'group' ? kind : 'other';
}

/**
 * Other names of the same party: only a number for a LID and a LID for a number, one of them, and
 * never ours. Two different numbers are two people, whatever an event looks like.
 */
function otherNames(primary: string, found: readonly (string | undefined)[], own: Own = new Set()): string[] {
  const wanted = kindOf(primary) === 'pn' ? 'lid' : 'pn';
  const other = found.find((one) => one !== undefined && kindOf(one) === wanted && !own.has(canonicalAddress(one)));
  return other === undefined || kindOf(primary) === 'group' ? [] : [other];
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
