import type { Directory } from '#runtime/directory/directory.ts';
import { Lru } from '#runtime/lru.ts';
import type { Opened } from '#runtime/vault/vault.ts';

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

/** How long a better address of a chat, or the erasure of one, may go unnoticed. Less than keys are kept (V4 of the vault). */
const addressCacheMs = 30_000;

/** The address to send to; throws `database.unavailable`, `vault.unavailable`. */
export type AddressFinder = Directory['addressOf'];

/** Finds addresses and keeps them for a while: an address never moves to another conversation. */
export function addressFinder(directory: Directory, now: () => number): AddressFinder {
  const known = new Lru<string, { readonly address: Opened<string>; readonly until: number }>(cachedMax);
  return async (tenant, conversation, kinds) => {
    const key = `${tenant}/${conversation}/${kinds?.join() ?? ''}`;
    const cached = known.get(key);
    if (cached !== undefined && cached.until > now()) return cached.address;
    const address = await directory.addressOf(tenant, conversation, kinds);
    if (address?.state === 'open') known.set(key, { address, until: now() + addressCacheMs });
    else known.delete(key);
    return address;
  };
}
