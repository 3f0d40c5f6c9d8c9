/**
 * The Postgres log keeps the contract, and the contract notices when a protection is missing. Below
 * that, what is particular to it: one transaction with `prepare`, few connections, waking, lost connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openDatabase, type Database } from '#runtime/database/database.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import { asOwner, terminateConnections, testDatabase, type TestDatabase } from '#runtime/testing/postgres.ts';
import {
  copyingTo,
  expectNoLag,
  follow,
  keyOn,
  numbered,
  readAll,
  record,
  valuesOf,
} from '#runtime/testing/record-log-cases/case.ts';
import { protectionCases } from '#runtime/testing/record-log-cases/ownership.ts';
import { recordLogContract, runContractCase } from '#runtime/testing/record-log.contract.ts';

import { makePostgresHarness } from './harness.ts';
import { internalsDefault } from './internals.ts';
import { openPostgresLogWith, type PostgresLogOptions } from './postgres-log.ts';
import { writeRecords } from './record-store.ts';

recordLogContract('postgres', makePostgresHarness);

describe('the contract notices', () => {
  test('commits that are not fenced', async () => {
    await expect(
      runContractCase(protectionCases.fence, (options) => makePostgresHarness(options, { fence: false })),
    ).rejects.toThrow(/to match object/);
  }, 60_000);

  test('a take-over that starts from an offset read before the fence', async () => {
    await expect(
      runContractCase(protectionCases.rereadAfterFence, (options) =>
        makePostgresHarness(options, { rereadAfterFence: false }),
      ),
    ).rejects.toThrow(/deeply equal/);
  }, 60_000);

  test('nothing when both are in place', async () => {
    for (const name of Object.values(protectionCases)) await runContractCase(name, makePostgresHarness);
  }, 60_000);
});

describe('the Postgres log', () => {
  const topic = 'postgres.topic';
  const copies = 'postgres.copies';
  let testing: TestDatabase;
  const databases: Database[] = [];
  const logs: RecordLog[] = [];
  let groups = 0;

  const openPool = (applicationName: string, connectionsMax = 6): Database => {
    const database = openDatabase({ url: testing.url, role: 'prosa_worker', connectionsMax, applicationName });
    databases.push(database);
    return database;
  };

  const open = async (options: Partial<PostgresLogOptions> = {}, internals = internalsDefault): Promise<RecordLog> => {
    const database = options.database ?? openPool('postgres-log-test');
    const log = await openPostgresLogWith({ database, partitionCount: 4, clientId: 'test', ...options }, internals);
    logs.push(log);
    return log;
  };

  /** A topic and a place to copy to, of the test's own. */
  const topicsFor = async (log: RecordLog) => {
    groups += 1;
    const names = { source: `${topic}.${groups}`, target: `${copies}.${groups}`, group: `group-${groups}` };
    await log.createTopics([names.source, names.target]);
    return names;
  };

  const until = async (probe: () => void | Promise<void>): Promise<void> => {
    await expect.poll(async () => (await probe(), true), { timeout: 10_000 }).toBe(true);
  };

  beforeAll(async () => {
    testing = await testDatabase();
  });

  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()));
    await Promise.all(databases.map((database) => database.close()));
    await testing.close();
  });

  test('`prepare` writes in the transaction of the commit: both are there or neither', async () => {
    await asOwner(testing.url, 'CREATE TABLE prepared (note text); GRANT SELECT, INSERT ON prepared TO prosa_worker');
    const database = openPool('prepare');
    const log = await open({ database });
    const { source, target, group } = await topicsFor(log);
    let refused = false;
    await follow(log, { group, topic: source }, async (slice, assignment) => {
      await assignment.commit([record(target, 'k', 'out')], slice.nextOffset, async (sql) => {
        await sql?.query('INSERT INTO prepared VALUES ($1)', [refused ? 'kept' : 'rolled back']);
        if (refused) return;
        refused = true;
        // Fails the whole commit, after the write.
        await sql?.query('SELECT 1 / 0').catch(() => Promise.reject(new Error('refused')));
      });
    }).then(async (follower) => {
      await log.append([record(source, 'k', 'in')]);
      await expect(follower.consumer.finished).rejects.toThrow('refused');
    });
    expect(await readAll(log, target)).toEqual([]);
    await follow(log, { group, topic: source }, (slice, assignment) =>
      assignment.commit([record(target, 'k', 'out')], slice.nextOffset, async (sql) => {
        await sql?.query(`INSERT INTO prepared VALUES ('kept')`);
      }),
    );
    await until(() => expectNoLag(log, group, source));
    const { rows } = await database.transaction([], (sql) => sql.query('SELECT note FROM prepared'));
    expect(rows).toEqual([{ note: 'kept' }]);
    expect(valuesOf(await readAll(log, target))).toEqual(['out']);
  });

  test('a `prepare` that hides a failed statement does not pass for a commit', async () => {
    const log = await open();
    const { source, target, group } = await topicsFor(log);
    const follower = await follow(log, { group, topic: source }, (slice, assignment) =>
      assignment.commit([record(target, 'k', 'out')], slice.nextOffset, async (sql) => {
        await sql?.query('SELECT 1 / 0').catch(() => undefined);
      }),
    );
    await log.append([record(source, 'k', 'in')]);
    await expect(follower.consumer.finished).rejects.toThrow(/division by zero/);
    expect(await readAll(log, target)).toEqual([]);
    expect((await log.lag(group, source)).reduce((sum, { lag }) => sum + lag, 0)).toBe(1);
  });

  test('a process that stops within a commit cannot hold its locks for ever', async () => {
    const log = await open();
    const { source, group } = await topicsFor(log);
    let bound: unknown;
    await follow(log, { group, topic: source }, (slice, assignment) =>
      assignment.commit([], slice.nextOffset, async (sql) => {
        bound = (await sql?.query('SHOW idle_in_transaction_session_timeout'))?.rows[0];
      }),
    );
    await log.append([record(source, 'k', 'in')]);
    await until(() => expectNoLag(log, group, source));
    expect(bound).toEqual({ idle_in_transaction_session_timeout: '10s' });
  });

  test('appends of this process wake its consumers without a poll; those of others are found by it', async () => {
    const never = 3_600_000;
    const [log, other] = [await open({ pollMs: never }), await open({ pollMs: never })];
    const { source, group } = await topicsFor(log);
    const follower = await follow(log, { group, topic: source });
    await other.append([record(source, keyOn(log, 0), 'announced')]);
    await until(() => {
      expect(valuesOf(follower.records())).toEqual(['announced']);
    });
    await follower.consumer.stop();

    const polling = await open({ pollMs: 20 });
    const found = await follow(polling, { group, topic: source });
    // As another process would: nobody here is told.
    await openPool('elsewhere').transaction([], (sql) =>
      writeRecords(sql, [record(source, keyOn(log, 1), 'polled')], log.partitionOf, 'append'),
    );
    await until(() => {
      expect(valuesOf(found.records())).toEqual(['polled']);
    });
  });

  test('seven groups on twenty-four partitions live on a few connections', async () => {
    const wide = await open({ database: openPool('wide', 4), partitionCount: 24 });
    await wide.createTopics(['wide.topic']);
    const followers = await Promise.all(
      Array.from({ length: 7 }, (_, index) =>
        follow(wide, { group: `wide-${index}`, topic: 'wide.topic', transactional: index === 0 }),
      ),
    );
    for (const { consumer } of followers) expect(consumer.owned()).toHaveLength(24);
    await wide.append(Array.from({ length: 500 }, (_, index) => record('wide.topic', `key-${index}`, String(index))));
    await until(() => {
      for (const follower of followers) expect(new Set(valuesOf(follower.records())).size).toBe(500);
    });
  });

  test('connections that break under load cost nothing but time', async () => {
    const steady = await open();
    const shaken = await open({ database: openPool('shaken') });
    const { source, target, group } = await topicsFor(steady);
    const key = keyOn(steady, 0);
    const follower = await follow(shaken, { group, topic: source, sliceRecordsMax: 3 }, copyingTo(target));
    for (let round = 0; round < 6; round += 1) {
      await steady.append(numbered(source, key, 25, round * 25));
      await sleep(30);
      await terminateConnections(testing.url, 'shaken');
    }
    await until(async () => {
      follower.records(); // throws the reason if the consumer stopped
      await expectNoLag(steady, group, source);
    });
    expect(valuesOf(await readAll(steady, target))).toEqual(Array.from({ length: 150 }, (_, index) => String(index)));
    expect(follower.consumer.owned()).toHaveLength(4);
  });

  test('an append that Postgres cannot take fails with `log.unavailable`, and the next one works', async () => {
    const database = openPool('cut');
    const log = await open({ database });
    const { source } = await topicsFor(log);
    await asOwner(testing.url, `BEGIN; LOCK log.records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.3); COMMIT`).catch(
      () => undefined,
    );
    const holding = asOwner(
      testing.url,
      `BEGIN; LOCK log.records IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT`,
    );
    await sleep(100);
    const waiting = log.append([record(source, 'k', 'lost')]);
    waiting.catch(() => undefined);
    await sleep(100);
    await terminateConnections(testing.url, 'cut');
    await expect(waiting).rejects.toMatchObject({ code: 'log.unavailable' });
    await holding;
    await log.append([record(source, 'k', 'kept')]);
    expect(valuesOf(await readAll(log, source))).toEqual(['kept']);
  });

  test('after a kill the only process of a log does not wait for leases of the one before', async () => {
    // A member as a killed process leaves it: it owns partitions, its lease is valid, it does nothing.
    let isDead = false;
    const killed = await open({ leaseMs: 60_000 }, { ...internalsDefault, coordinationPaused: () => isDead });
    const { source, group } = await topicsFor(killed);
    const abandoned = await follow(killed, { group, topic: source });
    expect(abandoned.consumer.owned()).toHaveLength(4);
    isDead = true;
    const restarted = await open({ onlyProcess: true });
    const follower = await follow(restarted, { group, topic: source });
    expect(follower.consumer.owned()).toHaveLength(4);
    await abandoned.consumer.stop();
  });

  test('a member whose lease ran out joins again and goes on', async () => {
    const log = await open({ leaseMs: 500, pollMs: 50 });
    const { source, group } = await topicsFor(log);
    const follower = await follow(log, { group, topic: source });
    await asOwner(testing.url, `DELETE FROM log.members WHERE consumer_group = '${group}'`);
    await until(() => {
      expect(follower.assignments.length).toBe(8);
      expect(follower.consumer.owned()).toHaveLength(4);
    });
    expect(follower.assignments.slice(0, 4).every(({ lost }) => lost.aborted)).toBe(true);
    await log.append(numbered(source, 'k', 3));
    await until(() => {
      expect(valuesOf(follower.records())).toEqual(['0', '1', '2']);
    });
  });
});
