/**
 * The directory in Postgres, with a bounded cache of addresses in memory.
 *
 * D1 One address of a line belongs to one conversation: the primary key of `addresses` decides races.
 * D2 The cache holds only what was committed; an address never moves to another conversation here.
 */
import type { Database } from '../database/database.ts';
import { joinCalls } from '../joined-calls.ts';
import { Lru } from '../lru.ts';
import type { Opened, Vault } from '../vault/vault.ts';
import { type ConversationEntry, type Directory, canonicalAddress } from './directory.ts';
import {
  type Chat,
  type ConversationRow,
  addressIn,
  conversationColumns,
  entryOf,
  resolveChats,
} from './resolve-chats.ts';

const cacheEntriesMax = 200_000;

/** Which address is preferred for sending, best first. A LID is what WhatsApp routes by, a number what all providers take. */
const kindsByPreference = ['group', 'pn', 'lid', 'other'];

/** Chats that are looked up, and made, together. */
const chatsPerBatch = 200;

/** Opens the directory. */
export function openDirectory(database: Database, vault: Vault): Directory {
  const cache = new Lru<string, ConversationEntry>(cacheEntriesMax);
  const indexOf = (tenant: string, address: string): string =>
    vault.index(tenant, 'address', canonicalAddress(address));
  const cacheKey = (tenant: string, line: string, index: string): string => `${tenant}/${line}/${index}`;

  // Everyone who writes for the first time needs rows: those of one moment share transactions.
  const resolveOne = joinCalls<Chat, readonly ConversationEntry[]>((chats) => resolveChats(database, vault, chats), {
    callsMax: chatsPerBatch,
  });

  return {
    async resolve({ tenant, line, addresses, group, at }) {
      const indexed = addresses.map((address) => ({ address, index: indexOf(tenant, address) }));
      const cached = indexed.map(({ index }) => cache.get(cacheKey(tenant, line, index)));
      if (cached[0] !== undefined && cached.every((entry) => entry !== undefined)) return cached[0];
      const owners = await resolveOne({ tenant, line, addresses: indexed, group, at });
      indexed.forEach(({ index }, i) => {
        if (owners[i] !== undefined) cache.set(cacheKey(tenant, line, index), owners[i]);
      });
      if (owners[0] === undefined) throw new Error('a chat without an address has no conversation');
      return owners[0];
    },

    async find(tenant, line, address) {
      const index = indexOf(tenant, address);
      const cached = cache.get(cacheKey(tenant, line, index));
      if (cached !== undefined) return cached;
      const found = await database.transaction([tenant], (sql) =>
        sql.query<ConversationRow>(
          `SELECT ${conversationColumns} FROM addresses a JOIN conversations c ON c.id = a.conversation
           WHERE a.tenant = $1 AND a.line = $2 AND a.address_index = $3`,
          [tenant, line, index],
        ),
      );
      if (found.rows[0] === undefined) return undefined;
      const entry = entryOf(found.rows[0]);
      cache.set(cacheKey(tenant, line, index), entry);
      return entry;
    },

    async read(tenant, conversation) {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<ConversationRow>(
          `SELECT ${conversationColumns} FROM conversations c WHERE c.tenant = $1 AND c.id = $2`,
          [tenant, conversation],
        ),
      );
      return found.rows[0] === undefined ? undefined : entryOf(found.rows[0]);
    },

    async addressOf(tenant, conversation): Promise<Opened<string> | undefined> {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<{ address_index: string; line: string; sealed: Buffer }>(
          `SELECT address_index, line, sealed FROM addresses WHERE tenant = $1 AND conversation = $2
           ORDER BY array_position($3::text[], kind), created_at DESC LIMIT 1`,
          [tenant, conversation, kindsByPreference],
        ),
      );
      const row = found.rows[0];
      if (row === undefined) return undefined;
      return vault.open<string>(addressIn({ tenant, conversation }, row.address_index), row.sealed);
    },
  };
}
