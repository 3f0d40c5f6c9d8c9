/**
 * From phrases to intervals: which days and which hours they can mean, on the calendar of a time zone.
 *
 * A time that a clock change leaves out is nothing; one that it repeats is two.
 */
import { type Hours, hoursOf } from './when-hours.ts';
import type { Captures } from './when-patterns.ts';
import { type Piece, type PieceOf, piecesOf } from './when-pieces.ts';
import type { Interval, Precision, WhenCandidate } from './when.ts';
import type { WhenWords } from './when-words.ts';

/** Where the reckoning starts. */
export interface Reckoning {
  readonly now: number;
  readonly timeZone: string;
  readonly words: WhenWords;
  /** The day of a time that is said without one; absent if it is today's or the next. */
  readonly about: Temporal.PlainDate | undefined;
}

/** A candidate that may be over. */
export interface DatedCandidate extends WhenCandidate {
  readonly isPast: boolean;
}

/** What pieces that belong together can mean. */
export interface Reckoned {
  readonly candidates: readonly DatedCandidate[];
  readonly saysDay: boolean;
  readonly saysTime: boolean;
}

/** Days one after the other; `to` is the first that is no longer one of them. */
interface Days {
  readonly from: Temporal.PlainDate;
  readonly to: Temporal.PlainDate;
  readonly precision: Precision;
}

const dayMinutes = 1440;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Furthest that a text reaches, so that the calendar never ends. */
const reachDays = 3700;
/** From here on a date that has passed this year is the next year's. */
const halfYearDays = 183;
const halfMonthDays = 15;

/**
 * What pieces without "or" mean together; undefined if they contradict each other, or leave open too
 * much. `later` asks for the next time that they are true.
 */
export function reckon(pieces: readonly Piece[], at: Reckoning, later = 0): Reckoned | undefined {
  const instants = [...piecesOf(pieces, 'now'), ...piecesOf(pieces, 'later').filter(isExact)];
  if (instants.length > 0) return pieces.length === 1 ? reckonedInstant(instants[0], at) : undefined;
  const hours = hoursOf(pieces);
  const days = daysOf(pieces, at, later);
  if (hours === undefined || days === undefined) return undefined;
  const saysDay = days !== 'unsaid';
  if (!saysDay && hours.length === 0) return undefined;
  const candidates = hours.length === 0 ? wholeDays(saysDay ? days : [], at) : timesOn(days, hours, at, later);
  return candidates === undefined || candidates.length === 0
    ? undefined
    : { candidates, saysDay, saysTime: hours.length > 0 };
}

const isExact = ({ meaning, captures }: PieceOf<'later'>): boolean =>
  /minutes|hours/u.test(meaning.unit ?? captures.unit ?? '');

function reckonedInstant(piece: Piece | undefined, { now }: Reckoning): Reckoned | undefined {
  const from = Math.floor(now / minuteMs) * minuteMs + (piece === undefined ? 0 : minutesOn(piece)) * minuteMs;
  const interval = { from, to: from + minuteMs };
  const isPast = interval.to <= now;
  return { candidates: [{ interval, precision: 'minute', isPast }], saysDay: true, saysTime: true };
}

function minutesOn({ meaning, captures }: Piece): number {
  if (meaning.is !== 'later') return 0;
  const unit = meaning.unit ?? captures.unit;
  const count = (meaning.n ?? captures.n ?? 0) * (unit === 'hours' ? 60 : 1);
  return (meaning.sign ?? 1) * (count + (meaning.plus ?? captures.minute ?? 0));
}

// ------------------------------------------------------------------------ days

/** Days that the pieces can mean; undefined if they contradict each other. */
function daysOf(pieces: readonly Piece[], at: Reckoning, later: number): readonly Days[] | 'unsaid' | undefined {
  const today = todayOf(at);
  const weekdays = piecesOf(pieces, 'weekday');
  const dates = piecesOf(pieces, 'date');
  const ranges = pieces.flatMap((piece) => {
    const days = rangeOf(piece, today, at, later);
    return days === undefined ? [] : [days];
  });
  const [range, ...others] = ranges;
  if (range === undefined) {
    if (dates.length > 0)
      return datesOf(dates, today, later).filter((days) => weekdays.every((piece) => isOn(piece, days)));
    const [weekday] = weekdays;
    if (weekday === undefined) return 'unsaid';
    const isOne = weekdays.every(({ captures }) => captures.weekday === weekday.captures.weekday);
    return isOne ? weekdaysOf(weekday, today) : undefined;
  }
  const common = others.reduce<readonly Days[]>((found, other) => found.flatMap((days) => overlap(days, other)), range);
  return common.flatMap((days) => daysIn(days, weekdays, dates));
}

const todayOf = ({ now, timeZone }: Reckoning): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();

const oneDay = (from: Temporal.PlainDate): Days => ({ from, to: from.add({ days: 1 }), precision: 'day' });
const compare = (one: Temporal.PlainDate, other: Temporal.PlainDate): number => Temporal.PlainDate.compare(one, other);

/** What is within the other, of two that overlap. */
function overlap(days: Days, others: readonly Days[]): readonly Days[] {
  return others.flatMap((other) => {
    const isInside = compare(days.from, other.from) >= 0 && compare(days.to, other.to) <= 0;
    if (isInside) return [days];
    return compare(other.from, days.from) >= 0 && compare(other.to, days.to) <= 0 ? [other] : [];
  });
}

/** The one day of a range that has that name and number; the range itself if none were said. */
function daysIn(
  range: Days,
  weekdays: readonly PieceOf<'weekday'>[],
  dates: readonly PieceOf<'date'>[],
): readonly Days[] {
  if (weekdays.length === 0 && dates.length === 0) return [range];
  const found: Days[] = [];
  for (let day = range.from; compare(day, range.to) < 0; day = day.add({ days: 1 })) {
    const days = oneDay(day);
    const isDate = dates.every(({ captures }) => isDateOf(captures, day));
    if (isDate && weekdays.every((piece) => isOn(piece, days))) found.push(days);
  }
  return found.length === 1 ? found : [];
}

const isOn = ({ captures }: Piece, { from }: Days): boolean => from.dayOfWeek === captures.weekday;

const isDateOf = ({ days, month, year }: Captures, date: Temporal.PlainDate): boolean =>
  days.includes(date.day) && (month ?? date.month) === date.month && (year ?? date.year) === date.year;

/** Days that a piece says by itself, but for weekdays and dates, which may only say which of others. */
function rangeOf(piece: Piece, today: Temporal.PlainDate, at: Reckoning, later: number): readonly Days[] | undefined {
  const { meaning, captures } = piece;
  switch (meaning.is) {
    case 'in-days':
      return [oneDay(today.add({ days: meaning.days }))];
    case 'part':
      return meaning.today === true ? [oneDay(today)] : undefined;
    case 'later':
      return laterDays(piece, today, at);
    case 'week':
      return weeksFrom(today, meaning.weeks);
    case 'weekend':
      return weekends(meaning.which, today);
    case 'month':
      return [monthOf(today.with({ day: 1 }).add({ months: meaning.months }))];
    case 'named-month':
      return [namedMonth(captures, today, later)];
    case 'numeric-date':
      return numericDates(captures, today, later);
    case 'dates':
      return datesBetween(captures, today, later);
    default:
      return undefined;
  }
}

function laterDays({ meaning, captures }: Piece, today: Temporal.PlainDate, at: Reckoning): readonly Days[] {
  if (meaning.is !== 'later') return [];
  const count = meaning.n ?? captures.n ?? 0;
  const unit = meaning.unit ?? captures.unit ?? 'days';
  const round = unit === 'days' ? at.words.roundDays[count] : undefined;
  const counts = round === undefined ? [count] : [count, round];
  return counts.map((each) => oneDay(today.add({ [unit]: (meaning.sign ?? 1) * each })));
}

const monday = (date: Temporal.PlainDate): Temporal.PlainDate => date.subtract({ days: date.dayOfWeek - 1 });

/** Weeks from Monday on. On a Sunday "next week" may also be the one after, for those whose week begins then. */
function weeksFrom(today: Temporal.PlainDate, weeks: number): readonly Days[] {
  const from = monday(today).add({ days: 7 * weeks });
  const isOpen = today.dayOfWeek === 7 && weeks >= 0;
  const starts = isOpen ? [from, from.add({ days: 7 })] : [from];
  return (
    starts
      .map((start): Days => ({ from: start, to: start.add({ days: 7 }), precision: 'week' }))
      // "This week" on a Sunday is hardly the day that is left of it, but may be.
      .filter((_, index) => weeks > 0 || !isOpen || index < 2)
  );
}

function weekends(which: 'this' | 'coming' | 'last', today: Temporal.PlainDate): readonly Days[] {
  const saturday = monday(today).add({ days: 5 });
  const at = (days: number): Days => {
    const from = saturday.add({ days });
    return { from, to: from.add({ days: 2 }), precision: 'day' };
  };
  if (which === 'last') return [at(-7)];
  if (which === 'this') return [at(0)];
  return today.dayOfWeek >= 6 ? [at(7)] : [at(0), at(7)];
}

const monthOf = (from: Temporal.PlainDate): Days => ({ from, to: from.add({ months: 1 }), precision: 'month' });

function namedMonth({ month = 3, year }: Captures, today: Temporal.PlainDate, later: number): Days {
  const named = monthOf(today.with({ year: year ?? today.year, month, day: 1 }));
  if (year !== undefined) return named;
  const isLongOver = named.to.until(today, { largestUnit: 'days' }).days > halfYearDays;
  const years = (isLongOver ? 1 : 0) + later;
  return monthOf(named.from.add({ years }));
}

/** A day of a month, if the month has it. */
function dateOf(year: number, month: number, day: number): Temporal.PlainDate | undefined {
  const first = Temporal.PlainDate.from({ year, month, day: 1 });
  return day >= 1 && day <= first.daysInMonth ? first.with({ day }) : undefined;
}

/** Dates, all pieces agreeing. */
function datesOf(pieces: readonly PieceOf<'date'>[], today: Temporal.PlainDate, later: number): readonly Days[] {
  const [first, ...others] = pieces;
  const found = first === undefined ? [] : datesSaid(first, today, later);
  return found.filter((date) => others.every(({ captures }) => isDateOf(captures, date))).map(oneDay);
}

function datesSaid(
  { meaning, captures }: PieceOf<'date'>,
  today: Temporal.PlainDate,
  later: number,
): readonly Temporal.PlainDate[] {
  const found = captures.days.map((day) => dateSaid(day, captures, meaning.months, today, later));
  return found.every((date) => date !== undefined) ? found : [];
}

/** The day of that month, this year or, if it has long passed, the next; without a month of this one or the next. */
function dateSaid(
  day: number,
  { month, year }: Captures,
  months: number | undefined,
  today: Temporal.PlainDate,
  later: number,
): Temporal.PlainDate | undefined {
  if (month !== undefined) {
    if (year !== undefined) return later > 0 ? undefined : dateOf(year, month, day);
    const date = dateOf(today.year, month, day);
    // The 29th of February of a year that has none.
    if (date === undefined) return undefined;
    const isLongOver = date.until(today, { largestUnit: 'days' }).days > halfYearDays;
    return dateOf(today.year + (isLongOver ? 1 : 0) + later, month, day);
  }
  const first = today.with({ day: 1 });
  if (months !== undefined) {
    const wanted = first.add({ months });
    return later > 0 ? undefined : dateOf(wanted.year, wanted.month, day);
  }
  const isLongOver = today.day - day > halfMonthDays;
  const wanted = first.add({ months: (isLongOver ? 1 : 0) + later });
  return dateOf(wanted.year, wanted.month, day);
}

/** "3/4": the third of April, or the fourth of March. */
function numericDates(captures: Captures, today: Temporal.PlainDate, later: number): readonly Days[] {
  const [one = 0, other = 0] = captures.days;
  const read = (day: number, month: number): readonly Days[] => {
    const date = month > 12 ? undefined : dateSaid(day, { ...captures, month }, undefined, today, later);
    return date === undefined ? [] : [oneDay(date)];
  };
  return one === other ? read(one, other) : [...read(one, other), ...read(other, one)];
}

function datesBetween(captures: Captures, today: Temporal.PlainDate, later: number): readonly Days[] {
  const [first = 0, last = 0] = captures.days;
  const from = dateSaid(first, captures, undefined, today, later);
  const end = from === undefined ? undefined : dateOf(from.year, from.month, last);
  if (from === undefined || end === undefined || compare(from, end) >= 0) return [];
  return [{ from, to: end.add({ days: 1 }), precision: 'day' }];
}

function weekdaysOf(
  { meaning: { which }, captures: { weekday = 1 } }: PieceOf<'weekday'>,
  today: Temporal.PlainDate,
): readonly Days[] {
  const ahead = (weekday - today.dayOfWeek + 7) % 7;
  const on = (days: number): Days => oneDay(today.add({ days }));
  const inWeek = (weeks: number): Days => oneDay(monday(today).add({ days: 7 * weeks + weekday - 1 }));
  switch (which) {
    case 'any':
      return ahead === 0 ? [on(0), on(7)] : [on(ahead)];
    case 'this':
      return [on(ahead)];
    case 'last':
      return [on(ahead - 7)];
    case 'of-this-week':
      return [inWeek(0)];
    case 'of-next-week':
      // Where the week begins on a Sunday, that day is another one.
      return weekday === 7 || today.dayOfWeek === 7
        ? distinct([inWeek(1), inWeek(today.dayOfWeek === 7 ? 2 : 0)])
        : [inWeek(1)];
    case 'coming': {
      const coming = on(ahead === 0 ? 7 : ahead);
      const sundayWeeks = weekday === 7 ? [inWeek(1)] : today.dayOfWeek === 7 ? [inWeek(1), inWeek(2)] : [inWeek(1)];
      return distinct([coming, ...sundayWeeks]).filter(({ from }) => compare(from, today) > 0);
    }
    default:
      which satisfies never;
      return [];
  }
}

const distinct = (days: readonly Days[]): readonly Days[] =>
  days.filter(({ from }, index) => days.findIndex((other) => compare(other.from, from) === 0) === index);

// ------------------------------------------------------------------- intervals

function wholeDays(days: readonly Days[], at: Reckoning): readonly DatedCandidate[] | undefined {
  const intervals = days.map(({ from, to, precision }) => ({
    interval: { from: startOf(from, at), to: startOf(to, at) },
    precision,
    isPast: startOf(to, at) <= at.now,
  }));
  return intervals.every(({ interval }) => isWithinReach(interval, at)) ? intervals : undefined;
}

const startOf = (date: Temporal.PlainDate, { timeZone }: Reckoning): number =>
  date.toZonedDateTime(timeZone).epochMilliseconds;

/** Hours on each of the days; undefined if one of those is longer than a day, or a clock change leaves the time out. */
function timesOn(
  days: readonly Days[] | 'unsaid',
  hours: readonly Hours[],
  at: Reckoning,
  later: number,
): readonly DatedCandidate[] | undefined {
  if (days === 'unsaid') return timesOnAnyDay(hours, at, later);
  const found: DatedCandidate[] = [];
  for (const { from, to } of days) {
    if (compare(from.add({ days: 1 }), to) !== 0) return undefined;
    for (const each of hours) {
      const times = timesOnDay(from, each, at);
      if (times.length === 0) return undefined;
      found.push(...times);
    }
  }
  return found.every(({ interval }) => isWithinReach(interval, at)) ? found : undefined;
}

/** Today; of several times, one that is over today is tomorrow's. */
function timesOnAnyDay(hours: readonly Hours[], at: Reckoning, later: number): readonly DatedCandidate[] | undefined {
  const day = (at.about ?? todayOf(at)).add({ days: later });
  const found: DatedCandidate[] = [];
  for (const each of hours) {
    const times = timesOnDay(day, each, at);
    const isNext = hours.length > 1 && at.about === undefined && times.every(({ isPast }) => isPast);
    const next = isNext && !isMidnightStart(each) ? timesOnDay(day.add({ days: 1 }), each, at) : times;
    if (next.length === 0) return undefined;
    found.push(...next);
  }
  return found;
}

/** The midnight that begins the day is the one that ends the day before. */
const isMidnightStart = (hours: Hours): boolean => 'start' in hours && hours.start < 60;

function timesOnDay(day: Temporal.PlainDate, hours: Hours, at: Reckoning): readonly DatedCandidate[] {
  const isPast = ({ from, to }: Interval): boolean => ('start' in hours ? from + minuteMs <= at.now : to <= at.now);
  return intervalsOn(day, hours, at).map((interval) => ({
    interval,
    precision: hours.precision,
    isPast: isPast(interval),
  }));
}

function intervalsOn(day: Temporal.PlainDate, hours: Hours, at: Reckoning): readonly Interval[] {
  if ('start' in hours) {
    const length = hours.precision === 'hour' ? hourMs : minuteMs;
    return instantsOf(day, hours.start, at.timeZone).map((from) => ({ from, to: from + length }));
  }
  const [from, to] = hours.span.map((minute) => edgeOf(day, minute, at));
  return from === undefined || to === undefined || from >= to ? [] : [{ from, to }];
}

/** The edge of a span; one that a clock change leaves out is as much later. */
const edgeOf = (day: Temporal.PlainDate, minute: number, at: Reckoning): number =>
  minute % dayMinutes === 0
    ? startOf(day.add({ days: minute / dayMinutes }), at)
    : wallTime(day, minute).toZonedDateTime(at.timeZone).epochMilliseconds;

/** The instants at which clocks there show that time: one, or two, or none, when they are changed. */
function instantsOf(day: Temporal.PlainDate, minute: number, timeZone: string): readonly number[] {
  const wall = wallTime(day, minute);
  const instants = (['earlier', 'later'] as const)
    .map((disambiguation) => wall.toZonedDateTime(timeZone, { disambiguation }))
    .filter((zoned) => zoned.toPlainDateTime().equals(wall))
    .map((zoned) => zoned.epochMilliseconds);
  return [...new Set(instants)];
}

const wallTime = (day: Temporal.PlainDate, minute: number): Temporal.PlainDateTime =>
  day
    .add({ days: Math.floor(minute / dayMinutes) })
    .toPlainDateTime({ hour: Math.floor((minute % dayMinutes) / 60), minute: minute % 60 });

const isWithinReach = ({ from, to }: Interval, { now }: Reckoning): boolean =>
  from < to && Math.abs(from - now) < reachDays * 24 * hourMs;
