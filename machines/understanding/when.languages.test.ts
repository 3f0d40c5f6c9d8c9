/** What everyday phrases say about when, in English and Spanish, and what must not be guessed. */
import { expect, it } from 'vitest';
import { notationOf } from './testing/when-notation.ts';
import { readWhen } from './when.ts';

const timeZone = 'America/Sao_Paulo';
/** A Wednesday, half past ten in the morning. */
const now = Temporal.ZonedDateTime.from(`2025-03-12T10:30[${timeZone}]`).epochMilliseconds;

/** Phrase => reading, in the notation of testing/when-notation.ts. */
const english = `
  3pm => 03-12 15h
  3 pm => 03-12 15h
  at 3 p.m. => 03-12 15h
  at 3 => 03-12 15h | 03-13 3h
  3 o'clock => 03-12 15h | 03-13 3h
  15:30 => 03-12 15:30
  10:30 am => 03-12 10:30
  half past three => 03-12 15:30 | 03-13 03:30
  quarter to eight => 03-13 07:45 | 03-12 19:45
  ten to five => 03-12 16:50 | 03-13 04:50
  noon => 03-12 12:00
  midnight => 03-13 00:00
  today => 03-12
  tomorrow => 03-13
  tomorrow at 3pm => 03-13 15h
  tomorrow morning => 03-13 06:00-12:00
  tomorrow night => 03-13 18:00-24:00
  the day after tomorrow => 03-14
  friday => 03-14
  on Friday at 4pm => 03-14 16h
  next friday => 03-14 | 03-21
  this friday => 03-14
  last friday => past 03-07
  friday next week => 03-21
  next week => week 03-17
  any day next week => week 03-17
  next month => month 2025-04
  in 2 days => 03-14
  in 30 minutes => 03-12 11:00
  in half an hour => 03-12 11:00
  two weeks from now => 03-26
  3 days ago => past 03-09
  march 15 => 03-15
  March 15th at 3pm => 03-15 15h
  the 15th => 03-15
  15 March 2025 => 03-15
  5/4 => 04-05 | 05-04
  3/15 => 03-15
  15/3 => 03-15
  May 5th => 05-05
  may I come on friday => 03-14
  in May => month 2025-05
  between 2 and 4pm => 03-12 14:00-16:00
  from 9 to 11 am => 03-12 09:00-11:00
  after 5pm => 03-12 17:00-24:00
  before noon => 03-12 00:00-12:00
  this afternoon => 03-12 12:00-18:00
  tonight => 03-12 18:00-24:00
  can't do friday => ?
  not friday => ?
  friday or saturday => 03-14 | 03-15
  friday at 3 or 4pm => 03-14 15h | 03-14 16h
  good morning => -
  every friday => ?
  sometime later => ?
  this weekend => 03-15..03-16
  next weekend => 03-15..03-16 | 03-22..03-23
  I have 2 kids => -
  24/7 => -
  2-4pm => 03-12 14:00-16:00
  5 to 6pm => 03-12 17:00-18:00
  first of may => 05-01
  friday the 14th at 9 => 03-14 9h | 03-14 21h
  yesterday => past 03-11
  now => 03-12 10:30
  by friday => ?
  sat 10am => 03-15 10h
  Friday 3pm please => 03-14 15h
  no problem, friday works => 03-14
  Monday morning => 03-17 06:00-12:00
  next Tuesday at 9am => 03-18 9h
  wednesday at noon => 03-12 12:00 | 03-19 12:00
  5:30 pm => 03-12 17:30
`;

const spanish = `
  a las 3 => 03-12 15h | 03-13 3h
  a las 15h => 03-12 15h
  las 3 de la tarde => 03-12 15h
  a las 7 y media => 03-13 07:30 | 03-12 19:30
  ocho menos cuarto => 03-13 07:45 | 03-12 19:45
  a las nueve y cuarto => 03-13 09:15 | 03-12 21:15
  mediodía => 03-12 12:00
  a medianoche => 03-13 00:00
  hoy => 03-12
  mañana => 03-13
  mañana por la mañana => 03-13 06:00-12:00
  mañana a las 15h => 03-13 15h
  mañana a la tarde => 03-13 12:00-20:00
  pasado mañana => 03-14
  el viernes => 03-14
  viernes a las 16h => 03-14 16h
  el viernes que viene => 03-14 | 03-21
  el próximo viernes => 03-14 | 03-21
  este viernes => 03-14
  el viernes pasado => past 03-07
  la semana que viene => week 03-17
  la próxima semana => week 03-17
  el mes que viene => month 2025-04
  el 15 de marzo => 03-15
  15 de marzo de 2025 a las 10:30 => 03-15 10:30
  primero de mayo => 05-01
  15/03 => 03-15
  15/03/2025 => 03-15
  en 30 minutos => 03-12 11:00
  dentro de 2 días => 03-14
  en media hora => 03-12 11:00
  hace 3 días => past 03-09
  entre las 14 y las 16h => 03-12 14:00-16:00
  de 9 a 11 de la mañana => 03-12 09:00-11:00
  después de las 17h => 03-12 17:00-24:00
  antes del mediodía => 03-12 00:00-12:00
  hasta las 11h => 03-12 00:00-11:00
  por la tarde => 03-12 12:00-20:00
  esta noche => 03-12 20:00-24:00
  no puedo el viernes => ?
  viernes o sábado => 03-14 | 03-15
  buenos días => -
  buenas tardes, quiero una cita el viernes a las 15h => 03-14 15h
  el lunes a las 10 de la mañana => 03-17 10h
  a la una de la tarde => 03-12 13h
  el fin de semana => 03-15..03-16
  ayer => past 03-11
  ahora => 03-12 10:30
  todos los viernes => ?
  más tarde => ?
  el día 20 => 03-20
  el 20 => 03-20
  3 pm => 03-12 15h
  quiero mañana viernes => ?
  el martes a las 9 de la mañana => 03-18 9h
  el 3 de abril a las 16h => 04-03 16h
  a las 10 am => past 03-12 10h
`;

it.each(
  english
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' => ')),
)('reads %j as %s', (said = '', expected) => {
  expect(notationOf(readWhen(said, { now, timeZone, locale: 'en' }), timeZone)).toBe(expected);
});

it.each(
  spanish
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' => ')),
)('reads %j as %s', (said = '', expected) => {
  expect(notationOf(readWhen(said, { now, timeZone, locale: 'es' }), timeZone)).toBe(expected);
});
