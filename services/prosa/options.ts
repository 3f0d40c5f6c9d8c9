/** Options and arguments of commands, as data: parsing and help are made from them. */
import { usageError } from './exit-codes.ts';

/** `--name`, with or without a value. */
export interface Option<T> {
  readonly summary: string;
  /** What its value is called in help; absent for a flag, which takes none. */
  readonly value?: string;
  readonly short?: string;
  /** Shown in help when it is not given. */
  readonly otherwise?: string;
  /** When it is not given. */
  readonly absent: T;
  /** Throws what is wrong with it as a sentence's end: `must be …`. */
  readonly read: (raw: string) => T;
}

/** A word after the command. */
export interface Argument<T> {
  readonly summary: string;
  readonly optional: boolean;
  readonly read: (raw: string | undefined) => T;
}

/** Why a value is not one. Becomes a usage error that names the option. */
class WrongValue extends Error {}

/** What reading gives. */
export type ValuesOf<Specs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends Option<infer T> | Argument<infer T> ? T : never;
};

/** Given or not. */
export const flag = (summary: string, short?: string): Option<boolean> => ({
  summary,
  ...(short === undefined ? {} : { short }),
  absent: false,
  read: () => true,
});

/** Any text. */
export const text = (value: string, summary: string): Option<string | undefined> => ({
  value,
  summary,
  absent: undefined,
  read: nonEmpty,
});

/** One of a few words. */
export const oneOf = <Word extends string>(words: readonly Word[], summary: string): Option<Word | undefined> => ({
  value: 'word',
  summary: `${summary}: ${words.join(', ')}`,
  absent: undefined,
  read(raw) {
    const found = words.find((word) => word === raw);
    if (found === undefined) throw new WrongValue(`must be one of ${words.join(', ')}`);
    return found;
  },
});

/** A whole number within bounds. */
export const integer = (
  value: string,
  summary: string,
  bounds: { readonly min: number; readonly max: number; readonly absent: number },
): Option<number> => ({
  value,
  summary,
  otherwise: String(bounds.absent),
  absent: bounds.absent,
  read: (raw) => integerOf(raw, bounds),
});

/** A whole number that may be left out. */
export const optionalInteger = (
  value: string,
  summary: string,
  bounds: { readonly min: number; readonly max: number },
): Option<number | undefined> => ({ value, summary, absent: undefined, read: (raw) => integerOf(raw, bounds) });

/** A length of time, in milliseconds. */
export const duration = (
  summary: string,
  bounds: { readonly maxMs: number; readonly absent: string },
): Option<number> => ({
  value: 'time',
  summary,
  otherwise: bounds.absent,
  absent: durationOf(bounds.absent, bounds.maxMs),
  read: (raw) => durationOf(raw, bounds.maxMs),
});

/** A length of time that may be left out, in milliseconds. */
export const optionalDuration = (summary: string, maxMs: number): Option<number | undefined> => ({
  value: 'time',
  summary,
  absent: undefined,
  read: (raw) => durationOf(raw, maxMs),
});

/** A moment, in ISO 8601 UTC; `2h` is two hours ago. */
export const moment = (summary: string): Option<string | undefined> => ({
  value: 'moment',
  summary: `${summary}, as ISO 8601 or how long ago (90s, 2h, 3d)`,
  absent: undefined,
  read: momentOf,
});

/** A word that must be there. */
export const word = (summary: string): Argument<string> => ({
  summary,
  optional: false,
  read: (raw) => nonEmpty(raw ?? ''),
});

/** A word that may be left out. */
export const maybe = (summary: string): Argument<string | undefined> => ({
  summary,
  optional: true,
  read: (raw) => (raw === undefined ? undefined : nonEmpty(raw)),
});

/** A number that must be there. */
export const number = (summary: string, bounds: { readonly min: number; readonly max: number }): Argument<number> => ({
  summary,
  optional: false,
  read: (raw) => integerOf(raw ?? '', bounds),
});

function nonEmpty(raw: string): string {
  if (raw === '') throw new WrongValue('must not be empty');
  return raw;
}

function integerOf(raw: string, { min, max }: { readonly min: number; readonly max: number }): number {
  const read = /^\d+$/.test(raw) ? Number(raw) : Number.NaN;
  if (!(read >= min && read <= max)) throw new WrongValue(`must be a whole number from ${min} to ${max}`);
  return read;
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationOf(raw: string, maxMs: number): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(raw) ?? [];
  const ms = Number(amount) * (unitsMs[unit] ?? Number.NaN);
  if (!(ms > 0 && ms <= maxMs)) throw new WrongValue(`must be a time such as 30s, at most ${inWords(maxMs)}`);
  return ms;
}

const inWords = (ms: number): string => {
  const [unit = 'ms', size = 1] = Object.entries(unitsMs).findLast(([, unitMs]) => ms % unitMs === 0) ?? [];
  return `${ms / size}${unit}`;
};

const agoMsMax = 3_650 * 86_400_000;

function momentOf(raw: string): string {
  if (/^\d+(ms|s|m|h|d)$/.test(raw)) return new Date(Date.now() - durationOf(raw, agoMsMax)).toISOString();
  const at = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?$/.test(raw) ? Date.parse(raw) : Number.NaN;
  if (Number.isNaN(at)) throw new WrongValue('must be a moment such as 2026-11-21T02:00:00Z, or 2h for two hours ago');
  return new Date(at).toISOString();
}

/** Reads a value, naming what it was for when it is wrong. */
export function readValue<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (caught) {
    if (caught instanceof WrongValue) throw usageError(`${name} ${caught.message}.`);
    throw caught;
  }
}
