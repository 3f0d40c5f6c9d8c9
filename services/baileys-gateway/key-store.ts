/**
 * Credentials and keys of a session: Baileys' AuthenticationState in Postgres.
 *
 * K1 Values are sealed under the tenant's own keys, and ids, which hold phone numbers, are keyed hashes:
 *    nothing in a row can be read or used without the tenant's key.
 * K2 A batch is one transaction, under the owner's epoch: whole or not at all, and never a deposed owner's.
 * K3 The keys that decrypted a message move on in the transaction that stores what it said. So a message
 *    that can never be decrypted again is never lost; it stays until it is an event (`events.ts`).
 */
import type { Database } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import { type SealedIn, type Vault, tenantSubject } from '#runtime/vault/vault.ts';

import { jsonWithBytes, valueWithBytes } from './bytes-in-json.ts';
import { type Lease, requireOwner } from './leases.ts';
import {
  type Credentials,
  type KeyBatch,
  type KeyStore,
  type ReceivedPart,
  receivedKind,
} from './ports/whatsapp-library.ts';

/** Throws `database.unavailable`, `vault.unavailable` and, for writes, `Deposed`. */
export interface SessionKeys extends KeyStore {
  /** The credentials; undefined for an account that is not linked. */
  credentials(): Promise<Credentials | undefined>;
  saveCredentials(credentials: Credentials): Promise<void>;
  /** What was received and is no event yet, oldest first. */
  received(): Promise<readonly ReceivedPart[]>;
  /**
   * Forgets what was received long ago: it was acknowledged by a connection that lived on, or it was no
   * message. For a session that is connected and has all that waited for it.
   */
  forgetReceived(): Promise<void>;
  /** Deletes everything of the account: it was unlinked. */
  forget(): Promise<void>;
}

interface KeyRow {
  readonly id: string;
  readonly sealed: Buffer;
}

interface NewRow extends KeyRow {
  readonly kind: string;
  readonly message: string | null;
}

const credentialsKind = 'credentials';
const receivedMax = 10_000;
const receivedMs = 60 * 60_000;

/** Keyed hash of a message id, under which a message of the session is found again. */
export const messageIndex = (vault: Vault, { tenant, instance }: Lease, messageId: string): string =>
  vault.index(tenant, 'baileys-message', JSON.stringify([instance, messageId]));

/** Opens the keys of a session that this process owns. */
export function openKeys(database: Database, vault: Vault, lease: Lease, now: () => number): SessionKeys {
  const { tenant, instance } = lease;

  const idOf = (kind: string, id: string): string =>
    vault.index(tenant, 'baileys-key', JSON.stringify([instance, kind, id]));

  const sealedIn = (kind: string, id: string): SealedIn => ({
    tenant,
    actor: instance,
    type: `baileys.${kind}`,
    eventId: id,
  });

  const rowOf = async (kind: string, name: string, value: unknown): Promise<NewRow> => {
    const id = idOf(kind, name);
    return {
      kind,
      id,
      message: kind === receivedKind ? messageIndex(vault, lease, (value as ReceivedPart).messageId) : null,
      sealed: await vault.seal(sealedIn(kind, id), tenantSubject(tenant), now(), jsonWithBytes(value)),
    };
  };

  const columns: Columns<NewRow> = {
    tenant: ['text', () => tenant],
    instance: ['text', () => instance],
    kind: ['text', ({ kind }) => kind],
    id: ['text', ({ id }) => id],
    message: ['text', ({ message }) => message],
    sealed: ['bytea', ({ sealed }) => sealed],
  };

  const set = async (batch: KeyBatch): Promise<void> => {
    const all = Object.entries(batch).flatMap(([kind, values]) =>
      Object.entries(values ?? {}).map(([name, value]) => ({ kind, name, value })),
    );
    const rows = await Promise.all(
      all.filter(({ value }) => value != null).map(({ kind, name, value }) => rowOf(kind, name, value)),
    );
    const gone = all.filter(({ value }) => value == null);
    await database.transaction([tenant], async (sql) => {
      await requireOwner(sql, lease);
      await Promise.all([
        insertRows(sql, 'baileys_keys', columns, rows, '(instance, kind, id) DO UPDATE SET sealed = excluded.sealed'),
        gone.length === 0
          ? undefined
          : sql.query(
              `DELETE FROM baileys_keys k USING unnest($2::text[], $3::text[]) AS gone (kind, id)
               WHERE k.instance = $1 AND k.kind = gone.kind AND k.id = gone.id`,
              [instance, gone.map(({ kind }) => kind), gone.map(({ kind, name }) => idOf(kind, name))],
            ),
      ]);
    });
  };

  const open = async (kind: string, { id, sealed }: KeyRow): Promise<unknown> => {
    const opened = await vault.open<string>(sealedIn(kind, id), sealed);
    if (opened.state === 'erased') throw new Error(`the keys of session ${instance} were erased`);
    return valueWithBytes(opened.value);
  };

  const get = async (kind: string, names: readonly string[]): Promise<Record<string, unknown>> => {
    const byId = new Map(names.map((name) => [idOf(kind, name), name]));
    const { rows } = await database.query<KeyRow>(
      [tenant],
      'SELECT id, sealed FROM baileys_keys WHERE instance = $1 AND kind = $2 AND id = ANY ($3::text[])',
      [instance, kind, [...byId.keys()]],
    );
    const found = await Promise.all(rows.map(async (row) => [byId.get(row.id) ?? '', await open(kind, row)] as const));
    return Object.fromEntries(found);
  };

  return {
    get,
    set,

    async credentials() {
      const { only } = await get(credentialsKind, ['only']);
      return only as Credentials | undefined;
    },

    saveCredentials: (credentials) => set({ [credentialsKind]: { only: credentials } }),

    async received() {
      const { rows } = await database.query<KeyRow>(
        [tenant],
        `SELECT id, sealed FROM baileys_keys WHERE instance = $1 AND message IS NOT NULL
         ORDER BY created_at LIMIT ${receivedMax}`,
        [instance],
      );
      return Promise.all(rows.map(async (row) => (await open(receivedKind, row)) as ReceivedPart));
    },

    async forgetReceived() {
      await database.query(
        [tenant],
        `DELETE FROM baileys_keys
         WHERE instance = $1 AND message IS NOT NULL AND created_at < now() - $2 * interval '1 ms'`,
        [instance, receivedMs],
      );
    },

    async forget() {
      await database.transaction([tenant], async (sql) => {
        await requireOwner(sql, lease);
        await sql.query('DELETE FROM baileys_keys WHERE instance = $1', [instance]);
      });
    },
  };
}
