/**
 * Parked records as operators see them: read from the parked topics themselves, newest first within a
 * partition, in bounded scans. No table is kept of them: they are few and seldom asked for. Where the
 * partitions were made more, those of before follow, in the partitions of then.
 */
import type { RecordParked } from '#schemas/records.ts';
import { parkedTopicOf } from '#schemas/topics.ts';
import { OperatingError } from '#runtime/errors.ts';
import { baseOf, incarnationAt } from '#runtime/log/incarnation.ts';
import type { EarlierLog, LoggedRecord, Range, RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';

/** A record that was set aside, with where that is said. */
export interface Parked {
  readonly record: RecordParked;
  /** Of the parked topic. The record's own is the same: both have one key. */
  readonly partition: number;
  /** On the parked topic. */
  readonly offset: number;
  /** Epoch milliseconds by the log's clock. */
  readonly parkedAt: number;
}

/** A place in the list: what follows is in this partition before this offset, in a later one, or from before a growth. */
export type ParkedPlace = readonly [partition: number, before: number];

/** The oldest that is still there of a partition, whose first records of this kind are not. */
export interface Unretained {
  readonly partition: number;
  /** Of the parked topic. */
  readonly offset: number;
}

/** Some of the list. */
export interface ParkedPage {
  readonly items: readonly Parked[];
  /** Of the partitions that this page came to the beginning of. */
  readonly unretained: readonly Unretained[];
  /** Undefined when all was looked at. */
  readonly next: ParkedPlace | undefined;
}

/** Offsets read at once, from the end of a partition backwards. */
const windowOffsets = 500;
/** Offsets looked at for one page. */
const pageOffsetsMax = 10_000;
/** Records looked at to find one: more than any service lags behind in records that cannot be read. */
const searchedMax = 200_000;
/** How far the clocks of two brokers may be apart, generously. */
const clockSkewMs = 60_000;

/**
 * A page of the parked records of a topic that are a tenant's. After `offsetsMax` offsets a page ends,
 * short or even empty. A record that two services parked is one item of a page, and rarely of two pages.
 * It stays listed after it was put back: the log forgets nothing. Throws `log.unavailable`.
 */
export async function listParked(
  log: EarlierLog,
  wanted: {
    readonly tenant: string;
    /** The topic that they were on. */
    readonly topic: string;
    readonly after: ParkedPlace | undefined;
    readonly itemsMax: number;
    readonly offsetsMax?: number;
  },
): Promise<ParkedPage> {
  const { tenant, after, itemsMax, offsetsMax = pageOffsetsMax } = wanted;
  const topic = parkedTopicOf(wanted.topic);
  const items = new Map<string, Parked>();
  const unretained: Unretained[] = [];
  const page = (next: ParkedPlace | undefined): ParkedPage => ({ items: [...items.values()], unretained, next });
  let left = offsetsMax;
  for await (const { isCut, partition, from, to } of windowsOf(
    log,
    topic,
    after,
    Math.min(windowOffsets, offsetsMax),
  )) {
    if (left <= 0) return page([partition, to]);
    left -= to - from;
    for (const parked of await parkedIn(log, { topic, partition, from, to }, tenant)) {
      const name = `${parked.record.partition}/${parked.record.offset}`;
      if (items.has(name)) continue;
      // The next page begins at this one, behind all repetitions of the last one shown.
      if (items.size >= itemsMax) return page([parked.partition, parked.offset + 1]);
      items.set(name, parked);
    }
    if (isCut) unretained.push({ partition, offset: from });
  }
  return page(undefined);
}

interface Window extends Required<Omit<Range, 'topic'>> {
  /** It begins with the oldest record that is there, and there were older ones. */
  readonly isCut: boolean;
}

/**
 * The ranges to read one by one: partitions in order, each from its end (or `after`) to its start; then
 * those from before the last growth, and so on.
 */
async function* windowsOf(
  log: EarlierLog,
  topic: string,
  after: ParkedPlace | undefined,
  offsetsMax: number,
): AsyncGenerator<Window> {
  let [first, before] = after ?? [0, Number.MAX_SAFE_INTEGER];
  let of: EarlierLog | undefined = incarnationAt(log, before - 1);
  for (; of !== undefined; of = of.before?.log) {
    const ends = await of.ends(topic);
    for (const { partition, start, stableEnd } of ends.toSorted((a, b) => a.partition - b.partition)) {
      if (partition < first) continue;
      const isCut = start > baseOf(of);
      let to = partition === first ? Math.min(before, stableEnd) : stableEnd;
      // Of one that is gone as a whole there is nothing to read, and something to say.
      if (to <= start && isCut) yield { partition, from: start, to: start, isCut };
      while (to > start) {
        const from = Math.max(start, to - offsetsMax);
        yield { partition, from, to, isCut: isCut && from === start };
        to = from;
      }
    }
    [first, before] = [0, Number.MAX_SAFE_INTEGER];
  }
}

/** Parked records of a tenant in a range, newest first. */
async function parkedIn(log: EarlierLog, range: Required<Range>, tenant: string): Promise<readonly Parked[]> {
  const found: Parked[] = [];
  if (range.from >= range.to) return found;
  for await (const batch of log.readRange(range)) {
    found.push(...batch.flatMap((logged) => parkedOfTenant(logged, tenant) ?? []));
  }
  return found.reverse();
}

/**
 * What says that the record at `position` was parked, if it was, is the tenant's and is still on the
 * log; undefined otherwise, and when it is not among the next `searchedMax` records parked after it.
 * Throws `log.unavailable`.
 */
export async function findParked(
  newest: EarlierLog,
  tenant: string,
  position: RecordPosition,
): Promise<Parked | undefined> {
  const { partition, offset } = position;
  // It was set aside before the log was grown: the groups had read everything then.
  const log = incarnationAt(newest, offset);
  if (partition >= log.partitionCount) return undefined;
  const itself = await readOne(log, position);
  // Asked first: a foreign position costs no search and says nothing by the time it takes.
  if (itself?.headers['ce_tenant'] !== tenant) return undefined;
  const topic = parkedTopicOf(position.topic);
  const from = await log.offsetForTime(topic, partition, itself.timestamp - clockSkewMs);
  let searched = 0;
  for await (const batch of log.readRange({ topic, partition, from })) {
    for (const logged of batch) {
      const parked = parkedOfTenant(logged, tenant);
      if (parked?.record.offset === offset && parked.record.partition === partition) return parked;
    }
    searched += batch.length;
    if (searched >= searchedMax) return undefined;
  }
  return undefined;
}

async function readOne(
  log: Pick<RecordLog, 'readRange'>,
  { topic, partition, offset }: RecordPosition,
): Promise<LoggedRecord | undefined> {
  for await (const batch of log.readRange({ topic, partition, from: offset, to: offset + 1 })) {
    const found = batch.find((logged) => logged.offset === offset);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Undefined for what is another tenant's, and for what is no parked record that can be read. */
function parkedOfTenant(logged: LoggedRecord, tenant: string): Parked | undefined {
  if (logged.headers['ce_tenant'] !== tenant) return undefined;
  const { partition, offset, timestamp } = logged;
  try {
    const record = recordOf(logged);
    return record.type === 'record.parked' && record.tenant === tenant
      ? { record, partition, offset, parkedAt: timestamp }
      : undefined;
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}
