/** Who may call what, and what callers are told when they may not or ask wrongly. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { openAccess } from './access.ts';
import { openActors } from './actors.ts';
import { openApiKeys } from './api-keys.ts';
import { mayCall, roles, seesPersonalData } from './roles.ts';
import type { Route } from './route.ts';
import { routesOf } from './routes.ts';
import { type ApiWorld, openApiWorld, otherTenant } from './testing/api-world.ts';

let api: ApiWorld;
let routes: readonly Route[];
const unknownId = 'c_01ARZ3NDEKTSV4RRFFQ69G5FAV';

beforeAll(async () => {
  api = await openApiWorld();
  const { runtime } = api;
  routes = routesOf({
    runtime,
    deps: { find: () => undefined, phone: { read: () => Promise.reject(new Error('unused')) }, ingestUrl: () => '' },
    actors: openActors(runtime, () => undefined),
    access: openAccess(runtime),
  });
});
afterAll(() => api.close());

const pathOf = (route: Route, id = unknownId): string => route.path.replace(':id', id);

test('every route of the table exists once, and no other', () => {
  expect(routes.map(({ name }) => name).sort()).toEqual(Object.keys(mayCall).sort());
  expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
});

test('every role may call what the table says and nothing else', async () => {
  for (const route of routes) {
    for (const role of roles) {
      const { status, body } = await api.call(api.keys[role], route.method, pathOf(route), route.body && {});
      const allowed = (mayCall[route.name] as readonly string[]).includes(role);
      const asked = `${role} ${route.name}`;
      if (allowed) expect([asked, [401, 403].includes(status)]).toEqual([asked, false]);
      else expect([asked, status, body['code']]).toEqual([asked, 403, 'forbidden']);
    }
  }
});

test('roles without personal data may call nothing that is personal alone', () => {
  const blind = roles.filter((role) => !seesPersonalData(role));
  expect(blind).toEqual(['analyst', 'auditor', 'ingest']);
  for (const name of ['conversations.messages', 'conversations.search', 'simulator.read'] as const)
    for (const role of blind) expect(mayCall[name] as readonly string[]).not.toContain(role);
});

describe('keys', () => {
  test('a missing, malformed or unknown key is refused, on every route', async () => {
    const never = `prosa_${'A'.repeat(43)}`;
    for (const route of routes) {
      for (const key of [undefined, 'x', never]) {
        const answer = await api.call(key, route.method, pathOf(route), route.body && {});
        expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
  });

  test('the scheme must be Bearer', async () => {
    const answer = await api.server.inject({
      url: '/v1/health',
      headers: { authorization: `Basic ${api.keys.admin}` },
    });
    expect(answer.statusCode).toBe(401);
  });

  test('only the hash of a key is stored, and the key carries its prefix', async () => {
    const keys = openApiKeys(api.runtime.database);
    const { id, key } = await keys.createApiKey(testTenant, 'analyst', 'new');
    expect(key).toMatch(/^prosa_[\w-]{43}$/);
    const { rows } = await api.runtime.database.transaction([testTenant], (sql) =>
      sql.query('SELECT * FROM api_keys WHERE id = $1', [id]),
    );
    expect(JSON.stringify(rows)).not.toContain(key.slice('prosa_'.length));
    expect(await keys.find(key)).toEqual({ id, tenant: testTenant, role: 'analyst' });
  });

  test('a revoked key stops working', async () => {
    let now = Date.now();
    const keys = openApiKeys(api.runtime.database, () => now);
    const { id, key } = await keys.createApiKey(testTenant, 'admin', 'revoked');
    expect(await keys.find(key)).toBeDefined();
    await api.runtime.database.transaction([testTenant], (sql) =>
      sql.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]),
    );
    now += 5_001;
    expect(await keys.find(key)).toBeUndefined();
  });

  test('without a tenant and without the hash no key can be read', async () => {
    const { rows } = await api.runtime.database.transaction([], (sql) => sql.query('SELECT id FROM api_keys'));
    expect(rows).toEqual([]);
  });
});

describe('ids of another tenant', () => {
  test('answer as unknown ones do, on every route with an id', async () => {
    const { runtime, otherInstance } = api;
    const entry = await runtime.directory.resolve({
      tenant: otherTenant,
      line: otherInstance.line,
      addresses: ['5511988887777'],
      group: false,
      at: runtime.now(),
    });
    const message = await api.call(api.otherKey, 'POST', '/v1/messages', {
      instanceId: otherInstance.id,
      to: '5511988887777',
      text: 'olá',
    });
    expect(message.status).toBe(202);
    const replay = await api.call(api.otherKey, 'POST', '/v1/replays', { kind: 'verify' });
    expect(replay.status).toBe(202);
    const made = async (path: string, body: object): Promise<string> => {
      const answer = await api.call(api.otherKey, 'POST', path, body);
      expect([path, answer.status < 300]).toEqual([path, true]);
      return String(answer.body['id']);
    };
    const file = await api.server.inject({
      method: 'POST',
      url: '/v1/files',
      headers: { authorization: `Bearer ${api.otherKey}`, 'content-type': 'text/plain' },
      payload: 'olá',
    });
    // What no call of the API makes by itself.
    await asOwner(
      api.world.databaseUrl,
      `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind, status,
         client_message_id)
       VALUES ('${otherTenant}', 'theirs', '${entry.conversation}', 0, 0, '${otherInstance.id}', 'api', 'normal', 'text', 'sent', 'x');
       INSERT INTO appointments (tenant, id, person, conversation, service, calendar, seat, starts_at, ends_at, status, place_of,
         created_at, updated_at)
       VALUES ('${otherTenant}', 'theirs', '${entry.person}', '${entry.conversation}', 's', 'service:s', 1,
         now() + interval '1 day', now() + interval '25 hours', 'booked', 'theirs', now(), now())`,
    );
    const theirs: Readonly<Record<string, string>> = {
      // The name of a revision is made of its content: one that nobody else has.
      'configuration/revisions': await runtime.tenants.configure(otherTenant, { machines: {}, answerGroups: true }),
      deliveries: 'theirs',
      appointments: 'theirs',
      conversations: entry.conversation,
      instances: otherInstance.id,
      queues: otherInstance.id,
      messages: String(message.body['id']),
      'messages/bulk': await made('/v1/messages/bulk', {
        instanceId: otherInstance.id,
        messages: [{ to: '5511988887777', text: 'olá' }],
      }),
      replays: String(replay.body['id']),
      broadcasts: await made('/v1/broadcasts', { instanceId: otherInstance.id, text: 'olá', pacing: { perMinute: 1 } }),
      webhooks: await made('/v1/webhooks', { url: 'https://hooks.example/prosa', events: ['message.received'] }),
      files: String(file.json<{ id?: unknown }>().id),
    };
    const twin = await runtime.directory.resolve({
      tenant: otherTenant,
      line: otherInstance.line,
      addresses: ['5511988886666'],
      group: false,
      at: runtime.now(),
    });
    const bodies: Readonly<Record<string, object>> = {
      'conversations.merge': { with: twin.conversation },
      'instances.provider': { to: otherInstance.id, mode: 'switch' },
    };
    const bodyFor = ({ name, body, example }: Route): unknown =>
      body === undefined ? undefined : (bodies[name] ?? example.body ?? {});
    const withId = routes.filter(({ path }) => path.includes(':id'));
    expect(withId.length).toBeGreaterThan(5);
    // What ends a thing comes last.
    for (const route of withId.toSorted(
      (one, other) => Number(one.method === 'DELETE') - Number(other.method === 'DELETE'),
    )) {
      const id = theirs[/^\/v1\/(.+)\/:id/.exec(route.path)?.[1] ?? ''];
      if (id === undefined) throw new Error(`no id for ${route.path}`);
      const query = route.name === 'conversations.state' ? '?offset=0' : '';
      const asked = bodyFor(route);
      // It may be refused for what it is in; it is not unknown.
      const own = await api.call(api.otherKey, route.method, pathOf(route, id) + query, asked);
      expect([route.name, own.body['code']]).not.toEqual([route.name, 'not-found']);
      const [foreign, unknown, malformed] = await Promise.all(
        [id, unknownId, 'no%20id%00'].map((one) =>
          api.call(api.keys.admin, route.method, pathOf(route, one) + query, asked),
        ),
      );
      const plain = ({ requestId: _, ...body }: Record<string, unknown> = {}) => body;
      expect([route.name, foreign?.status]).toEqual([route.name, 404]);
      expect(plain(foreign?.body)).toEqual(plain(unknown?.body));
      expect(plain(malformed?.body)).toEqual(plain(unknown?.body));
    }
  });

  test('an instance of another tenant cannot be sent with', async () => {
    const body = { instanceId: api.otherInstance.id, to: '5511988887777', text: 'olá' };
    expect((await api.call(api.keys.admin, 'POST', '/v1/messages', body)).status).toBe(404);
    const simulated = { instanceId: api.otherInstance.id, from: '5511988887777', text: 'olá' };
    expect((await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', simulated)).status).toBe(404);
  });
});

describe('requests of the wrong form', () => {
  const secret = '5511912345678';

  test.each([
    ['unknown field in a body', 'POST', '/v1/messages', { instanceId: 'i', to: secret, text: 'x', [`x${secret}`]: 1 }],
    ['unknown field in a query', 'GET', '/v1/conversations?nonsense=1', undefined],
    ['limit 0', 'GET', '/v1/conversations?limit=0', undefined],
    ['limit 201', 'GET', '/v1/conversations?limit=201', undefined],
    ['limit no number', 'GET', `/v1/conversations?limit=${secret}`, undefined],
    ['NUL in a filter', 'GET', '/v1/conversations?state=a%00b', undefined],
    ['no body', 'POST', '/v1/messages', undefined],
    ['body an array', 'POST', '/v1/messages', []],
    ['number as text', 'POST', '/v1/messages', { instanceId: 'i', to: secret, text: Number(secret) }],
    ['two searches at once', 'POST', '/v1/conversations/search', { phone: secret, name: 'Maria' }],
    ['neither offset nor time', 'GET', `/v1/conversations/${unknownId}/state`, undefined],
    ['both offset and time', 'GET', `/v1/conversations/${unknownId}/state?offset=1&at=2026-01-01T00:00:00Z`, undefined],
    ['time without zone', 'GET', '/v1/audit?from=2026-01-01T00:00:00', undefined],
    ['two contents', 'POST', '/v1/simulator/messages', { from: secret, text: 'a', button: { id: 'b' } }],
    ['WAHA without base URL', 'POST', '/v1/instances', { provider: 'waha', name: 'w', config: {} }],
    [
      'Evolution without base URL',
      'POST',
      '/v1/instances',
      { provider: 'evolution', name: 'e', config: { session: 'x' } },
    ],
    [
      'Evolution without the name there',
      'POST',
      '/v1/instances',
      { provider: 'evolution', name: 'e', config: { baseUrl: 'http://127.0.0.1:9' } },
    ],
    ['unknown provider', 'POST', '/v1/instances', { provider: 'pigeon', name: 'w' }],
  ] as const)('%s is refused, and nothing of it is repeated', async (_, method, path, payload) => {
    const answer = await api.call(api.keys.admin, method, path, payload);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request-invalid', status: 400 } });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers['x-request-id']).toBe(answer.body['requestId']);
    expect(answer.text).not.toContain(secret);
  });

  test('fields that are not known are named, unless they may be something else than a name', async () => {
    const body = { instanceId: 'i', to: secret, text: 'x', colour: 1, [secret]: 2, 'a b': 3 };
    const answer = await api.call(api.keys.admin, 'POST', '/v1/messages', body);
    expect(answer.status).toBe(400);
    expect(answer.body['detail']).toContain('(body: unrecognized_keys colour … …)');
    expect(answer.text).not.toContain(secret);
    const query = await api.call(api.keys.admin, 'GET', '/v1/audit?sort=up');
    expect(query.body['detail']).toContain('(query: unrecognized_keys sort)');
  });

  test.each(['x', '[]', '["a",1]', '[1.5,"a"]', '[-1,"a"]', '[9000000000000000,"a"]', '[1,"a\\u0000"]'])(
    'a cursor that no list gave is refused: %s',
    async (place) => {
      const cursor = Buffer.from(place).toString('base64url');
      for (const path of ['/v1/conversations', '/v1/audit']) {
        const answer = await api.call(api.keys.admin, 'GET', `${path}?cursor=${cursor}`);
        expect(answer).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } });
      }
    },
  );

  test.each([
    ['{', 'body-not-json'],
    ['{"__proto__":{"role":"admin"},"instanceId":"i","to":"5511912345678","text":"x"}', undefined],
  ])('a broken body is refused: %s', async (payload, code) => {
    const answer = await api.server.inject({
      method: 'POST',
      url: '/v1/messages',
      headers: { authorization: `Bearer ${api.keys.admin}`, 'content-type': 'application/json' },
      payload,
    });
    expect(answer.statusCode).toBe(400);
    if (code !== undefined) expect(answer.json<Record<string, unknown>>()['code']).toBe(code);
  });

  test('a body over the limit is refused', async () => {
    const body = { instanceId: 'i', to: secret, text: 'x'.repeat(300_000) };
    expect((await api.call(api.keys.admin, 'POST', '/v1/messages', body)).status).toBe(413);
  });
});

test('a tenant without a configuration is told so, by the API and by ingest', async () => {
  const { runtime } = api;
  await runtime.tenants.create('bare', 'Bare');
  const { key } = await openApiKeys(runtime.database, runtime.now).createApiKey('bare', 'admin', 'admin');
  const instance = await runtime.instances.create(
    { tenant: 'bare', provider: 'simulator', name: 'simulator', settings: {} },
    runtime.now(),
  );
  const to = { instanceId: instance.id, to: '5511912345678', text: 'x' };
  const webhook = `/webhooks/simulator/${instance.credentials.webhookToken}`;
  const asked = [
    await api.anotherProcess().call(key, 'POST', '/v1/messages', to),
    await api.call(undefined, 'POST', webhook, { from: '5511912345678', text: 'x' }),
  ];
  for (const answer of asked) expect(answer).toMatchObject({ status: 409, body: { code: 'tenant-unconfigured' } });
});

test('answers under /v1 may not be stored, errors included', async () => {
  for (const key of [api.keys.admin, undefined]) {
    expect((await api.call(key, 'GET', '/v1/conversations')).headers['cache-control']).toBe('no-store');
  }
});

test('a defect answers without its trace or message', async () => {
  await asOwner(api.world.databaseUrl, 'ALTER TABLE audit_events RENAME TO audit_events_away');
  try {
    const answer = await api.call(api.keys.admin, 'GET', '/v1/audit');
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(answer.text).not.toMatch(/audit_events|at .*\.ts|relation/);
  } finally {
    await asOwner(api.world.databaseUrl, 'ALTER TABLE audit_events_away RENAME TO audit_events');
  }
});
