/** Messages of the fake WAHA: what each call that sends brings, and how messages are told, by engine. */
import { createHash, randomBytes } from 'node:crypto';

/** A message at WhatsApp. */
export interface StoredMessage {
  readonly session: string;
  readonly chatId: string;
  /** Stanza id. */
  readonly id: string;
  /** The call that sent it: `sendText`, `sendImage`, … */
  readonly route: string;
  /** Text or caption. */
  readonly text: string;
  readonly file?: {
    readonly mimetype: string;
    readonly filename?: string;
    readonly url?: string;
    readonly data?: string;
  };
  readonly location?: { readonly latitude: number; readonly longitude: number; readonly title: string };
  readonly cards?: readonly string[];
  /** Id of the message answered, as it came. */
  readonly replyTo?: string;
  readonly fromMe: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Sends that arrived with this id. */
  sends: number;
}

const enginesWithIds = new Set(['NOWEB', 'GOWS']);

/** What each call that sends must bring, and whether it takes an id (OpenAPI 2026.7). */
export const sendRoutes: ReadonlyMap<string, { readonly needs: readonly string[]; readonly takesId: boolean }> =
  new Map([
    ['sendText', { needs: ['text'], takesId: true }],
    ['sendImage', { needs: ['file'], takesId: false }],
    ['sendFile', { needs: ['file'], takesId: false }],
    ['sendVoice', { needs: ['file', 'convert'], takesId: false }],
    ['sendVideo', { needs: ['file', 'convert'], takesId: false }],
    ['sendSticker', { needs: ['file'], takesId: false }],
    ['sendLocation', { needs: ['latitude', 'longitude', 'title'], takesId: true }],
    ['sendContactVcard', { needs: ['contacts'], takesId: false }],
  ]);

/** Whether an engine takes our message id with a call. */
export const takesId = (engine: string, route: string): boolean =>
  enginesWithIds.has(engine) && sendRoutes.get(route)?.takesId === true;

/** Body of any call that sends. */
export interface SendBody {
  readonly session: string;
  readonly chatId: string;
  readonly text?: string;
  readonly caption?: string;
  readonly file?: NonNullable<StoredMessage['file']>;
  readonly latitude?: number;
  readonly longitude?: number;
  readonly title?: string;
  readonly contacts?: readonly { readonly vcard: string }[];
  readonly reply_to?: string;
  readonly id?: string;
}

/** What WhatsApp has of it. */
export function storedMessage(route: string, id: string, body: SendBody): StoredMessage {
  return {
    session: body.session,
    chatId: body.chatId,
    id,
    route,
    text: body.text ?? body.caption ?? '',
    ...(body.file === undefined ? {} : { file: body.file }),
    ...(body.latitude === undefined || body.longitude === undefined
      ? {}
      : { location: { latitude: body.latitude, longitude: body.longitude, title: body.title ?? '' } }),
    ...(body.contacts === undefined ? {} : { cards: body.contacts.map(({ vcard }) => vcard) }),
    ...(body.reply_to === undefined ? {} : { replyTo: body.reply_to }),
    fromMe: true,
    at: Date.now(),
    sends: 1,
  };
}

/** The answer to a send differs by engine. */
export function answerOf(engine: string, message: StoredMessage): unknown {
  const serialized = `true_${message.chatId}_${message.id}`;
  switch (engine) {
    case 'WEBJS':
    case 'WPP':
      return {
        _data: { id: { fromMe: true, remote: message.chatId, id: message.id, _serialized: serialized } },
        id: { fromMe: true, remote: message.chatId, id: message.id, _serialized: serialized },
        body: message.text,
        fromMe: true,
        timestamp: seconds(message.at),
      };
    case 'NOWEB':
      return {
        key: { remoteJid: message.chatId.replace('@c.us', '@s.whatsapp.net'), fromMe: true, id: message.id },
        message: { extendedTextMessage: { text: message.text } },
        messageTimestamp: String(seconds(message.at)),
        status: 'PENDING',
      };
    default:
      return waMessage(message);
  }
}

/** WAHA's times. */
export const seconds = (at: number): number => Math.floor(at / 1_000);

/** An id as WhatsApp Web makes it. */
export const stanzaId = (): string =>
  `3EB0${createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 18).toUpperCase()}`;

/** A message as webhooks and the history have it. */
export const waMessage = (message: StoredMessage) => ({
  id: `${String(message.fromMe)}_${message.chatId}_${message.id}`,
  timestamp: seconds(message.at),
  from: message.chatId,
  fromMe: message.fromMe,
  source: message.sends > 0 ? 'api' : 'app',
  to: message.chatId,
  body: message.text,
  hasMedia: message.file !== undefined,
  media:
    message.file === undefined
      ? null
      : { url: null, mimetype: message.file.mimetype, filename: message.file.filename ?? null, error: null },
  // Text on receipt, numbers when sent.
  ...(message.location === undefined
    ? {}
    : {
        location: {
          latitude: String(message.location.latitude),
          longitude: String(message.location.longitude),
          name: message.location.title,
        },
      }),
  ...(message.cards === undefined ? {} : { vCards: message.cards }),
  ack: 1,
  ackName: 'SERVER',
  replyTo: null,
  _data: {},
});

/** What a call needs and did not bring, in NestJS' words. */
export function missingIn(route: string, body: unknown): readonly string[] {
  const given = { ...(body as object | undefined) } as Readonly<Record<string, unknown>>;
  const file = { ...(given['file'] as object | undefined) } as Readonly<Record<string, unknown>>;
  const needs = ['session', 'chatId', ...(sendRoutes.get(route)?.needs ?? [])];
  return [
    ...needs.filter((name) => given[name] === undefined).map((name) => `${name} should not be empty`),
    ...(given['file'] !== undefined && file['url'] === undefined && file['data'] === undefined
      ? ['file should have url or data']
      : []),
  ];
}
