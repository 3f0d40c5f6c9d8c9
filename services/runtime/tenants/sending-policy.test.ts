import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { momentIn, quietUntil, sendingPolicyOf, sendingShape } from './sending-policy.ts';

const saoPaulo = 'America/Sao_Paulo';
const berlin = 'Europe/Berlin';
const at = (text: string): number => Date.parse(text);
const iso = (moment: number | undefined) => (moment === undefined ? undefined : new Date(moment).toISOString());

describe('a moment', () => {
  test.each([
    ['2026-11-21T09:30', saoPaulo, '2026-11-21T12:30:00.000Z'],
    ['2026-11-21T09:30:15.25', saoPaulo, '2026-11-21T12:30:15.250Z'],
    ['2026-11-21T09:30:00Z', saoPaulo, '2026-11-21T09:30:00.000Z'],
    ['2026-11-21T09:30:00+05:30', saoPaulo, '2026-11-21T04:00:00.000Z'],
    ['2026-07-01T09:00', berlin, '2026-07-01T07:00:00.000Z'],
    ['2026-12-01T09:00', berlin, '2026-12-01T08:00:00.000Z'],
    // The clock goes from 2 to 3: what it skips is as much later.
    ['2026-03-29T02:30', berlin, '2026-03-29T01:30:00.000Z'],
    // It goes from 3 back to 2: the first time.
    ['2026-10-25T02:30', berlin, '2026-10-25T00:30:00.000Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(iso(momentIn(text, zone))).toBe(expected);
  });

  test.each(['2026-02-30T10:00', '2026-11-21', '2026-11-21T25:00', 'amanhã', '2026-11-21T10:00:00 Z', ''])(
    '%s is none',
    (text) => {
      expect(momentIn(text, saoPaulo)).toBeUndefined();
    },
  );
});

describe('quiet hours', () => {
  const nights = sendingPolicyOf({ timeZone: saoPaulo, quietHours: [{ from: '21:00', to: '08:00' }] });

  test.each([
    ['2026-11-21T23:59:00Z', undefined],
    ['2026-11-22T00:00:00Z', '2026-11-22T11:00:00.000Z'],
    ['2026-11-22T05:00:00Z', '2026-11-22T11:00:00.000Z'],
    ['2026-11-22T10:59:59Z', '2026-11-22T11:00:00.000Z'],
    ['2026-11-22T11:00:00Z', undefined],
  ])('over night: %s waits until %s', (moment, expected) => {
    expect(iso(quietUntil(nights, at(moment)))).toBe(expected);
  });

  test('on some days only, by the day on which they begin', () => {
    const saturdays = { ...nights, quietHours: [{ days: [6], from: '21:00', to: '08:00' }] };
    // Saturday night belongs to Saturday, Sunday night does not.
    expect(iso(quietUntil(saturdays, at('2026-11-22T05:00:00Z')))).toBe('2026-11-22T11:00:00.000Z');
    expect(quietUntil(saturdays, at('2026-11-23T05:00:00Z'))).toBeUndefined();
  });

  test('that follow one another are one; those that never end are waited for within bounds', () => {
    const weekend = {
      timeZone: saoPaulo,
      quietHours: [
        { from: '21:00', to: '08:00' },
        { days: [7], from: '08:00', to: '21:00' },
      ],
    };
    expect(iso(quietUntil(weekend, at('2026-11-22T05:00:00Z')))).toBe('2026-11-23T11:00:00.000Z');
    const always = { timeZone: saoPaulo, quietHours: [{ from: '00:00', to: '00:00' }] };
    expect(quietUntil(always, at('2026-11-22T05:00:00Z'))).toBeDefined();
  });

  test('end in the future, at the hour that they name, in every zone and season', () => {
    const clock = fc
      .integer({ min: 0, max: 1_439 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
    fc.assert(
      fc.property(
        fc.constantFrom(saoPaulo, berlin, 'UTC', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia'),
        clock,
        clock,
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') }),
        (timeZone, from, to, moment) => {
          fc.pre(from !== to);
          const until = quietUntil({ timeZone, quietHours: [{ from, to }] }, moment);
          if (until === undefined) return;
          expect(until).toBeGreaterThan(moment - 3_600_000);
          expect(until - moment).toBeLessThanOrEqual(26 * 3_600_000);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('a policy that says nothing disturbs nobody and parks what is unknown; one that is wrong is refused', () => {
  expect(sendingPolicyOf()).toEqual({
    timeZone: saoPaulo,
    quietHours: [],
    unknownOutcome: 'park',
    fallback: {
      steps: ['endpoint', 'instance', 'priority', 'notify'],
      emails: undefined,
      noticeEveryMs: 900_000,
      heldMs: 900_000,
    },
  });
  for (const wrong of [
    { timeZone: 'Brasília' },
    { quietHours: [{ from: '24:00', to: '08:00' }] },
    { unknownOutcome: 'x' },
    { fallback: { steps: ['instance', 'instance'] } },
    { fallback: { steps: ['instance', 'endpoint'] } },
    { fallback: { steps: ['notify', 'instance'] } },
    { fallback: { steps: ['manual'] } },
    { fallback: { emails: ['nobody'] } },
    { fallback: { everyMinutes: 0 } },
    { fallback: { every: 1 } },
  ])
    expect(sendingShape.safeParse(wrong).success).toBe(false);
});
