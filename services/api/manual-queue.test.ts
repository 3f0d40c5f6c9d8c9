/** The queue for decisions and orders about many deliveries, as callers see them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { eventually, readRecords } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let serial = 0;

beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());
beforeEach(() => worker(`UPDATE deliveries SET status = 'cancelled', report_due_at = NULL`));

const worker = <Row>(statement: string, values: readonly unknown[] = []) =>
  api.tables.query<Row>([testTenant], statement, values);

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object, key = api.keys.operator) =>
  api.call(key, method, path, body);

interface Given {
  readonly reason?: string;
  readonly cause?: string;
  readonly instance?: string;
  readonly messageId?: string;
  readonly hoursAgo?: number;
}

/** A delivery as a process left it. */
async function delivery(status: string, given: Given = {}): Promise<string> {
  serial += 1;
  const id = `d_${serial}`;
  await worker(
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, message_id, origin, priority,
       kind, status, reason, cause, attempts, client_message_id, settled_at, updated_at, fallback)
     VALUES ($1, $2, $3, 0, $4, $5, $6, 'api', 'normal', 'text', $7, $8, $9, 4, $2, now(), now() - $10 * interval '1 hour',
       'priority')`,
    [
      testTenant,
      id,
      `c_${serial}`,
      serial,
      given.instance ?? api.world.instance.id,
      given.messageId ?? null,
      status,
      given.reason ?? 'attempts-exhausted',
      given.cause ?? 'provider.unavailable',
      given.hoursAgo ?? 0,
    ],
  );
  return id;
}

const statusesOf = async (ids: readonly string[]) => {
  const { rows } = await worker<{ id: string; status: string }>(
    'SELECT id, status FROM deliveries WHERE id = ANY ($1)',
    [ids],
  );
  const of = new Map(rows.map(({ id, status }) => [id, status]));
  return ids.map((id) => of.get(id));
};

const actsAbout = async (id: string) =>
  (await readRecords(api.world, topics.audit, id.replace('d_', 'c_'))).map((one) => 'action' in one && one.action);

describe('the queue for decisions', () => {
  test('is counted by account and cause, the most first; what was refused only when asked for', async () => {
    const { id: instanceId } = api.world.instance;
    await delivery('manual', { hoursAgo: 3 });
    await delivery('manual');
    await delivery('manual', { cause: 'provider.timeout', instance: 'i_2' });
    await delivery('unknown', { reason: 'outcome.not-found', cause: 'provider.connection-lost' });
    await delivery('failed', { reason: 'provider.refused', cause: 'provider.refused' });
    const read = async (query = '') =>
      (await call('GET', `/v1/manual-queue${query}`, undefined, api.keys.analyst)).body;
    const all = await read();
    expect(all).toMatchObject({
      total: 4,
      items: [
        { status: 'manual', reason: 'attempts-exhausted', cause: 'provider.unavailable', instanceId, count: 2 },
        { status: 'manual', cause: 'provider.timeout', instanceId: 'i_2', count: 1 },
        { status: 'unknown', reason: 'outcome.not-found', cause: 'provider.connection-lost', count: 1 },
      ],
    });
    const [first] = all['items'] as readonly { readonly oldestAt: string; readonly newestAt: string }[];
    expect(Date.parse(first?.newestAt ?? '') - Date.parse(first?.oldestAt ?? '')).toBeGreaterThan(10_000_000);
    expect(await read('?status=failed')).toMatchObject({ total: 1, items: [{ reason: 'provider.refused' }] });
    expect(await read('?instance=i_2')).toMatchObject({ total: 1, items: [{ cause: 'provider.timeout' }] });
    expect((await api.call(api.otherKey, 'GET', '/v1/manual-queue')).body).toEqual({ items: [], total: 0 });
  });

  test('is decided about by operators, not by who only reads', async () => {
    for (const role of ['analyst', 'auditor', 'ingest'] as const)
      for (const what of ['retry', 'cancel'])
        expect((await call('POST', `/v1/deliveries/${what}`, { hours: 1 }, api.keys[role])).status).toBe(403);
  });
});

describe('an order about many', () => {
  test('retries a cause, an account, some hours, or those that are named, each with its whole way before it', async () => {
    const [one, other, elsewhere, old, refused] = [
      await delivery('manual'),
      await delivery('manual', { cause: 'provider.timeout' }),
      await delivery('manual', { instance: 'i_2', cause: 'provider.timeout' }),
      await delivery('manual', { hoursAgo: 5 }),
      await delivery('failed', { reason: 'provider.refused', cause: 'provider.refused' }),
    ];
    const ids = [one, other, elsewhere, old, refused];
    const retry = async (body: object) => (await call('POST', '/v1/deliveries/retry', body)).body;
    expect(await retry({ cause: 'none' })).toEqual({ retried: 0, skipped: [], more: false });
    expect(await retry({ cause: 'provider.timeout', instanceId: 'i_2' })).toMatchObject({ retried: 1 });
    expect(await statusesOf(ids)).toEqual(['manual', 'manual', 'queued', 'manual', 'failed']);
    expect(await retry({ hours: 2, statuses: ['manual'] })).toMatchObject({ retried: 2 });
    expect(await statusesOf(ids)).toEqual(['queued', 'queued', 'queued', 'manual', 'failed']);
    expect(await retry({ ids: [old, refused, 'd_none'] })).toEqual({ retried: 2, skipped: ['d_none'], more: false });
    expect(await statusesOf(ids)).toEqual(ids.map(() => 'queued'));
    const { rows } = await worker(
      'SELECT fallback, attempts, attempts_forgiven, reason FROM deliveries WHERE id = $1',
      [old],
    );
    expect(rows).toEqual([{ fallback: null, attempts: 4, attempts_forgiven: 4, reason: null }]);
    for (const id of ids) expect(await actsAbout(id)).toEqual(['message.retried']);
  });

  test('retries what may have arrived only where that is said', async () => {
    const id = await delivery('unknown', { messageId: 'm_many' });
    const retry = (body: object) => call('POST', '/v1/deliveries/retry', body);
    expect((await retry({ ids: [id] })).body).toMatchObject({ retried: 0, skipped: [id] });
    expect(await retry({ hours: 1, statuses: ['unknown'] })).toMatchObject({ status: 400 });
    // By its message's id, too.
    expect((await retry({ ids: ['m_many'], evenIfUnknown: true })).body).toMatchObject({ retried: 1, skipped: [] });
    expect(await statusesOf([id])).toEqual(['queued']);
    // One that waits for its next attempt has it now.
    await worker(`UPDATE deliveries SET next_attempt_at = now() + interval '1 hour' WHERE id = $1`, [id]);
    expect((await retry({ ids: [id] })).body).toMatchObject({ retried: 1 });
    const { rows } = await worker('SELECT next_attempt_at <= now() AS due FROM deliveries WHERE id = $1', [id]);
    expect(rows).toEqual([{ due: true }]);
  });

  test('gives up by cause or by name; what may have arrived stays unknown and leaves the queue', async () => {
    const [first, second, kept, unknown, waiting, sent] = [
      await delivery('manual', { messageId: 'm_given-up' }),
      await delivery('manual'),
      await delivery('manual', { cause: 'provider.timeout' }),
      await delivery('unknown'),
      await delivery('queued'),
      await delivery('sent'),
    ];
    await worker(
      `INSERT INTO message_requests (tenant, id, conversation, instance, status) VALUES ($1, 'm_given-up', 'c', 'i', 'queued')`,
      [testTenant],
    );
    const cancel = async (body: object) => (await call('POST', '/v1/deliveries/cancel', body)).body;
    expect(await cancel({ cause: 'provider.unavailable' })).toEqual({
      cancelled: 2,
      dismissed: 0,
      skipped: [],
      more: false,
    });
    expect(await cancel({ statuses: ['unknown'], hours: 1 })).toMatchObject({ cancelled: 0, dismissed: 1 });
    expect(await cancel({ ids: [waiting, sent, unknown] })).toMatchObject({ cancelled: 1, skipped: [sent, unknown] });
    expect(await statusesOf([first, second, kept, unknown, waiting, sent])).toEqual([
      'cancelled',
      'cancelled',
      'manual',
      'unknown',
      'cancelled',
      'sent',
    ]);
    expect((await call('GET', '/v1/messages/m_given-up')).body).toMatchObject({ status: 'cancelled' });
    expect((await worker(`SELECT status FROM message_requests WHERE id = 'm_given-up'`)).rows).toEqual([
      { status: 'cancelled' },
    ]);
    expect((await call('GET', '/v1/manual-queue')).body).toMatchObject({
      total: 1,
      items: [{ cause: 'provider.timeout' }],
    });
    expect(await actsAbout(unknown)).toEqual(['message.dismissed']);
    expect(await actsAbout(first)).toEqual(['message.cancelled']);
  });

  test('says which, and never all by saying nothing', async () => {
    for (const what of ['retry', 'cancel'])
      for (const body of [{}, { statuses: ['manual'] }, { ids: [] }, { ids: ['d_1'], hours: 1 }, { hours: 169 }])
        expect(await call('POST', `/v1/deliveries/${what}`, body)).toMatchObject({ status: 400 });
  });

  test('does as much at a call as it may, the oldest first, and says that there is more', async () => {
    const { id: instance } = api.world.instance;
    await worker(
      `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind, status,
         reason, cause, client_message_id, updated_at)
       SELECT $1, 'd_many-' || i, 'c_many-' || i, 0, 100000 + i, $2, 'api', 'normal', 'text', 'manual', 'x', 'many',
         'm' || i, now() - i * interval '1 second' FROM generate_series(1, 1001) AS i`,
      [testTenant, instance],
    );
    const cancel = async () => (await call('POST', '/v1/deliveries/cancel', { cause: 'many' })).body;
    expect(await cancel()).toMatchObject({ cancelled: 1_000, more: true });
    expect(await statusesOf(['d_many-1', 'd_many-1001'])).toEqual(['manual', 'cancelled']);
    expect(await cancel()).toMatchObject({ cancelled: 1, more: false });
  });
});

describe('a delivery', () => {
  const listed = async (id: string) => {
    const { body } = await call('GET', '/v1/deliveries?limit=200', undefined, api.keys.analyst);
    return (body['items'] as readonly { readonly id: string }[]).find((one) => one.id === id);
  };

  test('that waits to be tried again shows why, when, and every attempt', async () => {
    const id = await delivery('queued');
    await worker(`UPDATE deliveries SET next_attempt_at = '2999-01-01T00:00:00Z' WHERE id = $1`, [id]);
    await worker(
      `INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
       VALUES ($1, $2, 1, 'i', 'waha', now(), 'retry', 'provider.unavailable', 503, 12),
         ($1, $2, 2, 'i', 'waha', now(), 'retry', 'provider.unreachable', NULL, 3)`,
      [testTenant, id],
    );
    await worker(
      `INSERT INTO delivery_steps (tenant, delivery, number, step, cause, instance) VALUES ($1, $2, 1, 'priority', 'provider.unreachable', 'i')`,
      [testTenant, id],
    );
    const shown = { cause: 'provider.unavailable', fallback: 'priority', nextAttemptAt: '2999-01-01T00:00:00.000Z' };
    expect(await listed(id)).toMatchObject(shown);
    const { body, text } = await call('GET', `/v1/deliveries/${id}`, undefined, api.keys.analyst);
    expect(body).toMatchObject({
      ...shown,
      tries: [
        { number: 1, outcome: 'retry', code: 'provider.unavailable', httpStatus: 503 },
        { number: 2, outcome: 'retry', code: 'provider.unreachable' },
      ],
      steps: [{ step: 'priority', cause: 'provider.unreachable' }],
    });
    expect(text).not.toMatch(/content|result|client/);
    expect((await api.call(api.otherKey, 'GET', `/v1/deliveries/${id}`)).status).toBe(404);
  });

  test('that its account holds shows what holds it and until when; one behind another shows no time', async () => {
    const [held, behind, later] = [await delivery('queued'), await delivery('queued'), await delivery('scheduled')];
    await worker(`UPDATE deliveries SET next_attempt_at = 'infinity' WHERE id = $1`, [behind]);
    await worker(`UPDATE deliveries SET next_attempt_at = '2999-01-01T00:00:00Z' WHERE id = $1`, [later]);
    await worker(
      `INSERT INTO sending_gates (tenant, instance, state, reason, openings, probe_at)
       VALUES ($1, $2, 'open', 'provider.unauthorized', 3, '2998-01-01T00:00:00Z')`,
      [testTenant, api.world.instance.id],
    );
    expect(await listed(held)).toMatchObject({
      cause: 'provider.unauthorized',
      nextAttemptAt: '2998-01-01T00:00:00.000Z',
    });
    expect(await listed(behind)).toMatchObject({ nextAttemptAt: null });
    expect(await listed(later)).toMatchObject({ nextAttemptAt: '2999-01-01T00:00:00.000Z' });
    await worker(
      `UPDATE sending_gates SET state = 'closed', cold_until = '2997-01-01', cold_reason = 'provider.restricted'`,
    );
    expect(await listed(held)).toMatchObject({ cause: 'provider.unavailable' });
    await worker(`UPDATE deliveries SET lane = 7 WHERE id = $1`, [held]);
    expect(await listed(held)).toMatchObject({ cause: 'provider.restricted' });
    await worker('UPDATE sending_gates SET cold_until = NULL');
  });
});

test('what is retried goes out, and what is cancelled is told to its conversation', async () => {
  const { conversationId } = (await call('POST', '/v1/simulator/messages', { from: '5511955770001', text: 'Oi' })).body;
  await api.startServices();
  const sent = await eventually(
    async () => (await call('GET', `/v1/deliveries?conversation=${String(conversationId)}`)).body['items'],
    (items) => JSON.stringify(items).includes('"status":"sent"'),
  );
  const [{ id } = { id: '' }] = sent as readonly { readonly id: string }[];
  await worker(`UPDATE deliveries SET status = 'manual' WHERE id = $1`, [id]);
  expect((await call('POST', '/v1/deliveries/retry', { ids: [id] })).body).toMatchObject({ retried: 1 });
  await eventually(
    () => statusesOf([id]),
    ([status]) => status === 'sent',
  );
  await worker(`UPDATE deliveries SET status = 'manual' WHERE id = $1`, [id]);
  await call('POST', '/v1/deliveries/cancel', { ids: [id] });
  await eventually(
    () => readRecords(api.world, topics.events, String(conversationId)),
    (records) => records.some((one) => one.type === 'delivery.updated' && one.status === 'cancelled'),
  );
});
