/**
 * What Evolution is asked for, by kind of content. Facts: Evolution's code, 2.3.6 (`sendMessage.dto.ts`,
 * `message.schema.ts`). Buttons and lists do not arrive reliably on ordinary accounts: both are numbered text.
 */
import type { MessageTarget, OutboundContent, OutboundMedia } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

/** A call that sends; the instance's name goes behind the path. */
export interface EvolutionRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The call for a content. `file` is the file of a media content: a URL, or base64. */
export function evolutionRequest(content: OutboundContent, chat: string, file?: string): EvolutionRequest {
  const common = {
    number: numberOf(chat),
    ...(content.replyTo === undefined ? {} : { quoted: { key: keyOf(content.replyTo, chat) } }),
  };
  const send = (kind: string, body: object): EvolutionRequest => ({
    path: `message/send${kind}`,
    body: { ...common, ...body },
  });
  switch (content.kind) {
    case 'text':
    case 'buttons':
    case 'list':
    case 'template':
      return send('Text', { text: asText(content) });
    case 'image':
    case 'video':
    case 'document':
    case 'audio':
    case 'sticker':
      return mediaRequest(content, send, file);
    case 'location': {
      const { latitude, longitude, name = '', address = '' } = content;
      return send('Location', { latitude, longitude, name, address });
    }
    case 'contacts':
      return send('Contact', {
        contact: content.contacts.map(({ name, phone }) => {
          const digits = phone.replace(/\D/g, '');
          return { fullName: name, wuid: digits, phoneNumber: `+${digits}` };
        }),
      });
    case 'reaction':
      return { path: 'message/sendReaction', body: { key: keyOf(content, chat), reaction: content.emoji } };
  }
}

function mediaRequest(
  { kind, media, caption }: Extract<OutboundContent, { readonly media: OutboundMedia }>,
  send: (kind: string, body: object) => EvolutionRequest,
  file: string | undefined,
): EvolutionRequest {
  if (kind === 'sticker') return send('Sticker', { sticker: file });
  if (kind === 'audio' && media.voice === true) {
    // Only what is not Opus yet is converted.
    return send('WhatsAppAudio', { audio: file, encoding: !/^audio\/ogg\b/.test(media.mimetype) });
  }
  return send('Media', {
    mediatype: kind,
    mimetype: media.mimetype,
    media: file,
    // A document without a name is refused.
    fileName: media.filename ?? (kind === 'document' ? 'document' : undefined),
    caption,
  });
}

/** The key of an earlier message. */
const keyOf = ({ target, ours, participant }: MessageTarget, chat: string) => ({
  remoteJid: jidOf(chat),
  fromMe: ours === true,
  id: target,
  ...(participant === undefined ? {} : { participant }),
});

/** Evolution's `number`: digits of a person, of whom it finds the spelling that WhatsApp knows; else the whole address. */
function numberOf(chat: string): string {
  const jid = jidOf(chat);
  return jid.endsWith('@s.whatsapp.net') ? jid.slice(0, jid.indexOf('@')) : jid;
}

/** Baileys' spelling of an address, without the device. */
export function jidOf(chat: string): string {
  const [userPart = '', domain = 's.whatsapp.net'] = chat.split('@');
  const user = userPart.split(':')[0] ?? '';
  if (domain === 'c.us' || domain === 's.whatsapp.net') return `${user.replace(/\D/g, '')}@s.whatsapp.net`;
  return `${user}@${domain}`;
}
