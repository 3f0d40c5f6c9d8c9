/**
 * Goal: long work does not hold up short work beside it. Method: a clock that goes on with each piece of
 * work; what the event loop does meanwhile is put down in order.
 */
import { setImmediate } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

import { Turns } from './turns.ts';

const stretchMs = 4;

/** Works on pieces of a millisecond each, and puts down who did. */
function workshop() {
  let now = 0;
  const turns = new Turns(stretchMs, () => now);
  const done: string[] = [];
  return {
    done,
    async work(name: string, pieces: number): Promise<void> {
      const between = turns.begin();
      for (let piece = 0; piece < pieces; piece++) {
        now += 1;
        done.push(name);
        const pause = between();
        if (pause !== undefined) await pause;
      }
    },
  };
}

describe('work in turns', () => {
  test('that is short never gives way', async () => {
    const { done, work } = workshop();
    const working = work('a', stretchMs - 1);
    expect(done).toEqual(['a', 'a', 'a']);
    await working;
  });

  test('that is long goes on after the others that are, a stretch each, in order', async () => {
    const { done, work } = workshop();
    await Promise.all(['a', 'b', 'c'].map((name) => work(name, 3 * stretchMs)));
    const stretches = done.filter((_, at) => at % stretchMs === 0);
    expect(stretches).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c']);
    expect(new Set(done.slice(0, stretchMs)).size).toBe(1);
  });

  test('lets the event loop turn between two stretches, whoever they are of', async () => {
    const { done, work } = workshop();
    const all = Promise.all(['a', 'b', 'c', 'd'].map((name) => work(name, 3 * stretchMs)));
    const between: number[] = [];
    for (let before = done.length; before < 4 * 3 * stretchMs; before = done.length) {
      await setImmediate();
      between.push(done.length - before);
    }
    await all;
    expect(Math.max(...between)).toBeLessThanOrEqual(stretchMs);
  });
});
