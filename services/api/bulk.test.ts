/** Many messages in one call: every one accepted or refused, all of them or none, once however often they are asked for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { createHandOver } from '../sender/hand-over.ts';
import { type ApiWorld, type Answer, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let phones = 5_511_986_000_000;

beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) =>
  api.call(api.keys.operator, method, path, body);

const bulk = (messages: readonly object[], given: object = {}) =>
  call('POST', '/v1/messages/bulk', { instanceId: api.world.instance.id, messages, ...given });

const phone = () => String(phones++);

interface Item {
  readonly id?: string;
  readonly conversationId?: string;
  readonly problem?: { readonly code: string };
}
const itemsOf = (answer: Answer | undefined) => (answer?.body['items'] ?? []) as readonly Item[];

const sql = async <Row>(statement: string, values: readonly unknown[] = []) =>
  (await api.tables.query<Row>([testTenant], statement, values)).rows;

const waiting = async (ids: readonly (string | undefined)[]) =>
  sql<{ id: string; status: string; priority: string; content: Buffer | null }>(
    'SELECT * FROM message_requests WHERE id = ANY ($1)',
    [ids],
  );

async function handOver(times = 1): Promise<void> {
  const turn = createHandOver({ ...api.world.runtime('prosa_worker'), now: () => Date.now() + 1_000 });
  for (let i = 0; i < times; i += 1) await turn([testTenant]);
}

const requested = async (conversation: string | undefined) =>
  (await readRecords(api.world, topics.events, conversation ?? '')).filter(({ type }) => type === 'message.requested');

describe('every message', () => {
  test('is accepted with an id or refused with its reason, in order', async () => {
    const answer = await bulk(
      [
        { to: phone(), text: 'Olá {{ nome }}', variables: { nome: 'Ana' } },
        { to: 'recepção', text: 'x' },
        { to: phone(), text: 'Olá {{nome}}' },
        { to: phone(), template: { name: 'nenhum', language: 'pt_BR' } },
        { to: phone(), media: { kind: 'image', fileId: 'f_unknown', mimetype: 'image/png' } },
        { to: phone(), media: { kind: 'image', url: 'http://127.0.0.1/x.png', mimetype: 'image/png' } },
        { to: phone(), text: '{{a}}{{a}}{{a}}{{a}}{{a}}', variables: { a: 'x'.repeat(1_000) } },
        { to: phone(), reaction: { messageId: 'm_unknown', emoji: '👍' } },
        { to: phone(), text: 'Tchau' },
      ],
      { priority: 'low' },
    );
    expect(answer).toMatchObject({ status: 202, body: { accepted: 2, refused: 7 } });
    expect(itemsOf(answer).map(({ id, problem }) => problem?.code ?? typeof id)).toEqual([
      'string',
      'recipient-invalid',
      'variables-missing',
      'template-unknown',
      'not-found',
      'url-refused',
      'content-invalid',
      'not-found',
      'string',
    ]);
    const [first] = itemsOf(answer);
    const [row] = await waiting([first?.id]);
    expect(row).toMatchObject({ status: 'scheduled', priority: 'low' });
    expect(row?.content?.toString('latin1')).not.toContain('Ana');
    await handOver();
    const [record] = await requested(first?.conversationId);
    if (record?.type !== 'message.requested' || record.sealed === null) throw new Error('a message has content');
    expect(record).toMatchObject({ origin: 'api', priority: 'low', messageId: first?.id });
    expect(await api.runtime.vault.open({ ...record }, record.sealed)).toMatchObject({
      value: { content: { kind: 'text', text: 'Olá Ana' } },
    });
  });

  test('is an ordinary one then: followed, cancelled, counted', async () => {
    const sendAt = new Date(Date.now() + 86_400_000).toISOString();
    const answer = await bulk(
      [
        { to: phone(), text: 'um' },
        { to: phone(), text: 'dois' },
        { to: '1', text: 'três' },
      ],
      { sendAt },
    );
    const [one, two] = itemsOf(answer);
    expect((await call('GET', `/v1/messages/${String(one?.id)}`)).body).toMatchObject({ status: 'scheduled' });
    expect((await call('DELETE', `/v1/messages/${String(two?.id)}`)).status).toBe(200);
    await handOver();
    expect(await requested(one?.conversationId)).toEqual([]);
    expect((await call('GET', `/v1/messages/bulk/${String(answer.body['id'])}`)).body).toMatchObject({
      accepted: 2,
      refused: 1,
      items: itemsOf(answer),
      outcomes: [
        { status: 'cancelled', reason: null, count: 1 },
        { status: 'scheduled', reason: null, count: 1 },
      ],
    });
  });

  test('to somebody who was erased is refused, and the others go', async () => {
    const gone = phone();
    const [first] = itemsOf(await bulk([{ to: gone, text: 'antes' }]));
    await asOwner(
      api.world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = (
         SELECT person FROM conversations WHERE id = '${first?.conversationId ?? ''}')`,
    );
    // A process without keys in memory.
    const answer = await api.anotherProcess().call(api.keys.operator, 'POST', '/v1/messages/bulk', {
      instanceId: api.world.instance.id,
      messages: [
        { to: gone, text: 'depois' },
        { to: phone(), text: 'vivo' },
      ],
    });
    expect(itemsOf(answer).map(({ problem }) => problem?.code)).toEqual(['recipient-erased', undefined]);
  });

  test('has to have the documented form, or none is taken', async () => {
    for (const wrong of [
      [],
      [{ to: phone() }],
      [{ to: phone(), text: 'x', more: 1 }],
      Array(1_001).fill({ to: '1', text: 'x' }),
    ])
      expect(await bulk(wrong as object[])).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
  });
});

describe('the same call', () => {
  test('is answered the same, and sends nothing again, also when it comes at the same time', async () => {
    const messages = [
      { to: phone(), text: 'uma vez' },
      { to: 'x', text: 'nunca' },
      { to: phone(), text: 'só' },
    ];
    const once = { idempotencyKey: 'lote-1' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => bulk(messages, once)));
    await handOver();
    answers.push(await bulk(messages, once));
    for (const answer of answers) expect([answer.status, answer.body]).toEqual([202, answers[0]?.body]);
    await handOver();
    const ids = itemsOf(answers[0]);
    for (const place of [0, 2]) expect(await requested(ids[place]?.conversationId)).toHaveLength(1);
    expect(await bulk([...messages].reverse(), once)).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    const acts = await readRecords(api.world, topics.audit, ids[0]?.conversationId ?? '');
    expect(acts).toHaveLength(1);
  });

  test('of another tenant is another one', async () => {
    const messages = [{ to: phone(), text: 'nosso' }];
    const body = { messages, idempotencyKey: 'lote-2' };
    const ours = await bulk(messages, { idempotencyKey: 'lote-2' });
    const theirs = await api.call(api.otherKey, 'POST', '/v1/messages/bulk', {
      ...body,
      instanceId: api.otherInstance.id,
    });
    expect(theirs.status).toBe(202);
    expect(theirs.body['id']).not.toBe(ours.body['id']);
    const url = `/v1/messages/bulk/${String(ours.body['id'])}`;
    expect((await api.call(api.otherKey, 'GET', url)).status).toBe(404);
  });
});

test('a thousand messages are taken at once and handed over, each once', async () => {
  const answer = await bulk(
    Array.from({ length: 1_000 }, (_, i) => ({ to: phone(), text: `Mensagem ${i}: ${'x'.repeat(900)}` })),
  );
  expect(answer).toMatchObject({ status: 202, body: { accepted: 1_000, refused: 0 } });
  const items = itemsOf(answer);
  expect(new Set(items.map(({ conversationId }) => conversationId)).size).toBe(1_000);
  await handOver(6);
  const rows = await waiting(items.map(({ id }) => id));
  expect([rows.length, new Set(rows.map(({ status }) => status))]).toEqual([1_000, new Set(['queued'])]);
});
