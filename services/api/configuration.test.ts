// Goal: what a tenant's administrator puts in force is what holds, by name; what is wrong is named, and changes nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { AuditRecorded } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { readRecords } from '#runtime/testing/person.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

const path = '/v1/configuration';
let api: ApiWorld;

beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const read = async (at = path) => (await api.call(api.keys.operator, 'GET', at)).body;
const set = (body: object) => api.call(api.keys.admin, 'PUT', path, body);
const clinic = (settings: object, more: object = {}) => ({
  machines: { conversation: { version: '1', settings } },
  answerGroups: false,
  ...more,
});

/** Revisions that a key put in force, as the audit has them. */
async function auditedOf(key: unknown): Promise<readonly (string | null)[]> {
  const records = (await readRecords(api.world, topics.audit, String(key))) as readonly AuditRecorded[];
  return records.filter(({ action }) => action === 'configuration.changed').map(({ subject }) => subject);
}

test('what is put in force is shown, in every process, and each revision for ever; it is audited', async () => {
  const before = await read();
  const content = clinic({ businessName: 'Clínica Aurora' }, { retention: { filesDays: 30 } });
  const { status, body } = await set(content);
  expect(status).toBe(200);
  const { revision } = body;
  expect(await read()).toMatchObject({ revision, isCurrent: true, configuration: content });
  expect((await api.anotherProcess().call(api.keys.admin, 'GET', path)).body).toMatchObject({ revision });
  const one = `${path}/revisions/${String(before['revision'])}`;
  expect(await read(one)).toEqual({ ...before, isCurrent: false, setBy: null });
  expect(await auditedOf((await read())['setBy'])).toEqual([revision]);
});

test('the same content has the same name, whatever the order of its settings', async () => {
  const [one, other] = [
    await set(clinic({ locale: 'en', noticeVersion: '2' })),
    await set(clinic({ noticeVersion: '2', locale: 'en' })),
  ];
  expect(other.body).toEqual(one.body);
});

test('who changes what they read does not undo what somebody else put in force meanwhile', async () => {
  const from = async (revision: unknown, body: object) =>
    api.call(api.keys.admin, 'PUT', `${path}?ifRevision=${String(revision)}`, body);
  const { revision: start } = await read();
  const [mine, theirs] = [clinic({ businessName: 'Minha' }), clinic({ businessName: 'Deles' })];
  const { status, body } = await from(start, mine);
  expect(status).toBe(200);
  expect(await from(start, mine)).toMatchObject({ status: 200, body });
  expect(await from(start, theirs)).toMatchObject({ status: 412, body: { code: 'revision-outdated' } });
  expect(await read()).toMatchObject({ revision: body['revision'] });

  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) => from(body['revision'], clinic({ businessName: `Clínica ${i.toString()}` }))),
  );
  expect(all.map((one) => one.status).toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
  const winner = all.find((one) => one.status === 200)?.body['revision'];
  expect(await read()).toMatchObject({ revision: winner });
});

test('all that is wrong is named, by name and not by value, and nothing changes', async () => {
  const { revision } = await read();
  const { status, body } = await set({
    ...clinic({ locale: 'secret', timeZone: 'secret', colour: 'secret' }),
    sending: { unknownOutcome: 'park', fallback: { steps: ['notify', 'instance'] } },
  });
  expect([status, body['code']]).toEqual([400, 'request-invalid']);
  const wrong = await set(clinic({ locale: 'secret', timeZone: 'secret', colour: 'secret' }));
  expect([wrong.status, wrong.body['code']]).toEqual([400, 'configuration-invalid']);
  for (const name of ['locale', 'timeZone', 'colour'])
    expect(wrong.body['detail']).toContain(`machines.conversation.settings: ${name} `);
  for (const { body: said } of [{ body }, wrong]) expect(JSON.stringify(said)).not.toContain('secret');
  expect((await set({ machines: { none: { version: '1', settings: {} } }, answerGroups: false })).status).toBe(400);
  expect((await set({ ...clinic({}), surprise: true })).status).toBe(400);
  expect(await read()).toMatchObject({ revision });
});
