/**
 * WAHA (WhatsApp HTTP API).
 *
 * W1 A 201 is a send, readable body or not.
 * W2 The engines NOWEB and GOWS are given our message id with texts and locations; with them a repeat is
 *    the same WhatsApp message (WAHA issue 2054). With the others, and with media and contacts, a repeat
 *    is never made on an unknown outcome, and the chat's history is asked before any further attempt.
 *    A reaction is the same reaction however often it is sent.
 * W3 Typing that was begun is ended, unless this process ends first: WhatsApp then ends it by itself.
 */
import type { OutboundMedia } from '#schemas/content.ts';

import type { Instance } from '#runtime/instances/instances.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome } from '../ports/provider.ts';
import { outcomeWithout } from './answer-rules.ts';
import { type Search, findSent, historySkewMs } from './history.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderHttpOptions,
  isGood,
  noAnswer,
  openProviderHttp,
  urlAt,
} from '#runtime/net/adapters/provider-http.ts';
import { historyOf, idsOf, isRouteMissing, refusalOf } from './waha-answers.ts';
import { type WahaFile, type WahaRequest, takesClientIdKind, wahaIdOf, wahaRequest } from './waha-requests.ts';

const historyMessages = 50;

/** Chats in which typing is to be ended; past it, WhatsApp ends it. */
const typingMax = 1_000;

/** Opens the adapter; connects at the first send. */
export function openWaha(options?: ProviderHttpOptions): MessageProvider {
  const http = openProviderHttp(options);
  const endsOfTyping = new Set<NodeJS.Timeout>();

  const call = (
    instance: Instance,
    request: { readonly method: 'GET' | 'POST' | 'PUT'; readonly path: string; readonly body?: unknown },
  ): Promise<ProviderAnswer> =>
    http.call({
      method: request.method,
      url: urlAt(instance.settings.baseUrl ?? '', request.path),
      headers: instance.credentials.apiKey === undefined ? {} : { 'x-api-key': instance.credentials.apiKey },
      ...(request.body === undefined ? {} : { body: request.body }),
    });

  /** The message in the chat's history: by our id, or else by its looks and time. */
  const find = async (instance: Instance, message: OutboundMessage): Promise<Search> => {
    const since = message.firstAttemptAt - historySkewMs;
    const query = new URLSearchParams({
      limit: String(historyMessages),
      downloadMedia: 'false',
      'filter.fromMe': 'true',
      'filter.timestamp.gte': String(Math.floor(since / 1_000)),
    });
    const chat = encodeURIComponent(chatIdOf(message.chat));
    const path = `api/${encodeURIComponent(sessionOf(instance))}/chats/${chat}/messages?${query.toString()}`;
    const answer = await call(instance, { method: 'GET', path }).catch(noAnswer);
    const messages = answer instanceof NoAnswer || answer.status !== 200 ? undefined : historyOf(answer.body);
    return findSent(messages, message, { since, byIdAlone: takesClientId(instance, message) });
  };

  const requestOf = async (instance: Instance, message: OutboundMessage): Promise<WahaRequest | undefined> => {
    const { content } = message;
    const file = 'media' in content ? await fileOf(content.media, message) : undefined;
    if ('media' in content && file === undefined) return undefined;
    return wahaRequest(
      content,
      { session: sessionOf(instance), chatId: chatIdOf(message.chat) },
      {
        ...(takesClientId(instance, message) ? { id: message.clientMessageId } : {}),
        ...(file === undefined ? {} : { file }),
      },
    );
  };

  const post = async (instance: Instance, request: WahaRequest): Promise<ProviderAnswer> => {
    const answer = await call(instance, request);
    if (request.otherwise === undefined || !isRouteMissing(answer.status, answer.body)) return answer;
    return call(instance, request.otherwise);
  };

  const typing = (instance: Instance, chat: string, path: 'api/startTyping' | 'api/stopTyping') =>
    call(instance, { method: 'POST', path, body: { session: sessionOf(instance), chatId: chatIdOf(chat) } });

  const endTyping = (instance: Instance, chat: string, afterMs: number): void => {
    if (endsOfTyping.size >= typingMax) return;
    const timer = setTimeout(() => {
      endsOfTyping.delete(timer);
      typing(instance, chat, 'api/stopTyping').catch(() => undefined);
    }, afterMs);
    timer.unref();
    endsOfTyping.add(timer);
  };

  return {
    reaches: ['group', 'pn', 'lid'],

    async send(instance, message): Promise<SendOutcome> {
      if (instance.settings.baseUrl === undefined) return { outcome: 'refused', code: 'instance.not-configured' };
      if (message.attempt > 1 && !isRepeatable(instance, message)) {
        const { found } = await find(instance, message);
        if (found !== undefined) return { outcome: 'sent', ...found };
      }
      const request = await requestOf(instance, message);
      if (request === undefined) return { outcome: 'refused', code: 'content.file-missing' };
      const answer = await post(instance, request).catch(noAnswer);
      if (answer instanceof NoAnswer) return outcomeWithout(answer);
      if (!isGood(answer)) return refusalOf(answer.status, answer.body, answer.headers['retry-after']);
      // A reaction is no message: what is answered says nothing of one.
      if (message.content.kind === 'reaction') return { outcome: 'sent', httpStatus: answer.status };
      const ids = idsOf(answer.body);
      const known =
        ids.stableId === undefined && takesClientId(instance, message) ? { stableId: message.clientMessageId } : ids;
      return { outcome: 'sent', ...known, httpStatus: answer.status };
    },

    async resolve(instance, message): Promise<Resolution> {
      if (message.content.kind === 'reaction') return { outcome: 'repeat' };
      const { read, found } = await find(instance, message);
      if (found !== undefined) return { outcome: 'sent', ...found };
      if (takesClientId(instance, message)) return { outcome: 'repeat' };
      return { outcome: 'unknown', code: read ? 'outcome.not-found' : 'outcome.history-unavailable' };
    },

    async showTyping(instance, message, forMs) {
      endTyping(instance, message.chat, forMs);
      await typing(instance, message.chat, 'api/startTyping');
    },

    async markRead(instance, chat, stableId) {
      const chatId = chatIdOf(chat);
      // In a group a message is named by its author too, whom we do not know here: the whole chat is read.
      const messageIds = chatId.endsWith('@g.us') ? undefined : [wahaIdOf({ target: stableId }, chatId)];
      const body = { session: sessionOf(instance), chatId, ...(messageIds === undefined ? {} : { messageIds }) };
      await call(instance, { method: 'POST', path: 'api/sendSeen', body });
    },

    async close() {
      for (const timer of endsOfTyping) clearTimeout(timer);
      endsOfTyping.clear();
      await http.close();
    },
  };
}

/** True when the provider knows a repeat as the same message (W2). */
const takesClientId = ({ settings: { engine } }: Instance, { content }: OutboundMessage): boolean =>
  (engine === 'NOWEB' || engine === 'GOWS') && takesClientIdKind(content);

const isRepeatable = (instance: Instance, message: OutboundMessage): boolean =>
  message.content.kind === 'reaction' || takesClientId(instance, message);

/** Undefined when the file is gone. */
async function fileOf(media: OutboundMedia, message: OutboundMessage): Promise<WahaFile | undefined> {
  const { mimetype, filename, url, blob } = media;
  const common = { mimetype, ...(filename === undefined ? {} : { filename }) };
  if (url !== undefined) return { ...common, url };
  const bytes = blob === undefined ? undefined : await message.readFile(blob);
  return bytes === undefined ? undefined : { ...common, data: bytes.toString('base64') };
}

const sessionOf = (instance: Instance): string => instance.settings.session ?? 'default';

/** WAHA's spelling of an address: `…@c.us` for numbers, without the device. */
export function chatIdOf(address: string): string {
  const [userPart = '', domain = 'c.us'] = address.split('@');
  const user = userPart.split(':')[0] ?? '';
  if (domain === 'c.us' || domain === 's.whatsapp.net') return `${user.replace(/\D/g, '')}@c.us`;
  return `${user}@${domain}`;
}
