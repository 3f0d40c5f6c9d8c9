import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readCity, readState } from './places.ts';

it.each([
  ['sp', 'SP'],
  ['SP', 'SP'],
  ['São Paulo', 'SP'],
  ['sao paulo', 'SP'],
  ['Ceara', 'CE'],
  ['Espírito Santo!', 'ES'],
  ['estado de Minas', 'MG'],
  ['Minas Gerais (MG)', 'MG'],
  ['moro no Rio Grande do Sul', 'RS'],
  ['sou da Bahia', 'BA'],
  ['Para', 'PA'],
  ['df', 'DF'],
  ['Brasília', 'DF'],
  ['mato grosso do sul', 'MS'],
  ['Acre, Brasil', 'AC'],
])('reads the state in %j', (text, state) => {
  expect(readState(text)).toBe(state);
});

it.each(['rio grande', 'Xanadu', 'não sei', '', 'SP ou RJ', 'quero marcar'])('reads no state in %j', (text) => {
  expect(readState(text)).toBeUndefined();
});

it('knows 27 codes', () => {
  const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
  const codes = letters.flatMap((one) => letters.map((other) => one + other));
  expect(codes.filter((code) => readState(code) === code)).toHaveLength(27);
});

it.each([
  ['São Paulo - SP', 'São Paulo', 'SP'],
  ['sp capital', 'São Paulo', 'SP'],
  ['capital de Minas Gerais', 'Belo Horizonte', 'MG'],
  ['moro em santos/sp', 'Santos', 'SP'],
  ['SANTOS SP', 'Santos', 'SP'],
  ['Santos (SP)', 'Santos', 'SP'],
  ['Santos, SP, Brasil', 'Santos', 'SP'],
  ['Feira de Santana, Bahia', 'Feira de Santana', 'BA'],
  ['mogi-guaçu-sp', 'Mogi-Guaçu', 'SP'],
  ['bh', 'Belo Horizonte', 'MG'],
  ['Rio', 'Rio de Janeiro', 'RJ'],
])('reads city and state in %j', (text, city, state) => {
  expect(readCity(text)).toEqual({ city, state });
});

it.each([
  ['são josé dos campos', 'São José dos Campos'],
  ['RIO DE JANEIRO', 'Rio de Janeiro'],
  ['eu moro em curitiba', 'Curitiba'],
  ['curitiba capital', 'Curitiba'],
  ["santa bárbara d'oeste", "Santa Bárbara D'Oeste"],
  ['Mogi-Guaçu', 'Mogi-Guaçu'],
])('reads the city in %j', (text, city) => {
  expect(readCity(text)).toEqual({ city });
});

it('reads a state alone as that', () => {
  expect(readCity('SP')).toEqual({ state: 'SP' });
});

it.each(['não sei', 'ok', '123', '', 'capital', 'quero marcar', 'https://x.y', 'a'.repeat(100), '👍', 'Santos?'])(
  'reads no place in %j',
  (text) => {
    expect(readCity(text)).toBeUndefined();
  },
);

it('reads back what it has read, bounded, and never throws', () => {
  const words = fc.array(
    fc.constantFrom('são', 'Paulo', 'sp', 'RJ', '-', ',', '/', 'de', 'moro', 'em', '(', 'capital'),
    {
      maxLength: 10,
    },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        words.map((all) => all.join(' ')),
      ),
      (text) => {
        readState(text);
        const { city, state } = readCity(text) ?? {};
        if (city !== undefined) expect(city.length).toBeLessThanOrEqual(80);
        if (state !== undefined) expect(readState(state)).toBe(state);
      },
    ),
    { numRuns: 200 },
  );
});
