/** The ladder of fallbacks: another address, another account, the urgent queue, people, the queue for decisions. */
import { describe, expect, test } from 'vitest';

import type { AuditRecorded, DeliveryUpdated, EffectRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { outgoing, recordOf } from '#runtime/records.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { startFakeWaha } from '#runtime/testing/fake-waha.ts';

import type { SenderOptions } from './sender.ts';
import { apiKey, eventually, quick, tenant, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { waha, chatOn, ask, rows, outcome, recordsOf, attemptsOf, workerRuntime, cleanups } = here;

/** Attempts follow each other at once, and no breaker trips. */
const hasty = { ...quick, pollMs: 15, retryDelaysMs: [0, 5, 10, 15], gates: { ...quick.gates, failuresMax: 1_000 } };
const sender = (options: SenderOptions = {}, runtime?: Runtime) => here.sender({ ...hasty, ...options }, runtime);

type Fallback = NonNullable<NonNullable<Parameters<typeof here.api.tenants.configure>[1]['sending']>['fallback']>;

/** Sets the ladder for the test; a sender with caches of its own knows it at once. */
async function configured(fallback: Fallback) {
  await here.api.tenants.configure(tenant, { ...echoConfiguration, sending: { fallback } });
  cleanups.push(() => here.api.tenants.configure(tenant, echoConfiguration));
  return workerRuntime();
}

/** The line of the first has the others stand in, in this order. */
const routed = (own: Instance, ...fallbacks: readonly Instance[]) =>
  here.worker.database.query(
    [tenant],
    `INSERT INTO line_routes (tenant, line, instance, fallbacks, changed_at) VALUES ($1, $2, $3, $4, 0)`,
    [tenant, own.line, own.id, fallbacks.map(({ id }) => id)],
  );

/** Steps of a delivery in the audit, in order, when there are so many. */
async function steps(id: string, count: number) {
  const found = await eventually(async () => {
    const all = (await recordsOf<AuditRecorded>('audit.recorded', [id])).filter(
      ({ action }) => action === 'delivery.fell-back',
    );
    return all.length >= count ? all : undefined;
  });
  expect(new Set(found.map(({ eventId }) => eventId)).size).toBe(found.length);
  return found.map(({ from, to, outcome: cause, instance }) => [from, to, cause, instance]);
}

const down = { kind: 'status', status: 503, times: 1_000 } as const;

test('every rung is tried in order, with its cause on the audit, until people decide', async () => {
  const [own, second, third] = [await waha(), await waha(), await waha()];
  await routed(own.instance, second.instance, third.instance);
  for (const { fake } of [own, second, third]) fake.fault(down);
  const chat = await chatOn(own.instance);
  await sender({}, await configured({ emails: ['ops@empresa.example'] }));
  const ids = await ask(chat, 'não sai');
  const [row] = await outcome(ids);
  // Four with each account, one in the queue of urgent messages.
  expect(row).toMatchObject({
    status: 'manual',
    reason: 'attempts-exhausted',
    cause: 'provider.unavailable',
    attempts: 13,
  });
  const [a, b, c] = [own, second, third].map(({ instance }) => instance.id);
  expect(await steps(ids[0] ?? '', 5)).toEqual([
    ['attempts', 'instance', 'provider.unavailable', b],
    ['instance', 'instance', 'provider.unavailable', c],
    ['instance', 'priority', 'provider.unavailable', c],
    ['priority', 'notify', 'provider.unavailable', a],
    ['notify', 'manual', 'provider.unavailable', a],
  ]);
  for (const { fake } of [second, third]) expect(fake.sends().length).toBeGreaterThanOrEqual(4);
  expect(row?.lane).toBe(0);
  const told = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
  expect(told).toMatchObject([{ status: 'manual', reason: 'attempts-exhausted' }]);
}, 30_000);

describe('another address of the server', () => {
  /** One account at two addresses, the first of which is not there. */
  async function twoAddresses(alternates: number) {
    const { fake, instance } = await waha();
    const gone = await startFakeWaha();
    await gone.close();
    const { url } = fake;
    const settings = { ...instance.settings, baseUrl: gone.url, alternateUrls: [url, url, url].slice(0, alternates) };
    const moved = await here.api.instances.create(
      { tenant, provider: 'waha', name: `waha-by-two-${alternates}-${Date.now()}`, settings, apiKey },
      Date.now(),
    );
    return { fake, instance: moved };
  }

  test('is tried within the same attempt, and begun with while the first leads nowhere', async () => {
    const { fake, instance } = await twoAddresses(1);
    const chat = await chatOn(instance);
    await sender();
    const ids = await ask(chat, 'um');
    expect(await outcome(ids)).toMatchObject([{ status: 'sent', attempts: 1, cause: null }]);
    expect(await attemptsOf(ids[0] ?? '')).toEqual([[1, 'sent', null, 201]]);
    expect(await steps(ids[0] ?? '', 1)).toEqual([['attempts', 'endpoint', 'provider.unreachable', instance.id]]);
    const next = await ask(chat, 'dois');
    await outcome(next);
    expect(texts(fake, chat)).toEqual(['um', 'dois']);
    expect(await steps(next[0] ?? '', 0)).toEqual([]);
  });

  test('is never tried where the first may have sent it', async () => {
    const { fake, instance } = await waha({ engine: 'WEBJS' });
    const other = await startFakeWaha({ apiKey });
    cleanups.push(() => other.close());
    const settings = { ...instance.settings, alternateUrls: [other.url] };
    const both = await here.api.instances.create(
      { tenant, provider: 'waha', name: 'waha-unknown', settings, apiKey },
      Date.now(),
    );
    fake.fault({ kind: 'drop-after' });
    fake.fault({ kind: 'status', on: 'history', status: 500, times: 9 });
    await sender();
    expect(await outcome(await ask(await chatOn(both), 'uma vez'))).toMatchObject([{ status: 'unknown' }]);
    expect(other.sends()).toEqual([]);
  });

  test('is not used by a tenant that leaves it out', async () => {
    const { fake, instance } = await twoAddresses(1);
    await sender({}, await configured({ steps: [] }));
    const ids = await ask(await chatOn(instance), 'só por ali');
    expect(await outcome(ids)).toMatchObject([{ status: 'manual', attempts: 4 }]);
    expect(fake.sends()).toEqual([]);
    expect(await steps(ids[0] ?? '', 1)).toEqual([['attempts', 'manual', 'provider.unreachable', instance.id]]);
  });
});

describe('another account', () => {
  test('sends what its own could not; the next one of the chat goes by its own again, in order', async () => {
    const [own, second] = [await waha(), await waha()];
    await routed(own.instance, second.instance);
    own.fake.fault({ ...down, times: 4 });
    const chat = await chatOn(own.instance);
    await sender();
    const ids = await ask(chat, 'por outra', 'pela própria');
    expect(await outcome(ids)).toMatchObject([{ status: 'sent', attempts: 5, cause: null }, { status: 'sent' }]);
    expect(texts(second.fake, chat)).toEqual(['por outra']);
    expect(texts(own.fake, chat)).toEqual(['pela própria']);
    expect(await steps(ids[0] ?? '', 1)).toEqual([
      ['attempts', 'instance', 'provider.unavailable', second.instance.id],
    ]);
  });

  test('is one that the route names and that works, never another', async () => {
    const [own, second, stranger] = [await waha(), await waha(), await waha()];
    await routed(own.instance, second.instance);
    await here.worker.database.query(
      [tenant],
      `INSERT INTO instance_availability (tenant, instance, availability, changed_at) VALUES ($1, $2, 'down', 0)`,
      [tenant, second.instance.id],
    );
    own.fake.fault(down);
    await sender({}, await configured({ steps: ['instance'] }));
    const ids = await ask(await chatOn(own.instance), 'por ninguém');
    expect(await outcome(ids)).toMatchObject([{ status: 'manual', attempts: 4 }]);
    expect([...second.fake.sends(), ...stranger.fake.sends()]).toEqual([]);
  });

  test('takes over what waits for one that stays shut; the others of the chat follow in order', async () => {
    const [own, second] = [await waha(), await waha()];
    await routed(own.instance, second.instance);
    own.fake.setSession('default', 'SCAN_QR_CODE');
    const [chat, lonely] = [await chatOn(own.instance), await chatOn((await waha()).instance)];
    await sender({}, await configured({ heldMinutes: 1 }));
    const ids = await ask(chat, 'um', 'dois', 'três');
    await eventually(async () => {
      const gate = await here.worker.database.query(
        [tenant],
        `UPDATE sending_gates SET opened_at = now() - interval '2 minutes' WHERE instance = $1 RETURNING instance`,
        [own.instance.id],
      );
      return gate.rowCount === 1 ? true : undefined;
    });
    expect((await outcome(ids)).map(({ status }) => status)).toEqual(['sent', 'sent', 'sent']);
    expect(texts(second.fake, chat)).toEqual(['um', 'dois', 'três']);
    expect(await steps(ids[0] ?? '', 1)).toEqual([
      ['attempts', 'instance', 'provider.session-not-working', second.instance.id],
    ]);
    await outcome(await ask(lonely, 'outra linha'));
  });
});

describe('the queue of urgent messages', () => {
  test('takes what is neither urgent nor said to have time', async () => {
    await sender({}, await configured({ steps: ['priority'] }));
    const attemptsAt = async (priority: string) => {
      const { fake, instance } = await waha();
      fake.fault(down);
      const reply = await here.replyTo(await chatOn(instance), priority, { priority });
      await here.world.log.append([outgoing(reply)]);
      const [row] = await outcome([reply.eventId]);
      return [row?.status, row?.attempts];
    };
    expect(await Promise.all(['low', 'normal', 'high'].map(attemptsAt))).toEqual([
      ['manual', 4],
      ['manual', 5],
      ['manual', 4],
    ]);
  });
});

describe('people', () => {
  /** Those that speak of an account. */
  const mails = async (account: string) => {
    const found: EffectRequested[] = [];
    for (let partition = 0; partition < here.world.log.partitionCount; partition++)
      for await (const batch of here.world.log.readRange({ topic: topics.effects, partition, from: 0 }))
        for (const logged of batch) {
          const record = recordOf(logged);
          if (record.type === 'effect.requested') found.push(record);
        }
    const inputs = [];
    for (const record of found) {
      const opened = await here.worker.vault.open<{ input: { to: string; subject: string; text: string } }>(
        record,
        record.sealed ?? Buffer.alloc(0),
      );
      if (opened.state === 'open') inputs.push({ ...opened.value.input, actor: record.actor, source: record.source });
    }
    return inputs.filter(({ text }) => text.includes(account));
  };

  test('are told once of all that came together, in their language, and of a shut account once', async () => {
    const { fake, instance } = await waha();
    fake.fault(down);
    const emails = ['a@empresa.example', 'b@empresa.example'];
    const runtime = await configured({ steps: ['notify'], emails, everyMinutes: 1, heldMinutes: 1 });
    const chats = [await chatOn(instance), await chatOn(instance), await chatOn(instance)];
    const ids = (await Promise.all(chats.map((chat) => ask(chat, 'não sai')))).flat();
    // As if they had been told a moment ago: what ends now is told together, later.
    const told = (ago: string) =>
      here.worker.database.query(
        [tenant],
        `INSERT INTO sending_notice_times (tenant, told_at) VALUES ($1, now() - $2::interval)
         ON CONFLICT (tenant) DO UPDATE SET told_at = excluded.told_at`,
        [tenant, ago],
      );
    await told('0 minutes');
    await sender({}, runtime);
    await sender({}, workerRuntime());
    await outcome(ids);
    expect(await mails(instance.name)).toEqual([]);
    const both = await eventually(async () => {
      await told('2 minutes');
      const sent = await mails(instance.name);
      return sent.length >= 2 ? sent : undefined;
    });
    expect(both.map(({ to }) => to).sort()).toEqual(emails);
    expect(both[0]).toMatchObject({ source: 'mail.send', actor: expect.stringMatching(/^n_/) as string });
    expect(both[0]?.subject).toMatch(/mensagens não saíram/);
    expect(both[0]?.text).toContain(`${instance.name}: 3 (provider.unavailable)`);
    for (const chat of chats) expect(JSON.stringify(both)).not.toContain(chat.phone);

    fake.clearFaults();
    fake.setSession('default', 'STOPPED');
    const waiting = await ask(chats[0] ?? (await chatOn(instance)), 'espera');
    const held = await eventually(async () => {
      // What another test left may have had the turn.
      await told('2 minutes');
      await here.worker.database.query(
        [tenant],
        `UPDATE sending_gates SET opened_at = now() - interval '2 minutes'
         WHERE instance = $1 AND opened_at > now() - interval '1 minute'`,
        [instance.id],
      );
      const sent = (await mails(instance.name)).filter(({ text }) => text.includes('provider.session-not-working'));
      return sent.length >= 2 ? sent : undefined;
    });
    expect(held.map(({ to }) => to).sort()).toEqual(emails);
    await told('2 minutes');
    fake.setSession('default', 'WORKING');
    await outcome(waiting);
    expect(await mails(instance.name)).toHaveLength(4);
  }, 30_000);

  test('that are nobody are no rung', async () => {
    const { fake, instance } = await waha();
    fake.fault(down);
    await sender({}, await configured({ steps: ['notify'] }));
    const ids = await ask(await chatOn(instance), 'não sai');
    await outcome(ids);
    expect(await steps(ids[0] ?? '', 1)).toEqual([['attempts', 'manual', 'provider.unavailable', instance.id]]);
    expect((await rows(ids))[0]?.status).toBe('manual');
  });
});
