/**
 * Instances of Evolution API v2.
 *
 * Source: Evolution's code, 2.3.7 (`instance.controller.ts`, `whatsapp.baileys.service.ts`): while an
 * instance connects, `connect` gives its present code and changes nothing; restart is a POST.
 */
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

import { EffectFailure } from '../handler.ts';
import type { AccountProvider, MissedWebhook } from '../ports/accounts.ts';
import { answerOf, jsonOf, numberAt, objectOf, required, textAt } from './account-calls.ts';

const statuses: ReadonlyMap<unknown, Sighting['status']> = new Map<unknown, Sighting['status']>([
  ['open', 'working'],
  ['connecting', 'starting'],
  ['close', 'stopped'],
  // A ban, or credentials that are no good: it does not reconnect by itself.
  ['refused', 'failed'],
]);

const history = { perPage: 100, pagesMax: 20 } as const;

/** Opens the adapter; connects at the first call. */
export function openEvolutionAccounts(options?: ProviderHttpOptions): AccountProvider {
  const http = openProviderHttp(options);

  const call = (
    instance: Instance,
    signal: AbortSignal,
    method: ProviderCall['method'],
    path: string,
    body?: unknown,
  ): Promise<ProviderAnswer> => {
    const { baseUrl, session } = instance.settings;
    if (baseUrl === undefined || session === undefined) throw new EffectFailure('instance.not-configured');
    const { apiKey } = instance.credentials;
    return answerOf(http, {
      method,
      url: urlAt(baseUrl, path.replace('{i}', encodeURIComponent(session))),
      headers: apiKey === undefined ? {} : { apikey: apiKey },
      signal,
      ...(body === undefined ? {} : { body }),
    });
  };

  /** What links a phone; undefined when none is waited for. */
  const link = async (instance: Instance, phoneNumber: string | null, signal: AbortSignal): Promise<Sighting['qr']> => {
    const query = phoneNumber === null ? '' : `?number=${encodeURIComponent(phoneNumber)}`;
    const answer = jsonOf(required(await call(instance, signal, 'GET', `instance/connect/{i}${query}`)));
    const code = textAt(answer, 'code');
    const pairingCode = textAt(answer, 'pairingCode');
    return code === undefined ? undefined : { code, ...(pairingCode === undefined ? {} : { pairingCode }) };
  };

  const stateOf = async (instance: Instance, signal: AbortSignal): Promise<Sighting['status']> => {
    const answer = jsonOf(required(await call(instance, signal, 'GET', 'instance/connectionState/{i}')));
    return statuses.get(objectOf(objectOf(answer)['instance'])['state']) ?? 'unknown';
  };

  const look = async (instance: Instance, signal: AbortSignal): Promise<Sighting> => {
    const status = await stateOf(instance, signal);
    if (status !== 'starting') return { status };
    const qr = await link(instance, null, signal);
    return qr === undefined ? { status } : { status: 'scanning', qr };
  };

  const provide = async (instance: Instance, signal: AbortSignal): Promise<void> => {
    const answer = await call(instance, signal, 'GET', 'instance/connectionState/{i}');
    if (answer.status !== 404) {
      required(answer);
      return;
    }
    const wanted = { instanceName: instance.settings.session, integration: 'WHATSAPP-BAILEYS', qrcode: false };
    required(await call(instance, signal, 'POST', 'instance/create', wanted));
  };

  return {
    async connect(instance, phoneNumber, signal) {
      await provide(instance, signal);
      const qr = await link(instance, phoneNumber, signal);
      return qr === undefined ? look(instance, signal) : { status: 'scanning', qr };
    },
    look,

    async restart(instance, signal) {
      const answer = await call(instance, signal, 'POST', 'instance/restart/{i}');
      // One that is closed cannot be restarted, only connected.
      if (!isGood(answer)) required(await call(instance, signal, 'GET', 'instance/connect/{i}'));
      return look(instance, signal);
    },

    async logout(instance, signal) {
      const answer = await call(instance, signal, 'DELETE', 'instance/logout/{i}');
      // 400: it is not connected.
      if (answer.status !== 400) required(answer);
      return { status: 'stopped' };
    },

    async remove(instance, signal) {
      await call(instance, signal, 'DELETE', 'instance/logout/{i}');
      const answer = await call(instance, signal, 'DELETE', 'instance/delete/{i}');
      if (answer.status === 404) return false;
      required(answer);
      return true;
    },

    async *missed(instance, from, to, signal): AsyncGenerator<MissedWebhook> {
      const found: unknown[] = [];
      const messageTimestamp = { gte: new Date(from).toISOString(), lte: new Date(to).toISOString() };
      let whole = false;
      for (let page = 1; !whole && page <= history.pagesMax; page += 1) {
        const body = { where: { messageTimestamp }, page, offset: history.perPage };
        const answer = jsonOf(required(await call(instance, signal, 'POST', 'chat/findMessages/{i}', body)));
        const records = objectOf(objectOf(answer)['messages'])['records'];
        const some = Array.isArray(records) ? (records as unknown[]) : [];
        found.push(...some);
        whole = some.length < history.perPage;
      }
      const { session = '' } = instance.settings;
      for (const data of found.sort((a, b) => atOf(a) - atOf(b))) {
        const at = atOf(data);
        // A version that knows no filter by time gives all.
        if (at < from || at > to) continue;
        yield { at, body: { event: 'messages.upsert', instance: session, data } };
      }
      if (!whole) throw new EffectFailure('provider.history-too-long');
    },

    sign: ({ credentials: { webhookSecret = '' } }) => ({ authorization: `Bearer ${webhookSecret}` }),

    close: () => http.close(),
  };
}

const atOf = (message: unknown): number => (numberAt(message, 'messageTimestamp') ?? 0) * 1_000;
