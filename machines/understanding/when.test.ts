/** Reading a time whatever the text, the zone and the moment. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textLengthMax } from '../conversation/lexicon.ts';
import { notationOf } from './testing/when-notation.ts';
import { type WhenContext, type WhenReading, narrowWhen, readWhen } from './when.ts';

const runs = Number(process.env['PROSA_WHEN_RUNS'] ?? '150');
const timeoutMs = 30_000 + 10 * runs;

const at = (local: string, timeZone: string, more: Partial<WhenContext> = {}): WhenContext => ({
  now: Temporal.ZonedDateTime.from(`${local}[${timeZone}]`).epochMilliseconds,
  timeZone,
  locale: 'pt-BR',
  ...more,
});
const wednesday = at('2025-03-12T10:30', 'America/Sao_Paulo');
const read = (said: string, context: WhenContext = wednesday): string =>
  notationOf(readWhen(said, context), context.timeZone);
const sure = (reading: WhenReading) => {
  if (reading.kind !== 'sure') throw new Error(`is ${reading.kind}`);
  return reading;
};

describe('what is sure', () => {
  it('has the instants of the zone', () => {
    const reading = sure(readWhen('sexta às 15h', wednesday));
    expect(new Date(reading.interval.from).toISOString()).toBe('2025-03-14T18:00:00.000Z');
    expect(new Date(reading.interval.to).toISOString()).toBe('2025-03-14T19:00:00.000Z');
    expect(reading).toMatchObject({ precision: 'hour', consumed: 'sexta às 15h', rest: '', dayAssumed: false });
  });

  it('says what it was read from, and what was left', () => {
    const reading = sure(readWhen('Boa tarde! Quero marcar\npara a sexta, 15h, com a Dra. Ana', wednesday));
    expect(reading.consumed).toBe('para a sexta, 15h');
    expect(reading.rest).toBe('Boa tarde! Quero marcar , com a Dra. Ana');
  });

  it('takes a time without a day for the day that is talked of, or says that it took today', () => {
    const about = at('2025-03-20T00:00', 'America/Sao_Paulo').now;
    expect(readWhen('às 15h', { ...wednesday, about })).toMatchObject({ kind: 'sure', dayAssumed: true });
    expect(read('às 15h', { ...wednesday, about })).toBe('03-20 15h');
    expect(read('às 9', { ...wednesday, about })).toBe('03-20 9h | 03-20 21h');
    expect(read('sexta às 15h', { ...wednesday, about })).toBe('03-14 15h');
    expect(readWhen('às 15h', wednesday)).toMatchObject({ kind: 'sure', dayAssumed: true });
  });

  it('is the same in whatever order it is said', () => {
    const days = ['sexta', 'amanhã', 'dia 20', '20/03', 'terça da semana que vem', '5 de maio', 'daqui a 3 dias'];
    const times = ['15h', 'às 15h30', '3 da tarde', 'à tarde', 'depois das 17h', 'entre 14 e 16h', 'meio-dia', 'às 3'];
    for (const day of days)
      for (const time of times) {
        expect(read(`${time} ${day}`), `${time} ${day}`).toBe(read(`${day} ${time}`));
        expect(read(`${day}, ${time}`), `${day}, ${time}`).toBe(read(`${day} ${time}`));
      }
  });
});

describe('what is over', () => {
  it('is told with the next time that it is true, where there is one', () => {
    const reading = readWhen('dia 5', wednesday);
    expect(reading).toMatchObject({ kind: 'past', precision: 'day' });
    const next = reading.kind === 'past' ? reading.next : undefined;
    expect(next?.from).toBe(at('2025-04-05T00:00', 'America/Sao_Paulo').now);
    expect(readWhen('ontem', wednesday)).not.toHaveProperty('next');
  });

  it('is not what has only begun, unless it is a start', () => {
    expect(read('hoje')).toBe('03-12');
    expect(read('entre 10 e 12h')).toBe('03-12 10:00-12:00');
    expect(read('hoje às 10:30')).toBe('03-12 10:30');
    expect(read('hoje às 10:29')).toBe('past 03-12 10:29');
  });

  it('is the next year or month where it has long been over', () => {
    const december = at('2025-12-20T12:00', 'America/Sao_Paulo');
    expect(read('15 de janeiro', december)).toBe('2026-01-15');
    expect(read('05/01 às 9h', december)).toBe('2026-01-05 9h');
    expect(read('em março', december)).toBe('month 2026-03');
    expect(read('dia 2', at('2025-03-31T12:00', 'America/Sao_Paulo'))).toBe('04-02');
    expect(read('19/12', december)).toBe('past 12-19');
  });
});

describe('days of the week', () => {
  it('are those of the week that is meant, whatever today is', () => {
    const friday = at('2025-03-14T10:00', 'America/Sao_Paulo');
    expect(read('sexta', friday)).toBe('03-14 | 03-21');
    expect(read('sexta às 9h', friday)).toBe('03-21 9h');
    expect(read('sexta às 11h', friday)).toBe('03-14 11h | 03-21 11h');
    expect(read('sexta que vem', friday)).toBe('03-21');
    expect(read('segunda que vem', friday)).toBe('03-17');
    const sunday = at('2025-03-16T10:00', 'America/Sao_Paulo');
    expect(read('semana que vem', sunday)).toBe('week 03-17 | week 03-24');
    expect(read('segunda', sunday)).toBe('03-17');
    expect(read('quarta que vem', sunday)).toBe('03-19 | 03-26');
  });

  it('never contradict the date beside them', () => {
    expect(read('quinta, 20/03')).toBe('03-20');
    expect(read('sexta, 20/03')).toBe('?');
    expect(read('amanhã, quinta')).toBe('03-13');
    expect(read('amanhã, sexta')).toBe('?');
  });
});

describe('time zones', () => {
  it('make today another day', () => {
    // The same instant: 23:30 on Noronha, 20:30 in Rio Branco.
    const late = at('2025-03-12T23:30', 'America/Noronha');
    expect(read('amanhã às 15h', late)).toBe('03-13 15h');
    expect(read('amanhã às 15h', { ...late, timeZone: 'America/Rio_Branco' })).toBe('03-13 15h');
    const later = at('2025-03-13T00:30', 'America/Noronha');
    expect(read('amanhã às 15h', later)).toBe('03-14 15h');
    expect(read('amanhã às 15h', { ...later, timeZone: 'America/Rio_Branco' })).toBe('03-13 15h');
    const reading = sure(readWhen('amanhã às 15h', { ...later, timeZone: 'America/Rio_Branco' }));
    expect(new Date(reading.interval.from).toISOString()).toBe('2025-03-13T20:00:00.000Z');
  });

  it('whose clocks go forward have hours that are not, and days of 23', () => {
    const newYork = at('2025-03-08T12:00', 'America/New_York');
    expect(read('amanhã às 2h30 da manhã', newYork)).toBe('?');
    expect(read('amanhã às 3h30 da manhã', newYork)).toBe('03-09 03:30');
    const { interval } = sure(readWhen('amanhã', newYork));
    expect(interval.to - interval.from).toBe(23 * 3_600_000);
    // Where midnight itself was left out, the day began at one.
    const saoPaulo = at('2018-11-03T12:00', 'America/Sao_Paulo');
    expect(sure(readWhen('amanhã', saoPaulo)).interval.from).toBe(at('2018-11-04T01:00', 'America/Sao_Paulo').now);
  });

  it('whose clocks go back have hours twice: which one is asked', () => {
    const newYork = at('2025-11-01T12:00', 'America/New_York');
    const reading = readWhen('amanhã à 1h30 da manhã', newYork);
    expect(reading).toMatchObject({ kind: 'ambiguous', consumed: 'amanhã à 1h30 da manhã' });
    const [first, second] = reading.kind === 'ambiguous' ? reading.candidates : [];
    expect((second?.interval.from ?? 0) - (first?.interval.from ?? 0)).toBe(3_600_000);
  });

  it('that are unknown are Brasília’s', () => {
    const unknown = { ...wednesday, timeZone: 'Nowhere/At_All' };
    expect(readWhen('sexta às 15h', unknown)).toEqual(readWhen('sexta às 15h', wednesday));
  });
});

describe('narrowing', () => {
  const isOpen = ({ interval }: { interval: { from: number } }): boolean => {
    const { hour } = Temporal.Instant.fromEpochMilliseconds(interval.from).toZonedDateTimeISO(wednesday.timeZone);
    return hour >= 8 && hour < 18;
  };

  it('is sure where one candidate fits, and changes nothing where none does', () => {
    const reading = readWhen('quinta às 3', wednesday);
    expect(notationOf(narrowWhen(reading, isOpen), wednesday.timeZone)).toBe('03-13 15h');
    expect(narrowWhen(reading, () => false)).toBe(reading);
    expect(narrowWhen(reading, () => true)).toEqual(reading);
    const certain = readWhen('sexta às 23h', wednesday);
    expect(narrowWhen(certain, isOpen)).toBe(certain);
  });
});

// ------------------------------------------------------------------ any text

const pieces = [
  ...'sexta quinta-feira amanhã hoje 15h 15:30 às 3 7 e meia da tarde de manhã dia 15 31 15/03 30/02 que vem'.split(
    ' ',
  ),
  ...'semana mês daqui a 2 dias em 30 minutos depois das antes entre ou não próxima meia noite março / : - , . \n'.split(
    ' ',
  ),
  ...'friday at 3pm half past tomorrow mañana a las y media pasado viernes 99 2025 0 segunda primeiro'.split(' '),
];
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((words) => words.join(' ')),
  fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((words) => words.join('')),
);
const anyContext = fc.record({
  now: fc.integer({ min: 1_500_000_000_000, max: 2_000_000_000_000 }),
  timeZone: fc.constantFrom('America/Sao_Paulo', 'America/Noronha', 'America/New_York', 'Australia/Lord_Howe'),
  locale: fc.constantFrom('pt-BR', 'en', 'es'),
});
const characters = (text: string): string => Array.from(text.replace(/\s/gu, '')).sort().join('');

describe('any text', () => {
  it(
    'is read without throwing, into intervals ahead of now, accounting for every character',
    () => {
      fc.assert(
        fc.property(anyText, anyContext, (text, context) => {
          const reading = readWhen(text, context);
          expect(readWhen(text, context)).toEqual(reading);
          if (reading.kind === 'none') return;
          expect(reading.consumed).not.toBe('');
          expect(characters(reading.consumed + reading.rest)).toBe(characters(text));
          if (reading.kind === 'unread') return;
          const candidates = reading.kind === 'ambiguous' ? reading.candidates : [reading];
          for (const { interval } of candidates) {
            expect(interval.from).toBeLessThan(interval.to);
            if (reading.kind !== 'past') expect(interval.to).toBeGreaterThan(context.now);
          }
          if (reading.kind !== 'ambiguous') return;
          expect(candidates.length).toBeGreaterThan(1);
          expect(candidates.length).toBeLessThan(5);
        }),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );

  it('is read no further than the bound, and never sure beyond it', () => {
    for (const piece of ['sexta 15h ', '1', 'às 3 e ', '15/03/', '(('])
      for (const length of [textLengthMax + 1, 100_000]) {
        const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
        expect(['none', 'unread']).toContain(readWhen(text, wednesday).kind);
      }
    const far = `${'a '.repeat(600)}sexta às 15h`;
    expect(readWhen(far, wednesday)).toEqual({ kind: 'none' });
    expect(readWhen(`sexta às 15h ${'a '.repeat(50_000)}`, wednesday).kind).toBe('unread');
  });
});
