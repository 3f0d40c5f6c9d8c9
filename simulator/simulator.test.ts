/**
 * Goal: what the simulator says of itself is so: each personality's webhooks are signed and read as the real
 * ones, its accounts are managed as the real ones, and each fault is what it is called, by seed.
 */
import { once } from 'node:events';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import { eventually } from '#runtime/testing/person.ts';

import { openEvolutionAccounts } from '../services/effects/adapters/evolution-accounts.ts';
import { openWahaAccounts } from '../services/effects/adapters/waha-accounts.ts';
import { baileys } from '../services/ingest/providers/baileys.ts';
import { cloud } from '../services/ingest/providers/cloud.ts';
import { evolution } from '../services/ingest/providers/evolution.ts';
import type { NormalisedEvent } from '../services/ingest/providers/provider.ts';
import { waha } from '../services/ingest/providers/waha.ts';
import { Faults, parseFaults } from './faults.ts';
import { personOf } from './people.ts';
import {
  type PersonalityName,
  type Simulator,
  type SimulatorOptions,
  personalities,
  startSimulator,
} from './simulator.ts';

const names = Object.keys(personalities) as readonly PersonalityName[];
const secret = 'an-invented-secret';
const phone = '5511912345678';
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const instanceOf = (provider: PersonalityName, baseUrl?: string): Instance => {
  const { session } = personalities[provider];
  const where = baseUrl === undefined ? {} : { baseUrl };
  return {
    id: 'i_1',
    tenant: 'demo',
    line: 'l_1',
    provider,
    name: provider,
    settings: { ...where, ...(provider === 'cloud' ? { phoneNumberId: session } : { session }) },
    credentials: { webhookToken: 'token', webhookSecret: secret },
  };
};

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Who listens to webhooks; answers the statuses given, then 200. */
async function listener(...statuses: number[]): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((parts: Buffer[]) => {
      received.push({ headers: request.headers, body: Buffer.concat(parts) });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

async function simulated(as: PersonalityName, options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ as, port: 0, seed: 1, faults: {}, ...options });
  cleanups.push(() => simulator.close());
  return simulator;
}

/** What Prosa reads in a webhook; throws when it is not signed. */
function eventsIn(as: PersonalityName, { headers, body }: Received): readonly NormalisedEvent[] {
  const provider = { waha, evolution, cloud, baileys }[as];
  const instance = instanceOf(as);
  if (!provider.verify(body, headers, instance)) throw new Error('not signed');
  const raw = body.toString('utf8');
  return provider.normalise({ raw, json: JSON.parse(raw) as Record<string, unknown>, requestId: 'r' }, instance);
}

const post = (url: string, body: object, method = 'POST'): Promise<Response> =>
  fetch(url, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** Sends a text as Prosa would. */
const sends: Readonly<Record<PersonalityName, (url: string, to: string, text: string) => Promise<Response>>> = {
  waha: (url, to, text) => post(`${url}/api/sendText`, { session: 'default', chatId: `${to}@c.us`, text }),
  evolution: (url, to, text) => post(`${url}/message/sendText/prosa`, { number: to, text }),
  cloud: (url, to, text) =>
    post(`${url}/v26.0/${personalities.cloud.session}/messages`, { to, type: 'text', text: { body: text } }),
  baileys: (url, to, text) =>
    post(`${url}/v1/sessions/demo/i_1/messages`, {
      id: `3EB0${Buffer.from(text).toString('hex').toUpperCase().padStart(18, '0')}`,
      chat: `${to}@s.whatsapp.net`,
      person: 'p_1',
      content: { kind: 'text', text },
    }),
};

describe.each(names)('as %s', (as) => {
  test('what a person writes is told in the real form, under each of the names', async () => {
    const { url, received } = await listener();
    const simulator = await simulated(as, { webhook: { url, secret } });
    for (const naming of ['number', 'both', 'hidden'] as const)
      simulator.says(phone, { kind: 'text', text: naming }, naming);
    simulator.says(phone, { kind: 'button', id: 'yes', title: 'Sim' });
    simulator.says(phone, { kind: 'location', latitude: -23.5, longitude: -46.6 });
    await eventually(
      () => Promise.resolve(received),
      (all) => all.length === 5,
    );
    const events = received.flatMap((one) => eventsIn(as, one));
    const said = (kind: string, rest: object): object => expect.objectContaining({ kind, ...rest }) as object;
    const messages = events.flatMap((event) => (event.type === 'message.received' ? [event] : []));
    expect(messages).toHaveLength(5);
    const addresses = (text: string): readonly string[] => {
      const found = messages.find(({ message: { content } }) => content.kind === 'text' && content.text === text);
      return (found?.chat.addresses ?? []).map((address) => address.replace(/@.*|^BR\./g, ''));
    };
    expect(addresses('number')).toEqual([phone]);
    expect(addresses('both')).toEqual([personOf(phone).hidden, phone]);
    expect(addresses('hidden')).toEqual([personOf(phone).hidden]);
    expect(messages.map(({ message }) => message.content)).toEqual(
      expect.arrayContaining([
        said('button', { id: 'yes', title: 'Sim' }),
        said('location', { latitude: -23.5, longitude: -46.6 }),
      ]),
    );
    expect(messages.every(({ message }) => message.sender.name === personOf(phone).name)).toBe(true);
  });

  test('a message is at its phone, and its statuses are told', async () => {
    const { url, received } = await listener();
    const simulator = await simulated(as, { webhook: { url, secret } });
    expect((await sends[as](simulator.url, phone, 'Bom dia')).ok).toBe(true);
    expect(simulator.phone(phone)).toMatchObject([{ by: 'business', type: 'text', text: 'Bom dia' }]);
    const statuses = await eventually(
      () =>
        Promise.resolve(
          received
            .flatMap((one) => eventsIn(as, one))
            .flatMap((event) => (event.type === 'message.status' ? [event.status] : [])),
        ),
      (all) => all.length === 3,
    );
    expect(statuses).toEqual(['sent', 'delivered', 'read']);
  });

  test('a refusal of cold chats is one, and who wrote is not cold', async () => {
    const { url, received } = await listener();
    const simulator = await simulated(as, { webhook: { url, secret }, faults: parseFaults('restricted=1') });
    const answer = await sends[as](simulator.url, phone, 'Oferta');
    const failed = (): boolean =>
      received.some((one) => eventsIn(as, one).some((event) => event.type === 'message.status'));
    if (as === 'evolution')
      await eventually(
        () => Promise.resolve(failed()),
        (told) => told,
      );
    else expect(await answer.text()).toMatch(/463|131048|provider\.restricted/);
    expect(simulator.phone(phone)).toEqual([]);
    simulator.says(phone, { kind: 'text', text: 'Oi' });
    await sends[as](simulator.url, phone, 'Olá');
    expect(simulator.phone(phone).map(({ text }) => text)).toEqual(['Oi', 'Olá']);
    expect(simulator.report()).toMatchObject({ faults: { restricted: 1 }, messages: { wrote: 1, received: 1 } });
  });

  test('a send that is taken and not answered is at the phone; while it is away nothing is', async () => {
    const simulator = await simulated(as, { faults: parseFaults('ambiguous=1:10') });
    await expect(sends[as](simulator.url, phone, 'um')).rejects.toThrow();
    expect(simulator.phone(phone).map(({ text }) => text)).toEqual(['um']);
    simulator.setFaults(parseFaults('disconnect=1:60000'));
    expect((await sends[as](simulator.url, phone, 'dois')).status).toBeGreaterThanOrEqual(400);
    expect(simulator.phone(phone)).toHaveLength(1);
    simulator.setFaults({});
    simulator.session.start();
    expect((await sends[as](simulator.url, phone, 'três')).ok).toBe(true);
    expect(simulator.phone(phone)).toHaveLength(2);
  });

  test('half of the server errors come after the message went out', async () => {
    const simulator = await simulated(as, { faults: parseFaults('error=1') });
    const texts = Array.from({ length: 20 }, (_, i) => `texto ${i}`);
    const answers = await Promise.all(texts.map((text) => sends[as](simulator.url, phone, text)));
    expect(answers.some(({ ok }) => ok)).toBe(false);
    expect(simulator.phone(phone).length).toBeGreaterThan(3);
    expect(simulator.phone(phone).length).toBeLessThan(17);
  });
});

describe('webhooks', () => {
  const bodies = (received: readonly Received[]): readonly string[] => received.map(({ body }) => body.toString());

  test('are dropped, doubled and overtaken as told, by seed; what is dropped is named', async () => {
    const { url, received } = await listener();
    const simulator = await simulated('cloud', { webhook: { url, secret }, faults: parseFaults('drop=1') });
    const dropped = simulator.says(phone, { kind: 'text', text: 'a' });
    simulator.setFaults(parseFaults('duplicate=1'));
    simulator.says(phone, { kind: 'text', text: 'b' });
    await eventually(
      () => Promise.resolve(received),
      (all) => all.length === 2,
    );
    expect(new Set(bodies(received)).size).toBe(1);
    simulator.setFaults(parseFaults('reorder=1:60000'));
    const held = simulator.says(phone, { kind: 'text', text: 'c' });
    simulator.setFaults({});
    const next = simulator.says(phone, { kind: 'text', text: 'd' });
    await eventually(
      () => Promise.resolve(simulator.report().webhooks),
      ({ taken, waiting }) => taken === 4 && waiting === 0,
    );
    const late = bodies(received).slice(2);
    expect([late[0]?.includes(next), late[1]?.includes(held)]).toEqual([true, true]);
    expect(simulator.report()).toMatchObject({
      faults: { drop: 1, duplicate: 1, reorder: 1 },
      webhooks: { lostMessages: [dropped] },
    });
  });

  test('are posted again as the provider does, and given up as it does', async () => {
    const refusing = await listener(401);
    const final = await simulated('evolution', { webhook: { url: refusing.url, secret } });
    const lost = final.says(phone, { kind: 'text', text: 'a' });
    await eventually(
      () => Promise.resolve(final.report().webhooks),
      ({ givenUp }) => givenUp === 1,
    );
    expect(final.report().webhooks).toMatchObject({ posted: 1, lostMessages: [lost] });

    const busy = await listener(503, 503);
    const inOrder = await simulated('baileys', { webhook: { url: busy.url, secret } });
    for (const text of ['a', 'b', 'c']) inOrder.says(phone, { kind: 'text', text });
    await eventually(
      () => Promise.resolve(busy.received),
      (all) => all.length === 5,
    );
    const numbers = bodies(busy.received).map((body) => (JSON.parse(body) as { sequence: number }).sequence);
    expect(numbers).toEqual([1, 1, 1, 2, 3]);
  });
});

describe('a session that is not linked', () => {
  const accounts = { waha: openWahaAccounts, evolution: openEvolutionAccounts } as const;
  const { signal } = new AbortController();

  test.each(['waha', 'evolution'] as const)('of %s is started, scanned, unlinked', async (as) => {
    const { url, received } = await listener();
    const simulator = await simulated(as, { linked: false, webhook: { url, secret } });
    const provider = accounts[as]();
    cleanups.push(() => provider.close());
    const instance = instanceOf(as, simulator.url);
    expect(await provider.look(instance, signal)).toMatchObject({ status: 'stopped' });
    const seen = await provider.connect(instance, null, signal);
    expect(seen).toMatchObject({ status: 'scanning', qr: { code: simulator.session.code } });
    simulator.says(phone, { kind: 'text', text: 'Oi' });
    expect((await post(`${simulator.url}/simulator/scan`, {})).status).toBe(204);
    expect(await provider.look(instance, signal)).toMatchObject({ status: 'working' });
    expect(await provider.restart(instance, signal)).toMatchObject({ status: 'working' });
    await provider.logout(instance, signal);
    expect(await provider.look(instance, signal)).toMatchObject({ status: 'stopped' });
    const events = (): readonly NormalisedEvent[] => received.flatMap((one) => eventsIn(as, one));
    await eventually(
      () => Promise.resolve(events().flatMap((event) => (event.type === 'instance.reported' ? [event.status] : []))),
      (all) => ['scanning', 'working', 'stopped'].every((status) => all.some((one) => one === status)),
    );
    // WhatsApp kept it until somebody was there.
    expect(events().filter(({ type }) => type === 'message.received')).toHaveLength(1);
  });

  test('what people wrote can be asked for again', async () => {
    const simulator = await simulated('waha', { faults: parseFaults('drop=1') });
    simulator.says(phone, { kind: 'text', text: 'Alguém aí?' });
    const provider = openWahaAccounts();
    cleanups.push(() => provider.close());
    const missed: unknown[] = [];
    const [from, to] = [Date.now() - 60_000, Date.now() + 60_000];
    for await (const { body } of provider.missed?.(instanceOf('waha', simulator.url), from, to, signal) ?? [])
      missed.push(body);
    expect(missed).toMatchObject([{ event: 'message.any', payload: { fromMe: false, body: 'Alguém aí?' } }]);
  });
});

describe('faults', () => {
  test('are the same for the same seed, and about as often as told', () => {
    const struck = (seed: number): readonly number[] => {
      const faults = new Faults(seed, parseFaults('drop=0.2'));
      return Array.from({ length: 1_000 }, (_, i) => i).filter((i) => faults.strikes('drop', String(i)) !== undefined);
    };
    expect(struck(1)).toEqual(struck(1));
    expect(struck(1)).not.toEqual(struck(2));
    expect(struck(1).length).toBeGreaterThan(140);
    expect(struck(1).length).toBeLessThan(260);
  });

  test.each(['x=0.1', 'drop', 'drop=2', 'drop=-1', 'delay=0.1:9999999', 'delay=0.1:2s'])('%s is refused', (text) => {
    expect(() => parseFaults(text)).toThrow(RangeError);
  });
});

test('is driven by hand, and refuses what makes no sense', async () => {
  const simulator = await simulated('waha');
  const at = `${simulator.url}/simulator`;
  expect((await post(`${at}/messages`, { from: phone, text: 'Oi' })).status).toBe(202);
  for (const body of [{ from: phone }, { from: 'Ana', text: 'Oi' }, { from: phone, text: 'Oi', location: 1 }])
    expect((await post(`${at}/messages`, body)).status).toBe(400);
  expect((await post(`${at}/faults`, { drop: '2' })).status).toBe(400);
  expect((await post(`${at}/faults`, { drop: 0.1, delay: '0.2:100' })).status).toBe(204);
  expect((await post(`${at}/scan`, {})).status).toBe(409);
  expect(await (await fetch(`${at}/phones/${phone}`)).json()).toMatchObject({ items: [{ by: 'person', text: 'Oi' }] });
  for (const [i, text] of ['n 1', 'n 3', 'n 2', 'n 2'].entries())
    await post(`${simulator.url}/api/sendText`, {
      session: 'default',
      chatId: `${phone}@c.us`,
      text,
      id: `3EB0AA${i}`,
    });
  await post(`${simulator.url}/api/sendText`, {
    session: 'default',
    chatId: `${phone}@c.us`,
    text: 'n 2',
    id: '3EB0AA3',
  });
  expect(await (await fetch(`${at}/report`)).json()).toMatchObject({
    messages: { wrote: 1, received: 4, doubled: 1, outOfOrder: 2, repeats: 1 },
    sends: { asked: 5 },
  });
});
