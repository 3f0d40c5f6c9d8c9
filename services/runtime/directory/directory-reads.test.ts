// Goal: who is looked for costs the same however many people a tenant knows. Method: as in snapshot-store.test.ts, a database
// that nobody has analysed, plans made while its tables were empty, and Postgres' own count of the entries read.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Database, openDatabase } from '../database/database.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import type { Directory } from './directory.ts';
import { personsOf } from './persons.ts';
import { openDirectory } from './postgres-directory.ts';

/** People that the tenant knows; DIRECTORY_PEOPLE makes them more. */
const people = Number(process.env['DIRECTORY_PEOPLE'] ?? '3000');

let world: TestWorld;
/** One connection of each role: what it read is told by itself alone, and its plans are kept. */
let ingest: Database;
let worker: Database;
let serial = 0;

beforeAll(async () => {
  world = await openTestWorld();
  const open = (role: 'prosa_ingest' | 'prosa_worker') =>
    openDatabase({ url: world.databaseUrl, role, connectionsMax: 1, applicationName: 'alone' });
  [ingest, worker] = [open('prosa_ingest'), open('prosa_worker')];
});
afterAll(async () => {
  await Promise.all([ingest.close(), worker.close()]);
  await world.close();
});

/** One without anything in memory. */
const directoryOf = (database: Database): Directory => openDirectory(database, world.runtime('prosa_ingest').vault);
const newChat = () => {
  serial += 1;
  return {
    tenant: testTenant,
    line: 'l_1',
    addresses: [`5511${serial.toString().padStart(8, '0')}@c.us`],
    group: false,
    at: 1,
  };
};

async function read(): Promise<number> {
  for (const database of [ingest, worker]) {
    // Counts reach the view after the transaction that asks for it.
    await database.query([testTenant], 'SELECT pg_stat_force_next_flush()');
    await database.query([testTenant], 'SELECT 1');
  }
  const found = await worker.query<{ readonly n: string }>(
    [testTenant],
    `SELECT sum(idx_tup_read) AS n FROM pg_stat_user_indexes WHERE relname IN ('addresses', 'conversations')`,
  );
  return Number(found.rows[0]?.n);
}

/** Everything that is asked of the directory. */
async function askAll(): Promise<void> {
  const [elder, younger] = [newChat(), newChat()];
  const directory = directoryOf(ingest);
  const [one, other] = [await directory.resolve(elder), await directory.resolve(younger)];
  await directoryOf(ingest).find(testTenant, 'l_1', elder.addresses[0] ?? '');
  await directory.releaseErased(elder);
  const move = { tenant: testTenant, from: other.conversation, into: one.conversation, at: 1 };
  await directoryOf(worker).move(move);
  await personsOf(worker, testTenant, one.conversation);
  await directoryOf(worker).addressOf(testTenant, other.conversation);
  await directoryOf(worker).move({ ...move, into: undefined, at: 2 });
}

test('who is known, who is not, who is the same as whom: each look reads a few rows of a tenant that has many', async () => {
  for (let i = 0; i < 12; i += 1) await askAll();
  const before = await read();
  await askAll();
  const few = (await read()) - before;
  await asOwner(
    world.databaseUrl,
    `INSERT INTO conversations (tenant, id, line, person, is_group)
       SELECT '${testTenant}', 'many' || n, 'l_1', 'many' || n, false FROM generate_series(1, ${people.toString()}) AS n;
     INSERT INTO addresses (tenant, line, address_index, conversation, kind, sealed)
       SELECT '${testTenant}', 'l_1', 'many' || n, 'many' || n, 'pn', '' FROM generate_series(1, ${people.toString()}) AS n`,
  );
  const between = await read();
  await askAll();
  expect(few).toBeGreaterThan(5);
  expect((await read()) - between).toBeLessThan(2 * few);
});
