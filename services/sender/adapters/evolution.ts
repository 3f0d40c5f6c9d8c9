/**
 * Evolution API v2.
 *
 * V1 A 201 is a send, readable body or not.
 * V2 Evolution takes no message id of ours: after an unknown outcome a message is never sent again. The
 *    chat's history says what became of it, or nobody does. It is asked before any further attempt, too.
 *    A reaction is the same reaction however often it is sent.
 * V3 All calls of one send end within one call's time.
 */
import type { OutboundMedia } from '#schemas/content.ts';

import type { Instance } from '#runtime/instances/instances.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome } from '../ports/provider.ts';
import { outcomeWithout } from './answer-rules.ts';
import { historyOf, idsOf, refusalOf } from './evolution-answers.ts';
import { evolutionRequest, jidOf } from './evolution-requests.ts';
import { type Search, findSent, historySkewMs } from './history.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderHttpOptions,
  isGood,
  noAnswer,
  openProviderHttp,
  providerHttpDefaults,
  urlAt,
} from '#runtime/net/adapters/provider-http.ts';

const historyMessages = 50;

/** The part of a call's time that a look into the history may take before a send. */
const lookShare = 1 / 3;

/** Opens the adapter; connects at the first send. */
export function openEvolution(options: ProviderHttpOptions = providerHttpDefaults): MessageProvider {
  const http = openProviderHttp(options);

  const post = (instance: Instance, path: string, body: unknown, timeoutMs?: number): Promise<ProviderAnswer> => {
    const { baseUrl = '', session = '' } = instance.settings;
    const { apiKey } = instance.credentials;
    return http.call({
      method: 'POST',
      url: urlAt(baseUrl, `${path}/${encodeURIComponent(session)}`),
      headers: apiKey === undefined ? {} : { apikey: apiKey },
      body,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  };

  const find = async (instance: Instance, message: OutboundMessage, timeoutMs?: number): Promise<Search> => {
    const where = { key: { remoteJid: jidOf(message.chat), fromMe: true } };
    const query = { where, page: 1, offset: historyMessages };
    const answer = await post(instance, 'chat/findMessages', query, timeoutMs).catch(noAnswer);
    const messages = answer instanceof NoAnswer || !isGood(answer) ? undefined : historyOf(answer.body);
    return findSent(messages, message, { since: message.firstAttemptAt - historySkewMs, byIdAlone: false });
  };

  return {
    reaches: ['group', 'pn', 'lid'],

    async send(instance, message): Promise<SendOutcome> {
      const { baseUrl, session } = instance.settings;
      if (baseUrl === undefined || session === undefined)
        return { outcome: 'refused', code: 'instance.not-configured' };
      let leftMs = options.callTimeoutMs;
      if (message.attempt > 1 && message.content.kind !== 'reaction') {
        const { found } = await find(instance, message, leftMs * lookShare);
        if (found !== undefined) return { outcome: 'sent', ...found };
        leftMs *= 1 - lookShare;
      }
      const file = 'media' in message.content ? await fileOf(message.content.media, message) : undefined;
      if ('media' in message.content && file === undefined) return { outcome: 'refused', code: 'content.file-missing' };
      const { path, body } = evolutionRequest(message.content, message.chat, file);
      const answer = await post(instance, path, body, leftMs).catch(noAnswer);
      if (answer instanceof NoAnswer) return outcomeWithout(answer);
      if (!isGood(answer)) return refusalOf(answer.status, answer.body, answer.headers['retry-after']);
      // A reaction is no message: no status of it will come.
      const ids = message.content.kind === 'reaction' ? {} : idsOf(answer.body);
      return { outcome: 'sent', ...ids, httpStatus: answer.status };
    },

    async resolve(instance, message): Promise<Resolution> {
      if (message.content.kind === 'reaction') return { outcome: 'repeat' };
      const { read, found } = await find(instance, message);
      if (found !== undefined) return { outcome: 'sent', ...found };
      return { outcome: 'unknown', code: read ? 'outcome.not-found' : 'outcome.history-unavailable' };
    },

    async showTyping(instance, message, forMs) {
      const { number } = evolutionRequest({ kind: 'text', text: '' }, message.chat).body;
      // Answered when the time is over, which nobody waits for.
      post(instance, 'chat/sendPresence', { number, presence: 'composing', delay: forMs }).catch(() => undefined);
    },

    async markRead(instance, chat, stableId) {
      const read = { remoteJid: jidOf(chat), fromMe: false, id: stableId };
      await post(instance, 'chat/markMessageAsRead', { readMessages: [read] });
    },

    close: () => http.close(),
  };
}

/** A URL, or base64; undefined when the file is gone. */
async function fileOf({ url, blob }: OutboundMedia, message: OutboundMessage): Promise<string | undefined> {
  if (url !== undefined) return url;
  const bytes = blob === undefined ? undefined : await message.readFile(blob);
  return bytes?.toString('base64');
}
