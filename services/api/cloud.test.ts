// Accounts of the Cloud API over REST: what making one tells, what nobody is told again, and its templates.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type FakeCloud, startFakeCloud } from '#runtime/testing/fake-cloud.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let graph: FakeCloud;
const token = 'an invented access token';

beforeAll(async () => {
  graph = await startFakeCloud({ token });
  api = await openApiWorld();
});
afterAll(async () => {
  await api.close();
  await graph.close();
});

const admin = () => api.keys.admin;
let serial = 0;
const create = (config: Readonly<Record<string, unknown>>, provider = 'cloud') => {
  serial += 1;
  return api.call(admin(), 'POST', '/v1/instances', { provider, name: `cloud-${serial}`, config });
};
const sync = (instanceId: unknown) => api.call(admin(), 'POST', '/v1/templates/sync', { instanceId });

const metaTemplateOf = (name: string) => ({
  id: name,
  name,
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  components: [{ type: 'BODY', text: 'Olá {{1}}' }],
});

test('an instance tells its webhook, secret and verify token once; nothing that is secret is read again', async () => {
  const given = { webhookSecret: 'the secret of the app', verifyToken: 'a token of ours', apiKey: token };
  const made = await create({ phoneNumberId: '1001', businessAccountId: '2001', ...given });
  expect([made.status, made.body]).toEqual([
    201,
    {
      id: expect.any(String) as string,
      webhook: expect.stringMatching(/^\/webhooks\/cloud\/[\w-]{32}$/) as string,
      secret: given.webhookSecret,
      verifyToken: given.verifyToken,
    },
  ]);
  const read = await api.call(admin(), 'GET', `/v1/instances/${String(made.body['id'])}`);
  expect(read.body).toMatchObject({ provider: 'cloud', config: { phoneNumberId: '1001', businessAccountId: '2001' } });
  const list = await api.call(admin(), 'GET', '/v1/instances');
  for (const secret of Object.values(given)) {
    expect(read.text).not.toContain(secret);
    expect(list.text).not.toContain(secret);
  }
});

test('a second number of the app has its webhook, and is told none of its secrets', async () => {
  const first = await create({ phoneNumberId: '1002', appId: '77' });
  const second = await create({ phoneNumberId: '1003', appId: '77' });
  expect(first.body).toMatchObject({ secret: expect.any(String) as string, verifyToken: expect.any(String) as string });
  expect(second.body).toEqual({ id: expect.any(String) as string, webhook: first.body['webhook'] });
  expect((await create({ phoneNumberId: '1003', appId: '77' })).body).toMatchObject({ code: 'name-taken' });
});

test.each([
  ['no number', {}, 'cloud'],
  ['a number as people write it', { phoneNumberId: '+55 11 91111-1111' }, 'cloud'],
  ['a version that is a path', { phoneNumberId: '1', graphVersion: 'v26.0/../x' }, 'cloud'],
  ['a verify token of another provider', { baseUrl: 'http://127.0.0.1:9', verifyToken: 'x' }, 'waha'],
])('an instance with %s is refused', async (_, config, provider) => {
  const { status, body } = await create(config, provider);
  expect([status, body['code']]).toEqual([400, 'request-invalid']);
});

test('templates are read from Meta and listed page by page', async () => {
  graph.setTemplates(['a', 'b', 'c'].map(metaTemplateOf));
  const made = await create({ baseUrl: graph.url, phoneNumberId: '1004', businessAccountId: '2004', apiKey: token });
  expect((await sync(made.body['id'])).body).toEqual({ templates: 3, removed: 0 });
  const first = await api.call(admin(), 'GET', '/v1/templates?limit=2');
  const rest = await api.call(admin(), 'GET', `/v1/templates?limit=2&cursor=${String(first.body['next'])}`);
  const items = [first, rest].flatMap(({ body }) => body['items'] as readonly Record<string, unknown>[]);
  expect(items.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(items[0]).toMatchObject({ status: 'APPROVED', body: { text: 'Olá {{1}}', variables: ['1'] } });
  expect(rest.body['next']).toBeNull();
  expect((await api.call(api.otherKey, 'GET', '/v1/templates')).body).toEqual({ items: [], next: null });
});

test('templates that Meta does not give are said to be away, with the reason', async () => {
  const made = await create({ baseUrl: graph.url, phoneNumberId: '1005', businessAccountId: '2005', apiKey: 'wrong' });
  const { status, body, text } = await sync(made.body['id']);
  expect([status, body['code']]).toEqual([502, 'templates-unavailable']);
  expect(text).toContain('provider.unauthorized');
  expect(text).not.toContain('wrong');
});

test('an account without templates has none, and an unknown one is not found', async () => {
  const made = await create({ baseUrl: graph.url, phoneNumberId: '1006', apiKey: token });
  for (const id of [made.body['id'], api.world.instance.id]) {
    const { status, body } = await sync(id);
    expect([status, body['code']]).toEqual([422, 'templates-none']);
  }
  expect((await sync('i_unknown')).status).toBe(404);
  expect((await sync(api.otherInstance.id)).status).toBe(404);
});
