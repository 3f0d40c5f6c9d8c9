/** What a Cloud API message holds: a field named like its `type`. */
import type { InboundContent, MediaReference } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, objectAt, objectOf, textAt, valueAt } from './loose-json.ts';
import { type MediaKind, chosen, contactsOf, limits, locationOf } from './whatsapp-message.ts';

const mediaKinds: ReadonlySet<string> = new Set<MediaKind>(['image', 'audio', 'video', 'document', 'sticker']);

/** Content of a message; `unknown`, with what of it is text, for kinds that we do not have. */
export function cloudContent(message: JsonObject): InboundContent {
  const type = textAt(message, 40, 'type') ?? '';
  const body = objectAt(message, type);
  return (
    text(type, body) ??
    media(type, body) ??
    choice(type, body) ??
    (type === 'location' ? locationOf(body, 'latitude', 'longitude') : undefined) ??
    (type === 'contacts' ? contacts(message) : undefined) ??
    other(type, body)
  );
}

const text = (type: string, body: JsonObject | undefined): InboundContent | undefined => {
  const written = type === 'text' ? textAt(body, limits.text, 'body') : undefined;
  return written === undefined ? undefined : { kind: 'text', text: written };
};

function media(type: string, body: JsonObject | undefined): InboundContent | undefined {
  if (!mediaKinds.has(type) || body === undefined) return undefined;
  const caption = textAt(body, limits.text, 'caption');
  return { kind: type as MediaKind, media: fileOf(body), ...(caption === undefined ? {} : { caption }) };
}

/** `url`, where it is given, is good for minutes and needs our token; the id is good for days. */
function fileOf(body: JsonObject): MediaReference {
  const id = idAt(body, 'id');
  const url = textAt(body, limits.url, 'url');
  const mimetype = textAt(body, 256, 'mime_type');
  const filename = textAt(body, 512, 'filename');
  return {
    ...(id === undefined ? {} : { id }),
    ...(url === undefined ? {} : { url }),
    ...(mimetype === undefined ? {} : { mimetype }),
    ...(filename === undefined ? {} : { filename }),
    ...(valueAt(body, 'voice') === true ? { voice: true } : {}),
  };
}

/** A quick reply of a template, a reply button, a row of a list. */
function choice(type: string, body: JsonObject | undefined): InboundContent | undefined {
  if (type === 'button') {
    const title = textAt(body, limits.title, 'text');
    return chosen('button', idAt(body, 'payload') ?? shortText(title), [title]);
  }
  if (type !== 'interactive') return undefined;
  return (
    chosen('button', idAt(body, 'button_reply', 'id'), [textAt(body, limits.title, 'button_reply', 'title')]) ??
    chosen('list', idAt(body, 'list_reply', 'id'), [textAt(body, limits.title, 'list_reply', 'title')])
  );
}

const shortText = (title: string | undefined): string | undefined =>
  title !== undefined && title.length <= 256 ? title : undefined;

/** Cards of the address book as vCards, the form in which every other provider gives them. */
function contacts(message: JsonObject): InboundContent | undefined {
  return contactsOf(listAt(message, limits.contacts, 'contacts').flatMap((card) => vcardOf(objectOf(card)) ?? []));
}

function vcardOf(card: JsonObject | undefined): string | undefined {
  if (card === undefined) return undefined;
  const name = textAt(card, 200, 'name', 'formatted_name') ?? textAt(card, 200, 'name', 'first_name') ?? '';
  const phones = listAt(card, limits.contacts, 'phones').flatMap((phone) => textAt(phone, 40, 'phone') ?? []);
  const emails = listAt(card, limits.contacts, 'emails').flatMap((email) => textAt(email, 200, 'email') ?? []);
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `FN:${escaped(name)}`,
    ...phones.map((phone) => `TEL:${escaped(phone)}`),
    ...emails.map((email) => `EMAIL:${escaped(email)}`),
    'END:VCARD',
  ].join('\r\n');
}

/** RFC 6350, 3.4. */
const escaped = (value: string): string =>
  value.replaceAll(/[\\,;]/g, (character) => `\\${character}`).replaceAll(/\r\n|[\r\n]/g, '\\n');

/** Flow answers, orders and whatever is new: what of it can be read as text. */
function other(type: string, body: JsonObject | undefined): InboundContent {
  const readable = [
    textAt(body, limits.text, 'nfm_reply', 'response_json'),
    type === 'order' ? orderText(body) : undefined,
    textAt(body, limits.text, 'body'),
    textAt(body, limits.text, 'text'),
    textAt(body, limits.text, 'caption'),
  ].find((found) => found !== undefined);
  return readable === undefined ? { kind: 'unknown' } : { kind: 'unknown', text: readable };
}

function orderText(order: JsonObject | undefined): string | undefined {
  const items = listAt(order, limits.options, 'product_items').flatMap((item) => {
    const product = idAt(item, 'product_retailer_id');
    return product === undefined ? [] : [`${idAt(item, 'quantity') ?? '1'} × ${product}`];
  });
  const lines = [textAt(order, limits.text, 'text'), ...items].filter((line) => line !== undefined);
  return lines.length === 0 ? undefined : lines.join('\n');
}
