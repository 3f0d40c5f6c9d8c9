/**
 * One partition in memory, as a broker keeps it: records of open, committed and aborted transactions
 * in one sequence of offsets, and markers where transactions ended.
 */
import type { LoggedRecord, OutgoingRecord, Slice } from '../../record-log.ts';
import { recordBytes } from '../../record-size.ts';

/** A transaction; its records are seen once it is committed. */
export class Transaction {
  state: 'open' | 'committed' | 'aborted' = 'open';
  readonly #partitions = new Set<SimulatedPartition>();

  /** Adds a record at the end of the partition. */
  write(partition: SimulatedPartition, record: OutgoingRecord, timestamp: number): LoggedRecord {
    this.#partitions.add(partition);
    return partition.write(record, timestamp, this);
  }

  /** Decides the transaction and marks its end in every partition. Returns those partitions. Idempotent. */
  end(outcome: 'committed' | 'aborted'): readonly SimulatedPartition[] {
    if (this.state !== 'open') return [];
    this.state = outcome;
    for (const partition of this.#partitions) partition.mark(this);
    return [...this.#partitions];
  }
}

interface Entry {
  readonly record: LoggedRecord;
  readonly bytes: number;
  /** Absent for records appended outside of transactions. */
  readonly transaction: Transaction | undefined;
}

/** How much of a partition to give at most. */
export interface SliceLimits {
  readonly to: number;
  readonly recordsMax: number;
  readonly bytesMax: number;
}

/** One partition. */
export class SimulatedPartition {
  readonly topic: string;
  readonly partition: number;
  start = 0;
  #entries: Entry[] = [];
  #nextOffset = 0;
  /** Open transactions and their first offset here. */
  readonly #open = new Map<Transaction, number>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Offset before which every record is decided. */
  get stableEnd(): number {
    return Math.min(this.#nextOffset, ...this.#open.values());
  }

  /** Adds a record at the end. */
  write(outgoing: OutgoingRecord, timestamp: number, transaction?: Transaction): LoggedRecord {
    const offset = this.#nextOffset;
    this.#nextOffset += 1;
    if (transaction !== undefined && !this.#open.has(transaction)) this.#open.set(transaction, offset);
    const { topic, partition } = this;
    const { key, value, headers } = outgoing;
    // Copied: what the caller does to its bytes later is no business of the log.
    const record = { topic, partition, offset, key, value: Buffer.from(value), headers: { ...headers }, timestamp };
    this.#entries.push({ record, bytes: recordBytes(outgoing), transaction });
    return record;
  }

  /** The marker at the end of a transaction: takes one offset. */
  mark(transaction: Transaction): void {
    this.#open.delete(transaction);
    this.#nextOffset += 1;
  }

  /** Committed records from `from` on, and where to go on. */
  read(from: number, { to, recordsMax, bytesMax }: SliceLimits): Slice {
    const end = Math.min(to, this.stableEnd);
    const records: LoggedRecord[] = [];
    let bytes = 0;
    for (let at = this.#indexOf(from); at < this.#entries.length; at += 1) {
      const entry = this.#entries[at];
      if (entry === undefined || entry.record.offset >= end) break;
      if (entry.transaction !== undefined && entry.transaction.state !== 'committed') continue;
      bytes += entry.bytes;
      if (records.length > 0 && (records.length >= recordsMax || bytes > bytesMax))
        return { records, nextOffset: (records.at(-1)?.offset ?? from) + 1 };
      records.push(entry.record);
    }
    return { records, nextOffset: Math.max(from, end) };
  }

  /** Deletes what is before the offset. */
  truncate(offset: number): void {
    this.#entries = this.#entries.slice(this.#indexOf(offset));
    this.start = offset;
  }

  /** Index of the first entry at or after the offset. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.record.offset ?? Infinity) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
