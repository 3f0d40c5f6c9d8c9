// Goal: the host's invariants on a real log and a real Postgres. Method: the echo machine, real
// consumers, faults made in the database.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { AuditRecorded, ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { startConversation } from '../../conversation/conversation.ts';
import { startProjection } from '../../projection/projection.ts';
import { startTimers } from '../../timers/timers.ts';
import { OperatingError } from '../errors.ts';
import { consumeRecords } from '../log/consume-records.ts';
import type { LoggedRecord } from '../log/record-log.ts';
import { causedBy, derivedId, outgoing } from '../records.ts';
import type { RunningService, Runtime } from '../runtime.ts';
import { echoConfiguration, findEcho, findMended } from '../testing/echo-machine.ts';
import { Person, eventually, readRecords } from '../testing/person.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { postgresActorStore } from './actor-store.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import { openHost } from './host.ts';
import { loadActors, takeOver } from './snapshot-store.ts';

let world: TestWorld;
let worker: Runtime;
let running: RunningService[] = [];

beforeEach(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker');
});

afterEach(async () => {
  await stopAll();
  await world.close();
});

const start = async (...starts: readonly Promise<RunningService>[]): Promise<void> => {
  running.push(...(await Promise.all(starts)));
};

async function stopAll(): Promise<void> {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
}

const meet = (phone = '5511999990001') => Person.meet(world, world.runtime('prosa_ingest'), phone);

/** The newest snapshot of a person's conversation. */
async function envelopeOf(person: Person): Promise<Envelope | 'no snapshot' | undefined> {
  const [stored] = await loadActors(
    worker.database,
    [{ tenant: testTenant, actor: person.entry.conversation }],
    Number.MAX_SAFE_INTEGER,
  );
  if (stored?.snapshot === undefined) return 'no snapshot';
  return openEnvelope(worker.vault, { ...stored, ...stored.snapshot }, findEcho);
}

/** The count in the echo machine's context, as the newest snapshot has it. */
async function countOf(person: Person): Promise<unknown> {
  const envelope = await envelopeOf(person);
  if (envelope === 'no snapshot') return envelope;
  return (envelope?.episode?.snapshot.context as { count: number } | undefined)?.count;
}

const answered = (person: Person, count: number) =>
  eventually(
    () => person.replies(),
    (replies) => replies.length >= count,
  );

describe('a running host', () => {
  test('answers each message once, in order, with one audit record of each transition', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    for (const text of ['a', 'b', 'c']) await person.says(text);
    await person.says('a', '5511999990001-0');
    await person.says('d');
    expect(await answered(person, 4)).toEqual(['1:a', '2:b', '3:c', '4:d']);
    const audit = (await readRecords(world, topics.audit, person.entry.conversation)) as AuditRecorded[];
    expect(audit.map(({ action, from, to }) => [action, from, to])).toEqual([
      ['actor.transitioned', null, 'listening'],
      ...Array.from({ length: 3 }, () => ['actor.transitioned', 'listening', 'listening']),
    ]);
  });

  test('keeps two versions of a snapshot at most, and knows who has begun', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    for (let i = 0; i < 6; i++) {
      await person.says(`m${i}`);
      await answered(person, i + 1);
    }
    const rows = await worker.database.transaction([testTenant], (sql) =>
      sql.query<{ n: string }>('SELECT next_offset AS n FROM actor_snapshots'),
    );
    expect(rows.rowCount).toBeLessThanOrEqual(2);
    const begun = await worker.database.transaction([testTenant], (sql) => sql.query('SELECT actor FROM actors_begun'));
    expect(begun.rowCount).toBe(1);
  });

  test('parks what cannot be decoded and goes on', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    await person.says('before');
    await world.log.append([
      {
        topic: topics.events,
        key: person.entry.conversation,
        value: Buffer.from('garbage'),
        headers: { ce_tenant: testTenant },
      },
    ]);
    await person.says('after');
    expect(await answered(person, 2)).toEqual(['1:before', '2:after']);
    const parked = await readRecords(world, parkedTopicOf(topics.events), person.entry.conversation);
    expect(parked).toMatchObject([{ type: 'record.parked', reason: 'record.undecodable', topic: topics.events }]);
  });
});

describe('an effect', () => {
  /** Answers every effect asked, as the effects service would: at least once. */
  const startWorker = async (): Promise<RunningService> => {
    const consumer = await consumeRecords(worker, {
      group: 'effects',
      topic: topics.effects,
      sliceRecordsMax: 10,
      sliceBytesMax: 1_000_000,
      handle: async (slices) => {
        for (const { record } of slices.flatMap(({ records }) => records)) {
          if (record.type !== 'effect.requested') continue;
          const asked = await worker.vault.open<{ input: { question: string } }>(
            record,
            record.sealed ?? Buffer.alloc(0),
          );
          const output = asked.state === 'open' ? `re ${asked.value.input.question}` : '';
          const answer = {
            ...causedBy(record, derivedId('e', record.effectId), worker.now()),
            type: 'effect.completed' as const,
          };
          const sealed = await worker.vault.seal(answer, 'p_test', worker.now(), { output });
          const completed = { ...answer, effectId: record.effectId, outcome: 'done', reason: null, sealed };
          await world.log.append([outgoing(completed), outgoing(completed)]);
        }
      },
    });
    return { name: 'effects', finished: consumer.finished, stop: () => consumer.stop() };
  };

  test('asked by a machine is answered by a record, once, also when it is answered twice', async () => {
    await world.log.createGroup('effects', topics.effects);
    await start(startConversation(worker, findEcho), startWorker());
    const person = await meet();
    await person.says('ask');
    expect(await answered(person, 1)).toEqual(['answer:re what?']);
    await person.says('next');
    expect(await answered(person, 2)).toEqual(['answer:re what?', '1:next']);
  });
});

describe('a timer', () => {
  test('that is due is fired by the timer service and acts once', async () => {
    let clock = Date.now();
    await world.close();
    world = await openTestWorld({ now: () => clock });
    worker = world.runtime('prosa_worker');
    await start(startConversation(worker, findEcho), startTimers(worker), startTimers(world.runtime('prosa_worker')));
    const person = await meet();
    await person.says('hi');
    await answered(person, 1);
    clock += 61_000;
    expect(await answered(person, 2)).toEqual(['1:hi', 'still there?']);
    await person.says('yes');
    expect(await answered(person, 3)).toEqual(['1:hi', 'still there?', '2:yes']);
  });
});

describe('a host that starts again', () => {
  test('goes on where the other stopped', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    await person.says('a');
    await answered(person, 1);
    await stopAll();
    await person.says('b');
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    expect(await answered(person, 2)).toEqual(['1:a', '2:b']);
  });

  test('rebuilds from the journal when all snapshots were deleted (I7)', async () => {
    await start(startConversation(worker, findEcho), startProjection(world.runtime('prosa_worker')));
    const person = await meet();
    for (const text of ['a', 'b', 'c']) await person.says(text);
    await answered(person, 3);
    await stopAll();
    await asOwner(world.databaseUrl, 'DELETE FROM actor_snapshots');
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    await person.says('d');
    expect(await answered(person, 4)).toEqual(['1:a', '2:b', '3:c', '4:d']);
  });

  test('rebuilds from the log what the journal does not have yet', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    for (const text of ['a', 'b']) await person.says(text);
    await answered(person, 2);
    await stopAll();
    await asOwner(world.databaseUrl, 'DELETE FROM actor_snapshots');
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    await person.says('c');
    expect(await answered(person, 3)).toEqual(['1:a', '2:b', '3:c']);
  });

  test.each([
    ['a flipped bit', `UPDATE actor_snapshots SET body = set_byte(body, 60, get_byte(body, 60) # 1)`],
    ['a cut body', `UPDATE actor_snapshots SET body = substring(body FROM 1 FOR 20)`],
    ['another key', `UPDATE actor_snapshots SET body = set_byte(body, 5, get_byte(body, 5) # 1)`],
  ])('rebuilds a snapshot with %s', async (_, damage) => {
    await start(startConversation(worker, findEcho), startProjection(world.runtime('prosa_worker')));
    const person = await meet();
    for (const text of ['a', 'b']) await person.says(text);
    await answered(person, 2);
    await stopAll();
    await asOwner(world.databaseUrl, damage);
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    await person.says('c');
    expect(await answered(person, 3)).toEqual(['1:a', '2:b', '3:c']);
  });

  test('folds silently what Postgres lost (I4): states are there, nothing is replied twice', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    for (const text of ['a', 'b', 'c']) await person.says(text);
    await answered(person, 3);
    await stopAll();
    await asOwner(
      world.databaseUrl,
      'DELETE FROM actor_snapshots; DELETE FROM actors_begun; UPDATE actor_partitions SET progress = 0',
    );
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    await eventually(
      () => countOf(person),
      (count) => count === 3,
    );
    await person.says('d');
    expect(await answered(person, 4)).toEqual(['1:a', '2:b', '3:c', '4:d']);
  });
});

describe('a machine that misbehaves', () => {
  test.each(['boom', 'loop'])(
    'on "%s" is put in quarantine alone, its messages are held, and answered after release',
    async (trigger) => {
      await start(startConversation(worker, findEcho));
      const person = await meet('5511999990001');
      const others = await Promise.all(['5511999990002', '5511999990003'].map((phone) => meet(phone)));
      await person.says('a');
      await person.says(trigger);
      await person.says('b');
      for (const other of others) await other.says('fine');
      for (const other of others) expect(await answered(other, 1)).toEqual(['1:fine']);
      const quarantined = () =>
        worker.database.transaction([testTenant], (sql) =>
          sql.query<{ status: string; held: number }>(
            'SELECT status, held FROM actor_snapshots WHERE actor = $1 ORDER BY next_offset DESC LIMIT 1',
            [person.entry.conversation],
          ),
        );
      await eventually(quarantined, ({ rows }) => rows[0]?.held === 2);
      expect((await quarantined()).rows[0]).toMatchObject({ status: 'quarantined' });
      await stopAll();

      await start(startConversation(world.runtime('prosa_worker'), findMended));
      await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
      await person.says('c');
      expect(await answered(person, 4)).toEqual(['1:a', `2:${trigger}`, '3:b', '4:c']);
    },
  );
});

describe('a release', () => {
  test('applies what was held under the revisions that the held records name', async () => {
    await start(startConversation(worker, findEcho));
    const person = await meet();
    await person.says('boom');
    const held = () =>
      worker.database.transaction([testTenant], (sql) => sql.query('SELECT FROM actor_snapshots WHERE held = 1'));
    await eventually(held, ({ rowCount }) => rowCount === 1);
    await stopAll();

    const { machines } = echoConfiguration;
    const revision = await world.runtime('prosa_api').tenants.configure(testTenant, { machines, answerGroups: true });
    await start(startConversation(world.runtime('prosa_worker'), findMended));
    await person.tell({ type: 'conversation.released', requestedBy: 'k_test', revision });
    expect(await answered(person, 1)).toEqual(['1:boom']);
  });

  test('at which what is held cannot be read is set aside, and comes again when it can', async () => {
    const first = await startConversation(worker, findEcho);
    const person = await meet();
    const { conversation } = person.entry;
    await person.says('boom');
    await person.says('after');
    const held = () =>
      worker.database.transaction([testTenant], (sql) => sql.query('SELECT FROM actor_snapshots WHERE held = 2'));
    await eventually(held, ({ rowCount }) => rowCount === 1);
    await first.stop();

    const [record] = await readRecords(world, topics.events, conversation);
    if (record?.type !== 'message.received' || record.sealed === null) throw new Error('nothing was said');
    const put = (as: ProsaRecord): Promise<void> => {
      const value = Buffer.from(outgoing(as).value).toString('hex');
      return asOwner(
        world.databaseUrl,
        `UPDATE log.records SET value = '\\x${value}' WHERE headers LIKE '%"${record.eventId}"%'`,
      );
    };
    const changed = Buffer.from(record.sealed);
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
    await put({ ...record, sealed: changed });
    await start(startConversation(world.runtime('prosa_worker'), findMended));
    const release = await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
    const parked = () => readRecords(world, parkedTopicOf(topics.events), conversation);
    expect(await eventually(parked, (found) => found.length > 0)).toMatchObject([
      { type: 'record.parked', offset: release.offset, reason: 'actor.held-unreadable' },
    ]);

    await put(record);
    await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
    expect(await answered(person, 2)).toEqual(['1:boom', '2:after']);
  });
});

describe('ownership', () => {
  const hostOn = async (without?: 'epoch', refuse: (nextOffset: number) => Promise<void> | void = () => undefined) => {
    const committed: number[] = [];
    const lost = new AbortController();
    const ports = {
      log: world.log,
      store: postgresActorStore({ ...worker, find: findEcho }),
      vault: worker.vault,
      tenants: worker.tenants,
      find: findEcho,
      logger: worker.logger,
      metrics: worker.metrics,
      actorsCachedMax: 10,
      without,
    };
    const host = await openHost(ports, {
      topic: topics.events,
      partition: 0,
      startOffset: 0,
      lost: lost.signal,
      commit: async (_, nextOffset, prepare) => {
        // As on a log that is elsewhere: snapshots are written in a transaction of their own first.
        await prepare?.(undefined);
        await refuse(nextOffset);
        committed.push(nextOffset);
      },
    });
    return { host, committed };
  };

  test('a host whose epoch has passed writes nothing', async () => {
    const old = await hostOn();
    await hostOn();
    await expect(old.host.process({ records: [], nextOffset: 5 })).rejects.toMatchObject({ code: 'log.fenced' });
    expect(old.committed).toEqual([]);
  });

  test('and without the epoch it would', async () => {
    const old = await hostOn('epoch');
    await hostOn();
    await old.host.process({ records: [], nextOffset: 5 });
    expect(old.committed).toEqual([5]);
  });

  test('a host under which Postgres was set back writes nothing more: what is missing before would be hidden', async () => {
    const { host, committed } = await hostOn();
    await host.process({ records: [], nextOffset: 5 });
    await asOwner(world.databaseUrl, 'UPDATE actor_partitions SET committed = 0, progress = 3');
    await expect(host.process({ records: [], nextOffset: 9 })).rejects.toMatchObject({ code: 'log.fenced' });
    expect(committed).toEqual([5]);
  });

  test('a slice that was written and never committed does not pass for complete when Postgres is set back to it', async () => {
    const { database } = worker;
    await takeOver(database, 0, 0);
    await asOwner(world.databaseUrl, 'UPDATE actor_partitions SET committed = 5, progress = 10');
    const progressAt = async (committed: number) => (await takeOver(database, 0, committed)).progress;
    expect([await progressAt(5), await progressAt(10), await progressAt(6)]).toEqual([5, 10, 5]);
  });

  test('what was committed one by one, under suspicion, is not applied again when the rest of its slice is', async () => {
    const person = await meet();
    for (const text of ['boom', 'a', 'b', 'c']) await person.says(text);
    const partition = world.log.partitionOf(person.entry.conversation);
    const records: LoggedRecord[] = [];
    for await (const batch of world.log.readRange({ topic: topics.events, partition, from: 0 }))
      // The last records under suspicion, and the first of those behind them.
      records.push(...batch.map((record) => ({ ...record, offset: record.offset + 497 })));
    for (let taken = 0; taken < 3; taken++) await takeOver(worker.database, 0, 0);
    const refused: number[] = [];
    const { host, committed } = await hostOn(undefined, (offset) => {
      if (offset === 501 && refused.push(offset) === 1) throw new OperatingError('log.unavailable');
    });
    const slice = { records, nextOffset: 501 };
    await expect(host.process(slice)).rejects.toMatchObject({ code: 'log.unavailable' });
    await host.process(slice);
    expect(committed).toEqual([498, 499, 500, 501]);
    const envelope = await envelopeOf(person);
    expect(envelope).toMatchObject({ held: [497, 498, 499, 500].map((offset) => ({ offset })) });
  });

  test('whoever loses the partition at a record, again and again, did not die of it', async () => {
    const person = await meet();
    await person.says('hi');
    const partition = world.log.partitionOf(person.entry.conversation);
    const records: LoggedRecord[] = [];
    for await (const batch of world.log.readRange({ topic: topics.events, partition, from: 0 })) records.push(...batch);
    const slice = { records, nextOffset: 1 };
    // Three take-overs without progress make it suspicious, and three deaths at one record make an order.
    for (let lost = 0; lost < 7; lost++) {
      const { host } = await hostOn(undefined, async () => {
        await takeOver(worker.database, 0, 0);
        throw new OperatingError('log.fenced');
      });
      await expect(host.process(slice)).rejects.toMatchObject({ code: 'log.fenced' });
    }
    await (await hostOn()).host.process(slice);
    expect(await envelopeOf(person)).toMatchObject({ quarantine: null, held: [] });
  });

  test('no epoch comes twice when Postgres is set back', async () => {
    const first = await takeOver(worker.database, 0, 0);
    const second = await takeOver(worker.database, 0, 0);
    await asOwner(world.databaseUrl, `UPDATE actor_partitions SET epoch = ${first.epoch}`);
    const third = await takeOver(worker.database, 0, 0);
    expect(third.epoch).toBeGreaterThan(second.epoch);
  });
});

describe('a record that kills its process', () => {
  test.each([
    ['a rebuild', 'DELETE FROM actor_snapshots'],
    [
      'a silent fold',
      'DELETE FROM actor_snapshots; DELETE FROM actors_begun; UPDATE actor_partitions SET progress = 0',
    ],
  ])('puts its actor in quarantine after three deaths, by an order on the log that %s obeys', async (_, loss) => {
    const person = await meet();
    const other = await meet('5511999990009');
    const { offset, partition } = await person.says('killer');
    await person.says('later');
    await other.says('fine');
    // Three processes that took over, began the record and died.
    await asOwner(
      world.databaseUrl,
      `INSERT INTO actor_partitions (partition, epoch, suspect_start, suspect_count, attempt_offset, attempt_count) VALUES (${partition}, 3, 0, 3, ${offset}, 3)`,
    );
    await start(startConversation(worker, findEcho));
    expect(await answered(other, 1)).toEqual(['1:fine']);
    const order = () => readRecords(world, topics.events, person.entry.conversation);
    await eventually(order, (records) => records.some(({ type }) => type === 'conversation.quarantined'));
    expect(await person.replies()).toEqual([]);
    await stopAll();

    await asOwner(world.databaseUrl, loss);
    await start(startConversation(world.runtime('prosa_worker'), findEcho));
    await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
    expect(await answered(person, 2)).toEqual(['1:killer', '2:later']);
  });
});

describe('I8 somebody who was erased', () => {
  const erase = (person: Person) =>
    asOwner(
      world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person.entry.person}'`,
    );
  const ignored = async (person: Person) =>
    ((await readRecords(world, topics.audit, person.entry.conversation)) as AuditRecorded[]).filter(
      ({ action }) => action === 'record.ignored',
    );

  test('stops nothing: what is on its way is audited and nothing else, and others are answered', async () => {
    const person = await meet();
    const other = await meet('5511999990002');
    await start(startConversation(worker, findEcho));
    await person.says('a');
    await answered(person, 1);
    await stopAll();
    await person.says('b');
    await person.tell({ type: 'timer.fired', timerId: 'x', generation: 'y' });
    await other.says('c');
    await erase(person);
    worker = world.runtime('prosa_worker');
    await start(startConversation(worker, findEcho));
    expect(await answered(other, 1)).toEqual(['1:c']);
    const audit = await eventually(
      () => ignored(person),
      (events) => events.length === 2,
    );
    expect(audit.map(({ trigger, outcome }) => [trigger, outcome])).toEqual([
      ['message.received', 'person.erased'],
      ['timer.fired', 'person.erased'],
    ]);
    expect(await readRecords(world, topics.replies, person.entry.conversation)).toHaveLength(1);
    expect(await countOf(person)).toBeUndefined();
  });

  test('has no state in memory any more, and none after a fold of everything', async () => {
    const clock = { now: Date.now() };
    await world.close();
    world = await openTestWorld({ now: () => clock.now, partitionCount: 1 });
    worker = world.runtime('prosa_worker');
    const person = await meet();
    const other = await meet('5511999990002');
    await start(startConversation(worker, findEcho));
    await person.says('a');
    await answered(person, 1);
    await erase(person);
    // The host forgets its keys; the message was sealed by one that has them still.
    clock.now += 6 * 60_000;
    await person.tell({ type: 'timer.fired', timerId: 'x', generation: 'y' });
    await eventually(
      () => ignored(person),
      (events) => events.length === 1,
    );
    await stopAll();
    await asOwner(
      world.databaseUrl,
      'DELETE FROM actor_snapshots; UPDATE actor_partitions SET progress = 0, committed = 0',
    );
    worker = world.runtime('prosa_worker');
    await start(startConversation(worker, findEcho));
    await other.says('b');
    expect(await answered(other, 1)).toEqual(['1:b']);
    expect(await countOf(person)).toBe('no snapshot');
  });
});
