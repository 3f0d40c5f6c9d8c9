/**
 * How far behind groups are: in records, to the stable end, and in seconds, which is what people wait.
 * Owns what it knows of the oldest waiting records, so that a partition whose group stands still is not
 * read again and again.
 */
import type { ConsumerGroup } from './consumer-groups.ts';
import type { PartitionLag, RecordLog } from './record-log.ts';

/** Lag of a group in one partition. */
export interface MeasuredLag extends ConsumerGroup, PartitionLag {
  /** Age of the oldest record that the group has not done; 0 when there is none. By this process' clock. */
  readonly seconds: number;
}

/** Measures lag. */
export interface LagMeter {
  /** Every partition of every group. Concurrent calls share one measurement. Throws `log.unavailable`. */
  measure(): Promise<readonly MeasuredLag[]>;
}

/** The oldest waiting record of a partition, as of an offset. */
interface Oldest {
  readonly committed: number | null;
  readonly stableEnd: number;
  /** Epoch milliseconds; undefined when only markers are between the group and the end. */
  readonly timestamp: number | undefined;
}

/** Makes a meter. `now`: epoch milliseconds. */
export function openLagMeter(
  log: Pick<RecordLog, 'lag' | 'readRange'>,
  groups: readonly ConsumerGroup[],
  now: () => number,
): LagMeter {
  const oldest = new Map<string, Oldest>();
  let measuring: Promise<readonly MeasuredLag[]> | undefined;

  const timestampOf = async ({ group, topic }: ConsumerGroup, lag: PartitionLag): Promise<number | undefined> => {
    const { partition, committed, stableEnd } = lag;
    const name = `${group}/${topic}/${partition}`;
    const known = oldest.get(name);
    // An oldest record stays the oldest until the group moves; that there was none is true up to that end only.
    if (known?.committed === committed && (known.timestamp !== undefined || known.stableEnd === stableEnd))
      return known.timestamp;
    const timestamp = await firstTimestamp(log, topic, lag);
    oldest.set(name, { committed, stableEnd, timestamp });
    return timestamp;
  };

  const measureGroup = async (of: ConsumerGroup): Promise<readonly MeasuredLag[]> => {
    const measured: MeasuredLag[] = [];
    for (const lag of await log.lag(of.group, of.topic)) {
      const since = lag.lag === 0 ? undefined : await timestampOf(of, lag);
      measured.push({ ...of, ...lag, seconds: since === undefined ? 0 : Math.max(0, (now() - since) / 1_000) });
    }
    return measured;
  };

  return {
    measure() {
      measuring ??= Promise.all(groups.map(measureGroup))
        .then((all) => all.flat())
        .finally(() => (measuring = undefined));
      return measuring;
    },
  };
}

/** When the first record at or after the committed offset was written; undefined when there is none. */
async function firstTimestamp(
  log: Pick<RecordLog, 'readRange'>,
  topic: string,
  { partition, committed, stableEnd, lag }: PartitionLag,
): Promise<number | undefined> {
  for await (const batch of log.readRange({ topic, partition, from: committed ?? stableEnd - lag, to: stableEnd })) {
    if (batch[0] !== undefined) return batch[0].timestamp;
  }
  return undefined;
}
