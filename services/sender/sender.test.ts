/** The sender against the simulated phone, and what is told about what it did. */
import { describe, expect, test } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';
import type { AuditRecorded, DeliveryUpdated } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';

import { apiKey, eventually, tenant, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, replyTo, ask, rows, outcome, recordsOf, shown, killedDuring, workerRuntime, logLines } =
  here;

describe('a reply to a simulated phone', () => {
  test('is received once, with its buttons, and reported once', async () => {
    const chat = await chatOn(here.simulator);
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
    const chat = await chatOn(here.simulator);
    const reply = await replyTo(chat, 'uma vez');
    await here.world.log.append([outgoing(reply), outgoing(reply)]);
    await sender();
    await outcome([reply.eventId]);
    await ask(chat, 'depois').then(outcome);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['uma vez', 'depois']);
  });

  test('claimed by a process that was killed is received exactly once, at once when there is no other owner', async () => {
    const chat = await chatOn(here.simulator);
    const before = await killedDuring(chat, 'antes do envio', '1 hour');
    await sender({ soleOwner: true });
    await outcome([before]);
    await Promise.all([ask(chat, 'fim').then(outcome)]);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['antes do envio', 'fim']);
  });

  test('that was received before the process was killed is not received again', async () => {
    const chat = await chatOn(here.simulator);
    const id = await killedDuring(chat, 'já chegou');
    const phone = openSimulatorPhone(here.worker.database, here.worker.vault);
    const { conversation, person } = chat;
    const content: OutboundContent = { kind: 'text', text: 'já chegou' };
    const delivery = { tenant, instance: here.simulator.id, conversation, person, phone: chat.phone, at: 1, content };
    await phone.deliver({ ...delivery, deliveryId: id });
    await sender();
    expect(await outcome([id])).toMatchObject([{ status: 'sent' }]);
    expect(await shown(chat)).toHaveLength(1);
  });

  test('claimed by another live process is left alone until its lease ends', async () => {
    const chat = await chatOn(here.simulator);
    const id = await killedDuring(chat, 'de outro', '1 hour');
    await sender();
    await ask(await chatOn(here.simulator), 'a').then(outcome);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await rows([id])).toMatchObject([{ status: 'sending' }]);
    await here.worker.database.transaction([tenant], (sql) =>
      sql.query(`UPDATE deliveries SET lease_until = now() WHERE id = $1`, [id]),
    );
    expect(await outcome([id])).toMatchObject([{ status: 'sent' }]);
  });
});

describe('results', () => {
  test('are reported by the next process when the one that settled them died first, under the same ids', async () => {
    const chat = await chatOn(here.simulator);
    const service = await sender();
    const ids = await ask(chat, 'relatada');
    await outcome(ids);
    await service.stop();
    // As if the mark, or the append before it, had not been made.
    await here.worker.database.transaction([tenant], (sql) =>
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
    await here.worker.database.transaction([tenant], async (sql) => {
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
    const chat = await chatOn(here.simulator);
    let away = true;
    const append: RecordLog['append'] = (records) =>
      away ? Promise.reject(new OperatingError('log.unavailable')) : here.world.log.append(records);
    await sender({}, { ...here.worker, log: changedLog(here.world.log, { append }) });
    const ids = await ask(chat, 'um', 'dois');
    await eventually(async () => ((await shown(chat)).length === 2 ? true : undefined));
    expect(await recordsOf<DeliveryUpdated>('delivery.updated', ids)).toEqual([]);
    away = false;
    // Others, and this process, look again when the time to report has passed.
    await eventually(async () => ((await rows(ids)).every(({ status }) => status === 'sent') ? true : undefined));
    await here.worker.database.transaction([tenant], (sql) =>
      sql.query('UPDATE deliveries SET report_due_at = now() WHERE id = ANY ($1)', [ids]),
    );
    await outcome(ids);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(updates.map(({ deliveryId }) => deliveryId).sort()).toEqual([...ids].sort());
  });

  test('a refused request is noted where the asker looks', async () => {
    const chat = await chatOn(here.simulator);
    const id = `m_${newUlid(Date.now())}`;
    await here.api.database.transaction([tenant], (sql) =>
      sql.query('INSERT INTO message_requests (tenant, id, conversation, instance) VALUES ($1, $2, $3, $4)', [
        tenant,
        id,
        chat.conversation,
        here.simulator.id,
      ]),
    );
    const { kind, sealed, origin, priority, ...header } = await replyTo(chat, '');
    await here.world.log.append([
      outgoing({ ...header, type: 'reply.declined', messageId: id, reason: 'consent.withdrawn' }),
    ]);
    await sender();
    const noted = await eventually(async () => {
      const found = await here.api.database.transaction([tenant], (sql) =>
        sql.query('SELECT status, reason FROM message_requests WHERE id = $1 AND status <> $2', [id, 'queued']),
      );
      return found.rows[0];
    });
    expect(noted).toEqual({ status: 'declined', reason: 'consent.withdrawn' });
    expect([kind, sealed, origin, priority]).toBeDefined();
  });

  test('a record that cannot be read is parked and does not stop the others', async () => {
    const chat = await chatOn(here.simulator);
    const reply = outgoing(await replyTo(chat, 'legível'));
    const broken = { ...reply, value: Buffer.concat([reply.value.subarray(0, 5), Buffer.from([255, 255])]) };
    await here.world.log.append([broken, reply]);
    await sender();
    await eventually(async () => ((await shown(chat)).length === 1 ? true : undefined));
    const ends = await here.world.log.ends(parkedTopicOf(topics.replies));
    expect(ends.reduce((sum, { stableEnd }) => sum + stableEnd, 0)).toBeGreaterThan(0);
  });

  test('what can never be sent fails with its reason and holds nobody up', async () => {
    const chat = await chatOn(here.simulator);
    await sender();
    const none = await replyTo(chat, 'sem conteúdo', { sealed: null });
    const moved = await replyTo(chat, 'mudada', { sealed: (await replyTo(chat, 'x')).sealed });
    await here.world.log.append([none, moved].map((reply) => outgoing(reply)));
    const last = await ask(chat, 'chega');
    expect(await outcome([none.eventId, moved.eventId, ...last])).toMatchObject([
      { status: 'failed', reason: 'content.missing' },
      { status: 'failed', reason: 'content.unreadable' },
      { status: 'sent' },
    ]);
  });

  test('to an erased person fail, without anything of theirs', async () => {
    const chat = await chatOn(here.simulator);
    const ids = await ask(chat, 'tarde demais');
    await here.api.database.transaction([tenant], (sql) =>
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

test('no line that was logged holds anything personal', () => {
  const lines = logLines.join('');
  expect(lines.length).toBeGreaterThan(0);
  for (const secret of ['5511940000', 'uma só vez', 'chegou', 'Aceita', '3EB0', apiKey])
    expect(lines).not.toContain(secret);
});
