// Goal: conversations and the queue that they wait in talk by records, exactly once and whatever host each is on,
// and replay to the same. Method: real hosts on the Postgres log, the machines as they are, a clock of our own.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { findMachine } from '#machines/registry.ts';
import type { ServiceQueueContext } from '#machines/service-queue/context.ts';
import { serviceQueueVersion } from '#machines/service-queue/machine.ts';
import { queueActorOf } from '#runtime/actor/actor-ids.ts';
import { orderedQuarantines } from '#runtime/actor/apply.ts';
import { type Envelope, openEnvelope, plainOf, stateText } from '#runtime/actor/envelope.ts';
import { type FoldStep, fold } from '#runtime/actor/fold.ts';
import { loadActors } from '#runtime/actor/snapshot-store.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { loggedOf } from '#runtime/testing/whole-fold.ts';
import type { ActorTold, AuditRecorded } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { arrives } from '../testing/arrival.ts';
import { startTimers } from '../timers/timers.ts';
import { startConversation } from './conversation.ts';

const queue = { name: 'recepcao', capacity: 1, waitingMax: 5, minutesEach: 10 };
const queueActor = queueActorOf(testTenant, queue.name);
const machines = {
  conversation: { version: conversationVersion, settings: { queue } },
  'service-queue': { version: serviceQueueVersion, settings: {} },
};

let world: TestWorld;
let worker: Runtime;
let running: RunningService[] = [];
let passedMs = 0;

beforeAll(async () => {
  world = await openTestWorld({
    configuration: { machines, answerGroups: false },
    now: () => Date.now() + passedMs,
  });
  worker = world.runtime('prosa_worker');
  await startHosts();
});
afterAll(async () => {
  await stopAll();
  await world.close();
});

/** Two hosts, which share the partitions. */
async function startHosts(): Promise<void> {
  for (const name of ['one', 'other'])
    running.push(await startConversation(world.runtime('prosa_worker', `test-host-${name}`)));
  running.push(await startTimers(worker));
}

async function stopAll(): Promise<void> {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
}

const everybody: Person[] = [];

async function meet(phone: string): Promise<Person> {
  const person = await Person.meet(world, world.runtime('prosa_ingest'), phone);
  everybody.push(person);
  return person;
}

const comes = async (phone: string): Promise<Person> => arrives(await meet(phone));

/** Nobody waits and nobody is attended. */
const queueCloses = (): Promise<string> =>
  eventually(
    () => stateOf(queueActor),
    (state) => state === 'closed',
  );

const asks = (person: Person, operation: 'takeover' | 'handback') =>
  person.tell({ type: 'attendance.requested', operation, requestedBy: 'k_1' });

async function envelopeOf(actor: string): Promise<Envelope | undefined> {
  const [stored] = await loadActors(worker.database, [{ tenant: testTenant, actor }], Number.MAX_SAFE_INTEGER);
  if (stored?.snapshot === undefined) return undefined;
  return openEnvelope(worker.vault, { ...stored, ...stored.snapshot }, findMachine);
}

const stateOf = async (actor: string): Promise<string> =>
  stateText((await envelopeOf(actor))?.episode?.snapshot.value ?? 'none');

/** Folds an actor from its first record on the log. */
async function folded(actor: string): Promise<readonly FoldStep[]> {
  const told = await openPastRecords(worker.vault, await loggedOf(worker, actor));
  const steps: FoldStep[] = [];
  const ports = {
    find: findMachine,
    configuration: (tenant: string, revision: string) => worker.tenants.configuration(tenant, revision),
    quarantines: orderedQuarantines(told),
    parked: new Set<number>(),
    held: () => Promise.resolve([]),
  };
  for await (const step of fold(told, ports)) steps.push(step);
  return steps;
}

const toldOf = async (actor: string): Promise<readonly ActorTold[]> =>
  (await readRecords(world, topics.events, actor)).filter(
    (record): record is ActorTold => record.type === 'actor.told',
  );

const plain = (envelope: Envelope): unknown => JSON.parse(JSON.stringify(plainOf(envelope, findMachine)));

/** The fold of each actor is what its host keeps, and what one was told is what the others' folds tell. */
async function expectReplays(actors: readonly string[]): Promise<void> {
  const tells: unknown[] = [];
  for (const actor of actors) {
    const steps = await folded(actor);
    const last = steps.at(-1)?.after;
    const kept = await envelopeOf(actor);
    expect(last).toBeDefined();
    if (last !== undefined && kept !== undefined) expect(plain(last)).toEqual(plain(kept));
    tells.push(
      ...steps
        .flatMap(({ outputs }) => outputs.map(({ record }) => record))
        .filter(({ type }) => type === 'actor.told'),
    );
  }
  const byId = (records: readonly unknown[]) =>
    (records as readonly ActorTold[]).map(({ eventId, actor, name }) => `${eventId} ${actor} ${name}`).sort();
  const onLog = (await Promise.all(actors.map(toldOf))).flat();
  expect(onLog.length).toBeGreaterThan(20);
  expect(byId(tells)).toEqual(byId(onLog));
}

describe('a queue', () => {
  test('tells two people their places, gives one to an attendant, and takes the next', async () => {
    const [ana, bia] = await Promise.all([comes('5511999990001'), comes('5511999990002')]);
    await ana.says('falar com atendente');
    await ana.hears(/próxima pessoa\* da fila, e deve ser em instantes/);
    await bia.says('falar com atendente');
    await bia.hears(/2ª pessoa\* da fila. A espera é de cerca de 10 minutos/);

    // By other hosts, which know nothing.
    await stopAll();
    await startHosts();
    passedMs += 61_000;
    await asks(ana, 'takeover');
    await ana.hears(/falando com uma pessoa/);
    await bia.hears(/A fila andou! Você é a \*próxima pessoa/);
    expect(await stateOf(ana.entry.conversation)).toBe('waitingForPerson.attended');

    // No room for a second one.
    await asks(bia, 'takeover');
    await eventually(
      async () => (await readRecords(world, topics.audit, bia.entry.conversation)) as AuditRecorded[],
      (audit) => audit.some(({ action, outcome }) => action === 'attendance.refused' && outcome === 'capacity'),
    );
    const quiet = (await ana.replies()).length;
    await ana.says('é sobre a minha conta');
    await asks(ana, 'handback');
    const replies = await ana.hears(/terminou, e eu voltei/);
    expect(replies).toHaveLength(quiet + 1);
    await asks(bia, 'takeover');
    await bia.hears(/falando com uma pessoa/);

    await bia.says('PARAR');
    await bia.hears(/não vai mais receber/);
    await queueCloses();
    expect(((await envelopeOf(queueActor))?.episode?.snapshot.context as ServiceQueueContext).latestMs).toHaveLength(2);
  });

  test('tells the latest position after the minute, by a timer', async () => {
    const people = await Promise.all(['5511999990003', '5511999990004', '5511999990005'].map(comes));
    for (const [index, person] of people.entries()) {
      await person.says('falar com atendente');
      await person.hears(index === 0 ? /próxima pessoa\* da fila/ : new RegExp(`${(index + 1).toString()}ª pessoa`));
    }
    const [first, second, third] = people as [Person, Person, Person];
    await second.says('sair da fila');
    await first.says('menu');
    await eventually(
      async () => (await envelopeOf(third.entry.conversation))?.episode?.snapshot.context as ConversationContext,
      ({ attendance }) => attendance.position === 1,
    );
    const before = (await third.replies()).length;
    passedMs += 61_000;
    const replies = await third.hears(/A fila andou! Você é a \*próxima/);
    // Not the second place, which it had for a moment.
    expect(replies).toHaveLength(before + 1);
    await third.says('sair da fila');
    await queueCloses();
  });

  test('follows a conversation into the elder one that it goes on in', async () => {
    const elder = await meet('5511999990006');
    passedMs += 10;
    const younger = await comes('888000111@lid');
    await younger.says('falar com atendente');
    await younger.hears(/da fila/);
    await younger.tell({ type: 'merge.requested', into: elder.entry.conversation, requestedBy: 'test' });
    await eventually(
      () => stateOf(elder.entry.conversation),
      (state) => state === 'waitingForPerson.waiting.queued',
    );
    await asks(elder, 'takeover');
    await elder.hears(/falando com uma pessoa/);
    const { attended } = (await envelopeOf(queueActor))?.episode?.snapshot.context as ServiceQueueContext;
    expect(attended.map(({ conversation }) => conversation)).toEqual([elder.entry.conversation]);
    await elder.says('PARAR');
    await queueCloses();
  });
});

test('all of it replays to the same', async () => {
  const actors = [...everybody.map(({ entry }) => entry.conversation), queueActor];
  // The last records may still be on their way through the hosts.
  await vi.waitFor(() => expectReplays(actors), { timeout: 10_000, interval: 100 });
});

test('what is told to nobody is audited', async () => {
  const unknown = await meet('5511999990009');
  const at = worker.now();
  await world.log.append([
    outgoing({
      ...uncaused(testTenant, unknown.entry.conversation, newUlid(at), at, world.revision),
      type: 'actor.told',
      from: queueActor,
      name: 'queue.position',
      details: { ticket: 't', position: '1', minutes: '0' },
    }),
  ]);
  const [audit] = (await eventually(
    () => readRecords(world, topics.audit, unknown.entry.conversation),
    (records) => records.length > 0,
  )) as AuditRecorded[];
  expect(audit).toMatchObject({ action: 'told.unheard', trigger: 'actor.told', subject: queueActor });
});
