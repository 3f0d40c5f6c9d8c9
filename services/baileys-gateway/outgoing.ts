/**
 * Our content as Baileys' `sendMessage` takes it. Buttons, lists and templates are numbered text: accounts
 * that are linked devices cannot rely on anything else.
 */
import type { MessageTarget, OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import { contactCard } from '#runtime/contact-card.ts';

import type { MessageKey } from './ports/whatsapp-library.ts';

/** The chat as the protocol names it: `…@c.us` and bare numbers are `…@s.whatsapp.net`. */
export function jidOf(chat: string): string {
  const [user = '', domain = ''] = chat.split('@');
  return domain === '' || domain === 'c.us' ? `${user.replace(/\D/g, '')}@s.whatsapp.net` : chat;
}

/** The key of an earlier message of the chat. */
export const keyOf = ({ target, ours, participant }: MessageTarget, jid: string): MessageKey => ({
  remoteJid: jid,
  fromMe: ours === true,
  id: target,
  ...(participant === undefined ? {} : { participant: jidOf(participant) }),
});

/** The content for Baileys. `file` is the file of a media content. */
export function outgoingContent(
  content: OutboundContent,
  jid: string,
  file: Buffer | undefined,
): Readonly<Record<string, unknown>> {
  switch (content.kind) {
    case 'text':
    case 'buttons':
    case 'list':
    case 'template':
      // A preview would be fetched from wherever the text says.
      return { text: asText(content), linkPreview: null };
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker': {
      const { kind, media, caption } = content;
      return {
        [kind]: file,
        mimetype: media.mimetype,
        ...(caption === undefined || kind === 'audio' || kind === 'sticker' ? {} : { caption }),
        ...(kind === 'audio' ? { ptt: media.voice === true } : {}),
        ...(kind === 'document' ? { fileName: media.filename ?? 'file' } : {}),
      };
    }
    case 'location': {
      const { latitude, longitude, name, address } = content;
      return {
        location: {
          degreesLatitude: latitude,
          degreesLongitude: longitude,
          ...(name === undefined ? {} : { name }),
          ...(address === undefined ? {} : { address }),
        },
      };
    }
    case 'contacts': {
      const contacts = content.contacts.map((one) => ({ displayName: one.name, vcard: contactCard(one) }));
      const [first] = content.contacts;
      return { contacts: { displayName: first?.name ?? '', contacts } };
    }
    case 'reaction':
      return { react: { text: content.emoji, key: keyOf(content, jid) } };
  }
}
