/**
 * Sessions of WAHA.
 *
 * Source: WAHA's OpenAPI document, 2026.7 (`/api/sessions`, `/api/{session}/auth`, `/api/{session}/chats`).
 */
import { createHmac } from 'node:crypto';

import type { Sighting } from '#machines/instance/asks.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import {
  type ProviderAnswer,
  type ProviderCall,
  type ProviderHttpOptions,
  isGood,
  openProviderHttp,
  urlAt,
} from '#runtime/net/adapters/provider-http.ts';
import { sessionStatuses } from '#runtime/waha/session-statuses.ts';

import { EffectFailure } from '../handler.ts';
import type { AccountProvider, MissedWebhook } from '../ports/accounts.ts';
import { answerOf, jsonOf, numberAt, objectOf, required, restrictionOf, textAt } from './account-calls.ts';

/** Bounds of a look through the history. */
const history = { chatsPerPage: 50, chatsMax: 1_000, messagesPerPage: 100, messagesPerChatMax: 1_000 } as const;

/** Opens the adapter; connects at the first call. */
export function openWahaAccounts(options?: ProviderHttpOptions): AccountProvider {
  const http = openProviderHttp(options);

  const call = (
    instance: Instance,
    signal: AbortSignal,
    method: ProviderCall['method'],
    path: string,
    body?: unknown,
  ): Promise<ProviderAnswer> => {
    const { baseUrl } = instance.settings;
    if (baseUrl === undefined) throw new EffectFailure('instance.not-configured');
    const { apiKey } = instance.credentials;
    return answerOf(http, {
      method,
      url: urlAt(baseUrl, `api/${path}`),
      headers: apiKey === undefined ? {} : { 'x-api-key': apiKey },
      signal,
      ...(body === undefined ? {} : { body }),
    });
  };

  const linkOf = async (instance: Instance, signal: AbortSignal): Promise<Sighting['qr']> => {
    const answer = await call(instance, signal, 'GET', `${nameOf(instance)}/auth/qr?format=raw`);
    // Between two codes there is none.
    const code = isGood(answer) ? textAt(jsonOf(answer), 'value') : undefined;
    return code === undefined ? undefined : { code };
  };

  const look = async (instance: Instance, signal: AbortSignal): Promise<Sighting> => {
    const session = jsonOf(required(await call(instance, signal, 'GET', `sessions/${nameOf(instance)}`)));
    const status = sessionStatuses.get(objectOf(session)['status']) ?? 'unknown';
    const restriction = restrictionOf(objectOf(objectOf(session)['me'])['reachoutTimelock']);
    const qr = status === 'scanning' ? await linkOf(instance, signal) : undefined;
    return {
      status,
      ...(qr === undefined ? {} : { qr }),
      ...(restriction === undefined ? {} : { restriction }),
    };
  };

  const act = async (instance: Instance, signal: AbortSignal, action: string): Promise<Sighting> => {
    required(await call(instance, signal, 'POST', `sessions/${nameOf(instance)}/${action}`));
    return look(instance, signal);
  };

  const pairingCode = async (instance: Instance, phoneNumber: string, signal: AbortSignal): Promise<string> => {
    const answer = await call(instance, signal, 'POST', `${nameOf(instance)}/auth/request-code`, { phoneNumber });
    return textAt(jsonOf(required(answer)), 'code') ?? '';
  };

  /** Chats with something since a time: they come with the newest first. Throws when there are more than are read. */
  async function* chatsSince(instance: Instance, from: number, signal: AbortSignal): AsyncGenerator<string> {
    for (let offset = 0; offset < history.chatsMax; offset += history.chatsPerPage) {
      const page = `limit=${history.chatsPerPage}&offset=${offset}`;
      const answer = required(await call(instance, signal, 'GET', `${nameOf(instance)}/chats/overview?${page}`));
      const chats = listOf(jsonOf(answer));
      for (const chat of chats) {
        const id = textAt(chat, 'id') ?? textAt(chat, 'id', '_serialized');
        const last = numberAt(chat, 'lastMessage', 'timestamp');
        if (last !== undefined && last * 1_000 < from) return;
        if (id !== undefined) yield id;
      }
      if (chats.length < history.chatsPerPage) return;
    }
    throw new EffectFailure('provider.history-too-long');
  }

  /** Messages of a chat, oldest first; of very many the newest, and `whole` is false. */
  async function messagesOf(
    instance: Instance,
    chat: string,
    range: { readonly from: number; readonly to: number },
    signal: AbortSignal,
  ): Promise<{ readonly messages: readonly unknown[]; readonly whole: boolean }> {
    const found: unknown[] = [];
    let whole = false;
    for (let offset = 0; offset < history.messagesPerChatMax; offset += history.messagesPerPage) {
      const query = new URLSearchParams({
        limit: String(history.messagesPerPage),
        offset: String(offset),
        downloadMedia: 'false',
        'filter.timestamp.gte': String(Math.floor(range.from / 1_000)),
        'filter.timestamp.lte': String(Math.ceil(range.to / 1_000)),
      });
      const path = `${nameOf(instance)}/chats/${encodeURIComponent(chat)}/messages?${query.toString()}`;
      const page = listOf(jsonOf(required(await call(instance, signal, 'GET', path))));
      found.push(...page);
      whole = page.length < history.messagesPerPage;
      if (whole) break;
    }
    return { messages: found.sort((a, b) => secondsOf(a) - secondsOf(b)), whole };
  }

  return {
    async connect(instance, phoneNumber, signal) {
      const known = await call(instance, signal, 'GET', `sessions/${nameOf(instance)}`);
      if (known.status === 404) {
        const name = instance.settings.session ?? sessionDefault;
        required(await call(instance, signal, 'POST', 'sessions', { name, start: true }));
      } else required(known);
      const seen = await act(instance, signal, 'start');
      if (phoneNumber === null || seen.status !== 'scanning') return seen;
      const code = await pairingCode(instance, phoneNumber, signal);
      return { ...seen, qr: { code: seen.qr?.code ?? '', pairingCode: code } };
    },
    look,
    restart: (instance, signal) => act(instance, signal, 'restart'),
    logout: (instance, signal) => act(instance, signal, 'logout'),

    async remove(instance, signal) {
      const answer = await call(instance, signal, 'DELETE', `sessions/${nameOf(instance)}`);
      if (answer.status === 404) return false;
      required(answer);
      return true;
    },

    async *missed(instance, from, to, signal): AsyncGenerator<MissedWebhook> {
      let isWhole = true;
      for await (const chat of chatsSince(instance, from, signal)) {
        const { messages, whole } = await messagesOf(instance, chat, { from, to }, signal);
        isWhole &&= whole;
        for (const message of messages) {
          const id = textAt(message, 'id') ?? textAt(message, 'id', '_serialized');
          if (id === undefined) continue;
          const at = secondsOf(message) * 1_000;
          const session = instance.settings.session ?? sessionDefault;
          yield { at, body: { id: `recovered-${id}`, timestamp: at, event: 'message.any', session, payload: message } };
        }
      }
      if (!isWhole) throw new EffectFailure('provider.history-too-long');
    },

    sign: ({ credentials: { webhookSecret = '' } }, body) => ({
      'x-webhook-hmac-algorithm': 'sha512',
      'x-webhook-hmac': createHmac('sha512', webhookSecret).update(body).digest('hex'),
    }),

    close: () => http.close(),
  };
}

const sessionDefault = 'default';
const nameOf = ({ settings }: Instance): string => encodeURIComponent(settings.session ?? sessionDefault);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const secondsOf = (message: unknown): number => numberAt(message, 'timestamp') ?? 0;
