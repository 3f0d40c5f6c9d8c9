// Goal: what writing a slice costs does not grow with the tenant. Method: a database nobody has
// analysed, plans made while its tables were empty, and Postgres' own count of the entries read.
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Database } from '../database/database.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { type SnapshotRow, declareTenants, takeOver, writeSnapshots } from './snapshot-store.ts';

let world: TestWorld;
let database: Database;
let epoch: number;

beforeEach(async () => {
  world = await openTestWorld();
  ({ database } = world.runtime('prosa_worker'));
  ({ epoch } = await takeOver(database, 0, 0));
});

afterEach(() => world.close());

const actorsPerSlice = 50;

const snapshotOf = (actor: string, nextOffset: number): SnapshotRow => ({
  tenant: testTenant,
  actor,
  nextOffset,
  machine: 'echo',
  machineVersion: '1',
  state: 'listening',
  status: 'active',
  episode: 1,
  held: 0,
  body: Buffer.from('sealed'),
  updatedAt: Date.now(),
  begunOffset: undefined,
});

/** Writes the slice that begins at `committedOffset` and has one record of each actor. */
async function writeSlice(committedOffset: number, firstActor: number): Promise<void> {
  const rows = Array.from({ length: actorsPerSlice }, (_, i) =>
    snapshotOf(`actor-${firstActor + i}`, committedOffset + i + 1),
  );
  const nextOffset = committedOffset + actorsPerSlice;
  await database.transaction([testTenant], async (sql) => {
    await declareTenants(sql, [testTenant]);
    await writeSnapshots(sql, { partition: 0, epoch, committedOffset, nextOffset, rows });
  });
}

async function entriesRead(): Promise<number> {
  // Counts reach the view after the transaction that asks for it.
  await database.transaction([], (sql) => sql.query('SELECT pg_stat_force_next_flush()'));
  const read = await database.transaction([], (sql) =>
    sql.query<{ n: string }>(
      `SELECT sum(idx_tup_read) AS n FROM pg_stat_user_indexes WHERE relname = 'actor_snapshots'`,
    ),
  );
  return Number(read.rows[0]?.n);
}

test('a slice reads the versions of its own actors, however many the tenant has', async () => {
  const slices = 40;
  for (let i = 0; i < slices; i++) await writeSlice(i * actorsPerSlice, i * actorsPerSlice);
  const before = await entriesRead();
  await writeSlice(slices * actorsPerSlice, 0);
  await writeSlice((slices + 1) * actorsPerSlice, 0);
  const perActor = ((await entriesRead()) - before) / (2 * actorsPerSlice);
  expect(perActor).toBeGreaterThan(1);
  expect(perActor).toBeLessThan(8);
  const left = await database.transaction([testTenant], (sql) => sql.query('SELECT FROM actor_snapshots'));
  expect(left.rowCount).toBe(slices * actorsPerSlice + actorsPerSlice);
});
