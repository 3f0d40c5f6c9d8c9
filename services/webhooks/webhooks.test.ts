// Goal: W1 to W5. Method: the service on real Postgres, endpoints of this test on loopback, which a fake resolver calls
// public, and a clock that the test moves.
import { createHmac } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { isForwarded } from '#runtime/actor/merge.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import { derivedId, recordOf } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import {
  type Subscription,
  type Subscriptions,
  type WebhookEvent,
  openSubscriptions,
} from '#runtime/webhooks/subscriptions.ts';
import type { AuditRecorded } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { startWebhooks } from './webhooks.ts';

const hour = 3_600_000;

interface Told {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let world: TestWorld;
let runtime: Runtime;
let subscriptions: Subscriptions;
let service: RunningService | undefined;
let clock: number;
let server: Server;
let port: number;
let answer: (request: IncomingMessage, response: ServerResponse) => unknown;
const told: Told[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      told.push({ path: request.url ?? '', headers: request.headers, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
  clock = Date.UTC(2026, 10, 21);
  world = await openTestWorld({ now: () => clock });
  const api = world.runtime('prosa_api');
  subscriptions = openSubscriptions(api.database, api.vault, () => clock);
  runtime = world.runtime('prosa_worker', 'webhooks');
});
afterAll(async () => {
  server.close();
  await world.close();
});
beforeEach(() => {
  clock += 24 * hour;
  answer = (_, response) => response.end();
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  told.length = 0;
  await asOwner(world.databaseUrl, 'TRUNCATE webhook_deliveries, webhooks');
});

const startService = async (): Promise<void> => {
  const outside = openOutside({
    ports: [port],
    isPublic: (address) => address === '127.0.0.1',
    resolve: (name) =>
      Promise.resolve(
        name.endsWith('public.example') ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '10.0.0.1', family: 4 }],
      ),
  });
  service = await startWebhooks(runtime, { outside, pollMs: 20, stopGraceMs: 200 });
};

const subscribe = async (
  events: readonly WebhookEvent[],
  more: { readonly includesContent?: boolean; readonly host?: string; readonly path?: string } = {},
): Promise<Subscription> => {
  const { includesContent = false, host = 'public.example', path = '/' } = more;
  const made = await subscriptions.create({
    tenant: testTenant,
    url: `http://${host}:${port}${path}`,
    events,
    includesContent,
  });
  if (made === undefined) throw new Error('too many');
  return made;
};
let people = 5_511_900_000_000;
const meet = (): Promise<Person> => Person.meet(world, world.runtime('prosa_ingest'), String((people += 1)));
const toldOnce = async (count = 1): Promise<readonly Told[]> =>
  eventually(
    () => Promise.resolve(told),
    (all) => all.length >= count,
  );

interface Row {
  readonly status: string;
  readonly attempts: number;
  readonly http_status: number | null;
  readonly code: string | null;
  readonly due_at: Date;
  readonly record: Buffer | null;
}
const rows = async (): Promise<readonly Row[]> =>
  (
    await runtime.database.query<Row>(
      [testTenant],
      'SELECT status, attempts, http_status, code, due_at, record FROM webhook_deliveries',
    )
  ).rows;
const settled = () => eventually(rows, (all) => all.length > 0 && all.every(({ status }) => status !== 'queued'));
const audits = async (): Promise<readonly AuditRecorded[]> => {
  const found: AuditRecorded[] = [];
  for (let partition = 0; partition < world.log.partitionCount; partition += 1)
    for await (const batch of world.log.readRange({ topic: topics.audit, partition, from: 0 }))
      for (const logged of batch) {
        const record = recordOf(logged);
        if (record.type === 'audit.recorded') found.push(record);
      }
  return found;
};

const verify = ({ headers, body }: Told, { secret }: Subscription): boolean => {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
};

describe('what is told', () => {
  test('ids and states, signed, to whoever wants it, and to nobody else', async () => {
    await startService();
    const wants = await subscribe(['message.received'], { path: '/wants' });
    await subscribe(['media.stored'], { path: '/wants-not' });
    const person = await meet();
    await person.says('um segredo');
    const [only] = await toldOnce();
    if (only === undefined) throw new Error('nothing');
    expect(JSON.parse(only.body)).toEqual({
      type: 'message.received',
      timestamp: new Date(clock).toISOString(),
      data: {
        eventId: expect.any(String) as string,
        conversationId: person.entry.conversation,
        instanceId: world.instance.id,
        kind: 'text',
        group: false,
      },
    });
    expect(only.body).not.toContain('segredo');
    expect(verify(only, wants)).toBe(true);
    expect(Math.abs(Number(only.headers['webhook-timestamp']) * 1_000 - clock)).toBeLessThan(1_000);
    expect(await settled()).toMatchObject([
      { status: 'delivered', attempts: 1, http_status: 200, code: null, record: null },
    ]);
    expect(told.map(({ path }) => path)).toEqual(['/wants']);
  });

  test('what people wrote, when it was asked for, and that it was erased, when it was', async () => {
    const wants = await subscribe(['message.received'], { includesContent: true });
    const [writes, erased] = [await meet(), await meet()];
    await writes.says('olá');
    await erased.says('um segredo');
    await asOwner(
      world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${erased.entry.person}'`,
    );
    await startService();
    const all = (await toldOnce(2)).map((one) => (JSON.parse(one.body) as { data: Record<string, unknown> }).data);
    const of = (person: Person) => all.find(({ conversationId }) => conversationId === person.entry.conversation);
    expect(of(writes)).toMatchObject({
      content: { kind: 'text', text: 'olá' },
      from: { address: expect.any(String) as string },
    });
    expect(of(erased)).toMatchObject({ erased: true });
    expect(JSON.stringify(all)).not.toContain('segredo');
    for (const one of told) expect(verify(one, wants)).toBe(true);
  });

  test('nothing twice: what a merged conversation forwarded was told of where it came in', async () => {
    await startService();
    await subscribe(['message.received']);
    const person = await meet();
    const copy = derivedId('w', testTenant, 'younger', 'e_1');
    expect(isForwarded({ eventId: copy })).toBe(true);
    await person.tell({
      type: 'message.received',
      instance: world.instance.id,
      kind: 'text',
      group: false,
      eventId: copy,
    });
    await person.says('own');
    await toldOnce();
    await settled();
    expect(await rows()).toHaveLength(1);
  });

  test('statuses with their reasons', async () => {
    await startService();
    await subscribe(['delivery.updated']);
    const person = await meet();
    await person.tell({
      type: 'delivery.updated',
      instance: 'i_1',
      deliveryId: 'd_1',
      status: 'failed',
      reason: 'x',
      attempts: 2,
      sealed: null,
    });
    const [only] = await toldOnce();
    expect(JSON.parse(only?.body ?? '')).toMatchObject({
      data: { deliveryId: 'd_1', status: 'failed', reason: 'x', attempts: 2 },
    });
  });

  test('a test, when it is asked for', async () => {
    await startService();
    const wants = await subscribe(['media.stored']);
    const id = await subscriptions.test(wants);
    const [only] = await toldOnce();
    expect([only?.headers['webhook-id'], JSON.parse(only?.body ?? '')]).toMatchObject([
      id,
      { type: 'webhook.test', data: {} },
    ]);
  });

  test('nothing in the table that a person wrote, nor where to and with which secret', async () => {
    const { secret } = await subscribe(['message.received'], { path: '/the-hidden-path', includesContent: true });
    answer = (_, response) => response.writeHead(500).end();
    await startService();
    await (await meet()).says('um segredo');
    await eventually(rows, ([one]) => one?.attempts === 1);
    const all = await Promise.all(
      ['webhooks', 'webhook_deliveries'].map(
        async (table) => (await runtime.database.query([testTenant], `SELECT * FROM ${table}`)).rows,
      ),
    );
    const bytes = all
      .flat()
      .flatMap((row) => Object.values(row))
      .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)));
    expect(bytes.join()).not.toMatch(new RegExp(`segredo|hidden-path|${secret.slice(6, 20).replaceAll(/\W/g, '.')}`));
  });
});

describe('W2 what does not arrive', () => {
  test('is told again, the same, later and later, and fails after three days', async () => {
    await startService();
    await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(503).end();
    await (await meet()).says('a');
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const [row] = await eventually(
        rows,
        ([one]) => one?.attempts === attempt && (one.status === 'failed' || one.due_at.getTime() - clock !== 60_000),
      );
      if (row?.status !== 'queued') break;
      delays.push((row.due_at.getTime() - clock) / 1_000);
      clock = row.due_at.getTime();
    }
    expect(delays).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
    expect(await settled()).toMatchObject([
      { status: 'failed', attempts: 10, http_status: 503, code: 'endpoint.refused' },
    ]);
    expect(new Set(told.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(told.map(({ body }) => body)).size).toBe(1);
    expect(told).toHaveLength(10);
  });

  test('for five days ends the endpoint, which is audited', async () => {
    await startService();
    const { id } = await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(500).end();
    const person = await meet();
    await person.says('a');
    await eventually(rows, ([one]) => one?.code === 'endpoint.refused');
    clock += 5 * 24 * hour;
    await person.says('b');
    await eventually(
      () => subscriptions.read(testTenant, id),
      (one) => one?.disabledReason === 'endpoint.failing',
    );
    const disabled = await eventually(audits, (all) => all.some(({ action }) => action === 'webhook.disabled'));
    expect(disabled).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ subject: id, outcome: 'endpoint.failing' })]) as unknown[],
    );
    // What it was still to be told fails at its next turn, without a request.
    clock += 25 * hour;
    await settled();
    const before = told.length;
    clock += 4_000;
    await person.says('c');
    await eventually(
      async () => (await world.log.lag('webhooks', topics.events)).every(({ lag }) => lag === 0),
      Boolean,
    );
    expect(told).toHaveLength(before);
  });

  test('a success in between begins the five days anew', async () => {
    await startService();
    const { id } = await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(500).end();
    const person = await meet();
    await person.says('a');
    await eventually(
      () => subscriptions.read(testTenant, id),
      (one) => one?.failingSince != null,
    );
    answer = (_, response) => response.end();
    clock += 5_000;
    await eventually(
      () => subscriptions.read(testTenant, id),
      (one) => one?.failingSince === null,
    );
  });

  test('because the endpoint says that it is gone, ends it', async () => {
    await startService();
    const { id } = await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(410).end();
    await (await meet()).says('a');
    await eventually(
      () => subscriptions.read(testTenant, id),
      (one) => one?.disabledReason === 'endpoint.gone',
    );
  });

  test('because the endpoint was deleted, is not sent', async () => {
    const { id } = await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(500).end();
    await startService();
    await (await meet()).says('a');
    await eventually(rows, ([one]) => one?.code === 'endpoint.refused');
    expect(await subscriptions.remove(testTenant, id)).toBe(true);
    clock += 5_000;
    expect(await settled()).toMatchObject([{ status: 'failed', code: 'webhook.disabled' }]);
    expect(told).toHaveLength(1);
    expect(await subscriptions.remove(testTenant, id)).toBe(true);
    expect(await subscriptions.remove('other', id)).toBe(false);
  });
});

describe('W4 what is not called', () => {
  test.each([
    ['a name of a private address', 'private.example', 'address.not-public'],
    ['a private address', '127.0.0.1', 'address.not-public'],
    ['a private address, mapped', '[::ffff:127.0.0.1]', 'address.not-public'],
  ])('%s', async (_, host, code) => {
    await startService();
    await subscribe(['message.received'], { host });
    await (await meet()).says('a');
    await eventually(rows, ([one]) => one?.code === code);
    expect(told).toEqual([]);
  });

  test('where an endpoint redirects to', async () => {
    await startService();
    await subscribe(['message.received']);
    answer = (_, response) => response.writeHead(307, { location: 'http://127.0.0.1/' }).end();
    await (await meet()).says('a');
    await eventually(rows, ([one]) => one?.code === 'redirect.refused');
    expect(told).toHaveLength(1);
  });
});

test('W5 an endpoint that hangs holds up nobody else', async () => {
  await startService();
  await subscribe(['message.received'], { path: '/hangs' });
  await subscribe(['message.received'], { path: '/fast' });
  let hanging = 0;
  answer = (request, response) => {
    if (request.url === '/fast') response.end();
    else hanging += 1;
  };
  const person = await meet();
  for (let i = 0; i < 12; i += 1) await person.says(String(i));
  await eventually(
    () => Promise.resolve(told.filter(({ path }) => path === '/fast').length),
    (count) => count === 12,
  );
  expect(hanging).toBeLessThanOrEqual(4);
  server.closeAllConnections();
});

test('a tenant has twenty endpoints at most', async () => {
  for (let i = 0; i < 20; i += 1) await subscribe(['message.received']);
  await expect(subscribe(['message.received'])).rejects.toThrow('too many');
});
