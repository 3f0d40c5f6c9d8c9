// Goal: two conversations that turn out to be one chat go on as one, and nothing is lost, answered twice
// or left waiting. Method: the host on a real log and a real Postgres, the echo machine; records
// arrive for the younger as they do from an ingest that has its address in memory still.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { AuditRecorded, EffectRequested, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { startConversation } from '../../conversation/conversation.ts';
import { startProjection } from '../../projection/projection.ts';
import type { RunningService, Runtime } from '../runtime.ts';
import { findEcho } from '../testing/echo-machine.ts';
import { Person, eventually, readRecords } from '../testing/person.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';

let world: TestWorld;
let worker: Runtime;
let running: RunningService[] = [];
/** The same person twice: by number, and later by LID. */
let elder: Person;
let younger: Person;

beforeEach(async () => {
  let now = Date.now();
  // Ids grow with time: no two of one millisecond.
  world = await openTestWorld({ now: () => (now += 1) });
  worker = world.runtime('prosa_worker');
  const ingest = world.runtime('prosa_ingest');
  elder = await Person.meet(world, ingest, '5511999990001');
  younger = await Person.meet(world, ingest, '888000111@lid');
});

afterEach(async () => {
  await stopAll();
  await world.close();
});

async function stopAll(): Promise<void> {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
}

const host = async (): Promise<void> => {
  running.push(await startConversation(worker, findEcho));
};

const merge = () => younger.tell({ type: 'merge.requested', into: elder.entry.conversation, requestedBy: 'test' });

const answered = (person: Person, count: number) =>
  eventually(
    () => person.replies(),
    (replies) => replies.length >= count,
  );

const auditOf = async (person: Person): Promise<readonly (readonly [string, string | null])[]> => {
  const records = (await readRecords(world, topics.audit, person.entry.conversation)) as AuditRecorded[];
  return records
    .filter(({ action }) => action !== 'actor.transitioned')
    .map(({ action, outcome }) => [action, outcome]);
};

const audited = (person: Person, action: string) =>
  eventually(
    () => auditOf(person),
    (audit) => audit.some(([name]) => name === action),
  );

/** The younger asks something of the world, and is merged before the answer comes, which goes to it all the same. */
async function mergedBeforeAnswer(): Promise<void> {
  await younger.says('ask');
  const [effect] = (await eventually(
    () => readRecords(world, topics.effects, younger.entry.conversation),
    (records) => records.length > 0,
  )) as EffectRequested[];
  await merge();
  const completed = { type: 'effect.completed', effectId: effect?.effectId, outcome: 'done', reason: null } as const;
  await younger.tell({ ...completed, sealed: null }, { output: 'forty-two' });
}

describe('after a merge', () => {
  test('the state of whoever was written to last goes on, and what came for either is answered once', async () => {
    await host();
    await elder.says('a');
    await younger.says('b', 'same');
    await younger.says('c');
    await merge();
    await younger.says('d');
    await answered(elder, 2);
    await elder.says('b', 'same');
    await elder.says('e');
    expect(await answered(elder, 3)).toEqual(['1:a', '3:d', '4:e']);
    expect(await younger.replies()).toEqual(['1:b', '2:c']);
    expect(await auditOf(elder)).toEqual([['conversation.merged', 'state-taken']]);
    expect(await auditOf(younger)).toEqual([['conversation.merged-away', null]]);
  });

  test('the state of the elder is kept when the person wrote to it last', async () => {
    await host();
    await younger.says('a');
    await answered(younger, 1);
    await elder.says('b');
    await elder.says('c');
    await answered(elder, 2);
    await merge();
    await audited(elder, 'conversation.merged');
    await younger.says('d');
    expect(await answered(elder, 3)).toEqual(['1:b', '2:c', '3:d']);
  });

  test('completions and timers that the younger waited for reach the elder', async () => {
    await host();
    await elder.says('a');
    await answered(elder, 1);
    await mergedBeforeAnswer();
    expect(await answered(elder, 2)).toEqual(['1:a', 'answer:forty-two']);

    const timers = (await readRecords(world, topics.timers, elder.entry.conversation)).filter(
      (record): record is TimerSet => record.type === 'timer.set',
    );
    const last = timers.at(-1);
    await younger.tell({ type: 'timer.fired', timerId: last?.timerId, generation: last?.eventId });
    expect((await answered(elder, 3)).at(-1)).toBe('still there?');
  });

  test('what the state that does not go on was waiting for is cancelled', async () => {
    await host();
    await elder.says('ask');
    const [effect] = (await eventually(
      () => readRecords(world, topics.effects, elder.entry.conversation),
      (records) => records.length > 0,
    )) as EffectRequested[];
    await younger.says('a');
    await answered(younger, 1);
    await merge();
    await audited(elder, 'conversation.merged');
    const effects = await readRecords(world, topics.effects, elder.entry.conversation);
    expect(effects.at(-1)).toMatchObject({ type: 'effect.cancelled', effectId: effect?.effectId });
  });

  test('snapshots that are lost are folded to the same', async () => {
    await host();
    running.push(await startProjection(worker, findEcho));
    await elder.says('a');
    await younger.says('b');
    await merge();
    await younger.says('c');
    await answered(elder, 2);
    await stopAll();
    await asOwner(world.databaseUrl, 'DELETE FROM actor_snapshots');
    worker = world.runtime('prosa_worker');
    await host();
    running.push(await startProjection(worker, findEcho));
    await younger.says('d');
    await answered(elder, 3);
    await elder.says('e');
    expect(await answered(elder, 4)).toEqual(['1:a', '2:c', '3:d', '4:e']);
  });

  test('the directory leads to the elder', async () => {
    await host();
    running.push(await startProjection(worker, findEcho));
    await younger.says('a');
    await merge();
    const { line } = world.instance;
    const found = () => world.runtime('prosa_ingest').directory.find(testTenant, line, '888000111@lid');
    await eventually(found, (entry) => entry?.conversation === elder.entry.conversation);
    expect(await worker.directory.read(testTenant, younger.entry.conversation)).toMatchObject({
      mergedInto: elder.entry.conversation,
    });
  });
});

test('a merge that is undone lets the younger go on from where it was', async () => {
  await host();
  running.push(await startProjection(worker, findEcho));
  await elder.says('a');
  await younger.says('b');
  await merge();
  await younger.says('c');
  await answered(elder, 2);
  await younger.tell({ type: 'merge.undone', requestedBy: 'test' });
  await younger.says('d');
  expect(await answered(younger, 2)).toEqual(['1:b', '2:d']);
  const { line } = world.instance;
  const found = () => world.runtime('prosa_ingest').directory.find(testTenant, line, '888000111@lid');
  await eventually(found, (entry) => entry?.conversation === younger.entry.conversation && entry.keptApart === true);
});

test('what went to the elder meanwhile leaves the younger waiting for nothing once the merge is undone', async () => {
  await host();
  await younger.says('a');
  await answered(younger, 1);
  await mergedBeforeAnswer();
  await answered(elder, 1);
  await younger.tell({ type: 'merge.undone', requestedBy: 'test' });
  await audited(younger, 'merge.undone');
  await younger.says('b');
  expect((await answered(younger, 3)).slice(-2)).toEqual(['no answer', '2:b']);

  const timersOf = async (): Promise<readonly TimerSet[]> =>
    (await readRecords(world, topics.timers, younger.entry.conversation)).filter((one) => one.type === 'timer.set');
  const fire = (timer: TimerSet | undefined) =>
    younger.tell({ type: 'timer.fired', timerId: timer?.timerId, generation: timer?.eventId });
  const set = (await timersOf()).at(-1);
  await merge();
  await fire(set);
  await younger.tell({ type: 'merge.undone', requestedBy: 'test' });
  const again = await eventually(timersOf, (timers) => timers.at(-1)?.eventId !== set?.eventId);
  expect(again.at(-1)).toMatchObject({ timerId: set?.timerId, dueAt: set?.dueAt });
  await fire(again.at(-1));
  expect((await answered(younger, 4)).at(-1)).toBe('still there?');
});

test('nobody goes on in a younger one, and nobody twice', async () => {
  await host();
  await elder.says('a');
  await elder.tell({ type: 'merge.requested', into: younger.entry.conversation, requestedBy: 'test' });
  await elder.says('b');
  expect(await answered(elder, 2)).toEqual(['1:a', '2:b']);
  expect(await auditOf(elder)).toEqual([['merge.refused', 'not-elder']]);
  await merge();
  await merge();
  await younger.says('c');
  await answered(elder, 3);
  expect(await auditOf(younger)).toEqual([['conversation.merged-away', null]]);
});
