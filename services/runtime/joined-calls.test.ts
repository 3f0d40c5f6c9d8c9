// Goal: many calls cost one piece of work, and none pays for another's fault.
import { describe, expect, test } from 'vitest';

import { OperatingError } from './errors.ts';
import { joinCalls } from './joined-calls.ts';

/** Doubles numbers; records its batches; throws at what `failing` names. */
function doubling(
  callsMax: number,
  failing: ReadonlyMap<number, Error> = new Map(),
  shareOf: (call: number) => number = () => 0,
) {
  const batches: (readonly number[])[] = [];
  const double = joinCalls<number, number>(
    async (calls) => {
      batches.push(calls);
      await new Promise((resolve) => setImmediate(resolve));
      for (const call of calls) {
        const error = failing.get(call);
        if (error !== undefined) throw error;
      }
      return calls.map((call) => call * 2);
    },
    { callsMax, shareOf, waitingMax: 8 },
  );
  return { double, batches };
}

describe('joined calls', () => {
  test('those of one moment are one batch; those that come meanwhile are the next, in order', async () => {
    const { double, batches } = doubling(10);
    const first = Promise.all([1, 2, 3].map(double));
    await new Promise((resolve) => setImmediate(resolve));
    const second = Promise.all([4, 5].map(double));
    expect([await first, await second]).toEqual([
      [2, 4, 6],
      [8, 10],
    ]);
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test('a batch has its bound, and so has what waits', async () => {
    const { double, batches } = doubling(3);
    const all = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8, 9].map(double));
    expect(batches.map(({ length }) => length)).toEqual([3, 3, 2]);
    expect(all.map(({ status }) => status).lastIndexOf('rejected')).toBe(8);
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    expect(await double(10)).toBe(20);
  });

  test('a batch is as large as its calls allow; one that is too large by itself is alone', async () => {
    const { double, batches } = doubling(10, new Map(), (call) => call / 10);
    await Promise.all([4, 6, 1, 30, 2, 8].map(double));
    expect(batches).toEqual([[4, 6], [1], [30], [2, 8]]);
  });

  test("one call's fault is its own", async () => {
    const { double } = doubling(10, new Map([[2, new Error('two')]]));
    const all = await Promise.allSettled([1, 2, 3].map(double));
    expect(all).toEqual([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: new Error('two') },
      { status: 'fulfilled', value: 6 },
    ]);
  });

  test('what is away is away for all, and is not asked once for each', async () => {
    const { double, batches } = doubling(10, new Map([[2, new OperatingError('database.unavailable')]]));
    const all = await Promise.allSettled([1, 2, 3].map(double));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(batches).toHaveLength(1);
  });
});
