/**
 * The directory in Postgres, with a bounded cache of addresses in memory.
 *
 * D1 One address of a line belongs to one conversation: the primary key of `addresses` decides races.
 * D2 The cache holds only what was committed; an address never moves to another conversation here.
 */
import type { Database, Sql } from '../database/database.ts';
import { Lru } from '../lru.ts';
import { derivedId, newUlid } from '../records.ts';
import type { Opened, Vault } from '../vault/vault.ts';
import { type ConversationEntry, type Directory, canonicalAddress } from './directory.ts';

const cacheEntriesMax = 200_000;

/** Which address is preferred for sending, best first. A LID is what WhatsApp routes by, a number what all providers take. */
const kindsByPreference = ['group', 'pn', 'lid', 'other'];

interface ConversationRow {
  readonly id: string;
  readonly tenant: string;
  readonly line: string;
  readonly person: string;
  readonly is_group: boolean;
}

const columns = 'c.id, c.tenant, c.line, c.person, c.is_group';

const entryOf = (row: ConversationRow): ConversationEntry => ({
  conversation: row.id,
  tenant: row.tenant,
  line: row.line,
  person: row.person,
  group: row.is_group,
});

/** Opens the directory. */
export function openDirectory(database: Database, vault: Vault): Directory {
  const cache = new Lru<string, ConversationEntry>(cacheEntriesMax);
  const indexOf = (tenant: string, address: string): string =>
    vault.index(tenant, 'address', canonicalAddress(address));
  const cacheKey = (tenant: string, line: string, index: string): string => `${tenant}/${line}/${index}`;

  const lookUp = async (sql: Sql, tenant: string, line: string, indexes: readonly string[]) => {
    const found = await sql.query<ConversationRow & { address_index: string }>(
      `SELECT ${columns}, a.address_index FROM addresses a JOIN conversations c ON c.id = a.conversation
       WHERE a.tenant = $1 AND a.line = $2 AND a.address_index = ANY ($3)`,
      [tenant, line, indexes],
    );
    return found.rows;
  };

  const link = async (
    sql: Sql,
    entry: ConversationEntry,
    index: string,
    address: string,
    at: number,
  ): Promise<boolean> => {
    const sealed = await vault.seal(sealedIn(entry, index), entry.person, at, address);
    const kind = canonicalAddress(address).split(':')[0] ?? 'other';
    const inserted = await sql.query(
      `INSERT INTO addresses (tenant, line, address_index, conversation, kind, sealed) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant, line, address_index) DO NOTHING`,
      [entry.tenant, entry.line, index, entry.conversation, kind, sealed],
    );
    return inserted.rowCount === 1;
  };

  return {
    async resolve({ tenant, line, addresses, group, at }) {
      const indexes = addresses.map((address) => indexOf(tenant, address));
      const cached = indexes.map((index) => cache.get(cacheKey(tenant, line, index)));
      const first = cached.find((entry) => entry !== undefined);
      if (first !== undefined && cached.every((entry) => entry !== undefined)) return first;

      const proposed: ConversationEntry = first ?? {
        conversation: `c_${newUlid(at)}`,
        tenant,
        line,
        person: `p_${newUlid(at)}`,
        group,
      };
      // The person's key is made before the transaction, which else would hold a connection while waiting for another.
      if (first === undefined) await vault.seal(sealedIn(proposed, ''), proposed.person, at, '');
      const entry = await database
        .transaction([tenant], async (sql) => {
          const rows = await lookUp(sql, tenant, line, indexes);
          const known = rows[0];
          const target = known === undefined ? proposed : entryOf(known);
          if (known === undefined) {
            await sql.query(
              'INSERT INTO conversations (tenant, id, line, person, is_group) VALUES ($1, $2, $3, $4, $5)',
              [tenant, target.conversation, line, target.person, group],
            );
          }
          const linked = new Set(rows.map((row) => row.address_index));
          // In an order that all processes share: who inserts the same addresses the other way round would wait in a ring.
          for (const [i, index] of [...indexes.entries()].sort(([, a], [, b]) => (a < b ? -1 : 1))) {
            if (linked.has(index)) continue;
            // D1: whoever inserts the address wins; the loser rolls back and takes the winner's conversation.
            if (!(await link(sql, target, index, addresses[i] ?? '', at)) && known === undefined) throw new LostRace();
          }
          return target;
        })
        .catch((caught: unknown) => {
          if (caught instanceof LostRace) return undefined;
          throw caught;
        });
      if (entry === undefined) return this.resolve({ tenant, line, addresses, group, at });
      for (const index of indexes) cache.set(cacheKey(tenant, line, index), entry);
      return entry;
    },

    async find(tenant, line, address) {
      const index = indexOf(tenant, address);
      const cached = cache.get(cacheKey(tenant, line, index));
      if (cached !== undefined) return cached;
      const row = (await database.transaction([tenant], (sql) => lookUp(sql, tenant, line, [index])))[0];
      if (row === undefined) return undefined;
      const entry = entryOf(row);
      cache.set(cacheKey(tenant, line, index), entry);
      return entry;
    },

    async read(tenant, conversation) {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<ConversationRow>(`SELECT ${columns} FROM conversations c WHERE c.tenant = $1 AND c.id = $2`, [
          tenant,
          conversation,
        ]),
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
      return vault.open<string>(sealedIn({ tenant, conversation }, row.address_index), row.sealed);
    },
  };
}

/** Makes the transaction roll back when another process made the conversation first. */
class LostRace extends Error {}

const sealedIn = (entry: Pick<ConversationEntry, 'tenant' | 'conversation'>, index: string) => ({
  tenant: entry.tenant,
  actor: entry.conversation,
  type: 'directory.address',
  eventId: derivedId('a', index),
});
