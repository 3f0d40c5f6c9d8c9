// Goal: one chat is one conversation, however its address is spelled and whoever asks first.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Database } from '../database/database.ts';
import { asOwner } from '../testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import { type Directory, canonicalAddress, otherSpelling } from './directory.ts';
import { openDirectory } from './postgres-directory.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld();
});
afterAll(() => world.close());

const directory = (): Directory => world.runtime('prosa_ingest').directory;
const chat = (...addresses: string[]) => ({
  tenant: testTenant,
  line: 'l_1',
  addresses,
  group: false,
  at: Date.UTC(2026, 0, 5),
});

test.each([
  ['5511999990001@c.us', 'pn:5511999990001'],
  ['5511999990001@s.whatsapp.net', 'pn:5511999990001'],
  ['5511999990001:12@s.whatsapp.net', 'pn:5511999990001'],
  ['+55 11 99999-0001', 'pn:5511999990001'],
  ['123456789012345@lid', 'lid:123456789012345'],
  ['120363000000000000@g.us', 'group:120363000000000000'],
  ['BR.13491208655302741918', 'bsuid:BR.13491208655302741918'],
  ['status@broadcast', 'other:status@broadcast'],
])('spells %s as %s', (address, canonical) => {
  expect(canonicalAddress(address)).toBe(canonical);
});

describe('resolving', () => {
  test('gives the same conversation for every spelling, in another process too', async () => {
    const first = await directory().resolve(chat('5511988880001@c.us'));
    expect(await directory().resolve(chat('5511988880001:3@s.whatsapp.net'))).toEqual(first);
    expect(first.conversation).toMatch(/^c_[0-9A-Z]{26}$/);
  });

  test('links an address that comes together with a known one', async () => {
    const first = await directory().resolve(chat('5511988880002@c.us'));
    expect(await directory().resolve(chat('999000111@lid', '5511988880002@c.us'))).toEqual(first);
    expect(await directory().resolve(chat('999000111@lid'))).toEqual(first);
  });

  test('knows a Brazilian mobile number with and without its ninth digit', async () => {
    const first = await directory().resolve(chat('5511988881001'));
    const second = await directory().resolve(chat('551188881001@c.us'));
    expect(second.conversation).toBe(first.conversation);
    // What the provider itself calls it is what is sent to.
    const address = await directory().addressOf(testTenant, first.conversation);
    expect(address).toEqual({ state: 'open', value: '551188881001@c.us' });
    const landline = await directory().resolve(chat('551133331001@c.us'));
    expect(landline.conversation).not.toBe((await directory().resolve(chat('5511933331001@c.us'))).conversation);
  });

  test.each([
    ['Mexican', '5215512345678', '525512345678'],
    ['Argentinian', '5491123456789', '541123456789'],
  ])('knows a %s one with the digit behind the country, and without it', async (_, marked, dialled) => {
    const first = await directory().resolve(chat(dialled));
    expect((await directory().resolve(chat(`${marked}@s.whatsapp.net`))).conversation).toBe(first.conversation);
    expect(await directory().addressOf(testTenant, first.conversation)).toEqual({
      state: 'open',
      value: `${marked}@s.whatsapp.net`,
    });
    expect(otherSpelling(marked)).toBe(dialled);
    for (const other of [
      dialled.slice(0, -1),
      `${marked}0`,
      `4${marked.slice(1)}`,
      `${dialled.slice(0, 2)}0${dialled.slice(3)}`,
    ])
      expect(otherSpelling(other)).toBeUndefined();
  });

  test('tells when an event names two conversations, once nobody keeps them apart', async () => {
    const elder = await directory().resolve(chat('5511988881002@c.us'));
    const younger = await directory().resolve(chat('888000111@lid'));
    const both = chat('888000111@lid', '5511988881002@c.us');
    expect(await directory().resolve(both)).toEqual({ ...younger, twin: elder });
    const move = { tenant: testTenant, from: younger.conversation, at: Date.now() };
    const worker = world.runtime('prosa_worker').directory;

    await worker.move({ ...move, into: elder.conversation });
    expect(await directory().resolve(both)).toEqual(elder);
    const merged = { ...younger, mergedInto: elder.conversation };
    expect(await directory().read(testTenant, younger.conversation)).toEqual(merged);
    const address = await directory().addressOf(testTenant, elder.conversation);
    expect(address).toMatchObject({ state: 'open', value: '5511988881002@c.us' });
    // What the younger had said by then still goes out.
    expect(await directory().addressOf(testTenant, younger.conversation)).toEqual(address);

    await worker.move({ ...move, into: undefined, at: move.at + 1 });
    // A decision from before, read again, changes nothing.
    await worker.move({ ...move, into: elder.conversation });
    expect(await directory().resolve(both)).toEqual({ ...younger, keptApart: true });
    expect(await directory().resolve(chat('888000111@lid'))).toEqual({ ...younger, keptApart: true });
  });

  test('keeps lines apart', async () => {
    const first = await directory().resolve(chat('5511988880003@c.us'));
    const second = await directory().resolve({ ...chat('5511988880003@c.us'), line: 'l_2' });
    expect(second.conversation).not.toBe(first.conversation);
  });

  test('makes one conversation when many ask at once, by any of the addresses', async () => {
    const asked = Array.from({ length: 12 }, (_, i) =>
      directory().resolve(
        chat(...(i % 2 === 0 ? ['5511988880004@c.us', '777@lid'] : ['777@lid', '5511988880004@c.us'])),
      ),
    );
    expect(new Set((await Promise.all(asked)).map(({ conversation }) => conversation)).size).toBe(1);
  });

  test('makes what many new people need in a few transactions, each person apart', async () => {
    const { database, vault } = world.runtime('prosa_ingest');
    let transactions = 0;
    const counting: Database = {
      ...database,
      transaction: (tenants, work) => (transactions++, database.transaction(tenants, work)),
    };
    const one = openDirectory(counting, vault);
    const numbers = Array.from({ length: 60 }, (_, i) => `55119770${String(i).padStart(5, '0')}@c.us`);
    // Each asks twice at once, the second time by a LID too.
    const first = Promise.all(numbers.map((number) => one.resolve(chat(number))));
    const second = Promise.all(numbers.map((number, i) => one.resolve(chat(`88${i}@lid`, number))));
    const made = (await first).map(({ conversation }) => conversation);
    expect(new Set(made).size).toBe(60);
    expect(new Set((await first).map(({ person }) => person)).size).toBe(60);
    expect((await second).map(({ conversation }) => conversation)).toEqual(made);
    expect(transactions).toBeLessThanOrEqual(4);
    const other = directory();
    const others = await Promise.all(numbers.map((_, i) => other.resolve(chat(`88${i}@lid`))));
    expect(others.map(({ conversation }) => conversation)).toEqual(made);
  });

  test('keeps tenants apart that share a transaction', async () => {
    const runtime = world.runtime('prosa_ingest');
    await asOwner(
      world.databaseUrl,
      `INSERT INTO tenants (id, name) VALUES ('second', 'Second') ON CONFLICT DO NOTHING`,
    );
    const address = '5511988880009@c.us';
    const [mine, theirs] = await Promise.all([
      runtime.directory.resolve(chat(address)),
      runtime.directory.resolve({ ...chat(address), tenant: 'second' }),
    ]);
    expect([mine.tenant, theirs.tenant]).toEqual([testTenant, 'second']);
    expect(theirs.conversation).not.toBe(mine.conversation);
    expect(theirs.person).not.toBe(mine.person);
    expect(await directory().read(testTenant, theirs.conversation)).toBeUndefined();
    expect(await directory().find('second', 'l_1', address)).toEqual(theirs);
  });

  test('an unknown tenant fails alone', async () => {
    const { directory: one } = world.runtime('prosa_ingest');
    const asked = await Promise.allSettled([
      one.resolve(chat('5511988880010@c.us')),
      one.resolve({ ...chat('5511988880010@c.us'), tenant: 'nobody' }),
      one.resolve(chat('5511988880011@c.us')),
    ]);
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('processes that make the same chats at the same moment agree, in whatever order they come', async () => {
    const runtimes = Array.from({ length: 3 }, () => world.runtime('prosa_ingest'));
    const numbers = Array.from({ length: 40 }, (_, i) => `55119660${String(i).padStart(5, '0')}@c.us`);
    const all = await Promise.all(
      runtimes.map(async ({ directory: one }, turn) => {
        const order = turn === 1 ? [...numbers].reverse() : numbers;
        const made = await Promise.all(order.map((number) => one.resolve(chat(number, `7${number.slice(0, -5)}@lid`))));
        return new Map(order.map((number, i) => [number, made[i]?.conversation]));
      }),
    );
    for (const number of numbers) expect(new Set(all.map((one) => one.get(number))).size).toBe(1);
  });

  test('finds without making', async () => {
    expect(await directory().find(testTenant, 'l_1', '5511988880005@c.us')).toBeUndefined();
    const made = await directory().resolve(chat('5511988880005@c.us'));
    expect(await directory().find(testTenant, 'l_1', '5511988880005@c.us')).toEqual(made);
  });
});

test('the address to send to is the phone number as the provider gave it', async () => {
  const made = await directory().resolve(chat('555@lid', '5511988880006@c.us'));
  expect(await directory().addressOf(testTenant, made.conversation)).toEqual({
    state: 'open',
    value: '5511988880006@c.us',
  });
});

test('another tenant sees nothing of it', async () => {
  const made = await directory().resolve(chat('5511988880007@c.us'));
  expect(await directory().read('other', made.conversation)).toBeUndefined();
});

test('a known chat needs no Postgres', async () => {
  const runtime = world.runtime('prosa_ingest');
  const made = await runtime.directory.resolve(chat('5511988880008@c.us'));
  await runtime.database.close();
  expect(await runtime.directory.resolve(chat('5511988880008@c.us'))).toEqual(made);
});
