import { expect, test } from 'vitest';

import { contextDifference } from './context-difference.ts';

test.each([
  [{ a: 1 }, { a: 1 }, []],
  [undefined, undefined, []],
  [undefined, { a: 1 }, [{ path: 'a', after: 1 }]],
  [
    { a: 1, b: 2 },
    { b: 3 },
    [
      { path: 'a', before: 1 },
      { path: 'b', before: 2, after: 3 },
    ],
  ],
  [{ a: { b: { c: 1 }, d: 2 } }, { a: { b: { c: 2 }, d: 2 } }, [{ path: 'a.b.c', before: 1, after: 2 }]],
  [{ a: [1, 2] }, { a: [1, 2, 3] }, [{ path: 'a', before: [1, 2], after: [1, 2, 3] }]],
  [{ a: null }, { a: { b: 1 } }, [{ path: 'a', before: null, after: { b: 1 } }]],
])('%j and %j', (before, after, changes) => {
  expect(contextDifference(before, after)).toEqual(changes);
});

test('beyond a hundred places, the fields at the top are told', () => {
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, i]));
  expect(contextDifference({ many: {}, same: 1 }, { many, same: 1 })).toEqual([
    { path: 'many', before: {}, after: many },
  ]);
});
