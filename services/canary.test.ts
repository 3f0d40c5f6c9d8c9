// Goal: what people write and are sent, are called, are reached at and where they are is nowhere outside sealed
// bytes. Method: twenty people with unique names, numbers, words and places use the whole program, and are sent
// every kind of message; then every byte that it keeps or says is searched for them: the log, every table, logs, metrics, in plain, base64, hex and
// URL-encoded. Files of the database are searched too, since they hold what rows no longer show.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type FakeWaha, signWahaWebhook, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';
import { testDatabase } from '#runtime/testing/postgres.ts';

import { Program } from './testing/program.ts';
import { spellings } from './testing/spellings.ts';

interface Somebody {
  readonly name: string;
  readonly phone: string;
  /** In what they write and in captions, names of files, addresses and rows that they are sent. */
  readonly word: string;
  readonly latitude: number;
}

const people: readonly Somebody[] = Array.from({ length: 20 }, (_, i) => ({
  name: `Zuleika${String.fromCharCode(97 + i)} Quixabeira`,
  phone: `55119${String(71_330_017 + i * 40_961)}`,
  word: `paralelepipedo${i * 7_919}x`,
  latitude: -(11.037_411 + i * 0.913_717),
}));

let waha: FakeWaha;
let program: Program;
let database: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  waha = await startFakeWaha();
  database = await testDatabase();
  program = await Program.start({ WAHA_BASE_URL: waha.url, DATABASE_URL: database.url, PROSA_LOG_LEVEL: 'debug' });
});

afterAll(async () => {
  await program.close();
  await database.close();
  await waha.close();
});

const needles = people
  .flatMap((person) => [
    person.name,
    person.name.split(' ')[0] ?? '',
    person.phone,
    person.word,
    String(person.latitude),
  ])
  .flatMap((value) => spellings(value).map((spelling) => ({ value, spelling })));

function hits(haystack: Buffer | string): string[] {
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack) : haystack;
  return needles
    .filter(({ spelling }) => bytes.includes(spelling))
    .map(({ value, spelling }) => `${value} as ${spelling}`);
}

async function converse(person: Somebody, index: number): Promise<void> {
  for (const text of ['Oi', 'sim', person.name, `1 ${person.word}`, person.word]) {
    if (index % 2 === 0) await program.says(person.phone, text);
    else await byWaha(person, text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Everything that can be sent to a person, with what is theirs in every part of it. */
async function sendAll({ name, phone, word, latitude }: Somebody, provider: 'simulator' | 'waha'): Promise<void> {
  const to = { instanceId: program.instance(provider).id, to: phone };
  const rows = [{ id: `row.${word}`, title: word.slice(0, 24), description: word }];
  for (const body of [
    { text: word, buttons: [{ id: word, title: word.slice(0, 20) }], typingMs: 1 },
    { text: word, list: { button: 'Ver', sections: [{ title: word.slice(0, 24), rows }] } },
    {
      media: {
        kind: 'document',
        url: `https://files.example/${word}.pdf`,
        mimetype: 'application/pdf',
        filename: `${word}.pdf`,
        caption: `Para ${name}`,
      },
    },
    { template: { name: 'aviso', language: 'pt_BR', body: [name] } },
    { location: { latitude, longitude: -46.5, name: word, address: `Casa de ${name}` } },
    { contacts: [{ name, phone }] },
  ])
    expect(await program.api('POST', '/v1/messages', { ...to, ...body })).toMatchObject({ status: 202 });
}

/** What the simulated phone can do besides writing. */
async function actAll({ name, phone: from, word, latitude }: Somebody): Promise<void> {
  for (const body of [
    { media: { kind: 'image', url: `https://files.example/${word}.png`, caption: word, filename: `${word}.png` } },
    { location: { latitude, longitude: -46.5, name: word, address: name } },
    { contacts: [{ name, phone: from }] },
    { messageId: `poll-${word}`, poll: { name: word, options: [word, name] } },
    { vote: { messageId: `poll-${word}`, options: [word] } },
    { edit: { messageId: `poll-${word}`, text: word } },
    { reaction: { messageId: `poll-${word}`, emoji: '👍' } },
  ])
    expect(await program.api('POST', '/v1/simulator/messages', { from, ...body })).toMatchObject({ status: 202 });
}

async function makeTemplate(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `INSERT INTO templates (tenant, business_account, name, language, id, category, status, components, synced_at)
     VALUES ('demo', '1', 'aviso', 'pt_BR', '1', 'UTILITY', 'APPROVED', '[{"type":"BODY","text":"Olá, {{1}}!"}]', now())`,
  );
  await client.end();
}

async function byWaha(person: Somebody, text: string): Promise<void> {
  const { webhook, secret } = program.instance('waha');
  const stanza = `3EB0${Buffer.from(`${person.phone}${text}`).toString('hex').slice(0, 60)}`;
  const body = JSON.stringify({
    event: 'message',
    session: 'default',
    payload: {
      id: `false_${person.phone}@c.us_${stanza}`,
      timestamp: Date.now() / 1000,
      from: `${person.phone}@c.us`,
      fromMe: false,
      body: text,
      _data: { pushName: person.name },
    },
  });
  const response = await fetch(`${program.ready.url}${webhook}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signWahaWebhook(body, secret ?? '') },
    body,
  });
  expect(response.status).toBe(200);
  await fetch(`${program.ready.url}${webhook}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-hmac': '00' },
    body,
  });
}

/** Every row of every table, as text. */
async function tables(): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const names = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const rows = new Map<string, string>();
    for (const { name } of names.rows) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      rows.set(name, found.rows.map(({ row }) => row).join('\n'));
    }
    return rows;
  } finally {
    await client.end();
  }
}

/** Every column of bytes, as bytes: text shows them in hexadecimal only. */
async function byteColumns(): Promise<Map<string, Buffer>> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const columns = await client.query<{ table: string; column: string }>(
      `SELECT format('%I.%I', table_schema, table_name) AS table, quote_ident(column_name) AS column FROM information_schema.columns
       WHERE data_type = 'bytea' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const bytes = new Map<string, Buffer>();
    for (const { table, column } of columns.rows) {
      const found = await client.query<{ value: Buffer | null }>(`SELECT ${column} AS value FROM ${table}`);
      bytes.set(`${table}.${column}`, Buffer.concat(found.rows.map(({ value }) => value ?? Buffer.alloc(0))));
    }
    return bytes;
  } finally {
    await client.end();
  }
}

/** Files of the data folder (keys, locks). */
async function files(folder: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      found.set(join(entry.parentPath, entry.name), await readFile(join(entry.parentPath, entry.name)));
  }
  return found;
}

test('the search finds what is there, in every spelling', () => {
  for (const { name } of people) {
    for (let padding = 0; padding < 3; padding++) {
      expect(hits(Buffer.from(`${'x'.repeat(padding)}${name} and more`).toString('base64')).length).toBeGreaterThan(0);
    }
    expect(hits(Buffer.from(name).toString('hex')).length).toBeGreaterThan(0);
    expect(hits(encodeURIComponent(name)).length).toBeGreaterThan(0);
  }
});

test(
  'twenty people are answered, and no trace of them is left outside sealed bytes',
  { timeout: 120_000 },
  async () => {
    await Promise.all(people.map(converse));
    const [even, odd] = [people.filter((_, i) => i % 2 === 0), people.filter((_, i) => i % 2 === 1)];
    for (const person of even) {
      await eventually(
        () => program.phone(person.phone),
        (received) => received.some(({ text }) => text.includes(person.name.split(' ')[0] ?? '')),
        30_000,
      );
    }
    for (const person of odd) {
      await eventually(
        () => Promise.resolve(waha.messages),
        (sent) =>
          sent.some(
            ({ chatId, text }) => chatId === `${person.phone}@c.us` && text.includes(person.name.split(' ')[0] ?? ''),
          ),
        30_000,
      );
    }
    await makeTemplate();
    await Promise.all(even.map(actAll));
    await Promise.all([...even.map((one) => sendAll(one, 'simulator')), ...odd.map((one) => sendAll(one, 'waha'))]);
    for (const { phone, name } of even) {
      await eventually(
        () => program.phone(phone),
        (received) => received.some(({ type, text }) => type === 'contacts' && text.includes(name)),
        30_000,
      );
    }
    await eventually(
      () => Promise.resolve(waha.messages.filter(({ route }) => route === 'sendContactVcard')),
      ({ length }) => length === odd.length,
      30_000,
    );
    // Reading is an access that leaves traces of its own.
    await program.api('POST', '/v1/conversations/search', { phone: people[0]?.phone });
    await program.api('POST', '/v1/conversations/search', { name: people[1]?.name });
    await program.api('POST', '/v1/conversations/search', { text: people[2]?.word });

    const metrics = await (await fetch(`${program.ready.url}/metrics`)).text();
    const audit = await program.api('GET', '/v1/audit?limit=200');
    const rows = await tables();
    expect(rows.size).toBeGreaterThan(10);
    expect(rows.get('log.records')?.length).toBeGreaterThan(1_000);
    const places: [string, Buffer | string][] = [
      ...rows,
      ...(await byteColumns()),
      ...(await files(program.dataDir)),
      ['what the program wrote to its logs', program.output],
      ['metrics', metrics],
      ['audit', JSON.stringify(audit.body)],
    ];
    const found = places.flatMap(([place, content]) => hits(content).map((hit) => `${place}: ${hit}`));
    expect(found).toEqual([]);
  },
);
