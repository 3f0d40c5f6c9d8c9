/** Fairness as numbers: any mix of arrivals, any size of bites. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { FairShares, strides, weights } from './fair-shares.ts';

const round = weights.reduce((sum, weight) => sum + weight, 0);

/** Takes `bite` of what waits as a claim does: by start, the more urgent one of equals. */
function take(shares: FairShares, waiting: number[], bite: number): readonly number[] {
  const starts = shares.starts('i');
  const heads = waiting
    .flatMap((count, p) =>
      Array.from({ length: Math.min(count, bite) }, (_, k) => ({ p, start: (starts[p] ?? 0) + k * (strides[p] ?? 1) })),
    )
    .sort((a, b) => a.start - b.start || a.p - b.p)
    .slice(0, bite);
  const counts = waiting.map((_, p) => heads.filter((head) => head.p === p).length);
  counts.forEach((count, p) => (waiting[p] = (waiting[p] ?? 0) - count));
  shares.took('i', counts);
  return heads.map(({ p }) => p);
}

const arrivals = fc.tuple(fc.nat(60), fc.nat(30), fc.nat(30), fc.integer({ min: 1, max: 12 }));

test('what waits all the time gets its share within a round, whatever the others do', () => {
  fc.assert(
    fc.property(fc.array(arrivals, { minLength: 30, maxLength: 120 }), fc.constantFrom(0, 1, 2), (steps, watched) => {
      const shares = new FairShares();
      const waiting = [0, 0, 0];
      const taken: number[] = [];
      for (const [high, normal, low, bite] of steps) {
        [high, normal, low].forEach((count, p) => (waiting[p] = (waiting[p] ?? 0) + count));
        waiting[watched] = 1_000;
        taken.push(...take(shares, waiting, bite));
      }
      const weight = weights[watched];
      // In every stretch, not only on the whole.
      for (let from = 0; from + 2 * round <= taken.length; from += 7) {
        const stretch = taken.slice(from, from + 2 * round);
        expect(stretch.filter((p) => p === watched).length).toBeGreaterThanOrEqual(weight);
      }
    }),
    { numRuns: 300 },
  );
});

test('an urgent one is never behind more others than its share leaves them, and goes at once after a pause', () => {
  fc.assert(
    fc.property(fc.array(arrivals, { minLength: 10, maxLength: 60 }), (steps) => {
      const shares = new FairShares();
      const waiting = [0, 0, 0];
      let passed = 0;
      let highs = 0;
      for (const [high, normal, low, bite] of steps) {
        if (waiting[0] === 0) [passed, highs] = [0, 0];
        [high, normal, low].forEach((count, p) => (waiting[p] = (waiting[p] ?? 0) + count));
        const waits = (waiting[0] ?? 0) > 0;
        const order = take(shares, waiting, bite);
        if (waits && (waiting[0] ?? 0) > 0) {
          passed += order.filter((p) => p > 0).length;
          highs += order.filter((p) => p === 0).length;
          expect(passed).toBeLessThanOrEqual(Math.ceil((highs * 5) / 16) + 5);
        }
      }
    }),
    { numRuns: 300 },
  );
});
