/**
 * Parked records as operators see them: read from the parked topics themselves, newest first within a
 * partition, in bounded scans. No table is kept of them: they are few and seldom asked for.
 */
import type { RecordParked } from '#schemas/records.ts';
import { parkedTopicOf } from '#schemas/topics.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { LoggedRecord, PartitionEnds, Range, RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
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

/** A place in the list: what follows is in this partition before this offset, or in a later partition. */
export type ParkedPlace = readonly [partition: number, before: number];

/** Offsets read at once, from the end of a partition backwards. */
const windowOffsets = 500;
/** Offsets looked at for one page. */
const pageOffsetsMax = 10_000;
/** Records looked at to find one: more than any service lags behind in records that cannot be read. */
const searchedMax = 200_000;
/** How far the clocks of two brokers may be apart, generously. */
const clockSkewMs = 60_000;

/**
 * A page of the parked records of a topic that are a tenant's; `next` is undefined when all was looked
 * at. After `offsetsMax` offsets a page ends, short or even empty. A record that two services parked is
 * one item of a page, and rarely of two pages. It stays listed after it was put back: the log forgets
 * nothing. Throws `log.unavailable`.
 */
export async function listParked(
  log: Pick<RecordLog, 'ends' | 'readRange'>,
  wanted: {
    readonly tenant: string;
    /** The topic that they were on. */
    readonly topic: string;
    readonly after: ParkedPlace | undefined;
    readonly itemsMax: number;
    readonly offsetsMax?: number;
  },
): Promise<{ readonly items: readonly Parked[]; readonly next: ParkedPlace | undefined }> {
  const { tenant, after, itemsMax, offsetsMax = pageOffsetsMax } = wanted;
  const topic = parkedTopicOf(wanted.topic);
  const items = new Map<string, Parked>();
  let left = offsetsMax;
  for (const window of windowsOf(await log.ends(topic), after, Math.min(windowOffsets, offsetsMax))) {
    if (left <= 0) return { items: [...items.values()], next: [window.partition, window.to] };
    left -= window.to - window.from;
    for (const parked of await parkedIn(log, { topic, ...window }, tenant)) {
      const name = `${parked.record.partition}/${parked.record.offset}`;
      if (items.has(name)) continue;
      // The next page begins at this one, behind all repetitions of the last one shown.
      if (items.size >= itemsMax) return { items: [...items.values()], next: [parked.partition, parked.offset + 1] };
      items.set(name, parked);
    }
  }
  return { items: [...items.values()], next: undefined };
}

/** The ranges to read one by one: partitions in order, each from its end (or `after`) to its start. */
function* windowsOf(
  ends: readonly PartitionEnds[],
  after: ParkedPlace | undefined,
  offsetsMax: number,
): Generator<Required<Omit<Range, 'topic'>>> {
  const [first, before] = after ?? [0, Number.MAX_SAFE_INTEGER];
  for (const { partition, start, stableEnd } of ends.toSorted((a, b) => a.partition - b.partition)) {
    if (partition < first) continue;
    let to = partition === first ? Math.min(before, stableEnd) : stableEnd;
    while (to > start) {
      const from = Math.max(start, to - offsetsMax);
      yield { partition, from, to };
      to = from;
    }
  }
}

/** Parked records of a tenant in a range, newest first. */
async function parkedIn(log: Pick<RecordLog, 'readRange'>, range: Range, tenant: string): Promise<readonly Parked[]> {
  const found: Parked[] = [];
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
  log: Pick<RecordLog, 'partitionCount' | 'readRange' | 'offsetForTime'>,
  tenant: string,
  position: RecordPosition,
): Promise<Parked | undefined> {
  const { partition, offset } = position;
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
