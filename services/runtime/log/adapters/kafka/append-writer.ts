/**
 * Appends outside of transactions.
 *
 * Owns one idempotent producer and the queue before it. Rounds of writes follow one another: each
 * takes what was queued meanwhile, at most one batch per partition, so concurrent callers share
 * writes and records of a partition stay in the order given.
 *
 * 1. One batch of a partition is under way at a time; it is repeated unchanged, with its sequence
 *    number, until the broker answers for it. Only then may the next one follow.
 * 2. A caller waits no longer than `appendTimeoutMs`. A batch nobody waits for any more is given up,
 *    and with it the producer: its sequence numbers no longer tell what was written.
 * 3. Giving up a producer fails everything that was sent in its name and not answered: sent again by
 *    another producer it could be there twice.
 */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '#runtime/errors.ts';
import type { OutgoingRecord, RecordPosition } from '../../record-log.ts';
import { refuseTooLarge } from '../../record-size.ts';
import type { KafkaClient, KafkaLogger } from './client.ts';
import { isPassing, type KafkaFailure } from './failure.ts';
import { addToBatch, produce, Sequences, type PartitionBatch, type SequencedBatch } from './produce.ts';
import { framedBytes } from './record-batch.ts';
import type { ProducerIdentity } from './requests.ts';

const queueBytesMax = 64 * 1024 * 1024;
const roundBytesMax = 8 * 1024 * 1024;
const pauseMaxMs = 200;

/** One record of one call, waiting. */
interface Entry extends OutgoingRecord {
  readonly partition: number;
  readonly call: Call;
  readonly index: number;
}

/** One call of `append`. */
interface Call {
  readonly positions: RecordPosition[];
  left: number;
  settled: boolean;
  settle(error?: OperatingError): void;
}

/** What the writer needs to know. */
export interface AppendWriterOptions {
  readonly partitionOf: (key: string) => number;
  /** The broker's name of a topic. */
  readonly nameOf: (topic: string) => string;
  readonly appendTimeoutMs: number;
  readonly produceTimeoutMs: number;
  readonly logger?: KafkaLogger;
}

interface Producer {
  readonly identity: ProducerIdentity;
  readonly sequences: Sequences;
  /** Sent and not answered, by partition. */
  readonly unanswered: Map<string, SequencedBatch<Entry>>;
}

export class AppendWriter {
  readonly #client: KafkaClient;
  readonly #options: AppendWriterOptions;
  #queue: Entry[] = [];
  #queueBytes = 0;
  #producer: Producer | undefined;
  #rounds: Promise<void> | undefined;
  #closed = false;

  constructor(client: KafkaClient, options: AppendWriterOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** As `RecordLog.append`. */
  async append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    refuseTooLarge(records);
    if (this.#closed) throw new OperatingError('log.unavailable', 'The log was closed.');
    if (records.length === 0) return [];
    const bytes = records.reduce((sum, record) => sum + framedBytes(record), 0);
    if (this.#queueBytes + bytes > queueBytesMax) throw new OperatingError('log.unavailable', 'Too much is waiting.');
    const { promise, resolve, reject } = Promise.withResolvers<readonly RecordPosition[]>();
    const timer = setTimeout(() => {
      call.settle(new OperatingError('log.unavailable', 'No acknowledgement in time.'));
    }, this.#options.appendTimeoutMs);
    const call: Call = {
      positions: new Array<RecordPosition>(records.length),
      left: records.length,
      settled: false,
      settle: (error) => {
        if (call.settled) return;
        call.settled = true;
        clearTimeout(timer);
        if (error === undefined) resolve(call.positions);
        else reject(error);
      },
    };
    records.forEach((record, index) => {
      this.#queue.push({ ...record, partition: this.#options.partitionOf(record.key), call, index });
    });
    this.#queueBytes += bytes;
    this.#rounds ??= this.#run();
    return promise;
  }

  /** Waits for what is under way, within the time a caller would; then refuses everything. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#rounds;
  }

  /** Rounds until nothing is left; the one place that takes from the queue. */
  async #run(): Promise<void> {
    // Callers of the same turn of the event loop share the first round.
    await turn();
    for (let pauseMs = 0; this.#queue.length > 0 || (this.#producer?.unanswered.size ?? 0) > 0;) {
      const failure = await this.#round().catch((caught: unknown) => {
        // Not the broker's doing, so a defect: nobody may wait for it for ever.
        this.#giveUp('a defect');
        this.#failQueue();
        throw caught;
      });
      if (failure === undefined) {
        pauseMs = 0;
        continue;
      }
      this.#options.logger?.debug('an append is repeated', { code: failure.type });
      await this.#client.reconsider(failure);
      pauseMs = Math.min(pauseMs * 2 + 5, pauseMaxMs);
      await sleep(pauseMs);
    }
    this.#rounds = undefined;
  }

  /** One round; the failure that calls for a pause, if any. */
  async #round(): Promise<KafkaFailure | undefined> {
    this.#dropSettled();
    if (this.#queue.length === 0 && this.#producer === undefined) return undefined;
    let producer: Producer;
    try {
      producer = this.#producer ??= await this.#newProducer();
    } catch (caught) {
      if (isPassing(caught)) return caught as KafkaFailure;
      throw caught;
    }
    this.#take(producer);
    const batches = [...producer.unanswered.values()];
    const { identity } = producer;
    const written = await produce(this.#client, { identity, timeoutMs: this.#options.produceTimeoutMs }, batches);
    let passing: KafkaFailure | undefined;
    batches.forEach((batch, index) => {
      const result = written[index];
      if (result === undefined) return;
      if ('baseOffset' in result) this.#acknowledge(producer, batch, result.baseOffset);
      else if (isPassing(result.failure)) passing ??= result.failure;
      else this.#refuse(producer, batch, result.failure);
    });
    return passing;
  }

  async #newProducer(): Promise<Producer> {
    const { producerId, producerEpoch } = await this.#client.send(await this.#client.anyNode(), 'InitProducerId', {
      transactionalId: undefined,
      transactionTimeout: 60_000,
    });
    return { identity: { producerId, producerEpoch }, sequences: new Sequences(), unanswered: new Map() };
  }

  /** Moves from the queue what may be sent now: partitions without a batch under way, bounded in all. */
  #take(producer: Producer): void {
    const full = new Set(producer.unanswered.keys());
    const batches = new Map<string, PartitionBatch<Entry>>();
    const rest: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#queue) {
      const topic = this.#options.nameOf(entry.topic);
      const place = `${topic}/${entry.partition}`;
      const batch = batches.get(place) ?? { topic, partition: entry.partition, records: [], bytes: 0 };
      if (bytes > roundBytesMax || full.has(place) || !addToBatch(batch, entry)) {
        // What comes later for this partition must not overtake.
        full.add(place);
        rest.push(entry);
        continue;
      }
      batches.set(place, batch);
      bytes += framedBytes(entry);
    }
    this.#queue = rest;
    this.#queueBytes -= bytes;
    for (const [place, batch] of batches) {
      const firstSequence = producer.sequences.next(batch.topic, batch.partition);
      producer.unanswered.set(place, { ...batch, firstSequence });
    }
  }

  #acknowledge(producer: Producer, batch: SequencedBatch<Entry>, baseOffset: number): void {
    producer.unanswered.delete(`${batch.topic}/${batch.partition}`);
    producer.sequences.advance(batch);
    batch.records.forEach(({ call, index, topic, partition }, position) => {
      call.positions[index] = { topic, partition, offset: baseOffset + position };
      call.left -= 1;
      if (call.left === 0) call.settle();
    });
  }

  /** The broker will never take this batch from this producer. */
  #refuse(producer: Producer, batch: SequencedBatch<Entry>, failure: KafkaFailure): void {
    if (failure.type === 'MESSAGE_TOO_LARGE' || failure.type === 'RECORD_LIST_TOO_LARGE') {
      // Definitely not written, so its sequence numbers are free for the next batch.
      producer.unanswered.delete(`${batch.topic}/${batch.partition}`);
      for (const { call } of batch.records) call.settle(new OperatingError('log.record-too-large', failure.type));
      return;
    }
    if (this.#producer === producer) this.#giveUp(failure.type);
  }

  #giveUp(reason: string): void {
    const batches = [...(this.#producer?.unanswered.values() ?? [])];
    this.#producer = undefined;
    for (const { records } of batches)
      for (const { call } of records) call.settle(new OperatingError('log.unavailable', reason));
  }

  #failQueue(): void {
    for (const { call } of this.#queue) call.settle(new OperatingError('log.unavailable'));
    this.#queue = [];
    this.#queueBytes = 0;
    this.#rounds = undefined;
  }

  /** Takes out what nobody waits for any more. */
  #dropSettled(): void {
    this.#queue = this.#queue.filter((entry) => {
      if (entry.call.settled) this.#queueBytes -= framedBytes(entry);
      return !entry.call.settled;
    });
    const batches = [...(this.#producer?.unanswered.values() ?? [])];
    if (batches.some(({ records }) => records.every(({ call }) => call.settled))) this.#giveUp('given up');
  }
}
