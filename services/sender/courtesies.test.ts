/** Reading and typing around an answer: asked for once, by whom and when, and never in the way of sending. */
import { describe, expect, test } from 'vitest';

import type { OutboundContent, SealedMessage } from '#schemas/content.ts';
import type { Instance, InstanceSettings } from '#runtime/instances/instances.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { FakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';

import { type Chat, tenant, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, chatOn, ask, replyTo, rows, outcome } = here;

/** A fake with an instance of these settings. */
async function waha(settings: InstanceSettings = {}): Promise<{ fake: FakeWaha; instance: Instance }> {
  const { fake, instance } = await here.waha();
  const wanted = { tenant, provider: 'waha' as const, name: `${instance.name}-courteous`, apiKey: 'key-of-the-fake' };
  const all = { ...instance.settings, ...settings };
  return { fake, instance: await here.api.instances.create({ ...wanted, settings: all }, Date.now()) };
}

/** What the projection would have of a message that the person wrote. */
async function wrote({ conversation, person, phone, instance }: Chat, stableId: string): Promise<void> {
  const id = newUlid(Date.now());
  const chat = `${phone}@c.us`;
  const message: SealedMessage = {
    messageId: `false_${chat}_${stableId}`,
    stableId,
    chat,
    sender: { address: chat },
    content: { kind: 'text', text: 'oi' },
  };
  const where = { tenant, actor: conversation, type: 'message.received', eventId: id };
  const sealed = await here.api.vault.seal(where, person, Date.now(), message);
  await here.worker.database.transaction([tenant], (sql) =>
    sql.query(
      `INSERT INTO messages (tenant, conversation, id, direction, origin, precedence, kind, instance, at, lane, record_offset,
         sealed_type, sealed) VALUES ($1, $2, $3, 'in', 'person', 0, 'text', $4, now(), 0, 0, 'message.received', $5)`,
      [tenant, conversation, id, instance.id, sealed],
    ),
  );
}

const text = (said: string, given: { readonly typingMs?: number } = {}): OutboundContent => ({
  kind: 'text',
  text: said,
  ...given,
});
const sent = (fake: FakeWaha, count: number) =>
  eventually(
    () => Promise.resolve(fake.messages),
    ({ length }) => length === count,
  );
const seen = (fake: FakeWaha) =>
  fake.calls('sendSeen').map(({ body }) => (body as { messageIds: string[] }).messageIds);

describe('typing', () => {
  test('is shown for the time asked for, then the message is sent, in the first attempt', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await sender();
    const ids = await ask(chat, text('com calma', { typingMs: 300 }), text('depois'));
    await outcome(ids);
    expect(fake.messages.map(({ text: said }) => said)).toEqual(['com calma', 'depois']);
    const [typing] = fake.calls('startTyping');
    const [first] = fake.sends();
    expect(fake.calls('startTyping')).toHaveLength(1);
    expect(typing?.body).toEqual({ session: 'default', chatId: `${chat.phone}@c.us` });
    expect((first?.at ?? 0) - (typing?.at ?? 0)).toBeGreaterThanOrEqual(280);
    expect(await rows(ids)).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  });

  test('holds up its own chat only, with room for one call', async () => {
    const { fake, instance } = await waha();
    const [slow, fast] = [await chatOn(instance), await chatOn(instance)];
    await sender({ perInstance: 1, concurrency: 1 });
    await ask(slow, text('devagar', { typingMs: 1_500 }));
    await eventually(
      () => Promise.resolve(fake.calls('startTyping')),
      ({ length }) => length === 1,
    );
    await ask(fast, text('já'), text('logo'));
    await sent(fake, 3);
    expect(fake.messages.map(({ text: said }) => said)).toEqual(['já', 'logo', 'devagar']);
  });

  test('is as long as the instance says where the message says nothing', async () => {
    const { fake, instance } = await waha({ typingMs: 120 });
    await sender();
    await ask(await chatOn(instance), text('padrão'), text('sem', { typingMs: 0 }));
    await sent(fake, 2);
    expect(fake.calls('startTyping')).toHaveLength(1);
    const [first] = fake.sends();
    expect((first?.at ?? 0) - (fake.calls('startTyping')[0]?.at ?? 0)).toBeGreaterThanOrEqual(100);
  });

  test('that cannot be shown changes nothing for the message', async () => {
    const { fake, instance } = await waha();
    fake.fault({ on: 'courtesy', kind: 'status', status: 500, times: 9 });
    await sender();
    await ask(await chatOn(instance), text('mesmo assim', { typingMs: 50 }));
    await sent(fake, 1);
  });

  test('is not shown again before a further attempt', async () => {
    const { fake, instance } = await waha();
    fake.fault({ kind: 'status', status: 503 });
    await sender();
    await ask(await chatOn(instance), text('de novo', { typingMs: 60 }));
    await sent(fake, 1);
    expect(fake.sends()).toHaveLength(2);
    expect(fake.calls('startTyping')).toHaveLength(1);
  });
});

describe('what a person wrote is marked as read', () => {
  test('once, when their conversation answers', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await wrote(chat, 'AAA');
    await sender();
    await ask(chat, text('um'), text('dois'));
    await sent(fake, 2);
    await wrote(chat, 'BBB');
    await ask(chat, text('três'));
    await sent(fake, 3);
    await eventually(
      () => Promise.resolve(seen(fake)),
      ({ length }) => length === 2,
    );
    expect(seen(fake)).toEqual([[`false_${chat.phone}@c.us_AAA`], [`false_${chat.phone}@c.us_BBB`]]);
  });

  test('also when the projection sees it a moment after the answer', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await sender();
    await ask(chat, text('um'));
    await sent(fake, 1);
    await wrote(chat, 'AAA');
    await eventually(
      () => Promise.resolve(seen(fake)),
      ({ length }) => length === 1,
    );
  });

  test('not when somebody else writes to them, nor where the instance says no', async () => {
    const [on, off] = [await waha(), await waha({ markRead: false })];
    await sender();
    for (const [{ fake, instance }, origin] of [
      [on, 'api'],
      [off, 'machine'],
    ] as const) {
      const chat = await chatOn(instance);
      await wrote(chat, 'AAA');
      await here.world.log.append([outgoing(await replyTo(chat, 'oi', { origin }))]);
      await sent(fake, 1);
    }
    // Longer than the second look.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect([...seen(on.fake), ...seen(off.fake)]).toEqual([]);
  });
});

test('the newest message of a chat is found by its index, whatever else the tenant has', async () => {
  const plan = await here.worker.database.transaction([tenant], async (sql) => {
    await sql.query('SET LOCAL enable_seqscan = off');
    return sql.query<Record<string, string>>(
      `EXPLAIN SELECT id FROM messages WHERE tenant = '${tenant}' AND conversation = 'c_1' AND direction = 'in'
       ORDER BY at DESC, lane DESC, record_offset DESC LIMIT 1`,
    );
  });
  expect(JSON.stringify(plan.rows)).toContain('messages_by_conversation');
});
