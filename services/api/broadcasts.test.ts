/**
 * Broadcasts, ordered over the API and fed by the sender's own feeder on a clock of the test: nobody is left
 * out or written to twice, whatever crashes; the pace, the orders and the figures hold.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import type { Database } from '#runtime/database/database.ts';
import { requestEventId } from '#runtime/message-requests.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { readRecords } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { createBroadcastFeeder } from '../sender/broadcasts/feeder.ts';
import { createHandOver } from '../sender/hand-over.ts';
import { policyFinder } from '../sender/placement.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

const minuteMs = 60_000;
let api: ApiWorld;
let worker: Runtime;
let phones = 5_511_987_000_000;
let serial = 0;
/** The clock of the feeders. */
let at = Date.now() + 3_600_000;

beforeAll(async () => {
  api = await openApiWorld();
  worker = api.world.runtime('prosa_worker');
});
afterAll(() => api.close());

const call = (method: 'GET' | 'POST', path: string, body?: object) => api.call(api.keys.operator, method, path, body);
const sql = async <Row>(statement: string, values: readonly unknown[] = []) =>
  (await worker.database.query<Row>([testTenant], statement, values)).rows;

type Progress = Readonly<Record<string, unknown>>;

const figures = [
  'waiting',
  'queued',
  'sent',
  'delivered',
  'read',
  'failed',
  'unknown',
  'manual',
  'declined',
  'cancelled',
  'skipped',
] as const;

/** The figures that are not zero; they add up to all recipients. */
async function progress(id: string): Promise<Readonly<Record<string, number>>> {
  const { body } = await call('GET', `/v1/broadcasts/${id}`);
  const all = body['progress'] as Progress;
  const counted = figures.map((name) => [name, Number(all[name])] as const);
  expect(counted.reduce((sum, [, count]) => sum + count, 0)).toBe(body['recipients']);
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

const statusOf = async (id: string) => (await call('GET', `/v1/broadcasts/${id}`)).body['status'];

/** A draft to people of its own. */
async function draft(people: number, body: object = {}): Promise<string> {
  const list = Array.from({ length: people }, () => String(phones++));
  const wanted = { instanceId: api.world.instance.id, text: 'A vacina chegou', segment: { phones: list }, ...body };
  const made = await call('POST', '/v1/broadcasts', wanted);
  expect(made.status).toBe(201);
  return String(made.body['id']);
}

const order = (id: string, what: 'start' | 'pause' | 'resume' | 'stop') =>
  call('POST', `/v1/broadcasts/${id}/${what}`, {});

async function started(people: number, body: object = {}): Promise<string> {
  const id = await draft(people, body);
  expect((await order(id, 'start')).status).toBe(202);
  return id;
}

const feederOn = (runtime: Runtime) => createBroadcastFeeder({ ...runtime, now: () => at }, policyFinder(runtime));

/** One look of a sender at whatever is to be looked at. */
async function look(runtime = worker): Promise<void> {
  const feeder = feederOn(runtime);
  for (const broadcast of await feeder.claim(50)) await feeder.turn(broadcast);
}

/** Looks again and again for so long. */
async function lookFor(ms: number): Promise<void> {
  const stepMs = Math.max(1_000, ms / 10);
  for (const until = at + ms; at < until; at += stepMs) await look();
}

interface Message {
  readonly id: string;
  readonly conversation: string;
  readonly status: string;
  readonly due_at: Date;
  readonly origin: string;
  readonly priority: string;
  readonly content: Buffer | null;
}

const messagesOf = (id: string) =>
  sql<Message>(
    `SELECT q.* FROM broadcast_recipients r JOIN message_requests q ON q.tenant = r.tenant AND q.id = r.message_id
     WHERE r.broadcast = $1 ORDER BY q.due_at`,
    [id],
  );

/** What the sender makes of a message that the log has. */
async function delivered(message: Message, status: string, reason: string | null = null): Promise<string> {
  serial += 1;
  const delivery = `d_broadcast_${serial}`;
  await sql(
    `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, message_id, origin, priority,
       kind, status, reason, client_message_id, settled_at)
     VALUES ($1, $2, $3, 0, $4, $5, $6, 'broadcast', 'low', 'text', $7, $8, $2, now())`,
    [testTenant, delivery, message.conversation, serial, api.world.instance.id, message.id, status, reason],
  );
  await sql(`UPDATE message_requests SET status = 'queued' WHERE id = $1 AND status = 'scheduled'`, [message.id]);
  return delivery;
}

/** What was audited, once for each id. */
const auditOf = async (id: string, instance = api.world.instance.id) => {
  const actions = new Map<string, string>();
  for (const record of await readRecords(api.world, topics.audit, instance))
    if (record.type === 'audit.recorded' && record.subject === id) actions.set(record.eventId, record.action);
  return [...actions.values()];
};

/** Every message that the log has of a broadcast, once for each id. */
async function logged(id: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const { conversation } of await messagesOf(id))
    for (const record of await readRecords(api.world, topics.events, conversation))
      if (record.type === 'message.requested' && record.origin === 'broadcast') found.add(record.eventId);
  return [...found];
}

const handOver = () => createHandOver({ ...worker, now: () => at })([testTenant]);

describe('a draft', () => {
  test('takes people in pages, each chat once, and says who cannot be written to', async () => {
    const id = await draft(0, { text: 'Olá {{nome}}' });
    const phone = String(phones++);
    const variables = { nome: 'Maria' };
    const named = [
      { to: phone, variables },
      { to: `+${phone.replace(/^(55\d\d)9/, '$1')}`, variables },
      { to: 'ninguém', variables },
      { to: String(phones++) },
      { conversationId: 'c_unknown', variables },
      { to: String(phones++), variables: { nome: 'x'.repeat(1_000), outra: 'sobra' } },
      { to: '120363000000000000@g.us', variables },
    ];
    const path = `/v1/broadcasts/${id}/recipients`;
    const first = await call('POST', path, { recipients: named });
    const codes = (first.body['refused'] as { index: number; problem: { code: string } }[]).map(
      ({ index, problem }) => [index, problem.code],
    );
    expect(first).toMatchObject({ status: 202, body: { added: 2, known: 1, recipients: 2 } });
    expect(codes).toEqual([
      [2, 'recipient-invalid'],
      [3, 'variables-missing'],
      [4, 'not-found'],
      [6, 'recipient-invalid'],
    ]);
    expect((await call('POST', path, { recipients: named })).body).toMatchObject({ added: 0, known: 3, recipients: 2 });
    await order(id, 'start');
    expect(await call('POST', path, { recipients: named })).toMatchObject({
      status: 409,
      body: { code: 'broadcast-started' },
    });
    await order(id, 'stop');
  });

  test('has 100000 recipients at most', async () => {
    const id = await draft(1);
    await sql('UPDATE broadcasts SET recipients = 99999 WHERE id = $1', [id]);
    const path = `/v1/broadcasts/${id}/recipients`;
    const recipients = [{ to: String(phones++) }, { to: String(phones++) }];
    expect(await call('POST', path, { recipients })).toMatchObject({ body: { code: 'recipients-too-many' } });
    expect((await call('POST', path, { recipients: recipients.slice(0, 1) })).body).toMatchObject({
      recipients: 100_000,
    });
  });

  test('of nobody is not started, and what is over is not either', async () => {
    expect(await order(await draft(0), 'start')).toMatchObject({ status: 409, body: { code: 'broadcast-empty' } });
    const id = await draft(1);
    expect((await order(id, 'pause')).body).toMatchObject({ code: 'broadcast-state' });
    for (let i = 0; i < 2; i += 1) expect((await order(id, 'stop')).body).toMatchObject({ status: 'stopped' });
    expect((await order(id, 'start')).body).toMatchObject({ code: 'broadcast-state' });
    expect(await progress(id)).toEqual({ cancelled: 1 });
    expect(await auditOf(id)).toEqual(['broadcast.created', 'broadcast.stopped']);
  });
});

describe('feeding', () => {
  test('hands over a minute ahead at the pace, each with the words of its person, sealed', async () => {
    const id = await draft(0, { text: 'Olá {{nome}}', pacing: { perMinute: 12 } });
    const recipients = Array.from({ length: 30 }, (_, i) => ({
      to: String(phones++),
      variables: { nome: `nome-${i}` },
    }));
    await call('POST', `/v1/broadcasts/${id}/recipients`, { recipients });
    await order(id, 'start');
    const from = at;
    await look();
    const messages = await messagesOf(id);
    expect(messages.map((message) => message.due_at.getTime() - from)).toEqual(
      Array.from({ length: 12 }, (_, i) => i * 5_000),
    );
    expect(await progress(id)).toEqual({ waiting: 18, queued: 12 });
    for (const [i, { id: message, conversation: actor, content, ...row }] of messages.entries()) {
      expect(row).toMatchObject({ status: 'scheduled', origin: 'broadcast', priority: 'low' });
      const where = {
        tenant: testTenant,
        actor,
        type: 'message.requested',
        eventId: requestEventId(testTenant, message),
      };
      const opened = await worker.vault.open(where, content ?? Buffer.alloc(0));
      expect(opened).toMatchObject({ value: { content: { text: `Olá nome-${i}` } } });
    }
    await lookFor(30_000);
    expect(await messagesOf(id)).toHaveLength(18);
    // What nobody sends holds up the rest.
    await lookFor(5 * minuteMs);
    expect(await messagesOf(id)).toHaveLength(24);
    for (const message of (await messagesOf(id)).slice(0, 20)) await delivered(message, 'sent');
    await lookFor(2 * minuteMs);
    expect(await progress(id)).toEqual({ queued: 10, sent: 20 });
    for (const message of (await messagesOf(id)).slice(20)) await delivered(message, 'sent');
    await lookFor(2_000);
    expect([await statusOf(id), await progress(id)]).toEqual(['finished', { sent: 30 }]);
    expect(await auditOf(id)).toEqual([
      'broadcast.created',
      'broadcast.recipients-added',
      'broadcast.started',
      'broadcast.finished',
    ]);
  });

  test('writes to everybody once, wherever a sender dies', async () => {
    /** Dies at its nth call of the database or the log: before it is done, or after. */
    const dying = (nth: number, after: boolean): Runtime => {
      let calls = 0;
      const deadly = <T extends object>(part: T, methods: readonly (keyof T)[]): T => {
        const own = Object.create(part) as T;
        for (const name of methods) {
          const method = part[name] as unknown as (...args: unknown[]) => Promise<unknown>;
          own[name] = (async (...args: unknown[]) => {
            calls += 1;
            if (calls === nth && !after) throw new Error('killed');
            const result = await method.apply(part, args);
            if (calls >= nth) throw new Error('killed');
            return result;
          }) as T[typeof name];
        }
        return own;
      };
      return {
        ...worker,
        database: deadly<Database>(worker.database, ['query', 'transaction']),
        log: deadly(worker.log, ['append']),
      };
    };
    // That of the one that died, by the database's clock.
    const leaseOver = async (): Promise<void> => {
      at += 11_000;
      await asOwner(api.world.databaseUrl, `UPDATE broadcasts SET lease_until = now() WHERE lease_until > now()`);
    };
    const ids: string[] = [];
    let deaths = 0;
    for (let nth = 1; nth <= 6; nth += 1)
      for (const after of [false, true]) {
        const id = await started(3, { pacing: { perMinute: 6_000 } });
        ids.push(id);
        await look(dying(nth, after)).catch(() => (deaths += 1));
        await leaseOver();
        await look();
        for (const message of await messagesOf(id)) await delivered(message, 'sent');
        at += 2_000;
        await look(dying(nth, after)).catch(() => (deaths += 1));
        await leaseOver();
        await look();
        expect([await statusOf(id), await progress(id)]).toEqual(['finished', { sent: 3 }]);
      }
    // Each look makes at least five calls.
    expect(deaths).toBeGreaterThanOrEqual(20);
    for (const id of ids) {
      expect(new Set((await messagesOf(id)).map((message) => message.conversation)).size).toBe(3);
      expect(await auditOf(id)).toEqual(['broadcast.created', 'broadcast.started', 'broadcast.finished']);
    }
  });

  test('is shared by several senders, which keep to one pace', async () => {
    const id = await started(60, { pacing: { perMinute: 60 } });
    const senders = Array.from({ length: 3 }, () => api.world.runtime('prosa_worker'));
    for (let i = 0; i < 30; i += 1, at += 4_000) {
      await Promise.all(senders.map((runtime) => look(runtime)));
      for (const message of await messagesOf(id))
        if (i % 5 === 4 && message.status === 'scheduled') await delivered(message, 'sent');
    }
    const due = (await messagesOf(id)).map((message) => message.due_at.getTime());
    expect(due).toHaveLength(60);
    for (let i = 1; i < due.length; i += 1) expect((due[i] ?? 0) - (due[i - 1] ?? 0)).toBeGreaterThanOrEqual(999);
    expect(await progress(id)).toEqual({ sent: 60 });
  });

  test('skips who was erased, and who is another recipient by now', async () => {
    const id = await draft(3);
    const [erased, younger, elder] = await sql<{ conversation: string; person: string }>(
      'SELECT conversation, person FROM broadcast_recipients WHERE broadcast = $1 ORDER BY position',
      [id],
    );
    await asOwner(
      api.world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${erased?.person ?? ''}';
       UPDATE conversations SET merged_into = '${elder?.conversation ?? ''}', merge_decided_at = now()
       WHERE id = '${younger?.conversation ?? ''}'`,
    );
    await order(id, 'start');
    // Without keys in memory.
    await look(api.world.runtime('prosa_worker'));
    expect(await progress(id)).toEqual({ queued: 1, skipped: 2 });
    const { body } = await call('GET', `/v1/broadcasts/${id}`);
    expect((body['progress'] as Progress)['reasons']).toEqual([
      { status: 'skipped', reason: 'erased', count: 1 },
      { status: 'skipped', reason: 'same-chat', count: 1 },
    ]);
    expect((await messagesOf(id)).map((message) => message.conversation)).toEqual([elder?.conversation]);
    await order(id, 'stop');
  });

  test('ends when it expires, and when its instance is gone', async () => {
    const expiring = await started(30, { pacing: { perMinute: 10 }, expiresAt: new Date(at + 30_000).toISOString() });
    await look();
    at += 31_000;
    await lookFor(2_000);
    expect([await statusOf(expiring), await progress(expiring)]).toEqual(['expired', { cancelled: 30 }]);
    expect(await auditOf(expiring)).toContain('broadcast.expired');

    const { id: instanceId } = await api.runtime.instances.create(
      { tenant: testTenant, provider: 'simulator', name: 'short-lived', settings: {} },
      at,
    );
    const orphan = await started(2, { instanceId });
    await asOwner(api.world.databaseUrl, `UPDATE instances SET deleted_at = now() WHERE id = '${instanceId}'`);
    await look();
    expect((await call('GET', `/v1/broadcasts/${orphan}`)).body).toMatchObject({
      status: 'failed',
      reason: 'instance-removed',
    });
    expect(await progress(orphan)).toEqual({ cancelled: 2 });
  });

  test('begins when it was asked for', async () => {
    const id = await started(2, { sendAt: new Date(at + 10 * minuteMs).toISOString() });
    await lookFor(10_000);
    expect(await progress(id)).toEqual({ waiting: 2 });
    at += 10 * minuteMs;
    await look();
    expect(await progress(id)).toEqual({ queued: 2 });
    await order(id, 'stop');
  });
});

describe('orders', () => {
  test('pausing takes back what is not due, resuming goes on at the pace, and nobody is lost', async () => {
    const id = await draft(0, { text: 'Olá {{nome}}', pacing: { perMinute: 10 } });
    const recipients = Array.from({ length: 12 }, () => ({ to: String(phones++), variables: { nome: 'você' } }));
    await call('POST', `/v1/broadcasts/${id}/recipients`, { recipients });
    await order(id, 'start');
    await look();
    at += 12_000;
    await handOver();
    const before = await messagesOf(id);
    for (let i = 0; i < 2; i += 1) expect((await order(id, 'pause')).body).toMatchObject({ status: 'paused' });
    expect(await progress(id)).toEqual({ waiting: 9, queued: 3 });
    await lookFor(2 * minuteMs);
    expect(await progress(id)).toEqual({ waiting: 9, queued: 3 });
    const resumed = at;
    await order(id, 'resume');
    await look();
    const after = await messagesOf(id);
    expect(after).toHaveLength(12);
    // The same messages as before, from now on.
    expect(after.slice(0, 10).map((message) => message.id)).toEqual(before.map((message) => message.id));
    expect(after.slice(3).map((message) => message.due_at.getTime() - resumed)).toEqual(
      Array.from({ length: 9 }, (_, i) => i * 6_000),
    );
    at += minuteMs;
    await handOver();
    expect(await logged(id)).toHaveLength(12);
    await order(id, 'stop');
    expect(await auditOf(id)).toEqual([
      'broadcast.created',
      'broadcast.recipients-added',
      ...['started', 'paused', 'resumed', 'stopped'].map((what) => `broadcast.${what}`),
    ]);
  });

  test('a turn that was begun before a pause hands nothing over after it', async () => {
    const id = await started(5);
    const feeder = feederOn(worker);
    const claimed = (await feeder.claim(50)).filter((one) => one.id === id);
    await order(id, 'pause');
    await order(id, 'resume');
    for (const broadcast of claimed) await feeder.turn(broadcast);
    expect([claimed.length, await progress(id)]).toEqual([1, { waiting: 5 }]);
    await order(id, 'stop');
  });

  test('stopping cancels everything that is not on its way, also what comes back to the queue', async () => {
    const id = await started(40, { pacing: { perMinute: 10 } });
    await look();
    at += 58_000;
    await handOver();
    const messages = await messagesOf(id);
    const states = ['queued', 'scheduled', 'sending', 'sent', 'sending', 'manual', 'failed', 'unknown'];
    const deliveries: string[] = [];
    for (const [i, message] of messages.slice(0, states.length).entries()) {
      const status = states[i] ?? '';
      deliveries.push(await delivered(message, status, status === 'failed' ? 'provider.refused' : null));
    }
    // The ninth is between log and sender, the tenth waits behind nothing.
    expect(await progress(id)).toEqual({ waiting: 30, queued: 6, sent: 1, manual: 1, failed: 1, unknown: 1 });
    expect((await order(id, 'stop')).body).toMatchObject({ status: 'stopped' });
    expect(await progress(id)).toEqual({ queued: 2, sent: 1, cancelled: 35, failed: 1, unknown: 1 });
    expect((await messagesOf(id)).map((message) => message.status).slice(8)).toEqual(['cancelled', 'cancelled']);
    // One arrives, the other comes back to be tried again.
    await sql(`UPDATE deliveries SET status = 'sent' WHERE id = $1`, [deliveries[2]]);
    await sql(`UPDATE deliveries SET status = 'queued' WHERE id = $1`, [deliveries[4]]);
    await lookFor(3_000);
    expect(await progress(id)).toEqual({ sent: 2, cancelled: 36, failed: 1, unknown: 1 });
    const [row] = await sql<{ wake_at: Date | null }>('SELECT wake_at FROM broadcasts WHERE id = $1', [id]);
    expect(row?.wake_at).toBeNull();
    const [told] = await sql<{ report_due_at: Date | null }>('SELECT * FROM deliveries WHERE id = $1', [deliveries[0]]);
    expect(told?.report_due_at).not.toBeNull();
  });

  test('stopping against feeding and handing over at the same time leaves nothing between', async () => {
    for (let i = 0; i < 5; i += 1) {
      const id = await started(20, { pacing: { perMinute: 6_000 } });
      await look();
      at += 1_000;
      await Promise.all([handOver(), order(id, 'stop'), look(), handOver()]);
      await lookFor(2_000);
      await handOver();
      expect(await progress(id)).toEqual({ cancelled: 20 });
      expect(await sql(`SELECT FROM message_requests WHERE status = 'scheduled' AND origin = 'broadcast'`)).toEqual([]);
    }
  });
});

test('figures follow what the provider tells, and add up', async () => {
  const id = await started(8, { pacing: { perMinute: 600 } });
  await look();
  at += 2_000;
  await handOver();
  const messages = await messagesOf(id);
  const ids: string[] = [];
  for (const message of messages.slice(0, 5)) ids.push(await delivered(message, 'sent'));
  // Said no while it waited to be sent.
  if (messages[7] !== undefined) await delivered(messages[7], 'failed', 'consent.withdrawn');
  await sql(`UPDATE message_requests SET status = 'declined', reason = 'consent.withdrawn' WHERE id = $1`, [
    messages[5]?.id,
  ]);
  const mark = async (i: number, status: string, rank: number, by = 'delivery') => {
    const index = `stable-${serial}-${i}`;
    if (by === 'link')
      await sql('INSERT INTO message_links (tenant, conversation, delivery_id, stable_index) VALUES ($1, $2, $3, $4)', [
        testTenant,
        messages[i]?.conversation,
        ids[i],
        index,
      ]);
    if (by === 'index') await sql('UPDATE deliveries SET provider_message_index = $2 WHERE id = $1', [ids[i], index]);
    await sql(
      `INSERT INTO message_marks (tenant, conversation, mark, status, rank, reason, at, event_id)
       VALUES ($1, $2, $3, $4, $5, $6, now(), 'e')`,
      [
        testTenant,
        messages[i]?.conversation,
        by === 'delivery' ? ids[i] : index,
        status,
        rank,
        status === 'failed' ? 'provider.131026' : null,
      ],
    );
  };
  await mark(0, 'sent', 10);
  await mark(1, 'delivered', 12, 'index');
  await mark(1, 'sent', 10);
  await mark(2, 'read', 13, 'link');
  await mark(2, 'delivered', 12);
  await mark(3, 'failed', 11, 'index');
  await mark(4, 'failed', 1);
  await mark(4, 'sent', 10, 'index');
  expect(await progress(id)).toEqual({ queued: 1, sent: 2, delivered: 1, read: 1, failed: 1, declined: 2 });
  const { body } = await call('GET', `/v1/broadcasts/${id}`);
  expect(body['progress']).toMatchObject({
    sentLastMinute: 5,
    endsAt: expect.any(String) as string,
    reasons: [
      { status: 'declined', reason: 'consent.withdrawn', count: 2 },
      { status: 'failed', reason: 'provider.131026', count: 1 },
    ],
  });
  await order(id, 'stop');
});

describe('people who are looked for', () => {
  /** People on a line of their own. */
  async function line(people: number) {
    serial += 1;
    const instance = await api.runtime.instances.create(
      { tenant: testTenant, provider: 'simulator', name: `line-${serial}`, settings: {} },
      at,
    );
    const entries = await Promise.all(
      Array.from({ length: people }, () =>
        api.runtime.directory.resolve({
          tenant: testTenant,
          line: instance.line,
          addresses: [String(phones++)],
          group: false,
          at,
        }),
      ),
    );
    return { instanceId: instance.id, line: instance.line, entries };
  }
  const recipientsOf = async (id: string) =>
    (
      await sql<{ conversation: string }>('SELECT conversation FROM broadcast_recipients WHERE broadcast = $1', [id])
    ).map(({ conversation }) => conversation);

  test('are those of the line to whom all applies', async () => {
    const { instanceId, entries } = await line(6);
    const [both, withdrawn, silent, early, elsewhere] = entries.map(({ conversation }) => conversation);
    const consent = (conversation: unknown, status: string, minute: number) =>
      sql(
        `INSERT INTO consents (tenant, conversation, event_id, status, at)
         VALUES ($1, $2, $2 || $4, $3, now() + $4::int * interval '1 minute')`,
        [testTenant, conversation, status, minute],
      );
    const seen = (conversation: unknown, days: number) =>
      sql(
        `INSERT INTO contacts (tenant, person, conversation, first_seen_at, last_seen_at)
         SELECT $1, person, id, now(), now() - $3::int * interval '1 day' FROM conversations WHERE id = $2`,
        [testTenant, conversation, days],
      );
    const state = (conversation: unknown, value: string, offset: number) =>
      sql(
        `INSERT INTO actor_snapshots (tenant, actor, next_offset, partition, epoch, machine, machine_version, state, status,
           episode, held, body, updated_at) VALUES ($1, $2, $4, 0, 0, 'conversation', '1', $3, 'active', 1, 0, '', now())`,
        [testTenant, conversation, value, offset],
      );
    for (const one of [both, early, elsewhere]) await consent(one, 'given', 1);
    await consent(withdrawn, 'given', 1);
    await consent(withdrawn, 'withdrawn', 2);
    await consent(early, 'requested', 0);
    for (const [one, days] of [
      [both, 1],
      [withdrawn, 1],
      [silent, 1],
      [early, 40],
      [elsewhere, 1],
    ] as const)
      await seen(one, days);
    await state(both, 'name', 1);
    await state(both, 'menu', 2);
    await state(elsewhere, 'name', 2);
    for (const [segment, expected] of [
      [{ consent: 'given' }, [both, early, elsewhere]],
      [{ consent: 'given', lastSeenWithinDays: 30 }, [both, elsewhere]],
      [{ consent: 'given', lastSeenWithinDays: 30, state: 'menu' }, [both]],
      [{ lastSeenWithinDays: 30 }, [both, withdrawn, silent, elsewhere]],
    ] as const) {
      const id = await started(0, { instanceId, segment });
      await look();
      expect([...(await recipientsOf(id))].sort()).toEqual([...expected].sort());
      await look();
      expect(await progress(id)).toEqual({ queued: expected.length });
      await order(id, 'stop');
    }
  });

  test('are all found, page by page, wherever a sender dies; too many are refused before anybody is written to', async () => {
    const { instanceId, line: name } = await line(1);
    await asOwner(
      api.world.databaseUrl,
      `INSERT INTO conversations (tenant, id, line, person, is_group)
       SELECT '${testTenant}', 'c_page_' || lpad(i::text, 5, '0'), '${name}', 'p_' || i, i % 100 = 0
       FROM generate_series(1, 2400) i;
       INSERT INTO contacts (tenant, person, conversation, first_seen_at, last_seen_at)
       SELECT tenant, person, id, now(), now() FROM conversations WHERE line = '${name}'`,
    );
    const segment = { lastSeenWithinDays: 1 };
    const id = await started(0, { instanceId, segment });
    await look();
    const claimed = await feederOn(worker).claim(50);
    expect(claimed.map((one) => one.id)).toContain(id);
    expect((await call('GET', `/v1/broadcasts/${id}`)).body).toMatchObject({ progress: { gathering: true } });
    // The time of a lease is over.
    await sql('UPDATE broadcasts SET lease_until = now() WHERE id = $1', [id]);
    await look();
    await look();
    expect((await recipientsOf(id)).length).toBe(2_400 + 1 - 24);
    expect((await call('GET', `/v1/broadcasts/${id}`)).body).toMatchObject({
      recipients: 2_377,
      progress: { gathering: false },
    });
    await order(id, 'stop');

    const crowded = await started(0, { instanceId, segment });
    await sql('UPDATE broadcasts SET recipients = 99000 WHERE id = $1', [crowded]);
    await lookFor(4_000);
    expect((await call('GET', `/v1/broadcasts/${crowded}`)).body).toMatchObject({
      status: 'failed',
      reason: 'recipients-too-many',
    });
    expect(await messagesOf(crowded)).toEqual([]);
    expect(await auditOf(crowded, instanceId)).toContain('broadcast.failed');
  });

  test('are not named at the same time', async () => {
    const segment = { phones: ['5511987000000'], consent: 'given' };
    const body = { instanceId: api.world.instance.id, text: 'x', segment };
    expect(await call('POST', '/v1/broadcasts', body)).toMatchObject({
      status: 400,
      body: { code: 'request-invalid' },
    });
  });
});
