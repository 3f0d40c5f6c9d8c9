import { expect, it } from 'vitest';

import { saysMinor } from './minor.ts';

it.each([
  'tenho 15 anos',
  'oi, eu tenho só 12 anos',
  'Tenho 17 anos, posso marcar?',
  'sou menor de idade',
  'eu sou de menor',
  'tengo 16 años',
  'soy menor de edad',
  "I'm 14 years old",
  'I am a minor',
])('%j is said by a minor', (text) => {
  expect(saysMinor(text)).toBe(true);
});

it.each([
  'tenho 18 anos',
  'tenho 35 anos',
  'tenho 15 anos de profissão',
  'meu filho tem 10 anos',
  'quero marcar para minha filha de 8 anos',
  'qual é o menor preço?',
  'sou maior de idade',
  'tenho 2 consultas',
  'I am 30 years old',
  'I have 2 children',
])('%j is not', (text) => {
  expect(saysMinor(text)).toBe(false);
});
