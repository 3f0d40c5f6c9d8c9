/**
 * What is planned on an empty table. Services plan a statement once (database.ts), often before there are rows, and the
 * isolation policy adds a condition on the tenant: were that taken for a narrow one, any index that begins with the tenant
 * would be read whole in place of a key. Method: a database that nobody has analysed, plans made while its tables were empty,
 * and Postgres' own count of the entries read. Keys are read from the catalogue, so that a table made later is checked as well.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type WantedTime, openAppointmentRows } from '../calendar/appointment-rows.ts';
import type { Directory } from '../directory/directory.ts';
import { personsOf } from '../directory/persons.ts';
import { openDirectory } from '../directory/postgres-directory.ts';
import { type TestWorld, openTestWorld, testTenant as tenant } from '../testing/runtime.ts';
import { type Database, openDatabase } from './database.ts';

/** People that the tenant knows, and appointments that it has; TENANT_ROWS makes them more. */
const many = Number(process.env['TENANT_ROWS'] ?? '3000');

let world: TestWorld;
let owner: pg.Client;
/** One connection of each role: what it read is told by itself alone, and its plans are kept. */
let ingest: Database;
let worker: Database;
let serial = 0;

beforeAll(async () => {
  world = await openTestWorld();
  owner = new pg.Client({ connectionString: world.databaseUrl });
  await owner.connect();
  const open = (role: 'prosa_ingest' | 'prosa_worker') =>
    openDatabase({ url: world.databaseUrl, role, connectionsMax: 1, applicationName: 'alone' });
  [ingest, worker] = [open('prosa_ingest'), open('prosa_worker')];
});
afterAll(async () => {
  await Promise.all([ingest.close(), worker.close(), owner.end()]);
  await world.close();
});

interface Key {
  readonly table: string;
  readonly index: string;
  readonly columns: readonly string[];
}

/** Primary keys without the tenant, of tables that the worker reads. */
async function keys(): Promise<readonly Key[]> {
  const found = await owner.query<Key>(
    `SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS index,
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey) k JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k) AS columns
     FROM pg_index i JOIN pg_policy p ON p.polrelid = i.indrelid AND p.polname = 'tenant_declared'
     WHERE i.indisprimary AND has_table_privilege('prosa_worker', i.indrelid, 'SELECT')`,
  );
  return found.rows.filter(({ columns }) => !columns.includes('tenant'));
}

test('rows that are looked for by their key are found by it, on every table', async () => {
  const found = await keys();
  expect(found.length).toBeGreaterThan(15);
  for (const { table, index, columns } of found) {
    const conditions = columns.map((column, i) => `${column} = ANY ($${(i + 2).toString()})`).join(' AND ');
    const { rows } = await worker.query<{ readonly 'QUERY PLAN': string }>(
      [tenant],
      `EXPLAIN (GENERIC_PLAN, COSTS OFF) SELECT * FROM ${table} WHERE tenant = $1 AND ${conditions}`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan, table).toMatch(new RegExp(`(?:using|Scan on) ${index}\\b`));
  }
});

/** Entries of the indexes of some tables, and rows, that were read so far. */
async function read(tables: readonly string[]): Promise<number> {
  // Counts reach the view after the transaction that asks for it.
  const flush = 'SELECT pg_stat_force_next_flush()';
  for (const statement of [flush, 'SELECT 1']) {
    for (const database of [ingest, worker]) await database.query([tenant], statement);
    await owner.query(statement);
  }
  const found = await owner.query<{ readonly n: string }>(
    `SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY ($1))
       + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY ($1)) AS n`,
    [tables],
  );
  return Number(found.rows[0]?.n);
}

/** What `ask` reads before and after there is much. */
async function costs(tables: readonly string[], ask: () => Promise<void>, fill: string) {
  for (let i = 0; i < 8; i += 1) await ask();
  const before = await read(tables);
  await ask();
  const few = (await read(tables)) - before;
  await owner.query(fill);
  const between = await read(tables);
  await ask();
  return { few, filled: (await read(tables)) - between };
}

describe('however much a tenant has, as much is read of', () => {
  test('the directory: who is known, who is not, who is the same as whom', async () => {
    // One without anything in memory.
    const directoryOf = (database: Database): Directory => openDirectory(database, world.runtime('prosa_ingest').vault);
    const newChat = () => {
      serial += 1;
      const addresses = [`5511${serial.toString().padStart(8, '0')}@c.us`];
      return { tenant, line: 'l_1', addresses, group: false, at: 1 };
    };
    const ask = async (): Promise<void> => {
      const [elder, younger] = [newChat(), newChat()];
      const directory = directoryOf(ingest);
      const [one, other] = [await directory.resolve(elder), await directory.resolve(younger)];
      await directoryOf(ingest).find(tenant, 'l_1', elder.addresses[0] ?? '');
      await directory.releaseErased(elder);
      const move = { tenant, from: other.conversation, into: one.conversation, at: 1 };
      await directoryOf(worker).move(move);
      await personsOf(worker, tenant, one.conversation);
      await directoryOf(worker).addressOf(tenant, other.conversation);
      await directoryOf(worker).move({ ...move, into: undefined, at: 2 });
    };
    const { few, filled } = await costs(
      ['addresses', 'conversations'],
      ask,
      `INSERT INTO conversations (tenant, id, line, person, is_group)
         SELECT '${tenant}', 'many' || n, 'l_1', 'many' || n, false FROM generate_series(1, ${many.toString()}) AS n;
       INSERT INTO addresses (tenant, line, address_index, conversation, kind, sealed)
         SELECT '${tenant}', 'l_1', 'many' || n, 'many' || n, 'pn', '' FROM generate_series(1, ${many.toString()}) AS n`,
    );
    expect(few).toBeGreaterThan(5);
    expect(filled).toBeLessThan(2 * few);
  });

  test('appointments: what is taken, held, booked, moved and still to come', async () => {
    const rows = openAppointmentRows(worker);
    const day = 86_400_000;
    const place = { tenant, calendar: 'service:check-up', seats: 1 };
    const wanted = (id: string, moving: string | null): WantedTime => {
      serial += 1;
      const start = serial * day;
      const [service, conversation, persons] = ['check-up', 'c_1', [`p_${id}`] as const];
      return { id, place, service, start, end: start + 1, persons, conversation, moving, until: start, replaces: true };
    };
    const ask = async (): Promise<void> => {
      const [booked, elsewhere] = [`a_${serial.toString()}`, `b_${serial.toString()}`];
      const first = wanted(booked, null);
      await rows.taken(place, first.start, first.end, 0, 10);
      await rows.abandoned(place, first.start, first.end, 0);
      await rows.hold(first, 0);
      await rows.claim(tenant, booked, 0, 1);
      expect(await rows.book(tenant, booked, 0, null)).toBeDefined();
      await rows.hold({ ...wanted(elsewhere, booked), persons: first.persons }, 0);
      expect(await rows.move(tenant, elsewhere, booked, 0)).toBeDefined();
      expect(await rows.upcoming(tenant, first.persons, 0, 5)).toHaveLength(1);
      expect(await rows.cancel(tenant, booked, 'x', 0)).toBe(true);
    };
    const { few, filled } = await costs(
      ['appointments'],
      ask,
      `INSERT INTO appointments (tenant, id, person, conversation, service, calendar, seat, starts_at, ends_at, status, place_of,
         created_at, updated_at)
       SELECT '${tenant}', 'many' || n, 'many' || n, 'many' || n, 'check-up', 'service:check-up', 1,
         to_timestamp(-n * 3600), to_timestamp(-n * 3600 + 1800), 'booked', 'many' || n, now(), now()
       FROM generate_series(1, ${many.toString()}) AS n`,
    );
    expect(few).toBeGreaterThan(5);
    expect(filled).toBeLessThan(2 * few);
  });
});
