/** From phrases to hours of a day: a start, or a span, in minutes after midnight. */
import type { Clock } from './when-patterns.ts';
import { type Piece, piecesOf } from './when-pieces.ts';
import type { MinuteRange } from './when-words.ts';
import type { Precision } from './when.ts';

/** Hours of a day: a start, or a span of minutes after midnight. */
export type Hours =
  | { readonly start: number; readonly precision: 'minute' | 'hour' }
  | { readonly span: MinuteRange; readonly precision: Precision };

const dayMinutes = 1440;

/** Hours that the pieces can mean, none if they say none; undefined if they contradict each other. */
export function hoursOf(pieces: readonly Piece[]): readonly Hours[] | undefined {
  const parts = piecesOf(pieces, 'part').map(({ meaning, captures }) => meaning.part ?? captures.part);
  const [part] = parts;
  if (parts.some((other) => other !== part)) return undefined;
  const said = pieces.flatMap((piece) => {
    const hours = hoursSaid(piece);
    return hours === undefined ? [] : [hours];
  });
  const [first, ...others] = said;
  if (first === undefined) return part === undefined ? [] : [{ span: part.hours, precision: 'part-of-day' }];
  // The same said twice is no contradiction.
  const agreed = first.filter((hours) => others.every((other) => other.some((each) => isSame(each, hours))));
  const fitting = part === undefined ? agreed : agreed.flatMap((hours) => hoursWithin(hours, part.clock));
  return fitting.length === 0 ? undefined : fitting;
}

const isSame = (one: Hours, other: Hours): boolean => JSON.stringify(one) === JSON.stringify(other);

function hoursSaid({ meaning, captures: { clocks } }: Piece): readonly Hours[] | undefined {
  switch (meaning.is) {
    case 'at':
      return alternatives(clocks);
    case 'between':
      return spans(clocks);
    case 'from':
      return (clocks[0]?.minutes ?? [])
        .filter((from) => from < dayMinutes)
        .map((from) => span([from, dayMinutes], clocks));
    case 'until':
      return (clocks[0]?.minutes ?? []).filter((to) => to > 0 && to <= dayMinutes).map((to) => span([0, to], clocks));
    default:
      return undefined;
  }
}

/** A part of the day that is said with the last one holds for those before it too. */
function alternatives(clocks: readonly Clock[]): readonly Hours[] {
  const within = clocks.at(-1)?.within;
  return clocks.flatMap((clock) => {
    const fitting = clock.minutes.filter((start) => within === undefined || isIn(start, within));
    return fitting.map((start): Hours => ({ start, precision: clock.precision }));
  });
}

const isIn = (minute: number, [from, to]: MinuteRange): boolean =>
  minute >= from && (minute < to || (minute === to && to === dayMinutes));

const span = (range: MinuteRange, clocks: readonly Clock[]): Hours => {
  const isExact = clocks.some(({ minutes: [minute = 0] }) => minute % 60 > 0);
  // An hour said to the hour would be its start only.
  return { span: range, precision: isExact || range[1] - range[0] === 60 ? 'minute' : 'hour' };
};

/** Each start with the next end within twelve hours, those in the daytime first. */
function spans(clocks: readonly Clock[]): readonly Hours[] {
  const [first, last] = clocks;
  if (first === undefined || last === undefined) return [];
  const found = first.minutes.flatMap((from): MinuteRange[] => {
    const ends = last.minutes.filter((to) => to > from && to <= dayMinutes && to - from < dayMinutes / 2 + 1);
    const isFitting = last.within === undefined || first.within !== undefined || ends.length > 0;
    return ends.length === 0 || !isFitting ? [] : [[from, Math.min(...ends)]];
  });
  // "Das 2 às 4 da tarde" begins in the afternoon; "das 10 às 2 da tarde" cannot.
  const within = last.within;
  const inside = within === undefined ? [] : found.filter(([from]) => isIn(from, within));
  const chosen = inside.length > 0 ? inside : found;
  const isByDay = ([from]: MinuteRange): number => (from >= 420 && from < 1140 ? 0 : 1);
  return [...chosen].sort((one, other) => isByDay(one) - isByDay(other)).map((range) => span(range, clocks));
}

function hoursWithin(hours: Hours, [from, to]: MinuteRange): readonly Hours[] {
  if ('start' in hours) return isIn(hours.start, [from, to]) ? [hours] : [];
  const range: MinuteRange = [Math.max(hours.span[0], from), Math.min(hours.span[1], to)];
  return range[0] < range[1] ? [{ ...hours, span: range }] : [];
}
