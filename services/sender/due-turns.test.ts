/** What was put off, taken in turns: who is served by each, and what a turn reads, planned once on empty tables. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { MessageRequested } from '#schemas/records.ts';

import { type Database, openDatabase } from '#runtime/database/database.ts';
import type { OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { openClaims } from './claims.ts';
import { dueTurns } from './due-turns.ts';
import { createHandOver } from './hand-over.ts';

/** Messages of one instance that are due at once; SENDER_QUEUE makes them more. */
const heap = Number(process.env['SENDER_QUEUE'] ?? '1000');
const tenants = ['demo'];
let world: TestWorld;
/** One connection: what it read is told by itself alone, and its plans are kept. */
let alone: Database;
let worker: Runtime;

beforeAll(async () => {
  world = await openTestWorld();
  await world.runtime('prosa_api').tenants.configure('demo', echoConfiguration);
  alone = openDatabase({ url: world.databaseUrl, role: 'prosa_worker', connectionsMax: 1, applicationName: 'alone' });
  worker = world.runtime('prosa_worker');
});
afterAll(async () => {
  await alone.close();
  await world.close();
});

const tables = {
  message_requests: `INSERT INTO message_requests (tenant, id, conversation, instance, status, due_at)
    SELECT 'demo', $1 || $2 || n, $1 || n, $2, 'scheduled', now() + $4::interval + n * interval '1 ms'
    FROM generate_series(1, $3::int) AS n`,
  deliveries: `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority,
      kind, status, next_attempt_at, client_message_id)
    SELECT 'demo', $1 || $2 || n, $1 || n, 0, n, $2, 'api', 'normal', 'text', 'scheduled',
      now() + $4::interval + n * interval '1 ms', 'X' FROM generate_series(1, $3::int) AS n`,
} as const;
type Table = keyof typeof tables;

let serial = 0;
/** Puts `count` messages of an instance off; they were due an hour ago unless it is said. */
async function putOff(table: Table, instance: string, count: number, due = '-1 hour'): Promise<void> {
  serial += 1;
  await alone.query(tenants, tables[table], [`${serial}-`, instance, count, due]);
}

const clear = (table: Table) =>
  alone.query(tenants, `UPDATE ${table} SET status = 'cancelled' WHERE status = 'scheduled'`);

/** How many of each instance. */
async function countOf(table: Table, ids: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const found = await alone.query<{ readonly instance: string; readonly count: number }>(
    tenants,
    `SELECT instance, count(*)::int AS count FROM ${table} WHERE id = ANY ($1) GROUP BY instance`,
    [ids],
  );
  return Object.fromEntries(found.rows.map(({ instance, count }) => [instance, count]));
}

/** Index entries and rows that a table was read by. */
async function reads(table: Table): Promise<number> {
  await alone.query(tenants, 'SELECT pg_stat_force_next_flush()');
  await alone.query(tenants, 'SELECT 1');
  const found = await alone.query<{ readonly read: string }>(
    tenants,
    `SELECT sum(i.idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = $1) AS read
     FROM pg_stat_user_indexes i WHERE i.relname = $1`,
    [table],
  );
  return Number(found.rows[0]?.read);
}

describe.each(['message_requests', 'deliveries'] as const)('what is due of %s', (table) => {
  let turn: ReturnType<typeof dueTurns>;
  const take = async (max = 200): Promise<readonly string[]> => {
    const ids = await turn(tenants, max);
    await alone.query(tenants, `UPDATE ${table} SET status = 'cancelled' WHERE id = ANY ($1)`, [ids]);
    return ids;
  };

  beforeAll(async () => {
    turn = dueTurns(alone, table);
    for (let i = 0; i < 12; i += 1) expect(await take()).toEqual([]);
  });

  // The first: what others leave is still in the index.
  test('is found by reading what is taken, not what waits; nothing due is one look', async () => {
    await putOff(table, 'i_later', heap, '1 hour');
    for (let i = 0; i < 20; i += 1) await putOff(table, `i_later_${i}`, 5, '1 hour');
    const before = await reads(table);
    expect(await turn(tenants, 200)).toEqual([]);
    expect((await reads(table)) - before).toBeLessThanOrEqual(2);
    await putOff(table, 'i_heap', heap);
    await putOff(table, 'i_one', 1);
    const between = await reads(table);
    expect(await turn(tenants, 20)).toHaveLength(20);
    expect((await reads(table)) - between).toBeLessThan(150);
    await clear(table);
  });

  test('is given in turns: whoever has less waits for nobody who has more, and the rest is theirs', async () => {
    await putOff(table, 'i_heap', heap, '-2 hours');
    await putOff(table, 'i_some', 3);
    await putOff(table, 'i_one', 1);
    await putOff(table, 'i_later', 1, '1 hour');
    expect(await countOf(table, await take())).toEqual({ i_heap: 196, i_some: 3, i_one: 1 });
    const earliest = await take(100);
    expect(await countOf(table, earliest)).toEqual({ i_heap: 100 });
    expect(earliest.map((id) => Number(id.split('i_heap')[1]))).toEqual(Array.from({ length: 100 }, (_, i) => 197 + i));
    await clear(table);
  });

  test('of more instances than a turn serves goes on where the last one ended', async () => {
    for (let i = 0; i < 120; i += 1) await putOff(table, `i_${String(i).padStart(3, '0')}`, 30);
    const seen = new Set<string>();
    for (let i = 0; i < 3; i += 1)
      for (const instance of Object.keys(await countOf(table, await take()))) seen.add(instance);
    expect(seen.size).toBe(120);
    await clear(table);
  });
});

describe('another one’s message', () => {
  test('is handed to the log by the first turn, in spite of a heap that was due before', async () => {
    await putOff('message_requests', 'i_heap', heap, '-2 hours');
    await putOff('message_requests', 'i_other', 1);
    const appended: OutgoingRecord[] = [];
    const log = {
      ...world.log,
      append: (records: readonly OutgoingRecord[]) => Promise.resolve(void appended.push(...records)),
    } as unknown as RecordLog;
    const handOver = createHandOver({ ...worker, log });
    await handOver(tenants);
    const instances = appended.map((one) => (recordOf(one as never) as unknown as MessageRequested).instance);
    expect(instances).toContain('i_other');
    expect(instances).toHaveLength(200);
    await clear('message_requests');
  });

  test('that was put off is queued by the first turn too', async () => {
    await putOff('deliveries', 'i_heap', heap, '-2 hours');
    await putOff('deliveries', 'i_other', 1);
    expect(await openClaims(worker.database).queuePutOff(tenants, 500)).toBe(500);
    const queued = await alone.query(
      tenants,
      `SELECT FROM deliveries WHERE instance = 'i_other' AND status = 'queued'`,
    );
    expect(queued.rowCount).toBe(1);
  });
});
