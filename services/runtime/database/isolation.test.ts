/**
 * Tenants kept apart by the database. Reads the catalogue, so that a table made later is checked
 * without anybody thinking of it; then reads, as the roles of the services, what another tenant has.
 */
import { randomUUID } from 'node:crypto';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type TestDatabase, testDatabase } from '#runtime/testing/postgres.ts';

import { type Database, openDatabase } from './database.ts';

const serviceRoles = ['prosa_ingest', 'prosa_worker', 'prosa_api'] as const;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly generated: boolean;
  readonly check: readonly string[];
}

let database: TestDatabase;
let owner: pg.Client;
let pools: readonly (readonly [role: (typeof serviceRoles)[number], pool: Database])[];
let protectedTables: readonly string[];

beforeAll(async () => {
  database = await testDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  pools = serviceRoles.map((role) => [
    role,
    openDatabase({ url: database.url, role, connectionsMax: 2, applicationName: 'isolation' }),
  ]);
  protectedTables = await names(
    `SELECT c.table_name AS name FROM information_schema.columns c
     JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.column_name = 'tenant' AND t.table_type = 'BASE TABLE' AND c.table_schema NOT IN ('pg_catalog', 'information_schema')
     ORDER BY 1`,
  );
  await owner.query(`INSERT INTO tenants (id, name) VALUES ('one', 'One'), ('two', 'Two')`);
  // What one table refers to must be there first; rows are made in as many passes as that takes.
  let waiting = protectedTables;
  while (waiting.length > 0) {
    const left: string[] = [];
    for (const table of waiting) if (!(await fill(table))) left.push(table);
    if (left.length === waiting.length) throw new Error(`rows cannot be made in: ${left.join(', ')}`);
    waiting = left;
  }
});
afterAll(async () => {
  for (const [, pool] of pools) await pool.close();
  await owner.end();
  await database.close();
});

const names = async (text: string, values: readonly unknown[] = []): Promise<string[]> =>
  (await owner.query<{ name: string }>(text, [...values])).rows.map(({ name }) => name);

/** One row for each tenant, with whatever value each column takes. False when a referred row is missing. */
async function fill(table: string): Promise<boolean> {
  const columns = await owner.query<Column>(
    `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type,
            (a.attidentity <> '' OR a.attgenerated <> '') AS generated,
            ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                  WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)) AS check
     FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [table],
  );
  const made = columns.rows.filter(({ generated }) => !generated);
  for (const tenant of ['one', 'two']) {
    const values: unknown[] = [];
    for (const column of made) values.push(await valueOf(table, column, tenant));
    if (values.includes(undefined)) return false;
    await owner.query(
      `INSERT INTO ${table} (${made.map(({ name }) => name).join(', ')}) VALUES (${made.map((_, i) => `$${i + 1}`).join(', ')})`,
      values,
    );
  }
  return true;
}

/** A value that the column takes: of the tenant, of the row referred to, of its check, or of its type. */
async function valueOf(table: string, column: Column, tenant: string): Promise<unknown> {
  if (column.name === 'tenant') return tenant;
  const referred = await owner.query<{ table: string; column: string }>(
    `SELECT k.confrelid::regclass::text AS table, f.attname AS column
     FROM pg_constraint k
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = $2 AND a.attnum = k.conkey[1]
     JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
     WHERE k.conrelid = $1::regclass AND k.contype = 'f'`,
    [table, column.name],
  );
  const target = referred.rows[0];
  // The first row of a table can refer to no other of it.
  if (target?.table === table) return null;
  if (target !== undefined) {
    const found = await owner.query<{ value: unknown }>(
      `SELECT ${target.column} AS value FROM ${target.table} WHERE tenant = $1 LIMIT 1`,
      [tenant],
    );
    return found.rows[0]?.value;
  }
  const checked = column.check.join(' ');
  const choice = /'([a-z]+)'::text/.exec(checked)?.[1];
  if (checked.includes('~')) return '2026-03';
  if (choice !== undefined && !checked.includes('IS NULL')) return choice;
  switch (column.type) {
    case 'uuid':
      return randomUUID();
    case 'bytea':
      return Buffer.of(1);
    case 'jsonb':
      return '{}';
    case 'boolean':
      return false;
    case 'text[]':
      return [`${tenant}-${randomUUID()}`];
    case 'integer':
    case 'bigint':
      return 1;
    case 'date':
    case 'timestamp with time zone':
      return new Date();
    default:
      return column.name === 'state' ? 'active' : `${tenant}-${randomUUID()}`;
  }
}

describe('row-level security', () => {
  test('is enabled and forced, with a policy, on every table that has a tenant', async () => {
    expect(protectedTables.length).toBeGreaterThan(15);
    const open = await names(
      `SELECT c.relname AS name FROM pg_class c
       WHERE c.oid = ANY ($1::regclass[]) AND NOT (c.relrowsecurity AND c.relforcerowsecurity
         AND EXISTS (SELECT FROM pg_policies p WHERE p.tablename = c.relname AND p.policyname = 'tenant_declared'
           AND p.cmd = 'ALL' AND p.qual = '(tenant = ANY (app_tenants()))' AND p.with_check = p.qual))`,
      [protectedTables],
    );
    expect(open).toEqual([]);
  });

  test('has no other policies than those known to be narrow', async () => {
    const others = await names(
      `SELECT tablename || '.' || policyname AS name FROM pg_policies WHERE policyname <> 'tenant_declared' ORDER BY 1`,
    );
    expect(others).toEqual(['api_keys.key_presented', 'instances.token_presented']);
  });

  test('holds for views as well: each runs as whoever asks', async () => {
    const views = await names(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('v', 'm') AND n.nspname = 'public'
         AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)`,
    );
    expect(views).toEqual([]);
  });
});

describe.each(serviceRoles)('%s', (role) => {
  const poolOf = (): Database => {
    const found = pools.find(([name]) => name === role);
    if (found === undefined) throw new Error(`no pool of ${role}`);
    return found[1];
  };
  const readable = (): Promise<string[]> =>
    names(`SELECT t AS name FROM unnest($1::text[]) t WHERE has_table_privilege($2, t, 'SELECT') ORDER BY 1`, [
      protectedTables,
      role,
    ]);
  const tenantsIn = async (table: string, declared: readonly string[]): Promise<readonly string[]> =>
    poolOf().transaction(declared, async (sql) => {
      const found = await sql.query<{ tenant: string }>(`SELECT tenant FROM ${table} ORDER BY tenant`);
      return found.rows.map(({ tenant }) => tenant);
    });

  test('owns nothing, is no superuser, bypasses nothing and belongs to no role that does', async () => {
    const mighty = await names(
      `SELECT r.rolname AS name FROM pg_roles r
       WHERE pg_has_role($1, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolname <> $1)`,
      [role],
    );
    expect(mighty).toEqual([]);
    const owned = await names(`SELECT c.relname AS name FROM pg_class c WHERE c.relowner = $1::regrole`, [role]);
    expect(owned).toEqual([]);
  });

  test('is what a service is after it connected', async () => {
    const { rows } = await poolOf().transaction([], (sql) =>
      sql.query<{ current_user: string }>('SELECT current_user'),
    );
    expect(rows).toEqual([{ current_user: role }]);
  });

  test('reads the rows of the tenants it declares and no others', async () => {
    const tables = await readable();
    expect(tables.length).toBeGreaterThan(3);
    for (const table of tables) {
      expect([table, await tenantsIn(table, ['one'])]).toEqual([table, ['one']]);
      expect([table, await tenantsIn(table, ['one', 'two'])]).toEqual([table, ['one', 'two']]);
      expect([table, await tenantsIn(table, ['three'])]).toEqual([table, []]);
    }
  });

  test('reads nothing when it declares no tenant', async () => {
    for (const table of await readable()) expect([table, await tenantsIn(table, [])]).toEqual([table, []]);
  });

  test('cannot write for a tenant that it did not declare', async () => {
    const updatable = await names(
      `SELECT t AS name FROM unnest($1::text[]) t WHERE has_table_privilege($2, t, 'UPDATE') ORDER BY 1`,
      [protectedTables, role],
    );
    for (const table of updatable) {
      const moved = poolOf().transaction(['one'], (sql) => sql.query(`UPDATE ${table} SET tenant = 'two'`));
      await expect(moved, table).rejects.toThrow(/row-level security/);
      const foreign = await poolOf().transaction(['one'], (sql) =>
        sql.query(`UPDATE ${table} SET tenant = tenant WHERE tenant = 'two'`),
      );
      expect([table, foreign.rowCount]).toEqual([table, 0]);
    }
  });

  test('cannot switch row-level security off, for itself or for a table', async () => {
    const [table = ''] = await readable();
    const off = poolOf().transaction(['one'], async (sql) => {
      await sql.query('SET LOCAL row_security = off');
      return sql.query(`SELECT * FROM ${table}`);
    });
    await expect(off).rejects.toThrow(/row-level security/);
    await expect(
      poolOf().transaction([], (sql) => sql.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`)),
    ).rejects.toThrow(/must be owner/);
  });
});
