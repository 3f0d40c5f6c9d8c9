import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { fairShares } from './fair-share.ts';

describe('fairShares', () => {
  test('gives the remainder to those that own most', () => {
    const shares = fairShares(
      [
        { member: 'a', owned: 1 },
        { member: 'b', owned: 1 },
        { member: 'c', owned: 2 },
      ],
      4,
    );
    expect(Object.fromEntries(shares)).toEqual({ a: 1, b: 1, c: 2 });
  });

  test('a lone member gets all', () => {
    expect(fairShares([{ member: 'a', owned: 0 }], 24).get('a')).toBe(24);
  });

  test('adds up to all partitions and differs by one at most, in whatever order members are named', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ member: fc.string(), owned: fc.nat(24) }), {
          minLength: 1,
          maxLength: 40,
          selector: ({ member }) => member,
        }),
        fc.integer({ min: 1, max: 64 }),
        (members, partitionCount) => {
          const shares = fairShares(members, partitionCount);
          const counts = [...shares.values()];
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(partitionCount);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          expect(fairShares([...members].reverse(), partitionCount)).toEqual(shares);
        },
      ),
    );
  });
});
