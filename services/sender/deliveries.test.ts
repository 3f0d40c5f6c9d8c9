/** What the rows promise when claims race, whatever the processes do. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ReplyRequested } from '#schemas/records.ts';

import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { type Claims, type LaneRoom, openClaims } from './claims.ts';
import { type AttemptResult, type Deliveries, type Move, openDeliveries } from './deliveries.ts';
import { laneOf, lanes } from './lanes.ts';
import { acceptInto } from './testing/accepting.ts';

const tenants = ['demo'];
let world: TestWorld;
let worker: Runtime;
let deliveries: Deliveries;
let claims: Claims;
let offset = 0;

beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
  deliveries = openDeliveries(worker.database);
  claims = openClaims(worker.database);
});

afterAll(async () => {
  await world.close();
});

beforeEach(async () => {
  // Nothing of an earlier test may be claimable.
  await worker.database.transaction(tenants, (sql) =>
    sql.query(`UPDATE deliveries SET status = 'cancelled', report_due_at = NULL`),
  );
});

const reply = (id: string, conversation: string, instance = 'i_1'): ReplyRequested => ({
  type: 'reply.requested',
  tenant: 'demo',
  actor: conversation,
  eventId: id,
  causationId: null,
  occurredAt: 1,
  providerAt: null,
  revision: null,
  instance,
  messageId: null,
  origin: 'machine',
  priority: 'normal',
  kind: 'text',
  sealed: null,
});

const placed = (one: ReplyRequested) => ({
  reply: one,
  partition: 0,
  offset: offset++,
  lane: laneOf('reply', 'normal'),
  notBefore: null,
});

const accept = (replies: readonly ReplyRequested[], begin: readonly string[] = []) =>
  acceptInto(deliveries, { replies: replies.map((one) => placed(one)), begin: new Set(begin) });

const queue = (...replies: readonly ReplyRequested[]) => accept(replies);

/** Room for `room` of each instance, in every lane. */
const roomsFor = (instances: readonly string[], room: (instance: string) => number): readonly LaneRoom[] =>
  instances.flatMap((instance) =>
    lanes.map((lane) => ({
      instance,
      lane,
      room: room(instance),
      classRoom: room(instance),
      instanceRoom: room(instance),
      start: 0,
    })),
  );

const claim = async (given: { owner?: string; leaseMs?: number; max?: number } = {}) => {
  const wanted = { tenants, owner: 'a', leaseMs: 60_000, max: 100, rooms: roomsFor(['i_1'], () => 100), ...given };
  return claims.claimDue(wanted);
};

const claimStale = (owner = 'b') => claims.claimStale({ tenants, owner, leaseMs: 60_000, max: 100 });

const sent: AttemptResult = { outcome: 'sent', provider: 'waha', code: null, httpStatus: 201, durationMs: 1 };
const settled: Move = { to: 'settled', status: 'sent', reason: null, providerMessageIndex: null, result: null };

const ids = (claimed: readonly { readonly id: string }[]): readonly string[] => claimed.map(({ id }) => id).sort();

describe('claiming', () => {
  test('takes the head of each chat only, and the next one once the head is settled', async () => {
    await queue(reply('o1', 'c_1'), reply('o2', 'c_1'), reply('o3', 'c_2'));
    const first = await claim();
    expect(ids(first)).toEqual(['o1', 'o3']);
    expect(await claim()).toEqual([]);
    const head = first.find(({ id }) => id === 'o1');
    if (head === undefined) throw new Error('not claimed');
    expect(await deliveries.move(head, sent, settled)).toMatchObject({ id: 'o1', status: 'sent' });
    expect(ids(await claim())).toEqual(['o2']);
  });

  test('by many at once gives each delivery to one', async () => {
    await queue(...Array.from({ length: 30 }, (_, i) => reply(`p${i}`, `c_p${i}`)));
    const claims = await Promise.all(Array.from({ length: 6 }, (_, i) => claim({ owner: `o${i}`, max: 10 })));
    const all = ids(claims.flat());
    expect(all).toHaveLength(new Set(all).size);
    expect([...all, ...ids(await claim())]).toHaveLength(30);
  });

  test('keeps to what an instance may have, however long its queue', async () => {
    await queue(...Array.from({ length: 20 }, (_, i) => reply(`q${i}`, `c_q${i}`, 'i_long')));
    await queue(reply('r1', 'c_r1', 'i_short'));
    expect((await claims.waiting(tenants)).map(({ instance }) => instance)).toEqual(['i_long', 'i_short']);
    const rooms = roomsFor(['i_long', 'i_short'], (instance) => (instance === 'i_long' ? 2 : 3));
    const claimed = await claims.claimDue({ tenants, owner: 'a', leaseMs: 60_000, max: 100, rooms });
    expect(claimed.map(({ instance }) => instance).sort()).toEqual(['i_long', 'i_long', 'i_short']);
  });

  test('sees no tenant that was not named', async () => {
    await queue(reply('s1', 'c_s1'));
    const rooms = roomsFor(['i_1'], () => 9);
    expect(await claims.claimDue({ tenants: ['other'], owner: 'a', leaseMs: 1, max: 9, rooms })).toEqual([]);
    expect(await claims.waiting(['other'])).toEqual([]);
  });
});

describe('a reply that is begun as it is accepted', () => {
  test('is claimed by who accepted it, and settled like any other', async () => {
    const { begun, queued } = await accept([reply('b1', 'c_b1')], ['b1']);
    expect(begun).toMatchObject([
      { id: 'b1', attempts: 1, claim: '1', lookups: 0, abandoned: false, uncertain: false },
    ]);
    expect(queued).toEqual([]);
    expect(await claim()).toEqual([]);
    const [head] = begun;
    if (head === undefined) throw new Error('not begun');
    expect(await deliveries.move(head, sent, settled)).toMatchObject({ id: 'b1', status: 'sent', attempts: 1 });
  });

  test('waits when something of its chat is queued or on its way', async () => {
    await queue(reply('b2', 'c_b2'));
    expect(await accept([reply('b3', 'c_b2')], ['b3'])).toEqual({ begun: [], queued: [['c_b2', 1]] });
    expect(ids(await claim())).toEqual(['b2']);
    expect(await accept([reply('b4', 'c_b2')], ['b4'])).toEqual({ begun: [], queued: [['c_b2', 1]] });
  });

  test('is not begun again when it is read again', async () => {
    await accept([reply('b5', 'c_b5'), reply('b6', 'c_b5')], ['b5']);
    expect(await accept([reply('b5', 'c_b5'), reply('b6', 'c_b5')], ['b5'])).toEqual({ begun: [], queued: [] });
  });

  test('is looked up by others when its process is gone', async () => {
    await acceptInto(deliveries, { replies: [placed(reply('b7', 'c_b7'))], leaseMs: 0, begin: new Set(['b7']) });
    expect(await claimStale()).toMatchObject([{ id: 'b7', abandoned: true, uncertain: true, lookups: 1 }]);
  });
});

describe('a claim', () => {
  test('that was taken over changes nothing any more', async () => {
    await queue(reply('t1', 'c_t1'));
    const [slow] = await claim({ leaseMs: 0 });
    const [taker] = await claimStale();
    if (slow === undefined || taker === undefined) throw new Error('not claimed');
    expect(taker).toMatchObject({ id: 't1', abandoned: true, uncertain: true, lookups: 1 });
    expect(await deliveries.move(slow, sent, settled)).toBeUndefined();
    expect(await deliveries.move(taker, sent, { ...settled, status: 'unknown', reason: 'x' })).toMatchObject({
      status: 'unknown',
    });
    expect(await deliveries.move(taker, sent, settled)).toBeUndefined();
  });

  test('with time left is not taken over, except by one who is alone', async () => {
    await queue(reply('u1', 'c_u1'));
    await claim({ owner: 'a' });
    expect(await claimStale()).toEqual([]);
    await deliveries.disown(tenants, 'a');
    expect(await claimStale()).toEqual([]);
    await deliveries.disown(tenants, 'b');
    expect(ids(await claimStale())).toEqual(['u1']);
  });

  test('given back without an attempt does not count as one', async () => {
    await queue(reply('v1', 'c_v1'));
    const [claimed] = await claim();
    if (claimed === undefined) throw new Error('not claimed');
    const back: Move = { to: 'queued', delayMs: 0, uncertain: false, countsAttempt: false };
    await deliveries.move(claimed, undefined, back);
    expect(await claim()).toMatchObject([{ id: 'v1', attempts: 1 }]);
  });
});

test('a settled delivery is reported by others only when its own process did not', async () => {
  await queue(reply('w1', 'c_w1'));
  const [claimed] = await claim();
  if (claimed === undefined) throw new Error('not claimed');
  const report = await deliveries.move(claimed, sent, settled);
  expect(await deliveries.claimReports(tenants, 10)).toEqual([]);
  await deliveries.disown(tenants, 'b');
  expect(await deliveries.claimReports(tenants, 10)).toEqual([report]);
  expect(await deliveries.claimReports(tenants, 10)).toEqual([]);
  if (report !== undefined) await deliveries.reported(report);
  await deliveries.disown(tenants, 'b');
  expect(await deliveries.claimReports(tenants, 10)).toEqual([]);
});
