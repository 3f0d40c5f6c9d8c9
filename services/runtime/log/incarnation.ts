/**
 * A log that was grown: its topics have other names at the broker, its offsets begin at a base.
 *
 * N1 Offsets that leave here are base + the adapter's, those that come in are the same: nobody else knows of both.
 * N2 Offsets below the base are of the incarnation before, and of its partitions; nothing is written there.
 *    A range holds offsets of one incarnation alone, because a partition of another one has other actors.
 */
import { incarnationTopicOf } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import type { Incarnation } from './incarnation-table.ts';
import type {
  Assignment,
  Consumer,
  ConsumeOptions,
  EarlierLog,
  LoggedRecord,
  OutgoingRecord,
  PartitionEnds,
  PartitionLag,
  Range,
  RecordLog,
  RecordPosition,
  Slice,
  SliceWorker,
} from './record-log.ts';

/** What came before an incarnation. */
type Before = NonNullable<RecordLog['before']>;

/** The log of an incarnation over the adapter that has its topics. Closing it closes the adapter, and `close` if given. */
export function incarnationLog(
  inner: RecordLog,
  { number, base }: Pick<Incarnation, 'number' | 'base'>,
  before: Before,
  close?: () => Promise<void>,
): RecordLog {
  return new IncarnationLog(inner, number, base, before, close);
}

/** An incarnation that is read alone, its adapter opened when it is first asked. */
export function earlierLog(
  open: () => Promise<RecordLog>,
  { partitionCount, number, base }: Incarnation,
  partitionOf: (key: string) => number,
  before: Before | undefined,
): EarlierLog {
  const shift = new Shift(number, base);
  return {
    partitionCount,
    partitionOf,
    ...(before === undefined ? {} : { before }),
    async *readRange(range) {
      if (isBefore(range, before)) yield* before.log.readRange(range);
      else yield* shift.readRange(await open(), range);
    },
    offsetForTime: async (topic, partition, at) =>
      base + (await (await open()).offsetForTime(shift.nameOf(topic), partition, at)),
    ends: async (topic) => shift.ends(await (await open()).ends(shift.nameOf(topic))),
  };
}

/** First offset that the partitions of a log ever had. */
export const baseOf = ({ before }: Pick<EarlierLog, 'before'>): number => before?.end ?? 0;

/** A log and those before it, the oldest first. */
export const incarnationsOf = (log: EarlierLog): readonly EarlierLog[] =>
  log.before === undefined ? [log] : [...incarnationsOf(log.before.log), log];

/** The log, or the one before it, that an offset is of. */
export function incarnationAt(log: EarlierLog, offset: number): EarlierLog {
  const { before } = log;
  return before === undefined || offset >= before.end ? log : incarnationAt(before.log, offset);
}

/** A partition of one incarnation. */
export interface Stretch {
  readonly log: EarlierLog;
  readonly partition: number;
  /** First offset that it ever had. */
  readonly base: number;
}

/**
 * Where the actors of a partition are, and were before each growth, oldest first. Of the partitions before
 * it names those that may hold one of them; an actor was in one of an incarnation.
 */
export function stretchesOf(log: EarlierLog, partition: number): readonly Stretch[] {
  const { before, partitionCount } = log;
  const now = { log, partition, base: baseOf(log) };
  if (before === undefined) return [now];
  // The partition is the rest of a hash by the count: two go together when they are the same rest by what divides both counts.
  const common = greatestDivisor(partitionCount, before.log.partitionCount);
  const partitions = Array.from({ length: before.log.partitionCount }, (_, one) => one);
  const earlier = partitions
    .filter((one) => one % common === partition % common)
    .flatMap((one) => stretchesOf(before.log, one));
  const known = new Map(earlier.map((one) => [`${one.base}/${one.partition}`, one]));
  return [...[...known.values()].sort((a, b) => a.base - b.base), now];
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/** Whether a range is of an earlier incarnation. Throws `log.offset-out-of-range` when it is of this one too. */
function isBefore(range: Range, before: Before | undefined): before is Before {
  if (before === undefined || range.from >= before.end) return false;
  if (range.to !== undefined && range.to <= before.end) return true;
  throw new OperatingError(
    'log.offset-out-of-range',
    `Offset ${range.from} of ${range.topic}/${range.partition} is from before the partitions were made more, at ${before.end}; ` +
      'Postgres is older than that: bring back a later state of it.',
  );
}

/** Names and offsets of one incarnation. */
class Shift {
  readonly #number: number;
  readonly #base: number;

  constructor(number: number, base: number) {
    this.#number = number;
    this.#base = base;
  }

  readonly nameOf = (topic: string): string => incarnationTopicOf(topic, this.#number);

  readonly outgoing = (record: OutgoingRecord): OutgoingRecord => ({ ...record, topic: this.nameOf(record.topic) });

  readonly down = (offset: number): number => Math.max(0, offset - this.#base);

  records(topic: string, records: readonly LoggedRecord[]): readonly LoggedRecord[] {
    return records.map((record) => ({ ...record, topic, offset: record.offset + this.#base }));
  }

  slice(topic: string, { records, nextOffset }: Slice): Slice {
    return { records: this.records(topic, records), nextOffset: nextOffset + this.#base };
  }

  ends(ends: readonly PartitionEnds[]): readonly PartitionEnds[] {
    return ends.map(({ partition, start, stableEnd }) => ({
      partition,
      start: start + this.#base,
      stableEnd: stableEnd + this.#base,
    }));
  }

  async *readRange(log: RecordLog, { topic, partition, from, to }: Range): AsyncGenerator<readonly LoggedRecord[]> {
    const range = { topic: this.nameOf(topic), partition, from: this.down(from) };
    for await (const batch of log.readRange(to === undefined ? range : { ...range, to: this.down(to) }))
      yield this.records(topic, batch);
  }

  assignment(topic: string, assignment: Assignment): Assignment {
    const { partition, startOffset, lost } = assignment;
    return {
      topic,
      partition,
      startOffset: startOffset + this.#base,
      lost,
      commit: (outputs, nextOffset, prepare) =>
        assignment.commit(outputs.map(this.outgoing), nextOffset - this.#base, prepare),
    };
  }
}

class IncarnationLog implements RecordLog {
  readonly before: Before;
  readonly partitionCount: number;
  readonly #inner: RecordLog;
  readonly #base: number;
  readonly #shift: Shift;
  readonly #closeMore: (() => Promise<void>) | undefined;

  constructor(
    inner: RecordLog,
    number: number,
    base: number,
    before: Before,
    closeMore: (() => Promise<void>) | undefined,
  ) {
    this.before = before;
    this.partitionCount = inner.partitionCount;
    this.#inner = inner;
    this.#base = base;
    this.#shift = new Shift(number, base);
    this.#closeMore = closeMore;
  }

  readonly partitionOf = (key: string): number => this.#inner.partitionOf(key);

  createTopics(names: readonly string[]): Promise<void> {
    return this.#inner.createTopics(names.map(this.#shift.nameOf));
  }

  async append(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    const positions = await this.#inner.append(records.map(this.#shift.outgoing));
    return positions.map(({ partition, offset }, index) => ({
      topic: records[index]?.topic ?? '',
      partition,
      offset: offset + this.#base,
    }));
  }

  createGroup(group: string, topic: string): Promise<void> {
    return this.#inner.createGroup(group, this.#shift.nameOf(topic));
  }

  consume(options: ConsumeOptions): Promise<Consumer> {
    const { topic } = options;
    const shift = this.#shift;
    const assigned = async (assignment: Assignment): Promise<SliceWorker> => {
      const worker = await options.assigned(shift.assignment(topic, assignment));
      return { process: (slice) => worker.process(shift.slice(topic, slice)) };
    };
    return this.#inner.consume({ ...options, topic: shift.nameOf(topic), assigned });
  }

  async *readRange(range: Range): AsyncGenerator<readonly LoggedRecord[]> {
    if (isBefore(range, this.before)) yield* this.before.log.readRange(range);
    else yield* this.#shift.readRange(this.#inner, range);
  }

  async offsetForTime(topic: string, partition: number, at: number): Promise<number> {
    return this.#base + (await this.#inner.offsetForTime(this.#shift.nameOf(topic), partition, at));
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    return this.#shift.ends(await this.#inner.ends(this.#shift.nameOf(topic)));
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    const lags = await this.#inner.lag(group, this.#shift.nameOf(topic));
    return lags.map(({ partition, committed, stableEnd, lag }) => ({
      partition,
      committed: committed === null ? null : committed + this.#base,
      stableEnd: stableEnd + this.#base,
      lag,
    }));
  }

  ping(): Promise<void> {
    return this.#inner.ping();
  }

  async close(): Promise<void> {
    await this.#inner.close();
    await this.#closeMore?.();
  }
}
