import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readFullName } from './person-name.ts';

it.each([
  ['Ana Souza', 'Ana Souza'],
  ['me chamo maria da silva', 'Maria da Silva'],
  ['JOÃO CARLOS DOS SANTOS FILHO', 'João Carlos dos Santos Filho'],
  ['oi, meu nome é José de Alencar', 'José de Alencar'],
  ['Maria Da Silva', 'Maria da Silva'],
  ['Dra. Ana Souza', 'Ana Souza'],
  ["Ângela D'Ávila", "Ângela D'Ávila"],
  ['Ana Souza-Lima', 'Ana Souza-Lima'],
])('reads %j', (text, name) => {
  expect(readFullName(text)).toEqual({ kind: 'ok', name });
});

it.each([
  ['Ana', 'Ana'],
  ['me chamo ana', 'Ana'],
  ['José de', 'José'],
  ['Ana S.', 'Ana S'],
])('asks for the rest of %j', (text, name) => {
  expect(readFullName(text)).toEqual({ kind: 'single-word', name });
});

it.each([
  'não quero',
  'menu',
  'Ana 123',
  'https://x.y/ana',
  'sexta às 15h',
  'Sim',
  '',
  '👍',
  'oi, tudo bem?',
  'a'.repeat(2000),
])('takes %j for no name', (text) => {
  expect(readFullName(text)).toEqual({ kind: 'none' });
});

it('has the lead-ins of the language that is spoken', () => {
  expect(readFullName('my name is Emma Brown', 'en')).toEqual({ kind: 'ok', name: 'Emma Brown' });
  expect(readFullName('me llamo Lucía de la Cruz', 'es')).toEqual({ kind: 'ok', name: 'Lucía de la Cruz' });
});

it('reads back what it has read, and never throws', () => {
  const words = fc.array(fc.constantFrom('ana', 'da', 'Silva', 'DE', 'souza', 'dr.', 'e', '-', "d'Ávila"), {
    maxLength: 7,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        words.map((all) => all.join(' ')),
      ),
      (text) => {
        const read = readFullName(text);
        if (read.kind === 'ok') expect(readFullName(read.name)).toEqual(read);
      },
    ),
    { numRuns: 200 },
  );
});
