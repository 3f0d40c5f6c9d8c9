/**
 * At-least-once consumption of decoded records, for services that write to Postgres what they read:
 * decode, park what cannot be decoded, handle the slices of all partitions together, commit their offsets.
 */
import type { ProsaRecord } from '#schemas/records.ts';

import { OperatingError } from '../errors.ts';
import { parkedOf } from '../parked.ts';
import { recordOf } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import { type SliceHandling, joinSlices } from './joined-slices.ts';
import type { ConsumeOptions, Consumer, LoggedRecord, RecordPosition } from './record-log.ts';

/** A record with where it is. */
export interface ReadRecord {
  readonly record: ProsaRecord;
  readonly position: RecordPosition;
  /** Its bytes as they are on the log. */
  readonly value: Buffer;
}

/** All records of `partition` from `from` up to `nextOffset`, in order, but for those that were parked. */
export interface ReadSlice {
  readonly partition: number;
  readonly from: number;
  readonly nextOffset: number;
  readonly records: readonly ReadRecord[];
}

/** What to read, and what to do with it. */
export type RecordConsumption = Pick<
  ConsumeOptions,
  'group' | 'topic' | 'sliceRecordsMax' | 'sliceBytesMax' | 'patienceMs'
> &
  /** Offsets are committed after `handle` resolves; it is called with an empty slice where a partition begins, at the group's offset. */
  Pick<SliceHandling<ReadSlice>, 'handle' | 'closeGap'>;

/** Starts consuming. The consumer stops by itself only on errors that are neither `retry` nor `yield`. */
export async function consumeRecords(
  runtime: Pick<Runtime, 'log' | 'logger' | 'metrics'>,
  options: RecordConsumption,
): Promise<Consumer> {
  const { handle, closeGap, ...reading } = options;
  const handled = joinSlices<ReadSlice>({
    handle,
    ...(closeGap === undefined ? {} : { closeGap }),
    bounds: reading,
    sizesOf: ({ records }) => records.map(({ value }) => value.length),
  });
  return runtime.log.consume({
    ...reading,
    transactional: false,
    assigned: async (assignment) => {
      const { partition, lost } = assignment;
      let from = assignment.startOffset;
      await handled({ partition, from, nextOffset: from, records: [] }, lost);
      return {
        async process({ records, nextOffset }) {
          const read: ReadRecord[] = [];
          for (const logged of records) {
            const record = await decodeOrPark(runtime, logged);
            if (record !== undefined) read.push({ record, position: logged, value: logged.value });
          }
          await handled({ partition, from, nextOffset, records: read }, lost);
          await assignment.commit([], nextOffset);
          from = nextOffset;
        },
      };
    },
  });
}

async function decodeOrPark(
  { log, logger, metrics }: Pick<Runtime, 'log' | 'logger' | 'metrics'>,
  logged: LoggedRecord,
): Promise<ProsaRecord | undefined> {
  try {
    return recordOf(logged);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    const { topic, partition, offset } = logged;
    logger.error('record parked', { topic, partition, offset, code: caught.code });
    metrics.recordsParked.inc({ topic, code: caught.code });
    await log.append([parkedOf(logged, caught.code)]);
    return undefined;
  }
}
