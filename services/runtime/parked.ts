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
import type { LoggedRecord, OutgoingRecord, RecordLog, RecordPosition } from './log/record-log.ts';
import { derivedId, outgoing, recordOf } from './records.ts';

/** The parked record of a record, for the parked topic of the topic it is on. Idempotent: the same id each time. */
export function parkedOf(logged: LoggedRecord, reason: string): OutgoingRecord {
  const { topic, partition, offset } = logged;
  return outgoing(
    {
      type: 'record.parked',
      // Taken from the header, since the value may be what cannot be read.
      tenant: logged.headers['ce_tenant'] ?? '',
      actor: logged.key,
      eventId: derivedId('k', topic, partition, offset),
      causationId: null,
      occurredAt: logged.timestamp,
      providerAt: null,
      revision: null,
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
 * Offsets of the records of a partition that the actor host set aside and never applied, straight from
 * the log: a record may be readable by now that was not then. They are few. Throws `log.unavailable`.
 */
export async function readSetAside(
  log: Pick<RecordLog, 'ends' | 'readRange'>,
  { topic, partition }: Pick<RecordPosition, 'topic' | 'partition'>,
): Promise<ReadonlySet<number>> {
  const offsets = new Set<number>();
  const parkedTopic = parkedTopicOf(topic);
  const ends = (await log.ends(parkedTopic)).find((end) => end.partition === partition);
  if (ends === undefined) return offsets;
  for await (const batch of log.readRange({ topic: parkedTopic, partition, from: ends.start })) {
    for (const logged of batch) {
      const record = parkedIn(logged);
      if (record?.topic === topic && record.partition === partition) offsets.add(record.offset);
    }
  }
  return offsets;
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
