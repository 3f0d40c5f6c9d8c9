/**
 * The vault over key rows in Postgres. See `vault.ts` for what it promises (V1 to V4).
 *
 * Sealed bytes: version (1 byte, 1) · key id (16) · nonce (12) · AES-256-GCM ciphertext · tag (16).
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';

import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { Lru } from '../lru.ts';
import type { TenantKeys } from './key-file.ts';
import type { Opened, SealedIn, Vault } from './vault.ts';

const formatVersion = 1;
const keyIdBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = 1 + keyIdBytes + nonceBytes + tagBytes;
const algorithm = 'aes-256-gcm';

/** V4: how long an unwrapped key may be used without asking the key store again. */
const keyCacheMs = 5 * 60_000;
const keyCacheEntriesMax = 50_000;

type Key = { readonly id: string; readonly expiresAt: number } & (
  { readonly state: 'open'; readonly secret: Buffer } | { readonly state: 'erased' }
);

interface KeyRow {
  readonly id: string;
  readonly person: string;
  readonly month: string;
  readonly state: string;
  readonly wrapped: Buffer | null;
}

/** Opens the vault. `now` is the process clock, for cache expiry. */
export function openVault(database: Database, tenantKeys: TenantKeys, now: () => number = Date.now): Vault {
  const byId = new Lru<string, Key>(keyCacheEntriesMax);
  const byPerson = new Lru<string, Key>(keyCacheEntriesMax);
  const derived = new Lru<string, Buffer>(1_000);

  const tenantSecret = (tenant: string, purpose: 'wrap' | 'index'): Buffer => {
    const name = `${purpose}/${tenant}`;
    const cached = derived.get(name);
    if (cached !== undefined) return cached;
    const secret = Buffer.from(hkdfSync('sha256', tenantKeys.keyOf(tenant), '', `prosa/${purpose}`, 32));
    derived.set(name, secret);
    return secret;
  };

  const fresh = (key: Key | undefined): Key | undefined =>
    key !== undefined && key.expiresAt > now() ? key : undefined;

  const remember = (tenant: string, row: KeyRow): Key => {
    const expiresAt = now() + keyCacheMs;
    const key: Key =
      row.wrapped === null
        ? { id: row.id, expiresAt, state: 'erased' }
        : {
            id: row.id,
            expiresAt,
            state: 'open',
            secret: unwrapKey(tenantSecret(tenant, 'wrap'), tenant, row, row.wrapped),
          };
    byId.set(row.id, key);
    byPerson.set(`${tenant}/${row.person}/${row.month}`, key);
    return key;
  };

  const keyForSealing = async (tenant: string, person: string, month: string): Promise<Key> => {
    const cached = fresh(byPerson.get(`${tenant}/${person}/${month}`));
    if (cached !== undefined) return cached;
    const row = await database
      .transaction([tenant], async (sql) => {
        const select =
          'SELECT id, person, month, state, wrapped FROM vault_keys WHERE tenant = $1 AND person = $2 AND month = $3';
        const found = await sql.query<KeyRow>(select, [tenant, person, month]);
        const existing = found.rows[0];
        if (existing !== undefined) return existing;
        const fresh = { id: randomUUID(), person, month };
        const wrapped = seal(tenantSecret(tenant, 'wrap'), wrapAad(tenant, fresh), randomBytes(32));
        await sql.query(
          `INSERT INTO vault_keys (tenant, id, person, month, state, wrapped) VALUES ($1, $2, $3, $4, 'active', $5)
         ON CONFLICT (tenant, person, month) DO NOTHING`,
          [tenant, fresh.id, person, month, wrapped],
        );
        // Another process may have been first: what is in the table counts.
        const settled = (await sql.query<KeyRow>(select, [tenant, person, month])).rows[0];
        if (settled === undefined) throw new OperatingError('vault.unavailable');
        return settled;
      })
      .catch(rethrowUnavailable);
    // Only now: a key whose row was not committed must seal nothing.
    return remember(tenant, row);
  };

  const load = async (tenant: string, ids: readonly string[]): Promise<void> => {
    const rows = await database
      .transaction([tenant], (sql) =>
        sql.query<KeyRow>(
          'SELECT id, person, month, state, wrapped FROM vault_keys WHERE tenant = $1 AND id = ANY ($2::uuid[])',
          [tenant, ids],
        ),
      )
      .catch(rethrowUnavailable);
    for (const row of rows.rows) remember(tenant, row);
  };

  return {
    async seal(where, person, at, value) {
      const key = await keyForSealing(where.tenant, person, monthOf(at));
      // V2: an erased person's month takes no new content. Who returns is a new person.
      if (key.state === 'erased') throw new OperatingError('vault.key-erased');
      const body = seal(key.secret, aadOf(where), Buffer.from(JSON.stringify(value)));
      return Buffer.concat([Buffer.of(formatVersion), uuidBytes(key.id), body]);
    },

    async open<T>(where: SealedIn, sealed: Uint8Array): Promise<Opened<T>> {
      const id = keyIdOf(sealed);
      if (fresh(byId.get(id)) === undefined) await load(where.tenant, [id]);
      const key = byId.get(id);
      if (key === undefined) throw new OperatingError('vault.key-missing');
      if (key.state === 'erased') return { state: 'erased' };
      const plain = unwrap(key.secret, aadOf(where), Buffer.from(sealed).subarray(1 + keyIdBytes));
      return { state: 'open', value: JSON.parse(plain.toString('utf8')) as T };
    },

    async prefetch(sealed) {
      const missing = new Map<string, Set<string>>();
      for (const { tenant, sealed: bytes } of sealed) {
        const id = keyIdOf(bytes);
        if (fresh(byId.get(id)) !== undefined) continue;
        let ids = missing.get(tenant);
        if (ids === undefined) missing.set(tenant, (ids = new Set()));
        ids.add(id);
      }
      for (const [tenant, ids] of missing) await load(tenant, [...ids]);
    },

    index(tenant, purpose, value) {
      return createHmac('sha256', tenantSecret(tenant, 'index')).update(`${purpose}\0`).update(value).digest('hex');
    },
  };
}

const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);
const aadOf = (where: SealedIn): Buffer =>
  Buffer.from(JSON.stringify([formatVersion, where.tenant, where.actor, where.type, where.eventId]));
const wrapAad = (
  tenant: string,
  row: { readonly id: string; readonly person: string; readonly month: string },
): Buffer => Buffer.from(JSON.stringify(['key', tenant, row.person, row.month, row.id]));
const uuidBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

function keyIdOf(sealed: Uint8Array): string {
  if (sealed.length < overheadBytes || sealed[0] !== formatVersion)
    throw new OperatingError('vault.tampered', 'not sealed bytes');
  const hex = Buffer.from(sealed.subarray(1, 1 + keyIdBytes)).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function seal(secret: Buffer, aad: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, secret, nonce, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unwrap(secret: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
  } catch (caught) {
    throw new OperatingError('vault.tampered', undefined, caught);
  }
}

function unwrapKey(secret: Buffer, tenant: string, row: KeyRow, wrapped: Buffer): Buffer {
  try {
    return unwrap(secret, wrapAad(tenant, row), wrapped);
  } catch (caught) {
    // A data key that does not open is not a changed record: the key file is another one.
    throw new OperatingError('vault.key-wrong', `Tenant ${tenant}.`, caught);
  }
}

function rethrowUnavailable(caught: unknown): never {
  if (caught instanceof OperatingError && caught.code === 'database.unavailable') {
    throw new OperatingError('vault.unavailable', undefined, caught);
  }
  throw caught;
}
