import { describe, expect, test } from 'vitest';

import { processWindow, windowTtlMs } from './duplicate-window.ts';

describe('the window of one process', () => {
  test('finds what was marked, with the id of its event', async () => {
    const window = processWindow(() => 0);
    await window.mark([
      { key: 'a', eventId: '1' },
      { key: 'b', eventId: '2' },
    ]);
    expect(await window.find(['b', 'c', 'a'])).toEqual(['2', undefined, '1']);
    expect(window.degraded()).toBe(false);
  });

  test('forgets after its time, counted from the last marking', async () => {
    let now = 0;
    const window = processWindow(() => now);
    await window.mark([{ key: 'a', eventId: '1' }]);
    now = windowTtlMs - 1;
    expect(await window.find(['a'])).toEqual(['1']);
    await window.mark([{ key: 'a', eventId: '1' }]);
    now = 2 * windowTtlMs - 2;
    expect(await window.find(['a'])).toEqual(['1']);
    now = 2 * windowTtlMs - 1;
    expect(await window.find(['a'])).toEqual([undefined]);
  });

  test('holds no more than it may; the oldest go first', async () => {
    const window = processWindow(() => 0, 3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) await window.mark([{ key, eventId: key }]);
    expect(await window.find(['a', 'b', 'c', 'd'])).toEqual(['a', undefined, 'c', 'd']);
  });
});
