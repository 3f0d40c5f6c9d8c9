/**
 * What claims cost and in which order they give: on a database that nobody ever analysed, on connections
 * that plan once, while its tables are empty. Cost is what the indexes read, not time.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ReplyRequested } from '#schemas/records.ts';

import { type Database, openDatabase } from '#runtime/database/database.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { type Claims, type LaneRoom, openClaims } from './claims.ts';
import { type ClaimedDelivery, type Deliveries, type Move, openDeliveries } from './deliveries.ts';
import { FairShares } from './fair-shares.ts';
import { classOfLane, laneOf, lanes, urgencyOfLane } from './lanes.ts';
import { acceptInto } from './testing/accepting.ts';

/** Rows of a long queue; SENDER_QUEUE makes it longer. */
const longQueue = Number(process.env['SENDER_QUEUE'] ?? '20000');
/** What a round that carries eight deliveries may read: some entries for each. */
const costMax = 150;
const tenants = ['demo'];
let world: TestWorld;
let worker: { readonly database: Database };
let deliveries: Deliveries;
let claims: Claims;
let offset = 0;

beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
  deliveries = openDeliveries(worker.database);
  claims = openClaims(worker.database);
});
afterAll(() => world.close());
beforeEach(async () => {
  await worker.database.query(
    tenants,
    `UPDATE deliveries SET status = 'cancelled', report_due_at = NULL, evidence_due_at = NULL WHERE status <> 'cancelled'`,
  );
});

const room = (instance: string, lane: number, given: Partial<LaneRoom> = {}): LaneRoom => ({
  instance,
  lane,
  room: 8,
  classRoom: 8,
  instanceRoom: 8,
  start: 0,
  ...given,
});

const claim = (rooms: readonly LaneRoom[], max = 64) =>
  claims.claimDue({ tenants, owner: 'a', leaseMs: 60_000, max, rooms });

const settled: Move = { to: 'settled', status: 'sent', reason: null, providerMessageIndex: null, result: null };
const settle = (claimed: readonly ClaimedDelivery[], move: Move = settled) =>
  Promise.all(claimed.map((one) => deliveries.move(one, undefined, move)));

/** Fills a queue in one statement, as `accept` would: `chats` chats, the first of each due, the rest behind it. */
async function fill(prefix: string, instance: string, rows: number, chats: number, lane = 1): Promise<void> {
  await worker.database.query(
    tenants,
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, lane, kind,
       status, next_attempt_at, client_message_id)
     SELECT 'demo', $1 || n, $1 || (n % $4), 0, $2 + n, $3, 'machine', 'normal', $5, 'text', 'queued',
       CASE WHEN n < $4 THEN now() ELSE 'infinity' END, 'X' FROM generate_series(0, $6::int - 1) AS n`,
    [prefix, offset, instance, chats, lane, rows],
  );
  offset += rows;
}

/** Index entries and rows that `deliveries` was read by since the last call. */
async function reads(): Promise<number> {
  await worker.database.query(tenants, 'SELECT pg_stat_force_next_flush()');
  await worker.database.query(tenants, 'SELECT 1');
  const found = await worker.database.query<{ readonly read: string }>(
    tenants,
    `SELECT sum(i.idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'deliveries') AS read
     FROM pg_stat_user_indexes i WHERE i.relname = 'deliveries'`,
  );
  return Number(found.rows[0]?.read);
}

/** What one round of everything that runs over and over reads. */
async function costOfRound(instance: string): Promise<number> {
  const before = await reads();
  await claims.waiting(tenants);
  const claimed = await claim([room(instance, 1), room(instance, 0), room(instance, 2)]);
  expect(claimed).toHaveLength(8);
  await claims.claimStale({ tenants, owner: 'a', leaseMs: 60_000, max: 10 });
  await claims.queuePutOff(tenants, 10);
  await deliveries.claimReports(tenants, 10);
  await deliveries.claimDoubted(tenants, 10);
  await settle(claimed.slice(0, 4));
  await settle(claimed.slice(4), { to: 'queued', delayMs: 60_000, uncertain: false, countsAttempt: true });
  return (await reads()) - before;
}

describe('what a round reads', () => {
  /** One connection: each tells what it read when it likes. */
  let alone: Database;
  beforeAll(() => {
    alone = openDatabase({ url: world.databaseUrl, role: 'prosa_worker', connectionsMax: 1, applicationName: 'alone' });
    [worker, claims, deliveries] = [{ database: alone }, openClaims(alone), openDeliveries(alone)];
  });
  afterAll(async () => {
    worker = world.runtime('prosa_worker');
    [claims, deliveries] = [openClaims(worker.database), openDeliveries(worker.database)];
    await alone.close();
  });

  test('does not grow with the queue: neither with chats, nor with what waits behind the first of a chat, nor with what is over', async () => {
    // Plans are made while there is next to nothing.
    await fill('warm', 'i_warm', 200, 200);
    for (let i = 0; i < 12; i += 1) await costOfRound('i_warm');
    // What is no longer queued, or not yet.
    await worker.database.query(
      tenants,
      `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind, status,
         next_attempt_at, evidence_due_at, client_message_id)
       SELECT 'demo', 'over' || n, 'over' || n, 0, n, 'i_over', 'machine', 'normal', 'text',
         (ARRAY['scheduled', 'sent', 'unknown'])[1 + n % 3], now() + interval '1 day',
         CASE WHEN n % 3 = 2 THEN now() + interval '1 day' END, 'X' FROM generate_series(1, $1::int) AS n`,
      [longQueue],
    );
    await fill('small', 'i_small', 30, 30);
    const small = await costOfRound('i_small');
    await fill('wide', 'i_wide', longQueue, longQueue);
    const wide = await costOfRound('i_wide');
    await fill('deep', 'i_deep', longQueue, 20);
    const deep = await costOfRound('i_deep');
    for (const cost of [small, wide, deep]) expect(cost).toBeLessThan(costMax);
  });
});

const reply = (id: string, conversation: string): ReplyRequested => ({
  type: 'reply.requested',
  tenant: 'demo',
  actor: conversation,
  eventId: id,
  causationId: null,
  occurredAt: 1,
  providerAt: null,
  revision: null,
  instance: 'i_1',
  messageId: null,
  origin: 'machine',
  priority: 'normal',
  kind: 'text',
  sealed: null,
});

const accept = (replies: readonly (readonly [id: string, chat: string, lane?: number, notBefore?: number])[]) =>
  acceptInto(deliveries, {
    replies: replies.map(([id, chat, lane = 1, notBefore]) => ({
      reply: reply(id, chat),
      partition: 0,
      offset: offset++,
      lane,
      notBefore: notBefore ?? null,
    })),
  });

const everyLane = (given: Partial<LaneRoom> = {}) => lanes.map((lane) => room('i_1', lane, given));
const ids = (claimed: readonly { readonly id: string }[]) => claimed.map(({ id }) => id).sort();

describe('a chat', () => {
  test('has what waits behind its first one brought to the front, one by one, however they end', async () => {
    await accept([
      ['c1', 'chat'],
      ['c2', 'chat'],
      ['c3', 'chat'],
      ['c4', 'chat'],
    ]);
    const seen: string[] = [];
    for (const status of ['sent', 'failed', 'unknown', 'manual'] as const) {
      const claimed = await claim(everyLane());
      seen.push(...ids(claimed));
      await settle(claimed, { ...settled, status });
    }
    expect(seen).toEqual(['c1', 'c2', 'c3', 'c4']);
  });

  test('goes on when replies come while its first one ends, whatever comes first', async () => {
    for (let i = 0; i < 25; i += 1) {
      await accept([[`r${i}a`, `race${i}`]]);
      const claimed = await claim(everyLane());
      const [first] = claimed;
      if (first === undefined) throw new Error('not claimed');
      await Promise.all([settle([first]), accept([[`r${i}b`, `race${i}`]])]);
      const next = await claim(everyLane());
      expect(ids(next)).toEqual([`r${i}b`]);
      await settle(next);
    }
  });

  test('is mended when what it waited for is gone without a word', async () => {
    await accept([
      ['m1', 'broken'],
      ['m2', 'broken'],
    ]);
    await worker.database.query(tenants, `UPDATE deliveries SET status = 'cancelled' WHERE id = 'm1'`);
    expect(await claim(everyLane())).toEqual([]);
    expect(await claims.mend(tenants, '')).toBe('');
    expect(ids(await claim(everyLane()))).toEqual(['m2']);
  });

  test('has no holder-up in what was put off, which takes its place again when it is due', async () => {
    await accept([['p1', 'late', 4, Date.now() + 400]]);
    await accept([['p2', 'late']]);
    const now = await claim(everyLane());
    expect(ids(now)).toEqual(['p2']);
    await settle(now);
    expect(await claims.queuePutOff(tenants, 10)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(await claims.queuePutOff(tenants, 10)).toBe(1);
    expect(ids(await claim(everyLane()))).toEqual(['p1']);
  });

  test('takes what stands before an urgent one along in its lane', async () => {
    await accept([['u1', 'urgent', laneOf('cold', 'low')]]);
    const { queued } = await accept([['u2', 'urgent', laneOf('reply', 'high')]]);
    await claims.raise(tenants, queued);
    expect(ids(await claim([room('i_1', laneOf('reply', 'high'))]))).toEqual(['u1']);
  });
});

describe('what a claim gives', () => {
  test('keeps to the room of lane, class and instance', async () => {
    for (const lane of lanes) await fill(`x${lane}-`, 'i_1', 5, 5, lane);
    const claimed = await claim(everyLane({ room: 4, classRoom: 6, instanceRoom: 15 }));
    expect(claimed).toHaveLength(15);
    for (const [, of] of Map.groupBy(claimed, ({ lane }) => classOfLane(lane)))
      expect(of.length).toBeLessThanOrEqual(6);
    for (const [, of] of Map.groupBy(claimed, ({ lane }) => lane)) expect(of.length).toBeLessThanOrEqual(4);
  });

  test('is shared 16 : 4 : 1 between priorities that all wait, whatever the size of the bites', async () => {
    for (const priority of [0, 1, 2]) await fill(`f${priority}-`, 'i_1', 150, 150, priority);
    const shares = new FairShares();
    const order: number[] = [];
    for (const bite of [1, 5, 2, 8, 3, 13, 21, 1, 9, 42]) {
      const starts = shares.starts('i_1');
      const rooms = [0, 1, 2].map((lane) =>
        room('i_1', lane, { room: bite, classRoom: bite, instanceRoom: bite, start: starts[lane] ?? 0 }),
      );
      const claimed = await claim(rooms);
      expect(claimed).toHaveLength(bite);
      const counts = [0, 1, 2].map((p) => claimed.filter(({ lane }) => urgencyOfLane(lane) === p).length);
      shares.took('i_1', counts);
      order.push(...claimed.map(({ lane }) => lane));
    }
    expect(order).toHaveLength(105);
    expect([0, 1, 2].map((p) => order.filter((lane) => lane === p).length)).toEqual([80, 20, 5]);
  });
});
