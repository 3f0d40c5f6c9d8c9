import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { dueTimes, roomOf } from './pace.ts';

const loud = { timeZone: 'UTC', quietHours: [] };
const minuteMs = 60_000;
const at = Date.parse('2026-11-21T12:00:00Z');

describe('due times', () => {
  test('are spaced by the pace, from now or from where the pace stands', () => {
    const now = dueTimes({ per_minute: 10, next_due_at: null }, loud, { at, until: at + minuteMs, count: 100 });
    expect(now.times).toEqual(Array.from({ length: 10 }, (_, i) => at + i * 6_000));
    expect(now.next).toBe(at + minuteMs);
    const later = dueTimes({ per_minute: 1, next_due_at: new Date(at + 50_000) }, loud, {
      at,
      until: at + minuteMs,
      count: 9,
    });
    expect(later).toEqual({ times: [at + 50_000], next: at + 110_000 });
  });

  test('that were missed are not made up for', () => {
    const pace = { per_minute: 2, next_due_at: new Date(at - 3_600_000) };
    expect(dueTimes(pace, loud, { at, until: at + minuteMs, count: 100 }).times).toEqual([at, at + 30_000]);
  });

  test('leave quiet hours out', () => {
    const quiet = { timeZone: 'UTC', quietHours: [{ from: '12:01', to: '13:00' }] };
    const { times, next } = dueTimes({ per_minute: 2, next_due_at: null }, quiet, {
      at,
      until: at + 7_200_000,
      count: 3,
    });
    expect([...times, next]).toEqual(
      ['12:00:00', '12:00:30', '13:00:00', '13:00:30'].map((time) => Date.parse(`2026-11-21T${time}Z`)),
    );
  });

  test('never exceed the pace in any minute, in however many steps they are asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.record({ wait: fc.nat(90_000), count: fc.integer({ min: 0, max: 50 }) }), { maxLength: 30 }),
        (perMinute, steps) => {
          let next = at;
          let now = at;
          const times: number[] = [];
          for (const { wait, count } of steps) {
            now += wait;
            const due = dueTimes({ per_minute: perMinute, next_due_at: new Date(next) }, loud, {
              at: now,
              until: now + minuteMs,
              count,
            });
            times.push(...due.times);
            next = due.next;
          }
          // A row keeps whole milliseconds, so that a step may be one short.
          const shortest = minuteMs / perMinute - 1;
          for (const [i, time] of times.entries())
            if (i > 0) expect(time - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(shortest);
        },
      ),
    );
  });
});

test('no more is on its way than two minutes are worth, and always some', () => {
  const pace = (perMinute: number) => ({ per_minute: perMinute, next_due_at: null });
  expect([roomOf(pace(60), 0), roomOf(pace(60), 119), roomOf(pace(60), 300), roomOf(pace(1), 5)]).toEqual([
    120, 1, 0, 15,
  ]);
});
