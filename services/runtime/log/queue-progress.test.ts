// Goal: where a partition lacks something in Postgres, nothing after it is written before that is.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';

import { outgoing, uncaused } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import type { ReadSlice } from './consume-records.ts';
import { joinSlices } from './joined-slices.ts';
import { createFollower, writeWithProgress } from './queue-progress.ts';

const [group, topic] = ['followers', topics.timers];

let world: TestWorld;
let runtime: Runtime;
/** Of each write: its slices, and whether they were read again. */
let written: { readonly slices: readonly (readonly [partition: number, from: number, to: number])[]; again: boolean }[];

beforeAll(async () => {
  world = await openTestWorld({ partitionCount: 2 });
  runtime = world.runtime('prosa_worker');
  const actor = (partition: number): string => {
    for (let i = 0; ; i += 1) if (world.log.partitionOf(`c_${i}`) === partition) return `c_${i}`;
  };
  for (const partition of [0, 0, 0, 1, 1, 1]) {
    const header = uncaused(testTenant, actor(partition), `e_${Math.random()}`, 0);
    await world.log.append([outgoing({ ...header, type: 'timer.cancelled', timerId: 't', generation: 'g' })]);
  }
});
afterAll(() => world.close());
beforeEach(() => {
  written = [];
});

const { signal } = new AbortController();

/** At once, as when several partitions have something. */
const follow = async (...slices: readonly ReadSlice[]): Promise<boolean> => {
  let hasWork = false;
  const follower = createFollower(runtime, {
    group,
    topic,
    write: async (given, again) => {
      await writeWithProgress(runtime.database, group, { slices: given, tenants: [testTenant] }, () =>
        Promise.resolve(),
      );
      written.push({ slices: given.map(({ partition, from, nextOffset }) => [partition, from, nextOffset]), again });
      return given.some(({ records }) => records.length > 0);
    },
  });
  const handled = joinSlices<ReadSlice>({
    handle: async (given) => (hasWork = (await follower.handle(given)) || hasWork),
    closeGap: async (...gap) => (hasWork = (await follower.closeGap(...gap)) || hasWork),
    bounds: { sliceRecordsMax: 500, sliceBytesMax: 1_000_000 },
    sizesOf: () => [],
  });
  await Promise.all(slices.map((one) => handled(one, signal)));
  return hasWork;
};

const slice = (partition: number, from: number, nextOffset: number): ReadSlice => ({
  partition,
  from,
  nextOffset,
  records: [],
});

const progress = async (): Promise<readonly (readonly [partition: number, offset: number])[]> => {
  const { rows } = await runtime.database.query<{ readonly partition: number; readonly next_offset: string }>(
    [],
    'SELECT partition, next_offset FROM queue_progress WHERE consumer_group = $1 ORDER BY partition',
    [group],
  );
  return rows.map((row) => [row.partition, Number(row.next_offset)]);
};

test('progress of all partitions moves together, and never back', async () => {
  expect(await follow(slice(1, 0, 2), slice(0, 0, 1))).toBe(false);
  await follow(slice(0, 0, 1), slice(1, 1, 3));
  await follow(slice(1, 0, 1));
  expect(await progress()).toEqual([
    [0, 1],
    [1, 3],
  ]);
});

test('what one partition lacks is read again before what comes next of it, and keeps no other waiting', async () => {
  await asOwner(world.databaseUrl, `UPDATE queue_progress SET next_offset = 1 WHERE consumer_group = '${group}'`);
  expect(await follow(slice(0, 1, 3), slice(1, 3, 3))).toBe(true);
  expect(written).toEqual([
    { slices: [[0, 1, 3]], again: false },
    { slices: [[1, 1, 3]], again: true },
    { slices: [[1, 3, 3]], again: false },
  ]);
  expect(await progress()).toEqual([
    [0, 3],
    [1, 3],
  ]);
});

test('a write that was set back has written nothing, of no partition', async () => {
  await asOwner(
    world.databaseUrl,
    `UPDATE queue_progress SET next_offset = 1 WHERE consumer_group = '${group}' AND partition = 1`,
  );
  const slices = [slice(0, 3, 9), slice(1, 3, 9)];
  const direct = writeWithProgress(runtime.database, group, { slices, tenants: [testTenant] }, () => Promise.resolve());
  await expect(direct).rejects.toMatchObject({ code: 'PR001' });
  expect(await progress()).toEqual([
    [0, 3],
    [1, 1],
  ]);
});
