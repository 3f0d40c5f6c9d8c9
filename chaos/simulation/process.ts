/**
 * Processes in virtual time. Whatever one waits for outside of itself is a point: a request on its way,
 * an answer on its way, or a wait. At each point the seed decides what happens to the process.
 */
import { OperatingError, type ErrorCode } from '#runtime/errors.ts';
import type { Chance } from '#runtime/log/adapters/simulated/chance.ts';

import type { Scheduler } from './scheduler.ts';

/** Chances per 10 000 points. */
export interface Weather {
  readonly crash: number;
  readonly pause: number;
  readonly delay: number;
  readonly refuse: number;
}

/** Nothing goes wrong. */
export const calm: Weather = { crash: 0, pause: 0, delay: 0, refuse: 0 };

/** What became of processes, counted. */
export interface Tally {
  crashes: number;
  zombies: number;
  delays: number;
  refusals: number;
  answersLost: number;
  lateRequests: number;
}

/** What all processes of a simulation live in. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly tally: Tally;
  weather: Weather;
  /** The next commit is done or not, and whoever asked for it never hears which. */
  readonly loseAnswer: (done: boolean) => void;
  /** Set by a machine that ends its process: whoever is running ends at its next point. */
  killing: boolean;
}

/** `ask`: a request, done when it arrives; `answer`: what was done comes back; `wait`: nothing travels. */
type PointKind = 'ask' | 'answer' | 'wait';

interface Pending {
  readonly kind: PointKind;
  /** It is outside of the process, which may be gone or stopped when it arrives. */
  travels: boolean;
}

const kindOf = (name: string): PointKind =>
  name.startsWith('ask') ? 'ask' : name.startsWith('answer') ? 'answer' : 'wait';

/** Longest time that a request or an answer takes when nothing is wrong, ms. */
const latencyMaxMs = 4;
/** Longest time between being given a partition and fencing: its earlier owner goes on meanwhile. */
const takeOverMaxMs = 3_000;
const delayMaxMs = 6_000;
const backOffMs = 100;
/** A broker believes a silent process gone after this. */
export const sessionMs = 10_000;

/** A process. */
export class VirtualProcess {
  readonly name: string;
  alive = true;
  readonly #around: Surroundings;
  readonly #pending = new Set<Pending>();
  readonly #ended: (how: 'crashed' | 'paused', ms: number) => void;
  #pausedUntil = 0;

  /** `ended` is told of a crash (and how long until somebody starts it again) and of a pause (and how long). */
  constructor(name: string, around: Surroundings, ended: (how: 'crashed' | 'paused', ms: number) => void) {
    this.name = name;
    this.#around = around;
    this.#ended = ended;
  }

  /** Resolves when the process goes on. Never, once it crashed. Rejects with `refusal` when the request or its answer is lost. */
  point(name: string, refusal?: ErrorCode): Promise<void> {
    const { scheduler, chance, weather, tally } = this.#around;
    const pending: Pending = { kind: kindOf(name), travels: false };
    if (!this.alive) return new Promise(() => undefined);
    this.#pending.add(pending);
    let ms = pending.kind === 'wait' ? backOffMs : chance.below(name === 'ask fence' ? takeOverMaxMs : latencyMaxMs);
    let fails = false;
    if (this.#around.killing) {
      this.#around.killing = false;
      this.#crash(name);
    } else if (weather !== calm) {
      let roll = chance.below(10_000);
      const falls = (rate: number): boolean => (roll -= rate) < 0 && roll >= -rate;
      if (falls(weather.crash)) this.#crash(name);
      else if (falls(weather.pause)) this.#pause(name);
      else if (falls(weather.delay)) {
        tally.delays += 1;
        ms += chance.below(delayMaxMs);
      } else if (
        falls(weather.refuse) &&
        refusal !== undefined &&
        pending.kind !== 'wait' &&
        name !== 'answer commit'
      ) {
        fails = true;
        if (pending.kind === 'answer') tally.answersLost += 1;
        else tally.refusals += 1;
      }
    }
    scheduler.note(`${this.name} ${name}${fails ? ' refused' : ''}`);
    return new Promise((resolve, reject) => {
      const arrive = (): void => {
        if (!this.alive && !pending.travels) return;
        if (scheduler.now < this.#pausedUntil && !pending.travels) {
          scheduler.after(this.#pausedUntil - scheduler.now, arrive);
          return;
        }
        this.#pending.delete(pending);
        if (!this.alive) {
          tally.lateRequests += 1;
          scheduler.note(`${this.name} is gone, its ${name} arrives`);
        }
        if (fails && name === 'ask commit' && chance.once(2)) this.#around.loseAnswer(chance.once(2));
        else if (fails && refusal !== undefined) {
          reject(new OperatingError(refusal));
          return;
        }
        resolve();
      };
      scheduler.after(ms, arrive);
    });
  }

  /** Does something elsewhere: a request, what it does when it arrives, and the answer. */
  async call<T>(name: string, refusal: ErrorCode, work: () => T): Promise<T> {
    await this.point(`ask ${name}`, refusal);
    const result = work();
    await this.point(`answer ${name}`, refusal);
    return result;
  }

  #crash(where: string): void {
    const { scheduler, chance, tally } = this.#around;
    tally.crashes += 1;
    scheduler.note(`${this.name} crashes at ${where}`);
    this.alive = false;
    for (const pending of this.#pending) pending.travels = pending.kind === 'ask' && chance.once(2);
    this.#ended('crashed', 50 + chance.below(15_000));
  }

  #pause(where: string): void {
    const { scheduler, chance, tally } = this.#around;
    tally.zombies += 1;
    const ms = sessionMs + chance.below(sessionMs);
    scheduler.note(`${this.name} stops at ${where} for ${ms} ms`);
    for (const pending of this.#pending) pending.travels ||= pending.kind === 'ask' && chance.once(2);
    this.#pausedUntil = Math.max(this.#pausedUntil, scheduler.now + ms);
    this.#ended('paused', ms);
  }
}
