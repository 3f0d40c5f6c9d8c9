/** The sender with an Evolution server that fails in every way: what arrives, how often, in which order. */
import { expect, test } from 'vitest';

import type { SealedDelivery } from '#schemas/content.ts';

import type { Instance } from '#runtime/instances/instances.ts';
import { type EvolutionFault, type FakeEvolution, startFakeEvolution } from '#runtime/testing/fake-evolution.ts';

import { type Chat, apiKey, tenant, useSenderWorld } from './testing/sender-world.ts';

const sending = useSenderWorld();
const { chatOn, ask, outcome } = sending;
let serial = 0;

async function open(): Promise<{ fake: FakeEvolution; instance: Instance }> {
  const fake = await startFakeEvolution({ apiKey });
  sending.cleanups.push(() => fake.close());
  serial += 1;
  const settings = { baseUrl: fake.url, session: 'clinica' };
  const wanted = { tenant, provider: 'evolution' as const, name: `evolution-${serial}`, settings, apiKey };
  const instance = await sending.api.instances.create(wanted, Date.now());
  await sending.sender();
  return { fake, instance };
}

const textsIn = (fake: FakeEvolution, chat: Chat): readonly unknown[] =>
  fake.messages
    .filter(({ remoteJid }) => remoteJid === `${chat.phone}@s.whatsapp.net`)
    .map(({ message }) => message['conversation']);

test('a message arrives once, with the key that Evolution asks for, and its id is kept', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  const [row] = await outcome(await ask(chat, 'Olá!'));
  expect(row).toMatchObject({ status: 'sent', reason: null });
  expect(textsIn(fake, chat)).toEqual(['Olá!']);
  expect(fake.sends()).toMatchObject([{ headers: { apikey: apiKey }, status: 201 }]);
  if (row?.result == null) throw new Error('no result');
  const where = { tenant, actor: chat.conversation, type: 'delivery.result', eventId: row.id };
  const opened = await sending.worker.vault.open<SealedDelivery>(where, row.result);
  expect(opened).toMatchObject({ value: { stableId: fake.messages[0]?.id } });
});

test('a send without an answer is found in the history, and not made again', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  fake.fault({ kind: 'drop-after' });
  fake.fault({ kind: 'status', status: 503, on: 'history' });
  const rows = await outcome(await ask(chat, 'um', 'dois'));
  expect(rows.map(({ status }) => status)).toEqual(['sent', 'sent']);
  expect(textsIn(fake, chat)).toEqual(['um', 'dois']);
});

test('a send that nobody can tell of stays unknown, and is not made again', async () => {
  const { fake, instance } = await open();
  const chat = await chatOn(instance);
  fake.fault({ kind: 'drop-before' });
  const rows = await outcome(await ask(chat, 'um', 'dois'));
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
    const rows = await outcome(asked[i] ?? []);
    const sent = texts.filter((_, place) => rows[place]?.status === 'sent');
    const arrived = textsIn(fake, chat);
    expect(new Set(arrived).size).toBe(arrived.length);
    // Each that is said to be sent is there, in order; what is more is of an unknown outcome.
    expect(arrived.filter((text) => sent.includes(String(text)))).toEqual(sent);
    const doubtful = texts.filter((_, place) => rows[place]?.status === 'unknown');
    expect(arrived.filter((text) => !sent.includes(String(text)) && !doubtful.includes(String(text)))).toEqual([]);
  }
});
