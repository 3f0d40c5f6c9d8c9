/**
 * Circuit breakers of model servers, one per base URL and model, each process its own.
 *
 * K1 `closed`: calls go. After `failuresMax` in a row the breaker opens.
 * K2 `open`: no call goes until a pause is over, which doubles with each opening and is spread.
 * K3 `half-open`: one call goes. What it meets closes the breaker or opens it anew; a call that says nothing
 *    of the server gives its turn to the next.
 */
import { Lru } from '../lru.ts';

/** How breakers behave. Milliseconds. */
export interface BreakerOptions {
  readonly failuresMax: number;
  readonly pauseMs: number;
  readonly pauseMsMax: number;
}

export const breakerDefaults: BreakerOptions = { failuresMax: 5, pauseMs: 5_000, pauseMsMax: 120_000 };

/** What a breaker does now. */
export type BreakerState = 'closed' | 'open' | 'half-open';

interface Breaker {
  state: BreakerState;
  failures: number;
  openings: number;
  until: number;
}

const breakersMax = 1_000;
const spread = 0.2;

/** Breakers by name. `random` is in [0, 1); `moved` is told of each change. */
export class Breakers {
  readonly #all = new Lru<string, Breaker>(breakersMax);
  readonly #options: BreakerOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #moved: (name: string, to: BreakerState) => void;

  constructor(
    options: BreakerOptions,
    now: () => number,
    random: () => number,
    moved: (name: string, to: BreakerState) => void = () => undefined,
  ) {
    this.#options = options;
    this.#now = now;
    this.#random = random;
    this.#moved = moved;
  }

  /** Whether a call may go. Who is let go tells what became of it: `works`, `fails` or `saysNothing`. */
  admits(name: string): boolean {
    const breaker = this.#all.get(name);
    if (breaker === undefined || breaker.state === 'closed') return true;
    if (breaker.state === 'half-open' || this.#now() < breaker.until) return false;
    this.#to(name, breaker, 'half-open');
    return true;
  }

  /** The server did what was asked. */
  works(name: string): void {
    const breaker = this.#all.get(name);
    if (breaker === undefined) return;
    this.#all.delete(name);
    if (breaker.state !== 'closed') this.#moved(name, 'closed');
  }

  /** The server does not work now. */
  fails(name: string): void {
    const breaker = this.#all.get(name) ?? { state: 'closed', failures: 0, openings: 0, until: 0 };
    this.#all.set(name, breaker);
    breaker.failures += 1;
    // Calls that were under way when it opened tell nothing new.
    if (breaker.state === 'open' || (breaker.state === 'closed' && breaker.failures < this.#options.failuresMax))
      return;
    const { pauseMs, pauseMsMax } = this.#options;
    breaker.until = this.#now() + Math.min(pauseMsMax, pauseMs * 2 ** breaker.openings) * (1 + spread * this.#random());
    breaker.openings += 1;
    this.#to(name, breaker, 'open');
  }

  /** The call ended without a word about the server: refused, cancelled, too many. */
  saysNothing(name: string): void {
    const breaker = this.#all.get(name);
    if (breaker?.state === 'half-open') this.#to(name, breaker, 'open');
  }

  #to(name: string, breaker: Breaker, state: BreakerState): void {
    breaker.state = state;
    this.#moved(name, state);
  }
}
