/** Checks of what tenants set, for the parts that agents share. */
import { locales } from './texts/catalogue.ts';

/** What is wrong with a value; undefined if nothing is. */
export type Check = (value: unknown) => string | undefined;

/** Any value as the fields it has; undefined when it is no object. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** A text. */
export const text =
  (lengthMax: number): Check =>
  (value) => {
    if (typeof value !== 'string' || value.trim() === '') return 'has to be a text that is not empty';
    return value.length > lengthMax ? `has more than ${lengthMax.toString()} characters` : undefined;
  };

/** A text, or one by locale. */
export const worded =
  (lengthMax: number): Check =>
  (value) => {
    const one = text(lengthMax);
    const byLocale = fieldsOf(value);
    if (byLocale === undefined) return one(value);
    const names = Object.keys(byLocale);
    if (names.length === 0 || !names.every((name) => locales.includes(name)))
      return `has to be by locale: ${locales.join(', ')}`;
    return Object.values(byLocale)
      .map(one)
      .find((problem) => problem !== undefined);
  };

/** An id that a tenant gives: it stands in records, so it holds nothing but letters, digits and hyphens. */
export const givenId: Check = (value) =>
  typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,39}$/.test(value)
    ? undefined
    : 'has to be 1 to 40 small letters, digits and hyphens';

/** A whole number. */
export const wholeNumber =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `has to be a whole number from ${least.toString()} to ${most.toString()}`;

/** A list; `each` says what is wrong with one of its things, where no path is needed for that. */
export const listOf =
  (least: number, most: number, each: Check = () => undefined): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return `has to be a list of ${least.toString()} to ${most.toString()}`;
    return value.map(each).find((problem) => problem !== undefined);
  };

/** Other words for a thing. */
export const aliases: Check = listOf(0, 30, text(60));

/** An http or https address. */
export const address =
  (lengthMax: number): Check =>
  (value) =>
    text(lengthMax)(value) ??
    (/^https?:\/\/\S+$/u.test(String(value)) ? undefined : 'has to be an http or https address');

/** What is wrong with the fields of a thing, each by its path; `needed` must be there, `allowed` may be. */
export function fieldProblems(
  path: string,
  value: unknown,
  needed: Readonly<Record<string, Check>>,
  allowed: Readonly<Record<string, Check>> = {},
): readonly string[] {
  const fields = fieldsOf(value);
  if (fields === undefined) return [`${path} has to be an object`];
  const checks = { ...needed, ...allowed };
  const missing = Object.keys(needed).filter((name) => fields[name] === undefined);
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(fields).flatMap(([name, field]) => {
      if (field === undefined) return [];
      if (!Object.hasOwn(checks, name)) return [`${path}.${name.slice(0, 40)} is not a setting`];
      const problem = checks[name]?.(field);
      return problem === undefined ? [] : [`${path}.${name} ${problem}`];
    }),
  ];
}

/** What is wrong with each of a list of things, and that two have the same id; no more than `most` are looked at. */
export function thingsProblems(
  path: string,
  value: unknown,
  most: number,
  needed: Readonly<Record<string, Check>>,
  allowed: Readonly<Record<string, Check>> = {},
): readonly string[] {
  const things = Array.isArray(value) ? value.slice(0, most) : [];
  const ids = things.map((thing) => fieldsOf(thing)?.['id']);
  return [
    ...things.flatMap((thing, i) => fieldProblems(`${path}.${i.toString()}`, thing, needed, allowed)),
    ...(new Set(ids).size === ids.length ? [] : [`${path} has an id twice`]),
  ];
}
