/**
 * Fetches for the partitions that one consumer owns: one long poll per broker at a time, for all of
 * its partitions that want more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '#runtime/errors.ts';
import type { KafkaClient, KafkaLogger } from './client.ts';
import { committedOf, type Fetched } from './committed-records.ts';
import { errorType, KafkaFailure } from './failure.ts';

/** An answer is in memory twice while it is read, and as long as any record of it waits. */
const fetchBytesMax = 4 * 1024 * 1024;
/** A slice or two; a larger batch comes whole all the same (KIP-74). */
const partitionBytesMax = 256 * 1024;
/** A partition that begins to want while a long poll without it is under way waits this long. */
const waitMs = 500;
const waitWhileStartingMs = 25;
const pauseFirstMs = 50;
const pauseMaxMs = 1_000;

/** A partition that is fetched for. */
export interface FetchTarget {
  readonly partition: number;
  /** Offset wanted next; undefined while it has enough or is not ready. */
  wanted(): number | undefined;
  /** Takes what was fetched from that offset; ignores it when it wants another by now. */
  take(from: number, fetched: Fetched): void;
  fail(error: OperatingError): void;
}

/** What to fetch, and for whom. */
export interface FetcherOptions {
  /** Name of the topic for us and for the broker. */
  readonly topic: string;
  readonly name: string;
  readonly targets: () => Iterable<FetchTarget>;
  /** Whether partitions are about to want that do not yet. */
  readonly starting: () => boolean;
  /** After records came, how long the next may wait for others. */
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
  readonly logger?: KafkaLogger;
}

export class PartitionFetcher {
  readonly #client: KafkaClient;
  readonly #options: FetcherOptions;
  readonly #polls = new Map<number, Promise<void>>();
  #dispatching: Promise<void> | undefined;
  #again = false;

  constructor(client: KafkaClient, options: FetcherOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Say that a partition may want more. Cheap. */
  kick(): void {
    this.#again = true;
    this.#dispatching ??= this.#dispatch().finally(() => {
      this.#dispatching = undefined;
      if (this.#again && !this.#options.signal.aborted) this.kick();
    });
  }

  /** Sees to it that every broker which leads a wanting partition is polled. */
  async #dispatch(): Promise<void> {
    while (this.#again && !this.#options.signal.aborted) {
      this.#again = false;
      try {
        for (const target of this.#options.targets()) {
          if (target.wanted() === undefined) continue;
          const node = await this.#client.leaderOf(this.#options.name, target.partition);
          if (!this.#polls.has(node)) this.#polls.set(node, this.#poll(node));
        }
      } catch (caught) {
        await this.#pause(caught, pauseMaxMs / 4);
        this.#again = true;
      }
    }
  }

  /** Polls one broker while any of its partitions wants more. */
  async #poll(node: number): Promise<void> {
    let pauseMs = pauseFirstMs;
    while (!this.#options.signal.aborted) {
      try {
        const wanting = await this.#wantingAt(node);
        if (wanting.length === 0) break;
        const came = await this.#fetch(node, wanting);
        pauseMs = pauseFirstMs;
        const { patienceMs, signal } = this.#options;
        if (came && patienceMs !== undefined) await sleep(patienceMs, undefined, { signal }).catch(() => undefined);
      } catch (caught) {
        await this.#pause(caught, pauseMs);
        pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
      }
    }
    this.#polls.delete(node);
    // One may have begun to want, or moved to another broker, since the last look.
    if (!this.#options.signal.aborted) this.kick();
  }

  async #wantingAt(node: number): Promise<{ target: FetchTarget; from: number }[]> {
    const wanting: { target: FetchTarget; from: number }[] = [];
    for (const target of this.#options.targets()) {
      const leader = await this.#client.leaderOf(this.#options.name, target.partition);
      const from = target.wanted();
      if (leader === node && from !== undefined) wanting.push({ target, from });
    }
    return wanting;
  }

  /** True when there was something. */
  async #fetch(node: number, wanting: readonly { target: FetchTarget; from: number }[]): Promise<boolean> {
    const partitions = wanting.map(({ target: { partition }, from }) => ({
      partition,
      fetchOffset: from,
      maxBytes: partitionBytesMax,
    }));
    const answer = await this.#client.sendUnchecked(node, 'Fetch', {
      isolationLevel: 1,
      maxWaitTime: this.#options.starting() ? waitWhileStartingMs : waitMs,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      topics: [{ topic: this.#options.name, partitions }],
    });
    if (answer.errorCode !== 0) throw new KafkaFailure(errorType(answer.errorCode), 'Fetch');
    let failure: KafkaFailure | undefined;
    let came = false;
    for (const part of answer.responses.flatMap((response) => response.partitions)) {
      const asked = wanting.find(({ target }) => target.partition === part.partition);
      if (asked === undefined) continue;
      const { target, from } = asked;
      if (part.errorCode === 0) {
        const fetched = committedOf(this.#options.topic, from, part);
        came ||= fetched.nextOffset > from;
        target.take(from, fetched);
      } else if (errorType(part.errorCode) === 'OFFSET_OUT_OF_RANGE')
        target.fail(
          new OperatingError('log.offset-out-of-range', `${this.#options.topic}/${part.partition}: ${from}.`),
        );
      else failure ??= new KafkaFailure(errorType(part.errorCode), 'Fetch');
    }
    if (failure !== undefined) throw failure;
    return came;
  }

  async #pause(caught: unknown, pauseMs: number): Promise<void> {
    if (this.#options.signal.aborted) return;
    this.#options.logger?.debug('a fetch is repeated', { error: caught, topic: this.#options.topic });
    await this.#client.reconsider(caught);
    await sleep(pauseMs);
  }
}
