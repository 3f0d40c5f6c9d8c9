/** The log as clients see it that share no code with our adapters. Topics are by our names, without a prefix. */

/** A committed record, as its bytes. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

/** What one reader saw, session by session and partition by partition, in order. */
export interface RawReading {
  readonly reader: string;
  readonly records: readonly RawRecord[];
}

/** A reader that reads along from the beginning. */
export interface ReaderAlong {
  readings(): readonly RawReading[];
  /** Idempotent. */
  close(): Promise<void>;
}

/** The independent view of one installation's log. */
export interface RawLog {
  /** Every committed record of every topic, read anew from the first. Throws when it cannot be read to its end. */
  readAll(): Promise<readonly RawRecord[]>;
  /** Begins to read along. */
  readAlong(): Promise<ReaderAlong>;
  /** Appends bytes as they are: what no client of ours would write. */
  append(records: readonly Pick<RawRecord, 'topic' | 'partition' | 'key' | 'value'>[]): Promise<void>;
}

/** Gathers what a reader sees. A new session begins new readings. */
export class Readings {
  readonly #readings = new Map<string, RawRecord[]>();
  #session = 0;

  /** What is seen from now on is another session's. */
  rejoined(): void {
    this.#session += 1;
  }

  saw(record: RawRecord): void {
    const reader = `${record.topic}/${record.partition} session ${this.#session}`;
    const seen = this.#readings.get(reader);
    if (seen === undefined) this.#readings.set(reader, [record]);
    else seen.push(record);
  }

  all(): readonly RawReading[] {
    return [...this.#readings].map(([reader, records]) => ({ reader, records }));
  }
}
