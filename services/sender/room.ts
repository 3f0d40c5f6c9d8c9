/**
 * The room of a sender process: what is in flight of it, and for whom more may wait than there was room for.
 *
 * Owns: both. Nothing of it outlives the process.
 *
 * O1 At most `concurrency` deliveries are in flight or reserved, and of an instance at most as many as its calls.
 *    A place is taken before what is to fill it is asked for.
 * O2 What may wait is a hint: it may be taken for more than it is, and what it leaves out is found by the poll.
 */

/** Chats that are remembered to have something waiting; past it, something may wait for every instance. */
const waitingChatsMax = 10_000;

/** See above. */
export class Room {
  readonly #concurrency: number;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #busy = new Map<string, number>();
  readonly #waitingChats = new Set<string>();
  #crowded: { readonly all: boolean; readonly instances: Set<string> } = { all: true, instances: new Set() };
  #reserved = 0;
  #closed = false;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Places that are free now; negative where reports take more than there are. */
  get free(): number {
    return this.#concurrency - this.#inFlight.size - this.#reserved;
  }

  /** Deliveries in flight or about to be, by instance. */
  get busy(): ReadonlyMap<string, number> {
    return this.#busy;
  }

  /** Work takes a place until it ends. */
  track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  /** Resolves when what is in flight now has ended. */
  async empty(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  /** Takes a place of an instance. */
  occupy(instance: string): void {
    this.#busy.set(instance, (this.#busy.get(instance) ?? 0) + 1);
  }

  /** Gives one back. */
  vacate(instance: string): void {
    const left = (this.#busy.get(instance) ?? 1) - 1;
    if (left === 0) this.#busy.delete(instance);
    else this.#busy.set(instance, left);
  }

  /** Takes a place for what is not in flight yet, of `most` that the instance has; false when there is none. */
  reserve(instance: string, most: number): boolean {
    if (this.#closed) return false;
    if (this.free <= 0 || (this.#busy.get(instance) ?? 0) >= most) {
      this.crowd(instance);
      return false;
    }
    this.occupy(instance);
    this.#reserved += 1;
    return true;
  }

  /** Gives back what was reserved, whether it is in flight by now or not. */
  release(instances: readonly string[]): void {
    for (const instance of instances) this.vacate(instance);
    this.#reserved -= instances.length;
  }

  /** Nothing is reserved any more. */
  close(): void {
    this.#closed = true;
  }

  /** Something of the chat may wait behind what is in flight. */
  queued(chat: string): void {
    this.#waitingChats.add(chat);
    if (this.#waitingChats.size <= waitingChatsMax) return;
    this.#waitingChats.clear();
    this.crowdAll();
  }

  /** Whether something of the chat may wait; asked once, when what it waits for ends. */
  takeQueued(chat: string): boolean {
    return this.#waitingChats.delete(chat);
  }

  /** Something that is due may be left for the instance. */
  crowd(instance: string): void {
    this.#crowded.instances.add(instance);
  }

  /** And for every instance. */
  crowdAll(): void {
    this.#crowded = { ...this.#crowded, all: true };
  }

  /** What a look at all that waits has found left, in place of what was known. */
  looked(all: boolean, instances: ReadonlySet<string>): void {
    this.#crowded = { all, instances: new Set(instances) };
  }

  /** Whether something that is due may be left for the instance. */
  isCrowded(instance: string): boolean {
    return this.#crowded.all || this.#crowded.instances.has(instance);
  }
}
