/** The sender against a fake WAHA: what is sent, how often, in which order, and what is told about it. */
import { describe, expect, test } from 'vitest';

import type { SealedDelivery } from '#schemas/content.ts';
import type { DeliveryUpdated } from '#schemas/records.ts';

import { clientMessageIdOf } from './client-message-id.ts';
import type { SenderOptions } from './sender.ts';
import { apiKey, eventually, patient, tenant, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { waha, chatOn, ask, rows, outcome, recordsOf, attemptsOf } = here;
const sender = (options: SenderOptions = {}) => here.sender({ ...patient, ...options });

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
    expect(row?.provider_message_index).toBe(here.worker.vault.index(tenant, 'message-id', clientMessageIdOf(id)));
    expect(await attemptsOf(id)).toEqual([[1, 'sent', null, 201]]);
    const [update] = await recordsOf<DeliveryUpdated>('delivery.updated', [id]);
    const where = { tenant, actor: chat.conversation, type: 'delivery.updated', eventId: update?.eventId ?? '' };
    const opened = await here.worker.vault.open<SealedDelivery>(where, update?.sealed ?? Buffer.alloc(0));
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
      expect(row?.provider_message_index).toBe(here.worker.vault.index(tenant, 'message-id', stanza));
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

  test('is tried again with backoff, and holds up its own chat only', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    const other = await chatOn(instance);
    fake.fault({ kind: 'status', status: 503, times: 1 });
    await sender({ retryDelaysMs: [0, 100_000, 300, 100_000] });
    const ids = await ask(chat, 'primeira', 'segunda');
    const due = await eventually(async () => {
      const [row] = await rows(ids);
      return row?.status === 'queued' && row.attempts === 1 ? new Date(row.next_attempt_at).getTime() : undefined;
    });
    expect(due - Date.now()).toBeGreaterThan(60_000);
    await outcome(await ask(other, 'sem esperar'));
    expect(texts(fake, other)).toEqual(['sem esperar']);
    expect(texts(fake, chat)).toEqual([]);
    fake.fault({ kind: 'status', status: 503, times: 1 });
    await here.worker.database.query([tenant], 'UPDATE deliveries SET next_attempt_at = now() WHERE id = $1', [ids[0]]);
    await outcome(ids);
    expect(texts(fake, chat)).toEqual(['primeira', 'segunda']);
    expect(await attemptsOf(ids[0] ?? '')).toEqual([
      [1, 'retry', 'provider.unavailable', 503],
      [2, 'retry', 'provider.unavailable', 503],
      [3, 'sent', null, 201],
    ]);
    const [, , second, third] = fake.sends().map(({ at }) => at);
    // The database's clock and timers tick apart by a millisecond or two.
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(295);
  });

  test('waits for a decision when the attempts are used up; the next one of the chat goes on', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    // The last in the queue of urgent messages.
    fake.fault({ kind: 'status', status: 503, times: 5 });
    await sender();
    const ids = await ask(chat, 'nunca', 'sempre');
    expect(await outcome(ids)).toMatchObject([
      { status: 'manual', reason: 'attempts-exhausted', attempts: 5 },
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
    ['restricted, to one who wrote before', { kind: 'restricted' }, 'provider.restricted'],
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
    expect(await outcome(ids)).toMatchObject([{ status: 'manual', reason: 'attempts-exhausted', attempts: 5 }]);
    expect(await attemptsOf(ids[0] ?? '')).toContainEqual([1, 'retry', 'provider.unreachable', null]);
  });
});
