/** What a record changed in an actor's context, place by place. */
import { isDeepStrictEqual } from 'node:util';

/** A place of a context with what it was and what it is; absent: there was or is nothing. */
export interface ContextChange {
  /** Field names from the top, joined by dots. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Changes that are told apart; beyond them the whole field at the top is one change. */
const changesMax = 100;

/**
 * The places in which two contexts differ, in order of field names. Lists are one place. Contexts are
 * plain JSON; one that is not there has no fields.
 */
export function contextDifference(before: unknown, after: unknown): readonly ContextChange[] {
  const changes = [...differing('', before ?? {}, after ?? {})];
  return changes.length <= changesMax ? changes : [...topFields(before, after)];
}

function* differing(path: string, before: unknown, after: unknown): Generator<ContextChange> {
  if (isDeepStrictEqual(before, after)) return;
  if (isFields(before) && isFields(after)) {
    for (const name of namesOf(before, after))
      yield* differing(path === '' ? name : `${path}.${name}`, before[name], after[name]);
    return;
  }
  yield changeOf(path, before, after);
}

function* topFields(before: unknown, after: unknown): Generator<ContextChange> {
  const [left, right] = [isFields(before) ? before : {}, isFields(after) ? after : {}];
  for (const name of namesOf(left, right))
    if (!isDeepStrictEqual(left[name], right[name])) yield changeOf(name, left[name], right[name]);
}

const changeOf = (path: string, before: unknown, after: unknown): ContextChange => ({
  path,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
});

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const namesOf = (one: Fields, other: Fields): readonly string[] =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
