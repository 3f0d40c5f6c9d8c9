/** When appointments can begin, whatever clocks do. */
import { describe, expect, test } from 'vitest';

import type { OpeningHours } from '#machines/conversation/agent-settings.ts';

import { beginningsOf, minutes, stretchesOf } from './opening-hours.ts';

const at = (iso: string): number => Temporal.Instant.from(iso).epochMilliseconds;
const every = (stretches: OpeningHours['mon']): OpeningHours =>
  Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => [day, stretches]));

/** Local times in a zone of all beginnings of a day. */
function localTimes(
  openingHours: OpeningHours,
  timeZone: string,
  day: string,
  [duration, step = duration]: readonly number[],
  holidays: string[] = [],
) {
  const begin = (date: Temporal.PlainDate): number => date.toZonedDateTime(timeZone).epochMilliseconds;
  const today = Temporal.PlainDate.from(day);
  const within = {
    from: begin(today),
    to: begin(today.add({ days: 1 })),
    durationMs: minutes(duration ?? 0),
    stepMs: minutes(step ?? 0),
  };
  return [...beginningsOf({ openingHours, holidays }, timeZone, within)].map((one) =>
    Temporal.Instant.fromEpochMilliseconds(one)
      .toZonedDateTimeISO(timeZone)
      .toString({ timeZoneName: 'never' })
      .slice(11, 16),
  );
}

describe('appointments begin', () => {
  test.each<readonly [string, OpeningHours, readonly number[], readonly string[]]>([
    ['at multiples of their length', every([['08:00', '10:00']]), [30], ['08:00', '08:30', '09:00', '09:30']],
    ['at multiples of a step', every([['08:00', '09:00']]), [30, 10], ['08:00', '08:10', '08:20', '08:30']],
    ['so that they end before it closes', every([['08:00', '09:50']]), [60, 30], ['08:00', '08:30']],
    [
      'in each stretch of a day',
      every([
        ['08:00', '09:00'],
        ['13:30', '14:30'],
      ]),
      [60],
      ['08:00', '13:30'],
    ],
    ['up to midnight', every([['23:00', '24:00']]), [30], ['23:00', '23:30']],
    ['on open days alone', { tue: [['08:00', '09:00']] }, [30], []],
    ['never, where nothing fits', every([['08:00', '08:20']]), [30], []],
  ])('%s', (_, hours, lengths, expected) => {
    // A Monday.
    expect(localTimes(hours, 'America/Sao_Paulo', '2026-11-23', lengths)).toEqual(expected);
  });

  test('on no holiday', () => {
    const hours = every([['08:00', '09:00']]);
    expect(localTimes(hours, 'America/Sao_Paulo', '2026-12-25', [30], ['2026-12-25'])).toEqual([]);
    expect(localTimes(hours, 'America/Sao_Paulo', '2026-12-26', [30], ['2026-12-25'])).toEqual(['08:00', '08:30']);
  });

  test('by the day of the tenant, not of Greenwich', () => {
    const hours: OpeningHours = { mon: [['21:00', '23:00']] };
    expect(localTimes(hours, 'America/Noronha', '2026-11-23', [60])).toEqual(['21:00', '22:00']);
    const within = {
      from: at('2026-11-23T00:00:00Z'),
      to: at('2026-11-24T00:00:00Z'),
      durationMs: minutes(60),
      stepMs: minutes(60),
    };
    expect([...beginningsOf({ openingHours: hours }, 'America/Noronha', within)]).toEqual([at('2026-11-23T23:00:00Z')]);
  });

  test('at times that there are, when clocks go forward', () => {
    // New York, 8 March 2026: 02:00 is 03:00.
    const night = every([['01:00', '04:00']]);
    expect(localTimes(night, 'America/New_York', '2026-03-08', [30])).toEqual(['01:00', '01:30', '03:00', '03:30']);
    expect(localTimes(every([['02:30', '04:00']]), 'America/New_York', '2026-03-08', [30])).toEqual(['03:30']);
  });

  test('never at one moment twice, when clocks go back', () => {
    // New York, 1 November 2026: after 01:59 comes 01:00.
    const local = localTimes(every([['00:30', '02:30']]), 'America/New_York', '2026-11-01', [60, 30]);
    expect(local).toEqual(['00:30', '01:00', '01:30', '01:00', '01:30']);
  });

  test('in a zone whose clocks stand at odd minutes, and whose day begins at one', () => {
    expect(localTimes(every([['00:00', '01:30']]), 'Asia/Kathmandu', '2026-11-23', [30])).toEqual([
      '00:00',
      '00:30',
      '01:00',
    ]);
    // Santiago, 6 September 2026: the day begins at 01:00.
    expect(localTimes(every([['00:00', '02:00']]), 'America/Santiago', '2026-09-06', [30])).toEqual(['01:00', '01:30']);
  });
});

test('stretches are those that overlap the interval, and there is an end to looking', () => {
  const openingHours: OpeningHours = { mon: [['08:00', '12:00']] };
  const of = (from: string, to: string) => [...stretchesOf({ openingHours }, 'UTC', at(from), at(to))];
  expect(of('2026-11-23T11:59:00Z', '2026-11-23T13:00:00Z')).toHaveLength(1);
  expect(of('2026-11-23T12:00:00Z', '2026-11-30T08:00:00Z')).toEqual([]);
  expect(of('2026-11-23T00:00:00Z', '9999-01-01T00:00:00Z').length).toBeLessThan(60);
  expect([...stretchesOf({ openingHours: {} }, 'UTC', 0, Number.MAX_SAFE_INTEGER)]).toEqual([]);
});
