import { describe, expect, test } from 'vitest';

import { follow, keyOn, numbered, readAll, record, valuesOf } from '#runtime/testing/record-log-cases/case.ts';
import { recordLogContract, type Harness, type HarnessOptions } from '#runtime/testing/record-log.contract.ts';

import { simulateLog } from './simulated-log.ts';

const harnessOf =
  (seed: number) =>
  async ({ partitionCount }: HarnessOptions): Promise<Harness> => {
    const log = simulateLog({ seed, partitionCount });
    return {
      patienceMs: 5_000,
      open: async (options) => log.open(options),
      sever: async (handle) => log.faults.crash(handle),
      stall: async (handle) => log.faults.stall(handle),
      truncate: async (...args) => log.faults.truncate(...args),
      setCommitted: async (...args) => log.faults.setCommitted(...args),
      loseNextAnswer: (_, outcome) => log.faults.nextCommit(`unknown-${outcome}`),
      close: async () => undefined,
    };
  };

for (const seed of [1, 2, 3]) recordLogContract(`simulated, seed ${seed}`, harnessOf(seed));

const topic = 'simulated.topic';

async function open(seed = 1) {
  const log = simulateLog({ seed, partitionCount: 4 });
  const handle = log.open();
  await handle.createTopics([topic, 'simulated.copies']);
  return { ...log, handle };
}

describe('the simulated log', () => {
  test('keeps the stable end before an open transaction, and readers with it', async () => {
    const { handle, faults, settled } = await open();
    const key = keyOn(handle, 0);
    const follower = await follow(handle, { group: 'g', topic });
    const transaction = faults.openTransaction([record(topic, key, 'open')]);
    await handle.append([record(topic, key, 'behind it')]);
    await settled();
    expect((await handle.ends(topic))[0]?.stableEnd).toBe(0);
    expect(await readAll(handle, topic)).toEqual([]);
    expect(follower.records()).toEqual([]);
    transaction.end('committed');
    await settled();
    expect(valuesOf(follower.records())).toEqual(['open', 'behind it']);
    expect((await handle.ends(topic))[0]?.stableEnd).toBe(3);
  });

  test('leaves a gap where a transaction was aborted', async () => {
    const { handle, faults } = await open();
    const key = keyOn(handle, 0);
    faults.openTransaction(numbered(topic, key, 2)).end('aborted');
    const [position] = await handle.append([record(topic, key, 'after')]);
    expect(position?.offset).toBe(3);
    expect(valuesOf(await readAll(handle, topic))).toEqual(['after']);
  });

  test('fences the owner of a partition on demand; the next assignment starts from what was committed', async () => {
    const { handle, faults, settled } = await open();
    const key = keyOn(handle, 0);
    let fenced = false;
    const codes: unknown[] = [];
    const follower = await follow(handle, { group: 'g', topic }, async (slice, assignment) => {
      if (!fenced) {
        fenced = true;
        faults.fence('g', topic, 0);
      }
      await assignment.commit([record('simulated.copies', key, 'copy')], slice.nextOffset).catch((caught: unknown) => {
        codes.push(caught);
        throw caught;
      });
    });
    await handle.append([record(topic, key, 'one')]);
    await settled();
    expect(codes).toMatchObject([{ code: 'log.fenced' }]);
    expect(follower.assignments.filter(({ partition }) => partition === 0)).toHaveLength(2);
    expect(valuesOf(await readAll(handle, 'simulated.copies'))).toEqual(['copy']);
  });

  test('fails a commit on demand; the same records are given again', async () => {
    const { handle, faults, settled } = await open();
    const follower = await follow(handle, { group: 'g', topic });
    faults.nextCommit('fail');
    await handle.append([record(topic, 'k', 'one')]);
    await settled();
    expect(valuesOf(follower.records())).toEqual(['one', 'one']);
    expect((await handle.lag('g', topic)).every(({ lag }) => lag === 0)).toBe(true);
  });

  test('is unavailable on demand, and goes on afterwards', async () => {
    const { handle, faults, settled } = await open();
    const follower = await follow(handle, { group: 'g', topic });
    faults.unavailable(true);
    await expect(handle.append([record(topic, 'k', 'refused')])).rejects.toMatchObject({ code: 'log.unavailable' });
    await expect(handle.ping()).rejects.toMatchObject({ code: 'log.unavailable' });
    faults.unavailable(false);
    await handle.append([record(topic, 'k', 'taken')]);
    await settled();
    expect(valuesOf(follower.records())).toEqual(['taken']);
  });

  test('the same seed gives the same slices, another seed other ones', async () => {
    const slicesOf = async (seed: number): Promise<number[]> => {
      const { handle, settled } = await open(seed);
      await handle.createGroup('g', topic);
      await handle.append(numbered(topic, keyOn(handle, 0), 200));
      const follower = await follow(handle, { group: 'g', topic, sliceRecordsMax: 10 });
      await settled();
      return follower.slices.map(({ records }) => records.length);
    };
    expect(await slicesOf(7)).toEqual(await slicesOf(7));
    expect(await slicesOf(7)).not.toEqual(await slicesOf(8));
  });
});
