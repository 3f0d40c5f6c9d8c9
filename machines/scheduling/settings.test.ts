/** Wrong settings of booking are refused by name, before anybody could be offered a time by them. */
import { describe, expect, it } from 'vitest';

import type { SchedulingSettings } from '#machines/conversation/agent-settings.ts';

import { minutesOf, schedulingLimits, schedulingProblems } from './settings.ts';

const consultation = { id: 'consulta', name: 'Consulta', durationMinutes: 30 };
const sound: SchedulingSettings = {
  services: [consultation],
  openingHours: {
    mon: [
      ['08:00', '12:00'],
      ['13:00', '18:00'],
    ],
    sat: [['00:00', '24:00']],
    sun: [],
  },
};
/** In a copy of them, one thing is another. */
const but = (changed: object) => ({ ...sound, ...changed });
const service = (changed: object) => but({ services: [{ ...consultation, ...changed }] });

describe('settings of booking that can be put in force', () => {
  it.each([
    sound,
    but({
      holidays: ['2026-12-25', '2028-02-29'],
      slotMinutes: 15,
      noticeMinutes: 0,
      horizonDays: 1,
      holdMinutes: 120,
    }),
    but({ calendar: { kind: 'postgres' } }),
    but({ calendar: { kind: 'google', calendarId: 'abc@group.calendar.google.com' } }),
    service({ name: { 'pt-BR': 'Consulta', en: 'Visit' }, aliases: ['médico'], capacity: 12, calendar: 'sala-1' }),
    but({ services: [consultation, { ...consultation, id: 'exame', capacity: 3 }] }),
  ])('are found without fault: %j', (settings) => {
    expect(schedulingProblems(settings)).toEqual([]);
  });
});

describe('settings of booking that cannot', () => {
  const twice = [consultation, { ...consultation, name: 'Exame' }];
  const shared = [
    { ...consultation, calendar: 'sala-1' },
    { ...consultation, id: 'grupo', calendar: 'sala-1', capacity: 8 },
  ];
  it.each<readonly [problem: string, settings: unknown]>([
    [' has to be an object', 'secret'],
    ['services is missing', { openingHours: {} }],
    ['openingHours is missing', { services: [consultation] }],
    ['services has to be a list', but({ services: [] })],
    [
      'services has to be a list',
      but({
        services: Array.from({ length: schedulingLimits.services + 1 }, (_, i) => ({ ...consultation, id: `s${i}` })),
      }),
    ],
    ['services has an id twice', but({ services: twice })],
    ['services that share a calendar', but({ services: shared })],
    [
      'services that share a calendar',
      but({
        services: [consultation, { ...consultation, id: 'grupo', capacity: 8 }],
        calendar: { kind: 'google', calendarId: 'a@b' },
      }),
    ],
    ['services.0 has to be an object', but({ services: ['secret'] })],
    ['services.0.id has to be', service({ id: 'secret id' })],
    ['services.0.name has to be a text', service({ name: ' ' })],
    ['services.0.name has more than', service({ name: 'secret'.repeat(20) })],
    ['services.0.name has to be by locale', service({ name: { tlh: 'secret' } })],
    ['services.0.name has to be by locale', service({ name: {} })],
    ['services.0.aliases has to be', service({ aliases: 'secret' })],
    ['services.0.durationMinutes has to be', service({ durationMinutes: 4 })],
    ['services.0.durationMinutes is missing', but({ services: [{ id: 'a', name: 'A' }] })],
    ['services.0.capacity has to be', service({ capacity: 0 })],
    ['services.0.calendar has to be', service({ calendar: 'secret room' })],
    ['services.0.price is not a setting', service({ price: 'secret' })],
    ['openingHours has to be', but({ openingHours: [] })],
    ['openingHours.monday is not a setting', but({ openingHours: { monday: [] } })],
    ['openingHours.mon has to be a list', but({ openingHours: { mon: 'secret' } })],
    ['openingHours.mon has to hold pairs', but({ openingHours: { mon: [['8:00', '12:00']] } })],
    ['openingHours.mon has to hold pairs', but({ openingHours: { mon: [['08:00', '24:01']] } })],
    ['openingHours.mon has to hold pairs', but({ openingHours: { mon: [['08:00']] } })],
    ['openingHours.mon has to hold stretches', but({ openingHours: { mon: [['12:00', '08:00']] } })],
    [
      'openingHours.mon has to hold stretches',
      but({
        openingHours: {
          mon: [
            ['08:00', '12:00'],
            ['11:00', '13:00'],
          ],
        },
      }),
    ],
    ['holidays has to hold dates', but({ holidays: ['2026-02-29'] })],
    ['holidays has to hold dates', but({ holidays: ['25/12/2026'] })],
    ['holidays has to be a list', but({ holidays: 'secret' })],
    ['slotMinutes has to be', but({ slotMinutes: 0 })],
    ['noticeMinutes has to be', but({ noticeMinutes: -1 })],
    ['horizonDays has to be', but({ horizonDays: 0.5 })],
    ['holdMinutes has to be', but({ holdMinutes: Number.NaN })],
    ['calendar has to be of kind', but({ calendar: { kind: 'secret' } })],
    ['calendar has to name', but({ calendar: { kind: 'google' } })],
    ['calendar has to name', but({ calendar: { kind: 'google', calendarId: 'a@b', key: 'secret' } })],
    ['places is not a setting', but({ places: 1 })],
  ])('are named, and no value is repeated: %s', (problem, settings) => {
    const problems = schedulingProblems(settings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^scheduling${problem.startsWith(' ') ? '' : '.'}${problem}`));
    expect(problems.join()).not.toContain('secret');
  });
});

it.each([
  ['00:00', 0],
  ['08:30', 510],
  ['24:00', 1_440],
  ['24:01', undefined],
  ['08:60', undefined],
  [800, undefined],
])('%s is minute %s of a day', (time, minutes) => {
  expect(minutesOf(time)).toBe(minutes);
});
