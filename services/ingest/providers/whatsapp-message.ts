/**
 * WhatsApp's own message object in JSON, as the unofficial stacks pass it on: Baileys (WAHA NOWEB,
 * Evolution) and whatsmeow (WAHA GOWS). Source of the names: WAProto.proto of Baileys 7.0.0-rc13.
 * Go's spelling of ids (`selectedButtonID`) differs.
 */
import type { InboundContent, MediaReference } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, numberAt, objectAt, objectOf, textAt, valueAt } from './loose-json.ts';

/** Bounds of what is taken into content; the raw event keeps the rest. UTF-16 units. */
export const limits = { text: 65_536, title: 1_024, url: 4_096, vcard: 8_192, contacts: 10, options: 20 } as const;

/** Kinds of content that are files. */
export type MediaKind = Extract<InboundContent, { readonly media: MediaReference }>['kind'];

const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'deviceSentMessage',
];
const wrappersMax = 5;

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
  const size = numberAt(file, 'fileLength') ?? numberAt(file, 'size');
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
