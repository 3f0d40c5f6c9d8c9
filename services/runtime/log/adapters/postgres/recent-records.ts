/**
 * The newest records that this handle wrote, for its own consumers: what was just committed need not be
 * read back from Postgres.
 *
 * N1 Only what is committed is in here, as stretches of a partition without a hole. A reader whose place
 *    is not the beginning of one (another process wrote there, it was too long ago) asks Postgres.
 * N2 Bounded in bytes; the oldest goes first.
 */
import type { LoggedRecord } from '../../record-log.ts';
import { recordBytes } from '../../record-size.ts';
import type { WrittenStretch } from './record-store.ts';

const bytesMaxDefault = 8 * 1024 * 1024;
/** What a stretch costs besides its records. */
const stretchBytes = 256;

interface Kept extends WrittenStretch {
  readonly bytes: number;
}

/** How much a reader takes. */
export interface TakeLimits {
  readonly recordsMax: number;
  readonly bytesMax: number;
}

/** The records of one handle. */
export class RecentRecords {
  readonly #bytesMax: number;
  readonly #followed = new Set<string>();
  /** By topic, partition and first offset; the oldest first. */
  readonly #stretches = new Map<string, Kept>();
  #bytes = 0;

  constructor(bytesMax = bytesMaxDefault) {
    this.#bytesMax = bytesMax;
  }

  /** A topic has a reader here; those of others are not kept. */
  follow(topic: string): void {
    this.#followed.add(topic);
  }

  /** Keeps what was committed. */
  add(stretches: readonly WrittenStretch[]): void {
    for (const stretch of stretches) {
      if (!this.#followed.has(stretch.topic)) continue;
      const bytes = stretch.records.reduce((sum, record) => sum + recordBytes(record), stretchBytes);
      this.#stretches.set(nameOf(stretch.topic, stretch.partition, stretch.from), { ...stretch, bytes });
      this.#bytes += bytes;
    }
    for (const [name, { bytes }] of this.#stretches) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#stretches.delete(name);
      this.#bytes -= bytes;
    }
  }

  /** Whole stretches from a place on, within the limits; undefined when the first of them is not here or exceeds them. */
  take(
    topic: string,
    partition: number,
    from: number,
    { recordsMax, bytesMax }: TakeLimits,
  ): { readonly records: readonly LoggedRecord[]; readonly nextOffset: number } | undefined {
    const records: LoggedRecord[] = [];
    let [nextOffset, bytes] = [from, 0];
    for (;;) {
      const kept = this.#stretches.get(nameOf(topic, partition, nextOffset));
      if (kept === undefined) break;
      bytes += kept.bytes;
      if (bytes > bytesMax || records.length + kept.records.length > recordsMax) break;
      records.push(...kept.records);
      nextOffset = kept.nextOffset;
    }
    return nextOffset === from ? undefined : { records, nextOffset };
  }
}

const nameOf = (topic: string, partition: number, from: number): string => `${topic}/${partition}/${from}`;
