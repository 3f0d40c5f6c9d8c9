/**
 * A slice read: records decoded, the parts of their sealed content that the projection indexes
 * opened, and what cannot be read told apart.
 */
import type { SealedChange, SealedDelivery, SealedMessage, SealedStatus } from '#schemas/content.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { LoggedRecord, OutgoingRecord } from '#runtime/log/record-log.ts';
import { parkedOf } from '#runtime/parked.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** What of a record's sealed part is looked at here; nothing when it is erased, unreadable or of no interest. */
export type Glimpse = Partial<SealedMessage> & Partial<SealedChange> & Partial<SealedStatus> & Partial<SealedDelivery>;

/** A record with its place on the log. */
export interface Reading {
  readonly logged: LoggedRecord;
  readonly record: ProsaRecord;
  readonly glimpse: Glimpse | undefined;
}

/** The outcome of reading a slice. */
export interface Readings {
  readonly read: readonly Reading[];
  /** Copies to append for records that no release can read. */
  readonly parked: readonly OutgoingRecord[];
}

const parkedEvents = parkedTopicOf(topics.events);

const glimpsed: ReadonlySet<string> = new Set([
  'message.received',
  'message.echoed',
  'message.changed',
  'message.status',
  'delivery.updated',
]);

/**
 * Reads records. Throws `record.unknown-type` (this process is too old for the partition) and
 * `vault.unavailable`.
 */
export async function readRecords(runtime: Runtime, logged: readonly LoggedRecord[]): Promise<Readings> {
  const decoded: { readonly logged: LoggedRecord; readonly record: ProsaRecord }[] = [];
  const parked: OutgoingRecord[] = [];
  for (const one of logged) {
    try {
      decoded.push({ logged: one, record: recordOf(one) });
    } catch (caught) {
      if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
      // What is wrong with a record that says of another that it was parked has no further topic to be on.
      if (one.topic !== parkedEvents) parked.push(parkedOf(one, caught.code));
      runtime.metrics.recordsParked.inc({ topic: one.topic, code: caught.code });
      runtime.logger.warn('record parked', {
        topic: one.topic,
        partition: one.partition,
        offset: one.offset,
        code: caught.code,
      });
    }
  }
  await runtime.vault.prefetch(
    decoded.flatMap(({ record }) => {
      const sealed = sealedOf(record);
      return sealed === undefined ? [] : [{ tenant: record.tenant, sealed }];
    }),
  );
  const read: Reading[] = [];
  for (const one of decoded) read.push({ ...one, glimpse: await glimpse(runtime, one.record) });
  return { read, parked };
}

function sealedOf(record: ProsaRecord): Uint8Array | undefined {
  if (!glimpsed.has(record.type) || !('sealed' in record)) return undefined;
  return record.sealed ?? undefined;
}

async function glimpse(runtime: Runtime, record: ProsaRecord): Promise<Glimpse | undefined> {
  const sealed = sealedOf(record);
  if (sealed === undefined) return undefined;
  const { tenant, actor, type, eventId } = record;
  try {
    const opened = await runtime.vault.open<Glimpse>({ tenant, actor, type, eventId }, sealed);
    return opened.state === 'open' ? opened.value : undefined;
  } catch (caught) {
    // The record stays in journal and history; readers are told that its content does not open.
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    runtime.logger.warn('sealed content does not open', { tenant, actor, eventId, code: caught.code });
    return undefined;
  }
}
