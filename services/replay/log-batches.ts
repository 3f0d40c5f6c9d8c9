/** Reading ranges of the log whole, of all its incarnations, the oldest first. */
import type { ProsaRecord } from '#schemas/records.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Stretch } from '#runtime/log/incarnation.ts';
import type { LoggedRecord, PartitionEnds } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';

/** What some partitions have of a topic. Throws `log.unavailable`. */
export async function* batches(stretches: readonly Stretch[], topic: string): AsyncGenerator<readonly LoggedRecord[]> {
  for (const stretch of stretches) {
    const { log, partition } = stretch;
    const { start: from, stableEnd: to } = await endsOf(stretch, topic);
    if (from < to) yield* log.readRange({ topic, partition, from, to });
  }
}

/** Where a topic begins and ends in a partition; both 0 where it is not. Throws `log.unavailable`. */
export async function endsOf(
  { log, partition }: Stretch,
  topic: string,
): Promise<Pick<PartitionEnds, 'start' | 'stableEnd'>> {
  return (await log.ends(topic)).find((one) => one.partition === partition) ?? { start: 0, stableEnd: 0 };
}

/** Whether the log does not have the beginning of a topic any more, in one of some partitions. Throws `log.unavailable`. */
export async function isCut(stretches: readonly Stretch[], topic: string): Promise<boolean> {
  for (const stretch of stretches) if ((await endsOf(stretch, topic)).start > stretch.base) return true;
  return false;
}

/** The record; undefined for what cannot be decoded. Throws `record.unknown-type`. */
export function decoded(logged: LoggedRecord): ProsaRecord | undefined {
  try {
    return recordOf(logged);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}
