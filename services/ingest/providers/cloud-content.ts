/** What a Cloud API message holds: a field named like its `type`. */
import type { InboundContent, MediaReference } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, numberAt, objectAt, objectOf, textAt, valueAt } from './loose-json.ts';
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
    (type === 'order' ? order(body) : undefined) ??
    (type === 'interactive' ? form(objectAt(body, 'nfm_reply')) : undefined) ??
    other(body)
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

/** What was filled into a flow: JSON inside of JSON. Undefined when it cannot be read; the raw event keeps it. */
function form(reply: JsonObject | undefined): InboundContent | undefined {
  const answers = objectOf(parsed(textAt(reply, limits.text, 'response_json')));
  if (answers === undefined) return undefined;
  const fields = Object.entries(answers)
    .slice(0, limits.fields)
    .map(([name, value]) => ({
      name: name.slice(0, limits.title),
      value: typeof value === 'string' ? value : JSON.stringify(value),
    }));
  const name = textAt(reply, limits.title, 'name');
  const text = textAt(reply, limits.text, 'body');
  return {
    kind: 'form',
    ...(name === undefined ? {} : { name }),
    ...(text === undefined ? {} : { text }),
    fields,
  };
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Undefined when it names no product. */
function order(body: JsonObject | undefined): InboundContent | undefined {
  const items = listAt(body, limits.products, 'product_items').flatMap((item) => {
    const product = idAt(item, 'product_retailer_id');
    const price = numberAt(item, 'item_price');
    const currency = textAt(item, 3, 'currency');
    if (product === undefined) return [];
    return {
      product,
      quantity: numberAt(item, 'quantity') ?? 1,
      ...(price === undefined ? {} : { price }),
      ...(currency === undefined ? {} : { currency }),
    };
  });
  if (items.length === 0) return undefined;
  const catalogue = idAt(body, 'catalog_id');
  const text = textAt(body, limits.text, 'text');
  return {
    kind: 'order',
    ...(text === undefined ? {} : { text }),
    ...(catalogue === undefined ? {} : { catalogue }),
    items,
  };
}

/** Whatever is new: what of it can be read as text. */
function other(body: JsonObject | undefined): InboundContent {
  const readable = [
    textAt(body, limits.text, 'nfm_reply', 'response_json'),
    textAt(body, limits.text, 'body'),
    textAt(body, limits.text, 'text'),
    textAt(body, limits.text, 'caption'),
  ].find((found) => found !== undefined);
  return readable === undefined ? { kind: 'unknown' } : { kind: 'unknown', text: readable };
}
