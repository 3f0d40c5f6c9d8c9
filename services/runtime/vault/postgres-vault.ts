/**
 * The vault over key rows in Postgres. See `vault.ts` for what it promises (V1 to V4).
 *
 * Sealed bytes: version (1 byte, 1) · key id (16) · nonce (12) · AES-256-GCM ciphertext · tag (16).
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';

import type { Database, Sql } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { joinCalls } from '../joined-calls.ts';
import { Lru } from '../lru.ts';
import { fillRandom } from '../randomness.ts';
import { headOf, openFrames, sealFrames } from './frames.ts';
import type { TenantKeys } from './key-file.ts';
import type { FileVault, Opened, SealedIn } from './vault.ts';

const formatVersion = 1;
const versionBytes = Buffer.of(formatVersion);
const keyIdBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = 1 + keyIdBytes + nonceBytes + tagBytes;
const algorithm = 'aes-256-gcm';

/** V4: how long an unwrapped key may be used without asking the key store again. */
const keyCacheMs = 5 * 60_000;
const keyCacheEntriesMax = 50_000;

/** Keys that are looked for, and made, in one transaction. */
const keysPerTransaction = 500;

/**
 * A data key in memory. Its bytes and its id's are strings, one character each: a buffer of 32 bytes is a slice of a
 * pool of 64 KiB, and fifty thousand kept keys keep most of the pools that they were cut from.
 */
type Key = { readonly id: string; readonly expiresAt: number } & (
  { readonly state: 'open'; readonly secret: string } | { readonly state: 'erased' }
);
type OpenKey = Extract<Key, { readonly state: 'open' }>;

interface KeyRow {
  readonly id: string;
  readonly person: string;
  readonly month: string;
  readonly state: string;
  readonly wrapped: Buffer | null;
}

/** What a key is of. */
interface WantedKey {
  readonly tenant: string;
  readonly person: string;
  readonly month: string;
}

/** Opens the vault. `now` is the process clock, for cache expiry. */
export function openVault(database: Database, tenantKeys: TenantKeys, now: () => number = Date.now): FileVault {
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
    const id = uuidBytes(row.id).toString('latin1');
    const key: Key =
      row.wrapped === null
        ? { id, expiresAt, state: 'erased' }
        : {
            id,
            expiresAt,
            state: 'open',
            secret: unwrapKey(tenantSecret(tenant, 'wrap'), tenant, row, row.wrapped).toString('latin1'),
          };
    byId.set(id, key);
    byPerson.set(`${tenant}/${row.person}/${row.month}`, key);
    return key;
  };

  // Everyone who writes for the first time needs a key: those of one moment share a transaction.
  const rowForSealing = joinCalls<WantedKey, KeyRow>(
    (wanted) => keysOf(database, wanted, (key) => wrapNewKey(tenantSecret(key.tenant, 'wrap'), key)),
    { callsMax: keysPerTransaction },
  );

  const keyForSealing = async (tenant: string, person: string, month: string): Promise<Key> => {
    const cached = fresh(byPerson.get(`${tenant}/${person}/${month}`));
    if (cached !== undefined) return cached;
    const row = await rowForSealing({ tenant, person, month }).catch(rethrowUnavailable);
    // Only now: a key whose row was not committed must seal nothing.
    return remember(tenant, row);
  };

  const load = async (tenant: string, ids: readonly string[]): Promise<void> => {
    const rows = await database
      .transaction([tenant], (sql) =>
        sql.query<KeyRow>(
          'SELECT id, person, month, state, wrapped FROM vault_keys WHERE tenant = $1 AND id = ANY ($2::uuid[])',
          [tenant, ids.map(uuidOf)],
        ),
      )
      .catch(rethrowUnavailable);
    for (const row of rows.rows) remember(tenant, row);
  };

  const openKeyFor = async (tenant: string, person: string, at: number): Promise<OpenKey> => {
    const key = await keyForSealing(tenant, person, monthOf(at));
    // V2: an erased person's month takes no new content. Who returns is a new person.
    if (key.state === 'erased') throw new OperatingError('vault.key-erased');
    return key;
  };

  const keyById = async (tenant: string, id: string): Promise<Key> => {
    let key = fresh(byId.get(id));
    if (key === undefined) {
      await load(tenant, [id]);
      key = byId.get(id);
    }
    if (key === undefined) throw new OperatingError('vault.key-missing');
    return key;
  };

  return {
    async seal(where, person, at, value) {
      const key = await openKeyFor(where.tenant, person, at);
      return seal(secretOf(key), aadOf(where), JSON.stringify(value), Buffer.from(key.id, 'latin1'));
    },

    async sealStream(where, person, at, plain) {
      const key = await openKeyFor(where.tenant, person, at);
      return sealFrames(secretOf(key), Buffer.from(key.id, 'latin1'), aadOf(where), plain);
    },

    async openStream(where, sealed) {
      const { keyId, salt, frames } = await headOf(sealed);
      const key = await keyById(where.tenant, keyId.toString('latin1'));
      if (key.state === 'erased') return { state: 'erased' };
      return { state: 'open', value: openFrames(secretOf(key), salt, aadOf(where), frames) };
    },

    async open<T>(where: SealedIn, sealed: Uint8Array): Promise<Opened<T>> {
      const bytes = bufferOf(sealed);
      const key = await keyById(where.tenant, keyIdOf(bytes));
      if (key.state === 'erased') return { state: 'erased' };
      const plain = unwrap(secretOf(key), aadOf(where), bytes.subarray(1 + keyIdBytes));
      return { state: 'open', value: JSON.parse(plain.toString('utf8')) as T };
    },

    async prefetch(sealed) {
      const missing = new Map<string, Set<string>>();
      for (const { tenant, sealed: bytes } of sealed) {
        const id = keyIdOf(bufferOf(bytes));
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

/** The key rows of people and months, in their order; `wrap` makes the key of one that has none. One transaction. */
async function keysOf(
  database: Database,
  wanted: readonly WantedKey[],
  wrap: (key: WantedKey & { readonly id: string }) => Buffer,
): Promise<readonly KeyRow[]> {
  // In an order that all processes share: who inserts the same keys the other way round would wait in a ring.
  const sorted = [...new Map(wanted.map((key) => [nameOf(key), key]))].sort(([a], [b]) => (a < b ? -1 : 1));
  return database.transaction([...new Set(wanted.map(({ tenant }) => tenant))], async (sql) => {
    const found = new Map<string, KeyRow>();
    const select = async (): Promise<readonly WantedKey[]> => {
      const missing = sorted.flatMap(([name, key]) => (found.has(name) ? [] : [key]));
      if (missing.length === 0) return missing;
      for (const row of await selectKeys(sql, missing)) found.set(nameOf(row), row);
      return missing.filter((key) => !found.has(nameOf(key)));
    };
    const missing = await select();
    if (missing.length > 0) {
      const rows = missing.map((key) => ({ ...key, id: randomUUID() }));
      await insertKeys(
        sql,
        rows.map((row) => ({ ...row, wrapped: wrap(row) })),
      );
      // Another process may have been first: what is in the table counts.
      await select();
    }
    return wanted.map((key) => {
      const row = found.get(nameOf(key));
      if (row === undefined) throw new OperatingError('vault.unavailable');
      return row;
    });
  });
}

const nameOf = ({ tenant, person, month }: WantedKey): string => `${tenant}/${person}/${month}`;

/** The keys that are there. One whose person's newest key was erased is that one, for whatever month (V2). */
async function selectKeys(sql: Sql, keys: readonly WantedKey[]): Promise<readonly (KeyRow & WantedKey)[]> {
  const found = await sql.query<KeyRow & WantedKey>(
    `SELECT k.tenant, k.id, k.person, CASE k.state WHEN 'erased' THEN w.month ELSE k.month END AS month, k.state, k.wrapped
     FROM unnest($1::text[], $2::text[], $3::text[]) AS w (tenant, person, month)
     CROSS JOIN LATERAL (
       SELECT * FROM vault_keys WHERE tenant = w.tenant AND person = w.person
       ORDER BY (month = w.month) DESC, month DESC LIMIT 1) AS k`,
    [keys.map(({ tenant }) => tenant), keys.map(({ person }) => person), keys.map(({ month }) => month)],
  );
  return found.rows;
}

async function insertKeys(
  sql: Sql,
  rows: readonly (WantedKey & { readonly id: string; readonly wrapped: Buffer })[],
): Promise<void> {
  await sql.query(
    `INSERT INTO vault_keys (tenant, id, person, month, state, wrapped)
     SELECT t, i, p, m, 'active', w FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bytea[]) AS made (t, i, p, m, w)
     ON CONFLICT (tenant, person, month) DO NOTHING`,
    [
      rows.map(({ tenant }) => tenant),
      rows.map(({ id }) => id),
      rows.map(({ person }) => person),
      rows.map(({ month }) => month),
      rows.map(({ wrapped }) => wrapped),
    ],
  );
}

const secretOf = ({ secret }: { readonly secret: string }): Buffer => Buffer.from(secret, 'latin1');

let lastMonth = { at: 0, text: '1970-01' };

/** Year and month in UTC. Much is sealed for one and the same time, so the last text is kept. */
function monthOf(at: number): string {
  if (at !== lastMonth.at) lastMonth = { at, text: new Date(at).toISOString().slice(0, 7) };
  return lastMonth.text;
}

const aadOf = (where: SealedIn): Buffer =>
  Buffer.from(JSON.stringify([formatVersion, where.tenant, where.actor, where.type, where.eventId]));
const wrapAad = (
  tenant: string,
  row: { readonly id: string; readonly person: string; readonly month: string },
): Buffer => Buffer.from(JSON.stringify(['key', tenant, row.person, row.month, row.id]));
const uuidBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The key id in sealed bytes, a character for each of its bytes. */
function keyIdOf(sealed: Buffer): string {
  if (sealed.length < overheadBytes || sealed[0] !== formatVersion)
    throw new OperatingError('vault.tampered', 'not sealed bytes');
  return sealed.toString('latin1', 1, 1 + keyIdBytes);
}

/** The same as it is written in rows. */
function uuidOf(id: string): string {
  const hex = Buffer.from(id, 'latin1').toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Nonce, ciphertext and tag; with a key id, all that is before them too. */
function seal(secret: Buffer, aad: Buffer, plain: string | Buffer, keyId?: Buffer): Buffer {
  const nonce = Buffer.allocUnsafe(nonceBytes);
  fillRandom(nonce, 0, nonceBytes);
  const cipher = createCipheriv(algorithm, secret, nonce, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  const text = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain);
  // In this mode nothing of the text is left for the end.
  cipher.final();
  const parts = [nonce, text, cipher.getAuthTag()];
  return Buffer.concat(keyId === undefined ? parts : [versionBytes, keyId, ...parts]);
}

/** A new data key, wrapped by its tenant's. */
const wrapNewKey = (tenantSecret: Buffer, key: WantedKey & { readonly id: string }): Buffer =>
  seal(tenantSecret, wrapAad(key.tenant, key), randomBytes(32));

function unwrap(secret: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    const plain = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
    // Nothing is left in this mode, but this checks the tag: it throws before anything was given out.
    decipher.final();
    return plain;
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
