import { expect, test } from 'vitest';

import { retryDelay, retryDelaysMsDefault } from './schedule.ts';

test('attempts are made now and 1, 2 and 4 minutes after one another, then no more', () => {
  const delays = [0, 1, 2, 3, 4].map((attempts) => retryDelay(attempts, retryDelaysMsDefault, 0));
  expect(delays).toEqual([0, 60_000, 120_000, 240_000, undefined]);
});

test('a delay is spread by up to a fifth, never shortened', () => {
  expect(retryDelay(1, retryDelaysMsDefault, 0.5)).toBe(66_000);
  expect(retryDelay(1, retryDelaysMsDefault, 0.999)).toBeLessThan(72_000);
});

test('what the provider asks for is waited for, within an hour', () => {
  expect(retryDelay(1, retryDelaysMsDefault, 0, 90_000)).toBe(90_000);
  expect(retryDelay(1, retryDelaysMsDefault, 0, 5_000)).toBe(60_000);
  expect(retryDelay(1, retryDelaysMsDefault, 0, 1e12)).toBe(3_600_000);
});
