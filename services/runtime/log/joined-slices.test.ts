// Goal: what one partition lacks or lost is its own affair.
import { expect, test } from 'vitest';

import { GapBefore, joinSlices } from './joined-slices.ts';

const held = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a slice whose partition was lost while it waited is left out', async () => {
  const calls: (readonly string[])[] = [];
  const handled = joinSlices<string>({
    handle: async (slices) => {
      calls.push(slices);
      await turn();
    },
    bounds: { sliceRecordsMax: 500, sliceBytesMax: 1_000_000 },
    sizesOf: () => [],
  });
  const lost = new AbortController();
  const first = handled('first', held);
  await turn();
  const later = [handled('old', lost.signal), handled('new', held)];
  lost.abort();
  await Promise.all([first, ...later]);
  await handled('gone', lost.signal);
  expect(calls).toEqual([['first'], ['new']]);
});

test('a gap is closed beside what others have, one after the other, and then its slice comes again', async () => {
  const done: string[] = [];
  const missing = new Set(['a', 'b']);
  const closing = new Map(['a', 'b'].map((slice) => [slice, Promise.withResolvers<undefined>()]));
  const handled = joinSlices<string>({
    handle: (slices) => {
      if (slices.some((slice) => missing.has(slice))) return Promise.reject(new GapBefore());
      done.push(...slices);
      return Promise.resolve();
    },
    closeGap: async (slice) => {
      done.push(`closing ${slice}`);
      await closing.get(slice)?.promise;
      missing.delete(slice);
    },
    bounds: { sliceRecordsMax: 500, sliceBytesMax: 1_000_000 },
    sizesOf: () => [],
  });
  const all = ['a', 'b', 'c'].map((slice) => handled(slice, held));
  await all[2];
  await handled('d', held);
  expect(done).toEqual(['closing a', 'c', 'd']);
  closing.get('a')?.resolve(undefined);
  await all[0];
  expect(done).toEqual(['closing a', 'c', 'd', 'closing b', 'a']);
  closing.get('b')?.resolve(undefined);
  await all[1];
  expect(done.at(-1)).toBe('b');
});

test.each([
  ['once it was closed', () => Promise.resolve()],
  ['while it is closed', () => Promise.reject(new GapBefore())],
])('a gap that is there again, %s, is for the next time', async (_, closeGap) => {
  const handled = joinSlices<string>({
    handle: () => Promise.reject(new GapBefore()),
    closeGap,
    bounds: { sliceRecordsMax: 500, sliceBytesMax: 1_000_000 },
    sizesOf: () => [],
  });
  await expect(handled('a', held)).rejects.toMatchObject({ code: 'database.unavailable' });
});
