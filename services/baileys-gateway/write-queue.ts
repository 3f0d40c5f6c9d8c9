/**
 * What a session has to write, one thing after the other, in the order in which it happened.
 *
 * Q1 Nothing is given up while the database is away; what waits is bounded by whoever adds to it.
 * Q2 After another gateway took the session over nothing more is tried.
 */
import { OperatingError } from '#runtime/errors.ts';

import { Deposed } from './leases.ts';

/** A session's writes. */
export class WriteQueue {
  readonly #onDeposed: () => void;
  readonly #onDefect: (caught: unknown) => void;
  readonly #retryMs: number;
  #tail: Promise<void> = Promise.resolve();
  #isOver = false;
  #size = 0;

  constructor(given: {
    readonly onDeposed: () => void;
    readonly onDefect: (caught: unknown) => void;
    readonly retryMs: number;
  }) {
    this.#onDeposed = given.onDeposed;
    this.#onDefect = given.onDefect;
    this.#retryMs = given.retryMs;
  }

  /** Writes that are not done. */
  get size(): number {
    return this.#size;
  }

  /** Adds a write; resolves when it is done, or never will be. */
  add(write: () => Promise<unknown>): Promise<void> {
    this.#size += 1;
    this.#tail = this.#tail.then(() => this.#do(write)).finally(() => (this.#size -= 1));
    return this.#tail;
  }

  /** Resolves when what was added is done. */
  settled(): Promise<void> {
    return this.#tail;
  }

  /** What was not done is not done any more. */
  close(): void {
    this.#isOver = true;
  }

  async #do(write: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      try {
        await write();
        return;
      } catch (caught) {
        if (caught instanceof Deposed) {
          this.#isOver = true;
          this.#onDeposed();
        } else if (caught instanceof OperatingError && caught.disposition === 'retry') {
          await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
        } else {
          this.#onDefect(caught);
          return;
        }
      }
    }
  }
}
