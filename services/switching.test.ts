/**
 * Goal: a line goes from one provider instance to another and back, under load, and no message is lost or
 * doubled, and the order of each chat is kept. Method: two fake WAHAs, persons who write all the time, the
 * real hosts, senders and effects between; `SWITCHES` says how often (10 without it).
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { instanceVersion } from '#machines/instance/machine.ts';
import type { InstanceOperation } from '#machines/machine.ts';
import { findMachine } from '#machines/registry.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { type LineRoute, openRouting, placeOf } from '#runtime/instances/routing.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { echoConfiguration, findEcho } from '#runtime/testing/echo-machine.ts';
import { type FakeWaha, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { RouteWish, SealedInstanceRequest, SealedMessage } from '#schemas/content.ts';
import type { InstanceRequested, MessageReceived } from '#schemas/records.ts';

import { startConversation } from './conversation/conversation.ts';
import { startEffects } from './effects/effects.ts';
import { openInstanceCare } from './effects/instances/care.ts';
import { gateDefaults } from './sender/gates.ts';
import { startSender } from './sender/sender.ts';
import { startTimers } from './timers/timers.ts';

const switches = Number(process.env['SWITCHES'] ?? 10);
const chats = 6;
const pauseMs = 25;
const unansweredMax = 60;
const waitMs = 60_000;

const find: FindMachine = (name, version) => findEcho(name, version) ?? findMachine(name, version);
const settings = { trialMs: 0, drainWithinMs: 5_000, checkEveryMs: 3_600_000, missedMax: 1, flags: ['beta'] };

let world: TestWorld;
let worker: Runtime;
let ingest: Runtime;
let revision: string;
let services: RunningService[];
let fakes: FakeWaha[];
let instances: Instance[];

beforeEach(async () => {
  const machines = { ...echoConfiguration.machines, instance: { version: instanceVersion, settings } };
  world = await openTestWorld({ configuration: { ...echoConfiguration, machines } });
  worker = world.runtime('prosa_worker', 'test-switching');
  ingest = world.runtime('prosa_ingest', 'test-ingest');
  ({ revision } = world);
  fakes = await Promise.all([0, 1].map(() => startFakeWaha()));
  const api = world.runtime('prosa_api', 'test-api');
  instances = [];
  for (const [i, { url: baseUrl }] of fakes.entries()) {
    const wanted = { tenant: testTenant, provider: 'waha', name: `waha ${i}` } as const;
    instances.push(
      await api.instances.create(
        { ...wanted, settings: { baseUrl, session: `s${i}`, engine: 'NOWEB', limits: noLimits } },
        0,
      ),
    );
  }
  const care = openInstanceCare(worker, () => 'http://127.0.0.1:9');
  services = [
    await startConversation(worker, find),
    await startTimers(worker),
    await startEffects(worker, { ...care, pollMs: 50 }),
    await startSender(worker, {
      pollMs: 50,
      retryDelaysMs: [0, 50, 100, 200, 400, 800],
      lookupDelaysMs: [50, 100, 200],
      // On a slow machine the faults meet one message after the other, and open the breaker: not for long here.
      gates: { ...gateDefaults, pauseMs: 100, pauseMsMax: 1_000 },
    }),
  ];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await Promise.all(fakes.map((fake) => fake.close()));
  await world.close();
});

/** A person's chat: what is written in it is answered, once each. */
class Chat {
  readonly entry: ConversationEntry;
  readonly address: string;
  said = 0;

  constructor(entry: ConversationEntry, address: string) {
    this.entry = entry;
    this.address = address;
  }

  async says(through: Instance): Promise<void> {
    const stableId = `3EB0${newUlid(worker.now())}`;
    const where = { tenant: testTenant, actor: this.entry.conversation, eventId: newUlid(worker.now()) };
    const message: SealedMessage = {
      messageId: stableId,
      stableId,
      chat: this.address,
      sender: { address: this.address },
      content: { kind: 'text', text: `message ${(this.said += 1)}` },
    };
    const record: MessageReceived = {
      ...where,
      type: 'message.received',
      causationId: null,
      occurredAt: worker.now(),
      providerAt: null,
      revision,
      instance: through.id,
      kind: 'text',
      group: false,
      sealed: await worker.vault.seal({ ...where, type: 'message.received' }, this.entry.person, worker.now(), message),
    };
    await world.log.append([outgoing(record)]);
  }

  /** What the person received, in the order in which it came, whoever brought it. */
  received(): readonly string[] {
    return fakes
      .flatMap(({ messages }) => messages)
      .filter(({ chatId }) => chatId === this.address)
      .sort((a, b) => a.at - b.at || countIn(a.text) - countIn(b.text))
      .map(({ text }) => text);
  }

  expected(): readonly string[] {
    return Array.from({ length: this.said }, (_, i) => `${i + 1}:message ${i + 1}`);
  }
}

/** The echo machine counts; two messages of a chat may arrive in one millisecond. */
const countIn = (text: string): number => Number(text.split(':')[0]);

const at = <T>(list: readonly T[], i: number): T => {
  const found = list[i];
  if (found === undefined) throw new Error(`there is no ${i}`);
  return found;
};
const openChats = (line: string): Promise<Chat[]> =>
  Promise.all(
    Array.from({ length: chats }, async (_, i) => {
      const address = `551190000000${i}@c.us`;
      const chat = { tenant: testTenant, line, addresses: [address], group: false, at: worker.now() };
      return new Chat(await ingest.directory.resolve(chat), address);
    }),
  );

async function ask(instance: Instance, operation: InstanceOperation, route?: RouteWish): Promise<void> {
  const where = {
    tenant: testTenant,
    actor: instance.id,
    type: 'instance.requested' as const,
    eventId: newUlid(worker.now()),
  };
  const wanted: SealedInstanceRequest = route === undefined ? {} : { route };
  const record: InstanceRequested = {
    ...where,
    causationId: null,
    occurredAt: worker.now(),
    providerAt: null,
    revision,
    instance: instance.id,
    operation,
    requestedBy: null,
    sealed: await worker.vault.seal(where, tenantSubject(testTenant), worker.now(), wanted),
  };
  await world.log.append([outgoing(record)]);
}

const unanswered = (all: readonly Chat[]): number =>
  all.reduce((sum, { said }) => sum + said, 0) - fakes.reduce((sum, { messages }) => sum + messages.length, 0);

/** What nobody received, with what the deliveries that are not yet sent wait for: for a failure's message. */
async function missing(all: readonly Chat[]) {
  const chats = all.flatMap((chat) => {
    const received = new Set(chat.received());
    const lacking = chat.expected().filter((text) => !received.has(text));
    return lacking.length === 0 ? [] : [{ conversation: chat.entry.conversation, lacking }];
  });
  if (chats.length === 0) return { chats, deliveries: [] };
  const { rows } = await worker.database.query(
    [testTenant],
    `SELECT status, count(*)::int AS count FROM deliveries WHERE status <> 'sent' GROUP BY status`,
  );
  return { chats, deliveries: rows };
}

const routeIs = (line: string, holds: (route: LineRoute) => boolean): Promise<LineRoute | undefined> => {
  const routing = openRouting(worker.database, worker.tenants);
  return eventually(
    () => routing.read(testTenant, line),
    (route) => route !== undefined && holds(route),
    waitMs,
  );
};

/** Everything that was to be sent is with somebody. */
const settled = () =>
  eventually(
    async () => {
      const { rows } = await worker.database.query<{ open: number; bad: number }>(
        [testTenant],
        `SELECT count(*) FILTER (WHERE status IN ('queued', 'sending'))::int AS open,
           count(*) FILTER (WHERE status NOT IN ('queued', 'sending', 'sent'))::int AS bad FROM deliveries`,
      );
      return rows[0] ?? { open: 1, bad: 0 };
    },
    ({ open }) => open === 0,
    waitMs,
  );

/** No bound of ours is to slow the test. */
const noLimits = {
  perSecond: null,
  perChatPerMinute: null,
  repliesPerMinute: null,
  initiatedPerMinute: null,
  newChatsPerDay: null,
};

test(
  `a line that goes over ${switches} times loses nothing, doubles nothing, and keeps each chat in order`,
  async () => {
    const { line } = at(instances, 0);
    const all = await openChats(line);
    for (const instance of instances) await ask(instance, 'create');
    let writing = true;
    const load = all.map(async (chat, i) => {
      for (let n = 0; writing; n += 1) {
        // As much as this machine carries: what waits without end would only make the test long.
        if (unanswered(all) < unansweredMax) await chat.says(at(instances, (n + i) % 2));
        await sleep(pauseMs);
      }
    });
    for (let n = 0; n < switches; n += 1) {
      const [from, to] = [at(instances, n % 2), at(instances, (n + 1) % 2)];
      // What is on its way meets the weather, too: refused, and sent without a word of it.
      at(fakes, n % 2).fault({ kind: 'status', status: 503 });
      at(fakes, n % 2).fault({ kind: 'drop-after' });
      await ask(from, 'switch', { to: to.id, fallbacks: [] });
      // Settled: nobody stands ready any more.
      await routeIs(line, (route) => route.instance === to.id && route.fallbacks.length === 0);
      await sleep(100);
    }
    writing = false;
    await Promise.all(load);
    await eventually(
      () => missing(all),
      ({ chats }) => chats.length === 0,
      waitMs,
    );
    expect(await settled()).toEqual({ open: 0, bad: 0 });
    for (const chat of all) expect(chat.received()).toEqual(chat.expected());
    for (const fake of fakes) expect(fake.messages.length).toBeGreaterThan(0);
  },
  60_000 + switches * 10_000,
);

test('a share of the chats goes elsewhere, always the same ones, while the flag is on', async () => {
  const [first, second] = [at(instances, 0), at(instances, 1)];
  const all = await openChats(first.line);
  for (const instance of instances) await ask(instance, 'create');
  await ask(first, 'split', { to: second.id, percent: 50, flag: 'beta', fallbacks: [] });
  await routeIs(first.line, ({ split }) => split?.percent === 50);
  const rounds = 3;
  for (let n = 0; n < rounds; n += 1) for (const chat of all) await chat.says(first);
  await eventually(
    () => Promise.resolve(all.map((chat) => chat.received().length)),
    (counts) => counts.every((count) => count === rounds),
    waitMs,
  );
  for (const { entry, address } of all) {
    const shared = placeOf(first.line, entry.conversation) < 50;
    const counts = fakes.map(({ messages }) => messages.filter(({ chatId }) => chatId === address).length);
    expect(counts).toEqual(shared ? [0, rounds] : [rounds, 0]);
  }
});

test('an allowed instance stands in for one that is down, also for what waits there, and gives back', async () => {
  const [first, second] = [at(instances, 0), at(instances, 1)];
  const [chat] = await openChats(first.line);
  if (chat === undefined) throw new Error('no chat');
  for (const instance of instances) await ask(instance, 'create');
  // A split of nothing: only the allowance.
  await ask(first, 'split', { to: second.id, percent: 0, fallbacks: [second.id] });
  await routeIs(first.line, ({ fallbacks }) => fallbacks.length === 1);

  at(fakes, 0).setSession('s0', 'FAILED');
  await chat.says(first);
  await chat.says(first);
  // It was refused there, and waits to be tried again.
  await eventually(
    () => Promise.resolve(at(fakes, 0).sends().length),
    (count) => count > 0,
    waitMs,
  );
  await ask(first, 'logout');
  await eventually(
    () => Promise.resolve(at(fakes, 1).messages.map(({ text }) => text)),
    (texts) => texts.length === 2,
    waitMs,
  );
  expect(chat.received()).toEqual(chat.expected());

  at(fakes, 0).setSession('s0', 'WORKING');
  await ask(first, 'connect');
  await routeIs(first.line, ({ availability }) => availability.get(first.id) === 'available');
  await sleep(1_100);
  await chat.says(first);
  await eventually(
    () => Promise.resolve(at(fakes, 0).messages.map(({ text }) => text)),
    (texts) => texts.length === 1,
    waitMs,
  );
  expect(chat.received()).toEqual(chat.expected());
}, 120_000);
