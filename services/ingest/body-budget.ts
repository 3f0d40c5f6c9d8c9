/**
 * How much of webhook bodies is in memory at a time. A body counts from its headers, before a byte
 * of it is read, until it was answered and let go of.
 */

/** Room that one body takes. */
export interface Ticket {
  /** Takes the same room for as long as `work` runs, also when the caller hung up meanwhile. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** The request is over. Idempotent. */
  release(): void;
}

/** Least bytes that a request counts as: its buffers cost something without a body too. */
const requestBytesMin = 4 * 1_024;

/** Counts bytes of bodies in flight up to `bytesMax`. */
export class BodyBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes in flight. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Room for a body of that many bytes; undefined when there is none now. */
  enter(bytes: number): Ticket | undefined {
    const counted = Math.max(bytes, requestBytesMin);
    if (this.#bytes + counted > this.#bytesMax) return undefined;
    this.#bytes += counted;
    let holders = 1;
    let released = false;
    const leave = (): void => {
      if (--holders === 0) this.#bytes -= counted;
    };
    return {
      async during(work) {
        holders++;
        try {
          return await work();
        } finally {
          leave();
        }
      },
      release() {
        if (released) return;
        released = true;
        leave();
      },
    };
  }
}
