/**
 * Goal: a replay goes on where it was, whatever becomes of its process, changes nothing but what it was
 * asked to repair, and writes out what it was asked to. Method: real services on the echo machine.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { analystTopicOf, parkedTopicOf, topicTable, topics } from '#schemas/topics.ts';
import { openEnvelope, sealEnvelope } from '#runtime/actor/envelope.ts';
import { loadActors } from '#runtime/actor/snapshot-store.ts';
import type { LoggedRecord, RecordLog } from '#runtime/log/record-log.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import { comparable, foldWhole } from '#runtime/testing/whole-fold.ts';

import { claimJob } from './job.ts';
import { type ReplayPorts, startReplay } from './replay.ts';
import { forgetting } from './testing/odd-machines.ts';
import { type ReplayWorld, openReplayWorld } from './testing/replay-world.ts';

let replays: ReplayWorld;

beforeEach(async () => {
  replays = await openReplayWorld();
});
afterEach(() => replays.close());

const fast = { recordsPerSecond: 100_000 };
const verifyAll = { kind: 'verify', source: 'journal', ...fast } as const;

/** People who each said some words, all answered. */
async function told(count: number, words: readonly string[]): Promise<readonly Person[]> {
  const people = await Promise.all(Array.from({ length: count }, (_, i) => replays.meet(`55119000001${i + 10}`)));
  for (const person of people) for (const word of words) await person.says(word);
  await replays.startServices();
  await replays.caughtUp();
  return people;
}

const tableOf = async (table: string): Promise<readonly unknown[]> =>
  (
    await replays.worker.database.transaction([testTenant], (sql) =>
      sql.query(`SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY to_jsonb(t)::text`),
    )
  ).rows;

const everyRecord = async (topic: string): Promise<readonly LoggedRecord[]> => {
  const { log } = replays.world;
  const records: LoggedRecord[] = [];
  for (let partition = 0; partition < log.partitionCount; partition++)
    for await (const batch of log.readRange({ topic, partition, from: 0 })) records.push(...batch);
  return records;
};

describe('a replay whose process', () => {
  const slow = { ...verifyAll, recordsPerSecond: 20 };
  const begun = (id: string) =>
    eventually(
      () => replays.read(id),
      ({ progress }) => progress.done > 1,
    );
  const over = (id: string) =>
    eventually(
      () => replays.read(id),
      ({ status }) => status === 'done',
      20_000,
    );

  test('stops is gone on with by the next, from where it was', async () => {
    await told(12, ['a', 'b', 'c']);
    const id = await replays.ask(slow);
    const first = startReplay(replays.worker, { find: findEcho });
    await begun(id);
    await first.stop();
    const { progress } = await replays.read(id);
    expect(progress.done).toBeLessThan(12);
    // A machine of the next life that would find everything otherwise, had it to begin again.
    await asOwner(replays.world.databaseUrl, `UPDATE replays SET request = request || '{"recordsPerSecond": 100000}'`);
    const second = startReplay(replays.world.runtime('prosa_worker'), { find: () => undefined });
    const seen = await over(id);
    await second.stop();
    expect(seen.progress).toMatchObject({ done: 12, total: 12 });
    expect(seen.progress.verdicts['same']).toBeGreaterThanOrEqual(progress.done - 1);
    expect(seen.progress.verdicts['unknown-version']).toBeGreaterThan(0);
  });

  test('dies is gone on with when its lease is over, and given up after three deaths without progress', async () => {
    await told(1, ['a']);
    const id = await replays.ask(verifyAll);
    for (let life = 0; life < 3; life++) {
      const job = await claimJob(replays.worker, `dead-${life}`);
      expect(job).toMatchObject({ id, hopeless: false });
      job?.close();
      expect(await claimJob(replays.worker, 'too-early')).toBeUndefined();
      await asOwner(replays.world.databaseUrl, `UPDATE replays SET lease_until = now() - interval '1 second'`);
    }
    const service = startReplay(replays.worker, { find: findEcho });
    const seen = await eventually(
      () => replays.read(id),
      ({ status }) => status === 'failed',
    );
    await service.stop();
    expect(seen.code).toBe('actor.killed-process');
  });

  test('was held up and another went on writes nothing more', async () => {
    await told(1, ['a']);
    await replays.ask(verifyAll);
    const old = await claimJob(replays.worker, 'old');
    await asOwner(replays.world.databaseUrl, `UPDATE replays SET lease_until = now() - interval '1 second'`);
    const young = await claimJob(replays.worker, 'young');
    await old?.finish('failed', 'internal');
    expect(old?.signal.reason).toMatchObject({ why: 'lost' });
    await young?.finish('done');
    expect((await replays.read(young?.id ?? '')).status).toBe('done');
    old?.close();
    young?.close();
  });

  test('is told to give it up does so', async () => {
    await told(12, ['a', 'b', 'c']);
    const id = await replays.ask({ ...slow, recordsPerSecond: 5 });
    const service = startReplay(replays.worker, { find: findEcho });
    await begun(id);
    await asOwner(replays.world.databaseUrl, 'UPDATE replays SET cancel_requested = true');
    const seen = await eventually(
      () => replays.read(id),
      ({ status }) => status === 'cancelled',
    );
    await service.stop();
    expect(seen.progress.done).toBeLessThan(12);
  });
});

test('the pace is kept', async () => {
  await told(2, ['a', 'b', 'c', 'd', 'e']);
  const seen = await replays.run({ ...verifyAll, recordsPerSecond: 20 });
  expect(seen.progress.records).toBe(10);
  const seconds = ((seen.finishedAt?.getTime() ?? 0) - (seen.startedAt?.getTime() ?? 0)) / 1_000;
  expect(seconds).toBeGreaterThan(9 / 20);
});

describe('a rebuild', () => {
  /** Gives the host a wrong state, in its table and, since it reads it there, in its memory. */
  async function corrupt(person: Person): Promise<void> {
    const { conversation: actor, person: owner } = person.entry;
    const whole = await foldWhole(replays.worker, actor);
    const [first, last] = [whole[0]?.after, whole.at(-1)?.after];
    if (first === undefined || last === undefined) throw new Error('nothing was told');
    const wrong = { ...last, episode: first.episode };
    const body = await sealEnvelope(replays.worker.vault, owner, wrong, findEcho);
    await asOwner(
      replays.world.databaseUrl,
      `UPDATE actor_snapshots SET body = '\\x${body.toString('hex')}' WHERE actor = '${actor}' AND next_offset = ${last.nextOffset}`,
    );
  }

  const stored = async (person: Person): Promise<unknown> => {
    const of = { tenant: testTenant, actor: person.entry.conversation };
    const [found] = await loadActors(replays.worker.database, [of], Number.MAX_SAFE_INTEGER);
    if (found?.snapshot === undefined) return 'no snapshot';
    return comparable(await openEnvelope(replays.worker.vault, { ...found, ...found.snapshot }, findEcho));
  };

  test('puts a wrong snapshot right when it is asked to, and only then', async () => {
    const [person] = await told(2, ['a', 'b', 'c']);
    if (person === undefined) throw new Error('nobody');
    await replays.stopServices();
    await corrupt(person);
    const wrong = await stored(person);
    const rebuild = { kind: 'rebuild', source: 'journal', ...fast } as const;
    expect((await replays.run({ ...rebuild, repair: false })).progress.verdicts).toEqual({ same: 1, diverged: 1 });
    expect(await stored(person)).toEqual(wrong);
    const repaired = await replays.run({ ...rebuild, repair: true });
    expect(repaired.progress.verdicts).toEqual({ same: 1, diverged: 1, repaired: 1 });
    expect(repaired.findings).toMatchObject([{ body: { what: 'snapshot', repaired: true } }]);
    expect(await stored(person)).toEqual(
      comparable((await foldWhole(replays.worker, person.entry.conversation)).at(-1)?.after),
    );
    expect((await replays.run(verifyAll)).progress.verdicts).toEqual({ same: 2 });
  });

  test('reaches a host that has the wrong state in memory', async () => {
    const [person] = await told(1, ['a', 'b', 'c']);
    if (person === undefined) throw new Error('nobody');
    await replays.stopServices();
    await corrupt(person);
    await replays.startServices();
    // A duplicate makes the host read the wrong state, and say nothing.
    await person.says('c', '5511900000110-2');
    await replays.caughtUp();
    const rebuilt = await replays.run({ kind: 'rebuild', source: 'log', repair: true, ...fast });
    expect(rebuilt.progress.verdicts).toMatchObject({ repaired: 1 });
    await person.says('d');
    const texts = await eventually(
      () => person.replies(),
      (replies) => replies.length === 4,
      20_000,
    );
    expect(texts).toEqual(['1:a', '2:b', '3:c', '4:d']);
  });
});

test('nothing is sent, booked or called, and nothing is written: every outside port is closed', async () => {
  await told(3, ['a', 'ask', 'never mind', 'bye', 'b']);
  await replays.stopServices();
  const calls = vi.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.reject(new Error('the port is closed')));
  const { log, database, logger, now, tenants, vault } = replays.world.runtime('prosa_worker');
  const open = ['before', 'partitionCount', 'partitionOf', 'readRange', 'offsetForTime', 'ends', 'lag'];
  const closedLog = new Proxy<RecordLog>(log, {
    get(target, name) {
      if (!open.includes(String(name))) throw new Error(`the log is closed for ${String(name)}`);
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const ports: ReplayPorts = { log: closedLog, database, logger, now, tenants, vault };
  const untouched = [
    'deliveries',
    'simulator_messages',
    'timers',
    'messages',
    'journal',
    'actor_snapshots',
    'addresses',
  ];
  const state = async () => ({
    tables: await Promise.all(untouched.map(tableOf)),
    records: await Promise.all(topicTable.map(async ({ name }) => (await everyRecord(name)).length)),
  });
  const before = await state();
  const find = forgetting('bye', 'forgetful');
  const machine = { name: 'conversation', version: 'forgetful' };
  for (const request of [
    verifyAll,
    { ...verifyAll, source: 'log' } as const,
    { kind: 'rebuild', source: 'journal', repair: true, ...fast } as const,
    { kind: 'what-if', machine, ...fast } as const,
  ]) {
    const seen = await replays.run(request, find, ports);
    expect([request.kind, seen.status, seen.progress.records > 0]).toEqual([request.kind, 'done', true]);
  }
  expect(await state()).toEqual(before);
  expect(calls).not.toHaveBeenCalled();
  calls.mockRestore();
  // It would have been noticed.
  const emit = { kind: 're-emit', records: 'audit', from: 0, to: Date.now() + 1_000, topic: 'out', ...fast } as const;
  expect((await replays.run(emit, find, ports)).status).toBe('failed');
});

describe('records written out again', () => {
  const emit = (records: 'events' | 'audit', to: number, recordsPerSecond = 100_000) =>
    ({ kind: 're-emit', records, from: 0, to, topic: 'march-2', recordsPerSecond }) as const;
  const target = analystTopicOf(testTenant, 'march-2');
  const idsIn = (records: readonly LoggedRecord[]) => records.map(({ headers }) => headers['ce_id']).sort();

  test.each(['events', 'audit'] as const)('%s of a time range are on the new topic, as they were', async (records) => {
    const [person] = await told(3, ['a', 'b']);
    if (person === undefined) throw new Error('nobody');
    const own = await everyRecord(topics[records]);
    const to = Math.max(...own.map(({ timestamp }) => timestamp)) + 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await person.says('later');
    await replays.caughtUp();
    const foreign = { topic: topics[records], key: 'c_x', value: Buffer.from('x'), headers: { ce_tenant: 'other' } };
    await replays.world.log.append([foreign]);

    const seen = await replays.run(emit(records, to));
    expect(seen).toMatchObject({ status: 'done', progress: { done: own.length, total: own.length } });
    const written = await everyRecord(target);
    expect(idsIn(written)).toEqual(idsIn(own));
    for (const { key, value, headers } of written) {
      const original = own.find((one) => one.headers['ce_id'] === headers['ce_id']);
      expect([key, value]).toEqual([original?.key, original?.value]);
      expect(headers).toEqual({
        ...original?.headers,
        prosa_replay: seen.id,
        prosa_source: `${topics[records]}/${original?.partition}/${original?.offset}`,
      });
    }
  });

  test('go on where they were, with every record at least once', async () => {
    await told(6, ['a', 'b', 'c']);
    const own = await everyRecord(topics.events);
    const id = await replays.ask(emit('events', Date.now() + 1_000, 10));
    const first = startReplay(replays.worker, { find: findEcho });
    await eventually(
      () => everyRecord(target).catch(() => []),
      (written) => written.length > 0,
    );
    await first.stop();
    await asOwner(replays.world.databaseUrl, `UPDATE replays SET request = request || '{"recordsPerSecond": 100000}'`);
    const second = startReplay(replays.worker, { find: findEcho });
    await eventually(
      () => replays.read(id),
      ({ status }) => status === 'done',
    );
    await second.stop();
    expect([...new Set(idsIn(await everyRecord(target)))]).toEqual(idsIn(own));
  });
});

describe('a record that was set aside and can be read by now', () => {
  /** A message whose key is away while the host reads it. */
  async function setAside(): Promise<Person> {
    const [person] = await told(1, ['a']);
    if (person === undefined) throw new Error('nobody');
    await replays.stopServices();
    const keys = 'vault_keys WHERE person = ' + `'${person.entry.person}'`;
    await person.says('unreadable');
    await asOwner(replays.world.databaseUrl, `CREATE TABLE kept AS SELECT * FROM ${keys}; DELETE FROM ${keys}`);
    // A process of its own: nothing is in its memory.
    await replays.startServices();
    const parked = () => readRecords(replays.world, parkedTopicOf(topics.events), person.entry.conversation);
    await eventually(parked, (records) => records.length > 0, 20_000);
    await replays.caughtUp();
    await replays.stopServices();
    await asOwner(replays.world.databaseUrl, 'INSERT INTO vault_keys SELECT * FROM kept; DROP TABLE kept');
    return person;
  }

  test.each([
    ['a rebuild from the journal', 'DELETE FROM actor_snapshots'],
    [
      'a rebuild from the log',
      'DELETE FROM actor_snapshots; DELETE FROM journal; UPDATE journal_progress SET next_offset = 0',
    ],
    [
      'a silent fold',
      'DELETE FROM actor_snapshots; DELETE FROM actors_begun; UPDATE actor_partitions SET progress = 0',
    ],
  ])('is not applied by %s', async (_, loss) => {
    const person = await setAside();
    await asOwner(replays.world.databaseUrl, loss);
    await replays.startServices();
    await person.says('b');
    const texts = await eventually(
      () => person.replies(),
      (replies) => replies.length === 2,
      20_000,
    );
    expect(texts).toEqual(['1:a', '2:b']);
  });

  test('is not applied by a verification', async () => {
    const person = await setAside();
    await replays.startServices();
    await person.says('b');
    await replays.caughtUp();
    const parkedLag = () => replays.world.log.lag('projection', parkedTopicOf(topics.events));
    await eventually(parkedLag, (lags) => lags.every(({ lag }) => lag === 0));
    for (const source of ['journal', 'log'] as const) {
      const seen = await replays.run({ ...verifyAll, source });
      expect([source, seen.progress.verdicts, seen.findings]).toEqual([source, { same: 1 }, []]);
    }
    // Had it been, this would have been seen.
    await asOwner(replays.world.databaseUrl, 'DELETE FROM journal_parked');
    expect((await replays.run(verifyAll)).progress.verdicts).toEqual({ diverged: 1 });
  });
});
