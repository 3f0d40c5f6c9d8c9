/**
 * What WAHA's answers mean for a send. Facts: WAHA's OpenAPI 2026.7 and the issues of
 * github.com/devlikeapro/waha named beside each rule.
 */
import { z } from 'zod';

import type { SendOutcome, SentIds } from '../ports/provider.ts';

/** The answer to a send that was not a success; first match counts, so order matters. */
interface AnswerRule {
  readonly status: number | readonly [number, number];
  /** Found in the words of the error. */
  readonly words?: RegExp;
  readonly outcome: 'retry' | 'refused' | 'unknown';
  readonly code: string;
}

const answerRules: readonly AnswerRule[] = [
  // WhatsApp's 463: the account may not write to this person now; each further try makes the
  // restriction worse (issues 1904, 2050, 2219).
  {
    status: [400, 599],
    words: /\b(?:error|code|status)\b\D{0,5}463\b/i,
    outcome: 'refused',
    code: 'provider.restricted',
  },
  // The engine found no such user and stopped before sending (wwebjs/whatsapp-web.js issue 129506).
  { status: [400, 599], words: /No LID for user/i, outcome: 'refused', code: 'provider.chat-unknown' },
  { status: 401, outcome: 'refused', code: 'provider.unauthorized' },
  { status: 403, outcome: 'refused', code: 'provider.unauthorized' },
  { status: 404, outcome: 'refused', code: 'provider.not-found' },
  // The server gave up waiting for our request.
  { status: 408, outcome: 'retry', code: 'provider.unavailable' },
  // The session is not WORKING; the answer names what it is and what is expected (issues 1225, 1329).
  { status: 422, words: /WORKING|session/i, outcome: 'retry', code: 'provider.session-not-working' },
  { status: 429, outcome: 'retry', code: 'provider.rate-limited' },
  { status: [300, 499], outcome: 'refused', code: 'provider.refused' },
  { status: 501, outcome: 'refused', code: 'provider.refused' },
  // A worker of WAHA is down (issue 1532).
  { status: 502, outcome: 'retry', code: 'provider.unavailable' },
  { status: 503, outcome: 'retry', code: 'provider.unavailable' },
  // An engine that failed may have failed after sending; a gateway that timed out says nothing
  // (issue 1225 shows both becoming double sends).
  { status: [500, 599], outcome: 'unknown', code: 'provider.failed' },
];

const detailCharactersMax = 500;

/** The outcome of an answer outside 2xx. `retryAfter` is the header, in seconds. */
export function refusalOf(status: number, body: string, retryAfter?: string): SendOutcome {
  const words = wordsOf(body);
  const rule = answerRules.find(
    ({ status: wanted, words: pattern }) =>
      (typeof wanted === 'number' ? wanted === status : wanted[0] <= status && status <= wanted[1]) &&
      (pattern === undefined || pattern.test(words)),
  );
  const common = {
    code: rule?.code ?? 'provider.answer-unexpected',
    httpStatus: status,
    ...(words === '' ? {} : { detail: words.slice(0, detailCharactersMax) }),
  };
  switch (rule?.outcome) {
    case 'retry': {
      const seconds = Number(retryAfter);
      return { outcome: 'retry', ...common, ...(seconds > 0 ? { afterMs: seconds * 1_000 } : {}) };
    }
    case 'refused':
      return { outcome: 'refused', ...common };
    case 'unknown':
    case undefined:
      return { outcome: 'unknown', ...common };
  }
}

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
});

/** A message of the provider's history. */
export interface HistoryMessage extends SentIds {
  readonly fromMe: boolean;
  readonly text: string;
  /** Epoch milliseconds, to the second. */
  readonly at: number;
}

/** The ids in the answer to a send; empty when it has none that we know. */
export const idsOf = (body: string): SentIds => idsIn(parsed(body));

/** The messages of a history answer; undefined when it is not one. */
export function historyOf(body: string): readonly HistoryMessage[] | undefined {
  const list = parsed(body);
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((item: unknown) => {
    const read = messageShape.safeParse(item);
    if (!read.success) return [];
    const { fromMe, body: text, timestamp } = read.data;
    return [{ ...idsIn(item), fromMe: fromMe === true, text: text ?? '', at: (timestamp ?? 0) * 1_000 }];
  });
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
