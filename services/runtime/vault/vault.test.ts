// Goal: V1 to V4 of the vault, on real Postgres.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Database, openDatabase } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { asOwner, testDatabase } from '../testing/postgres.ts';
import { memoryKeys } from '../testing/runtime.ts';
import { openVault } from './postgres-vault.ts';
import type { SealedIn } from './vault.ts';

const where: SealedIn = { tenant: 'demo', actor: 'c_1', type: 'message.received', eventId: 'e_1' };
const january = Date.UTC(2026, 0, 31, 23);
const keys = memoryKeys();

let url: string;
let database: Database;
let drop: () => Promise<void>;
let clock: number;

beforeEach(async () => {
  ({ url, close: drop } = await testDatabase());
  await asOwner(url, `INSERT INTO tenants (id, name) VALUES ('demo', 'Demo'), ('other', 'Other')`);
  database = openDatabase({ url, role: 'prosa_worker', connectionsMax: 3, applicationName: 'vault-test' });
  clock = january;
});

afterEach(async () => {
  await database.close();
  await drop();
});

const vault = () => openVault(database, keys, () => clock);
const rows = async () =>
  (
    await database.transaction(['demo'], (sql) =>
      sql.query<{ person: string; month: string }>('SELECT person, month FROM vault_keys ORDER BY month'),
    )
  ).rows;

describe('sealing', () => {
  test('opens what it sealed, in this process and in another', async () => {
    const sealed = await vault().seal(where, 'p_1', january, { text: 'olá\u0000\ud800 👋' });
    expect(await vault().open(where, sealed)).toEqual({ state: 'open', value: { text: 'olá\u0000\ud800 👋' } });
  });

  test('never gives the same bytes twice', async () => {
    const one = vault();
    expect(await one.seal(where, 'p_1', january, 'x')).not.toEqual(await one.seal(where, 'p_1', january, 'x'));
  });

  test('has one key per person and calendar month, also when many ask at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => vault().seal(where, 'p_1', january, 'x')));
    await vault().seal(where, 'p_1', january + 3_600_000, 'x');
    expect(await rows()).toEqual([
      { person: 'p_1', month: '2026-01' },
      { person: 'p_1', month: '2026-02' },
    ]);
  });
});

describe('V1 a sealed value opens only where it was sealed for', () => {
  test.each<Partial<SealedIn>>([{ actor: 'c_2' }, { type: 'message.echoed' }, { eventId: 'e_2' }])(
    'not for %o',
    async (other) => {
      const sealed = await vault().seal(where, 'p_1', january, 'x');
      await expect(vault().open({ ...where, ...other }, sealed)).rejects.toMatchObject({ code: 'vault.tampered' });
    },
  );

  test('not for another tenant, which does not see the key', async () => {
    const sealed = await vault().seal(where, 'p_1', january, 'x');
    await expect(vault().open({ ...where, tenant: 'other' }, sealed)).rejects.toMatchObject({
      code: 'vault.key-missing',
    });
  });

  test('not with any bit changed', async () => {
    const opener = vault();
    const sealed = await opener.seal(where, 'p_1', january, 'some text');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(opener.open(where, changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^vault\.(tampered|key-missing)$/) as string,
      });
    }
  });

  test.each([0, 1, 20, 44])('not when cut to %i bytes', async (length) => {
    const sealed = await vault().seal(where, 'p_1', january, 'some text');
    await expect(vault().open(where, sealed.subarray(0, length))).rejects.toMatchObject({ code: 'vault.tampered' });
  });
});

test('the keys of many people are made in one transaction, each tenant seeing its own', async () => {
  let transactions = 0;
  const counting: Database = {
    transaction: (tenants, work) => (transactions++, database.transaction(tenants, work)),
    query: (tenants, text, values) => (transactions++, database.query(tenants, text, values)),
    close: () => Promise.resolve(),
  };
  const one = openVault(counting, keys, () => clock);
  const people = Array.from({ length: 50 }, (_, i) => ({ tenant: i % 2 === 0 ? 'demo' : 'other', person: `p_${i}` }));
  const sealed = await Promise.all(
    people.map(({ tenant, person }) => one.seal({ ...where, tenant }, person, january, person)),
  );
  expect(transactions).toBe(1);
  expect(await rows()).toHaveLength(25);
  for (const [i, { tenant, person }] of people.entries())
    expect(await vault().open({ ...where, tenant }, sealed[i] ?? Buffer.alloc(0))).toEqual({
      state: 'open',
      value: person,
    });
});

describe('erased keys', () => {
  const erase = () => asOwner(url, `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now()`);

  test('V2 open as erased for good, and no new key takes their place', async () => {
    const sealed = await vault().seal(where, 'p_1', january, 'x');
    await erase();
    expect(await vault().open(where, sealed)).toEqual({ state: 'erased' });
    await expect(vault().seal(where, 'p_1', january, 'y')).rejects.toMatchObject({ code: 'vault.key-erased' });
    expect(await rows()).toHaveLength(1);
  });

  test('V4 take hold in a process that had the key, after five minutes at most', async () => {
    const opener = vault();
    const sealed = await opener.seal(where, 'p_1', january, 'x');
    await erase();
    expect(await opener.open(where, sealed)).toMatchObject({ state: 'open' });
    clock += 5 * 60_000;
    expect(await opener.open(where, sealed)).toEqual({ state: 'erased' });
  });
});

test('V3 a key store that is away is to be retried, never erased', async () => {
  const sealed = await vault().seal(where, 'p_1', january, 'x');
  const away = openDatabase({
    url: 'postgres://127.0.0.1:1/none',
    role: 'prosa_worker',
    connectionsMax: 1,
    applicationName: 'away',
  });
  await expect(openVault(away, keys).open(where, sealed)).rejects.toMatchObject({
    code: 'vault.unavailable',
    disposition: 'retry',
  });
  await away.close();
});

test('another key file is found out, not taken for tampering', async () => {
  const sealed = await vault().seal(where, 'p_1', january, 'x');
  await expect(openVault(database, memoryKeys()).open(where, sealed)).rejects.toMatchObject({
    code: 'vault.key-wrong',
  });
});

test('the index differs by tenant and purpose, and does not hold the value', () => {
  const one = vault();
  const values = [
    one.index('demo', 'address', 'pn:5511'),
    one.index('other', 'address', 'pn:5511'),
    one.index('demo', 'name', 'pn:5511'),
  ];
  expect(new Set(values).size).toBe(3);
  for (const value of values) expect(value).toMatch(/^[0-9a-f]{64}$/);
  expect(vault().index('demo', 'address', 'pn:5511')).toBe(values[0]);
});

test('a key whose row was not committed seals nothing', async () => {
  let failing = true;
  const failsAtCommit: Database = {
    transaction: (tenants, work) =>
      database.transaction(tenants, async (sql) => {
        const result = await work(sql);
        if (failing) throw new OperatingError('database.unavailable');
        return result;
      }),
    query(tenants, text, values) {
      return this.transaction(tenants, (sql) => sql.query(text, values));
    },
    close: () => Promise.resolve(),
  };
  const one = openVault(failsAtCommit, keys, () => clock);
  await expect(one.seal(where, 'p_1', january, 'x')).rejects.toMatchObject({ code: 'vault.unavailable' });
  failing = false;
  const sealed = await one.seal(where, 'p_1', january, 'x');
  expect(await vault().open(where, sealed)).toEqual({ state: 'open', value: 'x' });
});
