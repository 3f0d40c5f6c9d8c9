// Goal: whatever a claim gives, no more than there is room for is asked for.
import { expect, test } from 'vitest';

import { startClaimPump } from './claim-pump.ts';
import { createLogger } from './logger.ts';

test('a claim that gives more than was asked for is worked through, and asked nothing of until there is room', async () => {
  const asked: number[] = [];
  const gates = Array.from({ length: 3 }, () => Promise.withResolvers<undefined>());
  const pump = startClaimPump<number>({
    logger: createLogger('silent'),
    claim: (count) => {
      asked.push(count);
      return Promise.resolve(asked.length === 1 ? [0, 1, 2] : []);
    },
    work: async (item) => gates[item]?.promise,
    concurrency: 2,
    pollMs: 5,
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toEqual([2]);
  for (const gate of gates) gate.resolve(undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await pump.stop(1_000);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked.every((count) => count > 0)).toBe(true);
  await pump.finished;
});
