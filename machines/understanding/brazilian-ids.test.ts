import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsCpf, maskCnpj, maskCpf, readCnpj, readCpf, redactIds } from './brazilian-ids.ts';

const cpf = '52998224725';
const cnpj = '11222333000181';
/** The example of the Receita Federal's manual for the new form. */
const lettered = '12ABC34501DE35';

describe('a CPF', () => {
  it.each([
    '529.982.247-25',
    cpf,
    ' 529 982 247 25 ',
    'meu cpf é 529.982.247-25, ok?',
    'cpf:52998224725',
    'cpf52998224725',
    '５２９.982.247-25',
    '52998224725 11999990001',
  ])('is read in %j', (text) => {
    expect(readCpf(text)).toEqual({ kind: 'ok', digits: cpf });
  });

  it.each([
    ['529.982.247-26', 'check-digits'],
    ['111.111.111-11', 'repeated'],
    ['529982247', 'length'],
    ['123', 'length'],
    ['cpf 1234', 'length'],
    ['11.222.333/0001-81', 'length'],
    ['abc529.982.247-25', 'length'],
  ])('is not %j: %s', (text, reason) => {
    expect(readCpf(text)).toEqual({ kind: 'invalid', reason });
  });

  it.each(['não tenho', 'sexta às 15h', '', 'tenho 30 anos'])('is not tried in %j', (text) => {
    expect(readCpf(text)).toEqual({ kind: 'none' });
  });
});

describe('a CNPJ', () => {
  it.each([
    ['11.222.333/0001-81', cnpj],
    ['o da firma é 11222333000181', cnpj],
    ['12.ABC.345/01DE-35', lettered],
    ['cnpj 12abc34501de35', lettered],
  ])('is read in %j', (text, digits) => {
    expect(readCnpj(text)).toEqual({ kind: 'ok', digits });
  });

  it.each([
    ['11.222.333/0001-82', 'check-digits'],
    ['12.ABC.345/01DE-36', 'check-digits'],
    ['00.000.000/0000-00', 'repeated'],
    [cpf, 'length'],
  ])('is not %j: %s', (text, reason) => {
    expect(readCnpj(text)).toEqual({ kind: 'invalid', reason });
  });
});

describe('output', () => {
  it('shows what cannot be told from many others', () => {
    expect(maskCpf(cpf)).toBe('***.982.247-**');
    expect(maskCpf('529')).toBe('***.***.***-**');
    expect(maskCnpj(lettered)).toBe('12.***.***/01DE-**');
    expect(maskCnpj('x')).toBe('**.***.***/****-**');
  });

  it.each([
    ['O CPF 529.982.247-25 e o CNPJ 11.222.333/0001-81.', 'O CPF ***.982.247-** e o CNPJ 11.***.***/0001-**.'],
    ['5 2 9 9 8 2 2 4 7 2 5', '***.982.247-**'],
    ['529-982-247-25', '***.982.247-**'],
    ['529\u200b98224725', '***.982.247-**'],
    ['٥٢٩٩٨٢٢٤٧٢٥', '***.982.247-**'],
    ['12.ABC.345/01DE-35 ok', '12.***.***/01DE-** ok'],
  ])('has no whole number left of %j', (text, redacted) => {
    expect(containsCpf(text)).toBe(true);
    expect(redactIds(text)).toBe(redacted);
    expect(containsCpf(redacted)).toBe(false);
  });

  it.each([
    '+55 11 99999-0001',
    '(11) 99999-0001',
    'sexta, 14/03/2025, às 15h30',
    'R$ 1.234,56',
    '52998224726',
    '1'.repeat(11),
  ])('leaves %j alone', (text) => {
    expect(containsCpf(text)).toBe(false);
    expect(redactIds(text)).toBe(text);
  });
});

/** Check digits by the definition: a sum of products modulo 11, ten taken for nought. */
function withCheckDigits(body: string, weightsOf: (length: number) => readonly number[]): string {
  let whole = body;
  for (let round = 0; round < 2; round += 1) {
    const weights = weightsOf(whole.length);
    const sum = Array.from(whole).reduce(
      (total, place, index) => total + (place.charCodeAt(0) - 48) * (weights[index] ?? 0),
      0,
    );
    const digit = (sum * 10) % 11;
    whole += digit === 10 ? '0' : digit.toString();
  }
  return whole;
}
const cpfWeights = (length: number): readonly number[] => Array.from({ length }, (_, index) => length + 1 - index);
const cnpjWeights = (length: number): readonly number[] => [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2].slice(13 - length);
const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const isVaried = (body: string): boolean => new Set(body).size > 1;

it('is right for every number that is made by the rule, and for none with another check digit', () => {
  const body = (length: number, from: string) =>
    fc.string({ unit: fc.constantFrom(...Array.from(from)), minLength: length, maxLength: length }).filter(isVaried);
  const wrong = (digits: string): string => digits.slice(0, -1) + ((Number(digits.at(-1)) + 1) % 10).toString();
  fc.assert(
    fc.property(body(9, '0123456789'), body(12, letters), (person, firm) => {
      const made = withCheckDigits(person, cpfWeights);
      expect(readCpf(made)).toEqual({ kind: 'ok', digits: made });
      expect(readCpf(wrong(made)).kind).toBe('invalid');
      expect(containsCpf(`x ${made}.`)).toBe(true);
      const named = withCheckDigits(firm, cnpjWeights);
      expect(readCnpj(named)).toEqual({ kind: 'ok', digits: named });
      expect(readCnpj(wrong(named)).kind).not.toBe('ok');
    }),
    { numRuns: 200 },
  );
});

it('never throws, and redacts until nothing is left to redact', () => {
  const piece = fc.constantFrom(cpf, '529.982.247-25', cnpj, lettered, ' ', '-', '.', '1', 'a', '\n', '11 99999-0001');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (text) => {
        expect(containsCpf(text)).toBe(redactIds(text) !== text);
        readCpf(text);
        readCnpj(text);
      },
    ),
    { numRuns: 200 },
  );
  expect(redactIds('5 '.repeat(50_000))).toContain('5');
});
