import { expect, test } from 'vitest';

import { phoneCandidates } from './phone-numbers.ts';

test('a Brazilian mobile number is looked for with and without its ninth digit', () => {
  expect(phoneCandidates('+55 (11) 99999-0001')).toEqual(['5511999990001', '551199990001']);
  expect(phoneCandidates('551199990001')).toEqual(['551199990001', '5511999990001']);
});

test('a number without country code is tried as a Brazilian one', () => {
  expect(phoneCandidates('(11) 99999-0001')).toContain('5511999990001');
  expect(phoneCandidates('(11) 99999-0001')).toContain('551199990001');
});

test('landlines and foreign numbers are left as they are', () => {
  expect(phoneCandidates('+551133334444')).toEqual(['551133334444']);
  expect(phoneCandidates('+4915112345678')).toEqual(['4915112345678']);
  expect(phoneCandidates('+14155550123')).toEqual(['14155550123']);
});

test('what is no number has no candidates', () => {
  expect(phoneCandidates('123')).toEqual([]);
  expect(phoneCandidates('1'.repeat(16))).toEqual([]);
  expect(phoneCandidates('Maria')).toEqual([]);
});
