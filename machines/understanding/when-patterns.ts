/** The patterns of a language, compiled, and tried on the tokens of a text. What they look like: `when-words.ts`. */
import { type Token, foldedWord, isMidNumber } from './when-tokens.ts';
import {
  type ClockMeaning,
  type DayPart,
  type MinuteRange,
  type PhraseMeaning,
  type TimeUnit,
  type WhenWords,
} from './when-words.ts';

/** A time of day as it was said: minutes after midnight, the likeliest first where it may be one of two. */
export interface Clock {
  readonly minutes: readonly number[];
  readonly precision: 'minute' | 'hour';
  /** The hours of the part of the day that was said with it. */
  readonly within?: MinuteRange;
}

/** What a pattern took out of a text. */
export interface Captures {
  readonly clocks: readonly Clock[];
  readonly days: readonly number[];
  readonly hour?: number;
  readonly minute?: number;
  readonly month?: number;
  readonly year?: number;
  readonly n?: number;
  readonly unit?: TimeUnit;
  readonly weekday?: number;
  readonly part?: DayPart;
  /** True if the hour can only be of 24: "07", "0", "15". */
  readonly is24?: boolean;
}

/** A phrase found in a text. */
export interface FoundPhrase {
  readonly meaning: PhraseMeaning;
  readonly captures: Captures;
  /** Index of the token after it. */
  readonly end: number;
}

interface Element {
  readonly isOptional: boolean;
  readonly words: ReadonlySet<string>;
  /** Those that have to be written with their accents. */
  readonly accented: ReadonlySet<string>;
  readonly captures: readonly string[];
}

type Pattern<Meaning> = readonly [elements: readonly Element[], meaning: Meaning];

/** Patterns by the words that they may begin with, each list in the order of the table. */
interface PatternIndex<Meaning> {
  readonly byWord: ReadonlyMap<string, readonly Pattern<Meaning>[]>;
  readonly byNumber: readonly Pattern<Meaning>[];
}

/** A language's patterns, compiled. */
interface Grammar {
  readonly words: WhenWords;
  /** Those of `<loose>`, of which those of `<clock>` are a part. */
  readonly clocks: PatternIndex<ClockMeaning>;
  readonly plainClocks: ReadonlySet<ClockMeaning>;
  readonly periods: PatternIndex<DayPart | null>;
  readonly phrases: PatternIndex<PhraseMeaning>;
}

const grammars = new WeakMap<WhenWords, Grammar>();

function grammarOf(words: WhenWords): Grammar {
  const known = grammars.get(words);
  if (known !== undefined) return known;
  const clocks = [...words.clock, ...words.loose].map(compile);
  const starts = new Starts(words, clocks);
  const compiled: Grammar = {
    words,
    clocks: indexOf(clocks, starts),
    plainClocks: new Set(words.clock.map(([, meaning]) => meaning)),
    periods: indexOf(words.periods.map(compile), starts),
    phrases: indexOf(words.phrases.map(compile), starts),
  };
  grammars.set(words, compiled);
  return compiled;
}

function indexOf<Meaning>(patterns: readonly Pattern<Meaning>[], starts: Starts): PatternIndex<Meaning> {
  const byWord = new Map<string, Pattern<Meaning>[]>();
  const byNumber: Pattern<Meaning>[] = [];
  for (const pattern of patterns) {
    const { words, isNumber } = starts.of(pattern[0]);
    if (isNumber) byNumber.push(pattern);
    for (const word of words) byWord.set(word, [...(byWord.get(word) ?? []), pattern]);
  }
  return { byWord, byNumber };
}

const startingAt = <Meaning>(index: PatternIndex<Meaning>, token: Token | undefined): readonly Pattern<Meaning>[] =>
  token === undefined ? [] : token.kind === 'number' ? index.byNumber : (index.byWord.get(token.folded) ?? []);

/** What patterns may begin with, so that most are never tried. */
class Starts {
  readonly #words: WhenWords;
  readonly #clocks: readonly Pattern<ClockMeaning>[];

  constructor(words: WhenWords, clocks: readonly Pattern<ClockMeaning>[]) {
    this.#words = words;
    this.#clocks = clocks;
  }

  of(elements: readonly Element[]): { readonly words: ReadonlySet<string>; readonly isNumber: boolean } {
    const words = new Set<string>();
    let isNumber = false;
    for (const element of elements) {
      for (const word of [...element.words, ...[...element.accented].map(foldedWord)]) words.add(word);
      isNumber ||= [...element.words].some((word) => /^\d/u.test(word));
      for (const name of element.captures) {
        const begun = this.#ofCapture(name);
        for (const word of begun.words) words.add(word);
        isNumber ||= begun.isNumber;
      }
      if (!element.isOptional) break;
    }
    return { words, isNumber };
  }

  #ofCapture(name: string): { readonly words: readonly string[]; readonly isNumber: boolean } {
    const { months, monthsShort, weekdays, weekdaysShort, parts, units, numbers } = this.#words;
    if (name === 'month') return { words: Object.keys({ ...months, ...monthsShort }), isNumber: false };
    if (name === 'part') return { words: Object.keys(parts), isNumber: false };
    if (name === 'unit') return { words: Object.keys(units), isNumber: false };
    if (name === 'weekday' || name === 'wd')
      return { words: Object.keys({ ...weekdays, ...weekdaysShort }), isNumber: true };
    const clocks = name === 'clock' || name === 'loose' ? this.#clocks.map(([elements]) => this.of(elements)) : [];
    return { words: [...Object.keys(numbers), ...clocks.flatMap(({ words }) => [...words])], isNumber: true };
  }
}

const compile = <Meaning>([pattern, meaning]: readonly [string, Meaning]): Pattern<Meaning> => [
  pattern.split(' ').map(elementOf),
  meaning,
];

function elementOf(written: string): Element {
  const isOptional = written.endsWith('?');
  const options = (isOptional ? written.slice(0, -1) : written).split('|');
  const isAccented = (option: string): boolean => /[^\x20-\x7e]/u.test(option);
  const isCapture = (option: string): boolean => option.startsWith('<');
  return {
    isOptional,
    words: new Set(options.filter((option) => !isCapture(option) && !isAccented(option))),
    accented: new Set(options.filter(isAccented)),
    captures: options.filter(isCapture).map((option) => option.slice(1, -1)),
  };
}

/** A way to go on: what was captured, and the index of the next token. */
interface Step {
  readonly captures: Captures;
  readonly end: number;
}

const nothing: Captures = { clocks: [], days: [] };

/** The tokens of one text, with the patterns of its language. */
export class Reader {
  readonly #tokens: readonly Token[];
  readonly #grammar: Grammar;
  readonly #clocks = new Map<string, readonly Step[]>();

  constructor(tokens: readonly Token[], words: WhenWords) {
    this.#tokens = tokens;
    this.#grammar = grammarOf(words);
  }

  /** The longest phrase that begins at that token. */
  phraseAt(index: number): FoundPhrase | undefined {
    let longest: FoundPhrase | undefined;
    for (const [elements, meaning] of startingAt(this.#grammar.phrases, this.#tokens[index])) {
      const step = this.#match(elements, 0, index, nothing, (end) => !isMidNumber(this.#tokens, end));
      if (step !== undefined && step.end > (longest?.end ?? index)) longest = { meaning, ...step };
    }
    return longest;
  }

  /** The first way to match that ends well, the longer ones of each element tried first. */
  #match(
    elements: readonly Element[],
    at: number,
    index: number,
    captures: Captures,
    endsWell: (end: number) => boolean = () => true,
  ): Step | undefined {
    const element = elements[at];
    if (element === undefined) return endsWell(index) ? { captures, end: index } : undefined;
    for (const step of this.#steps(element, index, captures)) {
      const matched = this.#match(elements, at + 1, step.end, step.captures, endsWell);
      if (matched !== undefined) return matched;
    }
    return element.isOptional ? this.#match(elements, at + 1, index, captures, endsWell) : undefined;
  }

  #steps({ words, accented, captures: names }: Element, index: number, captures: Captures): readonly Step[] {
    const token = this.#tokens[index];
    if (token === undefined) return [];
    if (words.has(token.folded) || accented.has(token.lower)) return [{ captures, end: index + 1 }];
    return names.flatMap((name) => this.#captured(name, index, captures));
  }

  #captured(name: string, index: number, captures: Captures): readonly Step[] {
    if (name === 'clock' || name === 'loose') {
      return this.#clocksAt(name, index).map(({ captures: { clocks }, end }) => ({
        captures: { ...captures, clocks: [...captures.clocks, ...clocks] },
        end,
      }));
    }
    const read = readers[name];
    if (read === undefined) throw new Error(`no capture is called ${name}`);
    return read(this.#tokens, index, this.#grammar.words).map(({ end, ...found }) => ({
      captures: { ...captures, ...found, days: [...captures.days, ...(found.days ?? [])] },
      end,
    }));
  }

  /** Times of day that begin at that token, the longest first. */
  #clocksAt(kind: 'clock' | 'loose', index: number): readonly Step[] {
    const key = `${kind} ${index}`;
    const known = this.#clocks.get(key);
    if (known !== undefined) return known;
    const found: Step[] = [];
    for (const [elements, meaning] of startingAt(this.#grammar.clocks, this.#tokens[index])) {
      const step = this.#match(elements, 0, index, nothing);
      if (step === undefined) continue;
      const isPlain = this.#grammar.plainClocks.has(meaning);
      const add = (clock: Clock | undefined, end: number): void => {
        if (clock !== undefined && !isMidNumber(this.#tokens, end, true))
          found.push({ captures: { ...nothing, clocks: [clock] }, end });
      };
      if (isPlain || kind === 'loose') add(clockOf(meaning, step.captures, undefined), step.end);
      for (const [period, given] of startingAt(this.#grammar.periods, this.#tokens[step.end])) {
        const behind = this.#match(period, 0, step.end, nothing);
        if (behind === undefined) continue;
        add(clockOf(meaning, step.captures, given ?? behind.captures.part), behind.end);
      }
    }
    found.sort((one, other) => other.end - one.end);
    this.#clocks.set(key, found);
    return found;
  }
}

const day = 1440;
const noon = 720;

function clockOf(meaning: ClockMeaning, captures: Captures, part: DayPart | undefined): Clock | undefined {
  const minute = meaning.minute ?? captures.minute;
  const precision = minute === undefined ? 'hour' : 'minute';
  if (meaning.isMidnight === true) {
    const past = minute ?? 0;
    // The midnight that ends the day, or the one that begins it.
    return part === undefined || part.clock[1] === day || part.clock[0] === 0
      ? { minutes: [day + past, past], precision: 'minute' }
      : undefined;
  }
  const hour = meaning.hour ?? captures.hour;
  if (hour === undefined || hour > 24 || (hour === 24 && (minute ?? 0) > 0)) return undefined;
  const past = meaning.isBefore === true ? -(minute ?? 0) : (minute ?? 0);
  const hours =
    meaning.hour === undefined
      ? hoursMeant(hour, { is24: captures.is24 === true, isWritten: meaning.is24 === true }, part)
      : [hour * 60];
  const minutes = hours.map((start) => start + past).filter((start) => start >= 0);
  return minutes.length === 0
    ? undefined
    : { minutes, precision, ...(part === undefined ? {} : { within: part.clock }) };
}

/** The hours, in minutes after midnight, that may be meant by one. */
function hoursMeant(
  hour: number,
  { is24, isWritten }: Readonly<Record<'is24' | 'isWritten', boolean>>,
  part: DayPart | undefined,
): readonly number[] {
  const start = hour * 60;
  if (part !== undefined) {
    const [from, to] = part.clock;
    const twelve = part.fromTwelve === true ? [0] : [noon, day];
    const either = hour === 12 ? twelve : hour < 12 ? [start, start + noon] : [start];
    return either.filter((each) => each >= from && (each < to || (each === day && to === day)));
  }
  if (is24 || hour === 0 || hour >= 12) return [start];
  if (isWritten && hour >= 7) return [start];
  // Offices are open in the afternoon at three, in the morning at nine.
  return hour < 7 ? [start + noon, start] : [start, start + noon];
}

type Found = Partial<Omit<Captures, 'clocks'>> & { readonly end: number };
type CaptureReader = (tokens: readonly Token[], index: number, words: WhenWords) => readonly Found[];

/** A count in digits, or in words of one or two ("vinte e cinco"). */
function numberAt(
  tokens: readonly Token[],
  index: number,
  words: WhenWords,
): readonly { value: number; end: number }[] {
  const token = tokens[index];
  if (token === undefined) return [];
  if (token.kind === 'number') return Number.isNaN(token.value) ? [] : [{ value: token.value, end: index + 1 }];
  const value = valueOf(token, words);
  if (value === undefined) return [];
  const one = { value, end: index + 1 };
  const added = tokens[index + 1]?.folded === words.and ? valueOf(tokens[index + 2], words) : undefined;
  const isSum = value >= 20 && added !== undefined && added < 10;
  return isSum ? [{ value: value + added, end: index + 3 }, one] : [one];
}

const valueOf = (token: Token | undefined, words: WhenWords): number | undefined =>
  token !== undefined && Object.hasOwn(words.numbers, token.folded) ? words.numbers[token.folded] : undefined;

const within =
  (from: number, to: number, found: (value: number) => Omit<Found, 'end'>): CaptureReader =>
  (tokens, index, words) =>
    numberAt(tokens, index, words).flatMap(({ value, end }) =>
      value >= from && value <= to && isShort(tokens[index]) ? [{ ...found(value), end }] : [],
    );

/** "015" is no hour, and "0001" a part of a telephone number. */
const isShort = (token: Token | undefined): boolean => token?.kind !== 'number' || token.folded.length <= 3;

/** What a name stands for, with what may stand behind it. */
const named =
  <Value>(
    tablesOf: (words: WhenWords) => readonly Readonly<Record<string, Value>>[],
    found: (value: Value) => Omit<Found, 'end'>,
  ): CaptureReader =>
  (tokens, index, words) => {
    const name = tokens[index]?.folded ?? '';
    const table = tablesOf(words).find((each) => Object.hasOwn(each, name));
    const value = table?.[name];
    return value === undefined ? [] : [{ ...found(value), end: index + 1 }];
  };

/** Behind the name of a day: "-feira", a full stop. */
const weekdayAt =
  (isShortToo: boolean): CaptureReader =>
  (tokens, index, words) => {
    const tables = (all: WhenWords): readonly Readonly<Record<string, number>>[] =>
      isShortToo ? [all.weekdays, all.weekdaysShort] : [all.weekdays];
    const whole = named(tables, (weekday) => ({ weekday }))(tokens, index, words);
    return [...whole, ...ordinalWeekdayAt(tokens, index, words)].map((found) => {
      const dash = tokens[found.end]?.folded === '-' ? 1 : 0;
      const isEnd = words.weekdayEnds.includes(tokens[found.end + dash]?.folded ?? '');
      return isEnd ? { ...found, end: found.end + dash + 1 } : found;
    });
  };

/** "5a feira", as Portuguese counts its days: Monday is the second. */
function ordinalWeekdayAt(tokens: readonly Token[], index: number, words: WhenWords): readonly Found[] {
  const number = tokens[index];
  const value = number?.value ?? Number.NaN;
  const isOrdinal = tokens[index + 1]?.folded === 'a' && tokens[index + 1]?.isGlued === true;
  const dash = tokens[index + 2]?.folded === '-' ? 1 : 0;
  const isDay = isOrdinal && words.weekdayEnds.includes(tokens[index + 2 + dash]?.folded ?? '');
  return isDay && value >= 2 && value <= 6 ? [{ weekday: value - 1, end: index + 2 }] : [];
}

const yearAt: CaptureReader = (tokens, index) => {
  const { folded = '', value = 0 } = tokens[index] ?? {};
  return /^(?:19|20|21)\d\d$/u.test(folded) ? [{ year: value, end: index + 1 }] : [];
};

const readers: Readonly<Record<string, CaptureReader | undefined>> = {
  hour: (tokens, index, words) =>
    within(0, 24, (hour) => ({ hour, is24: /^0\d$/u.test(tokens[index]?.folded ?? '') }))(tokens, index, words).filter(
      () => (tokens[index]?.folded.length ?? 0) <= 2 || tokens[index]?.kind === 'word',
    ),
  number: (tokens, index) => (tokens[index]?.kind === 'number' ? [{ end: index + 1 }] : []),
  glued: (tokens, index) => (tokens[index]?.kind === 'number' && tokens[index].isGlued ? [{ end: index + 1 }] : []),
  mm: (tokens, index) => {
    const { folded = '', value = 0 } = tokens[index] ?? {};
    return /^[0-5]\d$/u.test(folded) ? [{ minute: value, end: index + 1 }] : [];
  },
  min: within(1, 59, (minute) => ({ minute })),
  n: within(1, 999, (n) => ({ n })),
  day: (tokens, index, words) =>
    within(1, 31, (value) => ({ days: [value] }))(tokens, index, words).flatMap((found) => {
      const behind = tokens[found.end];
      const isEnd = behind?.isGlued === true && words.ordinalEnds.includes(behind.folded);
      return isEnd ? [{ ...found, end: found.end + 1 }, found] : [found];
    }),
  mon: (tokens, index) => {
    const { folded = '', value = 0 } = tokens[index] ?? {};
    return /^\d{1,2}$/u.test(folded) && value >= 1 && value <= 12 ? [{ month: value, end: index + 1 }] : [];
  },
  year4: yearAt,
  year: (tokens, index, words) => {
    const { folded = '', value = 0 } = tokens[index] ?? {};
    return /^\d\d$/u.test(folded) ? [{ year: 2000 + value, end: index + 1 }] : yearAt(tokens, index, words);
  },
  month: named(
    (words) => [words.months, words.monthsShort],
    (month) => ({ month }),
  ),
  unit: named(
    (words) => [words.units],
    (unit) => ({ unit }),
  ),
  part: named(
    (words) => [words.parts],
    (part) => ({ part }),
  ),
  weekday: weekdayAt(false),
  wd: weekdayAt(true),
};
