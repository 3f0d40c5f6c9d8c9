/** Chats as callers of the API name them. */
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { phoneCandidates } from './phone-numbers.ts';

const chatAddress = /^[\d-]{5,40}@(?:c\.us|s\.whatsapp\.net|lid|g\.us)$/;

/** True for a phone number and for a chat address. */
export const isChat = (to: string): boolean => chatAddress.test(to) || phoneCandidates(to).length > 0;

/**
 * The chat of a number or address that `isChat` takes: one that is known under any spelling of the number,
 * else a new one. Throws `database.unavailable`, `vault.unavailable`.
 */
export async function chatOf(
  { directory, now }: Pick<Runtime, 'directory' | 'now'>,
  { tenant, line }: Pick<Instance, 'tenant' | 'line'>,
  to: string,
): Promise<ConversationEntry> {
  const addresses = chatAddress.test(to) ? [to] : phoneCandidates(to);
  const found = await Promise.all(addresses.map((address) => directory.find(tenant, line, address)));
  const known = found.find((entry) => entry !== undefined);
  if (known !== undefined) return known;
  return directory.resolve({ tenant, line, addresses: addresses.slice(0, 1), group: to.endsWith('@g.us'), at: now() });
}
