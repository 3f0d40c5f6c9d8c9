/** What a poll finds by one look, and that neither this look nor what is then taken reads more than it has to. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Database, openDatabase } from '#runtime/database/database.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { openDeliveries } from './deliveries.ts';
import { type DueWork, dueWorkFinder } from './due-work.ts';
import { createStepRecorder } from './steps.ts';

/** What is overdue at once; SENDER_QUEUE makes it more. */
const heap = Number(process.env['SENDER_QUEUE'] ?? '2000');

const tenants = ['demo'];
let world: TestWorld;
let worker: Database;
let look: () => Promise<readonly DueWork[]>;

beforeAll(async () => {
  world = await openTestWorld();
  worker = openDatabase({ url: world.databaseUrl, role: 'prosa_worker', connectionsMax: 1, applicationName: 'alone' });
  const find = dueWorkFinder(worker, Date.now);
  look = async () => [...(await find(tenants))].sort();
  // Plans are made while there is nothing.
  await takeOverdue();
});
afterAll(async () => {
  await worker.close();
  await world.close();
});

/** Deliveries, one of them with what `column` is about due `due` from now. */
const deliveries = (prefix: string, count: number, status: string, column: string, due: string) =>
  worker.query(
    tenants,
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind,
       status, client_message_id, ${column})
     SELECT 'demo', $1 || n, $1 || n, 0, n, 'i', 'api', 'normal', 'text', $3, 'X', now() + $4::interval
     FROM generate_series(1, $2::int) AS n`,
    [prefix, count, status, due],
  );

async function reads(): Promise<number> {
  await worker.query(tenants, 'SELECT pg_stat_force_next_flush()');
  await worker.query(tenants, 'SELECT 1');
  const found = await worker.query<{ readonly read: string }>(
    tenants,
    `SELECT sum(idx_tup_read) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables) AS read FROM pg_stat_user_indexes`,
  );
  return Number(found.rows[0]?.read);
}

test('a look finds what is due, of each kind, and reads one row of each', async () => {
  expect(await look()).toEqual([]);
  for (const [column, status] of [
    ['lease_until', 'sending'],
    ['report_due_at', 'sent'],
    ['next_attempt_at', 'scheduled'],
    ['evidence_due_at', 'unknown'],
  ] as const)
    await deliveries(`later-${column}-`, 300, status, column, '1 hour');
  await worker.query(
    tenants,
    `INSERT INTO message_requests (tenant, id, conversation, instance, status, due_at)
     SELECT 'demo', 'later' || n, 'c', 'i', 'scheduled', now() + interval '1 hour' FROM generate_series(1, 300) AS n`,
  );
  for (let i = 0; i < 12; i += 1) expect(await look()).toEqual([]);
  const before = await reads();
  expect(await look()).toEqual([]);
  expect((await reads()) - before).toBeLessThan(100);

  await deliveries('stale-', 1, 'sending', 'lease_until', '-1 second');
  expect(await look()).toEqual(['stale']);
  await deliveries('report-', 1, 'sent', 'report_due_at', '-1 second');
  await deliveries('put-off-', 1, 'scheduled', 'next_attempt_at', '-1 second');
  await deliveries('doubted-', 1, 'unknown', 'evidence_due_at', '-1 second');
  await worker.query(tenants, `UPDATE message_requests SET due_at = now() WHERE id = 'later1'`);
  await worker.query(
    tenants,
    `INSERT INTO sending_gate_changes (tenant, instance, change) VALUES ('demo', 'i', 'closed')`,
  );
  await worker.query(
    tenants,
    `INSERT INTO delivery_steps (tenant, delivery, number, step, cause, instance)
     VALUES ('demo', 'stale-1', 1, 'manual', 'none', 'i')`,
  );
  expect(await look()).toEqual(['doubted', 'gate-changes', 'hand-over', 'put-off', 'reports', 'stale', 'steps']);
});

/** One turn of what others left. */
async function takeOverdue(): Promise<void> {
  const { claimReports, claimDoubted } = openDeliveries(worker);
  await claimReports(tenants, 10);
  await claimDoubted(tenants, 10);
  await createStepRecorder({ database: worker, log: { ...world.log, append: () => Promise.resolve([]) } })(tenants);
}

test('what is overdue is taken by reading what is taken, however much there is', async () => {
  await deliveries('untold-', heap, 'sent', 'report_due_at', '-1 hour');
  await deliveries('in-doubt-', heap, 'unknown', 'evidence_due_at', '-1 hour');
  await worker.query(
    tenants,
    `INSERT INTO delivery_steps (tenant, delivery, number, step, cause, instance)
     SELECT 'demo', 'untold-' || n, 1, 'manual', 'none', 'i' FROM generate_series(1, $1::int) AS n`,
    [heap],
  );
  const before = await reads();
  await takeOverdue();
  expect((await reads()) - before).toBeLessThan(1_200);
});
