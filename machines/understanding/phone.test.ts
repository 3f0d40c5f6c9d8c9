import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maskPhone, readTypedPhone } from './phone.ts';

const inBrazil = { defaultCountry: 'BR' };
const mobile = { kind: 'ok', e164: '+5511999990001', national: '(11) 99999-0001' };

it.each([
  '11 99999-0001',
  '(11) 99999-0001',
  '11999990001',
  '+55 11 99999-0001',
  '5511999990001',
  '0055 11 99999-0001',
  '011 99999-0001',
  '0 15 11 99999-0001',
  '0xx11 99999-0001',
  '0XX 11 99999 0001',
  'meu número é 11 99999-0001, pode ligar',
  '１１ 99999-0001',
])('reads %j', (text) => {
  expect(readTypedPhone(text, inBrazil)).toEqual(mobile);
});

it.each([
  ['(11) 3333-4444', '+551133334444'],
  ['55 99999-0001', '+5555999990001'],
  ['+1 415 555 2671', '+14155552671'],
  ['+351 912 345 678', '+351912345678'],
])('reads %j, too', (text, e164) => {
  expect(readTypedPhone(text, inBrazil)).toMatchObject({ kind: 'ok', e164 });
});

it.each(['99999-0001', '3333-4444', 'é 999990001'])('asks for the area code of %j', (text) => {
  expect(readTypedPhone(text, inBrazil)).toEqual({ kind: 'incomplete' });
});

it.each(['(23) 99999-0001', '(11) 9999-000', '52998224725', '123', '+55 11 1234', '0000000000000000000'])(
  'takes %j for no number there is',
  (text) => {
    expect(readTypedPhone(text, inBrazil)).toEqual({ kind: 'invalid' });
  },
);

it.each(['não tenho', '', 'sexta às 15h', 'sou a Maria'])('finds none tried in %j', (text) => {
  expect(readTypedPhone(text, inBrazil)).toEqual({ kind: 'none' });
});

it('takes numbers for those of the country it is told', () => {
  expect(readTypedPhone('(415) 555-2671', { defaultCountry: 'us' })).toMatchObject({ e164: '+14155552671' });
  expect(readTypedPhone('(415) 555-2671', { defaultCountry: 'XX' })).toEqual({ kind: 'invalid' });
});

it('knows the 67 area codes, and no other', () => {
  const known = Array.from({ length: 90 }, (_, index) => index + 10).filter(
    (code) => readTypedPhone(`(${code}) 99999-0001`, inBrazil).kind === 'ok',
  );
  expect(known).toHaveLength(67);
});

it('shows the end of a number only', () => {
  expect(maskPhone('+5511999990001')).toBe('+55 11 *****-0001');
  expect(maskPhone('+14155552671')).toBe('+1 *****-2671');
  expect(maskPhone('Maria')).toBe('*****');
});

it('reads back what it has read, and never throws', () => {
  const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789 -()+x')), maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(digits, fc.string()), fc.constantFrom('BR', 'US', 'PT'), (text, defaultCountry) => {
      const read = readTypedPhone(text, { defaultCountry });
      if (read.kind === 'ok') expect(readTypedPhone(read.e164, { defaultCountry })).toEqual(read);
      maskPhone(text);
    }),
    { numRuns: 200 },
  );
});
