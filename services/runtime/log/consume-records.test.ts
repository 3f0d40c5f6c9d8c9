// Goal: what comes of many partitions costs one piece of work, none of it is lost, and none pays for another's fault.
// Method: a handler that is held while the rest arrives.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import { causedBy, derivedId, outgoing } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import { eventually } from '../testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { type ReadSlice, consumeRecords } from './consume-records.ts';
import type { OutgoingRecord } from './record-log.ts';

/** Of each test, which begins where it is empty. */
const [together, faulty] = [topics.timers, topics.effects];

let world: TestWorld;
let runtime: Runtime;

beforeAll(async () => {
  world = await openTestWorld({ partitionCount: 6 });
  runtime = world.runtime('prosa_worker');
});
afterAll(() => world.close());

const timerOf = (topic: string, actor: string, number: number): OutgoingRecord => {
  const cause = { tenant: testTenant, actor, eventId: 'e_cause', revision: null };
  const header = causedBy(cause, derivedId('e', actor, number), 0);
  return outgoing({ ...header, type: 'timer.cancelled', timerId: `${number}`, generation: 'g' }, topic);
};

/** An actor of each partition. */
const actors = (of: string): readonly string[] =>
  Array.from({ length: 6 }, (_, partition) => {
    for (let i = 0; ; i += 1) if (world.log.partitionOf(`c_${of}${i}`) === partition) return `c_${of}${i}`;
  });

const ends = async (topic: string) =>
  new Map((await world.log.ends(topic)).map((one) => [one.partition, one.stableEnd]));

/** Consumes a topic, as a group of its name; calls with records wait for `turn`. */
async function consuming(topic: string, turn: (slices: readonly ReadSlice[]) => Promise<unknown>) {
  const calls: (readonly ReadSlice[])[] = [];
  const consumer = await consumeRecords(runtime, {
    group: topic,
    topic,
    sliceRecordsMax: 4,
    sliceBytesMax: 1_048_576,
    handle: async (slices) => {
      const given = slices.filter(({ nextOffset, from }) => nextOffset > from);
      if (given.length === 0) return;
      calls.push(given);
      await turn(given);
    },
  });
  return { calls, consumer };
}

const idsOf = (slices: readonly ReadSlice[]) =>
  slices.flatMap(({ partition, records }) =>
    records.map(({ record }) => `${partition}/${record.type === 'timer.cancelled' ? record.timerId : ''}`),
  );

test('slices that come while one is handled are handled together, as large as one may be, and all are committed', async () => {
  const held = Promise.withResolvers<undefined>();
  let isFirst = true;
  const { calls, consumer } = await consuming(together, async () => {
    if (isFirst) await held.promise;
    isFirst = false;
  });
  const of = actors('t');
  try {
    await world.log.append([timerOf(together, of[0] ?? '', 0)]);
    await eventually(
      () => Promise.resolve(calls.length),
      (count) => count === 1,
    );
    for (const number of [1, 2]) await world.log.append(of.slice(1).map((actor) => timerOf(together, actor, number)));
    // Each partition has its slice by then.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(calls).toHaveLength(1);
    held.resolve(undefined);
    await eventually(
      () => world.log.lag(together, together),
      (lags) => lags.every(({ lag }) => lag === 0),
    );
  } finally {
    held.resolve(undefined);
    await consumer.stop();
  }
  expect(idsOf(calls[0] ?? [])).toEqual(['0/0']);
  const all = calls.slice(1).flat();
  expect(new Set(idsOf(all))).toEqual(
    new Set([1, 2, 3, 4, 5].flatMap((partition) => [`${partition}/1`, `${partition}/2`])),
  );
  expect(calls.slice(1).some((slices) => new Set(slices.map(({ partition }) => partition)).size > 1)).toBe(true);
  for (const slices of calls) expect(slices.flatMap(({ records }) => records).length).toBeLessThanOrEqual(4);
  // No gap and no overlap.
  const until = await ends(together);
  for (const [, slices] of Map.groupBy(calls.flat(), ({ partition }) => partition)) {
    for (const [i, slice] of slices.entries())
      expect(slice.nextOffset).toBe(slices[i + 1]?.from ?? until.get(slice.partition));
  }
});

test('what one partition cannot do keeps no other from going on', async () => {
  const held = Promise.withResolvers<undefined>();
  const of = actors('f');
  const poison = world.log.partitionOf(of[2] ?? '');
  const isPoison = (slices: readonly ReadSlice[]): boolean =>
    slices.some(
      ({ partition, records }) => partition === poison && records.some(({ record }) => record.actor === of[2]),
    );
  const { calls, consumer } = await consuming(faulty, async (slices) => {
    await held.promise;
    if (isPoison(slices)) throw new OperatingError('record.unknown-type');
  });
  try {
    await world.log.append(of.map((actor) => timerOf(faulty, actor, 1)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    held.resolve(undefined);
    await eventually(
      () => world.log.lag(faulty, faulty),
      (lags) => lags.every(({ partition, lag }) => lag > 0 === (partition === poison)),
    );
  } finally {
    held.resolve(undefined);
    await consumer.stop();
  }
  expect(calls.some((slices) => isPoison(slices) && slices.length > 1)).toBe(true);
});
