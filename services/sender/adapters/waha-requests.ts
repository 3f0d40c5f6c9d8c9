/**
 * What WAHA is asked for, by kind of content. Facts: WAHA's OpenAPI 2026.7; `sendSticker` is of 2026.8.2
 * (issue 1287). Buttons are deprecated there and lists work with some engines only: both are numbered text.
 */
import type { MessageTarget, OutboundContent, OutboundMedia } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import { contactCard } from '#runtime/contact-card.ts';

/** A call that sends. */
export interface WahaRequest {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Asked for instead where the server has no such call. */
  readonly otherwise?: WahaRequest;
}

/** Where it goes. */
export interface WahaChat {
  readonly session: string;
  readonly chatId: string;
}

/** A file as WAHA takes it: to be fetched by it, or in base64. */
export type WahaFile =
  | { readonly mimetype: string; readonly filename?: string; readonly url: string }
  | { readonly mimetype: string; readonly filename?: string; readonly data: string };

type MediaContent = Extract<OutboundContent, { readonly media: OutboundMedia }>;

/** Kinds whose call takes a message id of ours: a repeat is the same message (issue 2054). */
export const takesClientIdKind = ({ kind }: OutboundContent): boolean =>
  kind === 'text' || kind === 'buttons' || kind === 'list' || kind === 'template' || kind === 'location';

/** The call for a content. `id` is our message id where the engine takes one, `file` the file of a media content. */
export function wahaRequest(
  content: OutboundContent,
  chat: WahaChat,
  given: { readonly id?: string; readonly file?: WahaFile } = {},
): WahaRequest {
  const common = {
    ...chat,
    ...(content.replyTo === undefined ? {} : { reply_to: wahaIdOf(content.replyTo, chat.chatId) }),
    ...(given.id === undefined || !takesClientIdKind(content) ? {} : { id: given.id }),
  };
  const post = (path: string, body: object): WahaRequest => ({
    method: 'POST',
    path: `api/${path}`,
    body: { ...common, ...body },
  });
  switch (content.kind) {
    case 'text':
    case 'buttons':
    case 'list':
    case 'template':
      return post('sendText', { text: asText(content) });
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return mediaRequest(content, post, given.file);
    case 'location': {
      const { latitude, longitude, name, address } = content;
      return post('sendLocation', {
        latitude,
        longitude,
        title: [name, address].filter((part) => part !== undefined).join('\n'),
      });
    }
    case 'contacts':
      return post('sendContactVcard', { contacts: content.contacts.map((one) => ({ vcard: contactCard(one) })) });
    case 'reaction': {
      const messageId = wahaIdOf(content, chat.chatId);
      return {
        method: 'PUT',
        path: 'api/reaction',
        body: { session: chat.session, messageId, reaction: content.emoji },
      };
    }
  }
}

function mediaRequest(
  { kind, media, caption }: MediaContent,
  post: (path: string, body: object) => WahaRequest,
  file: WahaFile | undefined,
): WahaRequest {
  const captioned = { file, ...(caption === undefined ? {} : { caption }) };
  switch (kind) {
    case 'image':
      return post('sendImage', captioned);
    case 'video':
      return post('sendVideo', { ...captioned, convert: media.mimetype !== 'video/mp4' });
    case 'audio':
      // WhatsApp plays voice notes in Opus only; WAHA makes them of anything when told to.
      if (media.voice === true) return post('sendVoice', { file, convert: !/^audio\/ogg\b/.test(media.mimetype) });
      return post('sendFile', captioned);
    case 'document':
      return post('sendFile', captioned);
    case 'sticker':
      return { ...post('sendSticker', { file }), otherwise: post('sendImage', { file }) };
  }
}

/** A message id in WAHA's form, from its stable part. */
export const wahaIdOf = ({ target, ours, participant }: MessageTarget, chatId: string): string =>
  [String(ours === true), chatId, target, ...(participant === undefined ? [] : [participant])].join('_');
