/** Statements that are prepared and sent ahead: as safe as those that are waited for one by one. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type TestDatabase, asOwner, testDatabase } from '#runtime/testing/postgres.ts';

import { type Database, openDatabase } from './database.ts';

let testing: TestDatabase;
let owner: pg.Client;
/** One connection, so that every transaction finds what the one before left. */
let database: Database;

beforeAll(async () => {
  testing = await testDatabase();
  owner = new pg.Client({ connectionString: testing.url });
  await owner.connect();
  await owner.query(`INSERT INTO tenants (id, name) VALUES ('one', 'One'), ('two', 'Two')`);
  await owner.query('CREATE TABLE notes (id int PRIMARY KEY, text text)');
  await owner.query('GRANT SELECT, INSERT ON notes TO prosa_worker');
  database = openDatabase({ url: testing.url, role: 'prosa_worker', connectionsMax: 1, applicationName: 'database' });
});

afterAll(async () => {
  await database.close();
  await owner.end();
  await testing.close();
});

beforeEach(async () => {
  await owner.query('TRUNCATE notes, timers');
});

const note = 'INSERT INTO notes (id, text) VALUES ($1, $2)';
const notes = async (): Promise<readonly number[]> =>
  (await owner.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).rows.map(({ id }) => id);
const prepared = async (text: string): Promise<number> =>
  (await database.query([], 'SELECT FROM pg_prepared_statements WHERE statement = $1', [text])).rowCount;

describe('a statement that comes again', () => {
  const text = 'SELECT tenant FROM timers ORDER BY tenant';
  const tenantsSeen = async (declared: readonly string[]): Promise<readonly string[]> =>
    (await database.query<{ tenant: string }>(declared, text)).rows.map(({ tenant }) => tenant);

  test('is prepared, and sees what each transaction declares, not what an earlier one did', async () => {
    await owner.query(
      `INSERT INTO timers (tenant, actor, timer_id, generation, due_at)
       SELECT t, t, 't', 'g', now() FROM unnest(ARRAY['one', 'two']) t`,
    );
    for (let round = 0; round < 8; round += 1) {
      expect(await tenantsSeen(['one'])).toEqual(['one']);
      expect(await tenantsSeen([])).toEqual([]);
      expect(await tenantsSeen(['two', 'one'])).toEqual(['one', 'two']);
      expect(await database.transaction(['two'], (sql) => sql.query(text))).toMatchObject({
        rows: [{ tenant: 'two' }],
      });
    }
    expect(await prepared(text)).toBe(1);
  });

  test('is prepared anew when its table changed, at the cost of one failure that is to be retried', async () => {
    const all = 'SELECT * FROM notes';
    for (let i = 0; i < 5; i += 1) await database.query([], all);
    expect(await prepared(all)).toBe(1);
    await asOwner(testing.url, 'ALTER TABLE notes ADD COLUMN more int');
    await expect(database.query([], all)).rejects.toMatchObject({ code: 'database.unavailable' });
    expect(await database.query([], all)).toMatchObject({ rowCount: 0 });
  });

  test('whose text never repeats is not prepared', async () => {
    for (let i = 0; i < 20; i += 1) await database.query([], `SELECT ${i} AS place`);
    expect(
      (await database.query([], `SELECT FROM pg_prepared_statements WHERE statement LIKE '%AS place'`)).rowCount,
    ).toBe(0);
  });
});

describe('a transaction of one statement', () => {
  test('that fails tells why, changes nothing, and leaves a connection that works', async () => {
    for (const declared of [[], ['one']]) {
      await database.query(declared, note, [1, 'a']);
      await expect(database.query(declared, note, [1, 'b'])).rejects.toThrow(/duplicate key/);
      await database.query(declared, note, [2, 'c']);
      expect(await notes()).toEqual([1, 2]);
      await owner.query('TRUNCATE notes');
    }
  });

  test('has what it declares for itself alone', async () => {
    await database.query(['one'], note, [1, 'a']);
    expect(await database.query([], `SELECT current_setting('app.tenants', true) AS declared`)).toMatchObject({
      rows: [{ declared: '' }],
    });
  });
});

describe('statements sent together', () => {
  test('are all there or none, and the error is that of the first that failed', async () => {
    await database.transaction(['one'], (sql) =>
      Promise.all([sql.query(note, [1, 'a']), sql.query(note, [2, 'b']), sql.query(note, [3, 'c'])]),
    );
    expect(await notes()).toEqual([1, 2, 3]);
    const failing = database.transaction(['one'], (sql) =>
      Promise.all([sql.query(note, [4, 'a']), sql.query(note, [2, 'b']), sql.query(note, [5, 'c'])]),
    );
    await expect(failing).rejects.toThrow(/duplicate key/);
    const noted = [4, 2, 5].map((id) => [note, [id, 'a']] as const);
    await expect(database.queries(['one'], noted)).rejects.toThrow(/duplicate key/);
    expect(await notes()).toEqual([1, 2, 3]);
  });

  test('give their results in their order', async () => {
    const results = await database.transaction([], (sql) =>
      Promise.all(Array.from({ length: 30 }, (_, i) => sql.query<{ i: number }>('SELECT $1::int AS i', [i]))),
    );
    expect(results.map(({ rows }) => rows[0]?.i)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  test('a part that goes on after another failed is not done outside of the transaction', async () => {
    const late = Promise.withResolvers<unknown>();
    const failing = database.transaction([], async (sql) => {
      const goesOn = async (): Promise<void> => {
        await sql.query(note, [1, 'a']);
        await new Promise((resolve) => setTimeout(resolve, 50));
        late.resolve(await sql.query(note, [2, 'b']).catch((caught: unknown) => caught));
      };
      await Promise.all([goesOn(), sql.query('SELECT 1 / 0')]);
    });
    await expect(failing).rejects.toThrow(/division by zero/);
    expect(await late.promise).toMatchObject({ message: 'The transaction is over.' });
    expect(await notes()).toEqual([]);
  });

  test('the first failure is told, also where a later one is heard of before it', async () => {
    const failing = database.transaction([], (sql) => {
      const deep = async (depth: number): Promise<unknown> =>
        depth === 0 ? sql.query('SELECT 1 / 0') : await deep(depth - 1);
      return Promise.all([deep(20), sql.query(note, [1, 'a'])]);
    });
    await expect(failing).rejects.toThrow(/division by zero/);
    expect(await notes()).toEqual([]);
  });

  test('a failure that was hidden is not committed', async () => {
    const hiding = database.transaction([], async (sql) => {
      await sql.query(note, [1, 'a']);
      await sql.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(hiding).rejects.toThrow(/rolled back/);
    expect(await notes()).toEqual([]);
  });
});
