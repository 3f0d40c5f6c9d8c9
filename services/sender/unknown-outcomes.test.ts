/** Sends whose outcome is not known: what is found out, what is repeated, and what is shown. */
import { describe, expect, test } from 'vitest';

import type { DeliveryUpdated } from '#schemas/records.ts';

import { asOwner } from '#runtime/testing/postgres.ts';

import { clientMessageIdOf } from './client-message-id.ts';
import { apiKey, eventually, patient, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, ask, outcome, recordsOf, attemptsOf, killedDuring } = here;

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
    await sender(patient);
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

  describe('because Postgres was set back to before its reply', () => {
    /** The group's offset stays ahead; what came after these is there still. */
    const lose = (...ids: readonly string[]): Promise<void> => {
      const those = ids.map((id) => `'${id}'`).join(', ');
      return asOwner(
        here.world.databaseUrl,
        `UPDATE queue_progress q SET next_offset = d.first FROM (
           SELECT log_partition, min(log_offset) AS first FROM deliveries WHERE id IN (${those}) GROUP BY log_partition
         ) AS d WHERE q.consumer_group = 'sender' AND q.partition = d.log_partition;
         DELETE FROM delivery_attempts WHERE delivery IN (${those}); DELETE FROM deliveries WHERE id IN (${those})`,
      );
    };

    test.each(['NOWEB', 'WEBJS'] as const)('%s has once what was sent, in its order', async (engine) => {
      const { fake, instance } = await waha({ engine });
      const chat = await chatOn(instance);
      await sender(patient);
      const ids = await ask(chat, 'um', 'dois', 'três');
      const before = await outcome(ids);
      await lose(...ids.slice(0, 2));
      const next = await ask(chat, 'quatro');
      expect((await outcome([...ids, ...next])).map(({ status }) => status)).toEqual(Array(4).fill('sent'));
      expect(texts(fake, chat)).toEqual(['um', 'dois', 'três', 'quatro']);
      expect(fake.sends()).toHaveLength(4);
      expect(await here.rows(ids.slice(2))).toEqual(before.slice(2));
      expect((await attemptsOf(ids[0] ?? ''))[0]?.slice(0, 3)).toEqual([1, 'sent', 'outcome.found']);
      // Its report is the one that is on the log.
      const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids.slice(0, 1));
      expect(new Set(updates.map(({ eventId }) => eventId)).size).toBe(1);
    });

    test.each([
      ['NOWEB', 'sent', ['um', 'dois']],
      ['WEBJS', 'unknown', []],
    ] as const)('%s: what was not sent is %s, though nothing comes after it', async (engine, status, arrived) => {
      const { fake, instance } = await waha({ engine });
      const chat = await chatOn(instance);
      const first = await sender({ ...patient, perInstance: 0 });
      const ids = await ask(chat, 'um', 'dois');
      await eventually(async () => ((await here.rows(ids)).length === 2 ? true : undefined));
      await first.stop();
      await lose(...ids);
      await sender(patient);
      expect((await outcome(ids)).map((row) => row.status)).toEqual([status, status]);
      expect(texts(fake, chat)).toEqual(arrived);
    });

    test('nothing old is read by the first one that keeps its progress', async () => {
      const { fake, instance } = await waha();
      const chat = await chatOn(instance);
      const earlier = await sender(patient);
      const [id = ''] = await ask(chat, 'um');
      await outcome([id]);
      await earlier.stop();
      await lose(id);
      await asOwner(here.world.databaseUrl, 'DELETE FROM queue_progress');
      await sender(patient);
      await outcome(await ask(chat, 'dois'));
      expect(await here.rows([id])).toEqual([]);
      expect(texts(fake, chat)).toEqual(['um', 'dois']);
    });
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
