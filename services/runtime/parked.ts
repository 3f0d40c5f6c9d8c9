/**
 * Parked records: what can never be processed as it is, set aside so that its partition can go on,
 * and the way back.
 *
 * A parked record is a reference: the record itself stays where it was, whole and sealed, on a topic
 * that is kept longer than anyone needs to mend the cause.
 */
import type { ProsaRecord, RecordParked } from '#schemas/records.ts';
import { parkedTopicOf } from '#schemas/topics.ts';

import { OperatingError } from './errors.ts';
import { type Stretch, stretchesOf } from './log/incarnation.ts';
import type { EarlierLog, LoggedRecord, OutgoingRecord, RecordLog, RecordPosition } from './log/record-log.ts';
import { derivedId, outgoing, recordOf, uncaused } from './records.ts';

/** The parked record of a record, for the parked topic of the topic it is on. Idempotent: the same id each time. */
export function parkedOf(logged: LoggedRecord, reason: string): OutgoingRecord {
  const { topic, partition, offset } = logged;
  return outgoing(
    {
      // The tenant is taken from the header, since the value may be what cannot be read.
      ...uncaused(
        logged.headers['ce_tenant'] ?? '',
        logged.key,
        derivedId('k', topic, partition, offset),
        logged.timestamp,
      ),
      type: 'record.parked',
      topic,
      partition,
      offset,
      reason,
    },
    parkedTopicOf(topic),
  );
}

/** Reason of records beyond what a quarantined actor holds: a fold comes to that by itself. */
export const heldTooMany = 'actor.held-too-many';

/** Whether a record says that the actor host set another aside, so that no fold may apply that one. */
export const wasSetAside = (record: ProsaRecord): record is RecordParked =>
  record.type === 'record.parked' && record.reason !== heldTooMany;

/**
 * Offsets of the records that the actor host set aside and never applied, by actor, straight from the log: a
 * record may be readable by now that was not then. They are few. Of the actors of a partition, from before
 * the partitions were made more too. Throws `log.unavailable`.
 */
export async function readSetAside(
  log: EarlierLog,
  { topic, partition }: Pick<RecordPosition, 'topic' | 'partition'>,
): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const offsets = new Map<string, Set<number>>();
  for (const stretch of stretchesOf(log, partition))
    for await (const { topic: of, actor, offset } of parkedOn(stretch, parkedTopicOf(topic))) {
      if (of !== topic) continue;
      const own = offsets.get(actor) ?? new Set();
      offsets.set(actor, own.add(offset));
    }
  return offsets;
}

async function* parkedOn({ log, partition }: Stretch, topic: string): AsyncGenerator<RecordParked> {
  const ends = (await log.ends(topic)).find((end) => end.partition === partition);
  if (ends === undefined || ends.start >= ends.stableEnd) return;
  for await (const batch of log.readRange({ topic, partition, from: ends.start, to: ends.stableEnd }))
    for (const logged of batch) {
      const record = parkedIn(logged);
      if (record !== undefined) yield record;
    }
}

function parkedIn(logged: LoggedRecord): RecordParked | undefined {
  try {
    const record = recordOf(logged);
    return wasSetAside(record) ? record : undefined;
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}

/**
 * Puts a parked record back at the end of the topic that it was parked from, as it was; returns where
 * it is now. One whose cause is not mended, such as bytes that no release can read, is parked again
 * under its new offset: nothing is lost, nothing is gained. Not idempotent on the log; the actor's
 * memory of message ids makes a second time harmless. Throws `log.unavailable` when the record is no
 * longer there.
 */
export async function redrive(log: RecordLog, parked: RecordPosition): Promise<RecordPosition> {
  const { topic, partition, offset } = parked;
  for await (const batch of log.readRange({ topic, partition, from: offset, to: offset + 1 })) {
    const found = batch.find((record) => record.offset === offset);
    if (found === undefined) continue;
    const { key, value, headers } = found;
    const [position] = await log.append([{ topic, key, value, headers }]);
    if (position !== undefined) return position;
  }
  throw new OperatingError('log.unavailable', `${topic}/${partition}/${offset} is not there`);
}
