/**
 * The directory in Postgres, with a bounded cache of addresses in memory.
 *
 * D1 One address of a line belongs to one conversation: the primary key of `addresses` decides races.
 * D2 The cache holds only what was committed. An address moves when its conversation is merged (`moving.ts`): who
 *    has it in memory sends to the younger conversation, which forwards. One that was erased fails when something is
 *    sealed for it; then it is let go (`releaseErased`) and resolved anew.
 */
import type { Database } from '../database/database.ts';
import { joinCalls } from '../joined-calls.ts';
import { Lru } from '../lru.ts';
import type { Opened, Vault } from '../vault/vault.ts';
import {
  type AddressKind,
  type ConversationEntry,
  type Directory,
  canonicalAddress,
  otherSpelling,
} from './directory.ts';
import { moveAddresses } from './moving.ts';
import {
  type Chat,
  type ConversationRow,
  addressIn,
  conversationColumns,
  entryOf,
  ownedBy,
  resolveChats,
} from './resolve-chats.ts';

const cacheEntriesMax = 200_000;

/** Every kind of address, best first: a number is what all providers take. */
const kindsByPreference: readonly AddressKind[] = ['group', 'pn', 'bsuid', 'lid', 'other'];

/** Chats that are looked up, and made, together. */
const chatsPerBatch = 200;

/** An address that is looked up. */
interface Wanted {
  readonly tenant: string;
  readonly line: string;
  readonly index: string;
}

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

  // Those of a list of numbers are looked up together.
  const findOne = joinCalls<Wanted, ConversationEntry | undefined>(
    async (wanted) => {
      const found = await database.query<ConversationRow & { readonly place: number }>(
        [...new Set(wanted.map(({ tenant }) => tenant))],
        `SELECT w.place::int, ${conversationColumns}
         FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, line, index, place) ${ownedBy}`,
        [wanted.map(({ tenant }) => tenant), wanted.map(({ line }) => line), wanted.map(({ index }) => index)],
      );
      const byPlace = new Map(found.rows.map((row) => [row.place, entryOf(row)]));
      return wanted.map((_, i) => byPlace.get(i + 1));
    },
    { callsMax: chatsPerBatch },
  );

  return {
    async resolve({ tenant, line, addresses, group, at }) {
      const indexed = addresses.map((address) => {
        const other = otherSpelling(address);
        return {
          address,
          index: indexOf(tenant, address),
          ...(other === undefined ? {} : { otherIndex: indexOf(tenant, other) }),
        };
      });
      const cached = indexed.map(({ index }) => cache.get(cacheKey(tenant, line, index)));
      const [known] = cached;
      // Where memory names two, they may be one by now.
      if (known !== undefined && cached.every((entry) => entry?.conversation === known.conversation)) return known;
      const owners = await resolveOne({ tenant, line, addresses: indexed, group, at });
      indexed.forEach(({ index }, i) => {
        if (owners[i] !== undefined) cache.set(cacheKey(tenant, line, index), owners[i]);
      });
      const [owner] = owners;
      if (owner === undefined) throw new Error('a chat without an address has no conversation');
      const twin = owners.find(({ conversation }) => conversation !== owner.conversation);
      return twin === undefined || group || owner.keptApart || twin.keptApart ? owner : { ...owner, twin };
    },

    async find(tenant, line, address) {
      const index = indexOf(tenant, address);
      const cached = cache.get(cacheKey(tenant, line, index));
      if (cached !== undefined) return cached;
      const entry = await findOne({ tenant, line, index });
      if (entry !== undefined) cache.set(cacheKey(tenant, line, index), entry);
      return entry;
    },

    async releaseErased({ tenant, line, addresses }) {
      const indexes = addresses.flatMap((address) => {
        cache.delete(cacheKey(tenant, line, indexOf(tenant, address)));
        const other = otherSpelling(address);
        return (other === undefined ? [address] : [address, other]).map((one) => indexOf(tenant, one));
      });
      await database.query(
        [tenant],
        `WITH erased AS (
           SELECT a.conversation
           FROM (SELECT conversation FROM addresses WHERE tenant = $1 AND line = $2 AND address_index = ANY ($3::text[]) OFFSET 0) AS a
           CROSS JOIN LATERAL (SELECT person FROM conversations WHERE id = a.conversation LIMIT 1) AS c
           CROSS JOIN LATERAL (
             SELECT state FROM vault_keys WHERE tenant = $1 AND person = c.person ORDER BY month DESC LIMIT 1) AS k
           WHERE k.state = 'erased')
         DELETE FROM addresses WHERE tenant = $1 AND conversation = ANY (ARRAY(SELECT conversation FROM erased))`,
        [tenant, line, indexes],
      );
    },

    move: (merge) => moveAddresses(database, vault, merge),

    async read(tenant, conversation) {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<ConversationRow>(
          `SELECT ${conversationColumns} FROM conversations c WHERE c.tenant = $1 AND c.id = $2`,
          [tenant, conversation],
        ),
      );
      return found.rows[0] === undefined ? undefined : entryOf(found.rows[0]);
    },

    async addressOf(tenant, conversation, kinds = kindsByPreference): Promise<Opened<string> | undefined> {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<{ address_index: string; line: string; sealed: Buffer }>(
          `SELECT address_index, line, sealed FROM addresses
           WHERE tenant = $1 AND conversation = $2 AND kind = ANY ($3::text[])
           ORDER BY array_position($3::text[], kind), created_at DESC LIMIT 1`,
          [tenant, conversation, kinds],
        ),
      );
      const row = found.rows[0];
      if (row !== undefined)
        return vault.open<string>(addressIn({ tenant, conversation }, row.address_index), row.sealed);
      // What it said before it was merged still goes out. It goes on in an elder one only, so that this ends.
      const into = (await this.read(tenant, conversation))?.mergedInto;
      return into === undefined ? undefined : this.addressOf(tenant, into, kinds);
    },
  };
}
