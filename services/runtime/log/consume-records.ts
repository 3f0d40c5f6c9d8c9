/**
 * At-least-once consumption of decoded records, for services that write to Postgres what they read:
 * decode, park what cannot be decoded, handle the slice, commit its offset.
 */
import type { ProsaRecord } from '#schemas/records.ts';

import { OperatingError } from '../errors.ts';
import { parkedOf } from '../parked.ts';
import { recordOf } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import type { ConsumeOptions, Consumer, LoggedRecord, RecordPosition } from './record-log.ts';

/** A record with where it is. */
export interface ReadRecord {
  readonly record: ProsaRecord;
  readonly position: RecordPosition;
  /** Its bytes as they are on the log. */
  readonly value: Buffer;
}

/** What to read, and what to do with it. */
export type RecordConsumption = Pick<
  ConsumeOptions,
  'group' | 'topic' | 'sliceRecordsMax' | 'sliceBytesMax' | 'patienceMs'
> & {
  /**
   * Handles the records of a slice, in order; `nextOffset` of `partition` is committed after it
   * resolves. Must be idempotent: after a crash the same records come again. Called without records where a partition
   * begins: `from` and `nextOffset` are the group's offset then.
   */
  readonly handle: (records: readonly ReadRecord[], slice: ReadSlice) => Promise<void>;
};

/** Where a slice is: all records of `partition` from `from` up to `nextOffset` are in it, but for those that were parked. */
export interface ReadSlice {
  readonly partition: number;
  readonly from: number;
  readonly nextOffset: number;
}

/** Starts consuming. The consumer stops by itself only on errors that are neither `retry` nor `yield`. */
export async function consumeRecords(
  runtime: Pick<Runtime, 'log' | 'logger' | 'metrics'>,
  options: RecordConsumption,
): Promise<Consumer> {
  const { handle, ...reading } = options;
  // One after the other: partitions come all at once, and services start together, on one database.
  let looks: Promise<unknown> = Promise.resolve();
  return runtime.log.consume({
    ...reading,
    transactional: false,
    assigned: async (assignment) => {
      let from = assignment.startOffset;
      const looked = looks.then(() => handle([], { partition: assignment.partition, from, nextOffset: from }));
      looks = looked.catch(() => undefined);
      await looked;
      return {
        async process({ records, nextOffset }) {
          const read: ReadRecord[] = [];
          for (const logged of records) {
            const record = await decodeOrPark(runtime, logged);
            if (record !== undefined) read.push({ record, position: logged, value: logged.value });
          }
          await handle(read, { partition: assignment.partition, from, nextOffset });
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
