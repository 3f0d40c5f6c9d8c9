/**
 * What a WAHA message holds. WAHA has no `type` field: the kind follows from the public fields and,
 * for answers to buttons and lists, polls, voice notes and stickers, from the engine's own `_data`
 * (WEBJS and WPP: a flat object with `type`; NOWEB: a Baileys message; GOWS: whatsmeow's).
 */
import type { InboundContent, MediaReference } from '#schemas/content.ts';

import { type JsonObject, idAt, listAt, objectAt, textAt, valueAt } from './loose-json.ts';
import {
  type MediaKind,
  chosen,
  chosenOf,
  contactsOf,
  isBookkeeping,
  limits,
  locationOf,
  mediaOf,
  mediaReference,
  placeOf,
  pollOf,
  unwrapped,
} from './whatsapp-message.ts';

/** whatsapp-web.js types of chat entries that no person wrote. */
const systemTypes = new Set([
  'e2e_notification',
  'notification',
  'notification_template',
  'broadcast_notification',
  'group_notification',
  'gp2',
  'protocol',
  'ciphertext',
  'call_log',
  'revoked',
  'debug',
  'pinned_message',
  'reaction',
  'poll_update',
]);

const webMediaKinds: ReadonlyMap<string, MediaKind> = new Map([
  ['image', 'image'],
  ['video', 'video'],
  ['ptv', 'video'],
  ['audio', 'audio'],
  ['ptt', 'audio'],
  ['document', 'document'],
  ['sticker', 'sticker'],
]);

/** Content of a WAHA message; undefined for entries that no person wrote. `baseUrl` is where we reach WAHA. */
export function wahaContent(payload: JsonObject, baseUrl?: string): InboundContent | undefined {
  const data = objectAt(payload, '_data');
  const webType = textAt(data, 40, 'type');
  const message = unwrapped(valueAt(data, 'message') ?? valueAt(data, 'Message'));
  const text = textAt(payload, limits.text, 'body');
  return (
    chosenOf(message) ??
    webChosen(data) ??
    location(payload, message) ??
    contactsOf([...listAt(payload, limits.contacts, 'vCards'), ...listAt(payload, limits.contacts, 'vcards')]) ??
    pollOf(message) ??
    webPoll(data) ??
    media(payload, data, message, { caption: text, baseUrl }) ??
    (text === undefined ? undefined : { kind: 'text', text }) ??
    (isBookkeeping(message) || systemTypes.has(webType ?? '') ? undefined : { kind: 'unknown' })
  );
}

function webChosen(data: JsonObject | undefined): InboundContent | undefined {
  const body = textAt(data, limits.title, 'body');
  return (
    chosen('list', idAt(data, 'listResponse', 'singleSelectReply', 'selectedRowId'), [
      textAt(data, limits.title, 'listResponse', 'title'),
      body,
    ]) ?? chosen('button', idAt(data, 'selectedButtonId') ?? idAt(data, 'selectedId'), [body])
  );
}

function webPoll(data: JsonObject | undefined): InboundContent | undefined {
  if (valueAt(data, 'type') !== 'poll_creation') return undefined;
  const name = textAt(data, limits.title, 'pollName');
  const options = listAt(data, limits.options, 'pollOptions').flatMap((option) => textAt(option, 512, 'name') ?? []);
  return { kind: 'poll', ...(name === undefined ? {} : { name }), options };
}

const location = (payload: JsonObject, message: JsonObject | undefined): InboundContent | undefined =>
  locationOf(valueAt(payload, 'location'), 'latitude', 'longitude') ?? placeOf(message);

function media(
  payload: JsonObject,
  data: JsonObject | undefined,
  message: JsonObject | undefined,
  { caption, baseUrl }: { readonly caption: string | undefined; readonly baseUrl: string | undefined },
): InboundContent | undefined {
  const inside = mediaOf(message);
  if (valueAt(payload, 'hasMedia') !== true && inside === undefined) return undefined;
  const webType = textAt(data, 40, 'type') ?? '';
  const file = objectAt(payload, 'media');
  // The public fields win over the engine's; `media` is null when the file was not downloaded.
  const known: MediaReference = {
    ...mediaReference(data, webType === 'ptt'),
    ...inside?.media,
    ...mediaReference(file, false),
  };
  const url = fileUrl(textAt(file, limits.url, 'url') ?? textAt(payload, limits.url, 'mediaUrl'), baseUrl);
  return {
    kind: inside?.kind ?? webMediaKinds.get(webType) ?? kindByType(known.mimetype),
    media: { ...known, ...(url === undefined ? {} : { url }) },
    ...(caption === undefined ? {} : { caption }),
  };
}

function kindByType(mimetype = ''): MediaKind {
  const family = mimetype.split('/')[0];
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'document';
}

/** Path of files that WAHA keeps itself. */
const ownFiles = '/api/files/';

/**
 * The address of a file. Of its own files WAHA names a host that may be nobody's (`localhost:3000` behind a
 * proxy) or another's: they are where we reach WAHA. Those elsewhere (S3) keep their address.
 */
function fileUrl(url: string | undefined, baseUrl: string | undefined): string | undefined {
  if (url === undefined || baseUrl === undefined || !URL.canParse(url, baseUrl)) return url;
  const { pathname, search } = new URL(url, baseUrl);
  const place = pathname.indexOf(ownFiles);
  return place < 0 ? url : `${baseUrl.replace(/\/+$/, '')}${pathname.slice(place)}${search}`;
}
