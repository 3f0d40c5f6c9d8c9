// Goal: the table of timers follows its topic, whoever reads it and whatever Postgres lost. Method: processes whose slices
// the test gives out by hand, on a real log and a real Postgres.
import { afterEach, beforeEach, expect, test } from 'vitest';

import { causedBy, outgoing } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import type { RecordLog, SliceWorker } from '#runtime/log/record-log.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import type { TimerCancelled, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { startTimers } from './timers.ts';

let world: TestWorld;
let worker: Runtime;
let running: RunningService[] = [];

beforeEach(async () => {
  world = await openTestWorld({ partitionCount: 1 });
  worker = world.runtime('prosa_worker');
});
afterEach(async () => {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
  await world.close();
});

const header = (generation: string) =>
  causedBy({ tenant: testTenant, actor: 'c_1', eventId: 'e_1', revision: null }, generation, worker.now());
const set = (timerId: string, generation: string): TimerSet => ({
  ...header(generation),
  type: 'timer.set',
  timerId,
  dueAt: worker.now() + 3_600_000,
});
const cancelled = (timerId: string, generation: string): TimerCancelled => ({
  ...header(`${generation}-cancelled`),
  type: 'timer.cancelled',
  timerId,
  generation,
});
const put = (...records: readonly (TimerSet | TimerCancelled)[]) =>
  world.log.append(records.map((record) => outgoing(record)));

/** A process that owns the partition, as it believes; `read` gives it a stretch of the topic. */
async function startProcess() {
  const given = Promise.withResolvers<SliceWorker>();
  const consume: RecordLog['consume'] = async ({ assigned }) => {
    const commit = () => Promise.resolve();
    const lost = new AbortController().signal;
    given.resolve(await assigned({ topic: topics.timers, partition: 0, startOffset: 0, lost, commit }));
    return { finished: new Promise(() => undefined), owned: () => [0], stop: () => Promise.resolve() };
  };
  const service = await startTimers({ ...worker, log: changedLog(world.log, { consume }) });
  running.push({ ...service, stop: () => Promise.resolve(void service.stop().catch(() => undefined)) });
  const { process } = await given.promise;
  return {
    async read(from: number, to: number): Promise<void> {
      const records = [];
      for await (const batch of world.log.readRange({ topic: topics.timers, partition: 0, from, to }))
        records.push(...batch);
      await process({ records, nextOffset: to });
    },
  };
}

const pending = async (): Promise<Record<string, string>> => {
  const { rows } = await worker.database.query<{ timer_id: string; generation: string }>(
    [testTenant],
    'SELECT timer_id, generation FROM timers ORDER BY timer_id',
  );
  return Object.fromEntries(rows.map((row) => [row.timer_id, row.generation]));
};

test.each([
  ['set', () => set('patience', 't_1')],
  ['cancelled', () => cancelled('patience', 't_0')],
])(
  'what a process read before it stood still, and writes after another went on, changes nothing: a timer %s',
  async (_, late) => {
    const [stopped, next] = [await startProcess(), await startProcess()];
    await put(late());
    await put(set('patience', 't_2'));
    await next.read(0, 1);
    await next.read(1, 2);
    await stopped.read(0, 1);
    expect(await pending()).toEqual({ patience: 't_2' });
  },
);

test('a slice that comes again in other pieces changes nothing that is settled', async () => {
  await put(set('a', 't_1'), set('b', 't_2'), cancelled('a', 't_1'), set('c', 't_3'));
  await (await startProcess()).read(0, 3);
  const process = await startProcess();
  await process.read(0, 1);
  expect(await pending()).toEqual({ b: 't_2' });
  await process.read(1, 4);
  expect(await pending()).toEqual({ b: 't_2', c: 't_3' });
});

test('what Postgres lost is read again before what comes next', async () => {
  const process = await startProcess();
  await put(set('a', 't_1'));
  await process.read(0, 1);
  await asOwner(
    world.databaseUrl,
    'CREATE TABLE earlier AS SELECT * FROM timers; CREATE TABLE reached AS SELECT * FROM queue_progress',
  );
  await put(set('b', 't_2'), cancelled('a', 't_1'));
  await process.read(1, 3);
  await asOwner(
    world.databaseUrl,
    'DELETE FROM timers; INSERT INTO timers SELECT * FROM earlier; UPDATE queue_progress SET next_offset = (SELECT next_offset FROM reached)',
  );
  expect(await pending()).toEqual({ a: 't_1' });
  await put(set('c', 't_3'));
  await process.read(3, 4);
  expect(await pending()).toEqual({ b: 't_2', c: 't_3' });
});
