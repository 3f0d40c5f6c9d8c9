/** Sending through the API: one request is one record, and its status can be followed. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import type { MessageRequested } from '#schemas/records.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { requestMessage } from './message-requests.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let phones = 5_511_988_550_000;

beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const send = (body: object) =>
  api.call(api.keys.operator, 'POST', '/v1/messages', { instanceId: api.world.instance.id, text: 'Olá!', ...body });

const requested = async (conversation: unknown): Promise<readonly MessageRequested[]> =>
  (await readRecords(api.world, topics.events, String(conversation))).filter(
    (record): record is MessageRequested => record.type === 'message.requested',
  );

const asWorker = (statement: string, values: readonly unknown[]) =>
  api.tables.transaction([testTenant], (sql) => sql.query(statement, values));

test('a message is a sealed record of the conversation, and queued', async () => {
  const answer = await send({ to: String(phones++), text: 'Sua consulta é amanhã', priority: 'high' });
  expect(answer).toMatchObject({ status: 202, body: { id: expect.stringMatching(/^m_/) as string } });
  const [record, ...more] = await requested(answer.body['conversationId']);
  expect(more).toEqual([]);
  expect(record).toMatchObject({
    messageId: answer.body['id'],
    origin: 'api',
    priority: 'high',
    revision: api.world.revision,
  });
  expect(Buffer.from(record?.sealed ?? []).toString('latin1')).not.toContain('consulta');
  if (record?.sealed == null) throw new Error('a message has content');
  const opened = await api.runtime.vault.open(
    { tenant: testTenant, actor: record.actor, type: record.type, eventId: record.eventId },
    record.sealed,
  );
  expect(opened).toEqual({ state: 'open', value: { content: { kind: 'text', text: 'Sua consulta é amanhã' } } });
  expect(await api.call(api.keys.analyst, 'GET', `/v1/messages/${String(answer.body['id'])}`)).toMatchObject({
    status: 200,
    body: { status: 'queued', reason: null, attempts: [], conversationId: record.actor },
  });
});

test('the same idempotency key is the same message: one id, one record, also when asked at once', async () => {
  const body = { to: String(phones++), idempotencyKey: 'pedido-1' };
  const first = await send(body);
  const again = await Promise.all([send(body), send(body), send(body), send(body)]);
  for (const answer of again) expect(answer).toMatchObject({ status: 202, body: first.body });
  const together = { to: String(phones++), idempotencyKey: 'pedido-2' };
  const answers = await Promise.all(Array.from({ length: 6 }, () => send(together)));
  expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
  expect(await requested(first.body['conversationId'])).toHaveLength(1);
  expect(await requested(answers[0]?.body['conversationId'])).toHaveLength(1);
});

test('the same idempotency key with another message is refused', async () => {
  const body = { to: String(phones++), idempotencyKey: 'pedido-3' };
  const first = await send(body);
  for (const other of [{ text: 'Outra' }, { priority: 'low' }, { to: String(phones++) }]) {
    expect(await send({ ...body, ...other })).toMatchObject({ status: 409, body: { code: 'idempotency-key-reused' } });
  }
  expect(await requested(first.body['conversationId'])).toHaveLength(1);
});

test('keys of one tenant are not those of another', async () => {
  const mine = await send({ to: '5511955559999', idempotencyKey: 'mesmo' });
  const theirs = await api.call(api.otherKey, 'POST', '/v1/messages', {
    instanceId: api.otherInstance.id,
    to: '5511955559999',
    text: 'Olá!',
    idempotencyKey: 'mesmo',
  });
  expect(theirs.status).toBe(202);
  expect(theirs.body['id']).not.toBe(mine.body['id']);
});

test('a request whose record could not be appended is appended when it comes again, under the same id', async () => {
  const entry = await api.runtime.directory.resolve({
    tenant: testTenant,
    line: api.world.instance.line,
    addresses: [String(phones++)],
    group: false,
    at: api.runtime.now(),
  });
  const wanted = {
    tenant: testTenant,
    instance: api.world.instance.id,
    entry,
    content: { kind: 'text', text: 'x' },
    priority: 'normal',
    idempotencyKey: 'pedido-4',
  } as const;
  const append = () => Promise.reject(new OperatingError('log.unavailable'));
  const without: Runtime = { ...api.runtime, log: { ...api.runtime.log, append } };
  await expect(requestMessage(without, wanted)).rejects.toThrow(OperatingError);
  expect(await requested(entry.conversation)).toEqual([]);
  const accepted = await requestMessage(api.runtime, wanted);
  expect(await requestMessage(api.runtime, wanted)).toMatchObject({ id: accepted.id });
  expect(await requested(entry.conversation)).toMatchObject([{ messageId: accepted.id }]);
});

test('a number known without its ninth digit is the same chat', async () => {
  const phone = String(phones++);
  const first = await send({ to: phone.replace(/^(55\d\d)9/, '$1') });
  expect((await send({ to: `+${phone}` })).body['conversationId']).toBe(first.body['conversationId']);
});

test('a message that the machine declined has failed, for its reason', async () => {
  const { body } = await send({ to: String(phones++) });
  await asWorker(`UPDATE message_requests SET status = 'declined', reason = 'consent.withdrawn' WHERE id = $1`, [
    body['id'],
  ]);
  expect(await api.call(api.keys.admin, 'GET', `/v1/messages/${String(body['id'])}`)).toMatchObject({
    body: { status: 'failed', reason: 'consent.withdrawn' },
  });
});

test('status and every attempt are those of the delivery, by the id of either', async () => {
  const { body } = await send({ to: String(phones++) });
  await asWorker(
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, message_id, origin, priority, kind,
       status, attempts, client_message_id) VALUES ($1, 'a_delivery', $2, 0, 0, $3, $4, 'api', 'normal', 'text', 'sent', 2, 'X')`,
    [testTenant, body['conversationId'], api.world.instance.id, body['id']],
  );
  await asWorker(
    `INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
     VALUES ($1, 'a_delivery', 1, $2, 'waha', now(), 'retry', 'provider.busy', 503, 20), ($1, 'a_delivery', 2, $2, 'waha', now(), 'sent', NULL, 201, 30)`,
    [testTenant, api.world.instance.id],
  );
  for (const id of [String(body['id']), 'a_delivery']) {
    expect(await api.call(api.keys.admin, 'GET', `/v1/messages/${id}`)).toMatchObject({
      status: 200,
      body: {
        id,
        status: 'sent',
        attempts: [
          { number: 1, outcome: 'retry', code: 'provider.busy', httpStatus: 503 },
          { number: 2, outcome: 'sent', code: null, httpStatus: 201 },
        ],
      },
    });
  }
});

test('an instance is made once per name, and shows its secret at that moment only', async () => {
  const wanted = {
    provider: 'waha',
    name: 'recepção',
    config: { baseUrl: 'http://127.0.0.1:3001', apiKey: 'chave-secreta', session: 'default' },
  };
  const made = await api.call(api.keys.admin, 'POST', '/v1/instances', wanted);
  expect(made).toMatchObject({
    status: 201,
    body: { webhook: expect.stringMatching(/^\/webhooks\/waha\/.{30,}$/) as string },
  });
  const secret = String(made.body['secret']);
  expect(secret.length).toBeGreaterThanOrEqual(32);
  expect(await api.call(api.keys.admin, 'POST', '/v1/instances', wanted)).toMatchObject({
    status: 409,
    body: { code: 'name-taken' },
  });
  const token = String(made.body['webhook']).split('/').at(-1) ?? '';
  for (const path of [`/v1/instances/${String(made.body['id'])}`, '/v1/instances']) {
    const read = await api.call(api.keys.admin, 'GET', path);
    expect(read.status).toBe(200);
    for (const hidden of ['chave-secreta', secret, token]) expect(read.text).not.toContain(hidden);
    expect(read.text).toContain('recepção');
  }
});

test('an Evolution instance tells the header that its webhook is to be called with, and takes no other', async () => {
  const made = await api.call(api.keys.admin, 'POST', '/v1/instances', {
    provider: 'evolution',
    name: 'evolution',
    config: { baseUrl: 'http://127.0.0.1:8080', session: 'clinica', apiKey: 'chave-secreta' },
  });
  expect(made.status).toBe(201);
  expect(Object.keys(made.body).sort()).toEqual(['headers', 'id', 'webhook']);
  const { authorization } = made.body['headers'] as Readonly<Record<string, string>>;
  expect(authorization).toMatch(/^Bearer \S{32,}$/);
  const read = await api.call(api.keys.admin, 'GET', `/v1/instances/${String(made.body['id'])}`);
  expect(read.body).toMatchObject({ config: { baseUrl: 'http://127.0.0.1:8080', session: 'clinica' } });
  for (const hidden of ['chave-secreta', authorization?.slice(7) ?? '']) expect(read.text).not.toContain(hidden);
});

test('instances are paged', async () => {
  const first = await api.call(api.keys.admin, 'GET', '/v1/instances?limit=1');
  const rest = await api.call(api.keys.admin, 'GET', `/v1/instances?cursor=${String(first.body['next'])}`);
  const whole = await api.call(api.keys.admin, 'GET', '/v1/instances');
  expect([...(first.body['items'] as unknown[]), ...(rest.body['items'] as unknown[])]).toEqual(whole.body['items']);
  expect(rest.body['next']).toBeNull();
});

test('a message to somebody who was erased is refused, and none is on record', async () => {
  const to = String(phones++);
  const { conversationId } = (await send({ to })).body;
  await asOwner(
    api.world.databaseUrl,
    `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = (
       SELECT person FROM conversations WHERE id = '${String(conversationId)}')`,
  );
  const body = { instanceId: api.world.instance.id, to, text: 'depois' };
  const answer = await api.anotherProcess().call(api.keys.operator, 'POST', '/v1/messages', body);
  expect(answer).toMatchObject({ status: 410, body: { code: 'recipient-erased' } });
  const rows = await asWorker('SELECT FROM message_requests WHERE conversation = $1', [conversationId]);
  expect(rows.rowCount).toBe(1);
});
