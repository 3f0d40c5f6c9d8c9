/**
 * The record log in Postgres: the embedded default, and for small installations.
 *
 * Works through the pool it is given, which it does not close. Offsets are taken under a lock of their
 * partition's row (record-store.ts); a transaction is one Postgres transaction, `prepare` included.
 * What it imitates of Kafka, so that nobody relies on the difference: gaps in offsets after
 * transactions, a record size limit, commits of unknown outcome, leases and fencing.
 * What it cannot show: an aborted record in the log, or a stable end that stays behind an open
 * transaction of another writer (here such a writer is waited for).
 */
import type { Database, Sql } from '../../../database/database.ts';
import { OperatingError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
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
import { Appender } from './appender.ts';
import { PostgresConsumer } from './consumer.ts';
import { type CursorMove, openCursorMover } from './cursor-mover.ts';
import { createGroup } from './group-store.ts';
import { internalsDefault, type PostgresLogInternals } from './internals.ts';
import { asLog, noSuchTopic } from './log-errors.ts';
import { Pulse } from './pulse.ts';
import { RecentRecords } from './recent-records.ts';
import { bisectTime, readPiece, type WrittenStretch } from './record-store.ts';

const rangeRecordsMax = 500;
const rangeBytesMax = 4 * 1024 * 1024;

/** How to open it. */
export interface PostgresLogOptions {
  /** About ten connections suit one process with all consumers. Stays the caller's to close, after the log. */
  readonly database: Database;
  readonly partitionCount: number;
  /** Name of this process among the members of groups; no personal data. */
  readonly clientId: string;
  readonly logger?: Logger;
  /** Time after which a process that gave no sign loses its partitions. */
  readonly leaseMs?: number;
  /**
   * Time within which records of other processes are noticed; those of this process are at once. Where
   * there is no other, only what was written without an answer waits for it, and it may be rarer.
   */
  readonly pollMs?: number;
  /**
   * True when no other process can be on this log (the data directory is locked) and this is the first
   * handle of this one: members that a killed process left are removed at once, not when their leases run out.
   */
  readonly onlyProcess?: boolean;
}

/** Opens the log. Throws `log.unavailable` when Postgres cannot be reached. */
export function openPostgresLog(options: PostgresLogOptions): Promise<RecordLog> {
  return openPostgresLogWith(options, internalsDefault);
}

/** `openPostgresLog` with parts of it taken out; for tests of the tests. */
export async function openPostgresLogWith(
  options: PostgresLogOptions,
  internals: PostgresLogInternals,
): Promise<RecordLog> {
  const identity = await asLog(() =>
    options.database.transaction([], async (sql) => {
      if (options.onlyProcess === true) await sql.query('DELETE FROM log.members');
      const { rows } = await sql.query<{ id: string }>('SELECT id::text FROM log.identity');
      return rows[0]?.id ?? 'unnamed';
    }),
  );
  return new PostgresLog(options, internals, identity);
}

class PostgresLog implements RecordLog {
  readonly partitionCount: number;
  readonly #options: PostgresLogOptions & { readonly leaseMs: number };
  readonly #internals: PostgresLogInternals;
  readonly #pulse: Pulse;
  readonly #appender: Appender;
  readonly #recent = new RecentRecords();
  readonly #moveCursor: (move: CursorMove) => Promise<boolean>;
  readonly #consumers = new Set<PostgresConsumer>();
  readonly #knownTopics = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(options: PostgresLogOptions, internals: PostgresLogInternals, identity: string) {
    const { database, partitionCount, leaseMs = 3_000, onlyProcess = false } = options;
    const { pollMs = onlyProcess ? 1_000 : 150 } = options;
    this.partitionCount = partitionCount;
    this.#options = { ...options, leaseMs };
    this.#internals = internals;
    this.#pulse = new Pulse({ database, identity, leaseMs, pollMs, internals });
    this.#appender = new Appender({
      database,
      partitionOf: this.partitionOf,
      written: this.#written,
    });
    this.#moveCursor = openCursorMover(database);
  }

  readonly partitionOf = (key: string): number => partitionOfKey(key, this.partitionCount);

  readonly #written = (stretches: readonly WrittenStretch[]): void => {
    // Before anybody is told, so that those who are find it.
    this.#recent.add(stretches);
    this.#pulse.announceHeads(stretches);
  };

  async createTopics(names: readonly string[]): Promise<void> {
    const sorted = [...names].sort();
    await this.#transaction(async (sql) => {
      await sql.query(
        `INSERT INTO log.topics (topic, partition_count) SELECT name, $2 FROM unnest($1::text[]) AS name
         ON CONFLICT DO NOTHING`,
        [sorted, this.partitionCount],
      );
      const { rows } = await sql.query<{ topic: string; partition_count: number }>(
        'SELECT topic, partition_count FROM log.topics WHERE topic = ANY ($1::text[]) AND partition_count <> $2',
        [sorted, this.partitionCount],
      );
      for (const { topic, partition_count } of rows)
        throw new OperatingError(
          'config.invalid',
          `The topic ${topic} has ${partition_count} partitions; ${this.partitionCount} are configured.`,
        );
      await sql.query(
        `INSERT INTO log.partitions (topic, partition)
         SELECT name, partition FROM unnest($1::text[]) AS name, generate_series(0, $2::integer - 1) AS partition
         ORDER BY name, partition ON CONFLICT DO NOTHING`,
        [sorted, this.partitionCount],
      );
    });
  }

  async append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    this.#refuseClosed();
    if (records.length === 0) return [];
    await this.#refuseUnknown(records);
    return this.#appender.append(records);
  }

  createGroup(group: string, topic: string): Promise<void> {
    return this.#transaction((sql) => createGroup(sql, { group, topic }));
  }

  async consume(consume: ConsumeOptions): Promise<Consumer> {
    this.#refuseClosed();
    const { database, clientId, leaseMs, logger } = this.#options;
    this.#recent.follow(consume.topic);
    const consumer = new PostgresConsumer({
      consume,
      database,
      client: clientId,
      leaseMs,
      partitionOf: this.partitionOf,
      pulse: this.#pulse,
      recent: this.#recent,
      written: this.#written,
      moveCursor: this.#moveCursor,
      internals: this.#internals,
      logger,
    });
    this.#consumers.add(consumer);
    const forget = (): void => void this.#consumers.delete(consumer);
    consumer.finished.then(forget, forget);
    await consumer.start();
    return consumer;
  }

  async *readRange({ topic, partition, from, to }: Range): AsyncGenerator<readonly LoggedRecord[]> {
    const end = Math.min(to ?? Infinity, await this.#stableEnd(topic, partition));
    for (let place = from; place < end;) {
      const piece = await this.#transaction((sql) =>
        readPiece(sql, {
          topic,
          partition,
          from: place,
          to: end,
          recordsMax: rangeRecordsMax,
          bytesMax: rangeBytesMax,
        }),
      );
      if (piece.records.length > 0) yield piece.records;
      place = piece.nextOffset;
    }
  }

  offsetForTime(topic: string, partition: number, at: number): Promise<number> {
    return this.#transaction((sql) => bisectTime(sql, topic, partition, at));
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    const rows = await this.#transaction(async (sql) => {
      const result = await sql.query<{ partition: number; start_offset: string; next_offset: string }>(
        'SELECT partition, start_offset, next_offset FROM log.partitions WHERE topic = $1 ORDER BY partition',
        [topic],
      );
      return result.rows;
    });
    if (rows.length === 0) throw noSuchTopic(topic);
    return rows.map(({ partition, start_offset, next_offset }) => ({
      partition,
      start: Number(start_offset),
      stableEnd: Number(next_offset),
    }));
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    const rows = await this.#transaction(async (sql) => {
      const result = await sql.query<{
        partition: number;
        start_offset: string;
        next_offset: string;
        committed: string | null;
      }>(
        `SELECT p.partition, p.start_offset, p.next_offset, c.committed_offset AS committed
         FROM log.partitions p
         LEFT JOIN log.cursors c ON c.topic = p.topic AND c.partition = p.partition AND c.consumer_group = $1
         WHERE p.topic = $2 ORDER BY p.partition`,
        [group, topic],
      );
      return result.rows;
    });
    if (rows.length === 0) throw noSuchTopic(topic);
    return rows.map(({ partition, start_offset, next_offset, committed }) => {
      const stableEnd = Number(next_offset);
      return {
        partition,
        committed: committed === null ? null : Number(committed),
        stableEnd,
        lag: stableEnd - Number(committed ?? start_offset),
      };
    });
  }

  async ping(): Promise<void> {
    const { rows } = await this.#transaction((sql) =>
      sql.query<{ read_only: string }>(`SELECT current_setting('transaction_read_only') AS read_only`),
    );
    if (rows[0]?.read_only !== 'off') throw new OperatingError('log.unavailable', 'Postgres is read-only.');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#pulse.stop();
    await this.#appender.drained();
  }

  #transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return asLog(() => this.#options.database.transaction([], work));
  }

  async #stableEnd(topic: string, partition: number): Promise<number> {
    const end = (await this.ends(topic)).find((ends) => ends.partition === partition);
    if (end === undefined) throw new RangeError(`no partition ${partition} in ${topic}`);
    return end.stableEnd;
  }

  async #refuseUnknown(records: readonly OutgoingRecord[]): Promise<void> {
    for (const topic of new Set(records.map((record) => record.topic))) {
      if (this.#knownTopics.has(topic)) continue;
      await this.ends(topic);
      this.#knownTopics.add(topic);
    }
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw new Error('The log is closed.');
  }
}
