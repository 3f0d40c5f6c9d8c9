/**
 * The addresses by which an account's server is reached: the first rung of the ladder. They are of one server with
 * one account, so that it does not matter by which a message goes; one that is not sent by the first is tried by the
 * next within the same attempt.
 *
 * Owns: which addresses did not answer lately, by what this process met. Shared by nobody: a process may be cut off
 * from an address that others reach.
 */
import type { Instance } from '#runtime/instances/instances.ts';
import { Lru } from '#runtime/lru.ts';

import type { SendOutcome } from './ports/provider.ts';

/** For how long an address is passed over that did not answer. Milliseconds. */
const avoidedMs = 30_000;
const addressesMax = 10_000;

/** The addresses of a process. */
export interface Endpoints {
  /** The instance by each of its addresses, the one to begin with first. Never empty. */
  of(instance: Instance): readonly Instance[];
  /** It did not answer by this address. */
  failed(instance: Instance): void;
}

/** Opens them. `now` in milliseconds. */
export function openEndpoints(now: () => number): Endpoints {
  const avoidedUntil = new Lru<string, number>(addressesMax);
  const isAvoided = ({ settings: { baseUrl } }: Instance): boolean => (avoidedUntil.get(baseUrl ?? '') ?? 0) > now();
  return {
    of(instance) {
      const { baseUrl, alternateUrls } = instance.settings;
      if (baseUrl === undefined || alternateUrls === undefined) return [instance];
      const all = [baseUrl, ...alternateUrls].map((url) => ({
        ...instance,
        settings: { ...instance.settings, baseUrl: url },
      }));
      return [...all.filter((one) => !isAvoided(one)), ...all.filter(isAvoided)];
    },
    failed({ settings: { baseUrl } }) {
      if (baseUrl !== undefined) avoidedUntil.set(baseUrl, now() + avoidedMs);
    },
  };
}

/** What says that an address leads nowhere now, and nothing of the message or the account. */
const nowhere: ReadonlySet<string> = new Set([
  'provider.unreachable',
  'provider.unavailable',
  'provider.connection-lost',
  'provider.timeout',
]);

/** Whether another address may do better: it was certainly not sent, and nobody there could say why. */
export const mayGoElsewhere = (outcome: SendOutcome): outcome is Extract<SendOutcome, { readonly outcome: 'retry' }> =>
  outcome.outcome === 'retry' && (outcome.scope ?? 'message') === 'message' && nowhere.has(outcome.code);
