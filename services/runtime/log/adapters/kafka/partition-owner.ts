/**
 * One ownership of one partition: takes it over, gives its worker slice after slice, commits.
 *
 * Owns the fence (through its producer), the position, and the records fetched ahead.
 *
 * 1. Order of a take-over: fence the predecessor, then read the committed offset, then check it
 *    against the log, then make the worker, then fetch. An offset read before the fence can be old.
 * 2. Slices follow one another: the next is cut at the offset that was committed last.
 * 3. After `lost` nothing is sent in its name. Every way to lose it goes through `#lose`.
 * 4. While held, no slice is begun; a rebalance holds every owner before the member joins again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { dispositionOf, OperatingError } from '#runtime/errors.ts';
import type { Sql } from '#runtime/database/database.ts';
import type { Assignment, ConsumeOptions, LoggedRecord, OutgoingRecord, Slice, SliceWorker } from '../../record-log.ts';
import { recordBytes, refuseTooLarge } from '../../record-size.ts';
import type { KafkaClient } from './client.ts';
import type { Fetched } from './committed-records.ts';
import { isOwnershipGone, isPassing, isUnanswered, KafkaFailure } from './failure.ts';
import type { Membership } from './group-member.ts';
import { committedOffsets, type OwnedOffset, startOf } from './offsets.ts';
import type { FetchTarget } from './partition-fetcher.ts';
import { repeating } from './repeating.ts';
import type { KafkaSeam } from './seam.ts';
import type { KafkaTimings } from './timings.ts';
import type { PlacedRecord, TransactionalProducer } from './transactional-producer.ts';

const bufferBytesMax = 1024 * 1024;
const retryFirstMs = 50;
const retryMaxMs = 5_000;

/** What an owner works with. */
export interface OwnerOptions {
  readonly client: KafkaClient;
  readonly groupId: string;
  /** The broker's name of the topic. */
  readonly name: string;
  readonly partition: number;
  readonly consume: ConsumeOptions;
  /** Absent when offsets alone are committed. */
  readonly producer: TransactionalProducer | undefined;
  /** Commits an offset without outputs, together with those of other owners. */
  readonly commitOffset: (offset: OwnedOffset) => Promise<void>;
  readonly timings: KafkaTimings;
  readonly seam: KafkaSeam;
  readonly membership: () => Membership;
  readonly place: (record: OutgoingRecord) => PlacedRecord;
  /** Told when it wants more records. */
  readonly wanting: () => void;
  /** Told after every commit. */
  readonly committed: () => void;
  /** Told once, when it is over by itself: why. Not told when it was ended from outside. */
  readonly over: (owner: PartitionOwner, error: unknown) => void;
}

export class PartitionOwner implements FetchTarget {
  readonly partition: number;
  readonly #options: OwnerOptions;
  readonly #lost = new AbortController();
  #worker: SliceWorker | undefined;
  /** Committed last; the next slice begins here. */
  #position = 0;
  #records: LoggedRecord[] = [];
  #recordsBytes = 0;
  /** Where what is fetched ahead ends. */
  #fetchedTo = 0;
  #arrived = Promise.withResolvers<undefined>();
  /** Pending while held. */
  #hold: PromiseWithResolvers<undefined> | undefined;
  #processing: Promise<void> | undefined;
  #slice: Slice | undefined;
  #committing = false;
  /** Whether the last commit was a transaction. */
  #wasTransaction = false;

  constructor(options: OwnerOptions) {
    this.#options = options;
    this.partition = options.partition;
    this.#lost.signal.addEventListener('abort', () => this.#arrived.resolve(undefined));
  }

  isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** Takes the partition over and begins to work. Resolves when the worker is made or it is over; never rejects. */
  async start(): Promise<void> {
    try {
      const startOffset = await this.#takeOver();
      this.#position = startOffset;
      this.#fetchedTo = startOffset;
      this.#worker = await this.#makeWorker(startOffset);
    } catch (caught) {
      this.#lose(caught);
      return;
    }
    this.#options.wanting();
    void this.#work(this.#worker).catch((caught: unknown) => {
      this.#lose(caught);
    });
  }

  /** Begins no further slice; resolves when the one in process ended, or is over after `timeoutMs` (and then this is lost). */
  async hold(timeoutMs: number): Promise<void> {
    this.#hold ??= Promise.withResolvers<undefined>();
    if (this.#worker === undefined) {
      // Not begun: whoever is assigned next begins anew.
      this.end();
      return;
    }
    if (this.#processing === undefined) return;
    const timer = new AbortController();
    const processed = this.#processing.catch(() => undefined);
    await Promise.race([processed, sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => this.end())]);
    timer.abort();
  }

  /** Goes on after `hold`. */
  release(): void {
    this.#hold?.resolve(undefined);
    this.#hold = undefined;
  }

  /** Ends it from outside: revoked, or the consumer stops. Idempotent. */
  end(): void {
    this.#lost.abort(new OperatingError('log.fenced', 'revoked'));
    this.release();
  }

  wanted(): number | undefined {
    if (this.#worker === undefined || this.isLost() || this.#recordsBytes >= bufferBytesMax) return undefined;
    return this.#fetchedTo;
  }

  take(from: number, fetched: Fetched): void {
    if (this.isLost() || from !== this.#fetchedTo || fetched.nextOffset === from) return;
    for (const record of fetched.records) this.#records.push(record);
    this.#recordsBytes += fetched.bytes;
    this.#fetchedTo = fetched.nextOffset;
    this.#arrived.resolve(undefined);
  }

  fail(error: OperatingError): void {
    this.#lose(error);
  }

  /** Ends it by itself. */
  #lose(error: unknown): void {
    if (this.isLost()) return;
    this.end();
    this.#options.over(this, error);
  }

  async #takeOver(): Promise<number> {
    const { signal } = this.#lost;
    for (let pauseMs = retryFirstMs; ; pauseMs = Math.min(pauseMs * 2, retryMaxMs)) {
      try {
        return await this.#takeOverOnce();
      } catch (caught) {
        if (isOwnershipGone(caught)) throw new OperatingError('log.fenced', 'take-over', caught);
        const passes = isPassing(caught) || (caught instanceof OperatingError && caught.disposition === 'retry');
        if (!passes) throw caught;
        await this.#options.client.reconsider(caught);
      }
      await sleep(pauseMs, undefined, { signal });
    }
  }

  async #takeOverOnce(): Promise<number> {
    const { client, groupId, name, partition, producer, seam } = this.#options;
    const { signal } = this.#lost;
    const early = seam.withoutRereadAfterFence === true ? await this.#committed(false) : undefined;
    await seam.beforeFence?.(partition);
    await producer?.fence(signal);
    const committed = early ?? (await this.#committed(true));
    const start = await startOf(client, groupId, name, partition, committed);
    if (!start.committed) await this.#commitOffset([], start.offset);
    signal.throwIfAborted();
    return start.offset;
  }

  /** The group's offset; stable: when the broker still has a transaction to decide that may change it, waits. */
  async #committed(stable: boolean): Promise<number | null> {
    const { client, groupId, name, partition, timings } = this.#options;
    const deadline = Date.now() + timings.transactionTimeoutMs + timings.requestTimeoutMs;
    const offsets = await repeating(client, { deadline, signal: this.#lost.signal }, () =>
      committedOffsets(client, groupId, name, [partition], stable),
    );
    return offsets.get(partition) ?? null;
  }

  async #makeWorker(startOffset: number): Promise<SliceWorker> {
    const { consume, partition } = this.#options;
    const { signal } = this.#lost;
    const assignment: Assignment = {
      topic: consume.topic,
      partition,
      startOffset,
      lost: signal,
      commit: (outputs, nextOffset, prepare) => this.#commit(outputs, nextOffset, prepare),
    };
    for (let pauseMs = retryFirstMs; ; pauseMs = Math.min(pauseMs * 2, retryMaxMs)) {
      try {
        return await consume.assigned(assignment);
      } catch (caught) {
        if (this.isLost() || dispositionOf(caught) !== 'retry') throw caught;
      }
      await sleep(pauseMs, undefined, { signal });
    }
  }

  async #work(worker: SliceWorker): Promise<void> {
    while (!this.isLost()) {
      const slice = this.#cut();
      if (slice === undefined) {
        await this.#arrived.promise;
        if (!this.isLost()) this.#arrived = Promise.withResolvers<undefined>();
        continue;
      }
      this.#options.wanting();
      await this.#handle(worker, slice);
    }
  }

  /** Gives one slice to the worker until it is committed or this is over. */
  async #handle(worker: SliceWorker, slice: Slice): Promise<void> {
    for (let pauseMs = retryFirstMs; ; pauseMs = Math.min(pauseMs * 2, retryMaxMs)) {
      // Without a hold nothing is awaited before the slice is in process: a hold that came meanwhile would not see it.
      while (this.#hold !== undefined) await this.#hold.promise;
      if (this.isLost()) return;
      this.#slice = slice;
      const before = this.#position;
      try {
        this.#processing = worker.process(slice);
        await this.#processing;
        if (!this.isLost() && this.#position === before)
          throw new Error('A worker resolved without committing its slice.');
      } catch (caught) {
        if (this.isLost()) return;
        if (dispositionOf(caught) !== 'retry') {
          this.#lose(caught);
          return;
        }
      } finally {
        this.#processing = undefined;
        this.#slice = undefined;
      }
      if (this.#position > before) {
        this.#putBack(slice);
        return;
      }
      await sleep(pauseMs, undefined, { signal: this.#lost.signal }).catch(() => undefined);
    }
  }

  /** Takes the next slice from what was fetched; undefined when there is nothing. */
  #cut(): Slice | undefined {
    const { sliceRecordsMax, sliceBytesMax } = this.#options.consume;
    let [count, bytes] = [0, 0];
    for (const record of this.#records) {
      const more = recordBytes(record);
      if (count > 0 && (count >= sliceRecordsMax || bytes + more > sliceBytesMax)) break;
      count += 1;
      bytes += more;
    }
    const records = this.#records.splice(0, count);
    this.#recordsBytes -= bytes;
    // With the last of the records go the markers behind it, so that no lag remains.
    const nextOffset = this.#records.length === 0 ? this.#fetchedTo : (records.at(-1)?.offset ?? 0) + 1;
    return nextOffset > this.#position ? { records, nextOffset } : undefined;
  }

  /** What the worker did not commit of a slice comes again. */
  #putBack(slice: Slice): void {
    if (this.#position >= slice.nextOffset) return;
    const left = slice.records.filter(({ offset }) => offset >= this.#position);
    this.#records.unshift(...left);
    this.#recordsBytes += left.reduce((sum, record) => sum + recordBytes(record), 0);
  }

  async #commit(
    outputs: readonly OutgoingRecord[],
    nextOffset: number,
    prepare?: (transaction: Sql | undefined) => Promise<void>,
  ): Promise<void> {
    const { producer, place } = this.#options;
    this.#refuseLost();
    if (producer === undefined && outputs.length > 0) throw new Error('This consumer commits offsets alone.');
    if (this.#committing) throw new Error('One commit at a time.');
    if (nextOffset <= this.#position || nextOffset > (this.#slice?.nextOffset ?? 0))
      throw new RangeError(`Offset ${nextOffset} is not within the slice in process.`);
    refuseTooLarge(outputs);
    this.#committing = true;
    try {
      await prepare?.(undefined);
      this.#refuseLost();
      await this.#commitOffset(outputs.map(place), nextOffset);
      this.#position = nextOffset;
      this.#options.committed();
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'yield') this.#loseOnCommit(caught);
      throw caught;
    } finally {
      this.#committing = false;
    }
  }

  #refuseLost(): void {
    if (this.isLost()) throw new OperatingError('log.fenced', 'The assignment is over.');
  }

  /** `prepare` may throw `yield` errors of its own; only the log's end the assignment. */
  #loseOnCommit(error: OperatingError): void {
    if (error.code === 'log.fenced' || error.code === 'log.outcome-unknown') this.#lose(error);
  }

  async #commitOffset(outputs: readonly PlacedRecord[], offset: number): Promise<void> {
    const { groupId, name, partition, producer, commitOffset, membership, seam } = this.#options;
    // An offset alone needs no transaction, which is the greater part of the broker's work: whoever lost the partition is
    // refused for member and generation.
    if (producer !== undefined && (outputs.length > 0 || seam.withoutGenerationCheck === true)) {
      const { memberId, generationId } = membership();
      this.#wasTransaction = true;
      await producer.commit(outputs, { groupId, memberId, generationId, topic: name, partition, offset });
      return;
    }
    try {
      await commitOffset({ partition, offset, lost: this.#lost.signal, afterTransaction: this.#wasTransaction });
      this.#refuseLost();
      this.#wasTransaction = false;
    } catch (caught) {
      if (!(caught instanceof KafkaFailure)) throw caught;
      // No epoch refuses it, should it arrive still, and a join may give the same generation again: what makes it powerless
      // is that its member is no more. So whoever must not do anything twice gives itself up as if it were fenced.
      const givesUp = producer !== undefined && isUnanswered(caught);
      const code = givesUp || isOwnershipGone(caught) ? 'log.fenced' : 'log.outcome-unknown';
      throw new OperatingError(code, caught.type, caught);
    }
  }
}
