/** Accounts that may not be sent with now: what waits for them is held, one is tried, the others go on. */
import { describe, expect, test } from 'vitest';

import { outgoing } from '#runtime/records.ts';
import type { AuditRecorded } from '#schemas/records.ts';

import type { SenderOptions } from './sender.ts';
import { eventually, patient, quick, tenant, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { waha, chatOn, replyTo, ask, rows, outcome, workerRuntime } = here;
const sender = (options: SenderOptions = {}, runtime = here.worker) => here.sender({ ...patient, ...options }, runtime);

const gateOf = async (instance: string) =>
  (
    await here.worker.database.query<{
      state: string;
      reason: string | null;
      openings: number;
      cold_reason: string | null;
    }>([tenant], 'SELECT state, reason, openings, cold_reason FROM sending_gates WHERE tenant = $1 AND instance = $2', [
      tenant,
      instance,
    ])
  ).rows[0];

/** Waits until the audit of an account tells so much of its gate, and nothing else. */
const audited = (instance: string, events: readonly (readonly [action: string, outcome: string | null])[]) =>
  eventually(async () => {
    const found = await here.recordsOf<AuditRecorded>('audit.recorded', [instance]);
    if (found.length < events.length) return undefined;
    expect(found.map(({ action, outcome: why }) => [action, why])).toEqual(events);
    expect(found.every(({ actor, instance: of }) => actor === instance && of === instance)).toBe(true);
    return true;
  });

const sentTo = (fake: { sends(): readonly { readonly status: number | undefined }[] }, status: number) =>
  fake.sends().filter((one) => one.status === status).length;

describe('an account that refuses everything', () => {
  test('is tried by one delivery after each pause; the others are held in order and count no attempt', async () => {
    const { fake, instance } = await waha();
    fake.setSession('default', 'SCAN_QR_CODE');
    await sender();
    await sender({}, workerRuntime());
    const chats = await Promise.all(Array.from({ length: 12 }, () => chatOn(instance)));
    const ids = (await Promise.all(chats.map((chat) => ask(chat, 'um', 'dois')))).flat();
    const { gate, refused } = await eventually(async () => {
      // Counted first: another probe may be made meanwhile.
      const refused = sentTo(fake, 422);
      const gate = await gateOf(instance.id);
      return gate !== undefined && gate.openings >= 3 ? { gate, refused } : undefined;
    });
    expect(gate).toMatchObject({ reason: 'provider.session-not-working' });
    // What was on its way when it opened, and a probe per opening: not one per message.
    expect(refused).toBeLessThanOrEqual(12 + gate.openings);
    // A probe may be on its way just now; it counts none either.
    await eventually(async () =>
      (await rows(ids)).every(({ status, attempts }) => status === 'queued' && attempts === 0) ? true : undefined,
    );
    const probes = sentTo(fake, 422);
    fake.setSession('default', 'WORKING');
    const found = await outcome(ids);
    expect(found.map(({ status, attempts }) => [status, attempts])).toEqual(ids.map(() => ['sent', 1]));
    for (const chat of chats) expect(texts(fake, chat)).toEqual(['um', 'dois']);
    expect(sentTo(fake, 422)).toBeLessThanOrEqual(probes + 1);
    expect(await gateOf(instance.id)).toMatchObject({ state: 'closed', reason: null, openings: 0 });
    // However often it was tried.
    await audited(instance.id, [
      ['breaker.opened', 'provider.session-not-working'],
      ['breaker.closed', null],
    ]);
  });

  test('that does not answer opens its breaker after some failures in a row, and none of another account', async () => {
    const { fake, instance } = await waha();
    const { fake: other, instance: otherInstance } = await waha();
    fake.fault({ kind: 'status', status: 503, times: 1_000 });
    const gates = { failuresMax: 3, pauseMs: 60_000, pauseMsMax: 60_000, coldPauseMs: 1, coldPauseMsMax: 1 };
    await sender({ gates, perInstance: 1 });
    const chats = await Promise.all(Array.from({ length: 6 }, () => chatOn(instance)));
    await Promise.all(chats.map((chat) => ask(chat, 'espera')));
    await eventually(async () => ((await gateOf(instance.id))?.state === 'open' ? true : undefined));
    const before = fake.sends().length;
    await outcome(await ask(await chatOn(otherInstance), 'passa'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(fake.sends()).toHaveLength(before);
    expect(before).toBe(3);
    expect(other.messages).toHaveLength(1);
  });

  test('that does not exist stops its queue, and what waits for it is shown, not failed', async () => {
    const chat = await chatOn(here.simulator);
    const other = await chatOn(here.simulator);
    await sender();
    const lost = await replyTo(chat, 'sem conta', { instance: 'i_none' });
    await here.world.log.append([outgoing(lost)]);
    await eventually(async () => ((await gateOf('i_none'))?.reason === 'instance.unknown' ? true : undefined));
    await outcome(await ask(other, 'segue'));
    // A probe may be on its way just now; it counts none either.
    await eventually(async () => {
      const [row] = await rows([lost.eventId]);
      return row?.status === 'queued' && row.attempts === 0 ? true : undefined;
    });
  });

  test('that was removed stops its queue: nothing more is sent with it, and what waits is shown with its cause', async () => {
    const { fake, instance } = await waha();
    const chat = await chatOn(instance);
    await here.worker.database.query([tenant], 'UPDATE instances SET deleted_at = now() WHERE id = $1', [instance.id]);
    await sender({}, workerRuntime());
    const ids = await ask(chat, 'um', 'dois');
    await eventually(async () => ((await gateOf(instance.id))?.reason === 'instance.unknown' ? true : undefined));
    await outcome(await ask(await chatOn(here.simulator), 'segue'));
    await eventually(async () =>
      (await rows(ids)).every(({ status, attempts }) => status === 'queued' && attempts === 0) ? true : undefined,
    );
    expect(fake.sends()).toEqual([]);
  });
});

describe('an account that may not write to people first', () => {
  /** As the projection has somebody who wrote. */
  const heard = (conversation: string, ago: string) =>
    here.worker.database.query(
      [tenant],
      `INSERT INTO messages (tenant, conversation, id, direction, origin, precedence, kind, instance, at, lane,
         record_offset, sealed_type)
       VALUES ($1, $2, 'heard-' || $2, 'in', 'person', 0, 'text', 'i', now() - $3::interval, 0, 1, 'message.received')`,
      [tenant, conversation, ago],
    );

  test('holds those who never wrote and goes on with the others, until the restriction may be over', async () => {
    const { fake, instance } = await waha();
    await sender({ gates: { ...quick.gates, coldPauseMs: 3_600_000, coldPauseMsMax: 3_600_000 } });
    const [stranger, another, friend] = [await chatOn(instance), await chatOn(instance), await chatOn(instance)];
    await heard(friend.conversation, '3 days');
    const asked = async (chat: typeof stranger, text: string) => {
      const reply = await replyTo(chat, text, { origin: 'api' });
      await here.world.log.append([outgoing(reply)]);
      return reply.eventId;
    };
    fake.fault({ kind: 'restricted' });
    const first = await asked(stranger, 'oi, estranho');
    await eventually(async () =>
      (await gateOf(instance.id))?.cold_reason === 'provider.restricted' ? true : undefined,
    );
    const second = await asked(another, 'oi, outro');
    await outcome([await asked(friend, 'oi de novo')]);
    await outcome(await ask(friend, 'resposta'));
    expect(await rows([first, second])).toMatchObject([
      { status: 'queued', attempts: 0 },
      { status: 'queued', attempts: 0 },
    ]);
    expect(texts(fake, friend)).toEqual(['oi de novo', 'resposta']);
    // One who writes meanwhile is no stranger: the answer takes what stands before it along.
    const answer = await ask(another, 'claro!');
    await outcome([second, ...answer]);
    expect(texts(fake, another)).toEqual(['oi, outro', 'claro!']);
    expect(await rows([first])).toMatchObject([{ status: 'queued', attempts: 0 }]);
    await here.worker.database.query([tenant], 'UPDATE sending_gates SET cold_until = now() WHERE instance = $1', [
      instance.id,
    ]);
    await outcome([first]);
    expect(texts(fake, stranger)).toEqual(['oi, estranho']);
    await audited(instance.id, [['breaker.new-chats-stopped', 'provider.restricted']]);
    const { values } = await here.worker.metrics.breakerChanges.get();
    expect(values.find(({ labels }) => labels.state === 'new-chats-stopped')?.value).toBe(1);
  });
});
