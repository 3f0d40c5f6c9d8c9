/**
 * API keys: 32 random bytes behind a readable prefix, so that leaked ones are found by scanners. The
 * database has the hash alone; a key is shown once, when it is made. (No slow hash: 256 random bits
 * cannot be guessed.)
 */
import { createHash, randomBytes } from 'node:crypto';

import { z } from 'zod';

import type { Database } from '#runtime/database/database.ts';
import { Lru } from '#runtime/lru.ts';
import { newUlid } from '#runtime/records.ts';

import { type Role, roles } from './roles.ts';

/** A key as the API knows its holder. */
export interface ApiKey {
  /** `k_…`; what audit events name. */
  readonly id: string;
  readonly tenant: string;
  readonly role: Role;
}

/** Throws `database.unavailable`. */
export interface ApiKeys {
  /**
   * Makes a key; `key` is the secret, known to nobody afterwards. Not idempotent. `secret` fixes it, for
   * the demo tenant, whose key must be the same at every start.
   */
  createApiKey(
    tenant: string,
    role: Role,
    name: string,
    secret?: string,
  ): Promise<{ readonly id: string; readonly key: string }>;
  /** The holder of a presented key; undefined when there is none or it was revoked. Cached for `cacheMs`. */
  find(presented: string): Promise<ApiKey | undefined>;
}

const prefix = 'prosa_';
const secretBytes = 32;

/** How long a revoked key may go on working. */
const cacheMs = 5_000;
const cacheEntriesMax = 10_000;

interface KeyRow {
  readonly id: string;
  readonly tenant: string;
  readonly role: string;
}

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** Opens the keys, as the API's role. */
export function openApiKeys(database: Database, now: () => number = Date.now): ApiKeys {
  const cache = new Lru<string, { readonly key: ApiKey; readonly until: number }>(cacheEntriesMax);
  return {
    async createApiKey(tenant, role, name, secret = randomBytes(secretBytes).toString('base64url')) {
      const id = `k_${newUlid(now())}`;
      const key = `${prefix}${secret}`;
      await database.transaction([tenant], (sql) =>
        sql.query('INSERT INTO api_keys (tenant, id, name, role, key_hash) VALUES ($1, $2, $3, $4, $5)', [
          tenant,
          id,
          name,
          role,
          hashOf(key),
        ]),
      );
      return { id, key };
    },

    async find(presented) {
      const hash = hashOf(presented);
      const cached = cache.get(hash);
      if (cached !== undefined && cached.until > now()) return cached.key;
      // The tenant is not known yet: the policy `key_presented` shows the row to whoever has its hash.
      const found = await database.transaction([], async (sql) => {
        await sql.query(`SELECT set_config('app.presented', $1, true)`, [hash]);
        return sql.query<KeyRow>('SELECT id, tenant, role FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL', [
          hash,
        ]);
      });
      const row = found.rows[0];
      cache.delete(hash);
      if (row === undefined) return undefined;
      const key: ApiKey = { id: row.id, tenant: row.tenant, role: z.enum(roles).parse(row.role) };
      cache.set(hash, { key, until: now() + cacheMs });
      return key;
    },
  };
}
