/**
 * Writes records of a tenant out again to a topic for analysts: the same keys, values, ids and headers,
 * and in two more headers the replay and where the record is. At least once: after a crash some are there
 * twice, under the same `ce_id`. Events stay sealed. Where the partitions were made more, what is from
 * before comes first, from the partitions of then.
 */
import { analystTopicOf, topics } from '#schemas/topics.ts';
import { type Stretch, baseOf, incarnationsOf } from '#runtime/log/incarnation.ts';
import type { EarlierLog, LoggedRecord, OutgoingRecord, PartitionEnds } from '#runtime/log/record-log.ts';
import type { ReplayRequest } from '#runtime/replays/replays.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Throttle } from './throttle.ts';

/** Records written at once. */
const appendedAtOnce = 200;

type EmitRequest = Extract<ReplayRequest, { readonly kind: 're-emit' }>;

/** Where to go on. */
export interface EmitPlace {
  /** Of all stretches, oldest first: a growth in between adds to their end. */
  readonly stretch: number;
  /** Of the topic that is read; undefined: where the range begins. */
  readonly offset: number | undefined;
}

/** What is told after every write, and before the first of a stretch of which some may be gone. */
export interface Emitted {
  readonly written: number;
  /** What of the range is no longer on the log, or may not be. */
  readonly gone?: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly next: EmitPlace;
  /** Offsets behind us, of all. */
  readonly fraction: number;
}

/** What of the range is in a stretch. */
interface Part extends Stretch {
  readonly from: number;
  readonly to: number;
  /** Records of the range may have been here that are not any more. */
  readonly isCut: boolean;
}

/** Writes, from a place on. Throws `log.unavailable`, `config.invalid`, and the throttle's reason. */
export async function reEmit(
  { log }: Pick<Runtime, 'log'>,
  job: {
    readonly tenant: string;
    readonly replay: string;
    readonly request: EmitRequest;
    readonly place: EmitPlace;
  },
  throttle: Throttle,
  written: (emitted: Emitted) => Promise<void>,
): Promise<void> {
  const { tenant, replay, request, place } = job;
  const topic = topics[request.records];
  const target = analystTopicOf(tenant, request.topic);
  await log.createTopics([target]);
  const parts = await partsOf(log, request);
  const total = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  let behind = 0;
  for (const [stretch, part] of parts.entries()) {
    const { partition, to } = part;
    const isGoneOnWith = stretch === place.stretch && place.offset !== undefined;
    const from = isGoneOnWith ? Math.max(part.from, place.offset) : part.from;
    const told = (count: number, offset: number, more: Pick<Emitted, 'gone'> = {}): Promise<void> => {
      const fraction = total === 0 ? 1 : (behind + offset - part.from) / total;
      return written({ written: count, next: { stretch, offset }, fraction, ...more });
    };
    if (stretch >= place.stretch) {
      if (part.isCut && !isGoneOnWith) await told(0, from, { gone: { topic, partition, offset: part.from } });
      for await (const batch of from < to ? part.log.readRange({ topic, partition, from, to }) : []) {
        const own = batch.filter(({ headers }) => headers['ce_tenant'] === tenant);
        await throttle.take(batch.length - own.length);
        for (let i = 0; i < own.length; i += appendedAtOnce) {
          const some = own.slice(i, i + appendedAtOnce);
          await throttle.take(some.length);
          await log.append(some.map((logged) => copyOf(logged, target, replay)));
          await told(some.length, (some.at(-1)?.offset ?? from) + 1);
        }
      }
      await told(0, to);
    }
    behind += to - part.from;
  }
}

/** An incarnation: what of the range is in it, and whether it has records from before and from after the range. */
interface Era {
  readonly parts: readonly Part[];
  readonly hasOlder: boolean;
  readonly hasLater: boolean;
}

/** What of the range is where, oldest first. */
async function partsOf(newest: EarlierLog, request: EmitRequest): Promise<readonly Part[]> {
  const eras: Era[] = [];
  for (const log of incarnationsOf(newest)) eras.push(await eraOf(log, request));
  return eras.flatMap(({ parts }, index) => {
    // All that an incarnation ever had is older than what the next has, and later than what the one before has.
    const isBefore = eras.slice(index + 1).some(({ hasOlder }) => hasOlder);
    const isAfter = eras.slice(0, index).some(({ hasLater }) => hasLater);
    return parts.map((part) => ({ ...part, isCut: part.isCut && !isBefore && !isAfter }));
  });
}

async function eraOf(log: EarlierLog, { records, from, to }: EmitRequest): Promise<Era> {
  const [topic, base] = [topics[records], baseOf(log)];
  const parts: Part[] = [];
  let [hasOlder, hasLater] = [false, false];
  for (const ends of await log.ends(topic)) {
    const { partition, start, stableEnd } = ends;
    const first = await log.offsetForTime(topic, partition, from);
    const end = Math.max(first, await log.offsetForTime(topic, partition, to));
    const isWhole = start === base;
    const keepsOlder = isWhole ? first > start : await isOlder(log, topic, ends, from);
    parts.push({ log, partition, base, from: first, to: end, isCut: !isWhole && !keepsOlder });
    hasOlder ||= keepsOlder;
    hasLater ||= end < stableEnd;
  }
  return { parts, hasOlder, hasLater };
}

/** Whether the oldest record that is there is from before then. */
async function isOlder(
  log: EarlierLog,
  topic: string,
  { partition, start, stableEnd }: PartitionEnds,
  then: number,
): Promise<boolean> {
  if (start >= stableEnd) return false;
  for await (const [oldest] of log.readRange({ topic, partition, from: start, to: stableEnd }))
    if (oldest !== undefined) return oldest.timestamp < then;
  return false;
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
