/**
 * Time travel over a conversation of several hundred records, with the journal's snapshots and without
 * them: whatever is asked, the answer is the fold from the first record.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { comparable, foldWhole, loggedOf } from '#runtime/testing/whole-fold.ts';

import { startConversation } from '../conversation/conversation.ts';
import { project } from '../projection/projection.ts';
import { type Actors, openActors } from './actors.ts';

let world: TestWorld;
let worker: Runtime;
let actors: Actors;
let actor: string;
let whole: readonly FoldStep[];
let clock = Date.UTC(2026, 2, 1);

/** Records after which the journal was written up to, so that some orders come behind a snapshot. */
const slices = [120, 204, 390, 407, 430];

beforeAll(async () => {
  world = await openTestWorld({ partitionCount: 1, now: () => (clock += 1_000) });
  worker = world.runtime('prosa_worker');
  actors = openActors(world.runtime('prosa_api'), findEcho);
  const person = await Person.meet(world, world.runtime('prosa_ingest'), '5511900002222');
  actor = person.entry.conversation;
  await tell(person);

  const host = await startConversation(worker, findEcho);
  const [end] = await world.log.ends(topics.events);
  await eventually(
    () => actors.committed(),
    (committed) => committed.get(0) === end?.stableEnd,
    30_000,
  );
  await host.stop();
  whole = await foldWhole(worker, actor);
  await write();
}, 60_000);
afterAll(() => world.close());

/** 430 records: quarantines ordered across both boundaries, one released across the second, a repetition, an ask. */
async function tell(person: Person): Promise<void> {
  const order = (recordOffset: number) =>
    person.tell({ type: 'conversation.quarantined', code: 'actor.killed-process', recordOffset });
  const release = () => person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  let killed = 0;
  for (let number = 1; number <= 430; number++) {
    if (number === 195 || number === 395) killed = (await person.says('killer')).offset;
    else if (number === 205 || number === 396) await order(killed);
    else if (number === 230 || number === 406) await release();
    else if (number === 60 || number === 300) await person.says('bye');
    else if (number === 240) await person.says('again', 'repeated');
    else if (number === 241) await person.says('again', 'repeated');
    else await person.says(`m${number}`);
  }
}

/** Writes the journal as the projection does while records come in. */
async function write(): Promise<void> {
  const records = await loggedOf(world, actor);
  let from = 0;
  for (const [i, end] of slices.entries()) {
    const slice = records.slice(slices[i - 1] ?? 0, end);
    const to = (slice.at(-1)?.offset ?? from) + 1;
    await project(worker, { topic: topics.events, partition: 0, from, to, records: slice }, findEcho);
    from = to;
  }
}

const offsetOf = (number: number): number => whole[number - 1]?.told.offset ?? -1;

/** The state just before record `number` is what it was after the one before. */
async function expectPast(number: number): Promise<void> {
  const then = whole[number - 2];
  const past = await actors.past(testTenant, actor, { before: offsetOf(number) });
  expect([number, comparable(past.envelope)]).toEqual([number, comparable(then?.after)]);
  expect([number, past.lastAt]).toEqual([number, then?.told.record.occurredAt]);
}

const around = [1, 2, 100, 199, 200, 201, 202, 205, 206, 230, 231, 399, 400, 401, 402, 406, 407, 430];

async function boundaries(): Promise<readonly number[]> {
  const { rows } = await worker.database.transaction([testTenant], (sql) =>
    sql.query<{ records: string }>('SELECT records FROM journal_snapshots ORDER BY next_offset'),
  );
  return rows.map(({ records }) => Number(records));
}

const damages: readonly (readonly [string, string])[] = [
  [
    'the newest changed',
    'UPDATE journal_snapshots SET body = set_byte(body, 60, get_byte(body, 60) # 1) WHERE records = 400',
  ],
  [
    'the newest under another key',
    'UPDATE journal_snapshots SET body = set_byte(body, 5, get_byte(body, 5) # 1) WHERE records = 400',
  ],
  ['all cut', 'UPDATE journal_snapshots SET body = substring(body FROM 1 FOR 20)'],
  [
    'one in the place of another',
    'UPDATE journal_snapshots s SET body = o.body FROM journal_snapshots o WHERE o.records <> s.records',
  ],
  ['all deleted', 'DELETE FROM journal_snapshots'],
];

test('the conversation is one that has all that is hard', async () => {
  expect(await boundaries()).toEqual([200, 400]);
  const outcomes = new Set(whole.map(({ outcome }) => outcome));
  expect([...outcomes].sort()).toEqual(['applied', 'duplicate', 'held', 'quarantined', 'recorded', 'released']);
  expect(whole[199]?.after.held).not.toEqual([]);
  expect(whole[399]?.after.held).not.toEqual([]);
  expect(whole[429]?.after).toMatchObject({ quarantine: null, episode: { number: 3 } });
});

test('the state before a record is what it was, at every record about the boundaries and every seventh', async () => {
  for (let number = 1; number <= whole.length; number++) {
    if (number % 7 === 0 || Math.abs(number - 203) < 12 || Math.abs(number - 402) < 12) await expectPast(number);
  }
}, 60_000);

test('the state at every time is what it was', async () => {
  for (const number of around) {
    const step = whole[number - 1];
    const at = step?.told.record.occurredAt ?? 0;
    const past = await actors.past(testTenant, actor, { at });
    expect([number, comparable(past.envelope)]).toEqual([number, comparable(step?.after)]);
    expect(past.lastAt).toBe(at);
    const before = await actors.past(testTenant, actor, { at: at - 1 });
    expect([number, comparable(before.envelope)]).toEqual([number, comparable(whole[number - 2]?.after)]);
  }
});

test('a page of steps is the same from wherever it begins', async () => {
  for (const number of around) {
    const page: unknown[] = [];
    for await (const step of actors.steps(testTenant, actor, offsetOf(number))) {
      page.push(shown(step));
      if (page.length === 30) break;
    }
    expect(page).toEqual(whole.slice(number - 1, number + 29).map(shown));
  }
});

const shown = ({ told, outcome, from, to, outputs }: FoldStep) => ({
  offset: told.offset,
  outcome,
  from,
  to,
  outputs: outputs.map(({ record }) => record.eventId),
});

test('what lies before a snapshot is not read', async () => {
  await asOwner(world.databaseUrl, `DELETE FROM journal WHERE record_offset < ${offsetOf(395)}`);
  try {
    for (const number of [402, 406, 407, 430]) await expectPast(number);
  } finally {
    await asOwner(world.databaseUrl, 'TRUNCATE journal, journal_progress');
    await write();
  }
});

describe.each(damages)('with snapshots %s', (_, damage) => {
  afterEach(async () => {
    await asOwner(world.databaseUrl, 'TRUNCATE journal, journal_snapshots, journal_progress');
    await write();
    expect(await boundaries()).toEqual([200, 400]);
  });

  test('the answers are the same', async () => {
    await asOwner(world.databaseUrl, damage);
    for (const number of around) await expectPast(number);
  });
});
