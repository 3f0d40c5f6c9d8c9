/** Days and times put into words, with our own names of days and months: what is read back to a person. */
import { knownTimeZone } from './time-zone.ts';
import { type WhenSpeech, whenSpeechOf } from './words/speech.ts';
import type { Interval, Precision } from './when.ts';

/** In which zone and language a time is told. */
export interface Telling {
  /** IANA; an unknown one is taken for America/Sao_Paulo. */
  readonly timeZone: string;
  /** BCP 47: pt-BR, en, es; others are told in pt-BR. */
  readonly locale: string;
}

/**
 * A time in full: "quinta-feira, 13 de março de 2025, às 15h". An instant is told to the minute, an
 * interval without `precision` as one from its start to its end; a span of hours as "das 14h às 16h".
 */
export function sayWhen(when: Interval | number, how: Telling & { readonly precision?: Precision }): string {
  const speech = whenSpeechOf(how.locale);
  const interval = typeof when === 'number' ? { from: when, to: when + minuteMs } : when;
  const from = localOf(interval.from, how);
  const to = localOf(interval.to, how);
  switch (how.precision ?? inferred(from, to, interval)) {
    case 'minute':
    case 'hour':
      return speech.dayAnd(dayIn(from, speech), hoursIn(from, to, interval, how.precision, speech));
    case 'part-of-day':
      return speech.dayAnd(dayIn(from, speech), partIn(from, to, interval, speech));
    case 'day':
      return daysIn(from, to, speech);
    case 'week':
      return speech.weekOf(daysIn(from, to, speech));
    case 'month':
      return speech.month(speech.months[from.month - 1] ?? '', from.year);
  }
}

const minuteMs = 60_000;
const hourMs = 3_600_000;

const localOf = (at: number, { timeZone }: Telling): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(knownTimeZone(timeZone));

const isMidnight = (local: Temporal.ZonedDateTime): boolean => local.startOfDay().equals(local);

function inferred(from: Temporal.ZonedDateTime, to: Temporal.ZonedDateTime, interval: Interval): Precision {
  const isDays = isMidnight(from) && isMidnight(to) && interval.to - interval.from > hourMs;
  return isDays ? 'day' : 'minute';
}

const weekdayOf = (local: Temporal.ZonedDateTime, names: readonly string[]): string => names[local.dayOfWeek - 1] ?? '';

const dayIn = (local: Temporal.ZonedDateTime, speech: WhenSpeech): string =>
  speech.day(weekdayOf(local, speech.weekdays), local.day, speech.months[local.month - 1] ?? '', local.year);

function hoursIn(
  from: Temporal.ZonedDateTime,
  to: Temporal.ZonedDateTime,
  { from: start, to: end }: Interval,
  precision: Precision | undefined,
  speech: WhenSpeech,
): string {
  const isStart = end - start === (precision === 'minute' ? minuteMs : hourMs) || end - start <= minuteMs;
  if (isStart) return speech.at(from.hour, from.minute);
  if (isMidnight(to)) return isMidnight(from) ? speech.allDay : speech.from(from.hour, from.minute);
  return isMidnight(from)
    ? speech.until(to.hour, to.minute)
    : speech.between([from.hour, from.minute], [to.hour, to.minute]);
}

function partIn(
  from: Temporal.ZonedDateTime,
  to: Temporal.ZonedDateTime,
  interval: Interval,
  speech: WhenSpeech,
): string {
  const hours = `${from.hour}-${isMidnight(to) ? 24 : to.hour}`;
  return speech.parts[hours] ?? hoursIn(from, to, interval, undefined, speech);
}

/** One day, or the first and the last of several. */
function daysIn(from: Temporal.ZonedDateTime, to: Temporal.ZonedDateTime, speech: WhenSpeech): string {
  const last = isMidnight(to) ? to.subtract({ days: 1 }) : to;
  const isOne = last.toPlainDate().equals(from.toPlainDate());
  return isOne || last.epochMilliseconds < from.epochMilliseconds
    ? dayIn(from, speech)
    : speech.days(dayIn(from, speech), dayIn(last, speech));
}

const two = (value: number): string => value.toString().padStart(2, '0');

/** A day for lists and buttons: "qui 13/03"; 10 characters at most. */
export function sayDay(at: number, how: Telling): string {
  const local = localOf(at, how);
  const speech = whenSpeechOf(how.locale);
  return `${weekdayOf(local, speech.weekdaysShort)} ${speech.shortDay(local.day, local.month)}`;
}

/** A time of day for lists and buttons: "15h00", in other languages "15:00"; 5 characters. */
export function sayTime(at: number, how: Telling): string {
  const local = localOf(at, how);
  return `${two(local.hour)}${whenSpeechOf(how.locale).hourMark}${two(local.minute)}`;
}

/** Day and time for lists and buttons: "qui 13/03 15h00"; 16 characters at most. */
export const sayShortly = (at: number, how: Telling): string => `${sayDay(at, how)} ${sayTime(at, how)}`;
