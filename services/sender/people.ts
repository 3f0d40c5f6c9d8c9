import type { Directory } from '#runtime/directory/directory.ts';
import { Lru } from '#runtime/lru.ts';

const cachedMax = 50_000;

/** The person of a conversation; throws `database.unavailable`. */
export type PersonFinder = (tenant: string, conversation: string) => Promise<string | undefined>;

/**
 * Finds the person of a conversation, under whose keys everything about it is sealed; undefined when
 * the directory has no such conversation. A conversation never changes hands, so answers are kept.
 */
export function personFinder(directory: Directory): PersonFinder {
  const known = new Lru<string, string>(cachedMax);
  return async (tenant, conversation) => {
    const key = `${tenant}/${conversation}`;
    const cached = known.get(key);
    if (cached !== undefined) return cached;
    const person = (await directory.read(tenant, conversation))?.person;
    if (person !== undefined) known.set(key, person);
    return person;
  };
}
