// Goal: V1 to V4 of the vault, on real Postgres.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type Database, openDatabase } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { asOwner, testDatabase } from '../testing/postgres.ts';
import { memoryKeys } from '../testing/runtime.ts';
import { type Chunks, frameBytes } from './frames.ts';
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
    queries: (tenants, statements) => (transactions++, database.queries(tenants, statements)),
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

describe('streams', () => {
  const inPieces = async function* (bytes: Buffer, size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  const whole = async (chunks: Chunks): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts);
  };
  const sealed = async (plain: Buffer, at = where) =>
    whole(await vault().sealStream(at, 'p_1', january, inPieces(plain, 10_000)));
  const opened = async (bytes: Buffer, at = where, size = 7_777) => {
    const result = await vault().openStream(at, inPieces(bytes, size));
    return result.state === 'erased' ? result.state : whole(result.value);
  };
  const sealedFrame = frameBytes + 16;
  const head = 33;
  const content = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251));

  test.each([0, 1, frameBytes - 1, frameBytes, frameBytes + 1, 2 * frameBytes, 3 * frameBytes + 7])(
    'of %i bytes open as what they were, in pieces of any size, and do not hold it',
    async (length) => {
      const plain = content(length);
      const bytes = await sealed(plain);
      for (const size of [1_000, sealedFrame, 1_000_000])
        expect(((await opened(bytes, where, size)) as Buffer).equals(plain)).toBe(true);
      expect(bytes.length).toBe(head + length + 16 * Math.max(1, Math.ceil(length / frameBytes)));
      if (length > 100) expect(bytes.includes(plain.subarray(0, 100))).toBe(false);
      expect(bytes.equals(await sealed(plain))).toBe(false);
    },
  );

  test('V1 open only where they were sealed for', async () => {
    const bytes = await sealed(content(100));
    for (const other of [{ actor: 'c_2' }, { type: 'x' }, { eventId: 'e_2' }])
      await expect(opened(bytes, { ...where, ...other })).rejects.toMatchObject({ code: 'vault.tampered' });
    await expect(opened(bytes, { ...where, tenant: 'other' })).rejects.toMatchObject({ code: 'vault.key-missing' });
  });

  test('cut, swapped, repeated, joined and changed frames do not open', async () => {
    const bytes = await sealed(content(3 * frameBytes));
    const frame = (number: number) => bytes.subarray(head + number * sealedFrame, head + (number + 1) * sealedFrame);
    const [first, second, third] = [frame(0), frame(1), frame(2)];
    const start = bytes.subarray(0, head);
    const other = await sealed(content(frameBytes));
    const tampered = {
      'without the last': [start, first, second],
      'without the middle': [start, first, third],
      swapped: [start, second, first, third],
      repeated: [start, first, first, second, third],
      'one more at the end': [start, first, second, third, third],
      'an empty one at the end': [start, first, second, third, Buffer.alloc(16)],
      'a byte more': [start, first, second, third, Buffer.alloc(1)],
      'a byte less': [bytes.subarray(0, -1)],
      'the frame of another': [start, first, second, other.subarray(head)],
      'the head of another': [other.subarray(0, head), first, second, third],
      'the head alone': [start],
      'half a head': [start.subarray(0, 20)],
      nothing: [],
    };
    for (const [name, parts] of Object.entries(tampered))
      await expect(opened(Buffer.concat(parts)), name).rejects.toMatchObject({ code: 'vault.tampered' });
  });

  test('with any of 200 bits changed do not open', async () => {
    const bytes = await sealed(content(frameBytes + 500));
    for (let i = 0; i < 200; i += 1) {
      const changed = Buffer.from(bytes);
      const at = Math.floor((i / 200) * bytes.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << (i & 7));
      await expect(opened(changed, where, 100_000)).rejects.toMatchObject({
        code: expect.stringMatching(/^vault\.(tampered|key-missing)$/) as string,
      });
    }
  });

  test('V2 open as erased, and none is sealed under an erased key', async () => {
    const bytes = await sealed(content(10));
    await asOwner(url, `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now()`);
    expect(await opened(bytes)).toBe('erased');
    await expect(sealed(content(10))).rejects.toMatchObject({ code: 'vault.key-erased' });
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

  test('V2 are not followed by others: not in a later month, nor in an earlier one', async () => {
    await vault().seal(where, 'p_1', january, 'x');
    await erase();
    for (const at of [january + 40 * 86_400_000, january - 40 * 86_400_000])
      await expect(vault().seal(where, 'p_1', at, 'y')).rejects.toMatchObject({ code: 'vault.key-erased' });
    await vault().seal(where, 'p_2', january, 'x');
    expect(await rows()).toHaveLength(2);
  });

  test('V2 of old months, destroyed because of their age, are no erasure of the person', async () => {
    const one = vault();
    await one.seal(where, 'p_1', january, 'x');
    await one.seal(where, 'p_1', january + 40 * 86_400_000, 'x');
    await asOwner(url, `UPDATE vault_keys SET state = 'erased', wrapped = NULL WHERE month = '2026-01'`);
    await vault().seal(where, 'p_1', january + 80 * 86_400_000, 'y');
    expect(await rows()).toHaveLength(3);
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
    queries: () => Promise.reject(new Error('the vault does not use this')),
    close: () => Promise.resolve(),
  };
  const one = openVault(failsAtCommit, keys, () => clock);
  await expect(one.seal(where, 'p_1', january, 'x')).rejects.toMatchObject({ code: 'vault.unavailable' });
  failing = false;
  const sealed = await one.seal(where, 'p_1', january, 'x');
  expect(await vault().open(where, sealed)).toEqual({ state: 'open', value: 'x' });
});
