/** Messages for later, and orders about messages: as callers see them, with the sender running where it matters. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { eventually, readRecords } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { createHandOver } from '../sender/hand-over.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let phones = 5_511_955_660_000;
let serial = 0;

beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
  api.call(api.keys.operator, method, path, body);

const send = (body: object = {}) =>
  call('POST', '/v1/messages', {
    instanceId: api.world.instance.id,
    to: String(phones++),
    text: 'Sua consulta',
    ...body,
  });

const worker = <Row>(statement: string, values: readonly unknown[] = []) =>
  api.tables.query<Row>([testTenant], statement, values);

const requestOf = async (id: unknown) =>
  (
    await worker<{ status: string; due_at: Date | null; content: Buffer | null; conversation: string }>(
      'SELECT * FROM message_requests WHERE id = $1',
      [id],
    )
  ).rows[0];

/** A turn of the sender at some time. */
const handOverAt = (at: number, log = api.world.log) => {
  const runtime = api.world.runtime('prosa_worker');
  return createHandOver({ ...runtime, log, now: () => at })([testTenant]);
};

const requested = async (conversation: string) =>
  (await readRecords(api.world, topics.events, conversation)).filter(({ type }) => type === 'message.requested');

/** A delivery as a process left it. */
async function delivery(status: string, given: { reason?: string; messageId?: string; conversation?: string } = {}) {
  serial += 1;
  const id = `d_${serial}`;
  await worker(
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, message_id, origin, priority,
       kind, status, reason, attempts, client_message_id, settled_at)
     VALUES ($1, $2, $3, 0, $4, $5, $6, 'api', 'normal', 'text', $7, $8, 4, $2, now())`,
    [
      testTenant,
      id,
      given.conversation ?? `c_${serial}`,
      serial,
      api.world.instance.id,
      given.messageId ?? null,
      status,
      given.reason ?? null,
    ],
  );
  return id;
}

const rowOf = async (id: string) =>
  (
    await worker<{ status: string; attempts: number; attempts_forgiven: number; report_due_at: Date | null }>(
      'SELECT * FROM deliveries WHERE id = $1',
      [id],
    )
  ).rows[0];

describe('a message for later', () => {
  test('waits sealed until it is due, then is one record, whatever crashes', async () => {
    const { status, body } = await send({ delayMs: 60_000 });
    expect(status).toBe(202);
    const row = await requestOf(body['id']);
    expect(row?.status).toBe('scheduled');
    expect(row?.content?.toString('latin1')).not.toContain('consulta');
    const conversation = row?.conversation ?? '';
    expect((await call('GET', `/v1/messages/${String(body['id'])}`)).body).toMatchObject({ status: 'scheduled' });

    const due = row?.due_at?.getTime() ?? 0;
    await handOverAt(due - 1);
    expect(await requested(conversation)).toEqual([]);
    // The log takes the record and the process dies before it is marked.
    const dying: typeof api.world.log = Object.assign(Object.create(api.world.log) as typeof api.world.log, {
      append: async (records: Parameters<typeof api.world.log.append>[0]) => {
        await api.world.log.append(records);
        throw new Error('killed');
      },
    });
    await expect(handOverAt(due, dying)).rejects.toThrow('killed');
    await Promise.all([handOverAt(due), handOverAt(due), handOverAt(due)]);
    const records = await requested(conversation);
    expect(records).toHaveLength(2);
    expect(new Set(records.map(({ eventId }) => eventId)).size).toBe(1);
    expect(records[1]).toMatchObject({
      messageId: body['id'],
      origin: 'api',
      occurredAt: due,
      revision: api.world.revision,
    });
    const [, record] = records;
    if (record?.type !== 'message.requested' || record.sealed === null) throw new Error('a message has content');
    const { actor, type, eventId, sealed } = record;
    expect(await api.runtime.vault.open({ tenant: testTenant, actor, type, eventId }, sealed)).toMatchObject({
      value: { content: { text: 'Sua consulta' } },
    });
    expect(await requestOf(body['id'])).toMatchObject({ status: 'queued', content: null });
  });

  test('at a local time is due by the clock of the tenant, at one with an offset as it says', async () => {
    const year = new Date(api.runtime.now()).getUTCFullYear();
    const local = await send({ sendAt: `${year}-12-30T09:30` });
    const zoned = await send({ sendAt: `${year}-12-30T09:30:00+02:00` });
    expect((await requestOf(local.body['id']))?.due_at?.toISOString()).toBe(`${year}-12-30T12:30:00.000Z`);
    expect((await requestOf(zoned.body['id']))?.due_at?.toISOString()).toBe(`${year}-12-30T07:30:00.000Z`);
  });

  test('that was due in the past goes now; one that nobody will live to see is refused', async () => {
    const past = await send({ sendAt: '2020-01-01T00:00:00Z' });
    expect(await requestOf(past.body['id'])).toMatchObject({ status: 'queued', due_at: null });
    expect(await send({ sendAt: '2999-01-01T00:00:00Z' })).toMatchObject({
      status: 422,
      body: { code: 'send-at-too-late' },
    });
    for (const wrong of [{ sendAt: 'amanhã' }, { sendAt: '2026-12-30T09:30', delayMs: 1 }, { delayMs: -1 }])
      expect(await send(wrong)).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
  });

  test('is the same request under the same idempotency key, and another at another time', async () => {
    const body = { to: String(phones++), idempotencyKey: 'depois-1', delayMs: 60_000 };
    const first = await send(body);
    expect((await send(body)).body).toEqual(first.body);
    expect(await send({ ...body, delayMs: 61_000 })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
  });
});

describe('cancelling', () => {
  test('takes back what is scheduled, for good', async () => {
    const { body } = await send({ delayMs: 60_000 });
    const path = `/v1/messages/${String(body['id'])}`;
    for (let i = 0; i < 2; i += 1)
      expect(await call('DELETE', path)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const row = await requestOf(body['id']);
    expect(row).toMatchObject({ status: 'cancelled', content: null });
    await handOverAt((row?.due_at?.getTime() ?? 0) + 1);
    expect(await requested(row?.conversation ?? '')).toEqual([]);
    expect((await call('GET', path)).body).toMatchObject({ status: 'cancelled' });
    expect(
      (await readRecords(api.world, topics.audit, row?.conversation ?? '')).map((one) => 'action' in one && one.action),
    ).toEqual(['message.send-requested', 'message.cancelled']);
  });

  test('takes back what is queued or waits for a decision, and has it told', async () => {
    for (const status of ['queued', 'scheduled', 'manual']) {
      const id = await delivery(status);
      expect((await call('DELETE', `/v1/messages/${id}`)).status).toBe(200);
      expect(await rowOf(id)).toMatchObject({ status: 'cancelled', report_due_at: expect.any(Date) as Date });
    }
  });

  test('is refused for what is on its way, was sent, or given up', async () => {
    for (const status of ['sending', 'sent', 'failed', 'unknown']) {
      const id = await delivery(status);
      expect(await call('DELETE', `/v1/messages/${id}`)).toMatchObject({
        status: 409,
        body: { code: 'message-not-cancellable' },
      });
      expect(await rowOf(id)).toMatchObject({ status });
    }
    expect((await call('DELETE', '/v1/messages/m_none')).status).toBe(404);
  });
});

describe('trying again', () => {
  test('queues what failed or waits for a decision, with its whole schedule before it', async () => {
    for (const status of ['failed', 'manual']) {
      const id = await delivery(status);
      expect(await call('POST', `/v1/messages/${id}/retry`, {})).toMatchObject({
        status: 202,
        body: { status: 'queued' },
      });
      expect(await rowOf(id)).toMatchObject({ status: 'queued', attempts: 4, attempts_forgiven: 4 });
    }
  });

  test('what may have arrived only when the caller says so', async () => {
    const id = await delivery('unknown');
    expect(await call('POST', `/v1/messages/${id}/retry`, {})).toMatchObject({
      status: 409,
      body: { code: 'message-outcome-unknown' },
    });
    expect(await rowOf(id)).toMatchObject({ status: 'unknown' });
    expect((await call('POST', `/v1/messages/${id}/retry`, { evenIfUnknown: true })).status).toBe(202);
  });

  test('is refused for what was sent, cancelled, or is on its way', async () => {
    for (const status of ['sending', 'sent', 'cancelled']) {
      const id = await delivery(status);
      expect(await call('POST', `/v1/messages/${id}/retry`, {})).toMatchObject({
        status: 409,
        body: { code: 'message-not-retryable' },
      });
    }
  });
});

test('queues show what waits, what is due, why nothing goes, and what waits for a decision', async () => {
  await worker(`UPDATE deliveries SET status = 'cancelled', report_due_at = NULL`);
  const { id: instance } = api.world.instance;
  await delivery('queued');
  const later = await delivery('queued');
  await worker(`UPDATE deliveries SET next_attempt_at = 'infinity' WHERE id = $1`, [later]);
  await delivery('manual', { reason: 'attempts-exhausted' });
  await delivery('manual', { reason: 'attempts-exhausted' });
  await delivery('unknown', { reason: 'provider.timeout' });
  const read = async () => (await api.call(api.keys.analyst, 'GET', '/v1/queues')).body;
  expect(await read()).toMatchObject({
    items: [{ instanceId: instance, priority: 'normal', waiting: 2, due: 1, paused: null, newChatsPaused: null }],
    undecided: [
      { status: 'manual', reason: 'attempts-exhausted', count: 2 },
      { status: 'unknown', reason: 'provider.timeout', count: 1 },
    ],
  });
  await worker(
    `INSERT INTO sending_gates (tenant, instance, state, reason, openings, probe_at, cold_until, cold_reason)
     VALUES ($1, $2, 'open', 'provider.unauthorized', 3, now() + interval '1 hour', now() + interval '2 hours', 'provider.restricted')`,
    [testTenant, instance],
  );
  expect(await read()).toMatchObject({
    items: [{ paused: { reason: 'provider.unauthorized' }, newChatsPaused: { reason: 'provider.restricted' } }],
  });
  const metrics = (await api.call(undefined, 'GET', '/metrics')).text;
  for (const state of ['open', 'new-chats-stopped'])
    expect(metrics).toContain(`wa_send_accounts_held{provider="simulator",state="${state}"} 1`);
  expect((await call('POST', `/v1/queues/${instance}/resume`, {})).status).toBe(202);
  const gate = await worker<{ ready: boolean; cold_until: Date | null }>(
    'SELECT probe_at <= now() AS ready, cold_until FROM sending_gates WHERE instance = $1',
    [instance],
  );
  expect(gate.rows).toEqual([{ ready: true, cold_until: null }]);
});

test('what is cancelled while it waits lets the next one of its chat go', async () => {
  await worker(`UPDATE deliveries SET status = 'cancelled', report_due_at = NULL`);
  const [first, second] = [
    await delivery('queued', { conversation: 'c_pair' }),
    await delivery('queued', { conversation: 'c_pair' }),
  ];
  await worker(
    `UPDATE deliveries SET next_attempt_at = CASE id WHEN $1 THEN now() + interval '1 hour' ELSE 'infinity'::timestamptz END
     WHERE id IN ($1, $2)`,
    [first, second],
  );
  await call('DELETE', `/v1/messages/${first}`);
  await api.startServices();
  // It has no content, so that it fails as soon as it is its turn.
  await eventually(
    () => rowOf(second),
    (row) => row?.status === 'failed',
  );
});
