/**
 * Writes records of a tenant out again to a topic for analysts: the same keys, values, ids and headers,
 * and in two more headers the replay and where the record is. At least once: after a crash some are there
 * twice, under the same `ce_id`. Events stay sealed.
 */
import { analystTopicOf, topics } from '#schemas/topics.ts';
import type { LoggedRecord, OutgoingRecord } from '#runtime/log/record-log.ts';
import type { ReplayRequest } from '#runtime/replays/replays.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Throttle } from './throttle.ts';

/** Records written at once. */
const appendedAtOnce = 200;

/** Where to go on. */
export interface EmitPlace {
  readonly partition: number;
  /** Of the topic that is read; undefined: where the range begins. */
  readonly offset: number | undefined;
}

/** What is told after every write. */
export interface Emitted {
  readonly written: number;
  readonly next: EmitPlace;
  /** Partitions behind us of all, with the share of the present one. */
  readonly fraction: number;
}

/** Writes, from a place on. Throws `log.unavailable`, `config.invalid`, and the throttle's reason. */
export async function reEmit(
  { log }: Pick<Runtime, 'log'>,
  job: {
    readonly tenant: string;
    readonly replay: string;
    readonly request: Extract<ReplayRequest, { readonly kind: 're-emit' }>;
    readonly place: EmitPlace;
  },
  throttle: Throttle,
  written: (emitted: Emitted) => Promise<void>,
): Promise<void> {
  const { tenant, replay, request, place } = job;
  const topic = topics[request.records];
  const target = analystTopicOf(tenant, request.topic);
  await log.createTopics([target]);
  for (let partition = place.partition; partition < log.partitionCount; partition++) {
    const first = await log.offsetForTime(topic, partition, request.from);
    const to = await log.offsetForTime(topic, partition, request.to);
    const from = partition === place.partition ? Math.max(first, place.offset ?? first) : first;
    const told = async (count: number, offset: number): Promise<void> => {
      const share = to > first ? (offset - first) / (to - first) : 1;
      const next = { partition, offset };
      await written({ written: count, next, fraction: (partition + share) / log.partitionCount });
    };
    if (from < to)
      for await (const batch of log.readRange({ topic, partition, from, to })) {
        const own = batch.filter(({ headers }) => headers['ce_tenant'] === tenant);
        await throttle.take(batch.length - own.length);
        for (let i = 0; i < own.length; i += appendedAtOnce) {
          const some = own.slice(i, i + appendedAtOnce);
          await throttle.take(some.length);
          await log.append(some.map((logged) => copyOf(logged, target, replay)));
          await told(some.length, (some.at(-1)?.offset ?? from) + 1);
        }
      }
    await written({
      written: 0,
      next: { partition: partition + 1, offset: undefined },
      fraction: (partition + 1) / log.partitionCount,
    });
  }
}

const copyOf = (logged: LoggedRecord, topic: string, replay: string): OutgoingRecord => ({
  topic,
  key: logged.key,
  value: logged.value,
  headers: {
    ...logged.headers,
    prosa_replay: replay,
    prosa_source: `${logged.topic}/${logged.partition}/${logged.offset}`,
  },
});
