/**
 * What a language has to say about time: its names, and its phrases as patterns with what they mean.
 *
 * A pattern is words with blanks between: `a|b` either of them, `a?` may be missing. A word with an accent
 * has to be written with it; others match with or without. In angle brackets, what is taken out of the text:
 *
 * - `<hour>` 0 to 24, `<mm>` a minute in two digits, `<min>` 1 to 59, `<n>` a count: in digits, but for `<mm>` also in words
 * - `<day>` of the month, `<mon>` its month as a number, `<month>` by name, `<year>`, `<year4>` in four digits
 * - `<weekday>` by its whole name, `<wd>` also abbreviated, `<part>` of a day, `<unit>` of time
 * - `<number>` any number, `<glued>` one with no blank before it
 * - `<clock>` a time of day that is plainly one ("15h", "3 da tarde"), `<loose>` also a number alone
 *
 * The longest pattern wins, then the earlier one.
 */
import { en } from './words/en.ts';
import { es } from './words/es.ts';
import { ptBr } from './words/pt-br.ts';

/** Minutes after midnight, half open. */
export type MinuteRange = readonly [from: number, to: number];

/** A part of the day: its hours, and those that one says a time with ("1 da manhã" is one). */
export interface DayPart {
  readonly hours: MinuteRange;
  readonly clock: MinuteRange;
  /** True if twelve is the hour that begins it: "12 am". */
  readonly fromTwelve?: boolean;
}

/** Units that are counted. */
export type TimeUnit = 'minutes' | 'hours' | 'days' | 'weeks' | 'months';

/** Which of the days of that name. */
export type WhichWeekday =
  | 'any'
  /** "Sexta que vem": this week's or next week's, people differ. */
  | 'coming'
  | 'this'
  | 'last'
  | 'of-next-week'
  | 'of-this-week';

/** What a phrase means, with what was captured in it. */
export type PhraseMeaning =
  /** A time of day, or several ("14 ou 15h"). */
  | { readonly is: 'at' }
  | { readonly is: 'between' }
  | { readonly is: 'from' }
  | { readonly is: 'until' }
  | { readonly is: 'part'; readonly part?: DayPart; readonly today?: true; readonly isWeak?: true }
  /** So many days from today. */
  | { readonly is: 'in-days'; readonly days: number }
  /** As long from now as captured; `plus` are minutes more. */
  | { readonly is: 'later'; readonly sign?: -1; readonly n?: number; readonly unit?: TimeUnit; readonly plus?: number }
  | { readonly is: 'weekday'; readonly which: WhichWeekday; readonly isWeak?: true }
  | { readonly is: 'week'; readonly weeks: number }
  | { readonly is: 'weekend'; readonly which: 'this' | 'coming' | 'last' }
  | { readonly is: 'month'; readonly months: number }
  | { readonly is: 'named-month'; readonly isWeak?: true }
  /** A day of the month, of the captured month, or so many months from this one, or of whichever is next; or one of two. */
  | { readonly is: 'date'; readonly months?: number; readonly either?: true }
  /** Two numbers of which either may be the month. */
  | { readonly is: 'numeric-date' }
  /** From one day of a month to another. */
  | { readonly is: 'dates' }
  | { readonly is: 'now' }
  | { readonly is: 'or' }
  /** Belongs to what stands beside it, and says nothing. */
  | { readonly is: 'filler' }
  /** Words of time that are not about one: "bom dia". */
  | { readonly is: 'elsewhere' }
  /** About a time, and not to be guessed at. */
  | { readonly is: 'trouble' };

/** How a clock phrase makes a time of what it captured. */
export interface ClockMeaning {
  readonly hour?: number;
  readonly minute?: number;
  /** The minutes are those before the hour. */
  readonly isBefore?: true;
  readonly isMidnight?: true;
  /** As clocks of 24 hours write it: from seven to eleven it is the morning. */
  readonly is24?: true;
}

/** A language's way with time. */
export interface WhenWords {
  readonly locale: string;
  readonly numbers: Readonly<Record<string, number>>;
  /** Between tens and units: "vinte e cinco". */
  readonly and: string;
  /** Stands behind a number that counts a day of the month. */
  readonly ordinalEnds: readonly string[];
  /** From Monday, 1, on. */
  readonly weekdays: Readonly<Record<string, number>>;
  readonly weekdaysShort: Readonly<Record<string, number>>;
  /** May stand behind the name of a day: "feira". */
  readonly weekdayEnds: readonly string[];
  readonly months: Readonly<Record<string, number>>;
  readonly monthsShort: Readonly<Record<string, number>>;
  readonly parts: Readonly<Record<string, DayPart>>;
  readonly units: Readonly<Record<string, TimeUnit>>;
  /** Counts of days that are said of weeks: eight days of one, fifteen of two. */
  readonly roundDays: Readonly<Record<number, number>>;
  /** Phrases of `<clock>`; those of `<loose>` besides. */
  readonly clock: readonly (readonly [pattern: string, meaning: ClockMeaning])[];
  readonly loose: readonly (readonly [pattern: string, meaning: ClockMeaning])[];
  /** What may stand behind a time of day: "da tarde"; the part is captured or given. */
  readonly periods: readonly (readonly [pattern: string, part: DayPart | null])[];
  readonly phrases: readonly (readonly [pattern: string, meaning: PhraseMeaning])[];
  /** What is said with them in one clause is not what is wanted: "não", "trabalho". */
  readonly negations: readonly string[];
  /** With a negation alone they refuse what was said before: "posso". */
  readonly refusals: readonly string[];
  /** Begin a clause, as a comma does. */
  readonly clauseStarts: readonly string[];
  /** Belong to a time that follows: "na", "às". */
  readonly glue: readonly string[];
  /** Next to a time they make it another one: "primeira", "início de". */
  readonly troubling: readonly string[];
}

const all: readonly WhenWords[] = [ptBr, en, es];

/** The words of a BCP 47 tag: by its first part, else pt-BR. */
export function whenWordsOf(locale: string): WhenWords {
  const base = locale.slice(0, 2).toLowerCase();
  return all.find((words) => words.locale.startsWith(base)) ?? ptBr;
}
