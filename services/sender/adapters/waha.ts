/**
 * WAHA (WhatsApp HTTP API). Text only; buttons are deprecated and unreliable there, so they are numbered text.
 *
 * W1 A 201 is a send, readable body or not.
 * W2 The engines NOWEB and GOWS are given our message id; with them a repeat is the same WhatsApp
 *    message (WAHA issue 2054). With the others a repeat is never made on an unknown outcome, and
 *    the chat's history is asked before any further attempt.
 */
import { asText } from '#schemas/plain-text.ts';

import type { Instance } from '#runtime/instances/instances.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome, SentIds } from '../ports/provider.ts';
import { NoAnswer, type ProviderAnswer, type ProviderHttpOptions, openProviderHttp } from './provider-http.ts';
import { historyOf, idsOf, refusalOf } from './waha-answers.ts';

const history = {
  messages: 50,
  /** WAHA's clock may be behind ours by this much. */
  skewMs: 30_000,
} as const;

/** Opens the adapter; connects at the first send. */
export function openWaha(options?: ProviderHttpOptions): MessageProvider {
  const http = openProviderHttp(options);

  const call = (instance: Instance, request: { path: string; body?: unknown }): Promise<ProviderAnswer> =>
    http.call({
      method: request.body === undefined ? 'GET' : 'POST',
      url: new URL(request.path, `${(instance.settings.baseUrl ?? '').replace(/\/+$/, '')}/`),
      headers: instance.credentials.apiKey === undefined ? {} : { 'x-api-key': instance.credentials.apiKey },
      ...(request.body === undefined ? {} : { body: request.body }),
    });

  /** The message in the chat's history: by our id, or else by its text and time. */
  const find = async (
    instance: Instance,
    message: OutboundMessage,
  ): Promise<{ readonly read: boolean; readonly found?: SentIds }> => {
    const since = message.firstAttemptAt - history.skewMs;
    const query = new URLSearchParams({
      limit: String(history.messages),
      downloadMedia: 'false',
      'filter.fromMe': 'true',
      'filter.timestamp.gte': String(Math.floor(since / 1_000)),
    });
    const chat = encodeURIComponent(chatIdOf(message.chat));
    const path = `api/${encodeURIComponent(sessionOf(instance))}/chats/${chat}/messages?${query.toString()}`;
    const answer = await call(instance, { path }).catch((caught: unknown) => {
      if (caught instanceof NoAnswer) return undefined;
      throw caught;
    });
    const messages = answer?.status === 200 ? historyOf(answer.body) : undefined;
    if (messages === undefined) return { read: false };
    const text = asText(message.content).trim();
    for (const candidate of messages) {
      const { stableId } = candidate;
      if (stableId === undefined || !candidate.fromMe) continue;
      if (stableId === message.clientMessageId) return { read: true, found: candidate };
      if (takesClientId(instance) || candidate.text.trim() !== text || candidate.at < floorToSecond(since)) continue;
      if (!(await message.isTaken(stableId))) return { read: true, found: candidate };
    }
    return { read: true };
  };

  return {
    async send(instance, message): Promise<SendOutcome> {
      if (instance.settings.baseUrl === undefined) return { outcome: 'refused', code: 'instance.not-configured' };
      if (message.attempt > 1 && !takesClientId(instance)) {
        const { found } = await find(instance, message);
        if (found !== undefined) return { outcome: 'sent', ...idsFrom(found) };
      }
      const body = {
        session: sessionOf(instance),
        chatId: chatIdOf(message.chat),
        text: asText(message.content),
        ...(takesClientId(instance) ? { id: message.clientMessageId } : {}),
      };
      try {
        const answer = await call(instance, { path: 'api/sendText', body });
        if (answer.status < 200 || answer.status > 299) {
          const retryAfter = answer.headers['retry-after'];
          return refusalOf(answer.status, answer.body, typeof retryAfter === 'string' ? retryAfter : undefined);
        }
        const ids = idsOf(answer.body);
        const known =
          ids.stableId === undefined && takesClientId(instance) ? { stableId: message.clientMessageId } : ids;
        return { outcome: 'sent', ...known, httpStatus: answer.status };
      } catch (caught) {
        if (!(caught instanceof NoAnswer)) throw caught;
        return { outcome: caught.begun ? 'unknown' : 'retry', code: caught.code };
      }
    },

    async resolve(instance, message): Promise<Resolution> {
      const { read, found } = await find(instance, message);
      if (found !== undefined) return { outcome: 'sent', ...idsFrom(found) };
      if (takesClientId(instance)) return { outcome: 'repeat' };
      return { outcome: 'unknown', code: read ? 'outcome.not-found' : 'outcome.history-unavailable' };
    },

    close: () => http.close(),
  };
}

const takesClientId = (instance: Instance): boolean =>
  instance.settings.engine === 'NOWEB' || instance.settings.engine === 'GOWS';

const sessionOf = (instance: Instance): string => instance.settings.session ?? 'default';

const floorToSecond = (at: number): number => Math.floor(at / 1_000) * 1_000;

const idsFrom = ({ messageId, stableId }: SentIds): SentIds => ({
  ...(messageId === undefined ? {} : { messageId }),
  ...(stableId === undefined ? {} : { stableId }),
});

/** WAHA's spelling of an address: `…@c.us` for numbers, without the device. */
export function chatIdOf(address: string): string {
  const [userPart = '', domain = 'c.us'] = address.split('@');
  const user = userPart.split(':')[0] ?? '';
  if (domain === 'c.us' || domain === 's.whatsapp.net') return `${user.replace(/\D/g, '')}@c.us`;
  return `${user}@${domain}`;
}
