/**
 * Lets the slices of all partitions of a process go on side by side. A slice is worked on without a look
 * at what arrived meanwhile; a long one would hold up every step of all others: what they read, what
 * Postgres answers, each request of their transactions.
 *
 * A slice that was at it for a while gives the event loop back, and goes on after all that gave way before
 * it: one of them between two looks, so that a step of a short slice waits for one stretch at most,
 * however many long ones there are.
 */
import { setImmediate } from 'node:timers/promises';

/** Longest stretch of work on one slice. A record takes a fraction of a millisecond; a short slice never gives way. */
const stretchMsDefault = 4;

/** Shared by those that take turns. */
export class Turns {
  readonly #stretchMs: number;
  readonly #now: () => number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(stretchMs = stretchMsDefault, now: () => number = () => performance.now()) {
    this.#stretchMs = stretchMs;
    this.#now = now;
  }

  /** Begins the work on one slice. Its function is called between two pieces: whatever it returns is awaited before the next. */
  begin(): () => Promise<void> | undefined {
    let since = this.#now();
    const goOn = async (): Promise<void> => {
      await (this.#last = this.#last.then(() => setImmediate()));
      since = this.#now();
    };
    return () => (this.#now() - since < this.#stretchMs ? undefined : goOn());
  }
}
