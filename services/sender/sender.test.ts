/**
 * The sender against a real Postgres, the Postgres log, the simulated phone and a fake WAHA: what is
 * sent, how often, in which order, and what is told about it.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { OutboundContent, SealedDelivery } from '#schemas/content.ts';
import type { AuditRecorded, DeliveryUpdated, ReplyRequested } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { derivedId, newUlid, outgoing, recordOf } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { type FakeWaha, type FakeWahaOptions, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { clientMessageIdOf } from './client-message-id.ts';
import { type SenderOptions, startSender } from './sender.ts';

const tenant = 'demo';
const apiKey = 'key-of-the-fake';
const quick = {
  pollMs: 30,
  retryDelaysMs: [0, 40, 80, 160],
  lookupDelaysMs: [30, 60, 90],
  callTimeoutMs: 400,
  leaseMs: 900,
} as const satisfies SenderOptions;

let world: TestWorld;
let api: Runtime;
let worker: Runtime;
let simulator: Instance;
let serial = 0;
const cleanups: (() => Promise<unknown>)[] = [];

const logLines: string[] = [];
const logger = createLogger('debug', 'sender', { write: (line: string) => void logLines.push(line) });
const workerRuntime = (): Runtime => ({ ...world.runtime('prosa_worker'), logger });

beforeAll(async () => {
  world = await openTestWorld();
  api = world.runtime('prosa_api');
  worker = workerRuntime();
  simulator = world.instance;
});

afterAll(async () => {
  await world.close();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function sender(options: SenderOptions = {}, runtime = worker): Promise<RunningService> {
  const service = await startSender(runtime, { ...quick, ...options });
  cleanups.push(() => service.stop());
  return service;
}

async function waha(options: FakeWahaOptions = {}): Promise<{ fake: FakeWaha; instance: Instance }> {
  const fake = await startFakeWaha({ apiKey, ...options });
  cleanups.push(() => fake.close());
  serial += 1;
  const settings = { baseUrl: fake.url, session: 'default', engine: options.engine ?? ('NOWEB' as const) };
  const wanted = { tenant, provider: 'waha' as const, name: `waha-${serial}`, settings, apiKey };
  return { fake, instance: await api.instances.create(wanted, Date.now()) };
}

interface Chat {
  readonly conversation: string;
  readonly person: string;
  readonly phone: string;
  readonly instance: Instance;
}

async function chatOn(instance: Instance): Promise<Chat> {
  serial += 1;
  const phone = `55119${String(40_000_000 + serial)}`;
  const entry = await api.directory.resolve({
    tenant,
    line: instance.line,
    addresses: [`${phone}@c.us`],
    group: false,
    at: Date.now(),
  });
  return { conversation: entry.conversation, person: entry.person, phone, instance };
}

type Said = string | OutboundContent;

async function replyTo(chat: Chat, said: Said, given: Partial<ReplyRequested> = {}): Promise<ReplyRequested> {
  const eventId = derivedId('e', newUlid(Date.now()));
  const content: OutboundContent = typeof said === 'string' ? { kind: 'text', text: said } : said;
  const where = { tenant, actor: chat.conversation, type: 'reply.requested', eventId };
  return {
    type: 'reply.requested',
    tenant,
    actor: chat.conversation,
    eventId,
    causationId: null,
    occurredAt: Date.now(),
    providerAt: null,
    revision: 'r_1',
    instance: chat.instance.id,
    messageId: null,
    origin: 'machine',
    priority: 'normal',
    kind: content.kind,
    sealed: await api.vault.seal(where, chat.person, Date.now(), { content }),
    ...given,
  };
}

async function ask(chat: Chat, ...said: readonly Said[]): Promise<readonly string[]> {
  const replies = [];
  for (const one of said) replies.push(await replyTo(chat, one));
  await world.log.append(replies.map((reply) => outgoing(reply)));
  return replies.map(({ eventId }) => eventId);
}

interface Row {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly attempts: number;
  readonly provider_message_index: string | null;
  readonly report_due_at: Date | null;
}

const rows = async (ids: readonly string[]): Promise<readonly Row[]> => {
  const found = await worker.database.transaction([tenant], (sql) =>
    sql.query<Row>('SELECT * FROM deliveries WHERE id = ANY ($1) ORDER BY log_offset', [ids]),
  );
  return found.rows;
};

const settled = new Set(['sent', 'failed', 'unknown']);

/** Waits until all are settled and reported. */
async function outcome(ids: readonly string[]): Promise<readonly Row[]> {
  return eventually(async () => {
    const found = await rows(ids);
    const done = found.filter((row) => settled.has(row.status) && row.report_due_at === null);
    return done.length === ids.length ? found : undefined;
  });
}

async function eventually<T>(look: () => Promise<T | undefined>, withinMs = 15_000): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > until) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function recordsOf<T extends { readonly type: string }>(type: T['type'], ids: readonly string[]) {
  const topic = type === 'delivery.updated' ? topics.events : topics.audit;
  const found: T[] = [];
  for (let partition = 0; partition < world.log.partitionCount; partition++) {
    for await (const batch of world.log.readRange({ topic, partition, from: 0 })) {
      for (const logged of batch) {
        const record = recordOf(logged);
        const of = 'deliveryId' in record ? record.deliveryId : 'subject' in record ? record.subject : null;
        if (record.type === type && of !== null && ids.includes(of)) found.push(record as unknown as T);
      }
    }
  }
  return found;
}

const attemptsOf = async (id: string) => {
  const found = await worker.database.transaction([tenant], (sql) =>
    sql.query<{ number: number; outcome: string; code: string | null; http_status: number | null }>(
      'SELECT * FROM delivery_attempts WHERE delivery = $1 ORDER BY number',
      [id],
    ),
  );
  return found.rows.map(({ number, outcome: became, code, http_status }) => [number, became, code, http_status]);
};

const shown = async (chat: Chat) => {
  const phone = openSimulatorPhone(api.database, api.vault);
  return (await phone.read({ tenant, phone: chat.phone, limit: 1_000 })).items;
};

const texts = (fake: FakeWaha, chat: Chat): readonly string[] =>
  fake.messages.filter(({ chatId, fromMe }) => chatId === `${chat.phone}@c.us` && fromMe).map(({ text }) => text);

/** A row as a process leaves it that was killed between the claim and the result. */
async function killedDuring(chat: Chat, said: string, lease = '-1 second'): Promise<string> {
  const [id = ''] = await ask(chat, said);
  const service = await startSender(worker, { ...quick, perInstance: 0 });
  await eventually(async () => ((await rows([id])).length === 1 ? true : undefined));
  await service.stop();
  await worker.database.transaction([tenant], (sql) =>
    sql.query(
      `UPDATE deliveries SET status = 'sending', claimed_by = 'gone', claimed_at = now(), first_claimed_at = now(),
         claim = claim + 1, attempts = 1, lease_until = now() + $2::interval WHERE id = $1`,
      [id, lease],
    ),
  );
  return id;
}

describe('a reply to a simulated phone', () => {
  test('is received once, with its buttons, and reported once', async () => {
    const chat = await chatOn(simulator);
    await sender();
    const buttons = [{ id: 'yes', title: 'Sim' }];
    const ids = await ask(chat, 'Olá!', { kind: 'buttons', text: 'Aceita?', buttons });
    const [first] = await outcome(ids);
    expect(first).toMatchObject({ status: 'sent', reason: null, attempts: 1 });
    expect(await shown(chat)).toMatchObject([
      { id: ids[0], type: 'text', text: 'Olá!' },
      { id: ids[1], type: 'buttons', text: 'Aceita?', buttons },
    ]);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(
      updates.map(({ deliveryId, status, attempts, actor, revision }) => [
        deliveryId,
        status,
        attempts,
        actor,
        revision,
      ]),
    ).toEqual(ids.map((id) => [id, 'sent', 1, chat.conversation, 'r_1']));
    const audits = await recordsOf<AuditRecorded>('audit.recorded', ids);
    expect(audits.map(({ subject, action }) => [subject, action])).toEqual(ids.map((id) => [id, 'delivery.sent']));
  });

  test('that is read twice from the log is one delivery', async () => {
    const chat = await chatOn(simulator);
    const reply = await replyTo(chat, 'uma vez');
    await world.log.append([outgoing(reply), outgoing(reply)]);
    await sender();
    await outcome([reply.eventId]);
    await ask(chat, 'depois').then(outcome);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['uma vez', 'depois']);
  });

  test('claimed by a process that was killed is received exactly once, at once when there is no other owner', async () => {
    const chat = await chatOn(simulator);
    const before = await killedDuring(chat, 'antes do envio', '1 hour');
    await sender({ soleOwner: true });
    await outcome([before]);
    await Promise.all([ask(chat, 'fim').then(outcome)]);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['antes do envio', 'fim']);
  });

  test('that was received before the process was killed is not received again', async () => {
    const chat = await chatOn(simulator);
    const id = await killedDuring(chat, 'já chegou');
    const phone = openSimulatorPhone(worker.database, worker.vault);
    const { conversation, person } = chat;
    const content: OutboundContent = { kind: 'text', text: 'já chegou' };
    const delivery = { tenant, instance: simulator.id, conversation, person, phone: chat.phone, at: 1, content };
    await phone.deliver({ ...delivery, deliveryId: id });
    await sender();
    expect(await outcome([id])).toMatchObject([{ status: 'sent' }]);
    expect(await shown(chat)).toHaveLength(1);
  });

  test('claimed by another live process is left alone until its lease ends', async () => {
    const chat = await chatOn(simulator);
    const id = await killedDuring(chat, 'de outro', '1 hour');
    await sender();
    await ask(await chatOn(simulator), 'a').then(outcome);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await rows([id])).toMatchObject([{ status: 'sending' }]);
    await worker.database.transaction([tenant], (sql) =>
      sql.query(`UPDATE deliveries SET lease_until = now() WHERE id = $1`, [id]),
    );
    expect(await outcome([id])).toMatchObject([{ status: 'sent' }]);
  });
});

describe('a reply by WAHA', () => {
  test('is posted with the key, our message id and numbered choices; its ids are kept sealed', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await sender();
    const buttons = ['Sim', 'Não'].map((title) => ({ id: title, title }));
    const [id = ''] = await ask(chat, { kind: 'buttons', text: 'Aceita?', buttons });
    const [row] = await outcome([id]);
    expect(fake.sends()).toMatchObject([
      {
        status: 201,
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body: {
          session: 'default',
          chatId: `${chat.phone}@c.us`,
          text: 'Aceita?\n\n1. Sim\n2. Não',
          id: clientMessageIdOf(id),
        },
      },
    ]);
    expect(row?.provider_message_index).toBe(worker.vault.index(tenant, 'message-id', clientMessageIdOf(id)));
    expect(await attemptsOf(id)).toEqual([[1, 'sent', null, 201]]);
    const [update] = await recordsOf<DeliveryUpdated>('delivery.updated', [id]);
    const where = { tenant, actor: chat.conversation, type: 'delivery.updated', eventId: update?.eventId ?? '' };
    const opened = await worker.vault.open<SealedDelivery>(where, update?.sealed ?? Buffer.alloc(0));
    expect(opened).toMatchObject({ state: 'open', value: { stableId: clientMessageIdOf(id) } });
  });

  test.each(['WEBJS', 'GOWS', 'NOWEB'] as const)(
    'is found by its ack whatever the form of the answer: %s',
    async (engine) => {
      const { fake, instance } = await waha({ engine });
      const chat = await chatOn(instance);
      await sender();
      const [row] = await outcome(await ask(chat, 'oi'));
      const stanza = fake.messages[0]?.id ?? '';
      expect(row?.provider_message_index).toBe(worker.vault.index(tenant, 'message-id', stanza));
    },
  );

  test('uses one connection for many sends', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await sender();
    const wanted = Array.from({ length: 20 }, (_, i) => `mensagem ${i}`);
    await outcome(await ask(chat, ...wanted));
    expect(texts(fake, chat)).toEqual(wanted);
    expect(fake.connections()).toBe(1);
  });

  test('is tried again with backoff while the session is not working, and holds up its own chat only', async () => {
    const { fake, instance } = await waha();
    const { fake: otherFake, instance: otherInstance } = await waha();
    const chat = await chatOn(instance);
    const other = await chatOn(otherInstance);
    fake.setSession('default', 'SCAN_QR_CODE');
    await sender({ retryDelaysMs: [0, 150, 300, 100_000] });
    const ids = await ask(chat, 'primeira', 'segunda');
    await outcome(await ask(other, 'sem esperar'));
    expect(texts(otherFake, other)).toEqual(['sem esperar']);
    await eventually(async () => (fake.sends().length >= 2 ? true : undefined));
    expect(await rows(ids)).toMatchObject([{ attempts: 2 }, { attempts: 0, status: 'queued' }]);
    fake.setSession('default', 'WORKING');
    await outcome(ids);
    expect(texts(fake, chat)).toEqual(['primeira', 'segunda']);
    expect(await attemptsOf(ids[0] ?? '')).toEqual([
      [1, 'retry', 'provider.session-not-working', 422],
      [2, 'retry', 'provider.session-not-working', 422],
      [3, 'sent', null, 201],
    ]);
    const [first, second, third] = fake.sends().map(({ at }) => at);
    // The database's clock and timers tick apart by a millisecond or two.
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(145);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(295);
  });

  test('fails when the attempts are used up; the next one of the chat goes on', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'status', status: 503, times: 4 });
    await sender();
    const ids = await ask(chat, 'nunca', 'sempre');
    expect(await outcome(ids)).toMatchObject([
      { status: 'failed', reason: 'attempts-exhausted', attempts: 4 },
      { status: 'sent', attempts: 1 },
    ]);
    expect(texts(fake, chat)).toEqual(['sempre']);
  });

  test('waits as long as the provider asks for', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'status', status: 429, retryAfter: '1' });
    await sender();
    await outcome(await ask(chat, 'devagar'));
    const [first, second] = fake.sends().map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test.each([
    ['restricted', { kind: 'restricted' }, 'provider.restricted'],
    ['forbidden', { kind: 'status', status: 403 }, 'provider.unauthorized'],
    [
      'unknown chat',
      { kind: 'status', status: 500, body: { exception: { message: 'No LID for user' } } },
      'provider.chat-unknown',
    ],
    ['wrong', { kind: 'status', status: 400 }, 'provider.refused'],
  ] as const)('that is refused (%s) fails at once and is never tried again', async (_, fault, reason) => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault(fault);
    await sender();
    const ids = await ask(chat, 'recusada', 'seguinte');
    expect(await outcome(ids)).toMatchObject([{ status: 'failed', reason, attempts: 1 }, { status: 'sent' }]);
    expect(fake.sends()).toHaveLength(2);
  });

  test('to a server that is not there is tried again', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await fake.close();
    await sender();
    const ids = await ask(chat, 'ninguém');
    expect(await outcome(ids)).toMatchObject([{ status: 'failed', reason: 'attempts-exhausted', attempts: 4 }]);
    expect(await attemptsOf(ids[0] ?? '')).toContainEqual([1, 'retry', 'provider.unreachable', null]);
  });
});

describe('a send whose outcome is not known', () => {
  const ambiguous = [
    ['a lost connection', { kind: 'drop-after' }],
    ['a timeout', { kind: 'slow', ms: 1_000 }],
    ['an engine error', { kind: 'fail-after' }],
  ] as const;

  describe.each(['NOWEB', 'WEBJS'] as const)('%s', (engine) => {
    test.each(ambiguous)('after %s is found in the history and not repeated', async (_, fault) => {
      const { fake, instance } = await waha({ engine });
      const chat = await chatOn(instance);
      fake.fault(fault);
      await sender();
      const ids = await ask(chat, 'uma só vez', 'depois');
      expect(await outcome(ids)).toMatchObject([{ status: 'sent', attempts: 1 }, { status: 'sent' }]);
      expect(fake.sends()).toHaveLength(2);
      expect(texts(fake, chat)).toEqual(['uma só vez', 'depois']);
      expect((await attemptsOf(ids[0] ?? ''))[0]?.slice(0, 3)).toEqual([1, 'sent', 'outcome.found']);
    });
  });

  test('is repeated under the same id when the engine takes one and the history does not have it', async () => {
    const { fake, instance } = await waha({ engine: 'GOWS' });
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-before' });
    await sender();
    const ids = await ask(chat, 'outra vez', 'depois');
    expect(await outcome(ids)).toMatchObject([{ status: 'sent', attempts: 2 }, { status: 'sent' }]);
    expect(texts(fake, chat)).toEqual(['outra vez', 'depois']);
    expect(new Set(fake.sends().map(({ body }) => (body as { id: string }).id)).size).toBe(2);
  });

  test('is repeated under the same id without a history too, and stays one message', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-after' });
    fake.fault({ kind: 'status', on: 'history', status: 500, times: 9 });
    await sender();
    await outcome(await ask(chat, 'a mesma'));
    expect(fake.messages).toMatchObject([{ text: 'a mesma', sends: 2 }]);
  });

  test('is shown as unknown and never repeated when neither id nor history help', async () => {
    const { fake, instance } = await waha({ engine: 'WEBJS' });
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-before' });
    await sender();
    const ids = await ask(chat, 'quem sabe', 'depois');
    expect(await outcome(ids)).toMatchObject([
      { status: 'unknown', reason: 'outcome.not-found', attempts: 1 },
      { status: 'sent' },
    ]);
    expect(fake.sends()).toHaveLength(2);
    const [update] = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(update).toMatchObject({ status: 'unknown', reason: 'outcome.not-found' });
  });

  test('is not taken for an earlier message with the same text', async () => {
    const { fake, instance } = await waha({ engine: 'WEBJS' });
    const chat = await chatOn(instance);
    await sender();
    await outcome(await ask(chat, 'menu'));
    fake.fault({ kind: 'drop-before' });
    expect(await outcome(await ask(chat, 'menu'))).toMatchObject([{ status: 'unknown' }]);
    fake.fault({ kind: 'drop-after' });
    expect(await outcome(await ask(chat, 'menu'))).toMatchObject([{ status: 'sent' }]);
    expect(texts(fake, chat)).toEqual(['menu', 'menu']);
  });

  test('is never called failed once an attempt may have arrived', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-before' });
    fake.fault({ kind: 'status', status: 503, times: 3 });
    await sender();
    expect(await outcome(await ask(chat, 'talvez'))).toMatchObject([
      { status: 'unknown', reason: 'attempts-exhausted', attempts: 4 },
    ]);
  });

  test.each(['NOWEB', 'WEBJS'] as const)('because the process was killed: %s has the message once', async (engine) => {
    const { fake, instance } = await waha({ engine });
    const arrived = await chatOn(instance);
    const lost = await chatOn(instance);
    const arrivedId = await killedDuring(arrived, 'chegou');
    const lostId = await killedDuring(lost, 'não chegou');
    // What the killed process did before it died.
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const chatId = `${arrived.phone}@c.us`;
    const sent = { session: 'default', chatId, text: 'chegou', id: clientMessageIdOf(arrivedId) };
    await fetch(`${fake.url}/api/sendText`, { method: 'POST', headers, body: JSON.stringify(sent) });
    await sender();
    expect(await outcome([arrivedId])).toMatchObject([{ status: 'sent' }]);
    expect(texts(fake, arrived)).toEqual(['chegou']);
    const [other] = await outcome([lostId]);
    if (engine === 'NOWEB') {
      expect(other?.status).toBe('sent');
      expect(texts(fake, lost)).toEqual(['não chegou']);
    } else {
      expect(other).toMatchObject({ status: 'unknown', reason: 'outcome.not-found' });
      expect(texts(fake, lost)).toEqual([]);
    }
  });

  test('is a send when the answer says 201, whatever else it says', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'garbled' });
    fake.fault({ kind: 'answer-twice' });
    await sender();
    const ids = await ask(chat, 'um', 'dois', 'três');
    const statuses = (await outcome(ids)).map(({ status }) => status);
    expect(statuses).toEqual(['sent', 'sent', 'sent']);
    expect(fake.messages.map(({ text, sends }) => [text, sends])).toEqual([
      ['um', 1],
      ['dois', 1],
      ['três', 1],
    ]);
  });
});

describe('two senders at once', () => {
  test('send each message once, in order per chat, and report each once', async () => {
    const { fake, instance } = await waha();
    const chats = await Promise.all(Array.from({ length: 6 }, () => chatOn(instance)));
    await sender();
    await sender({}, workerRuntime());
    const wanted = Array.from({ length: 15 }, (_, i) => `n${i}`);
    fake.fault({ kind: 'status', status: 503, times: 7 });
    const asked = await Promise.all(chats.map((chat) => ask(chat, ...wanted)));
    const ids = asked.flat();
    await outcome(ids);
    for (const chat of chats) expect(texts(fake, chat)).toEqual(wanted);
    expect(fake.messages.every(({ sends }) => sends === 1)).toBe(true);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(updates.map(({ deliveryId }) => deliveryId).sort()).toEqual([...ids].sort());
  });

  test('take over from one another when one stops', async () => {
    const chat = await chatOn(simulator);
    const first = await sender();
    await sender({}, workerRuntime());
    await outcome(await ask(chat, '1', '2'));
    await first.stop();
    await outcome(await ask(chat, '3', '4'));
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['1', '2', '3', '4']);
  });
});

describe('results', () => {
  test('are reported by the next process when the one that settled them died first, under the same ids', async () => {
    const chat = await chatOn(simulator);
    const service = await sender();
    const ids = await ask(chat, 'relatada');
    await outcome(ids);
    await service.stop();
    // As if the mark, or the append before it, had not been made.
    await worker.database.transaction([tenant], (sql) =>
      sql.query(`UPDATE deliveries SET report_due_at = now() + interval '1 hour' WHERE id = ANY ($1)`, [ids]),
    );
    await sender({ soleOwner: true });
    await outcome(ids);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(updates).toHaveLength(2);
    expect(new Set(updates.map(({ eventId }) => eventId)).size).toBe(1);
    expect(updates[0]?.occurredAt).toBe(updates[1]?.occurredAt);
  });

  test('that cannot be read any more are told without their sealed part, and hold no other up', async () => {
    const { instance } = await waha();
    const chat = await chatOn(instance);
    const service = await sender();
    const ids = await ask(chat, 'ilegível', 'legível');
    await outcome(ids);
    await service.stop();
    // As if the first report of both had died with its process, and one cell had been damaged since.
    await worker.database.transaction([tenant], async (sql) => {
      await sql.query('UPDATE deliveries SET report_due_at = now() WHERE id = ANY ($1)', [ids]);
      await sql.query(`UPDATE deliveries SET result = set_byte(result, 60, get_byte(result, 60) # 1) WHERE id = $1`, [
        ids[0],
      ]);
    });
    await sender({ soleOwner: true });
    await outcome(ids);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    const sealedOf = (id: string | undefined) =>
      updates.filter(({ deliveryId }) => deliveryId === id).map(({ status, sealed }) => [status, sealed !== null]);
    expect(ids.map(sealedOf)).toEqual([
      [
        ['sent', true],
        ['sent', false],
      ],
      [
        ['sent', true],
        ['sent', true],
      ],
    ]);
    expect(await recordsOf<AuditRecorded>('audit.recorded', ids)).toHaveLength(4);
  });

  test('wait for a log that is away, while sending goes on', async () => {
    const chat = await chatOn(simulator);
    let away = true;
    const append: RecordLog['append'] = (records) =>
      away ? Promise.reject(new OperatingError('log.unavailable')) : world.log.append(records);
    const log = new Proxy(world.log, {
      get(target, name) {
        const value: unknown = name === 'append' ? append : Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    await sender({}, { ...worker, log });
    const ids = await ask(chat, 'um', 'dois');
    await eventually(async () => ((await shown(chat)).length === 2 ? true : undefined));
    expect(await recordsOf<DeliveryUpdated>('delivery.updated', ids)).toEqual([]);
    away = false;
    // Others, and this process, look again when the time to report has passed.
    await eventually(async () => ((await rows(ids)).every(({ status }) => status === 'sent') ? true : undefined));
    await worker.database.transaction([tenant], (sql) =>
      sql.query('UPDATE deliveries SET report_due_at = now() WHERE id = ANY ($1)', [ids]),
    );
    await outcome(ids);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(updates.map(({ deliveryId }) => deliveryId).sort()).toEqual([...ids].sort());
  });

  test('a refused request is noted where the asker looks', async () => {
    const chat = await chatOn(simulator);
    const id = `m_${newUlid(Date.now())}`;
    await api.database.transaction([tenant], (sql) =>
      sql.query('INSERT INTO message_requests (tenant, id, conversation, instance) VALUES ($1, $2, $3, $4)', [
        tenant,
        id,
        chat.conversation,
        simulator.id,
      ]),
    );
    const { kind, sealed, origin, priority, ...header } = await replyTo(chat, '');
    await world.log.append([
      outgoing({ ...header, type: 'reply.declined', messageId: id, reason: 'consent.withdrawn' }),
    ]);
    await sender();
    const noted = await eventually(async () => {
      const found = await api.database.transaction([tenant], (sql) =>
        sql.query('SELECT status, reason FROM message_requests WHERE id = $1 AND status <> $2', [id, 'queued']),
      );
      return found.rows[0];
    });
    expect(noted).toEqual({ status: 'declined', reason: 'consent.withdrawn' });
    expect([kind, sealed, origin, priority]).toBeDefined();
  });

  test('a record that cannot be read is parked and does not stop the others', async () => {
    const chat = await chatOn(simulator);
    const reply = outgoing(await replyTo(chat, 'legível'));
    const broken = { ...reply, value: Buffer.concat([reply.value.subarray(0, 5), Buffer.from([255, 255])]) };
    await world.log.append([broken, reply]);
    await sender();
    await eventually(async () => ((await shown(chat)).length === 1 ? true : undefined));
    const ends = await world.log.ends(parkedTopicOf(topics.replies));
    expect(ends.reduce((sum, { stableEnd }) => sum + stableEnd, 0)).toBeGreaterThan(0);
  });

  test('what can never be sent fails with its reason and holds nobody up', async () => {
    const chat = await chatOn(simulator);
    await sender();
    const none = await replyTo(chat, 'sem conteúdo', { sealed: null });
    const elsewhere = await replyTo(chat, 'sem instância', { instance: 'i_none' });
    const moved = await replyTo(chat, 'mudada', { sealed: (await replyTo(chat, 'x')).sealed });
    await world.log.append([none, elsewhere, moved].map((reply) => outgoing(reply)));
    const last = await ask(chat, 'chega');
    expect(await outcome([none.eventId, elsewhere.eventId, moved.eventId, ...last])).toMatchObject([
      { status: 'failed', reason: 'content.missing' },
      { status: 'failed', reason: 'instance.unknown' },
      { status: 'failed', reason: 'content.unreadable' },
      { status: 'sent' },
    ]);
  });

  test('to an erased person fail, without anything of theirs', async () => {
    const chat = await chatOn(simulator);
    const ids = await ask(chat, 'tarde demais');
    await api.database.transaction([tenant], (sql) =>
      sql.query(`UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = $1`, [
        chat.person,
      ]),
    );
    await sender({}, workerRuntime());
    expect(await outcome(ids)).toMatchObject([{ status: 'failed', reason: 'person.erased', attempts: 1 }]);
    expect(await recordsOf<DeliveryUpdated>('delivery.updated', ids)).toMatchObject([
      { status: 'failed', reason: 'person.erased', sealed: null },
    ]);
  });
});

describe('stopping', () => {
  test('waits for the call in flight and leaves nothing half done', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'slow', ms: 250 });
    const service = await sender();
    const ids = await ask(chat, 'quase');
    await eventually(async () => (fake.sends().length === 1 ? true : undefined));
    await service.stop();
    await expect(service.finished).resolves.toBeUndefined();
    expect(await rows(ids)).toMatchObject([{ status: 'sent', report_due_at: null }]);
  });
});

describe('any number of chats with any faults', () => {
  const fault = fc.constantFrom(
    { kind: 'status', status: 503 } as const,
    { kind: 'status', status: 429 } as const,
    { kind: 'status', status: 400 } as const,
    { kind: 'drop-before' } as const,
    { kind: 'drop-after' } as const,
    { kind: 'fail-after' } as const,
    { kind: 'delay', ms: 20 } as const,
    { kind: 'garbled' } as const,
  );

  test('each chat has its messages in order, each at most once; missing ones are failed or unknown, extra ones none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.array(fault, { maxLength: 8 }),
        fc.constantFrom('NOWEB' as const, 'WEBJS' as const),
        async (sizes, faults, engine) => {
          const { fake, instance } = await waha({ engine });
          for (const one of faults) fake.fault(one);
          const service = await startSender(worker, {
            ...quick,
            retryDelaysMs: [0, 5, 10, 15],
            lookupDelaysMs: [5, 10],
          });
          try {
            for (const size of sizes) {
              const chat = await chatOn(instance);
              const wanted = Array.from({ length: size }, (_, i) => `${chat.phone} ${i}`);
              const found = await outcome(await ask(chat, ...wanted));
              const received = texts(fake, chat);
              const sent = wanted.filter((_, i) => found[i]?.status === 'sent');
              expect(received.filter((text) => sent.includes(text))).toEqual(sent);
              expect(received).toEqual(wanted.filter((text) => received.includes(text)));
              const failed = wanted.filter((_, i) => found[i]?.status === 'failed');
              expect(received.filter((text) => failed.includes(text))).toEqual([]);
            }
          } finally {
            await service.stop();
          }
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);
});

test('no line that was logged holds anything personal', () => {
  const lines = logLines.join('');
  expect(lines.length).toBeGreaterThan(0);
  for (const secret of ['5511940000', 'uma só vez', 'chegou', 'Aceita', '3EB0', apiKey])
    expect(lines).not.toContain(secret);
});
