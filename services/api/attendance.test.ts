/**
 * Goal: people wait for people, and are attended; and the assistant can be talked to without WhatsApp. Method: the
 * API with the conversation as it is, every service running; chats are the people.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { serviceQueueVersion } from '#machines/service-queue/machine.ts';
import type { RunningService } from '#runtime/runtime.ts';
import { eventually } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { demoSettings } from '../demo-settings.ts';
import { startEffects } from '../effects/effects.ts';
import { openHandlers } from '../effects/handlers.ts';
import { type ApiWorld, type Answer, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let effects: RunningService;

beforeAll(async () => {
  api = await openApiWorld();
  await offers(recepcao);
  await api.startServices();
  const worker = api.world.runtime('prosa_worker', 'test-effects');
  effects = await startEffects(worker, { ...openHandlers(worker, () => ''), soleOwner: true });
});
afterAll(async () => {
  await effects.stop();
  await api.close();
});

const recepcao = { name: 'recepcao', capacity: 1, waitingMax: 5, minutesEach: 10 };

/** Puts a queue in force. */
async function offers(queue: object): Promise<void> {
  const { scheduling } = demoSettings({ locale: 'pt-BR', model: undefined });
  const settings = { businessName: 'Clínica Aurora', agents: ['scheduling', 'appointments'], scheduling, queue };
  await api.runtime.tenants.configure(testTenant, {
    machines: {
      conversation: { version: conversationVersion, settings },
      'service-queue': { version: serviceQueueVersion, settings: {} },
    },
    answerGroups: false,
  });
}

interface Chatted {
  readonly conversationId: string;
  readonly replies: readonly {
    readonly id: string;
    readonly text: string;
    readonly buttons?: readonly { id: string }[];
  }[];
  readonly pending: boolean;
}

const chat = (body: object, key = api.keys.operator): Promise<Answer> => api.call(key, 'POST', '/v1/chat', body);

/** Says something in a session; the texts of the replies. */
async function says(sessionId: string, text: string): Promise<readonly string[]> {
  const { status, body } = await chat({ sessionId, text });
  expect([status, body['pending']]).toEqual([200, false]);
  return (body as unknown as Chatted).replies.map((reply) => reply.text);
}

/** Goes to the menu; the conversation. */
async function arrives(sessionId: string): Promise<string> {
  for (const text of ['Oi', 'sim', 'Ana Souza']) await says(sessionId, text);
  return String((await chat({ sessionId, text: 'menu' })).body['conversationId']);
}

const stateOf = async (conversation: string): Promise<unknown> =>
  ((await api.call(api.keys.admin, 'GET', `/v1/conversations/${conversation}`)).body['state'] as { value: unknown })
    .value;

describe('a chat without WhatsApp', () => {
  test('goes from consent to the menu to a question of an agent', async () => {
    expect(await says('one', 'Oi')).toEqual([expect.stringMatching(/Clínica Aurora.*SIM/su)]);
    expect(await says('one', 'sim')).toEqual([expect.stringMatching(/se chama\?/u)]);
    const { body } = await chat({ sessionId: 'one', text: 'Ana Souza' });
    const [menu] = (body as unknown as Chatted).replies;
    expect(menu?.text).toMatch(/Prazer, Ana!/u);
    const [booking] = menu?.buttons ?? [];
    const pressed = await chat({ conversationId: body['conversationId'], button: booking });
    expect(pressed.body).toMatchObject({ conversationId: body['conversationId'], pending: false });
    expect((pressed.body as unknown as Chatted).replies[0]?.text).toMatch(/Avaliação.*Limpeza/su);
    expect(await stateOf(String(body['conversationId']))).toEqual({
      assisting: { talking: { scheduling: 'choosingService' } },
    });
  });

  test('has each effect on its timeline, with what it took, for analysts too', async () => {
    for (const text of ['Oi', 'sim', 'Ana Souza', 'meus agendamentos']) await says('effects', text);
    const { body } = await chat({ sessionId: 'effects', text: 'menu' });
    const path = `/v1/conversations/${String(body['conversationId'])}/timeline?limit=100`;
    const steps = (await api.call(api.keys.analyst, 'GET', path)).body['items'] as readonly { effect?: unknown }[];
    expect(steps.flatMap(({ effect }) => effect ?? [])).toEqual([
      {
        id: expect.stringMatching(/^f_/u) as string,
        source: 'calendar.list',
        outcome: 'done',
        reason: null,
        requestHash: expect.any(String) as string,
        attempts: 1,
        latencyMs: expect.any(Number) as number,
      },
    ]);
  });

  test('begins in the language that is asked for, and keeps sessions apart', async () => {
    const { body } = await chat({ sessionId: 'two', text: 'Hello', locale: 'en' });
    expect((body as unknown as Chatted).replies[0]?.text).toMatch(/YES/u);
    expect(await says('three', 'Oi')).toEqual([expect.stringMatching(/SIM/u)]);
  });

  test('answers a repeated call the same, and refuses another message under its key', async () => {
    const once = { sessionId: 'four', text: 'Oi', idempotencyKey: 'k1' };
    const [first, second] = [await chat(once), await chat(once)];
    expect(first.body['replies']).toHaveLength(1);
    expect(second.body).toEqual(first.body);
    await says('four', 'sim');
    expect((await chat(once)).body).toEqual(first.body);
    expect(await chat({ ...once, text: 'Tchau' })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    const [together, too] = await Promise.all([
      chat({ ...once, sessionId: 'five' }),
      chat({ ...once, sessionId: 'five' }),
    ]);
    expect(together.body['replies']).toHaveLength(1);
    expect(too.body).toEqual(together.body);
  });

  test('speaks for nobody who writes by a provider, and needs one thing to say', async () => {
    const { body } = await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', {
      from: '5511999990001',
      text: 'Oi',
    });
    const foreign = await chat({ conversationId: body['conversationId'], text: 'sim' });
    expect(foreign).toMatchObject({ status: 404, body: { code: 'not-found' } });
    for (const wrong of [{ sessionId: 'x' }, { text: 'x' }, { sessionId: 'x', text: 'a', button: { id: 'b' } }])
      expect(await chat(wrong)).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
    expect(await chat({ sessionId: 'x', text: 'a'.repeat(5_000) })).toMatchObject({ status: 400 });
    expect(await chat({ sessionId: 'x', text: 'Oi' }, api.keys.ingest)).toMatchObject({ status: 403 });
  });
});

describe('an appointment that an operator books or cancels', () => {
  const phone = '5511999990077';
  const phoneHas = async (text: RegExp): Promise<number> => {
    const { body } = await api.call(api.keys.admin, 'GET', `/v1/simulator/messages?phone=${phone}&limit=100`);
    return (body['items'] as readonly { readonly text: string }[]).filter((item) => text.test(item.text)).length;
  };
  const arrived = (text: RegExp): Promise<number> =>
    eventually(
      () => phoneHas(text),
      (count) => count > 0,
    );
  /** Writes as a person, and waits for an answer that reads so. */
  const writes = async (text: string, answered: RegExp): Promise<string> => {
    const sent = await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', { from: phone, text });
    await arrived(answered);
    return String(sent.body['conversationId']);
  };
  const book = (more: object): Promise<Answer> =>
    api.call(api.keys.operator, 'POST', '/v1/appointments', { service: 'limpeza', ...more });
  const statusOf = async (id: unknown) => (await api.call(api.keys.admin, 'GET', `/v1/messages/${String(id)}`)).body;

  test('is told to the person, once, unless they do not want to be written to', async () => {
    await writes('Oi', /SIM/u);
    await writes('sim', /se chama/u);
    const conversationId = await writes('Ana Souza', /Prazer, Ana/u);
    const order = { conversationId, startsAt: '2126-11-25T11:00:00Z', idempotencyKey: 'told' };
    const [first, again] = [await book(order), await book(order)];
    expect(first).toMatchObject({ status: 201, body: { messageId: expect.any(String) as unknown } });
    expect(again.body['messageId']).toBe(first.body['messageId']);
    const booked = /Clínica Aurora\* marcou um horário para você.*Limpeza.*25 de novembro de 2126, às 8h/su;
    await arrived(booked);
    // It goes on where it was.
    await writes('1', /O que você quer marcar/u);

    const path = `/v1/appointments/${String(first.body['id'])}`;
    expect((await api.call(api.keys.operator, 'DELETE', path)).body['messageId']).toEqual(expect.any(String));
    await api.call(api.keys.operator, 'DELETE', path);
    await arrived(/cancelou este seu horário/u);
    const quietly = await book({ conversationId, startsAt: '2126-11-26T11:00:00Z', tellPerson: false });
    expect(quietly.body['messageId']).toBeNull();

    await writes('PARAR', /não vai mais receber/u);
    const untold = await book({ conversationId, startsAt: '2126-11-27T11:00:00Z' });
    await eventually(
      async () => (await statusOf(untold.body['messageId']))['reason'],
      (reason) => reason === 'consent.withdrawn',
    );
    expect([await phoneHas(booked), await phoneHas(/cancelou/u)]).toEqual([1, 1]);
    expect(await phoneHas(/27 de novembro|26 de novembro/u)).toBe(0);
  });
});

describe('the service queue', () => {
  const post = (path: string, body?: object): Promise<Answer> => api.call(api.keys.operator, 'POST', path, body);
  const listed = async () =>
    (
      (await api.call(api.keys.analyst, 'GET', '/v1/service-queues')).body['items'] as readonly Record<
        string,
        unknown
      >[]
    )[0];
  const lists = (fields: object) =>
    eventually(listed, (queue) => {
      try {
        expect(queue).toMatchObject(fields);
        return true;
      } catch {
        return false;
      }
    });

  test('is there before anybody waits', async () => {
    expect(await listed()).toEqual({
      name: 'recepcao',
      isOffered: true,
      capacity: 1,
      waitingMax: 5,
      waitingCount: 0,
      waiting: [],
      attended: [],
      estimateMinutes: 0,
    });
  });

  test('lists who waits, gives one to an attendant who writes, and takes them back', async () => {
    const [ana, bia] = [await arrives('ana'), await arrives('bia')];
    expect(await says('ana', 'falar com atendente')).toEqual([expect.stringMatching(/próxima pessoa\* da fila/u)]);
    expect(await says('bia', 'falar com atendente')).toEqual([expect.stringMatching(/2ª pessoa\* da fila/u)]);
    expect(await listed()).toMatchObject({
      waitingCount: 2,
      waiting: [
        { conversationId: ana, position: 1 },
        { conversationId: bia, position: 2 },
      ],
      estimateMinutes: 20,
    });

    expect(await post(`/v1/conversations/${bia}/takeover`)).toMatchObject({ status: 202 });
    await lists({ attended: [{ conversationId: bia }], waiting: [{ conversationId: ana }] });
    await eventually(
      () => stateOf(bia),
      (state) => JSON.stringify(state) === '{"waitingForPerson":"attended"}',
    );
    expect(await says('bia', 'oi, é sobre a conta')).toEqual([]);
    expect(await post(`/v1/conversations/${ana}/takeover`)).toMatchObject({
      status: 409,
      body: { code: 'queue-at-capacity' },
    });

    expect(await post(`/v1/conversations/${bia}/handback`)).toMatchObject({ status: 202 });
    await lists({ attended: [], waiting: [{ conversationId: ana, position: 1 }] });
    const replies = await eventually(
      async () => (await api.call(api.keys.operator, 'GET', `/v1/conversations/${bia}/messages`)).text,
      (text) => text.includes('eu voltei'),
    );
    expect(replies).toContain('falando com uma pessoa');
  });

  test('is not needed to take a conversation over, and an attendant writes as one', async () => {
    const { body } = await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', {
      from: '5511999990055',
      text: 'Oi',
    });
    const conversation = String(body['conversationId']);
    await eventually(
      () => stateOf(conversation),
      (state) => state === 'consent',
    );
    await post(`/v1/conversations/${conversation}/takeover`);
    await eventually(
      () => stateOf(conversation),
      (state) => JSON.stringify(state).includes('attended'),
    );
    const instanceId = api.world.instance.id;
    const message = { instanceId, to: '5511999990055', text: 'Aqui é a Bia', origin: 'operator' };
    expect(await post('/v1/messages', message)).toMatchObject({ status: 202, body: { conversationId: conversation } });
    await eventually(
      async () => (await api.call(api.keys.operator, 'GET', `/v1/conversations/${conversation}/messages`)).text,
      (text) => /"origin":"operator".*Aqui é a Bia|Aqui é a Bia.*"origin":"operator"/su.test(text),
    );
  });

  test('lets go of who was erased, when the attendant hands back', async () => {
    const gone = await arrives('gone');
    await says('gone', 'falar com atendente');
    await lists({ waiting: [{}, { conversationId: gone }] });
    const { person } = (await api.runtime.directory.read(testTenant, gone)) ?? { person: '' };
    await asOwner(
      api.world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person}'`,
    );
    const another = api.anotherProcess();
    expect(await another.call(api.keys.operator, 'POST', `/v1/conversations/${gone}/handback`)).toMatchObject({
      status: 202,
    });
    await lists({ waitingCount: 1 });
  });

  test('that is not offered any more is shown, and works, for as long as somebody is in it', async () => {
    await offers({ ...recepcao, name: 'balcao', capacity: 3 });
    const queues = async () =>
      (await api.call(api.keys.analyst, 'GET', '/v1/service-queues')).body['items'] as readonly {
        readonly waiting: readonly { readonly conversationId: string }[];
      }[];
    const [now, before, ...more] = await eventually(queues, (items) => items.length === 2);
    expect(now).toMatchObject({ name: 'balcao', isOffered: true, capacity: 3, waitingCount: 0 });
    expect(before).toMatchObject({ name: 'recepcao', isOffered: false, capacity: 1, waitingCount: 1 });
    expect(more).toEqual([]);

    const ana = before?.waiting[0]?.conversationId ?? '';
    await post(`/v1/conversations/${ana}/takeover`);
    await eventually(queues, (items) => JSON.stringify(items[1]).includes('attendant'));
    await post(`/v1/conversations/${ana}/handback`);
    await eventually(queues, (items) => items.length === 1);
    await offers(recepcao);
  });

  test('is of no use to who said no, nor for what is not there', async () => {
    await says('nobody', 'Oi');
    const { body } = await chat({ sessionId: 'nobody', text: 'não' });
    expect(await post(`/v1/conversations/${String(body['conversationId'])}/takeover`)).toMatchObject({
      status: 409,
      body: { code: 'consent-refused' },
    });
    for (const operation of ['takeover', 'handback'])
      expect(await post(`/v1/conversations/c_none/${operation}`)).toMatchObject({ status: 404 });
  });
});
