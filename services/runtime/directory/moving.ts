/**
 * Addresses that change hands, because two conversations turned out to be one chat, or turned out not to be.
 *
 * An address is sealed for its conversation under the keys of its person, so that moving it means sealing
 * it anew. One whose person was erased, before or after, stays where it is: it leads nowhere any more.
 */
import type { Database, Sql } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import type { Vault } from '../vault/vault.ts';
import { addressIn } from './resolve-chats.ts';

/** See `Directory.move`. */
export interface Move {
  readonly tenant: string;
  readonly from: string;
  readonly into: string | undefined;
  readonly at: number;
}

interface AddressRow {
  readonly address_index: string;
  readonly line: string;
  readonly sealed: Buffer;
}

/** Moves the addresses of a conversation. Throws `database.unavailable`, `vault.unavailable`. */
export async function moveAddresses(database: Database, vault: Vault, { tenant, from, into, at }: Move): Promise<void> {
  // Sealing may need a transaction of its own, so that it is not done within this one.
  const before = await database.transaction([tenant], (sql) => addressesOf(sql, tenant, from, into));
  if (before === undefined) return;
  const { rows, source, target, person } = before;
  const moved: { readonly row: AddressRow; readonly sealed: Buffer }[] = [];
  for (const row of rows) {
    const opened = await vault.open<string>(addressIn({ tenant, conversation: source }, row.address_index), row.sealed);
    if (opened.state === 'erased') continue;
    const where = addressIn({ tenant, conversation: target }, row.address_index);
    const sealed = await vault.seal(where, person, at, opened.value).catch(unlessErased);
    if (sealed !== undefined) moved.push({ row, sealed });
  }
  await database.transaction([tenant], async (sql) => {
    const decided = await sql.query(
      `UPDATE conversations SET merged_into = $3, merge_decided_at = $4
       WHERE tenant = $1 AND id = $2 AND (merge_decided_at IS NULL OR merge_decided_at <= $4)`,
      [tenant, from, into ?? null, new Date(at)],
    );
    if (decided.rowCount === 0) return;
    // They are named twice: planned while the table is empty, the join alone reads all addresses of the tenant.
    await sql.query(
      `UPDATE addresses a SET conversation = $3, sealed = m.sealed, begun_under = CASE WHEN $4 THEN $2 END
       FROM unnest($5::text[], $6::text[], $7::bytea[]) AS m (line, address_index, sealed)
       WHERE a.tenant = $1 AND a.line = ANY ($5::text[]) AND a.address_index = ANY ($6::text[])
         AND a.line = m.line AND a.address_index = m.address_index`,
      [
        tenant,
        from,
        target,
        into !== undefined,
        moved.map(({ row }) => row.line),
        moved.map(({ row }) => row.address_index),
        moved.map(({ sealed }) => sealed),
      ],
    );
  });
}

/** Whoever would have it was erased meanwhile. */
function unlessErased(caught: unknown): undefined {
  if (!(caught instanceof OperatingError) || caught.code !== 'vault.key-erased') throw caught;
}

/** The addresses to be moved, whose they are and whose they will be; undefined when there is nobody to have them. */
async function addressesOf(sql: Sql, tenant: string, from: string, into: string | undefined) {
  const columns = 'address_index, line, sealed, conversation';
  const found = await sql.query<AddressRow & { conversation: string }>(
    into === undefined
      ? `SELECT ${columns} FROM addresses WHERE tenant = $1 AND begun_under = $2`
      : `SELECT ${columns} FROM addresses WHERE tenant = $1 AND conversation = $2`,
    [tenant, from],
  );
  const target = into ?? from;
  const owner = await sql.query<{ person: string }>('SELECT person FROM conversations WHERE tenant = $1 AND id = $2', [
    tenant,
    target,
  ]);
  const person = owner.rows[0]?.person;
  if (person === undefined) return undefined;
  return { rows: found.rows, source: found.rows[0]?.conversation ?? from, target, person };
}
