/**
 * Virtual time: what is to happen, in order of its time, one thing after the other. Nothing here asks
 * a clock; between two steps everything that the first one set going comes to rest.
 */
import { crc32 } from 'node:zlib';

interface Planned {
  readonly at: number;
  readonly serial: number;
  readonly run: () => void;
}

/** The order of things. */
export class Scheduler {
  /** Epoch milliseconds of the virtual clock. */
  now: number;
  steps = 0;
  /** Checksum of all that was noted: the same for the same seed. */
  hash = 0;
  /** What was noted, when it is kept. */
  readonly trace: string[] | undefined;
  readonly #planned: Planned[] = [];
  readonly #startedAt: number;
  #serial = 0;

  constructor(startAt: number, keepTrace: boolean) {
    this.now = startAt;
    this.#startedAt = startAt;
    this.trace = keepTrace ? [] : undefined;
  }

  /** Plans something; things of one time happen in the order in which they were planned. */
  after(ms: number, run: () => void): void {
    const planned = { at: this.now + ms, serial: this.#serial++, run };
    const heap = this.#planned;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent];
      if (other === undefined || !isBefore(planned, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = planned;
  }

  /** Notes what happens. */
  note(what: string): void {
    const line = `${this.now - this.#startedAt} ${what}`;
    this.hash = crc32(line, this.hash);
    this.trace?.push(line);
  }

  /** Does what is planned until nothing is, or `over`, asked whenever a step has come to rest, says so. */
  async run(over: () => Promise<boolean>): Promise<void> {
    await rest();
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.now = Math.max(this.now, next.at);
      this.steps += 1;
      next.run();
      await rest();
      if (await over()) return;
    }
  }

  #take(): Planned | undefined {
    const heap = this.#planned;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let smallest = heap[child];
      if (smallest === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, smallest)) [child, smallest] = [child + 1, right];
      if (!isBefore(smallest, last)) break;
      heap[at] = smallest;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.serial < b.serial);

/** Node runs ticks when no promise is left to go on. */
const rest = (): Promise<void> =>
  new Promise((resolve) => {
    process.nextTick(resolve);
  });
