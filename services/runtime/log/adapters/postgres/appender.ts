/**
 * Joins concurrent appends: while one transaction is on its way, callers wait, and the next takes all
 * of them. Owns the queue; the bounds below keep a transaction, and what may wait, small.
 *
 * Invariants: at most one transaction in flight; calls are written in the order in which they came;
 * a call is in one transaction, whole.
 */
import type { Database, Sql } from '../../../database/database.ts';
import { OperatingError } from '../../../errors.ts';
import type { OutgoingRecord, RecordPosition } from '../../record-log.ts';
import { recordBytes, refuseTooLarge } from '../../record-size.ts';
import { logErrorOf } from './log-errors.ts';
import { writeRecords, type WrittenStretch } from './record-store.ts';

const batchRecordsMax = 2_000;
const batchBytesMax = 8 * 1024 * 1024;
const waitingRecordsMax = 50_000;

interface Call {
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
  resolve(positions: readonly RecordPosition[]): void;
  reject(error: unknown): void;
}

/** What an appender works with. */
export interface AppenderOptions {
  readonly database: Database;
  readonly partitionOf: (key: string) => number;
  /** Told what was written after each commit. */
  readonly written: (stretches: readonly WrittenStretch[]) => void;
}

/** The append side of one handle. */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #waiting: Call[] = [];
  #waitingRecords = 0;
  #writing: Promise<void> | undefined;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** See `RecordLog.append`. The topics must exist: one call's mistake would fail those joined with it. */
  append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    refuseTooLarge(records);
    if (this.#waitingRecords + records.length > waitingRecordsMax)
      throw new OperatingError('log.unavailable', 'Too many appends are waiting.');
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject });
      this.#waitingRecords += records.length;
      this.#writing ??= this.#writeAll();
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async drained(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // One turn of the event loop first: callers of the same moment share a transaction from the start.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#write(this.#takeBatch());
    this.#writing = undefined;
  }

  #takeBatch(): readonly Call[] {
    let [records, bytes, calls] = [0, 0, 0];
    for (const call of this.#waiting) {
      records += call.records.length;
      bytes += call.bytes;
      if (calls > 0 && (records > batchRecordsMax || bytes > batchBytesMax)) break;
      calls += 1;
    }
    const batch = this.#waiting.splice(0, calls);
    for (const call of batch) this.#waitingRecords -= call.records.length;
    return batch;
  }

  async #write(calls: readonly Call[]): Promise<void> {
    const { database, partitionOf, written } = this.#options;
    const records = calls.flatMap((call) => call.records);
    try {
      const alone: Sql = { query: (text, values) => database.query([], text, values) };
      const { positions, stretches } = await writeRecords(alone, records, partitionOf, 'append');
      written(stretches);
      let from = 0;
      for (const call of calls) {
        call.resolve(positions.slice(from, from + call.records.length));
        from += call.records.length;
      }
    } catch (caught) {
      const error = logErrorOf(caught);
      for (const call of calls) call.reject(error);
    }
  }
}
