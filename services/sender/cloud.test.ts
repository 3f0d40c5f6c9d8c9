/**
 * Goal: through every fault of a Cloud number, each message is at Meta once and in the order of its chat,
 * or is shown with its cause; a send that nobody answered becomes a send when a status names it. Method:
 * sender, projection and ingest on a real Postgres against a fake Graph API.
 */
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { SealedDelivery } from '#schemas/content.ts';
import type { DeliveryUpdated } from '#schemas/records.ts';

import { createHttpServer } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import type { RunningService } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import {
  type CloudFault,
  type CloudMessage,
  type FakeCloud,
  type FakeCloudOptions,
  cloudStatusBody,
  signCloudWebhook,
  startFakeCloud,
} from '#runtime/testing/fake-cloud.ts';
import { eventually } from '#runtime/testing/person.ts';

import { processWindow } from '../ingest/duplicate-window.ts';
import { bodyBytesMax, ingestRoutes } from '../ingest/routes.ts';
import { startProjection } from '../projection/projection.ts';
import type { SenderOptions } from './sender.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';
import { type Row, tenant, useSenderWorld } from './testing/sender-world.ts';
import { type CommonFault, faultTestMs, faultyLimits, throughFaults } from './testing/through-faults.ts';

const token = 'an invented access token';
const phoneNumberId = '106540352242922';
const quick = {
  callTimeoutMs: 300,
  gates: { failuresMax: 5, pauseMs: 100, pauseMsMax: 200, coldPauseMs: 60_000, coldPauseMsMax: 60_000 },
} as const;

const sending = useSenderWorld();
const { chatOn, ask } = sending;
let projection: RunningService;
let server: FastifyInstance;
let serial = 0;

beforeAll(async () => {
  projection = await startProjection(sending.world.runtime('prosa_worker'), findEcho);
  server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax });
  const ingest = sending.world.runtime('prosa_ingest');
  ingestRoutes(server, ingest, processWindow(ingest.now));
});

afterAll(async () => {
  await server.close();
  await projection.stop();
});

const sender = (options: SenderOptions = {}) => sending.sender({ ...quick, ...options });

async function cloud(
  options: FakeCloudOptions = {},
  limits: SendLimits = { perSecond: null },
): Promise<{ fake: FakeCloud; instance: Instance }> {
  const fake = await startFakeCloud({ token, ...options });
  sending.cleanups.push(() => fake.close());
  serial += 1;
  const settings = { baseUrl: fake.url, phoneNumberId, limits };
  const wanted = { tenant, provider: 'cloud' as const, name: `cloud-${serial}`, settings, apiKey: token };
  return { fake, instance: await sending.api.instances.create(wanted, Date.now()) };
}

/** In the order in which they were asked for. */
const rows = async (ids: readonly string[]): Promise<readonly Row[]> => {
  const found = await sending.rows(ids);
  return ids.flatMap((id) => found.find((row) => row.id === id) ?? []);
};

const open = new Set(['queued', 'sending', 'scheduled']);

const settledCount = async (ids: readonly string[]): Promise<number> => {
  const found = await sending.worker.database.query<{ readonly count: string }>(
    [tenant],
    'SELECT count(*) FROM deliveries WHERE id = ANY ($1) AND NOT status = ANY ($2)',
    [ids, [...open]],
  );
  // Of many, so that looking is not most of the work.
  await new Promise((resolve) => setTimeout(resolve, ids.length / 10));
  return Number(found.rows[0]?.count);
};

const outcome = async (ids: readonly string[], patienceMs = 60_000): Promise<readonly Row[]> => {
  await eventually(
    () => settledCount(ids),
    (count) => count === ids.length,
    patienceMs,
  );
  return rows(ids);
};

/** Meta tells how far a message got. */
async function tell(instance: Instance, message: CloudMessage, status: string, errorCode?: number): Promise<void> {
  const body = cloudStatusBody(message, status, errorCode);
  const answer = await server.inject({
    method: 'POST',
    url: `/webhooks/cloud/${instance.credentials.webhookToken}`,
    headers: signCloudWebhook(body, instance.credentials.webhookSecret ?? ''),
    payload: body,
  });
  expect([answer.statusCode, answer.body]).toEqual([200, '{"accepted":1,"duplicates":0,"ignored":0}']);
}

const textOf = ({ body }: CloudMessage): string => (body['text'] as { readonly body: string }).body;

describe('a reply by the Cloud API', () => {
  test('is sent once, by number, and its id is kept', async () => {
    const { fake, instance } = await cloud();
    const chat = await chatOn(instance);
    await sender();
    const [row] = await outcome(await ask(chat, 'Olá'));
    expect(row).toMatchObject({ status: 'sent', attempts: 1 });
    expect(fake.messages).toMatchObject([{ to: chat.phone, type: 'text', callbackData: row?.id }]);
    const wamid = fake.messages[0]?.wamid ?? '';
    expect(row?.provider_message_index).toBe(sending.worker.vault.index(tenant, 'message-id', wamid));
  });

  test('after the 24 hours is refused, and says that a template is needed; the next one goes on', async () => {
    const { fake, instance } = await cloud();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'error', code: 131_047 });
    await sender();
    expect(await outcome(await ask(chat, 'tarde demais', 'outra'))).toMatchObject([
      { status: 'failed', reason: 'provider.window-closed', attempts: 1 },
      { status: 'sent' },
    ]);
    expect(fake.messages.map(textOf)).toEqual(['outra']);
  });

  test('that Meta takes too fast for one person waits, and holds up nobody else', async () => {
    const { fake, instance } = await cloud();
    const [slow, other] = [await chatOn(instance), await chatOn(instance)];
    fake.fault({ kind: 'error', code: 131_056 });
    await sender();
    const slowIds = await ask(slow, 'um', 'dois');
    await eventually(
      async () => fake.requests,
      (requests) => requests.length === 1,
    );
    expect(await outcome(await ask(other, 'sem esperar'))).toMatchObject([{ status: 'sent' }]);
    expect(await outcome(slowIds)).toMatchObject([{ status: 'sent', attempts: 2 }, { status: 'sent' }]);
    expect(fake.messages.map(textOf)).toEqual(['sem esperar', 'um', 'dois']);
  });
});

describe('a send that nobody answered', () => {
  test('becomes a send when a status names it, also long after', async () => {
    const { fake, instance } = await cloud();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-after' });
    await sender();
    const ids = await ask(chat, 'quem sabe', 'depois');
    expect(await outcome(ids)).toMatchObject([
      { status: 'unknown', reason: 'outcome.not-confirmed', attempts: 1 },
      { status: 'sent' },
    ]);
    const [lost] = fake.messages;
    if (lost === undefined) throw new Error('nothing arrived');
    await tell(instance, lost, 'delivered');
    const [row] = await eventually(
      () => rows(ids),
      (found) => found[0]?.status === 'sent',
      60_000,
    );
    expect(row).toMatchObject({ status: 'sent', reason: null, attempts: 1 });
    // The conversation is told what became of it, after it was told that it is not known.
    const updates = await eventually(
      () => updatesOf(ids[0] ?? ''),
      (found) => found.length === 2,
    );
    expect(updates.map(({ status }) => status)).toEqual(['unknown', 'sent']);
    expect(fake.messages.map(textOf)).toEqual(['quem sabe', 'depois']);
    // And in the history it is one message, as far as Meta says.
    const history = await sending.worker.database.query<{ readonly status: string }>(
      [tenant],
      'SELECT status FROM message_history WHERE tenant = $1 AND conversation = $2 AND id = $3',
      [tenant, chat.conversation, ids[0]],
    );
    expect(history.rows).toEqual([{ status: 'delivered' }]);
  });

  test('becomes one within its look-ups, with Meta’s id', async () => {
    const { fake, instance } = await cloud();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'gateway-after' });
    await sender({ lookupDelaysMs: [50, ...Array.from({ length: 40 }, () => 250)] });
    const ids = await ask(chat, 'quem sabe');
    const [lost] = await eventually(
      async () => fake.messages,
      (found) => found.length === 1,
    );
    if (lost === undefined) throw new Error('nothing arrived');
    await tell(instance, lost, 'sent');
    expect(await outcome(ids)).toMatchObject([
      {
        status: 'sent',
        attempts: 1,
        provider_message_index: sending.worker.vault.index(tenant, 'message-id', lost.wamid),
      },
    ]);
    const [update] = await eventually(
      () => updatesOf(ids[0] ?? ''),
      (found) => found.length === 1,
    );
    if (update?.sealed == null) throw new Error('it was told without its ids');
    const where = { tenant, actor: chat.conversation, type: update.type, eventId: update.eventId };
    const opened = await sending.worker.vault.open<SealedDelivery>(where, update.sealed);
    expect(opened).toMatchObject({ state: 'open', value: { messageId: lost.wamid } });
  });

  test('is not taken for another of the chat with the same words', async () => {
    const { fake, instance } = await cloud();
    const chat = await chatOn(instance);
    fake.fault({ kind: 'drop-before' });
    await sender();
    const ids = await ask(chat, 'menu', 'menu');
    await outcome(ids);
    const [arrived] = fake.messages;
    if (arrived === undefined) throw new Error('nothing arrived');
    await tell(instance, arrived, 'read');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await rows(ids)).toMatchObject([{ status: 'unknown' }, { status: 'sent' }]);
    expect(fake.messages).toHaveLength(1);
  });
});

test(
  'through faults each message is at Meta once and in order, or is shown with its cause',
  { timeout: faultTestMs + 60_000 },
  async () => {
    const served: { fake: FakeCloud; instance: Instance }[] = [];
    const settled = await throughFaults(sending, [
      async (behave) => {
        const { fake, instance } = await cloud({ behave: () => cloudFault(behave()) }, faultyLimits);
        served.push({ fake, instance });
        return {
          instance,
          sendsAt: () => fake.requests.filter(({ path }) => path.endsWith('/messages')).map(({ at }) => at),
          arrivedAt: (phone) => fake.messages.filter(({ to }) => to === phone).map(textOf),
        };
      },
    ]);
    const [{ fake, instance } = never()] = served;
    // What arrived unanswered is settled by its status.
    const unknown = new Set(settled.filter(({ status }) => status === 'unknown').map(({ id }) => id));
    expect(unknown.size).toBeGreaterThan(0);
    const lost = fake.messages.filter(({ callbackData }) => unknown.has(callbackData ?? ''));
    for (const message of lost) await tell(instance, message, 'sent');
    const named = lost.map(({ callbackData }) => callbackData ?? '');
    const after = await eventually(
      () => rows(named),
      (found) => found.every(({ status }) => status === 'sent'),
      60_000,
    );
    expect(after).toHaveLength(lost.length);
    expect(fake.messages).toHaveLength(settled.filter(({ status }) => status === 'sent').length + lost.length);
  },
);

const never = (): never => {
  throw new Error('there is no server');
};

/** Errors of the Graph API and of what stands before it. */
const cloudFault = (fault: CommonFault | undefined): CloudFault | undefined => {
  if (fault?.kind !== 'status') return fault;
  if (fault.status === 429) return { kind: 'error', code: 130_429, status: 400 };
  return fault.status === 502 ? { kind: 'error', code: 131_000, status: 500 } : { kind: 'gateway', status: 503 };
};

const updatesOf = (id: string): Promise<readonly DeliveryUpdated[]> =>
  sending.recordsOf<DeliveryUpdated>('delivery.updated', [id]);
