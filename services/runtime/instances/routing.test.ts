/** Who sends: the choice, and that it stays. */
import { describe, expect, test } from 'vitest';

import { type Availability, type LineRoute, chosenOf, placeOf } from './routing.ts';

const line = 'l_1';
const route = (more: Partial<LineRoute> = {}, states: Readonly<Record<string, Availability>> = {}): LineRoute => ({
  instance: 'a',
  split: null,
  fallbacks: [],
  availability: new Map(Object.entries(states)),
  ...more,
});
const chosen = (of: LineRoute, cold = false, flagged = true, conversation = 'c_1'): string =>
  chosenOf(of, { line, conversation, cold }, flagged);
const chats = Array.from({ length: 2_000 }, (_, i) => `c_${i}`);
const split = (percent: number) => ({ instance: 'b', percent, flag: null });

describe('a chat is served', () => {
  test.each<[string, LineRoute, boolean, string]>([
    ['by the line’s own', route(), false, 'a'],
    [
      'by the first that may stand in, when that one is down',
      route({ fallbacks: ['b', 'c'] }, { a: 'down' }),
      false,
      'b',
    ],
    [
      'by the next, when the first is down as well',
      route({ fallbacks: ['b', 'c'] }, { a: 'down', b: 'down' }),
      false,
      'c',
    ],
    ['by nobody else than allowed: it waits where it belongs', route({}, { a: 'down' }), false, 'a'],
    ['where it belongs, when nobody can', route({ fallbacks: ['b'] }, { a: 'down', b: 'down' }), false, 'a'],
    ['by a restricted one, when it is warm', route({ fallbacks: ['b'] }, { a: 'restricted' }), false, 'a'],
    ['by another one, when it is cold', route({ fallbacks: ['b'] }, { a: 'restricted' }), true, 'b'],
    [
      'by no restricted one that stands in, when it is cold',
      route({ fallbacks: ['b', 'c'] }, { a: 'down', b: 'restricted' }),
      true,
      'c',
    ],
    ['by the other one of a whole split', route({ split: split(100) }), false, 'b'],
    [
      'by one that stands in for the other of a split',
      route({ split: split(100), fallbacks: ['b', 'a'] }, { b: 'down' }),
      false,
      'a',
    ],
  ])('%s', (_, of, cold, expected) => {
    expect(chosen(of, cold)).toBe(expected);
  });

  test('by the line’s own while the flag of a split is off', () => {
    expect(chosen(route({ split: split(100) }), false, false)).toBe('a');
  });
});

describe('a split', () => {
  test('takes its share, always the same chats, and only ever more of them as it grows', () => {
    let before = new Set<string>();
    for (const percent of [0, 1, 10, 50, 99, 100]) {
      const of = route({ split: split(percent) });
      const shared = new Set(chats.filter((chat) => chosen(of, false, true, chat) === 'b'));
      expect(chats.filter((chat) => chosen(of, true, true, chat) === 'b')).toHaveLength(shared.size);
      expect(Math.abs(shared.size / chats.length - percent / 100)).toBeLessThan(0.04);
      expect([...before].filter((chat) => !shared.has(chat))).toEqual([]);
      before = shared;
    }
    expect(before.size).toBe(chats.length);
  });

  test('of two lines are different chats', () => {
    const places = chats.map((chat) => [placeOf('l_1', chat), placeOf('l_2', chat)] as const);
    expect(places.filter(([a, b]) => a === b).length).toBeLessThan(chats.length / 20);
  });
});
