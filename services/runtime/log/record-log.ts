/**
 * The log as the rest of Prosa needs it. Three adapters (`adapters/kafka`, `adapters/postgres`,
 * `adapters/simulated`) keep these promises; `testing/record-log.contract.ts` checks them on each.
 *
 * Words: an *offset* grows within a partition and may have gaps (transaction markers take some);
 * the *stable end* is the offset before which every record is decided (committed or aborted);
 * an *assignment* is one ownership of one partition by one consumer; records of aborted
 * transactions are never seen.
 */
import type { Sql } from '../database/database.ts';

/** A record to be appended. Its partition is a function of its key, the same in every adapter. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Opaque actor id; never personal data. */
  readonly key: string;
  readonly value: Uint8Array;
  /** Plain text, never personal data. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where a record is. */
export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A record as read. */
export interface LoggedRecord extends RecordPosition {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds by the log's clock or the appender's; for search by time. */
  readonly timestamp: number;
}

/** Consecutive records of one partition, at least one record or an advance past markers. */
export interface Slice {
  readonly records: readonly LoggedRecord[];
  /** Offset to go on from when this slice is done; at least the last record's offset + 1. */
  readonly nextOffset: number;
}

/**
 * One ownership of one partition, made by the adapter *after* the predecessor was fenced.
 * Once `lost` is aborted nothing may be written in its name.
 */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  /** The group's committed offset, read again after the fence; the first record given is at or after it. */
  readonly startOffset: number;
  /** Aborted when the partition is revoked, fenced or its consumer stops. */
  readonly lost: AbortSignal;
  /**
   * Commits `outputs` and the move to `nextOffset` together or not at all.
   *
   * `prepare` runs before the commit: inside the log's own database transaction when the log is one
   * (then it is given that transaction), before the log's transaction commits otherwise (then it is
   * given nothing and commits by itself). If it throws, nothing is committed and its error is thrown on.
   * The transaction given has declared no tenants: a `prepare` that writes under row-level security
   * first says `SELECT set_config('app.tenants', $1, true)` on it.
   *
   * Throws `log.fenced` when ownership is gone and `log.outcome-unknown` when the commit may or may
   * not have happened; after either, this assignment is over (`lost` is aborted) and a later one
   * starts from the committed offset. After any other error (`log.unavailable`, `log.record-too-large`,
   * what `prepare` threw) nothing was committed and the assignment goes on. `outputs` may be empty.
   */
  commit(
    outputs: readonly OutgoingRecord[],
    nextOffset: number,
    prepare?: (transaction: Sql | undefined) => Promise<void>,
  ): Promise<void>;
}

/** Does the work on the slices of one assignment. A new one is made for each assignment. */
export interface SliceWorker {
  /**
   * Handles one slice and commits it through the assignment (once). Slices of one partition come one
   * by one, in order. Throwing `retry` errors makes the adapter give the same slice again after a
   * back-off; `yield` ends the assignment; anything else stops the consumer with that error.
   */
  process(slice: Slice): Promise<void>;
}

/** How a group reads a topic. */
export interface ConsumeOptions {
  /** Consumer group: the service folder's name. */
  readonly group: string;
  readonly topic: string;
  /**
   * True: outputs and offset are committed together, owners are fenced (actor host).
   * False: offsets alone are committed, `outputs` must be empty, delivery is at least once.
   */
  readonly transactional: boolean;
  /** Most records in a slice. */
  readonly sliceRecordsMax: number;
  /** Most bytes in a slice; a single larger record is a slice of its own. */
  readonly sliceBytesMax: number;
  /**
   * How long records may wait for others, so that slices are fewer and larger: for work that nobody
   * waits for. Milliseconds; absent: none.
   */
  readonly patienceMs?: number;
  /** Makes the worker of an assignment; awaited before its first slice. */
  readonly assigned: (assignment: Assignment) => Promise<SliceWorker>;
}

/** A running consumer. */
export interface Consumer {
  /** Rejects when the consumer stopped by itself with an error that is not `retry` or `yield`; resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Partitions owned now. */
  owned(): readonly number[];
  /** Lets slices in process finish, gives the partitions back, leaves. Idempotent. */
  stop(): Promise<void>;
}

/** What `readRange` reads. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  /** First offset wanted. */
  readonly from: number;
  /** Offset to stop before; absent: the stable end as of the call. */
  readonly to?: number;
}

/** First and last of a partition. */
export interface PartitionEnds {
  readonly partition: number;
  /** Offset of the oldest record still there. */
  readonly start: number;
  /** Offset before which every record is decided. */
  readonly stableEnd: number;
}

/** Distance of a group to the stable end of one partition, in offsets. */
export interface PartitionLag {
  readonly partition: number;
  /** Null when the group never committed there. */
  readonly committed: number | null;
  readonly stableEnd: number;
  readonly lag: number;
}

/** What came before the last growth of a log: nothing is written there any more. */
export type EarlierLog = Pick<
  RecordLog,
  'before' | 'ends' | 'offsetForTime' | 'partitionCount' | 'partitionOf' | 'readRange'
>;

/** The log. */
export interface RecordLog {
  /**
   * Present when the partition count was grown: offsets below `end` are of that log, in its partitions.
   * `readRange` finds them there, and throws `log.offset-out-of-range` for a range over `end`; all else
   * that is asked here is of the partitions as they are now.
   */
  readonly before?: { readonly log: EarlierLog; readonly end: number };
  /** Partitions of every topic. */
  readonly partitionCount: number;
  /** Partition of a key. */
  partitionOf(key: string): number;
  /** Creates the topics that do not exist; refuses those with another partition count (`config.invalid`). Idempotent. */
  createTopics(names: readonly string[]): Promise<void>;
  /**
   * Appends outside of any transaction; resolves when all are durable, in the order given per
   * partition, with their positions. Not idempotent: after `log.unavailable` some may be there.
   * Concurrent calls are joined into larger writes. `log.record-too-large` (`record-size.ts`): nothing
   * of the call was written.
   */
  append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]>;
  /**
   * Gives the group the oldest offset of every partition where it has none. Idempotent. Called by
   * set-up, for a new group on a topic that may hold records already; never by a consumer.
   */
  createGroup(group: string, topic: string): Promise<void>;
  /**
   * Joins a group. Resolves when the first assignment round was made. A partition that never held a
   * record starts at its beginning; one that did, for a group without a committed offset there, is
   * `log.offset-missing`, and a committed offset that the log does not hold is
   * `log.offset-out-of-range`: either rejects here or, found later, in `finished`.
   */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Committed records of a range, in order, in batches; belongs to no group. */
  readRange(range: Range): AsyncIterable<readonly LoggedRecord[]>;
  /** First offset whose record's timestamp is at or after `at` (epoch ms); the stable end when none is. */
  offsetForTime(topic: string, partition: number, at: number): Promise<number>;
  /** Ends of every partition of a topic. */
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  /** Lag of a group on a topic, every partition. */
  lag(group: string, topic: string): Promise<readonly PartitionLag[]>;
  /** Cheap check that records can be appended; throws `log.unavailable`. */
  ping(): Promise<void>;
  /** Stops consumers and releases everything. Idempotent. */
  close(): Promise<void>;
}
