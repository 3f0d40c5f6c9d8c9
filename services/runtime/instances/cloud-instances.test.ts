// Instances of one Meta app share what is the app's, and nothing else is shared by anybody.
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Runtime } from '../runtime.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import type { NewInstance } from './instances.ts';

let world: TestWorld;
let api: Runtime;
let ingest: Runtime;

beforeAll(async () => {
  world = await openTestWorld();
  api = world.runtime('prosa_api');
  ingest = world.runtime('prosa_ingest');
  await api.tenants.create('other', 'Other');
});
afterAll(() => world.close());

let serial = 0;
const create = (phoneNumberId: string, more: Partial<NewInstance> & { readonly appId?: string } = {}) => {
  serial += 1;
  const { appId, ...given } = more;
  return api.instances.create(
    {
      tenant: testTenant,
      provider: 'cloud',
      name: `cloud-${serial}`,
      settings: { phoneNumberId, ...(appId === undefined ? {} : { appId }) },
      ...given,
    },
    Date.now() + serial,
  );
};
const idsBehind = async (token: string, newest?: boolean) =>
  (await ingest.instances.byToken(token, newest)).map(({ id }) => id);

test('a second number of an app is behind the same token, with the same secrets and its own access token', async () => {
  const first = await create('1', { appId: '77', webhookSecret: 'the app secret', apiKey: 'first' });
  const second = await create('2', { appId: '77', apiKey: 'second' });
  expect(second.credentials).toEqual({ ...first.credentials, apiKey: 'second' });
  expect(second.line).not.toBe(first.line);
  expect(await idsBehind(first.credentials.webhookToken)).toEqual([first.id, second.id]);
});

test('a number that was made a moment ago is found by who misses it', async () => {
  const first = await create('3', { appId: '78' });
  const token = first.credentials.webhookToken;
  expect(await idsBehind(token)).toEqual([first.id]);
  const second = await create('4', { appId: '78' });
  expect(await idsBehind(token)).toEqual([first.id]);
  await expect.poll(() => idsBehind(token, true), { timeout: 10_000 }).toEqual([first.id, second.id]);
});

test('without an app, of another app and of another tenant each has a token of its own', async () => {
  const tokens = [
    await create('5'),
    await create('6'),
    await create('7', { appId: '79' }),
    await create('8', { appId: '80' }),
    await create('9', { appId: '80', tenant: 'other' }),
  ].map(({ credentials }) => credentials.webhookToken);
  expect(new Set(tokens).size).toBe(5);
});

test('a number is behind an app once, and a token of another provider is of one instance', async () => {
  await create('10', { appId: '81' });
  await expect(create('10', { appId: '81' })).rejects.toMatchObject({ code: '23505' });
  const waha = {
    provider: 'waha',
    settings: { baseUrl: 'http://127.0.0.1:9' },
    webhookToken: 'a fixed token',
  } as const;
  await create('', waha);
  await expect(create('', waha)).rejects.toMatchObject({ code: '23505' });
});

test('the look-up by token goes by its index', async () => {
  const plan = await ingest.database.transaction([], async (sql) => {
    await sql.query(`SELECT set_config('app.presented', 'x', true)`, []);
    return sql.query<{ 'QUERY PLAN': string }>(
      'EXPLAIN SELECT id FROM instances WHERE webhook_token_hash = $1 AND deleted_at IS NULL ORDER BY created_at, id',
      ['x'],
    );
  });
  expect(JSON.stringify(plan.rows)).toContain('instances_by_token');
});
