/**
 * The log on Kafka or Redpanda: what production runs on.
 *
 * Owns one set of connections for appends and questions, and one for each consumer. How exactly-once
 * comes about: `partition-owner.ts` (taking over), `transactional-producer.ts` (committing),
 * `offsets.ts` (where nothing but the offset is to be committed).
 *
 * Needs of the broker: transactions, OffsetFetch 7 and TxnOffsetCommit 3 (Kafka 2.5, Redpanda 21).
 */
import type { SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import { partitionCountDefault } from '#schemas/topics.ts';
import { OperatingError } from '#runtime/errors.ts';
import { partitionOfKey } from '../../partitioner.ts';
import type {
  Consumer,
  ConsumeOptions,
  LoggedRecord,
  OutgoingRecord,
  PartitionEnds,
  PartitionLag,
  Range,
  RecordLog,
  RecordPosition,
} from '../../record-log.ts';
import { AppendWriter } from './append-writer.ts';
import { KafkaClient, type ClientSettings, type KafkaLogger } from './client.ts';
import { asUnavailable } from './failure.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { askRepeatedly, commitOffsets, committedOffsets, endsOf, offsetAt } from './offsets.ts';
import { readRange } from './range-reader.ts';
import type { KafkaSeam } from './seam.ts';
import { kafkaTimingsDefault, kafkaTimingsFor, type KafkaTimings } from './timings.ts';
import { createTopics } from './topic-setup.ts';
import type { PlacedRecord } from './transactional-producer.ts';

const pingTimeoutMs = 2_000;
/** Connections over which one consumer's transactions are spread, by partition; each is five requests, one after the other. */
const producerClientsMax = 4;

/** How to open the log. */
export interface KafkaLogOptions {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Partitions of every topic; default 24. */
  readonly partitionCount?: number;
  /** Put before names of topics, groups and transactional ids: several installations on one cluster. */
  readonly topicPrefix?: string;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** Replicas of topics created; default three, or as many as there are brokers. */
  readonly replicationFactor?: number;
  readonly sessionTimeoutMs?: number;
  /** Name of this process that stays when it starts again, unique among those that live: see `group-member.ts`. */
  readonly instanceId?: string;
  /** Other times than the default ones; for tests. */
  readonly timings?: Partial<KafkaTimings>;
  readonly logger?: KafkaLogger;
  /** For tests. */
  readonly seam?: KafkaSeam;
}

/** Connects. Throws `log.unavailable` when no broker answers. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<RecordLog> {
  const log = new KafkaLog(options);
  try {
    await log.ping();
  } catch (caught) {
    await log.close();
    throw caught;
  }
  return log;
}

class KafkaLog implements RecordLog {
  readonly partitionCount: number;
  readonly #options: KafkaLogOptions;
  readonly #timings: KafkaTimings;
  readonly #client: KafkaClient;
  readonly #writer: AppendWriter;
  readonly #consumers = new Set<KafkaConsumer>();
  readonly #prefix: string;
  #closing: Promise<void> | undefined;

  constructor(options: KafkaLogOptions) {
    this.#options = options;
    const { sessionTimeoutMs = kafkaTimingsDefault.sessionTimeoutMs, timings } = options;
    this.#timings = { ...kafkaTimingsFor(sessionTimeoutMs), ...timings };
    this.#prefix = options.topicPrefix ?? '';
    this.partitionCount = options.partitionCount ?? partitionCountDefault;
    this.#client = this.#newClient();
    this.#writer = new AppendWriter(this.#client, {
      partitionOf: (key) => this.partitionOf(key),
      nameOf: (topic) => this.#nameOf(topic),
      appendTimeoutMs: this.#timings.appendTimeoutMs,
      produceTimeoutMs: this.#timings.requestTimeoutMs,
      ...(options.logger === undefined ? {} : { logger: options.logger }),
    });
  }

  partitionOf(key: string): number {
    return partitionOfKey(key, this.partitionCount);
  }

  async createTopics(names: readonly string[]): Promise<void> {
    this.#refuseClosed();
    const { replicationFactor } = this.#options;
    const topics = names.map((topic) => ({ topic, name: this.#nameOf(topic) }));
    await createTopics(this.#client, { topics, partitionCount: this.partitionCount, replicationFactor });
  }

  append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    return this.#writer.append(records);
  }

  async createGroup(group: string, topic: string): Promise<void> {
    const [groupId, name, partitions] = [this.#nameOf(group), this.#nameOf(topic), this.#partitions()];
    await this.#ask(async () => {
      const committed = await committedOffsets(this.#client, groupId, name, partitions, true);
      const missing = partitions.filter((partition) => committed.get(partition) === null);
      if (missing.length === 0) return;
      const ends = await endsOf(this.#client, name, missing);
      const offsets = ends.map(({ partition, start }) => ({ partition, offset: start }));
      // In nobody's name: the broker takes it only while the group has no members.
      await commitOffsets(this.#client, { groupId, memberId: '', generationId: -1 }, name, offsets);
    });
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#refuseClosed();
    const { instanceId, logger, seam } = this.#options;
    const name = this.#nameOf(options.topic);
    await this.#refuseOtherCount(name);
    const groupId = this.#nameOf(options.group);
    const consumer = new KafkaConsumer({
      consume: options,
      client: this.#newClient(),
      producerClients: Array.from({ length: options.transactional ? producerClientsMax : 0 }, () => this.#newClient()),
      sharedClient: this.#client,
      groupId,
      // A process may read several topics in one group, each as a member of its own.
      instanceId: instanceId === undefined ? null : `${instanceId}-${options.topic}`,
      name,
      partitions: this.#partitions(),
      transactionalIdOf: (partition) => `${groupId}-${options.topic}-${partition}`,
      place: this.#placing(),
      timings: this.#timings,
      seam: seam ?? {},
      ...(logger === undefined ? {} : { logger }),
    });
    this.#consumers.add(consumer);
    const forget = (): unknown => this.#consumers.delete(consumer);
    consumer.finished.then(forget, forget);
    await consumer.firstRound;
    if (consumer.failed) await consumer.finished;
    return consumer;
  }

  async *readRange(range: Range): AsyncIterable<readonly LoggedRecord[]> {
    this.#refuseClosed();
    const timeoutMs = this.#timings.questionTimeoutMs;
    yield* readRange(range, { client: this.#client, name: this.#nameOf(range.topic), timeoutMs });
  }

  async offsetForTime(topic: string, partition: number, at: number): Promise<number> {
    const name = this.#nameOf(topic);
    return this.#ask(async () => {
      const [ends] = await endsOf(this.#client, name, [partition]);
      const offset = await offsetAt(this.#client, name, partition, at);
      const stableEnd = ends?.stableEnd ?? 0;
      return Math.min(offset ?? stableEnd, stableEnd);
    });
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    return this.#ask(() => endsOf(this.#client, this.#nameOf(topic), this.#partitions()));
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    const ends = await this.ends(topic);
    // Commits that are under way do not count: while a group works there is always one.
    const committed = await this.#ask(() =>
      committedOffsets(this.#client, this.#nameOf(group), this.#nameOf(topic), this.#partitions(), false),
    );
    return ends.map(({ partition, start, stableEnd }) => {
      const offset = committed.get(partition) ?? null;
      return { partition, committed: offset, stableEnd, lag: Math.max(0, stableEnd - (offset ?? start)) };
    });
  }

  async ping(): Promise<void> {
    this.#refuseClosed();
    const timeout = new Promise<never>((_, reject) => {
      setTimeout(() => {
        reject(new OperatingError('log.unavailable', 'No answer in time.'));
      }, pingTimeoutMs).unref();
    });
    const asking = this.#client.connect().then(() => this.#client.refresh());
    await Promise.race([asking, timeout]).catch((caught: unknown) => {
      throw asUnavailable(caught);
    });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
      await this.#writer.close();
      await this.#client.close();
    })();
    return this.#closing;
  }

  #newClient(): KafkaClient {
    const { brokers, clientId, logger, sasl, seam, ssl } = this.#options;
    const settings: ClientSettings = {
      brokers,
      clientId,
      requestTimeoutMs: this.#timings.requestTimeoutMs,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      ...(logger === undefined ? {} : { logger }),
      ...(seam?.cut === undefined ? {} : { cut: seam.cut }),
    };
    return new KafkaClient(settings);
  }

  /** Where records go. Outputs of one actor follow one another, so the last key's partition is kept. */
  #placing(): (record: OutgoingRecord) => PlacedRecord {
    let last = { key: '', partition: this.partitionOf('') };
    return (record) => {
      if (record.key !== last.key) last = { key: record.key, partition: this.partitionOf(record.key) };
      return { topic: this.#nameOf(record.topic), partition: last.partition, record };
    };
  }

  #nameOf(name: string): string {
    return this.#prefix + name;
  }

  #partitions(): number[] {
    return Array.from({ length: this.partitionCount }, (_, partition) => partition);
  }

  /** A key's partition is a function of the count: with another one, order and ownership would be lost. */
  async #refuseOtherCount(name: string): Promise<void> {
    const count = (await this.#ask(() => this.#client.partitionsOf(name))).length;
    if (count !== this.partitionCount)
      throw new OperatingError('config.invalid', `Topic ${name} has ${count} partitions, not ${this.partitionCount}.`);
  }

  async #ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    this.#refuseClosed();
    return askRepeatedly(this.#client, { deadline: Date.now() + this.#timings.questionTimeoutMs }, ask);
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new OperatingError('log.unavailable', 'The log was closed.');
  }
}
