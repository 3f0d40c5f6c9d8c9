/** Cursors of lists: where the next page begins, as opaque text. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';

/** The text of a place. */
export const cursorOf = (place: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/** The place of a cursor that `cursorOf` made; throws `Problem` 400 for anything else. Undefined for no cursor. */
export function placeOf<Place>(cursor: string | undefined, shape: z.ZodType<Place>): Place | undefined {
  if (cursor === undefined) return undefined;
  const parsed = shape.safeParse(jsonOf(cursor));
  if (parsed.success) return parsed.data;
  throw new Problem(400, 'cursor-invalid', 'The cursor is not one that this list gave.');
}

function jsonOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Microseconds since 1970 up to the year 2200: all that a place may say, so that any cursor can be compared with. */
const microsecondsMax = 7_258_118_400_000_000;

/** The time of a place. */
export const microseconds = z.number().int().min(0).max(microsecondsMax);

/** A place in a list ordered by time and id: the time in microseconds, as exact as Postgres has it. */
export const timePlace = z.tuple([microseconds, z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)]);
export type TimePlace = z.infer<typeof timePlace>;

/** SQL of a time as it stands in a `TimePlace`; comes out as text. */
export const placeOfTime = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** SQL of the time of a `TimePlace` given as a parameter. */
export const timeOfPlace = (parameter: string): string =>
  `('epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond')`;

/**
 * The page of rows that were asked for with one more than `limit`, which says whether there is another.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  place: (row: Row) => readonly (string | number)[],
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    next: rows.length > limit && last !== undefined ? cursorOf(place(last)) : null,
  };
}
