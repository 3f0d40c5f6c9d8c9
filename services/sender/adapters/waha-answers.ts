/**
 * What WAHA's answers mean for a send. Facts: WAHA's OpenAPI 2026.7 and the issues of
 * github.com/devlikeapro/waha named beside each rule.
 */
import { z } from 'zod';

import type { SendOutcome, SentIds } from '../ports/provider.ts';
import { type AnswerRule, answersOfAny, outcomeBy } from './answer-rules.ts';
import type { HistoryMessage } from './history.ts';

const answerRules: readonly AnswerRule[] = [
  // WhatsApp's 463: the account may not write to this person now; each further try makes the
  // restriction worse (issues 1904, 2050, 2219).
  {
    status: [400, 599],
    words: /\b(?:error|code|status)\b\D{0,5}463\b/i,
    outcome: 'refused',
    code: 'provider.restricted',
    scope: 'cold-chats',
  },
  // The engine found no such user and stopped before sending (wwebjs/whatsapp-web.js issue 129506).
  {
    status: [400, 599],
    words: /No LID for user/i,
    outcome: 'refused',
    code: 'provider.chat-unknown',
    scope: 'chat',
  },
  { status: 401, outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' },
  { status: 403, outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' },
  // Not a word about a session: some other thing that the call names is not there.
  { status: 404, words: /session/i, outcome: 'refused', code: 'provider.session-unknown', scope: 'instance' },
  { status: 404, outcome: 'refused', code: 'provider.not-found' },
  // The session is not WORKING; the answer names what it is and what is expected (issues 1225, 1329).
  { status: 422, words: /WORKING|session/i, outcome: 'retry', code: 'provider.session-not-working', scope: 'instance' },
  ...answersOfAny,
];

/** The outcome of an answer outside 2xx. `retryAfter` is the header, in seconds. */
export const refusalOf = (status: number, body: string, retryAfter?: string | string[]): SendOutcome =>
  outcomeBy(answerRules, { status, words: wordsOf(body), retryAfter });

/** True for the answer to a call that this version of WAHA does not have; nothing was sent. */
export const isRouteMissing = (status: number, body: string): boolean =>
  status === 404 && /^Cannot (?:POST|PUT) /.test(wordsOf(body));

const errorShape = z.looseObject({
  message: z.union([z.string(), z.array(z.string())]).optional(),
  error: z.string().optional(),
  status: z.string().optional(),
  expected: z.array(z.string()).optional(),
  exception: z
    .looseObject({ message: z.string().optional(), code: z.union([z.string(), z.number()]).optional() })
    .optional(),
});

/** The words of an error, in NestJS' form or WAHA's own; empty when there are none. */
function wordsOf(body: string): string {
  const read = errorShape.safeParse(parsed(body));
  if (!read.success) return '';
  const { message, error, status, expected, exception } = read.data;
  return [
    ...(typeof message === 'string' ? [message] : (message ?? [])),
    error,
    status === undefined ? undefined : `session status ${status}`,
    expected?.join(' '),
    exception?.message,
    exception?.code === undefined ? undefined : `code ${exception.code}`,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
}

const idObject = z.looseObject({ _serialized: z.string().optional(), id: z.string().optional() });

const coordinate = z.coerce.number().optional().catch(undefined);

/** A message in any engine's form: WAHA's own, whatsapp-web.js' (`id` is an object), Baileys' (`key`), whatsmeow's (`Info`). */
const messageShape = z.looseObject({
  id: z.union([z.string(), idObject]).optional(),
  key: idObject.optional(),
  _data: z
    .looseObject({
      id: z.union([z.string(), idObject]).optional(),
      key: idObject.optional(),
      Info: z.looseObject({ ID: z.string().optional() }).optional(),
    })
    .optional(),
  body: z.string().nullish(),
  fromMe: z.boolean().nullish(),
  timestamp: z.number().nullish(),
  source: z.string().nullish(),
  hasMedia: z.boolean().nullish(),
  media: z.looseObject({ mimetype: z.string().nullish() }).nullish(),
  location: z.looseObject({ latitude: coordinate, longitude: coordinate }).nullish(),
  vCards: z.array(z.string()).nullish(),
});

/** The ids in the answer to a send; empty when it has none that we know. */
export const idsOf = (body: string): SentIds => idsIn(parsed(body));

/** The messages of a history answer; undefined when it is not one. */
export function historyOf(body: string): readonly HistoryMessage[] | undefined {
  const list = parsed(body);
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((item: unknown) => {
    const read = messageShape.safeParse(item);
    if (!read.success) return [];
    return [{ ...idsIn(item), ...messageIn(read.data) }];
  });
}

function messageIn(message: z.infer<typeof messageShape>): Omit<HistoryMessage, keyof SentIds> {
  const { fromMe, body: text, timestamp, source, hasMedia, media, location, vCards } = message;
  const mimetype = media?.mimetype ?? undefined;
  const { latitude, longitude } = location ?? {};
  return {
    fromMe: fromMe === true,
    text: text ?? '',
    at: (timestamp ?? 0) * 1_000,
    byHand: source === 'app',
    hasMedia: hasMedia === true,
    ...(mimetype === undefined ? {} : { mimetype }),
    ...(latitude === undefined || longitude === undefined ? {} : { location: { latitude, longitude } }),
    cards: vCards ?? [],
  };
}

function idsIn(value: unknown): SentIds {
  const read = messageShape.safeParse(value);
  if (!read.success) return {};
  const { id, key, _data } = read.data;
  const messageId = [idIn(id), idIn(key), idIn(_data?.id), idIn(_data?.key), _data?.Info?.ID].find(
    (found) => found !== undefined && found !== '',
  );
  return messageId === undefined ? {} : { messageId, stableId: stableIdOf(messageId) };
}

const idIn = (id: string | z.infer<typeof idObject> | undefined): string | undefined =>
  typeof id === 'string' ? id : (id?._serialized ?? id?.id);

/** The stanza id in `{fromMe}_{chat}_{stanza}` or `{fromMe}_{chat}_{stanza}_{participant}`; anything else is one itself. */
export function stableIdOf(messageId: string): string {
  const parts = messageId.split('_');
  return parts.length >= 3 && (parts[0] === 'true' || parts[0] === 'false') ? (parts[2] ?? messageId) : messageId;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
