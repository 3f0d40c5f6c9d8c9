/**
 * A WhatsApp Web message as Baileys gives it, `{key, message, messageTimestamp, pushName, …}`, in our
 * words: a message, or something that happened to an earlier one. Evolution passes these on, and a
 * gateway of ours has them first hand. Total. Source: types and WAProto of Baileys 7.0.0-rc13.
 */
import { canonicalAddress } from '#runtime/directory/directory.ts';
import type { ProviderParty, SealedChange } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, objectAt, textAt, timeAt, valueAt } from './loose-json.ts';
import type { Change, Chat, NormalisedEvent, Status } from './provider.ts';
import { address, chatAmong, otherNames } from './whatsapp-address.ts';
import { contentOf, hiddenEditOf, limits, textOf, unwrapped } from './whatsapp-message.ts';

/** What is known around a message. */
export interface WebMessageContext {
  /** Addresses of our own account; the first one names us as a sender. */
  readonly own: readonly string[];
  /** The same in every delivery of the event. */
  readonly deliveryId: string;
  readonly raw: string;
  /** Who wrote what is of our own account. */
  readonly source: 'app' | 'api' | 'unknown';
  /** Where the provider keeps the message's file. */
  readonly fileUrl?: string;
}

/** The event; undefined for what belongs to no chat, no person wrote, or cannot be read. */
export function readWebMessage(message: JsonObject, context: WebMessageContext): NormalisedEvent | undefined {
  const key = objectAt(message, 'key');
  const chat = chatOfKey(key, context.own);
  if (key === undefined || chat === undefined) return undefined;
  return changeIn(message, key, chat, context) ?? messageIn(message, key, chat, context);
}

/** The chat of a message key; undefined for stories, channels and broadcast lists. */
export function chatOfKey(key: JsonObject | undefined, own: readonly string[]): Chat | undefined {
  const named = address(key, 'remoteJid');
  // `senderPn` and `senderLid` are of versions before Baileys 7; in a message of ours they are ourselves.
  const ofSender = isOurs(key) ? [] : [address(key, 'senderPn'), address(key, 'senderLid')];
  const alternates = [address(key, 'remoteJidAlt'), ...ofSender, address(key, 'previousRemoteJid')];
  return chatAmong([named], alternates, canonical(own));
}

/** Who did what a key names: in groups the participant, in a direct chat the chat itself, or we. */
function senderOfKey(
  key: JsonObject | undefined,
  chat: Chat,
  own: readonly string[],
  pushName?: string,
): ProviderParty {
  const participant = address(key, 'participant');
  if (isOurs(key)) return { address: own[0] ?? participant ?? 'me' };
  const primary = chat.group ? (participant ?? 'unknown') : chat.addresses[0];
  const alternates = chat.group
    ? otherNames(primary, [address(key, 'participantAlt'), address(key, 'participantPn')], canonical(own))
    : chat.addresses.slice(1);
  // Evolution puts the number where a person chose no name.
  const name = pushName === primary.split('@')[0] || pushName === primary ? undefined : pushName;
  return {
    address: primary,
    ...(alternates.length === 0 ? {} : { alternateAddresses: alternates }),
    ...(name === undefined ? {} : { name }),
  };
}

/** Whether a key names a message of our own account. */
export const isOurs = (key: JsonObject | undefined): boolean => valueAt(key, 'fromMe') === true;

const canonical = (own: readonly string[]): ReadonlySet<string> => new Set(own.map(canonicalAddress));

/**
 * Whether a person wrote a message of our account, by the shape of its id (Baileys' `getDevice`): a
 * phone's is a person's. WhatsApp Web and Baileys, which sends for us, make the same shape.
 */
export const echoSourceOf = (id: string | undefined): 'app' | 'unknown' =>
  id === undefined || /^3E/i.test(id) ? 'unknown' : 'app';

function messageIn(
  message: JsonObject,
  key: JsonObject,
  chat: Chat,
  context: WebMessageContext,
): NormalisedEvent | undefined {
  const id = idAt(key, 'id');
  const content = contentOf(valueAt(message, 'message'), {
    ...(id === undefined ? {} : { id }),
    ...(context.fileUrl === undefined ? {} : { url: context.fileUrl }),
  });
  if (content === undefined) return undefined;
  const stableId = id ?? context.deliveryId;
  const replyTo = answered(message);
  const common = {
    chat,
    message: {
      messageId: stableId,
      stableId,
      chat: chat.addresses[0],
      sender: senderOfKey(key, chat, context.own, textAt(message, 256, 'pushName')),
      content,
      ...(replyTo === undefined ? {} : { replyTo }),
    },
    ...about(message, context),
  };
  return isOurs(key)
    ? { type: 'message.echoed', source: context.source, ...common }
    : { type: 'message.received', ...common };
}

const about = (message: JsonObject, { raw }: WebMessageContext) => ({
  providerAt: timeAt(message, 'messageTimestamp') ?? null,
  raw,
});

/** Id of the message that this one answers: beside it (Evolution), or in whatever kind it is. */
function answered(message: JsonObject): string | undefined {
  const inner = unwrapped(valueAt(message, 'message')) ?? {};
  return [message, ...Object.values(inner)]
    .map((part) => idAt(part, 'contextInfo', 'stanzaId') ?? idAt(part, 'contextInfo', 'stanzaID'))
    .find((found) => found !== undefined);
}

// --- what happens to earlier messages -------------------------------------------------------------

/** A change as it was found in a message. */
interface Found {
  readonly change: Change;
  readonly target: string | undefined;
  readonly extra?: Pick<SealedChange, 'text' | 'reaction' | 'options'>;
}

function changeIn(
  message: JsonObject,
  key: JsonObject,
  chat: Chat,
  context: WebMessageContext,
): NormalisedEvent | undefined {
  const found = foundIn(unwrapped(valueAt(message, 'message'))) ?? revokedByStub(message, key);
  if (found?.target === undefined) return undefined;
  const sender = senderOfKey(key, chat, context.own, textAt(message, 256, 'pushName'));
  return changeOf(found, { id: idAt(key, 'id'), chat, sender, ...about(message, context), context });
}

/** Assembles a change. `id` is the action's own, where it has one. */
function changeOf(
  { change, target, extra }: Found,
  where: {
    readonly id: string | undefined;
    readonly chat: Chat;
    readonly sender: ProviderParty;
    readonly providerAt: number | null;
    readonly context: WebMessageContext;
  },
): NormalisedEvent | undefined {
  if (target === undefined) return undefined;
  const { id, chat, sender, providerAt, context } = where;
  // What has no id of its own is told apart by its delivery. A message is revoked once.
  const own = id === undefined || id === target ? undefined : id;
  const stableId = own ?? (change === 'revoked' ? target : `${target}/${context.deliveryId}`);
  const details: SealedChange = {
    messageId: own ?? target,
    stableId,
    target,
    chat: chat.addresses[0],
    sender,
    ...extra,
  };
  return { type: 'message.changed', change, chat, details, providerAt, raw: context.raw };
}

function foundIn(message: JsonObject | undefined): Found | undefined {
  const reaction = objectAt(message, 'reactionMessage');
  if (reaction !== undefined) return reactionIn(reaction);
  const protocol = objectAt(message, 'protocolMessage');
  if (protocol !== undefined) return protocolChange(protocol);
  const hidden = hiddenEditOf(message);
  if (hidden !== undefined) return { change: 'edited', target: hidden };
  const vote = objectAt(message, 'pollUpdateMessage');
  if (vote !== undefined) return voteIn(vote);
  const response = objectAt(message, 'encEventResponseMessage');
  if (response !== undefined) {
    return { change: 'responded', target: idAt(response, 'eventCreationMessageKey', 'id') };
  }
  return undefined;
}

/** An absent or empty emoji takes the reaction back. */
function reactionIn(reaction: JsonObject): Found {
  const emoji = textAt(reaction, 64, 'text');
  const target = idAt(reaction, 'key', 'id');
  return emoji === undefined
    ? { change: 'unreacted', target }
    : { change: 'reacted', target, extra: { reaction: emoji } };
}

/** Votes are encrypted; a provider that could read one adds the names. None chosen is not the same as not known. */
function voteIn(vote: JsonObject): Found {
  const chosen = valueAt(vote, 'vote', 'selectedOptions');
  const target = idAt(vote, 'pollCreationMessageKey', 'id');
  if (!Array.isArray(chosen)) return { change: 'voted', target };
  const options = listAt(vote, limits.options, 'vote', 'selectedOptions').flatMap((option) => optionName(option) ?? []);
  // Hashes in place of names, which would read as nothing chosen.
  return options.length === 0 && chosen.length > 0
    ? { change: 'voted', target }
    : { change: 'voted', target, extra: { options } };
}

const optionName = (option: unknown): string | undefined => textAt({ option }, 512, 'option');

/** A message taken back or edited, as the apps tell each other; undefined for their other business. */
function protocolChange(protocol: JsonObject): Found | undefined {
  const type = valueAt(protocol, 'type');
  const target = idAt(protocol, 'key', 'id');
  if (type === 0 || type === 'REVOKE') return { change: 'revoked', target };
  const edited = objectAt(protocol, 'editedMessage');
  if (edited === undefined && type !== 14 && type !== 'MESSAGE_EDIT') return undefined;
  const text = textOf(unwrapped(edited));
  return { change: 'edited', target, extra: text === undefined ? {} : { text } };
}

/** A message whose content went away: stub REVOKE. The key is its own. */
function revokedByStub(message: JsonObject, key: JsonObject): Found | undefined {
  const stub = valueAt(message, 'messageStubType');
  return stub === 1 || stub === 'REVOKE' ? { change: 'revoked', target: idAt(key, 'id') } : undefined;
}

/**
 * The change that a protocol message on its own tells. Its key is as its author writes it: in a direct
 * chat with us the author may name us as the chat, and then it is not known which one it is.
 */
export function readProtocolMessage(protocol: JsonObject, context: WebMessageContext): NormalisedEvent | undefined {
  const key = objectAt(protocol, 'key');
  const found = protocolChange(protocol);
  const chat = chatOfKey(key, context.own);
  if (found === undefined || chat === undefined) return undefined;
  const own = canonical(context.own);
  if (chat.addresses.every((one) => own.has(canonicalAddress(one)))) return undefined;
  const providerAt = timeAt(protocol, 'timestampMs') ?? null;
  return changeOf(found, { id: undefined, chat, sender: senderOfKey(key, chat, context.own), providerAt, context });
}

/** That the message of a key was deleted for everyone. */
export function readDeletion(key: JsonObject, context: WebMessageContext): NormalisedEvent | undefined {
  const chat = chatOfKey(key, context.own);
  if (chat === undefined) return undefined;
  const found = { change: 'revoked', target: idAt(key, 'id') } as const;
  return changeOf(found, {
    id: undefined,
    chat,
    sender: senderOfKey(key, chat, context.own),
    providerAt: null,
    context,
  });
}

/**
 * Votes as Baileys sums them up, `[{name, voters}]`: one event for each voter; a summary without
 * voters is a vote taken back.
 */
export function readVotes(
  summary: readonly unknown[],
  key: JsonObject,
  context: WebMessageContext,
): readonly NormalisedEvent[] {
  const chat = chatOfKey(key, context.own);
  const target = idAt(key, 'id');
  if (chat === undefined || target === undefined) return [];
  const byVoter = new Map<string, string[]>();
  for (const option of summary.slice(0, limits.options)) {
    const name = textAt(option, 512, 'name');
    for (const voter of listAt(option, votersMax, 'voters')) {
      const who = address({ voter }, 'voter');
      if (who !== undefined && name !== undefined) byVoter.set(who, [...(byVoter.get(who) ?? []), name]);
    }
  }
  const unnamed: ProviderParty = { address: chat.group ? 'unknown' : chat.addresses[0] };
  const votes: (readonly [ProviderParty, readonly string[]])[] =
    byVoter.size === 0 ? [[unnamed, []]] : [...byVoter].map(([voter, options]) => [{ address: voter }, options]);
  return votes.flatMap(([sender, options]) => {
    const found = { change: 'voted', target, extra: { options } } as const;
    const id = `${target}/${context.deliveryId}/${sender.address}`;
    return changeOf(found, { id, chat, sender, providerAt: null, context }) ?? [];
  });
}

const votersMax = 1_000;

/** How far a message got, in Baileys' words and numbers (one higher than WAHA's). */
export const webStatuses: ReadonlyMap<unknown, Status> = new Map<unknown, Status>([
  [0, 'failed'],
  [1, 'pending'],
  [2, 'sent'],
  [3, 'delivered'],
  [4, 'read'],
  [5, 'played'],
  ['ERROR', 'failed'],
  ['PENDING', 'pending'],
  ['SERVER_ACK', 'sent'],
  ['DELIVERY_ACK', 'delivered'],
  ['READ', 'read'],
  ['PLAYED', 'played'],
]);
