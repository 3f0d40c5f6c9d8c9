/**
 * Days and times as people write them, read as intervals. What is not certain is not guessed: it comes
 * back as candidates, or as text that has to be asked about.
 *
 * Pure: "now" and the time zone are arguments; the calendar is Temporal's, with the time zone rules of
 * the Node that runs (pinned by the launcher). Linear in the text, which is bounded first.
 */

import { knownTimeZone } from './time-zone.ts';
import { type DatedCandidate, type Reckoned, type Reckoning, reckon } from './when-calendar.ts';
import { type Piece, piecesIn } from './when-pieces.ts';
import { type Token, boundedText, tokensIn } from './when-tokens.ts';
import { whenWordsOf } from './when-words.ts';

/** Epoch milliseconds, half open: `from` belongs to it, `to` does not. `from < to` always. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/**
 * How exactly a time was said. `minute` and `hour` are a start ("15h30", "15h"), or a span of hours
 * ("entre 14 e 16h"); `part-of-day` is "de manhã" and the like; `day` is one day or a weekend.
 */
export type Precision = 'minute' | 'hour' | 'part-of-day' | 'day' | 'week' | 'month';

/** One way to read a text. */
export interface WhenCandidate {
  readonly interval: Interval;
  readonly precision: Precision;
}

/**
 * `consumed` is the text that was read, `rest` all other text, both in the order of the text with
 * single blanks; together they have every character of it that is no blank.
 */
interface Consumption {
  readonly consumed: string;
  readonly rest: string;
}

/** What was found about the day; true if none was said and `about`, or else today, was taken. */
interface DaySaid {
  readonly dayAssumed: boolean;
}

/** What a text says about when. */
export type WhenReading =
  /** Nothing in it is about a time. */
  | { readonly kind: 'none' }
  | ({ readonly kind: 'sure' } & WhenCandidate & Consumption & DaySaid)
  /** Two to four readings, the likeliest first; none of them is past. */
  | ({ readonly kind: 'ambiguous'; readonly candidates: readonly WhenCandidate[] } & Consumption & DaySaid)
  /** Over already. `next` is the next time that the same words are true, where there is one: to be offered, not taken. */
  | ({ readonly kind: 'past'; readonly next?: Interval } & WhenCandidate & Consumption & DaySaid)
  /** About a time, but not understood surely ("não pode ser sexta", "sexta, dia 32"): ask. */
  | ({ readonly kind: 'unread' } & Consumption);

/** Where and when something is being said. */
export interface WhenContext {
  /** Epoch milliseconds. */
  readonly now: number;
  /** IANA zone in which the person reckons; an unknown one is taken for America/Sao_Paulo. */
  readonly timeZone: string;
  /** BCP 47 tag of the conversation's language: pt-BR, en, es; others are read as pt-BR. */
  readonly locale: string;
  /** An instant of the day that is already being talked of: a time without a day is on that one. */
  readonly about?: number;
}

/** Ways to read a text that are offered at most; more are asked about as unread. */
const candidatesMax = 4;

/** What the text says about when. Never throws, whatever the text. */
export function readWhen(text: string, at: WhenContext): WhenReading {
  const bounded = boundedText(text);
  const tokens = tokensIn(bounded.text);
  const words = whenWordsOf(at.locale);
  const { pieces, consumed, isTroubled } = piecesIn(tokens, words);
  if (pieces.length === 0) return { kind: 'none' };
  const spoken = consumptionOf(bounded.text, tokens, consumed);
  // What was cut off may change what was read.
  if (isTroubled || bounded.isCut) return { kind: 'unread', ...spoken };
  const timeZone = knownTimeZone(at.timeZone);
  return readingOf(pieces, { now: at.now, timeZone, words, about: dayOf(at.about, timeZone) }, spoken);
}

const dayOf = (instant: number | undefined, timeZone: string): Temporal.PlainDate | undefined =>
  instant === undefined
    ? undefined
    : Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone).toPlainDate();

function readingOf(pieces: readonly Piece[], at: Reckoning, spoken: Consumption): WhenReading {
  const reckoned = eitherOf(pieces, at);
  const [first] = reckoned?.candidates ?? [];
  if (reckoned === undefined || first === undefined) return { kind: 'unread', ...spoken };
  const said = { ...spoken, dayAssumed: !reckoned.saysDay };
  const ahead = distinct(reckoned.candidates.filter(({ isPast }) => !isPast));
  const [only, ...others] = ahead;
  if (only === undefined) {
    const next = nextOf(pieces, at);
    return { kind: 'past', ...plain(first), ...said, ...(next === undefined ? {} : { next }) };
  }
  if (others.length === 0) return { kind: 'sure', ...plain(only), ...said };
  return ahead.length > candidatesMax
    ? { kind: 'unread', ...spoken }
    : { kind: 'ambiguous', candidates: ahead.map(plain), ...said };
}

const plain = ({ interval, precision }: WhenCandidate): WhenCandidate => ({ interval, precision });

const distinct = (candidates: readonly DatedCandidate[]): readonly DatedCandidate[] =>
  candidates.filter(
    ({ interval }, index) =>
      candidates.findIndex((other) => other.interval.from === interval.from && other.interval.to === interval.to) ===
      index,
  );

/** The one next time after one that is over. */
function nextOf(pieces: readonly Piece[], at: Reckoning): Interval | undefined {
  const now = eitherOf(pieces, at)?.candidates.map(({ interval }) => interval.from) ?? [];
  const next = eitherOf(pieces, at, 1)?.candidates.filter(
    ({ isPast, interval }) => !isPast && !now.includes(interval.from),
  );
  return next?.length === 1 ? next[0]?.interval : undefined;
}

/** What stands on the sides of each "or", together. One without a day is on that of its neighbour, and so is its time. */
function eitherOf(pieces: readonly Piece[], at: Reckoning, later = 0): Reckoned | undefined {
  const sides: Piece[][] = [[]];
  for (const piece of pieces) {
    if (piece.meaning.is === 'or') sides.push([]);
    else sides.at(-1)?.push(piece);
  }
  if (sides.length === 1) return reckon(pieces, at, later);
  const found = sides.map((side, index) => reckon(completed(side, sides, index), at, later));
  if (!found.every((side) => side !== undefined)) return undefined;
  return {
    candidates: found.flatMap(({ candidates }) => candidates),
    saysDay: found.every(({ saysDay }) => saysDay),
    saysTime: found.every(({ saysTime }) => saysTime),
  };
}

function completed(side: readonly Piece[], sides: readonly (readonly Piece[])[], index: number): readonly Piece[] {
  // "Sexta às 15h ou às 16h", "15h ou 16h de sexta": the same day.
  const days = side.some(isOfDay) ? [] : (nearest(sides, index, isOfDay) ?? []);
  // "Sexta ou sábado às 15h": the same time; not so "sexta às 15h ou sábado".
  const times = side.some(isOfTime) ? [] : (sides.slice(index + 1).find((other) => other.some(isOfTime)) ?? []);
  return [...side, ...days.filter(isOfDay), ...times.filter(isOfTime)];
}

const nearest = (
  sides: readonly (readonly Piece[])[],
  index: number,
  has: (piece: Piece) => boolean,
): readonly Piece[] | undefined =>
  sides.slice(0, index).findLast((side) => side.some(has)) ?? sides.slice(index + 1).find((side) => side.some(has));

const timeMeanings: ReadonlySet<string> = new Set(['at', 'between', 'from', 'until', 'part']);
const isOfTime = ({ meaning }: Piece): boolean => timeMeanings.has(meaning.is);
const isOfDay = (piece: Piece): boolean =>
  !isOfTime(piece) || (piece.meaning.is === 'part' && piece.meaning.today === true);

/** Each token goes with its kind; what stands between two and is no token, with the second. */
function consumptionOf(text: string, tokens: readonly Token[], consumed: ReadonlySet<number>): Consumption {
  const parts = { read: '', rest: '' };
  let end = 0;
  let previous: 'read' | 'rest' | undefined;
  for (const [index, token] of tokens.entries()) {
    const kind = consumed.has(index) ? 'read' : 'rest';
    parts[kind] += (kind === previous ? '' : ' ') + text.slice(end, token.end);
    previous = kind;
    end = token.end;
  }
  parts[previous ?? 'rest'] += text.slice(end);
  return { consumed: squeezed(parts.read), rest: squeezed(parts.rest) };
}

const squeezed = (text: string): string => text.replace(/\s+/gu, ' ').trim();

/**
 * The reading with only those candidates that fit (opening hours, free slots): sure if one is left,
 * as it was if none is. Readings of other kinds are left alone.
 */
export function narrowWhen(reading: WhenReading, fits: (candidate: WhenCandidate) => boolean): WhenReading {
  if (reading.kind !== 'ambiguous') return reading;
  const [only, ...others] = reading.candidates.filter(fits);
  if (only === undefined) return reading;
  const { consumed, rest, dayAssumed } = reading;
  return others.length === 0
    ? { kind: 'sure', ...only, consumed, rest, dayAssumed }
    : { ...reading, candidates: [only, ...others] };
}
