/**
 * Addresses of chats and people as the unofficial stacks write them: `…@c.us`, `…@s.whatsapp.net`,
 * `…@lid`, `…@g.us`. A chat may be named by a phone number and by a LID in the same event.
 */
import { canonicalAddress } from '#runtime/directory/directory.ts';

import { idAt } from './loose-json.ts';
import type { Chat } from './provider.ts';

/** Our own account's addresses, canonical. */
export type Own = ReadonlySet<string>;

/**
 * The chat that some addresses name, most trusted first. `alternates` are those that are sure to be
 * other names of the chat: one of somebody else would merge two people for good.
 */
export function chatAmong(
  named: readonly (string | undefined)[],
  alternates: readonly (string | undefined)[],
  own: Own,
): Chat | undefined {
  const present = named.filter((found) => found !== undefined);
  const group = present.find((found) => kindOf(found) === 'group');
  if (group !== undefined) return { addresses: [group], group: true };
  if (present.some((found) => kindOf(found) === 'other')) return undefined;
  // A note to ourselves is a chat too: there every address is ours.
  const primary = present.find((found) => !own.has(canonicalAddress(found))) ?? present[0];
  if (primary === undefined) return undefined;
  return { addresses: [primary, ...otherNames(primary, alternates, own)], group: false };
}

/** An address at a path; undefined for what is none, as the literal `me` in polls. */
export const address = (value: unknown, ...path: readonly string[]): string | undefined => usable(idAt(value, ...path));

const addressPattern = /^[\w.:-]{1,128}@[a-z.]{1,30}$/;

/** The text when it is an address. */
export const usable = (text: string | undefined): string | undefined =>
  text !== undefined && addressPattern.test(text) ? text : undefined;

/** `other`: status, channels, broadcast lists, bots, calls. */
function kindOf(found: string): 'pn' | 'lid' | 'group' | 'other' {
  const kind = canonicalAddress(found).split(':')[0];
  return kind === 'pn' || kind === 'lid' || kind === 'group' ? kind : 'other';
}

/**
 * Other names of the same party: only a number for a LID and a LID for a number, one of them, and
 * never ours. Two different numbers are two people, whatever an event looks like.
 */
export function otherNames(primary: string, found: readonly (string | undefined)[], own: Own = new Set()): string[] {
  const wanted = kindOf(primary) === 'pn' ? 'lid' : 'pn';
  const other = found.find((one) => one !== undefined && kindOf(one) === wanted && !own.has(canonicalAddress(one)));
  return other === undefined || kindOf(primary) === 'group' ? [] : [other];
}
