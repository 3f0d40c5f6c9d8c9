/** What tenants set, and what comes later: limits, quiet hours, unknown outcomes, evidence, messages for later. */
import { describe, expect, test } from 'vitest';

import { newUlid, outgoing } from '#runtime/records.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import type { ReplyRequested } from '#schemas/records.ts';

import { clientMessageIdOf } from './client-message-id.ts';
import { processWindows } from './rate-windows.ts';
import { expectLimitsHeld } from './testing/limited-senders.ts';
import { type Chat, eventually, tenant, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, replyTo, rows, outcome, workerRuntime, shown, ask, cleanups, recordsOf } = here;

type Sending = NonNullable<Parameters<typeof here.api.tenants.configure>[1]['sending']>;

/** Sets it for the test; a sender with caches of its own knows it at once. */
async function configured(sending: Sending) {
  await here.api.tenants.configure(tenant, { ...echoConfiguration, sending });
  cleanups.push(() => here.api.tenants.configure(tenant, echoConfiguration));
  return workerRuntime();
}

async function request(chat: Chat, text: string, given: Partial<ReplyRequested>): Promise<string> {
  const reply = await replyTo(chat, text, { origin: 'api', ...given });
  await here.world.log.append([outgoing(reply)]);
  return reply.eventId;
}

test('two senders keep together to the limits of an account, by its own clock', async () => {
  const shared = processWindows(Date.now);
  await expectLimitsHeld(here, () => shared);
}, 30_000);

describe('quiet hours', () => {
  /** Now and for two hours, whatever the time. */
  const quietNow = (): Sending => {
    const clock = (at: number) => new Date(at).toISOString().slice(11, 16);
    return { timeZone: 'UTC', quietHours: [{ from: clock(Date.now() - 60_000), to: clock(Date.now() + 7_200_000) }] };
  };

  test('put off what we begin with, hold up nothing else, and let urgent messages and answers pass', async () => {
    await sender({}, await configured(quietNow()));
    const [chat, other] = [await chatOn(here.simulator), await chatOn(here.simulator)];
    const quiet = await request(chat, 'promoção', { priority: 'low' });
    const urgent = await request(other, 'urgente', { priority: 'high' });
    const answer = await ask(chat, 'resposta');
    await outcome([urgent, ...answer]);
    const [row] = await rows([quiet]);
    expect(row).toMatchObject({ status: 'scheduled', attempts: 0 });
    const until = row?.next_attempt_at instanceof Date ? row.next_attempt_at.getTime() - Date.now() : 0;
    expect(until).toBeGreaterThan(6_900_000);
    expect(until).toBeLessThan(7_260_000);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['resposta']);
    // When they are over.
    await here.api.tenants.configure(tenant, echoConfiguration);
    await sender({}, workerRuntime());
    await here.worker.database.query([tenant], `UPDATE deliveries SET next_attempt_at = now() WHERE id = $1`, [quiet]);
    await eventually(async () => ((await rows([quiet]))[0]?.status === 'queued' ? undefined : true));
  });
});

describe('a message whose outcome stays unknown', () => {
  test('is parked, unless its tenant would rather have it twice', async () => {
    const { fake, instance } = await waha({ engine: 'WEBJS' });
    await sender({}, await configured({ unknownOutcome: 'resend' }));
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-before' });
    expect(await outcome(await ask(chat, 'outra vez'))).toMatchObject([{ status: 'sent', attempts: 2 }]);
    expect(texts(fake, chat)).toEqual(['outra vez']);
    // Never without an end.
    fake.fault({ kind: 'drop-before', times: 50 });
    expect(await outcome(await ask(chat, 'em vão'))).toMatchObject([{ status: 'unknown', attempts: 4 }]);
  });

  test('turns to sent when an echo or a status of it comes, and that is told', async () => {
    const { fake, instance } = await waha({ engine: 'WEBJS' });
    await sender();
    const chats = [await chatOn(instance), await chatOn(instance)];
    fake.fault({ kind: 'drop-before', times: 2 });
    const ids = (await Promise.all(chats.map((chat) => ask(chat, 'chegou?')))).flat();
    expect(await outcome(ids)).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }]);
    const mark = (id: string) => here.worker.vault.index(tenant, 'message-id', clientMessageIdOf(id));
    // As the projection has them.
    await here.worker.database.query(
      [tenant],
      `INSERT INTO message_marks (tenant, conversation, mark, status, rank, at, event_id) VALUES ($1, $2, $3, 'read', 9, now(), 'e')`,
      [tenant, chats[0]?.conversation, mark(ids[0] ?? '')],
    );
    await here.worker.database.query(
      [tenant],
      `INSERT INTO messages (tenant, conversation, id, direction, origin, precedence, kind, instance, at, lane, record_offset,
         stable_index, sealed_type) VALUES ($1, $2, 'echo', 'out', 'echo', 1, 'text', 'i', now(), 0, 1, $3, 'message.echoed')`,
      [tenant, chats[1]?.conversation, mark(ids[1] ?? '')],
    );
    await here.worker.database.query([tenant], `UPDATE deliveries SET evidence_due_at = now() WHERE id = ANY ($1)`, [
      ids,
    ]);
    await eventually(async () => ((await rows(ids)).every(({ status }) => status === 'sent') ? true : undefined));
    const told = await eventually(async () => {
      const updates = await recordsOf('delivery.updated', ids);
      return updates.length === 4 ? updates : undefined;
    });
    expect(new Set(told.map((one) => 'eventId' in one && one.eventId)).size).toBe(4);
  });
});

describe('somebody who says no while messages wait', () => {
  /** A link of the chain of consents. */
  const said = (chat: Pick<Chat, 'conversation'>, status: string, at = Date.now()) =>
    here.worker.database.query(
      [tenant],
      'INSERT INTO consents (tenant, conversation, event_id, status, at) VALUES ($1, $2, $3, $4, $5)',
      [tenant, chat.conversation, newUlid(Date.now()), status, new Date(at)],
    );

  /** What waits, of each kind, when the person says something; then what became of it. */
  async function afterwards(chat: Chat, says: () => Promise<unknown>) {
    const accepting = await sender({ perInstance: 0 });
    const ids = [
      await request(chat, 'promoção', { origin: 'broadcast', priority: 'low' }),
      await request(chat, 'lembrete', { origin: 'api' }),
      await request(chat, 'da atendente', { origin: 'operator' }),
      ...(await ask(chat, 'da máquina')),
    ];
    await eventually(async () => ((await rows(ids)).length === ids.length ? true : undefined));
    await accepting.stop();
    await says();
    const sending = await sender();
    const became = await outcome(ids);
    await sending.stop();
    return became.map(({ status, reason }) => (reason === null ? status : `${status}: ${reason}`));
  }

  test.each(['refused', 'withdrawn'])('%s: is sent the answers, and nothing that we began', async (status) => {
    const chat = await chatOn(here.simulator);
    await said(chat, 'given', Date.now() - 60_000);
    const no = `failed: consent.${status}`;
    expect(await afterwards(chat, () => said(chat, status))).toEqual([no, no, 'sent', 'sent']);
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['da atendente', 'da máquina']);
    expect(await afterwards(chat, () => said(chat, 'given', Date.now() + 1_000))).toEqual(Array(4).fill('sent'));
  });

  test('to marketing alone, is sent no broadcast until they say yes; late news of an earlier no changes nothing', async () => {
    const chat = await chatOn(here.simulator);
    const [before, after] = [Date.now(), Date.now() + 1_000];
    await said(chat, 'given');
    expect(await afterwards(chat, () => said(chat, 'marketing-stopped', before))).toEqual([
      'failed: consent.marketing-stopped',
      ...Array<string>(3).fill('sent'),
    ]);
    const changed = async () => {
      await said(chat, 'marketing-resumed', after);
      await said(chat, 'marketing-stopped', after - 500);
    };
    expect(await afterwards(chat, changed)).toEqual(Array(4).fill('sent'));
  });

  test('in the chat with which theirs was merged, is sent nothing in the one that it was', async () => {
    const [chat, elder] = [await chatOn(here.simulator), await chatOn(here.simulator)];
    const mergeAndSay = async () => {
      await here.worker.database.query(
        [tenant],
        'UPDATE conversations SET merged_into = $2, merge_decided_at = now() WHERE id = $1',
        [chat.conversation, elder.conversation],
      );
      await said(elder, 'withdrawn');
    };
    expect((await afterwards(chat, mergeAndSay)).slice(0, 2)).toEqual(Array(2).fill('failed: consent.withdrawn'));
  });
});

test('a message that was cancelled before its reply came is not sent, and holds nothing up', async () => {
  const chat = await chatOn(here.simulator);
  const id = `m_${newUlid(Date.now())}`;
  await here.api.database.query(
    [tenant],
    `INSERT INTO message_requests (tenant, id, conversation, instance, status) VALUES ($1, $2, $3, $4, 'cancelled')`,
    [tenant, id, chat.conversation, here.simulator.id],
  );
  const reply = await replyTo(chat, 'não', { origin: 'api', messageId: id });
  const next = await replyTo(chat, 'sim');
  await here.world.log.append([reply, next].map((one) => outgoing(one)));
  await sender();
  expect(await outcome([reply.eventId, next.eventId])).toMatchObject([{ status: 'cancelled' }, { status: 'sent' }]);
  expect((await shown(chat)).map(({ text }) => text)).toEqual(['sim']);
  expect(await recordsOf('delivery.updated', [reply.eventId])).toMatchObject([{ status: 'cancelled' }]);
});
