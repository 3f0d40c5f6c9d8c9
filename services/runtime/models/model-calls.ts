/**
 * Calls to models as somebody waits for them: one time for everything, few repetitions, a second model, and no
 * call to what is known to be down.
 *
 * Owns: the breakers of this process.
 *
 * C1 All of it takes `totalMs` at most, waits between attempts among it.
 * C2 Repeated is only what may go better: time-outs, broken connections, 5xx, 429. Never sooner than the server
 *    asks, and not at all where that is beyond the time that is left.
 * C3 Where there is another model, it is asked instead of one that is slow, spent, denied or down.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';

import type { Metrics } from '../metrics.ts';
import { type BreakerOptions, type BreakerState, Breakers, breakerDefaults } from './breakers.ts';
import { type ModelEndpoint, ModelError, type ModelFailure } from './model-server.ts';

/** How often and how long. Milliseconds. */
export interface ModelCallOptions {
  readonly totalMs: number;
  /** Calls of one model, the first among them. */
  readonly attemptsMax: number;
  /** Greatest wait before the second call; doubles. */
  readonly backoffMs: number;
}

export const chatCallDefaults: ModelCallOptions = { totalMs: 12_000, attemptsMax: 3, backoffMs: 400 };

/** What tests replace. */
export interface ModelCallSeam {
  readonly breakers?: BreakerOptions;
  readonly random?: () => number;
  /** Waits between attempts. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** An answer, and who gave it. */
export interface Answered<T, Endpoint extends ModelEndpoint = ModelEndpoint> {
  readonly answer: T;
  readonly endpoint: Endpoint;
}

/** Calls models. */
export interface ModelCalls {
  /** Name of a model in metrics: one of a bounded number. */
  labelOf(model: string): string;
  /** Asks the first endpoint that can answer, in their order. `signal`: nobody waits any more. Throws the last `ModelError`. */
  call<T, Endpoint extends ModelEndpoint>(
    endpoints: readonly Endpoint[],
    options: ModelCallOptions,
    signal: AbortSignal,
    ask: (endpoint: ModelEndpoint, signal: AbortSignal) => Promise<T>,
  ): Promise<Answered<T, Endpoint>>;
}

const failuresOfServer: ReadonlySet<ModelFailure> = new Set(['timeout', 'connection', 'server', 'unreadable']);
const mayPass: ReadonlySet<ModelFailure> = new Set(['timeout', 'connection', 'server', 'rate-limited']);

const wait = (ms: number, signal: AbortSignal): Promise<void> => sleepFor(ms, undefined, { signal });

/** Breakers in metrics. */
const levels: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 0.5, open: 1 };

/** Opens them. */
export function openModelCalls(metrics: Metrics, now: () => number, seam: ModelCallSeam = {}): ModelCalls {
  const { random = Math.random, sleep = wait } = seam;
  const labelOf = boundedLabels(modelLabelsMax);
  const breakers = new Breakers(seam.breakers ?? breakerDefaults, now, random, (name, state) => {
    metrics.modelBreaker.set({ model: labelOf(name.split(' ')[1] ?? '') }, levels[state]);
  });

  /** `given` is the part of `signal` that says that whoever waited went away, which is no fault of the server. */
  const attempt = async <T>(
    endpoint: ModelEndpoint,
    given: AbortSignal,
    signal: AbortSignal,
    ask: Ask<T>,
  ): Promise<T> => {
    const name = `${endpoint.baseUrl} ${endpoint.model}`;
    if (!breakers.admits(name)) throw new ModelError('breaker-open');
    const began = performance.now();
    let outcome: ModelFailure | 'answered' | 'internal' = 'internal';
    try {
      const answer = await ask(endpoint, signal);
      outcome = 'answered';
      return answer;
    } catch (caught) {
      if (caught instanceof ModelError) outcome = caught.failure;
      throw caught;
    } finally {
      if (outcome === 'answered') breakers.works(name);
      else if (outcome !== 'internal' && failuresOfServer.has(outcome) && !given.aborted) breakers.fails(name);
      else breakers.saysNothing(name);
      metrics.modelDuration.observe({ model: labelOf(endpoint.model), outcome }, (performance.now() - began) / 1_000);
    }
  };

  return {
    labelOf,

    async call(endpoints, { totalMs, attemptsMax, backoffMs }, given, ask) {
      const until = performance.now() + totalMs;
      const timeUp = new AbortController();
      const timer = setTimeout(() => timeUp.abort(), totalMs);
      const signal = AbortSignal.any([given, timeUp.signal]);
      let failure = new ModelError('timeout');
      try {
        for (const [i, endpoint] of endpoints.entries()) {
          const hasOther = i + 1 < endpoints.length;
          for (let tried = 1; ; tried += 1) {
            try {
              return { answer: await attempt(endpoint, given, signal, ask), endpoint };
            } catch (caught) {
              if (!(caught instanceof ModelError)) throw caught;
              failure = caught;
            }
            if (signal.aborted) throw failure;
            const waitMs = Math.max(random() * backoffMs * 2 ** (tried - 1), failure.retryAfterMs ?? 0);
            const isSlow = failure.failure === 'timeout' && hasOther;
            if (!mayPass.has(failure.failure) || isSlow || tried >= attemptsMax) break;
            if (performance.now() + waitMs >= until) break;
            await sleep(waitMs, signal).catch(() => undefined);
          }
        }
        throw failure;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

type Ask<T> = (endpoint: ModelEndpoint, signal: AbortSignal) => Promise<T>;

const modelLabelsMax = 50;

/** Names of models are the tenants': the first few are labels, all others one. */
function boundedLabels(max: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (!known.has(name) && known.size >= max) return 'other';
    known.add(name);
    return name.slice(0, 60);
  };
}
