/** Wrong settings of an inscription are refused by name. */
import { expect, it } from 'vitest';

import { registrationLimits, registrationProblems } from './settings.ts';

const student = { id: 'estudante', name: 'Estudante' };

it.each([
  { eventName: 'Congresso', profiles: [student] },
  {
    eventName: { 'pt-BR': 'Congresso', en: 'Congress' },
    profiles: [student, { id: 'medico', name: { es: 'Médica' }, aliases: ['doutora'] }],
  },
])('settings that can be put in force are found without fault: %j', (settings) => {
  expect(registrationProblems(settings)).toEqual([]);
});

it.each<readonly [problem: string, settings: unknown]>([
  [' has to be an object', null],
  ['eventName is missing', { profiles: [student] }],
  ['profiles is missing', { eventName: 'Congresso' }],
  ['eventName has more than', { eventName: 'a'.repeat(registrationLimits.eventName + 1), profiles: [student] }],
  ['profiles has to be a list', { eventName: 'Congresso', profiles: [] }],
  ['profiles has an id twice', { eventName: 'Congresso', profiles: [student, student] }],
  ['profiles.0.name is missing', { eventName: 'Congresso', profiles: [{ id: 'a' }] }],
  ['profiles.0.id has to be', { eventName: 'Congresso', profiles: [{ id: 'secret!', name: 'a' }] }],
  [
    'profiles.0.aliases has to be',
    { eventName: 'Congresso', profiles: [{ ...student, aliases: new Array(31).fill('a') }] },
  ],
  ['price is not a setting', { eventName: 'Congresso', profiles: [student], price: 'secret' }],
])('settings that cannot are named, and no value is repeated: %s', (problem, settings) => {
  const problems = registrationProblems(settings);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^registration${problem.startsWith(' ') ? '' : '.'}${problem}`));
  expect(problems.join()).not.toContain('secret');
});
