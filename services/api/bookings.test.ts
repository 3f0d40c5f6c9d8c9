/** Appointments and participants over the API: who sees what, what is refused, and what is audited. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openTenantCalendar } from '#runtime/calendar/tenant-calendar.ts';
import { openCalendarAccounts } from '#runtime/calendar/calendar-accounts.ts';
import { openParticipants } from '#runtime/participants/participants.ts';
import { topics } from '#schemas/topics.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let conversation: string;
let people = 0;
beforeAll(async () => {
  api = await openApiWorld();
  conversation = await somebody();
});
afterAll(() => api.close());

const hour = (hours: number): string => new Date(Date.parse('2126-11-25T11:00:00Z') + hours * 3_600_000).toISOString();

async function somebody(): Promise<string> {
  const { world } = api;
  const chat = { tenant: testTenant, line: world.instance.line, addresses: [`55119000000${(people += 1)}@c.us`] };
  return (await world.runtime('prosa_ingest').directory.resolve({ ...chat, group: false, at: Date.now() }))
    .conversation;
}
const book = (more: object, key = api.keys.operator) =>
  api.call(key, 'POST', '/v1/appointments', {
    conversationId: conversation,
    service: 'consulta',
    startsAt: hour(0),
    name: 'Maria Silva',
    ...more,
  });
const list = async (query = '', key = api.keys.operator) =>
  (await api.call(key, 'GET', `/v1/appointments${query}`)).body as {
    readonly items: readonly Readonly<Record<string, unknown>>[];
    readonly next: string | null;
  };
const audited = async (action: string): Promise<number> => {
  let count = 0;
  for (let partition = 0; partition < api.world.log.partitionCount; partition += 1)
    for await (const batch of api.world.log.readRange({ topic: topics.audit, partition, from: 0 }))
      count += batch.filter(({ value }) => Buffer.from(value).includes(action)).length;
  return count;
};

describe('an appointment', () => {
  test('is booked once for a time, and for one key', async () => {
    const first = await book({ idempotencyKey: 'a' });
    expect(first).toMatchObject({ status: 201, body: { startsAt: hour(0), endsAt: hour(0.5), name: 'Maria Silva' } });
    expect(await book({ idempotencyKey: 'a' })).toMatchObject({ status: 201, body: { id: first.body['id'] } });
    expect(await book({ idempotencyKey: 'a', startsAt: hour(9) })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    expect(await book({ startsAt: hour(0.25) })).toMatchObject({ status: 409, body: { code: 'time-taken' } });
    expect(await book({ startsAt: hour(1), service: 'massagem' })).toMatchObject({
      status: 422,
      body: { code: 'service-unknown' },
    });
    expect(await book({ startsAt: hour(1), conversationId: 'c_nobody' })).toMatchObject({ status: 404 });
  });

  test('is listed within its interval, page by page, without a name for who may not see it', async () => {
    for (const hours of [24, 25, 26]) await book({ startsAt: hour(hours) });
    const within = `?from=${hour(24)}&to=${hour(26)}`;
    const first = await list(`${within}&limit=1`);
    expect(first.items.map((one) => [one['startsAt'], one['name']])).toEqual([[hour(24), 'Maria Silva']]);
    const second = await list(`${within}&limit=1&cursor=${String(first.next)}`);
    expect([second.items[0]?.['startsAt'], second.next]).toEqual([hour(25), null]);
    const analysed = await list(within, api.keys.analyst);
    expect(analysed.items).toHaveLength(2);
    expect(JSON.stringify(analysed)).not.toMatch(/Maria|name/);
    expect((await list('', api.otherKey)).items).toEqual([]);
    expect(await audited('access.appointment')).toBe(2);
  });

  test('is cancelled once, and its time is free again', async () => {
    const { body } = await book({ startsAt: hour(48) });
    const path = `/v1/appointments/${String(body['id'])}`;
    expect(await api.call(api.otherKey, 'DELETE', path)).toMatchObject({ status: 404 });
    expect(await api.call(api.keys.operator, 'DELETE', path)).toMatchObject({ status: 200 });
    expect(await api.call(api.keys.operator, 'DELETE', path)).toMatchObject({ status: 200 });
    expect((await list(`?from=${hour(48)}`)).items).toEqual([]);
    expect((await list(`?from=${hour(48)}&status=cancelled`)).items).toHaveLength(1);
    expect(await book({ startsAt: hour(48) })).toMatchObject({ status: 201 });
  });

  test('takes nothing from a person who is deciding', async () => {
    const calendar = openTenantCalendar(api.world.runtime('prosa_worker'));
    const place = { tenant: testTenant, calendar: 'service:consulta', seats: 1 };
    const [start, at] = [Date.parse(hour(72)), Date.now()];
    const entry = await api.runtime.directory.read(testTenant, conversation);
    const wanted = {
      id: 'ap_held',
      place,
      service: 'consulta',
      start,
      end: start + 1,
      persons: [entry?.person ?? ''] as const,
    };
    await calendar.hold({ ...wanted, conversation, moving: null, until: at + 60_000, replaces: true }, at);
    expect(await book({ startsAt: hour(72) })).toMatchObject({ body: { code: 'time-taken' } });
    expect(await book({ startsAt: hour(73) })).toMatchObject({ status: 201 });
    expect(await calendar.read(testTenant, 'ap_held')).toMatchObject({ status: 'held' });
    expect((await list(`?from=${hour(72)}&to=${hour(73)}`)).items).toEqual([]);
  });

  test('of somebody who was erased has no name, and they are booked for no more', async () => {
    const gone = await somebody();
    await book({ startsAt: hour(96), conversationId: gone });
    const person = (await api.runtime.directory.read(testTenant, gone))?.person ?? '';
    await asOwner(
      api.world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person}'`,
    );
    const another = api.anotherProcess();
    const { body } = await another.call(api.keys.operator, 'GET', `/v1/appointments?from=${hour(96)}`);
    expect(body['items']).toMatchObject([{ name: null, erased: true }]);
    const order = { conversationId: gone, service: 'consulta', startsAt: hour(97), name: 'Maria' };
    expect(await another.call(api.keys.operator, 'POST', '/v1/appointments', order)).toMatchObject({
      status: 410,
      body: { code: 'recipient-erased' },
    });
  });
});

test('a service account is kept sealed, for its tenant, and never shown', async () => {
  const google = {
    client_email: 'prosa@clinic.example',
    private_key: 'a secret key '.repeat(10),
    token_uri: 'http://evil',
  };
  const kept = await api.call(api.keys.admin, 'PUT', '/v1/calendar-credentials', { google });
  expect(kept).toMatchObject({ status: 200, body: { email: google.client_email } });
  expect(kept.text).not.toContain('secret');
  const accounts = openCalendarAccounts(api.world.runtime('prosa_worker'), undefined);
  expect(await accounts.read(testTenant)).toEqual({
    client_email: google.client_email,
    private_key: google.private_key,
  });
  expect(await accounts.read('other')).toBeUndefined();
  const rows = await api.runtime.database.query<{ text: string }>(
    [testTenant],
    `SELECT encode(sealed, 'escape') AS text FROM calendar_accounts`,
  );
  expect(JSON.stringify(rows.rows)).not.toMatch(/secret|clinic/);
  expect(() => openCalendarAccounts(api.runtime, 'a secret that is no key')).toThrow(/GOOGLE_SERVICE_ACCOUNT/);
});

describe('participants', () => {
  const maria = {
    fullName: '=HYPERLINK("http://evil")',
    email: 'maria@exemplo.example',
    cpf: '52998224725',
    phone: '+5511999990001',
    city: 'São Paulo, centro',
    state: 'SP',
    profile: 'estudante',
  };
  beforeAll(async () => {
    const participants = openParticipants(api.world.runtime('prosa_worker'));
    const person = (await api.runtime.directory.read(testTenant, conversation))?.person ?? '';
    const one = { tenant: testTenant, persons: [person] as const, conversation, at: Date.now() };
    await participants.save({ ...one, content: maria, by: 'f_1' });
    const joao = { ...maria, fullName: 'João', cpf: '11144477735', email: 'joao@exemplo.example', profile: 'medico' };
    await participants.save({ ...one, content: joao, by: 'f_2', at: one.at + 1 });
  });

  test('are listed newest first, and who they are is for those who may see it', async () => {
    const { body } = await api.call(api.keys.operator, 'GET', '/v1/participants?limit=1');
    expect(body['items']).toMatchObject([{ fullName: 'João', profile: 'medico' }]);
    const next = await api.call(api.keys.operator, 'GET', `/v1/participants?limit=1&cursor=${String(body['next'])}`);
    expect(next.body).toMatchObject({ items: [maria], next: null });
    for (const key of [api.keys.analyst, api.keys.auditor]) {
      const plain = await api.call(key, 'GET', '/v1/participants?profile=estudante');
      expect(plain.body['items']).toMatchObject([{ profile: 'estudante' }]);
      expect(plain.text).not.toMatch(/HYPERLINK|exemplo|52998224725|99999|Paulo/);
    }
    expect(await audited('access.participant')).toBe(2);
  });

  test('are found by what stands in a body', async () => {
    const found = (body: object, key = api.keys.operator) => api.call(key, 'POST', '/v1/participants/search', body);
    expect((await found({ cpf: '111.444.777-35' })).body['items']).toMatchObject([{ fullName: 'João' }]);
    expect((await found({ name: 'joa' })).body['items']).toHaveLength(1);
    expect((await found({ email: 'MARIA@exemplo.example' })).body['items']).toHaveLength(1);
    expect((await found({ cpf: '11144477735' }, api.otherKey)).body['items']).toEqual([]);
    expect((await found({ cpf: '11144477735' }, api.keys.analyst)).status).toBe(403);
  });

  test('are written to a file that is no trap for a spreadsheet', async () => {
    const { status, headers, text } = await api.call(api.keys.operator, 'GET', '/v1/participants/export');
    expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
      200,
      'text/csv; charset=utf-8',
      'attachment',
    ]);
    const lines = text.split('\r\n');
    expect(lines[0]).toBe('\uFEFFid,createdAt,profile,fullName,email,cpf,phone,city,state');
    expect(lines[1]).toMatch(
      /^pa_\w+,[^,]+Z,medico,João,joao@exemplo\.example,11144477735,5511999990001,"São Paulo, centro",SP$/,
    );
    expect(lines[2]).toContain(`,"'=HYPERLINK(""http://evil"")",`);
    expect(lines).toHaveLength(4);
    expect((await api.call(api.keys.analyst, 'GET', '/v1/participants/export')).status).toBe(403);
    expect(await audited('participants.exported')).toBe(1);
  });
});
