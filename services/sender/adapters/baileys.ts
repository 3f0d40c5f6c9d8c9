/**
 * Our own Baileys gateway.
 *
 * B1 It takes our message id, and a message id is one message, however often it is asked for: an unknown
 *    outcome is looked up, and repeated where nobody knows.
 * B2 Sent is what WhatsApp's server acknowledged. 463 is refused for all new chats and never tried again:
 *    each further try makes the restriction worse.
 */
import { gatewayKeyOf, readRequest, sendAnswer, sessionPath, typingRequest } from '#runtime/baileys/gateway.ts';
import type { SendAnswer, SendRequest } from '#runtime/baileys/gateway.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome } from '../ports/provider.ts';
import { type AnswerRule, outcomeBy, outcomeWithout } from './answer-rules.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderHttpOptions,
  isGood,
  noAnswer,
  openProviderHttp,
} from '#runtime/net/adapters/provider-http.ts';

/** Answers outside 2xx: the gateway's problems (`services/baileys-gateway/routes.ts`). None of them sent. */
const rules: readonly AnswerRule[] = [
  { status: 400, outcome: 'refused', code: 'provider.refused' },
  { status: 401, outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' },
  { status: 404, outcome: 'refused', code: 'provider.session-unknown', scope: 'instance' },
  { status: 409, outcome: 'retry', code: 'provider.session-not-working', scope: 'instance' },
  { status: 413, outcome: 'refused', code: 'content.file-too-large' },
  { status: 429, outcome: 'retry', code: 'provider.rate-limited', scope: 'instance' },
  { status: 503, outcome: 'retry', code: 'provider.unavailable', scope: 'instance' },
  { status: [300, 499], outcome: 'refused', code: 'provider.refused' },
  // It may have failed after sending.
  { status: [500, 599], outcome: 'unknown', code: 'provider.failed' },
];

/** Opens the adapter; connects at the first send. */
export function openBaileysSender(
  runtime: Pick<Runtime, 'config' | 'vault'>,
  options?: ProviderHttpOptions,
): MessageProvider {
  const http = openProviderHttp(options);

  const call = (method: 'GET' | 'POST', { tenant, id }: Instance, rest: readonly string[], body?: unknown) =>
    http.call({
      method,
      url: new URL(sessionPath(tenant, id, ...rest), runtime.config.baileys.url),
      headers: { authorization: `Bearer ${gatewayKeyOf(runtime, tenant)}` },
      ...(body === undefined ? {} : { body }),
    });

  return {
    reaches: ['group', 'pn', 'lid'],

    async send(instance, message): Promise<SendOutcome> {
      const request = await requestOf(message);
      if (request === undefined) return { outcome: 'refused', code: 'content.file-missing' };
      const answer = await call('POST', instance, ['messages'], request).catch(noAnswer);
      return answer instanceof NoAnswer ? outcomeWithout(answer) : outcomeOf(answer, message);
    },

    async resolve(instance, message): Promise<Resolution> {
      const answer = await call('GET', instance, ['messages', message.clientMessageId]).catch(noAnswer);
      if (answer instanceof NoAnswer) return { outcome: 'unknown', code: answer.code };
      const said = answerIn(answer);
      if (said?.status === 'sent') return { outcome: 'sent', ...idsOf(message) };
      // B1: also of one that was refused, which is then refused again.
      return said === undefined ? { outcome: 'unknown', code: 'outcome.history-unavailable' } : { outcome: 'repeat' };
    },

    async showTyping(instance, message, forMs) {
      await call('POST', instance, ['typing'], typingRequest.parse({ chat: message.chat, forMs: Math.round(forMs) }));
    },

    async markRead(instance, chat, stableId) {
      await call('POST', instance, ['read'], readRequest.parse({ chat, id: stableId }));
    },

    close: () => http.close(),
  };
}

/** A reaction is no message: no status of it will come. */
const idsOf = ({ content, clientMessageId }: OutboundMessage) =>
  content.kind === 'reaction' ? {} : { messageId: clientMessageId, stableId: clientMessageId };

async function requestOf(message: OutboundMessage): Promise<SendRequest | undefined> {
  const { clientMessageId: id, chat, person, content } = message;
  const request = { id, chat, person, content };
  if (!('media' in content) || content.media.url !== undefined) return request;
  const file = content.media.blob === undefined ? undefined : await message.readFile(content.media.blob);
  return file === undefined ? undefined : { ...request, file: file.toString('base64') };
}

function answerIn(answer: ProviderAnswer): SendAnswer | undefined {
  if (!isGood(answer)) return undefined;
  const read = sendAnswer.safeParse(parsed(answer.body));
  return read.success ? read.data : undefined;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function outcomeOf(answer: ProviderAnswer, message: OutboundMessage): SendOutcome {
  const { status, headers } = answer;
  if (!isGood(answer)) return outcomeBy(rules, { status, words: '', retryAfter: headers['retry-after'] });
  const said = answerIn(answer);
  const code = said?.code ?? 'provider.answer-unexpected';
  switch (said?.status) {
    case 'sent':
      return { outcome: 'sent', ...idsOf(message), httpStatus: status };
    case 'refused':
      // The account may not write to people who did not write to it.
      return {
        outcome: 'refused',
        code,
        httpStatus: status,
        ...(code === 'provider.restricted' ? { scope: 'cold-chats' as const } : {}),
      };
    case 'retry':
      return {
        outcome: 'retry',
        code,
        httpStatus: status,
        ...(code === 'provider.session-not-working' ? { scope: 'instance' as const } : {}),
      };
    case 'pending':
    case 'unknown':
    case undefined:
      return { outcome: 'unknown', code, httpStatus: status };
  }
}
