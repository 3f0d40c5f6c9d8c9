/** Calls about accounts, and what their failures mean; the same for every provider. */
import type { Sighting } from '#machines/instance/asks.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderCall,
  type ProviderHttp,
  isGood,
  noAnswer,
} from '#runtime/net/adapters/provider-http.ts';

import { EffectFailure } from '../handler.ts';

/** Any JSON value, looked into without trust. */
export type Loose = Readonly<Record<string, unknown>>;

/** The value as an object; empty when it is none. */
export const objectOf = (value: unknown): Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};

/** The text at a path; undefined when there is none, or it is empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = path.reduce<unknown>((at, name) => objectOf(at)[name], value);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The number at a path, also where it is written as text. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = path.reduce<unknown>((at, name) => objectOf(at)[name], value);
  const number = typeof found === 'string' && found !== '' ? Number(found) : found;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** An answer as JSON; undefined when it is none. */
export function jsonOf({ body }: ProviderAnswer): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Makes a call. Throws `EffectFailure` when there is no answer. */
export async function answerOf(http: ProviderHttp, call: ProviderCall): Promise<ProviderAnswer> {
  const answer = await http.call(call).catch(noAnswer);
  if (answer instanceof NoAnswer) throw new EffectFailure(answer.code, { retry: true });
  return answer;
}

/** What an answer that is not good means. */
export function failureOf({ status }: ProviderAnswer): EffectFailure {
  if (status === 401 || status === 403) return new EffectFailure('provider.unauthorized');
  if (status === 404) return new EffectFailure('provider.session-unknown');
  if (status === 429 || status >= 500) return new EffectFailure('provider.unavailable', { retry: true });
  return new EffectFailure('provider.refused');
}

/** The answer, which has to be good. */
export function required(answer: ProviderAnswer): ProviderAnswer {
  if (!isGood(answer)) throw failureOf(answer);
  return answer;
}

/** A restriction as Baileys words it, and who builds on it. */
export function restrictionOf(lock: unknown): Sighting['restriction'] {
  const { isActive } = objectOf(lock);
  if (typeof isActive !== 'boolean') return undefined;
  const until = numberAt(lock, 'timeEnforcementEnds') ?? Date.parse(textAt(lock, 'timeEnforcementEnds') ?? '');
  // Seconds or milliseconds: nobody says which.
  const at = until < 100_000_000_000 ? until * 1_000 : until;
  return { active: isActive, ...(Number.isFinite(at) ? { until: at } : {}) };
}
