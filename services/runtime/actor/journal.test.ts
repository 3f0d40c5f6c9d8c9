// Goal: a host that lost an actor's snapshots rebuilds it from the journal's, and from no wrong one.
// Method: real services on the echo machine; the tables are damaged between two lives of the host.
import { afterEach, beforeEach, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';

import { startConversation } from '../../conversation/conversation.ts';
import { project, startProjection } from '../../projection/projection.ts';
import type { RunningService, Runtime } from '../runtime.ts';
import { findEcho } from '../testing/echo-machine.ts';
import { Person, eventually, readRecords } from '../testing/person.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { comparable, foldWhole, loggedOf } from '../testing/whole-fold.ts';
import { openEnvelope } from './envelope.ts';
import { loadActors } from './snapshot-store.ts';

let world: TestWorld;
let worker: Runtime;
let person: Person;
let running: RunningService[] = [];

beforeEach(async () => {
  world = await openTestWorld({ partitionCount: 1 });
  worker = world.runtime('prosa_worker');
  person = await Person.meet(world, world.runtime('prosa_ingest'), '5511999990001');
});
afterEach(async () => {
  await stopAll();
  await world.close();
});

async function stopAll(): Promise<void> {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
}

const startHost = async (): Promise<void> => {
  running.push(await startConversation(world.runtime('prosa_worker'), findEcho));
};

const says = async (from: number, to: number): Promise<void> => {
  for (let i = from; i <= to; i++) await person.says(`m${i}`);
};

/** Waits until the host has committed all that is on the log. */
const caughtUp = () =>
  eventually(
    () => world.log.lag('conversation', topics.events),
    ([only]) => only?.lag === 0,
    30_000,
  );

const newestReply = async (): Promise<string | undefined> => (await person.replies()).at(-1);

async function hosted(): Promise<unknown> {
  const of = { tenant: testTenant, actor: person.entry.conversation };
  const [stored] = await loadActors(worker.database, [of], Number.MAX_SAFE_INTEGER);
  if (stored?.snapshot === undefined) return 'no snapshot';
  return comparable(await openEnvelope(worker.vault, { ...stored, ...stored.snapshot }, findEcho));
}

test.each([
  ['the records before it are not read', 'DELETE FROM journal WHERE record_number <= 200'],
  ['a damaged one is passed over', 'UPDATE journal_snapshots SET body = set_byte(body, 60, get_byte(body, 60) # 1)'],
  ['one that is gone is not needed', 'DELETE FROM journal_snapshots'],
  ['one that is ahead of its journal serves', 'DELETE FROM journal; UPDATE journal_progress SET next_offset = 0'],
])('a lost actor is rebuilt from the snapshot of its journal: %s', async (_, damage) => {
  await startHost();
  const projection = await startProjection(world.runtime('prosa_worker'), findEcho);
  await says(1, 210);
  await caughtUp();
  await eventually(
    () => world.log.lag('projection', topics.events),
    ([only]) => only?.lag === 0,
  );
  await projection.stop();
  await stopAll();
  const whole = await foldWhole(worker, person.entry.conversation);
  await asOwner(world.databaseUrl, `DELETE FROM actor_snapshots; ${damage}`);

  await startHost();
  await says(211, 211);
  expect(await eventually(newestReply, (reply) => reply !== '210:m210')).toBe('211:m211');
  await caughtUp();
  expect(whole).toHaveLength(210);
  expect(await hosted()).toEqual(comparable((await foldWhole(worker, person.entry.conversation)).at(-1)?.after));
});

test('a snapshot that was made before a quarantine was ordered is not used, though the journal lacks the order', async () => {
  await startHost();
  await says(1, 189);
  await caughtUp();
  await stopAll();
  const { offset } = await person.says('killer');
  await says(191, 204);
  // Three processes that took over, began the record and died.
  await asOwner(
    world.databaseUrl,
    `UPDATE actor_partitions SET suspect_start = ${offset}, suspect_count = 3, attempt_offset = ${offset}, attempt_count = 3`,
  );
  const records = await loggedOf(world, person.entry.conversation);
  const to = (records.at(-1)?.offset ?? 0) + 1;
  await project(worker, { topic: topics.events, partition: 0, from: 0, to, records }, findEcho);
  await startHost();
  await eventually(
    () => readRecords(world, topics.events, person.entry.conversation),
    (told) => told.some(({ type }) => type === 'conversation.quarantined'),
    30_000,
  );
  await caughtUp();
  await stopAll();

  await asOwner(world.databaseUrl, 'DELETE FROM actor_snapshots');
  await startHost();
  await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  expect(await eventually(newestReply, (reply) => reply !== '189:m189')).toBe('204:m204');
});
