/** The snapshots of the journal: where they are, that they are the fold, that losing any of them costs nothing. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { openEnvelope } from '#runtime/actor/envelope.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { Person } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { comparable, foldWhole, loggedOf } from '#runtime/testing/whole-fold.ts';

import { project } from './projection.ts';

let world: TestWorld;
let runtime: Runtime;
let person: Person;

beforeEach(async () => {
  world = await openTestWorld({ partitionCount: 1 });
  runtime = world.runtime('prosa_worker');
  person = await Person.meet(world, world.runtime('prosa_api'), '5511900001111');
});
afterEach(() => world.close());

interface Snapshot {
  readonly records: number;
  readonly nextOffset: number;
  readonly body: Buffer;
}

const snapshots = async (): Promise<readonly Snapshot[]> => {
  const { rows } = await runtime.database.transaction([testTenant], (sql) =>
    sql.query<{ records: string; next_offset: string; body: Buffer }>(
      'SELECT records, next_offset, body FROM journal_snapshots WHERE actor = $1 ORDER BY next_offset',
      [person.entry.conversation],
    ),
  );
  return rows.map((row) => ({ records: Number(row.records), nextOffset: Number(row.next_offset), body: row.body }));
};

const boundaries = async () => (await snapshots()).map(({ records }) => records);

const says = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await person.says(`m${i}`);
};

/** Projects what the log has from an offset on, in slices of `size`; the journal says how far it got. */
async function projectAll(size: number, find: FindMachine = findEcho, by = runtime, from = 0): Promise<void> {
  const records = (await loggedOf(world, person.entry.conversation)).filter(({ offset }) => offset >= from);
  let next = from;
  for (let i = 0; i < records.length; i += size) {
    const slice = records.slice(i, i + size);
    const to = (slice.at(-1)?.offset ?? next) + 1;
    await project(by, { topic: topics.events, partition: 0, from: next, to, records: slice }, find);
    next = to;
  }
}

/** Every snapshot is the fold from the first record to there. */
async function expectFolds(): Promise<void> {
  const { conversation: actor } = person.entry;
  const whole = await foldWhole(runtime, actor);
  const made = await snapshots();
  for (const { nextOffset, records, body } of made) {
    const envelope = await openEnvelope(runtime.vault, { tenant: testTenant, actor, nextOffset, body }, findEcho);
    const step = whole[records - 1];
    expect([records, step?.told.offset]).toEqual([records, nextOffset - 1]);
    expect(comparable(envelope)).toEqual(comparable(step?.after));
  }
}

const quarantines = (offset: number) =>
  person.tell({ type: 'conversation.quarantined', code: 'actor.killed-process', recordOffset: offset });

test('there is one at every 200th record and each is the fold, in slices of any size', async () => {
  await says(405);
  for (const size of [13, 199, 200, 201, 1_000]) {
    await asOwner(world.databaseUrl, 'TRUNCATE journal, journal_snapshots, journal_progress');
    await projectAll(size);
    expect([size, await boundaries()]).toEqual([size, [200, 400]]);
    await expectFolds();
  }
});

test('the same slices again, and others over the same records, change nothing', async () => {
  await says(230);
  await projectAll(50);
  const once = await snapshots();
  await projectAll(50);
  await says(10);
  await projectAll(77);
  expect(await snapshots()).toEqual(once);
  const { rows } = await runtime.database.transaction([testTenant], (sql) =>
    sql.query<{ n: string }>('SELECT record_number AS n FROM journal ORDER BY record_offset'),
  );
  expect(rows.map(({ n }) => Number(n))).toEqual(Array.from({ length: 240 }, (_, i) => i + 1));
});

test('deleted, they come back with the next record', async () => {
  await says(402);
  await projectAll(100);
  await asOwner(world.databaseUrl, 'DELETE FROM journal_snapshots');
  await says(1);
  await projectAll(500);
  expect(await boundaries()).toEqual([200, 400]);
  await expectFolds();
});

test('all tables emptied, they come back with the journal', async () => {
  await says(201);
  await projectAll(100);
  const [before] = await snapshots();
  await asOwner(world.databaseUrl, 'TRUNCATE journal, journal_snapshots, journal_progress');
  await says(1);
  const [last] = (await loggedOf(world, person.entry.conversation)).slice(-1);
  if (last === undefined) throw new Error('a record was appended');
  const { topic, partition, offset } = last;
  await project(runtime, { topic, partition, from: offset, to: offset + 1, records: [last] }, findEcho);
  expect(await snapshots()).toMatchObject([{ records: 200, nextOffset: before?.nextOffset }]);
  await expectFolds();
});

test('one that was damaged is passed over and made anew', async () => {
  await says(250);
  await projectAll(100);
  await asOwner(world.databaseUrl, `UPDATE journal_snapshots SET body = set_byte(body, 60, get_byte(body, 60) # 1)`);
  await says(151);
  await projectAll(500);
  expect(await boundaries()).toEqual([200, 400]);
  await expectFolds();
});

test('held records before a boundary are applied at a release behind it', async () => {
  await says(190);
  const { offset } = await person.says('killer');
  await quarantines(offset);
  await says(15);
  await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  await says(193);
  await projectAll(5);
  expect(await boundaries()).toEqual([200, 400]);
  await expectFolds();
  const [atBoundary, later] = await snapshots();
  const read = async (snapshot: Snapshot | undefined) =>
    snapshot &&
    openEnvelope(runtime.vault, { tenant: testTenant, actor: person.entry.conversation, ...snapshot }, findEcho);
  // 192 to 200 but the order itself.
  expect((await read(atBoundary))?.held).toHaveLength(9);
  expect(await read(later)).toMatchObject({ quarantine: null, held: [] });
});

describe('a quarantine ordered behind a boundary', () => {
  test('removes the snapshots that were made without it; they are made anew with it', async () => {
    await says(150);
    const { offset } = await person.says('killer');
    await says(52);
    await projectAll(20);
    const [without] = await snapshots();
    expect(without?.records).toBe(200);
    await quarantines(offset);
    await says(3);
    await projectAll(20);
    expect(await boundaries()).toEqual([200]);
    expect((await snapshots())[0]?.body).not.toEqual(without?.body);
    await expectFolds();
  });

  test('leaves those before it alone', async () => {
    await says(210);
    const { offset } = await person.says('killer');
    await projectAll(50);
    const before = await snapshots();
    await quarantines(offset);
    await projectAll(50);
    expect(await snapshots()).toEqual(before);
  });

  test('that comes while a snapshot is made keeps that one out', async () => {
    await says(150);
    const { offset } = await person.says('killer');
    await says(49);
    const [last] = (await loggedOf(world, person.entry.conversation)).slice(-1);
    // Another owner of the partition writes the order after the fold and before the snapshot.
    let between: Promise<void> | undefined;
    const slow: Runtime = {
      ...runtime,
      vault: {
        ...runtime.vault,
        seal: async (...args) => {
          between ??= quarantines(offset).then(() => projectAll(1, () => undefined, runtime, (last?.offset ?? 0) + 1));
          await between;
          return runtime.vault.seal(...args);
        },
      },
    };
    await projectAll(500, findEcho, slow);
    expect(between).toBeDefined();
    expect(await boundaries()).toEqual([]);
    await says(1);
    await projectAll(500);
    expect(await boundaries()).toEqual([200]);
    await expectFolds();
  });
});

describe('what cannot be folded costs snapshots alone', () => {
  test('a machine that this process does not have', async () => {
    await says(200);
    await projectAll(100, () => undefined);
    expect(await boundaries()).toEqual([]);
    await says(1);
    await projectAll(500);
    expect(await boundaries()).toEqual([200]);
  });

  test('a person whose keys were destroyed', async () => {
    await says(199);
    await projectAll(500);
    await says(2);
    await asOwner(world.databaseUrl, `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now()`);
    await projectAll(500, findEcho, world.runtime('prosa_worker'));
    expect(await boundaries()).toEqual([]);
    const { rows } = await runtime.database.transaction([testTenant], (sql) => sql.query('SELECT FROM journal'));
    expect(rows).toHaveLength(201);
  });

  test('a record whose sealed part was changed: the snapshot is at the next that opens', async () => {
    await says(201);
    const records = [...(await loggedOf(world, person.entry.conversation))];
    const at = records[199];
    if (at === undefined) throw new Error('201 records were appended');
    const value = Buffer.from(at.value);
    value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
    records[199] = { ...at, value };
    const to = (records.at(-1)?.offset ?? 0) + 1;
    await project(runtime, { topic: topics.events, partition: 0, from: 0, to, records }, findEcho);
    expect(await snapshots()).toMatchObject([{ records: 201, nextOffset: to }]);
  });
});
