import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignSticky, type Candidate } from './sticky-assigner.ts';

const partitions = (count: number): number[] => Array.from({ length: count }, (_, partition) => partition);
const member = (memberId: string, owned: readonly number[] = [], more: Partial<Candidate> = {}): Candidate => ({
  memberId,
  generation: 1,
  owned,
  declined: [],
  ...more,
});

describe('sticky assigner', () => {
  test('one member gets everything', () => {
    expect(assignSticky([member('a')], partitions(4)).get('a')).toEqual([0, 1, 2, 3]);
  });

  test('a member that joins takes no more than its share; the rest stays', () => {
    const assigned = assignSticky([member('a', [0, 1, 2, 3]), member('b')], partitions(4));
    expect(assigned.get('a')).toEqual([0, 1]);
    expect(assigned.get('b')).toEqual([2, 3]);
  });

  test('partitions of a member that left are spread; nobody else loses one', () => {
    const assigned = assignSticky([member('a', [0, 1]), member('b', [2, 3])], partitions(6));
    expect(assigned.get('a')).toEqual(expect.arrayContaining([0, 1]));
    expect(assigned.get('b')).toEqual(expect.arrayContaining([2, 3]));
  });

  test('of two that claim a partition the one of the later generation keeps it', () => {
    const assigned = assignSticky(
      [member('a', [0, 1], { generation: 3 }), member('b', [0, 2], { generation: 5 }), member('c', [3])],
      partitions(6),
    );
    expect(assigned.get('b')).toEqual(expect.arrayContaining([0, 2]));
  });

  test('a declined partition goes to another member if there is one, and back if there is none', () => {
    const declining = member('a', [1], { declined: [0] });
    expect(assignSticky([declining, member('b', [2])], partitions(3)).get('b')).toContain(0);
    // The other is full: it swaps.
    const swapped = assignSticky([declining, member('b', [2, 3])], partitions(4));
    expect(swapped.get('b')).toContain(0);
    expect(swapped.get('a')).toContain(1);
    expect(assignSticky([declining], partitions(2)).get('a')).toEqual([0, 1]);
  });

  test('whatever members claim: every partition has one owner, counts differ by one at most', () => {
    const claim = fc.array(fc.nat(30), { maxLength: 12 });
    const members = fc.array(fc.record({ owned: claim, declined: claim, generation: fc.nat(3) }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(members, fc.integer({ min: 1, max: 24 }), (claims, count) => {
        const candidates = claims.map((each, index) => ({ memberId: `m${index}`, ...each }));
        const assigned = assignSticky(candidates, partitions(count));
        expect([...assigned.values()].flat().sort((a, b) => a - b)).toEqual(partitions(count));
        const counts = candidates.map(({ memberId }) => assigned.get(memberId)?.length ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('what is assigned once is assigned again unchanged', () => {
    const first = assignSticky([member('a'), member('b'), member('c')], partitions(10));
    const again = assignSticky(
      [...first].map(([memberId, owned]) => member(memberId, owned)),
      partitions(10),
    );
    expect(again).toEqual(first);
  });
});
