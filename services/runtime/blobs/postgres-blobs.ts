/** Blobs in Postgres, sealed. */
import type { Database } from '../database/database.ts';
import { derivedId } from '../records.ts';
import type { SealedIn, Vault } from '../vault/vault.ts';
import type { BlobOwner, Blobs } from './blobs.ts';

/** Opens the blobs. */
export function openBlobs(database: Database, vault: Vault): Blobs {
  return {
    async put(owner, person, at, text) {
      const { tenant, actor } = owner;
      // Keyed, so that the id tells nobody which text it is of.
      const id = derivedId('b', actor, vault.index(tenant, 'blob', text));
      const body = await vault.seal(sealedIn(owner, id), person, at, text);
      await database.transaction([tenant], (sql) =>
        sql.query('INSERT INTO blobs (tenant, id, actor, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', [
          tenant,
          id,
          actor,
          body,
        ]),
      );
      return id;
    },

    async read(owner, id) {
      const found = await database.transaction([owner.tenant], (sql) =>
        sql.query<{ body: Buffer }>('SELECT body FROM blobs WHERE tenant = $1 AND id = $2 AND actor = $3', [
          owner.tenant,
          id,
          owner.actor,
        ]),
      );
      const row = found.rows[0];
      return row === undefined ? undefined : vault.open<string>(sealedIn(owner, id), row.body);
    },
  };
}

const sealedIn = ({ tenant, actor }: BlobOwner, id: string): SealedIn => ({ tenant, actor, type: 'blob', eventId: id });
