/**
 * WhatsApp's own message object in JSON, as the unofficial stacks pass it on: Baileys (WAHA NOWEB,
 * Evolution) and whatsmeow (WAHA GOWS). Source of the names: WAProto.proto of Baileys 7.0.0-rc13.
 * Go's spelling of ids (`selectedButtonID`) differs.
 */
import type { InboundContent, MediaReference, SealedReport } from '#schemas/content.ts';

import {
  type JsonObject,
  idAt,
  listAt,
  longAt,
  numberAt,
  objectAt,
  objectOf,
  textAt,
  timeAt,
  valueAt,
} from './loose-json.ts';

/** Bounds of what is taken into content; the raw event keeps the rest. UTF-16 units. */
export const limits = {
  text: 65_536,
  title: 1_024,
  url: 4_096,
  vcard: 8_192,
  contacts: 10,
  options: 20,
  fields: 100,
  products: 100,
} as const;

/** Kinds of content that are files. */
export type MediaKind = Extract<InboundContent, { readonly media: MediaReference }>['kind'];

const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'deviceSentMessage',
  'editedMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'pollCreationMessageV4',
];
const wrappersMax = 5;

/**
 * What a message of Baileys holds; undefined for what no person wrote. `file` is what the provider
 * adds about a file: where it lies, or what to ask for it by.
 */
export function contentOf(message: unknown, file: Pick<MediaReference, 'id' | 'url'> = {}): InboundContent | undefined {
  const inner = unwrapped(message);
  const content = chosenOf(inner) ?? placeOf(inner) ?? cardsOf(inner) ?? pollOf(inner);
  if (content !== undefined) return content;
  const found = mediaOf(inner);
  const text = textOf(inner);
  if (found !== undefined) {
    return { kind: found.kind, media: { ...found.media, ...file }, ...(text === undefined ? {} : { caption: text }) };
  }
  if (text !== undefined) return { kind: 'text', text };
  const said = Object.keys(inner ?? {}).some((name) => inner?.[name] !== null && !attachments.has(name));
  if (!said || isBookkeeping(inner)) return undefined;
  const words = wordsOf(inner);
  return { kind: 'unknown', ...(words === undefined ? {} : { text: words }) };
}

/** What goes with a message of any kind, and is none. The last three are added by Evolution. */
const attachments = new Set([
  'messageContextInfo',
  'senderKeyDistributionMessage',
  'base64',
  'mediaUrl',
  'speechToText',
]);

/** Text or caption. */
export function textOf(message: JsonObject | undefined): string | undefined {
  const texts = [['conversation'], ['extendedTextMessage', 'text'], ...mediaKinds.map(([name]) => [name, 'caption'])];
  return texts.map((path) => textAt(message, limits.text, ...path)).find((text) => text !== undefined);
}

/** What can be read of a kind that we have no content for: what businesses send, invitations. */
const wordsOf = (message: JsonObject | undefined): string | undefined =>
  [
    ['interactiveMessage', 'body', 'text'],
    ['buttonsMessage', 'contentText'],
    ['listMessage', 'description'],
    ['templateMessage', 'hydratedTemplate', 'hydratedContentText'],
    ['highlyStructuredMessage', 'hydratedHsm', 'hydratedTemplate', 'hydratedContentText'],
    ['groupInviteMessage', 'groupName'],
    ['eventMessage', 'name'],
    ['orderMessage', 'message'],
    ['productMessage', 'product', 'title'],
  ]
    .map((path) => textAt(message, limits.text, ...path))
    .find((text) => text !== undefined);

/** A place that was sent once, or goes on being sent. */
export const placeOf = (message: unknown): InboundContent | undefined =>
  locationOf(valueAt(message, 'locationMessage'), 'degreesLatitude', 'degreesLongitude') ??
  locationOf(valueAt(message, 'liveLocationMessage'), 'degreesLatitude', 'degreesLongitude');

/** Contact cards. */
const cardsOf = (message: unknown): InboundContent | undefined =>
  contactsOf(
    [
      objectAt(message, 'contactMessage'),
      ...listAt(message, limits.contacts, 'contactsArrayMessage', 'contacts'),
    ].flatMap((card) => valueAt(card, 'vcard') ?? []),
  );

/** The message inside the wrappers that say how it was sent. */
export function unwrapped(message: unknown): JsonObject | undefined {
  let inner = objectOf(message);
  for (let depth = 0; depth < wrappersMax; depth++) {
    const wrapper = wrappers.find((name) => objectAt(inner, name, 'message') !== undefined);
    if (wrapper === undefined) break;
    inner = objectAt(inner, wrapper, 'message');
  }
  return inner;
}

/** The button or list row that the person chose. */
export function chosenOf(message: unknown): InboundContent | undefined {
  const button = objectAt(message, 'buttonsResponseMessage');
  const template = objectAt(message, 'templateButtonReplyMessage');
  const list = objectAt(message, 'listResponseMessage');
  const interactive = objectAt(message, 'interactiveResponseMessage');
  return (
    chosen('button', firstId(button, ['selectedButtonId', 'selectedButtonID']), [
      textAt(button, limits.title, 'selectedDisplayText'),
      textAt(button, limits.title, 'Response', 'selectedDisplayText'),
      textAt(button, limits.title, 'Response', 'SelectedDisplayText'),
    ]) ??
    chosen('button', firstId(template, ['selectedId', 'selectedID']), [
      textAt(template, limits.title, 'selectedDisplayText'),
    ]) ??
    chosen('list', firstId(objectAt(list, 'singleSelectReply'), ['selectedRowId', 'selectedRowID']), [
      textAt(list, limits.title, 'title'),
    ]) ??
    chosen('button', flowId(interactive), [textAt(interactive, limits.title, 'body', 'text')])
  );
}

/** Button or list content, when there is an id; the title falls back to it. */
export function chosen(
  kind: 'button' | 'list',
  id: string | undefined,
  titles: readonly (string | undefined)[],
): InboundContent | undefined {
  if (id === undefined) return undefined;
  return { kind, id, title: titles.find((title) => title !== undefined) ?? id };
}

/** A poll that the person made. */
export function pollOf(message: unknown): InboundContent | undefined {
  const poll = ['pollCreationMessage', 'pollCreationMessageV2', 'pollCreationMessageV3', 'pollCreationMessageV5']
    .map((name) => objectAt(message, name))
    .find((found) => found !== undefined);
  if (poll === undefined) return undefined;
  const name = textAt(poll, limits.title, 'name');
  const options = listAt(poll, limits.options, 'options').flatMap((option) => textAt(option, 512, 'optionName') ?? []);
  return { kind: 'poll', ...(name === undefined ? {} : { name }), options };
}

const mediaKinds: readonly (readonly [string, MediaKind])[] = [
  ['imageMessage', 'image'],
  ['videoMessage', 'video'],
  ['ptvMessage', 'video'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
  ['lottieStickerMessage', 'sticker'],
];

/** Kind of a file message and what it says of the file. */
export function mediaOf(message: unknown): { readonly kind: MediaKind; readonly media: MediaReference } | undefined {
  for (const [name, kind] of mediaKinds) {
    const file = objectAt(message, name);
    if (file === undefined) continue;
    return { kind, media: mediaReference(file, valueAt(file, 'ptt') === true || valueAt(file, 'PTT') === true) };
  }
  return undefined;
}

/** What a provider says of a file, without its address. */
export function mediaReference(file: JsonObject | undefined, voice: boolean): MediaReference {
  const mimetype = textAt(file, 256, 'mimetype');
  const filename = textAt(file, 512, 'fileName') ?? textAt(file, 512, 'filename');
  const size = longAt(file, 'fileLength') ?? numberAt(file, 'size');
  return {
    ...(mimetype === undefined ? {} : { mimetype }),
    ...(filename === undefined ? {} : { filename }),
    ...(size === undefined || size < 0 ? {} : { size }),
    ...(voice ? { voice } : {}),
  };
}

/** A place; coordinates may be text. */
export function locationOf(place: unknown, latitude: string, longitude: string): InboundContent | undefined {
  const north = numberAt(place, latitude);
  const east = numberAt(place, longitude);
  if (north === undefined || east === undefined || Math.abs(north) > 90 || Math.abs(east) > 180) return undefined;
  const name = textAt(place, limits.title, 'name') ?? textAt(place, limits.title, 'description');
  const address = textAt(place, limits.title, 'address');
  return {
    kind: 'location',
    latitude: north,
    longitude: east,
    ...(name === undefined ? {} : { name }),
    ...(address === undefined ? {} : { address }),
  };
}

/**
 * Id of the message that an encrypted edit is of (since May 2026: Evolution issue 2545). The new text is
 * encrypted with a key that only the phones have: edited, content unknown.
 */
export function hiddenEditOf(message: unknown): string | undefined {
  const secret = objectAt(message, 'secretEncryptedMessage');
  const type = valueAt(secret, 'secretEncType');
  if (type !== 1 && type !== 2 && type !== 'EVENT_EDIT' && type !== 'MESSAGE_EDIT') return undefined;
  return firstId(objectAt(secret, 'targetMessageKey'), ['id', 'ID']);
}

/** WhatsApp's own error code as a reason. 463: the account is restricted, sending again makes it worse. */
export function failureReason(code = ''): string {
  if (code === '463') return 'provider.restricted';
  return /^\d{3,4}$/.test(code) ? `provider.whatsapp-${code}` : 'provider.failed';
}

/** WhatsApp's reach-out time lock (`{isActive, timeEnforcementEnds}`). Null is not "free": sends may still fail with 463. */
export function restrictionOf(lock: unknown): SealedReport['restriction'] {
  const active = valueAt(lock, 'isActive');
  if (typeof active !== 'boolean') return undefined;
  const until = timeAt(lock, 'timeEnforcementEnds');
  return { active, ...(until === undefined ? {} : { until }) };
}

/** Contact cards as contacts; the name is the card's `FN` line. Undefined when there is no card. */
export function contactsOf(cards: readonly unknown[]): InboundContent | undefined {
  const contacts = cards.slice(0, limits.contacts).flatMap((card) => {
    const vcard = textAt({ card }, limits.vcard, 'card');
    if (vcard === undefined) return [];
    const name = /^FN[^:\r\n]{0,100}:([^\r\n]{1,200})/im.exec(vcard)?.[1];
    return [{ ...(name === undefined ? {} : { name }), vcard }];
  });
  return contacts.length === 0 ? undefined : { kind: 'contacts', contacts };
}

const bookkeeping = new Set([
  'protocolMessage',
  'senderKeyDistributionMessage',
  'reactionMessage',
  'encReactionMessage',
  'pollUpdateMessage',
  'encEventResponseMessage',
  'encCommentMessage',
  'secretEncryptedMessage',
  'keepInChatMessage',
  'pinInChatMessage',
  'messageHistoryBundle',
  'associatedChildMessage',
  'placeholderMessage',
]);

/** True for what the apps tell each other and no person wrote (and for what arrives as an event of its own). */
export const isBookkeeping = (message: JsonObject | undefined): boolean =>
  message !== undefined && Object.keys(message).some((name) => bookkeeping.has(name) && message[name] !== null);

const firstId = (parent: JsonObject | undefined, names: readonly string[]): string | undefined =>
  names.map((name) => idAt(parent, name)).find((id) => id !== undefined);

const flowTextMax = 10_000;

/** The id in the answer to an interactive message, which is JSON inside of JSON. */
function flowId(interactive: JsonObject | undefined): string | undefined {
  const flow = objectAt(interactive, 'nativeFlowResponseMessage');
  const text = valueAt(flow, 'paramsJson') ?? valueAt(flow, 'paramsJSON');
  if (typeof text !== 'string' || text.length > flowTextMax) return undefined;
  try {
    return idAt(JSON.parse(text), 'id');
  } catch {
    // A provider's text that is no JSON names no button; the raw event keeps it.
    return undefined;
  }
}
