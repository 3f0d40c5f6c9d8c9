/** What windows promise whatever they are kept in: W2 and W3 of `rate-windows.ts`. */
import { randomUUID } from 'node:crypto';

import { expect, test } from 'vitest';

import type { RateWindow, RateWindows } from '../rate-windows.ts';

/** Windows to try, and their clock. */
export interface WindowsUnderTest {
  readonly windows: RateWindows;
  /** Lets at least so much time pass. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Longer than any test. */
const longMs = 600_000;

/** Registers the cases. No case depends on how much longer than asked for something lasts. */
export function describeWindows(open: () => Promise<WindowsUnderTest>): void {
  const bound = (max: number, windowMs: number): readonly RateWindow[] => [
    { key: `{i}:${randomUUID()}`, max, windowMs },
  ];

  test('a permit whose call begins late counts until it is over, and for a window after it', async () => {
    const { windows, pass } = await open();
    const narrow = bound(1, 50);
    const { names } = await windows.take(narrow, 1, longMs);
    await pass(60);
    // The call is about to begin: by the clock of the provider there would be two in one window.
    expect(await windows.take(narrow, 1, longMs)).toMatchObject({ names: [], waitMs: 50 });
    windows.end(names.map((name) => ({ name, windows: narrow })));
    await pass(60);
    expect((await windows.take(narrow, 1, longMs)).names).toHaveLength(1);
  });

  test('one that has ended counts for its window', async () => {
    const { windows } = await open();
    const wide = bound(1, longMs);
    const { names } = await windows.take(wide, 1, 1);
    windows.end(names.map((name) => ({ name, windows: wide })));
    const { names: more, waitMs } = await windows.take(wide, 1, longMs);
    expect(more).toEqual([]);
    expect(waitMs).toBeGreaterThan(longMs / 2);
    expect(waitMs).toBeLessThanOrEqual(longMs);
  });

  test('one of which nothing is heard counts no longer than it may be held, and a window', async () => {
    const { windows, pass } = await open();
    const narrow = bound(2, 20);
    await windows.take(narrow, 2, 30);
    await pass(60);
    expect((await windows.take(narrow, 2, longMs)).names).toHaveLength(2);
  });

  test('what is given back is what was taken: the calls of others count on', async () => {
    const { windows, pass } = await open();
    const narrow = bound(2, 100);
    const [unused, used] = [await windows.take(narrow, 1, 50), await windows.take(narrow, 1, longMs)];
    // Ended or held, the newest permit is somebody else's.
    windows.giveBack(unused.names.map((name) => ({ name, windows: narrow })));
    await pass(160);
    expect((await windows.take(narrow, 2, longMs)).names).toHaveLength(1);
    windows.end(used.names.map((name) => ({ name, windows: narrow })));
    await pass(110);
    expect((await windows.take(narrow, 2, longMs)).names).toHaveLength(1);
  });

  test('windows that are asked together grant what all of them do, and a window of none grants none', async () => {
    const { windows } = await open();
    const [narrow, wide] = [bound(3, longMs), bound(10, longMs)];
    expect((await windows.take([...narrow, ...wide], 5, 1)).names).toHaveLength(3);
    expect((await windows.take(wide, 10, 1)).names).toHaveLength(7);
    const none = await windows.take(bound(0, longMs), 1, 1);
    expect(none.names).toEqual([]);
    expect(none.waitMs).toBeGreaterThan(0);
  });
}
