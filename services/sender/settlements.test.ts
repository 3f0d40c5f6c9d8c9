/** Deliveries that end together, while others arrive in the same chats. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ReplyRequested } from '#schemas/records.ts';

import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { type ClaimedDelivery, type Deliveries, type Move, openDeliveries } from './deliveries.ts';
import { laneOf } from './lanes.ts';
import { acceptInto } from './testing/accepting.ts';

const tenant = 'demo';
let world: TestWorld;
let worker: Runtime;
let deliveries: Deliveries;
let offset = 0;

beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
  deliveries = openDeliveries(worker.database);
});
afterAll(() => world.close());

const reply = (id: string, conversation: string): ReplyRequested => ({
  type: 'reply.requested',
  tenant,
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

/** Accepts replies and begins with all of them. */
const begin = async (of: readonly (readonly [id: string, conversation: string])[]) => {
  const lane = laneOf('reply', 'normal');
  const { begun } = await acceptInto(deliveries, {
    replies: of.map(([id, chat]) => ({
      reply: reply(id, chat),
      partition: 0,
      offset: offset++,
      lane,
      notBefore: null,
    })),
    begin: new Set(of.map(([id]) => id)),
  });
  return begun;
};

const settled = (reason: string, chatPauseMs = 0): Move => ({
  to: 'settled',
  status: 'failed',
  reason,
  providerMessageIndex: null,
  result: null,
  chatPauseMs,
});

const settle = (claimed: readonly ClaimedDelivery[], chatPauseMs = 0) =>
  Promise.all(
    claimed.map((one) =>
      deliveries.move(
        one,
        { outcome: 'refused', provider: 'cloud', code: one.id, httpStatus: 400, durationMs: 7 },
        settled(`r-${one.id}`, chatPauseMs),
      ),
    ),
  );

interface Row {
  readonly id: string;
  readonly status: string;
  readonly next_attempt_at: Date | number;
}

const rowsOf = async (ids: readonly string[]): Promise<readonly Row[]> =>
  (
    await worker.database.query<Row>(
      [tenant],
      'SELECT id, status, next_attempt_at FROM deliveries WHERE id = ANY ($1) ORDER BY log_offset',
      [ids],
    )
  ).rows;

describe('deliveries that end at the same moment', () => {
  test('have each their own end, attempt and report; one that was taken over has none', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `own${String(i).padStart(2, '0')}`);
    const claimed = await begin(names.map((name) => [name, `c_${name}`]));
    expect(claimed).toHaveLength(30);
    await worker.database.query([tenant], `UPDATE deliveries SET claim = claim + 1 WHERE id = 'own07'`);
    const reports = await settle(claimed);
    expect(claimed.map(({ id }, i) => [id, reports[i]?.id, reports[i]?.reason])).toEqual(
      claimed.map(({ id }) => (id === 'own07' ? [id, undefined, undefined] : [id, id, `r-${id}`])),
    );
    const attempts = await worker.database.query<{ delivery: string; code: string; duration_ms: number }>(
      [tenant],
      `SELECT delivery, code, duration_ms FROM delivery_attempts WHERE delivery LIKE 'own%' ORDER BY delivery`,
    );
    expect(attempts.rows).toEqual(
      names.filter((id) => id !== 'own07').map((id) => ({ delivery: id, code: id, duration_ms: 7 })),
    );
  });

  test('let the next of their chats go, each after its own pause', async () => {
    const [quick, slow] = await begin([
      ['q1', 'c_quick'],
      ['s1', 'c_slow'],
    ]);
    await begin([
      ['q2', 'c_quick'],
      ['s2', 'c_slow'],
    ]);
    if (quick === undefined || slow === undefined) throw new Error('not begun');
    await Promise.all([settle([quick]), settle([slow], 60_000)]);
    const [first, second] = await rowsOf(['q2', 's2']);
    expect([first?.status, second?.status]).toEqual(['queued', 'queued']);
    expect(Number(second?.next_attempt_at) - Number(first?.next_attempt_at)).toBeGreaterThan(50_000);
  });

  test('wait for nobody who accepts more for the same chats, in whatever order', async () => {
    const chats = Array.from({ length: 40 }, (_, i) => `c_both${i}`);
    const deadlocks = async (): Promise<number> => {
      await worker.database.query([tenant], 'SELECT pg_stat_force_next_flush()');
      const found = await worker.database.query<{ readonly deadlocks: string }>(
        [tenant],
        'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
      );
      return Number(found.rows[0]?.deadlocks);
    };
    const before = await deadlocks();
    for (let round = 0; round < 8; round += 1) {
      const claimed = await begin(chats.map((chat) => [`${chat}-${round}`, chat]));
      expect(claimed).toHaveLength(chats.length);
      const others = [...chats].reverse().map((chat) => [`${chat}-${round}-next`, chat] as const);
      const [reports] = await Promise.all([settle([...claimed].reverse()), begin(others)]);
      expect(reports.filter((report) => report === undefined)).toEqual([]);
      // Nothing of the chats is left behind what is over.
      const left = await rowsOf(others.map(([id]) => id));
      expect(left.filter(({ next_attempt_at: at }) => !(at instanceof Date))).toEqual([]);
      await worker.database.query([tenant], `UPDATE deliveries SET status = 'cancelled' WHERE id = ANY ($1)`, [
        others.map(([id]) => id),
      ]);
    }
    expect((await deadlocks()) - before).toBe(0);
  });
});
