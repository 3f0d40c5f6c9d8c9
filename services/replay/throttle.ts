/**
 * Keeps a replay slow enough for what runs beside it: a bound on records per second, and the event loop
 * given back every few milliseconds, so that in one process live traffic waits no longer than that.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const stretchMs = 4;
/** Shorter waits are saved up: timers are no more exact than this. */
const shortestWaitMs = 5;
/** What was not used of the bound is lost after this. */
const burstMs = 50;

/** Paces one piece of work. */
export class Throttle {
  readonly #msPerRecord: number;
  readonly #signal: AbortSignal;
  /** Time up to which the bound is used up. */
  #usedUntil = 0;
  #turnedAt = performance.now();

  /** The signal ends a wait, and the next `take`, by throwing its reason. */
  constructor(recordsPerSecond: number, signal: AbortSignal) {
    this.#msPerRecord = 1_000 / recordsPerSecond;
    this.#signal = signal;
  }

  /** Waits until so many more records may be worked on. */
  async take(records = 1): Promise<void> {
    this.#signal.throwIfAborted();
    const now = performance.now();
    this.#usedUntil = Math.max(this.#usedUntil, now - burstMs) + records * this.#msPerRecord;
    const waitMs = this.#usedUntil - now;
    if (waitMs >= shortestWaitMs) await this.#wait(waitMs);
    else if (now - this.#turnedAt >= stretchMs) await setImmediate();
    else return;
    this.#turnedAt = performance.now();
    this.#signal.throwIfAborted();
  }

  async #wait(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
