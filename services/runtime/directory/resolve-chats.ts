/**
 * Finds or makes the conversations of many chats at once: one transaction to look, one to write, however
 * many chats there are. Sealing is between the two, since it may need a transaction of its own.
 *
 * Whoever inserts an address first wins (D1 of `postgres-directory.ts`); the loser rolls back whole, looks
 * again and takes the winner's conversation.
 */
import type { Database, Sql } from '../database/database.ts';
import { derivedId, newUlid } from '../records.ts';
import type { SealedIn, Vault } from '../vault/vault.ts';
import { type ConversationEntry, canonicalAddress } from './directory.ts';

/** A chat to be found. */
export interface Chat {
  readonly tenant: string;
  readonly line: string;
  /** `otherIndex` is of another spelling of the same number: a conversation known by it is the chat's. */
  readonly addresses: readonly { readonly address: string; readonly index: string; readonly otherIndex?: string }[];
  readonly group: boolean;
  readonly at: number;
}

/** An address that is not in the directory yet. */
interface NewAddress {
  readonly entry: ConversationEntry;
  readonly address: string;
  readonly index: string;
  readonly at: number;
}

/** What is there, and what is to be made. */
interface Plan {
  /** By `nameOf`. */
  readonly owners: ReadonlyMap<string, ConversationEntry>;
  readonly conversations: readonly ConversationEntry[];
  readonly addresses: readonly NewAddress[];
}

/** A row of `conversations`. */
export interface ConversationRow {
  readonly id: string;
  readonly tenant: string;
  readonly line: string;
  readonly person: string;
  readonly is_group: boolean;
  readonly merged_into: string | null;
  readonly kept_apart: boolean;
}

/** Columns of a `ConversationRow`, of the table named c. */
export const conversationColumns = `c.id, c.tenant, c.line, c.person, c.is_group, c.merged_into,
  c.merged_into IS NULL AND c.merge_decided_at IS NOT NULL AS kept_apart`;

/**
 * For each row `w` (tenant, line, index) its address `a` and that one's conversation `c`, where there is one. Each is
 * asked for alone: a join that is planned while the tables are empty reads all addresses of the tenant.
 */
export const ownedBy = `
  CROSS JOIN LATERAL (
    SELECT * FROM addresses WHERE tenant = w.tenant AND line = w.line AND address_index = w.index LIMIT 1
  ) a CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = a.conversation LIMIT 1) c`;

/** A row as the directory shows it. */
export const entryOf = (row: ConversationRow): ConversationEntry => ({
  conversation: row.id,
  tenant: row.tenant,
  line: row.line,
  person: row.person,
  group: row.is_group,
  ...(row.merged_into === null ? {} : { mergedInto: row.merged_into }),
  ...(row.kept_apart ? { keptApart: true } : {}),
});

/** What the address of an index is sealed for. */
export const addressIn = (entry: Pick<ConversationEntry, 'tenant' | 'conversation'>, index: string): SealedIn => ({
  tenant: entry.tenant,
  actor: entry.conversation,
  type: 'directory.address',
  eventId: derivedId('a', index),
});

/** For each chat the conversation of each of its addresses, in their order; what is not there is made. Idempotent. */
export async function resolveChats(
  database: Database,
  vault: Vault,
  chats: readonly Chat[],
): Promise<readonly (readonly ConversationEntry[])[]> {
  const tenants = [...new Set(chats.map(({ tenant }) => tenant))];
  for (;;) {
    const plan = planOf(chats, await database.transaction(tenants, (sql) => ownersOf(sql, chats)));
    if (plan.addresses.length > 0 && !(await write(database, vault, tenants, plan))) continue;
    return chats.map(({ tenant, line, addresses }) =>
      addresses.flatMap(({ index }) => plan.owners.get(nameOf(tenant, line, index)) ?? []),
    );
  }
}

const nameOf = (tenant: string, line: string, index: string): string => `${tenant}/${line}/${index}`;

/** The conversations of those addresses that are in the directory, by `nameOf`. */
async function ownersOf(sql: Sql, chats: readonly Chat[]): Promise<ReadonlyMap<string, ConversationEntry>> {
  const wanted = chats.flatMap(({ tenant, line, addresses }) =>
    addresses.flatMap(({ index, otherIndex }) =>
      (otherIndex === undefined ? [index] : [index, otherIndex]).map((one) => [tenant, line, one]),
    ),
  );
  const found = await sql.query<ConversationRow & { address_index: string }>(
    `SELECT ${conversationColumns}, a.address_index
     FROM unnest($1::text[], $2::text[], $3::text[]) AS w (tenant, line, index) ${ownedBy}`,
    [0, 1, 2].map((column) => wanted.map((row) => row[column])),
  );
  return new Map(found.rows.map((row) => [nameOf(row.tenant, row.line, row.address_index), entryOf(row)]));
}

/** A chat belongs to the conversation of the first of its addresses that is known, or else to a new one. */
function planOf(chats: readonly Chat[], known: ReadonlyMap<string, ConversationEntry>): Plan {
  const owners = new Map(known);
  const conversations: ConversationEntry[] = [];
  const addresses: NewAddress[] = [];
  for (const chat of chats) {
    const { tenant, line, group, at } = chat;
    const name = (index: string): string => nameOf(tenant, line, index);
    let entry = [
      ...chat.addresses.map(({ index }) => index),
      ...chat.addresses.flatMap(({ otherIndex }) => otherIndex ?? []),
    ]
      .map((index) => owners.get(name(index)))
      .find((owner) => owner !== undefined);
    if (entry === undefined) {
      entry = { conversation: `c_${newUlid(at)}`, tenant, line, person: `p_${newUlid(at)}`, group };
      conversations.push(entry);
    }
    for (const { address, index } of chat.addresses) {
      if (owners.has(name(index))) continue;
      // The next chat of the same moment may be the same one.
      owners.set(name(index), entry);
      addresses.push({ entry, address, index, at });
    }
  }
  return { owners, conversations, addresses };
}

/** False when another process made one of the addresses first. */
async function write(
  database: Database,
  vault: Vault,
  tenants: readonly string[],
  { conversations, addresses }: Plan,
): Promise<boolean> {
  // In an order that all processes share: who inserts the same addresses the other way round would wait in a ring.
  const sorted = [...addresses].sort((a, b) => (a.index < b.index ? -1 : 1));
  const sealed = await Promise.all(
    sorted.map(({ entry, address, index, at }) => vault.seal(addressIn(entry, index), entry.person, at, address)),
  );
  try {
    await database.transaction(tenants, async (sql) => {
      const [, inserted] = await Promise.all([
        conversations.length > 0 ? insertConversations(sql, conversations) : undefined,
        insertAddresses(sql, sorted, sealed),
      ]);
      if (inserted < sorted.length) throw new LostRace();
    });
    return true;
  } catch (caught) {
    if (caught instanceof LostRace) return false;
    throw caught;
  }
}

async function insertConversations(sql: Sql, rows: readonly ConversationEntry[]): Promise<void> {
  await sql.query(
    `INSERT INTO conversations (tenant, id, line, person, is_group)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])`,
    [
      rows.map(({ tenant }) => tenant),
      rows.map(({ conversation }) => conversation),
      rows.map(({ line }) => line),
      rows.map(({ person }) => person),
      rows.map(({ group }) => group),
    ],
  );
}

async function insertAddresses(sql: Sql, rows: readonly NewAddress[], sealed: readonly Buffer[]): Promise<number> {
  const inserted = await sql.query(
    `INSERT INTO addresses (tenant, line, address_index, conversation, kind, sealed)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[])
     ON CONFLICT (tenant, line, address_index) DO NOTHING`,
    [
      rows.map(({ entry }) => entry.tenant),
      rows.map(({ entry }) => entry.line),
      rows.map(({ index }) => index),
      rows.map(({ entry }) => entry.conversation),
      rows.map(({ address }) => canonicalAddress(address).split(':')[0] ?? 'other'),
      sealed,
    ],
  );
  return inserted.rowCount;
}

/** Makes the transaction roll back when another process made one of the addresses first. */
class LostRace extends Error {}
