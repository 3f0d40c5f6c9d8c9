/**
 * Reads of JSON whose shape nobody promises: every function is total and takes the first usable
 * value or nothing. Only own properties count, so that `__proto__` and `constructor` in a body are
 * names like any other.
 */

/** A JSON object as parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value when it is an object (not an array), else undefined. */
export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** The value at a path of own properties; undefined when there is none. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    const parent = objectOf(found);
    if (parent === undefined || !Object.hasOwn(parent, name)) return undefined;
    found = parent[name];
  }
  return found;
}

/** The object at a path. */
export const objectAt = (value: unknown, ...path: readonly string[]): JsonObject | undefined =>
  objectOf(valueAt(value, ...path));

/** The array at a path, its first `max` items; empty when there is none. */
export function listAt(value: unknown, max: number, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? (found as unknown[]).slice(0, max) : [];
}

/** Text of at most `max` UTF-16 units, cut between characters; undefined when empty or not text. */
export function textAt(value: unknown, max: number, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? cut(found, max) : undefined;
}

const idLengthMax = 256;

/** An identifier: text or a whole number. One that is too long is none: a cut identifier names something else. */
export function idAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  if (typeof found === 'number') return Number.isSafeInteger(found) ? String(found) : undefined;
  return typeof found === 'string' && found !== '' && found.length <= idLengthMax ? found : undefined;
}

/** A finite number, also one written as text. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  if (typeof found === 'number') return Number.isFinite(found) ? found : undefined;
  if (typeof found !== 'string' || !/^-?\d{1,20}(\.\d{1,20})?$/.test(found)) return undefined;
  return Number(found);
}

/** A finite number, also a 64-bit one as `{low, high}`, which is how protobuf libraries write it. */
export function longAt(value: unknown, ...path: readonly string[]): number | undefined {
  const low = numberAt(value, ...path, 'low');
  return low === undefined ? numberAt(value, ...path) : (low >>> 0) + (numberAt(value, ...path, 'high') ?? 0) * 2 ** 32;
}

/** Times outside of these years (2001 to 2100) are a provider's mistake. Epoch milliseconds. */
const timeMin = 1e12;
const timeMax = 4_102_444_800_000;

/** Below this a time is in seconds: in milliseconds it would be before 1973. */
const secondsMax = 1e11;

/**
 * A time in whole epoch milliseconds, from seconds (fractional too), milliseconds, either as text,
 * or a 64-bit number as `{low, high}`. Undefined when it is none.
 */
export function timeAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = longAt(value, ...path);
  if (found === undefined) return undefined;
  const at = Math.round(found < secondsMax ? found * 1_000 : found);
  return at >= timeMin && at <= timeMax ? at : undefined;
}

/** The text's first `max` UTF-16 units, one less when that would split a character. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
