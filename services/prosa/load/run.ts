/**
 * Runs a load against the simulator.
 *
 * Messages are due at fixed times, and each is measured from when it was due: a slow answer does not
 * slow down what comes after it, nor hide it. Everything is bounded: calls in flight, people watched,
 * the time that replies are waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { CommandError, exitCodes } from '../exit-codes.ts';
import type { Page } from '../api.ts';
import type { Session } from '../session.ts';
import { type LoadPlan, dueAt, messagesOf, phoneOf } from './plan.ts';

const inFlightMax = 256;
/** First messages whose reply is waited for. */
const watchedMax = 50;
const replyMsMax = 30_000;
/** Looks at a phone: at first after the one, at last after the other; a reply's time is as exact as that. */
const lookMs = { first: 20, growth: 1.3, last: 500 } as const;
/** Failures without any success after which nothing is expected any more. */
const hopelessAfter = 20;

/** What happened. */
export interface LoadOutcome {
  readonly sent: number;
  readonly elapsedMs: number;
  readonly accepted: readonly number[];
  /** Times from a person's first message to the reply at their phone. */
  readonly replied: readonly number[];
  /** People whose reply was waited for. */
  readonly watched: number;
  /** Messages that were not accepted, by code. */
  readonly failed: Readonly<Record<string, number>>;
}

/** Runs it to its end or an interrupt. Throws the first failure when nothing at all was accepted. */
export async function runLoad(
  session: Session,
  plan: LoadPlan,
  onProgress: (sent: number) => void,
): Promise<LoadOutcome> {
  const load = new Load(session, plan);
  const begun = performance.now();
  const sent = await load.send(begun, onProgress);
  await load.settled();
  return { sent, elapsedMs: performance.now() - begun, ...load.outcome() };
}

class Load {
  readonly #session: Session;
  readonly #plan: LoadPlan;
  readonly #run = String(Date.now() % 1_000_000).padStart(6, '0');
  readonly #inFlight = new Set<Promise<void>>();
  readonly #watching = new Set<Promise<void>>();
  readonly #accepted: number[] = [];
  readonly #replied: number[] = [];
  readonly #failed: Record<string, number> = {};
  #watched = 0;
  #failures = 0;
  #first: CommandError | undefined;
  /** The key may not look at phones. */
  #blind = false;

  constructor(session: Session, plan: LoadPlan) {
    this.#session = session;
    this.#plan = plan;
  }

  async send(begun: number, onProgress: (sent: number) => void): Promise<number> {
    const { signal } = this.#session;
    const total = messagesOf(this.#plan);
    for (let i = 0; i < total; i++) {
      const due = begun + dueAt(this.#plan, i);
      const early = due - performance.now();
      if (early > 1) await sleep(early, undefined, { signal }).catch(() => undefined);
      if (this.#inFlight.size >= inFlightMax) await Promise.race(this.#inFlight);
      if (signal.aborted) return i;
      if (this.#accepted.length === 0 && this.#failures >= hopelessAfter)
        throw this.#first ?? new Error('no failure is kept');
      this.#track(this.#inFlight, this.#message(i, due));
      onProgress(i + 1);
    }
    return total;
  }

  /** Waits for answers, and for the replies that are watched. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
    await Promise.all(this.#watching);
    if (this.#accepted.length === 0 && this.#first !== undefined) throw this.#first;
  }

  outcome(): Omit<LoadOutcome, 'sent' | 'elapsedMs'> {
    const [accepted, replied, failed] = [this.#accepted, this.#replied, this.#failed];
    return { accepted, replied, failed, watched: this.#blind ? 0 : this.#watched };
  }

  #track(set: Set<Promise<void>>, work: Promise<void>): void {
    const tracked = work.finally(() => set.delete(tracked));
    set.add(tracked);
  }

  async #message(i: number, due: number): Promise<void> {
    const phone = phoneOf(this.#run, i % this.#plan.people);
    try {
      await this.#session.api().post('/v1/simulator/messages', { from: phone, text: this.#plan.text });
      this.#accepted.push(performance.now() - due);
    } catch (caught) {
      if (this.#session.signal.aborted) return;
      if (!(caught instanceof CommandError)) throw caught;
      this.#failures += 1;
      this.#first ??= caught;
      const code = caught.code ?? (caught.exitCode === exitCodes.unavailable ? 'unreachable' : 'failed');
      this.#failed[code] = (this.#failed[code] ?? 0) + 1;
      return;
    }
    if (i >= this.#plan.people || this.#watched >= watchedMax || this.#blind) return;
    this.#watched += 1;
    this.#track(this.#watching, this.#watch(phone, due));
  }

  async #watch(phone: string, due: number): Promise<void> {
    let pause: number = lookMs.first;
    while (performance.now() - due < replyMsMax && !this.#blind) {
      try {
        const { items } = await this.#session.api().get<Page<unknown>>('/v1/simulator/messages', { phone, limit: 1 });
        if (items.length > 0) {
          this.#replied.push(performance.now() - due);
          return;
        }
        await this.#session.pause(pause);
      } catch (caught) {
        if (this.#session.signal.aborted) return;
        if (!(caught instanceof CommandError)) throw caught;
        if (caught.exitCode === exitCodes.refused) this.#blind = true;
        await sleep(lookMs.last);
      }
      pause = Math.min(pause * lookMs.growth, lookMs.last);
    }
  }
}
