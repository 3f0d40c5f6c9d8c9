/** Turns: at most some sessions connect at a time, and not all in the same moment, so that a deploy is no storm. */
export class Turns {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves when it is one's turn, with what gives it back (once; further calls do nothing). */
  async take(): Promise<() => void> {
    if (this.#taken >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      // Handed on without becoming free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    };
  }
}
