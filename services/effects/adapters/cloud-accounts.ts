/**
 * Numbers of the WhatsApp Cloud API. They are connected at Meta, not here: there is nothing to start,
 * restart or scan.
 *
 * Meta allows 200 management calls an hour per app and account, so that a number is looked at every five
 * minutes at most; between, what was seen holds (Graph API reference: WhatsApp Business Phone Number).
 */
import type { Sighting } from '#machines/instance/asks.ts';
import { graphHeaders, graphUrl } from '#runtime/cloud/graph.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { Lru } from '#runtime/lru.ts';
import { type ProviderHttpOptions, isGood, openProviderHttp } from '#runtime/net/adapters/provider-http.ts';

import { EffectFailure } from '../handler.ts';
import type { AccountProvider } from '../ports/accounts.ts';
import { answerOf, failureOf, jsonOf, numberAt, objectOf } from './account-calls.ts';

const lookEveryMs = 300_000;
const numbersMax = 10_000;
/** Graph's code of a token that is no good. */
const tokenRefused = 190;

const statuses: ReadonlyMap<unknown, Sighting> = new Map<unknown, Sighting>([
  ['CONNECTED', { status: 'working', restriction: { active: false } }],
  ['FLAGGED', { status: 'working', restriction: { active: false } }],
  ['RESTRICTED', { status: 'working', restriction: { active: true } }],
  ['RATE_LIMITED', { status: 'working', restriction: { active: true } }],
  ['PENDING', { status: 'starting' }],
  ['UNVERIFIED', { status: 'starting' }],
  ['MIGRATED', { status: 'failed' }],
  ['BANNED', { status: 'failed' }],
  ['DISCONNECTED', { status: 'failed' }],
  ['DELETED', { status: 'failed' }],
]);

/** Opens the adapter; connects at the first call. */
export function openCloudAccounts(now: () => number, options?: ProviderHttpOptions): AccountProvider {
  const http = openProviderHttp(options);
  const seen = new Lru<string, { readonly sighting: Sighting; readonly at: number }>(numbersMax);

  const ask = async (instance: Instance, signal: AbortSignal): Promise<Sighting> => {
    const { phoneNumberId } = instance.settings;
    if (phoneNumberId === undefined) throw new EffectFailure('instance.not-configured');
    const url = graphUrl(instance, `${phoneNumberId}?fields=status`);
    const answer = await answerOf(http, { method: 'GET', url, headers: graphHeaders(instance), signal });
    const body = objectOf(jsonOf(answer));
    if (numberAt(body, 'error', 'code') === tokenRefused) throw new EffectFailure('provider.unauthorized');
    if (!isGood(answer)) throw failureOf(answer);
    // A number that can be read and of which no state is said takes messages.
    const sighting = statuses.get(body['status']) ?? { status: 'working' };
    seen.set(instance.id, { sighting, at: now() });
    return sighting;
  };

  return {
    connect: (instance, _phoneNumber, signal) => ask(instance, signal),
    async look(instance, signal) {
      const last = seen.get(instance.id);
      return last !== undefined && now() - last.at < lookEveryMs ? last.sighting : ask(instance, signal);
    },
    restart: ask,
    logout: () => Promise.resolve({ status: 'stopped' }),
    remove: () => Promise.resolve(false),
    sign: () => ({}),
    close: () => http.close(),
  };
}
