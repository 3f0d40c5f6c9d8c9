/**
 * What Evolution's answers mean for a send. Facts: Evolution's code, 2.3.6 (`whatsapp.baileys.service.ts`,
 * `sendMessage.controller.ts`, `main.ts`), and the issues of github.com/EvolutionAPI/evolution-api named.
 *
 * Errors are `{status, error, response: {message}}`. Whatever is thrown inside of a send comes as 400 with
 * the error as text, also what is thrown after the message went out (its own database).
 */
import { z } from 'zod';

import type { SendOutcome, SentIds } from '../ports/provider.ts';
import { type AnswerRule, answersOfAny, outcomeBy } from './answer-rules.ts';
import type { HistoryMessage } from './history.ts';

/** Stands in the words for `{exists: false}`. */
const notOnWhatsApp = 'not on WhatsApp';

const answerRules: readonly AnswerRule[] = [
  // Checked before anything is sent. Of a LID it may be wrong (issues 1872, 2466): another address may work.
  {
    status: 400,
    words: new RegExp(`^${notOnWhatsApp}$`),
    outcome: 'refused',
    code: 'provider.chat-unknown',
    scope: 'chat',
  },
  // Baileys throws this before it writes to a socket that is closed, and to who waits for an answer when it
  // closes; a message's own bytes are written last, and nothing waits for an answer to them.
  {
    status: [400, 500],
    words: /\bConnection Closed\b/,
    outcome: 'retry',
    code: 'provider.session-not-working',
    scope: 'instance',
  },
  // Thrown inside of the send: nobody knows how far it got. An object there has lost its words.
  { status: 400, words: /^\[object Object\]$|^\w*(?:Error|Exception)\b/, outcome: 'unknown', code: 'provider.failed' },
  // What remains are the checks of the form.
  { status: 400, outcome: 'refused', code: 'provider.refused' },
  { status: 401, outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' },
  { status: 403, outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' },
  {
    status: 404,
    words: /instance does not exist/i,
    outcome: 'refused',
    code: 'provider.session-unknown',
    scope: 'instance',
  },
  { status: 404, outcome: 'refused', code: 'provider.not-found' },
  // From here on it is what stands before Evolution that speaks.
  { status: 413, outcome: 'refused', code: 'provider.file-too-large' },
  ...answersOfAny,
];

/** The outcome of an answer outside 2xx. */
export const refusalOf = (status: number, body: string, retryAfter?: string | string[]): SendOutcome =>
  outcomeBy(answerRules, { status, words: wordsOf(body), retryAfter });

const errorShape = z.looseObject({
  response: z.looseObject({ message: z.unknown().optional() }).optional(),
  message: z.unknown().optional(),
});

/** The words of an error. `message` is text or a list, of texts, lists of texts (checks), or numbers looked up. */
function wordsOf(body: string): string {
  const read = errorShape.safeParse(parsed(body));
  if (!read.success) return '';
  const said: readonly unknown[] = [read.data.response?.message ?? read.data.message].flat(3);
  if (said.some((one) => numberShape.safeParse(one).success)) return notOnWhatsApp;
  return said.filter((one) => typeof one === 'string').join('; ');
}

const numberShape = z.looseObject({ exists: z.literal(false) });

const keyShape = z.looseObject({ id: z.string().min(1), fromMe: z.boolean().optional() });

/** The ids in the answer to a send; empty when it has none that we know. */
export function idsOf(body: string): SentIds {
  const read = z.looseObject({ key: keyShape }).safeParse(parsed(body));
  return read.success ? { messageId: read.data.key.id, stableId: read.data.key.id } : {};
}

/** The parts of a Baileys message that tell it from others. */
const file = z.looseObject({ caption: z.string().nullish(), mimetype: z.string().nullish() }).nullish();
const card = z.looseObject({ vcard: z.string().nullish() });
const contentShape = z.looseObject({
  conversation: z.string().nullish(),
  extendedTextMessage: z.looseObject({ text: z.string().nullish() }).nullish(),
  imageMessage: file,
  videoMessage: file,
  audioMessage: file,
  documentMessage: file,
  stickerMessage: file,
  locationMessage: z.looseObject({ degreesLatitude: z.number(), degreesLongitude: z.number() }).nullish(),
  contactMessage: card.nullish(),
  contactsArrayMessage: z.looseObject({ contacts: z.array(card).nullish() }).nullish(),
});

const recordShape = z.looseObject({
  key: keyShape,
  message: contentShape.nullish(),
  messageTimestamp: z.coerce.number(),
  source: z.string().nullish(),
});

const historyShape = z.looseObject({ messages: z.looseObject({ records: z.array(z.unknown()) }) });

/** The messages of a `chat/findMessages` answer; undefined when it is not one. */
export function historyOf(body: string): readonly HistoryMessage[] | undefined {
  const read = historyShape.safeParse(parsed(body));
  if (!read.success) return undefined;
  return read.data.messages.records.flatMap((record) => {
    const one = recordShape.safeParse(record);
    return one.success ? [messageIn(one.data)] : [];
  });
}

function messageIn({ key, message, messageTimestamp, source }: z.infer<typeof recordShape>): HistoryMessage {
  const content = message ?? {};
  const media = [
    content.imageMessage,
    content.videoMessage,
    content.audioMessage,
    content.documentMessage,
    content.stickerMessage,
  ].find((found) => found != null);
  const cards = [content.contactMessage, ...(content.contactsArrayMessage?.contacts ?? [])];
  const place = content.locationMessage;
  return {
    messageId: key.id,
    stableId: key.id,
    fromMe: key.fromMe === true,
    text: content.conversation ?? content.extendedTextMessage?.text ?? media?.caption ?? '',
    // Guessed by Evolution from the shape of the id.
    byHand: source === 'ios' || source === 'android',
    hasMedia: media !== undefined,
    ...(media?.mimetype == null ? {} : { mimetype: media.mimetype }),
    ...(place == null ? {} : { location: { latitude: place.degreesLatitude, longitude: place.degreesLongitude } }),
    cards: cards.flatMap((one) => one?.vcard ?? []),
    at: messageTimestamp * 1_000,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
