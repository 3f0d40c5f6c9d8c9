/**
 * Names for prepared statements, by their text. What a connection has prepared it keeps, so names are
 * few: only texts that come again get one, and only so many. A text that is put together anew each
 * time is never named.
 */
import { Lru } from '../lru.ts';

/** Uses after which a text gets a name. */
const usesBeforeName = 3;
/** Texts that may have a name; Postgres keeps some ten kilobytes for each on each connection that used it. */
const namesMax = 300;
/** Texts without a name whose uses are counted. */
const countedMax = 1_000;

/** Makes the names of one pool: the function gives a text's name, undefined when it has none. */
export function nameStatements(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  const uses = new Lru<string, number>(countedMax);
  return (text) => {
    const name = names.get(text);
    if (name !== undefined || names.size >= namesMax) return name;
    const used = (uses.get(text) ?? 0) + 1;
    uses.set(text, used);
    // Several commands in one text cannot be prepared.
    if (used < usesBeforeName || text.includes(';')) return undefined;
    names.set(text, `prosa_${names.size}`);
    return names.get(text);
  };
}
