/**
 * Sessions of our own Baileys gateway. It has no history: what WhatsApp kept while a session was away
 * comes when it is back, as ordinary webhooks.
 */
import type { Sighting } from '#machines/instance/asks.ts';
import { gatewayKeyOf, pairingAnswer, sessionAnswer, sessionPath } from '#runtime/baileys/gateway.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import {
  type ProviderAnswer,
  type ProviderCall,
  type ProviderHttpOptions,
  openProviderHttp,
} from '#runtime/net/adapters/provider-http.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { AccountProvider } from '../ports/accounts.ts';
import { answerOf, jsonOf, required } from './account-calls.ts';

/** Opens the adapter; connects at the first call. */
export function openBaileysAccounts(
  runtime: Pick<Runtime, 'config' | 'vault'>,
  options?: ProviderHttpOptions,
): AccountProvider {
  const http = openProviderHttp(options);

  const call = (
    { tenant, id }: Instance,
    signal: AbortSignal,
    method: ProviderCall['method'],
    rest: readonly string[] = [],
    body?: unknown,
  ): Promise<ProviderAnswer> =>
    answerOf(http, {
      method,
      url: new URL(sessionPath(tenant, id, ...rest), runtime.config.baileys.url),
      headers: { authorization: `Bearer ${gatewayKeyOf(runtime, tenant)}` },
      signal,
      ...(body === undefined ? {} : { body }),
    });

  const seen = (answer: ProviderAnswer): Sighting => {
    const session = sessionAnswer.safeParse(jsonOf(required(answer)));
    if (!session.success) return { status: 'unknown' };
    const { status, qr } = session.data;
    return { status, ...(qr === undefined ? {} : { qr }) };
  };

  const connect = async (instance: Instance, signal: AbortSignal): Promise<Sighting> =>
    seen(await call(instance, signal, 'PUT'));

  return {
    async connect(instance, phoneNumber, signal) {
      const sighting = await connect(instance, signal);
      if (phoneNumber === null || sighting.status === 'working') return sighting;
      const phone = phoneNumber.replace(/\D/g, '');
      const answer = required(await call(instance, signal, 'POST', ['pairing-code'], { phone }));
      const { code } = pairingAnswer.parse(jsonOf(answer));
      return { status: 'scanning', qr: { code: sighting.qr?.code ?? '', pairingCode: code } };
    },
    async look(instance, signal) {
      const answer = await call(instance, signal, 'GET');
      // One that was never connected, or was taken away, is nowhere.
      return answer.status === 404 ? { status: 'stopped' } : seen(answer);
    },

    async restart(instance, signal) {
      const stopped = await call(instance, signal, 'POST', ['disconnect']);
      // One that is not held anywhere has nothing to close.
      if (stopped.status !== 404) required(stopped);
      return connect(instance, signal);
    },

    async logout(instance, signal) {
      const answer = await call(instance, signal, 'DELETE');
      if (answer.status !== 404) required(answer);
      return { status: 'stopped' };
    },

    async remove(instance, signal) {
      const answer = await call(instance, signal, 'DELETE');
      if (answer.status === 404) return false;
      required(answer);
      return true;
    },

    sign: () => ({}),
    close: () => http.close(),
  };
}
