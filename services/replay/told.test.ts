/**
 * Goal: what an actor told another is verified with whoever told it, though it is on record with the other, on another
 * partition and in another journal. Method: the machines as they are; people wait in a queue, one conversation goes on in
 * an elder one; one record of what was told is changed, taken away or made up.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { findMachine } from '#machines/registry.ts';
import { serviceQueueVersion } from '#machines/service-queue/machine.ts';
import { queueActorOf } from '#runtime/actor/actor-ids.ts';
import { isForwarded } from '#runtime/actor/merge.ts';
import { derivedId, outgoing } from '#runtime/records.ts';
import { type Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import type { ActorTold, ConversationMerged, ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { arrives } from '../testing/arrival.ts';
import { recordedInJournal } from './journal-source.ts';
import { recordedOnLog } from './log-source.ts';
import { type ReplayWorld, openReplayWorld } from './testing/replay-world.ts';
import { Throttle } from './throttle.ts';
import { ToldOnLog } from './told-on-log.ts';
import { type Verified, verify } from './verify.ts';

type Source = 'journal' | 'log';
const sources = ['journal', 'log'] as const;

const queue = { name: 'recepcao', capacity: 1, waitingMax: 5, minutesEach: 10 };
const queueActor = queueActorOf(testTenant, queue.name);
const machines = {
  conversation: { version: conversationVersion, settings: { queue } },
  'service-queue': { version: serviceQueueVersion, settings: {} },
};
const partitionCount = 4;

let replays: ReplayWorld;
let ana: Person;
let younger: Person;
let elder: Person;
/** What Ana's conversation told the queue first. */
let told: ActorTold;

beforeAll(async () => {
  replays = await openReplayWorld({ partitionCount, configuration: { machines, answerGroups: false } });
  await replays.startServices(findMachine);
  elder = await awayFromQueue('55119001');
  ana = await arrives(await awayFromQueue('55119002'));
  younger = await arrives(await awayFromQueue('55119003'));
  // Not Ana first: who is missed first of all may be older than what is kept.
  for (const person of [younger, ana]) {
    await person.says('falar com atendente');
    await person.hears(/da fila/);
  }
  await younger.tell({ type: 'merge.requested', into: elder.entry.conversation, requestedBy: 'test' });
  await younger.says('ainda sou eu');
  await eventually(forwarded, (records) => records.length > 0);
  await replays.caughtUp();
  await replays.stopServices();
  [told] = (await toldBy(ana)) as [ActorTold];
}, 120_000);
afterAll(() => replays.close());

/** Somebody whose conversation is on another partition than the queue. */
async function awayFromQueue(prefix: string): Promise<Person> {
  const { partitionOf } = replays.world.log;
  for (let number = 10_000; ; number++) {
    const person = await replays.meet(`${prefix}${number}`);
    if (partitionOf(person.entry.conversation) !== partitionOf(queueActor)) return person;
  }
}

const recordsOf = (actor: string): Promise<ProsaRecord[]> => readRecords(replays.world, topics.events, actor);
const toldBy = async ({ entry }: Person): Promise<readonly ActorTold[]> =>
  (await recordsOf(queueActor)).flatMap((record) =>
    record.type === 'actor.told' && record.from === entry.conversation ? [record] : [],
  );
const forwarded = async (): Promise<readonly ProsaRecord[]> =>
  (await recordsOf(elder.entry.conversation)).filter(isForwarded);
async function merged(): Promise<ConversationMerged> {
  const found = (await recordsOf(elder.entry.conversation)).find(({ type }) => type === 'conversation.merged');
  if (found?.type !== 'conversation.merged') throw new Error('nothing was merged');
  return found;
}

/** What comes of a conversation, without a service. */
async function verified(source: Source, { entry }: Person): Promise<Verified | undefined> {
  const ports = { ...replays.worker, find: findMachine };
  const actor = entry.conversation;
  const of = { tenant: testTenant, end: Number.MAX_SAFE_INTEGER };
  const throttle = new Throttle(100_000, new AbortController().signal);
  if (source === 'journal') return verify(ports, await recordedInJournal(ports, { ...of, actor }), throttle);
  const pass = { ...of, partition: ports.log.partitionOf(actor), share: 0, shares: 1, only: actor };
  for await (const recorded of recordedOnLog(ports, pass, () => Promise.resolve()))
    return verify(ports, recorded, throttle);
  return undefined;
}

/** Runs something while another record, or none, is in the place of one. */
async function planted(
  source: Source,
  { eventId }: ProsaRecord,
  other: ProsaRecord | undefined,
  work: () => Promise<void>,
): Promise<void> {
  const rows =
    source === 'log' ? `log.records WHERE headers LIKE '%"${eventId}"%'` : `journal WHERE event_id = '${eventId}'`;
  const [table, condition] = rows.split(' WHERE ');
  const sql = (text: string): Promise<void> => asOwner(replays.world.databaseUrl, text);
  await sql(`CREATE TABLE kept AS SELECT * FROM ${rows}; DELETE FROM ${rows}`);
  try {
    if (other !== undefined) {
      const value = `'\\x${Buffer.from(outgoing(other).value).toString('hex')}'::bytea`;
      await sql(
        `INSERT INTO ${table ?? ''} SELECT * FROM kept; UPDATE ${table ?? ''} SET value = ${value} WHERE ${condition ?? ''}`,
      );
    }
    await work();
  } finally {
    await sql(`DELETE FROM ${rows}; INSERT INTO ${table ?? ''} SELECT * FROM kept; DROP TABLE kept`);
  }
}

const finding = (record: ProsaRecord, code: string) => ({
  verdict: 'diverged',
  divergence: { what: 'output', outputId: record.eventId, outputType: record.type, code, eventId: record.causationId },
});

describe.each(sources)('from the %s', (source) => {
  test('what was told as it is on record is the same', async () => {
    const seen = await replays.run({ kind: 'verify', source, recordsPerSecond: 100_000 }, findMachine);
    expect(seen).toMatchObject({ status: 'done', findings: [] });
    expect(Object.keys(seen.progress.verdicts)).toEqual(['same']);
  });

  test.each([
    ['name', { name: 'queue.left' }],
    ['details', { details: { ticket: 'another' } }],
  ])('another %s is named, with the record that made it', async (code, change) => {
    await planted(source, told, { ...told, ...change }, async () => {
      expect(await verified(source, ana)).toMatchObject(finding(told, code));
    });
  });

  test('what is not there is missed', async () => {
    await planted(source, told, undefined, async () => {
      expect(await verified(source, ana)).toMatchObject(finding(told, 'missing'));
    });
  });

  test('another state handed over in a merge is named, and what was forwarded is missed', async () => {
    const record = await merged();
    const { vault } = replays.worker;
    const opened = await vault.open<{ state: object }>(record, record.sealed ?? Buffer.alloc(0));
    if (opened.state !== 'open') throw new Error('it cannot be read');
    const state = { ...opened.value.state, at: 1 };
    const sealed = await vault.seal(record, younger.entry.person, record.occurredAt, { state });
    await planted(source, record, { ...record, sealed }, async () => {
      expect(await verified(source, younger)).toMatchObject(finding(record, 'state'));
    });
    const [copy] = await forwarded();
    if (copy === undefined) throw new Error('nothing was forwarded');
    await planted(source, copy, undefined, async () => {
      expect(await verified(source, younger)).toMatchObject(finding(copy, 'missing'));
    });
  });
});

test('from the log, with room for hardly anything, the same is found', async () => {
  const ports = { ...replays.worker, find: findMachine };
  const wanted = { tenant: testTenant, only: undefined };
  const toldOnLog = new ToldOnLog(ports, { ...wanted, recordsMax: 1 });
  const throttle = new Throttle(100_000, new AbortController().signal);
  const verdicts: string[] = [];
  for (let partition = 0; partition < partitionCount; partition++) {
    const pass = { ...wanted, partition, share: 0, shares: 1, end: Number.MAX_SAFE_INTEGER };
    for await (const recorded of recordedOnLog(ports, pass, () => Promise.resolve(), toldOnLog))
      verdicts.push((await verify(ports, recorded, throttle)).verdict);
  }
  expect(new Set(verdicts)).toEqual(new Set(['same']));
  expect(verdicts.length).toBeGreaterThanOrEqual(4);
});

const unretained = { verdict: 'same', outputsUnretained: expect.any(Number) as number };

// From here on, what a test takes away does not come back.
test('from the journal, what was told is not missed where that of the other begins later', async () => {
  await asOwner(replays.world.databaseUrl, `DELETE FROM journal WHERE actor = '${queueActor}'`);
  expect(await verified('journal', ana)).toMatchObject(unretained);
});

test('from the log, what nobody told is found', async () => {
  const ghost: ActorTold = { ...told, eventId: derivedId('o', 'a ghost') };
  await replays.world.log.append([outgoing(ghost)]);
  try {
    expect(await verified('log', ana)).toMatchObject({
      divergence: { what: 'output', code: 'unexpected', outputId: ghost.eventId, outputType: 'actor.told' },
    });
  } finally {
    await asOwner(replays.world.databaseUrl, `DELETE FROM log.records WHERE headers LIKE '%"${ghost.eventId}"%'`);
  }
});

test('from the log, what was told is not missed where it begins later', async () => {
  const partition = replays.world.log.partitionOf(queueActor);
  const end = (await replays.world.log.ends(topics.events)).find((one) => one.partition === partition)?.stableEnd ?? 0;
  const rows = `topic = '${topics.events}' AND partition = ${partition}`;
  await asOwner(
    replays.world.databaseUrl,
    `DELETE FROM log.records WHERE ${rows}; UPDATE log.partitions SET start_offset = ${end} WHERE ${rows}`,
  );
  expect(await verified('log', ana)).toMatchObject(unretained);
});
