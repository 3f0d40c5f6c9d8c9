/**
 * The record log in memory, for tests of what is built on it: fast, without timers (it moves with the
 * event loop), and by a seed: the same seed and the same calls give the same order of steps.
 *
 * Like a broker: gaps in offsets (markers, aborted transactions), a stable end that stays behind open
 * transactions, slices smaller than asked for, outputs sent before or after `prepare`, commits of
 * unknown outcome, fencing by the successor, the size limit. `prepare` is given no transaction.
 * Whoever opens a handle may give it a pace: then that decides how long each request and each answer
 * takes, and which are lost.
 * Unlike a broker: nothing survives the process; a crash is noticed at once, there are no leases; back-off
 * is a few turns of the event loop; records are never joined into batches; retention does nothing.
 */
import { OperatingError } from '../../../errors.ts';
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
import { refuseTooLarge } from '../../record-size.ts';
import { SimulatedCluster, type ClusterOptions, type CommitFault, type Pace } from './simulated-cluster.ts';
import { SimulatedConsumer, type SimulatedProcess } from './simulated-consumer.ts';
import { Transaction } from './simulated-partition.ts';

const rangeRecordsMax = 500;
const rangeBytesMax = 4 * 1024 * 1024;

/** How to make one. */
export interface SimulatedLogOptions extends Omit<ClusterOptions, 'now'> {
  readonly partitionCount: number;
  /** Clock for timestamps, epoch ms; the process' by default. */
  readonly now?: () => number;
}

/** What can be made to go wrong, and when. */
export interface SimulatedFaults {
  /** The next commit of any handle goes wrong in this way; repeated calls queue up. */
  nextCommit(fault: CommitFault): void;
  /** Whoever owns the partition is fenced, and finds out when it commits; the group hands it out again. */
  fence(group: string, topic: string, partition: number): void;
  /** The handle's process is gone. */
  crash(log: RecordLog): void;
  /** The handle's process is believed gone: its partitions go to others, and it is not told. */
  stall(log: RecordLog): void;
  /** The handle's process learns that it was believed gone: it drops what it had and joins again. */
  rejoin(log: RecordLog): void;
  /** While true every call throws `log.unavailable`. */
  unavailable(away: boolean): void;
  /** Another writer opens a transaction with these records and leaves it open: the stable end stays before it. */
  openTransaction(records: readonly OutgoingRecord[]): { end(outcome: 'committed' | 'aborted'): void };
  /** Deletes the records before an offset. */
  truncate(topic: string, partition: number, offset: number): void;
  /** Sets a committed offset. */
  setCommitted(group: string, topic: string, partition: number, offset: number): void;
}

/** A log that handles are opened on, as of different processes. */
export interface SimulatedLog {
  /** Opens a handle; `partitionCount` only to be refused. */
  open(options?: { readonly partitionCount?: number; readonly pace?: Pace }): RecordLog;
  readonly faults: SimulatedFaults;
  /** Resolves when all that can be consumed has been, and nothing is going on. Waits for ever on a worker that never ends. */
  settled(): Promise<void>;
}

/** Makes a log. */
export function simulateLog({ partitionCount, now = Date.now, ...rest }: SimulatedLogOptions): SimulatedLog {
  const cluster = new SimulatedCluster({ now, ...rest });
  const handles = new Map<RecordLog, SimulatedHandle>();
  const handleOf = (log: RecordLog): SimulatedHandle => {
    const handle = handles.get(log);
    if (handle === undefined) throw new Error('not a handle of this log');
    return handle;
  };
  return {
    open(options = {}) {
      const { pace = cluster.turns } = options;
      const handle = new SimulatedHandle(cluster, options.partitionCount ?? partitionCount, handles.size + 1, pace);
      handles.set(handle, handle);
      return handle;
    },
    settled: () => cluster.settled(),
    faults: {
      nextCommit: (fault) => cluster.commitFaults.push(fault),
      fence(group, topic, partition) {
        const cursor = cluster.cursor(group, topic, partition);
        cluster.fence(cursor);
        cluster.free(cluster.group(group, topic), cursor);
      },
      crash: (log) => handleOf(log).crash(),
      stall: (log) => handleOf(log).stall(),
      rejoin: (log) => handleOf(log).rejoin(),
      unavailable: (away) => (cluster.unavailable = away),
      openTransaction(records) {
        const transaction = new Transaction();
        for (const record of records)
          transaction.write(
            cluster.partition(record.topic, partitionOfKey(record.key, partitionCount)),
            record,
            cluster.now(),
          );
        return { end: (outcome) => cluster.endTransaction(transaction, outcome) };
      },
      truncate: (topic, partition, offset) => cluster.partition(topic, partition).truncate(offset),
      setCommitted: (group, topic, partition, offset) => (cluster.cursor(group, topic, partition).committed = offset),
    },
  };
}

class SimulatedHandle implements RecordLog {
  readonly partitionCount: number;
  readonly #cluster: SimulatedCluster;
  readonly #process: SimulatedProcess;
  readonly #consumers = new Set<SimulatedConsumer>();
  readonly #name: string;
  #joined = 0;
  #closing: Promise<void> | undefined;

  constructor(cluster: SimulatedCluster, partitionCount: number, serial: number, pace: Pace) {
    this.partitionCount = partitionCount;
    this.#cluster = cluster;
    this.#name = `handle-${serial}`;
    this.#process = { cluster, partitionOf: this.partitionOf, pace, alive: true };
  }

  readonly partitionOf = (key: string): number => partitionOfKey(key, this.partitionCount);

  async createTopics(names: readonly string[]): Promise<void> {
    await this.#step();
    for (const name of names) this.#cluster.createTopic(name, this.partitionCount);
  }

  async append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    if (this.#closing !== undefined) throw new Error('The log is closed.');
    refuseTooLarge(records);
    return this.#cluster.during(async () => {
      await this.#step();
      const homes = records.map(({ topic, key }) => this.#cluster.partition(topic, this.partitionOf(key)));
      const positions = records.map((record, index): RecordPosition => {
        const home = homes[index];
        if (home === undefined) throw new RangeError('a record without a partition');
        const { topic, partition, offset } = home.write(record, this.#cluster.now());
        return { topic, partition, offset };
      });
      for (const topic of new Set(records.map((record) => record.topic))) this.#cluster.announce(topic);
      await this.#process.pace('answer call');
      return positions;
    });
  }

  async createGroup(group: string, topic: string): Promise<void> {
    await this.#step();
    for (const cursor of this.#cluster.group(group, topic).cursors) cursor.committed ??= cursor.partition.start;
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    if (this.#closing !== undefined) throw new Error('The log is closed.');
    await this.#step();
    this.#joined += 1;
    const consumer = new SimulatedConsumer(this.#process, options, `${this.#name}-${this.#joined}`);
    this.#consumers.add(consumer);
    const forget = (): void => void this.#consumers.delete(consumer);
    consumer.finished.then(forget, forget);
    await consumer.start();
    return consumer;
  }

  async *readRange({ topic, partition, from, to }: Range): AsyncGenerator<readonly LoggedRecord[]> {
    await this.#step();
    const source = this.#cluster.partition(topic, partition);
    const end = Math.min(to ?? Infinity, source.stableEnd);
    for (let place = from; place < end;) {
      const slice = source.read(place, { to: end, recordsMax: rangeRecordsMax, bytesMax: rangeBytesMax });
      if (slice.records.length > 0) yield slice.records;
      place = slice.nextOffset;
      await this.#step();
    }
  }

  async offsetForTime(topic: string, partition: number, at: number): Promise<number> {
    for await (const batch of this.readRange({ topic, partition, from: 0 })) {
      const found = batch.find(({ timestamp }) => timestamp >= at);
      if (found !== undefined) return found.offset;
    }
    return this.#cluster.partition(topic, partition).stableEnd;
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    await this.#step();
    return this.#cluster.topic(topic).map(({ partition, start, stableEnd }) => ({ partition, start, stableEnd }));
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    await this.#step();
    return this.#cluster
      .group(group, topic)
      .cursors.map(({ partition: { partition, start, stableEnd }, committed }) => ({
        partition,
        committed,
        stableEnd,
        lag: stableEnd - (committed ?? start),
      }));
  }

  ping(): Promise<void> {
    return this.#step();
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#consumers].map((consumer) => consumer.stop())).then(() => undefined);
    return this.#closing;
  }

  crash(): void {
    this.#process.alive = false;
    for (const consumer of this.#consumers) consumer.crash();
    this.stall();
  }

  stall(): void {
    for (const consumer of this.#consumers) this.#cluster.remove(consumer.group, consumer);
  }

  rejoin(): void {
    for (const consumer of this.#consumers) consumer.rejoin();
  }

  /** Anything asked of the log takes a while, and fails when the log or this process is away. */
  async #step(): Promise<void> {
    await this.#process.pace('ask call');
    if (!this.#process.alive) throw new OperatingError('log.unavailable');
    this.#cluster.refuseUnavailable();
  }
}
