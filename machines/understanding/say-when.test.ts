import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sayDay, sayShortly, sayTime, sayWhen } from './say-when.ts';
import { readWhen } from './when.ts';

const timeZone = 'America/Sao_Paulo';
const at = (local: string): number => Temporal.ZonedDateTime.from(`${local}[${timeZone}]`).epochMilliseconds;
const ptBr = { timeZone, locale: 'pt-BR' };
const en = { timeZone, locale: 'en' };
const es = { timeZone, locale: 'es' };
const start = at('2025-03-13T15:00');

it('tells an instant with weekday, date and time, in words of each language', () => {
  expect(sayWhen(start, ptBr)).toBe('quinta-feira, 13 de março de 2025, às 15h');
  expect(sayWhen(start, en)).toBe('Thursday, 13 March 2025, at 15:00');
  expect(sayWhen(start, es)).toBe('jueves, 13 de marzo de 2025, a las 15:00');
  expect(sayWhen(at('2025-05-01T13:05'), ptBr)).toBe('quinta-feira, 1º de maio de 2025, às 13h05');
  expect(sayWhen(at('2025-05-01T01:00'), ptBr)).toBe('quinta-feira, 1º de maio de 2025, à 1h');
  expect(sayWhen(at('2025-05-01T01:00'), es)).toBe('jueves, 1 de mayo de 2025, a la 01:00');
});

it('tells it in the zone of the person', () => {
  expect(sayWhen(start, { ...ptBr, timeZone: 'America/Rio_Branco' })).toContain('às 13h');
  expect(sayWhen(start, { ...ptBr, timeZone: 'America/Noronha' })).toContain('às 16h');
  expect(sayWhen(start, { ...ptBr, timeZone: 'Nowhere/At_All' })).toContain('às 15h');
});

it('tells what was read as it was said', () => {
  const now = at('2025-03-12T10:30');
  const back = (said: string): string => {
    const reading = readWhen(said, { now, ...ptBr });
    return reading.kind === 'sure'
      ? sayWhen(reading.interval, { ...ptBr, precision: reading.precision })
      : reading.kind;
  };
  expect(back('sexta 15h')).toBe('sexta-feira, 14 de março de 2025, às 15h');
  expect(back('amanhã à tarde')).toBe('quinta-feira, 13 de março de 2025, à tarde');
  expect(back('sexta entre 14 e 16h')).toBe('sexta-feira, 14 de março de 2025, das 14h às 16h');
  expect(back('sexta depois das 17h')).toBe('sexta-feira, 14 de março de 2025, a partir das 17h');
  expect(back('sexta antes do meio-dia')).toBe('sexta-feira, 14 de março de 2025, até as 12h');
  expect(back('dia 20')).toBe('quinta-feira, 20 de março de 2025');
  expect(back('fim de semana')).toBe('de sábado, 15 de março de 2025 a domingo, 16 de março de 2025');
  expect(back('semana que vem')).toBe('semana de segunda-feira, 17 de março de 2025 a domingo, 23 de março de 2025');
  expect(back('mês que vem')).toBe('abril de 2025');
});

it('tells days as days where no precision was asked for', () => {
  expect(sayWhen({ from: at('2025-03-13T00:00'), to: at('2025-03-14T00:00') }, ptBr)).toBe(
    'quinta-feira, 13 de março de 2025',
  );
  expect(sayWhen({ from: start, to: at('2025-03-13T17:30') }, en)).toBe('Thursday, 13 March 2025, from 15:00 to 17:30');
});

it('has short forms for lists', () => {
  expect([sayDay(start, ptBr), sayTime(start, ptBr), sayShortly(start, ptBr)]).toEqual([
    'qui 13/03',
    '15h00',
    'qui 13/03 15h00',
  ]);
  expect(sayShortly(start, en)).toBe('Thu 13 Mar 15:00');
  expect(sayShortly(start, es)).toBe('jue 13/03 15:00');
});

it('is short enough for buttons, and says back what it is told', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000 }), fc.constantFrom('pt-BR', 'es', 'en'), (minutes, locale) => {
      const instant = at('2024-01-01T00:00') + minutes * 60_000;
      expect(sayShortly(instant, { timeZone, locale }).length).toBeLessThanOrEqual(20);
      const said = sayWhen(instant, { timeZone, locale });
      const read = readWhen(said, { now: at('2024-01-01T00:00'), timeZone, locale });
      // Where a time may be of the morning or the evening, it is among the candidates.
      const from =
        read.kind === 'sure'
          ? [read.interval.from]
          : read.kind === 'ambiguous'
            ? read.candidates.map(({ interval }) => interval.from)
            : [];
      expect(from, said).toContain(instant);
    }),
    { numRuns: 100 },
  );
});
