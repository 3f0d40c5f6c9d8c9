import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readChoice } from './number-choice.ts';

it.each([
  ['2', 2],
  ['2.', 2],
  ['2️⃣', 2],
  ['número 3', 3],
  ['opção 2', 2],
  ['a segunda', 2],
  ['A PRIMEIRA, por favor', 1],
  ['1ª', 1],
  ['3º', 3],
  ['dois', 2],
  ['o último', 4],
  ['penúltima', 3],
  ['sim, a terceira', 3],
  ['the second one', 2],
  ['the last one', 4],
  ['first', 1],
  ['option 3 please', 3],
  ['la primera', 1],
  ['el último', 4],
  ['quiero la segunda', 2],
  ['tres', 3],
])('reads %j of four as %d', (text, choice) => {
  expect(readChoice(text, 4)).toBe(choice);
});

it.each([
  '5',
  '0',
  '1 ou 2',
  'segunda-feira',
  'às 2',
  'dia 2',
  '2 da tarde',
  '15h',
  'nenhuma',
  'qualquer uma',
  'não',
  '',
  'a segunda ou a terceira',
  'tenho 2 filhos',
  '1.5',
  '-',
])('reads no choice in %j', (text) => {
  expect(readChoice(text, 4)).toBeUndefined();
});

it('is never one that is not there, whatever the text', () => {
  const words = fc.array(fc.constantFrom('2', 'a', 'última', 'segunda', '12', 'opção', 'one', 'penúltima'), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        words.map((all) => all.join(' ')),
      ),
      fc.integer({ min: 0, max: 12 }),
      (text, count) => {
        const choice = readChoice(text, count) ?? 1;
        expect(choice).toBeGreaterThanOrEqual(1);
        expect(choice).toBeLessThanOrEqual(Math.max(count, 1));
      },
    ),
    { numRuns: 200 },
  );
});
