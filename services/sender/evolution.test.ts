/** The sender with an Evolution server that fails in every way: what arrives, how often, in which order. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import type { SealedDelivery } from '#schemas/content.ts';
import type { ReplyRequested } from '#schemas/records.ts';

import type { Instance } from '#runtime/instances/instances.ts';
import { derivedId, newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type EvolutionFault, type FakeEvolution, startFakeEvolution } from '#runtime/testing/fake-evolution.ts';
import { eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

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
let serial = 0;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  world = await openTestWorld();
  api = world.runtime('prosa_api');
  worker = world.runtime('prosa_worker');
});

afterAll(async () => {
  await world.close();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(): Promise<{ fake: FakeEvolution; instance: Instance }> {
  const fake = await startFakeEvolution({ apiKey });
  cleanups.push(() => fake.close());
  serial += 1;
  const settings = { baseUrl: fake.url, session: 'clinica' };
  const wanted = { tenant, provider: 'evolution' as const, name: `evolution-${serial}`, settings, apiKey };
  const instance = await api.instances.create(wanted, Date.now());
  const sender = await startSender(worker, quick);
  cleanups.push(() => sender.stop());
  return { fake, instance };
}

interface Chat {
  readonly conversation: string;
  readonly person: string;
  readonly phone: string;
  readonly instance: Instance;
}

async function chatOn(instance: Instance): Promise<Chat> {
  serial += 1;
  const phone = `55119${String(60_000_000 + serial)}`;
  const addresses = [`${phone}@s.whatsapp.net`];
  const entry = await api.directory.resolve({ tenant, line: instance.line, addresses, group: false, at: Date.now() });
  return { conversation: entry.conversation, person: entry.person, phone, instance };
}

async function ask(chat: Chat, ...texts: readonly string[]): Promise<readonly string[]> {
  const replies: ReplyRequested[] = [];
  for (const text of texts) {
    const eventId = derivedId('e', newUlid(Date.now()));
    const where = { tenant, actor: chat.conversation, type: 'reply.requested', eventId };
    replies.push({
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
      kind: 'text',
      sealed: await api.vault.seal(where, chat.person, Date.now(), { content: { kind: 'text', text } }),
    });
  }
  await world.log.append(replies.map((reply) => outgoing(reply)));
  return replies.map(({ eventId }) => eventId);
}

interface Row {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly result: Buffer | null;
}

/** Waits until all are settled. */
async function outcomes(ids: readonly string[]): Promise<readonly Row[]> {
  return eventually(
    async () => {
      const found = await worker.database.transaction([tenant], (sql) =>
        sql.query<Row>('SELECT id, status, reason, result FROM deliveries WHERE id = ANY ($1) ORDER BY log_offset', [
          ids,
        ]),
      );
      return found.rows;
    },
    (rows) => rows.length === ids.length && rows.every(({ status }) => status !== 'queued' && status !== 'sending'),
  );
}

const textsIn = (fake: FakeEvolution, chat: Chat): readonly unknown[] =>
  fake.messages
    .filter(({ remoteJid }) => remoteJid === `${chat.phone}@s.whatsapp.net`)
    .map(({ message }) => message['conversation']);

test('a message arrives once, with the key that Evolution asks for, and its id is kept', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  const [row] = await outcomes(await ask(chat, 'Olá!'));
  expect(row).toMatchObject({ status: 'sent', reason: null });
  expect(textsIn(fake, chat)).toEqual(['Olá!']);
  expect(fake.sends()).toMatchObject([{ headers: { apikey: apiKey }, status: 201 }]);
  if (row?.result == null) throw new Error('no result');
  const where = { tenant, actor: chat.conversation, type: 'delivery.result', eventId: row.id };
  const opened = await worker.vault.open<SealedDelivery>(where, row.result);
  expect(opened).toMatchObject({ value: { stableId: fake.messages[0]?.id } });
});

test('a send without an answer is found in the history, and not made again', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  fake.fault({ kind: 'drop-after' });
  fake.fault({ kind: 'status', status: 503, on: 'history' });
  const rows = await outcomes(await ask(chat, 'um', 'dois'));
  expect(rows.map(({ status }) => status)).toEqual(['sent', 'sent']);
  expect(textsIn(fake, chat)).toEqual(['um', 'dois']);
});

test('a send that nobody can tell of stays unknown, and is not made again', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  fake.fault({ kind: 'drop-before' });
  const rows = await outcomes(await ask(chat, 'um', 'dois'));
  expect(rows.map(({ status, reason }) => [status, reason])).toEqual([
    ['unknown', 'outcome.not-found'],
    ['sent', null],
  ]);
  expect(textsIn(fake, chat)).toEqual(['dois']);
});

test('through many faults each message arrives once and in order, or is shown as what it is', async () => {
  const { fake, instance } = await open();
  const chats = await Promise.all(Array.from({ length: 8 }, () => chatOn(instance)));
  const texts = Array.from({ length: 6 }, (_, i) => `mensagem ${i}`);
  const faults: readonly EvolutionFault[] = [
    { kind: 'status', status: 502 },
    { kind: 'drop-after' },
    { kind: 'status', status: 503, retryAfter: '0' },
    { kind: 'fail-after' },
    { kind: 'status', status: 502 },
    { kind: 'drop-before' },
    { kind: 'slow', ms: 700 },
    { kind: 'garbled' },
  ];
  for (const fault of faults) fake.fault(fault);
  const asked = await Promise.all(chats.map((chat) => ask(chat, ...texts)));
  for (const [i, chat] of chats.entries()) {
    const rows = await outcomes(asked[i] ?? []);
    const sent = texts.filter((_, place) => rows[place]?.status === 'sent');
    const arrived = textsIn(fake, chat);
    expect(new Set(arrived).size).toBe(arrived.length);
    // Each that is said to be sent is there, in order; what is more is of an unknown outcome.
    expect(arrived.filter((text) => sent.includes(String(text)))).toEqual(sent);
    const doubtful = texts.filter((_, place) => rows[place]?.status === 'unknown');
    expect(arrived.filter((text) => !sent.includes(String(text)) && !doubtful.includes(String(text)))).toEqual([]);
  }
});
