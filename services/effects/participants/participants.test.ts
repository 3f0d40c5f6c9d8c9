/** Goal: one inscription per CPF and e-mail, whoever races or dies, and nothing of it in the clear. Method: the real handlers on Postgres. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { Asks, Registration } from '#machines/conversation/asks.ts';
import { type Participants, openParticipants } from '#runtime/participants/participants.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { type CrashPlan, atEveryCrash } from '../testing/crashes.ts';
import { participantHandlers } from './handlers.ts';

type Source = Extract<keyof Asks, `participants.${string}`>;

let world: TestWorld;
let worker: Runtime;
let ingest: Runtime;
let participants: Participants;
let people = 0;
let effects = 0;

beforeAll(async () => {
  world = await openTestWorld();
  worker = world.runtime('prosa_worker', 'test-participants');
  ingest = world.runtime('prosa_ingest', 'test-ingest');
  participants = openParticipants(worker);
});
beforeEach(() => asOwner(world.databaseUrl, 'TRUNCATE participants CASCADE'));
afterAll(() => world.close());

const ana: Registration = {
  fullName: 'Ana Beatriz d’Ávila',
  email: 'ana@exemplo.example',
  cpf: '52998224725',
  phone: '+5511999990001',
  city: 'São Paulo',
  state: 'SP',
  profile: 'estudante',
};

async function person(): Promise<string> {
  const addresses = [`55119${String((people += 1)).padStart(8, '0')}@c.us`];
  const chat = { tenant: testTenant, line: world.instance.line, addresses, group: false, at: Date.now() };
  return (await ingest.directory.resolve(chat)).conversation;
}

async function ask<S extends Source>(
  source: S,
  actor: string,
  input: Asks[S][0],
  { effectId = `f_${(effects += 1)}`, plan }: { readonly effectId?: string; readonly plan?: CrashPlan } = {},
): Promise<Asks[S][1]> {
  const database = plan === undefined ? worker.database : plan.wrap(worker.database);
  const parts = { runtime: worker, participants: openParticipants({ database, vault: worker.vault }) };
  const { signal } = new AbortController();
  const call = { tenant: testTenant, actor, effectId, revision: null, attempt: 1, input, signal };
  return (await participantHandlers(parts).get(source)?.run(call)) as Asks[S][1];
}
const save = (actor: string, registration: Registration, effectId?: string) =>
  ask('participants.save', actor, { registration, confirmedBy: 'yes' }, effectId === undefined ? {} : { effectId });
const check = (actor: string, field: 'cpf' | 'email', value: string) =>
  ask('participants.check', actor, { field, value });
const all = () => participants.list(testTenant, { max: 100 });
const opened = async () => {
  const contents: unknown[] = [];
  for (const one of await all()) {
    const content = await participants.open(testTenant, one);
    contents.push(content.state === 'open' ? content.value : content.state);
  }
  return contents;
};

describe('an inscription', () => {
  test('is saved as it was given, and found by CPF, e-mail and the beginnings of names', async () => {
    const actor = await person();
    expect(await save(actor, ana)).toEqual({ outcome: 'saved', participant: expect.stringMatching(/^pa_/) as string });
    expect(await opened()).toEqual([ana]);
    const found = async (query: Parameters<Participants['search']>[1]) =>
      (await participants.search(testTenant, query, 10)).length;
    for (const query of [
      { cpf: '529.982.247-25' },
      { email: ' ANA@exemplo.example' },
      { name: 'avila ana' },
      { name: 'bea' },
    ])
      expect([query, await found(query)]).toEqual([query, 1]);
    for (const query of [
      { cpf: '11144477735' },
      { email: 'bia@exemplo.example' },
      { name: 'ana souza' },
      { name: '?' },
    ])
      expect([query, await found(query)]).toEqual([query, 0]);
  });

  test('twice by one effect is one, with one answer', async () => {
    const actor = await person();
    const first = await save(actor, ana, 'f_once');
    expect(await save(actor, ana, 'f_once')).toEqual(first);
    expect(await all()).toHaveLength(1);
  });

  test('with what another person has says which field', async () => {
    const [one, other] = [await person(), await person()];
    await save(one, ana);
    const different = { ...ana, cpf: '11144477735', email: 'bia@exemplo.example' };
    expect(await save(other, { ...different, cpf: ana.cpf })).toEqual({ outcome: 'taken', field: 'cpf' });
    expect(await save(other, { ...different, email: 'Ana@Exemplo.example' })).toEqual({
      outcome: 'taken',
      field: 'email',
    });
    expect(await save(other, ana)).toEqual({ outcome: 'taken', field: 'cpf' });
    expect(await check(other, 'cpf', ana.cpf)).toEqual({ taken: true });
    expect(await check(one, 'cpf', ana.cpf)).toEqual({ taken: false });
    expect(await check(other, 'email', different.email)).toEqual({ taken: false });
    expect((await save(other, different)).outcome).toBe('saved');
  });

  test('again by the same person corrects what was given, also what it is known by', async () => {
    const actor = await person();
    const first = await save(actor, ana);
    const corrected = { ...ana, cpf: '11144477735', fullName: 'Ana Souza' };
    expect(await save(actor, corrected)).toEqual(first);
    expect(await opened()).toEqual([corrected]);
    expect(await participants.search(testTenant, { cpf: ana.cpf }, 1)).toEqual([]);
    expect(await participants.search(testTenant, { name: 'beatriz' }, 1)).toEqual([]);
    // Two people may write from one phone; one address is one person's.
    const child = { ...ana, fullName: 'Leo', cpf: '12345678909' };
    expect((await save(actor, { ...child, email: 'leo@exemplo.example' })).outcome).toBe('saved');
    expect(await save(actor, { ...child, email: ana.email })).toEqual({ outcome: 'taken', field: 'email' });
    expect(await all()).toHaveLength(2);
  });

  test('of two people at the same moment is the one’s, and taken for the other', async () => {
    const [one, other] = [await person(), await person()];
    for (let i = 0; i < 20; i += 1) {
      await asOwner(world.databaseUrl, 'TRUNCATE participants CASCADE');
      const answers = await Promise.all([
        save(one, ana),
        save(other, i % 2 === 0 ? ana : { ...ana, cpf: '11144477735' }),
      ]);
      expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['saved', 'taken']);
      expect(await all()).toHaveLength(1);
    }
  });

  test('is one, at whatever step the process died', async () => {
    const actor = await person();
    const steps = await atEveryCrash(async (plan, name) => {
      const registration = { ...ana, city: name };
      const effectId = `f_${(effects += 1)}`;
      const input = { registration, confirmedBy: 'yes' };
      await ask('participants.save', actor, input, { effectId, plan }).catch(() => undefined);
      expect((await ask('participants.save', actor, input, { effectId })).outcome).toBe('saved');
      expect(await opened()).toEqual([registration]);
    });
    expect(steps).toBeGreaterThanOrEqual(2);
  });

  test('stands nowhere in the clear', async () => {
    await save(await person(), ana);
    const tables = await worker.database.query<{ text: string }>(
      [testTenant],
      `SELECT p::text || encode(p.sealed, 'escape') AS text FROM participants p UNION ALL SELECT w::text FROM participant_words w`,
    );
    expect(tables.rows.length).toBeGreaterThan(5);
    for (const value of [ana.fullName, 'Ana', 'vila', ana.email, 'exemplo', ana.cpf, ana.phone, 'Paulo'])
      expect(JSON.stringify(tables.rows)).not.toContain(value);
  });

  test('goes with its person, and can be given to them', async () => {
    const [one, other] = [await person(), await person()];
    await save(one, ana);
    await save(other, { ...ana, cpf: '11144477735', email: 'bia@exemplo.example' });
    const who = (await worker.directory.read(testTenant, one))?.person ?? '';
    expect(await participants.exportOf(testTenant, who)).toMatchObject([ana]);
    await participants.erase(testTenant, who);
    await participants.erase(testTenant, who);
    expect(await participants.exportOf(testTenant, who)).toEqual([]);
    expect(await participants.search(testTenant, { name: 'ana' }, 10)).toHaveLength(1);
    expect((await save(other, ana)).outcome).not.toBe('taken');
  });
});

test('what somebody had who was erased is nobody’s, also before their row is removed', async () => {
  const [one, other] = [await person(), await person()];
  await save(one, ana);
  const who = (await worker.directory.read(testTenant, one))?.person ?? '';
  await asOwner(
    world.databaseUrl,
    `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${who}'`,
  );
  // Another process: keys are kept for a while by the one that made them.
  const fresh = world.runtime('prosa_worker', 'test-fresh');
  const parts = { runtime: fresh, participants: openParticipants(fresh) };
  const run = (source: Source, input: unknown) =>
    participantHandlers(parts).get(source)?.run({
      tenant: testTenant,
      actor: other,
      effectId: 'f_after',
      revision: null,
      attempt: 1,
      input,
      signal: new AbortController().signal,
    });
  expect(await run('participants.check', { field: 'cpf', value: ana.cpf })).toEqual({ taken: false });
  expect(await run('participants.save', { registration: ana, confirmedBy: 'yes' })).toMatchObject({ outcome: 'saved' });
  expect(await all()).toHaveLength(1);
  expect(await opened()).toEqual([ana]);
});

test('pages are newest first, and of one profile when that is asked for', async () => {
  const cpfs = ['52998224725', '11144477735', '12345678909'];
  const actor = await person();
  for (const [i, cpf] of cpfs.entries())
    await save(actor, { ...ana, cpf, email: `${i}@exemplo.example`, profile: i === 1 ? 'medico' : 'estudante' });
  const [newest, middle, oldest] = await all();
  expect(await participants.list(testTenant, { before: newest, max: 1 })).toEqual([middle]);
  expect(await participants.list(testTenant, { before: middle, max: 5 })).toEqual([oldest]);
  expect(await participants.list(testTenant, { profile: 'medico', max: 5 })).toEqual([middle]);
  expect(await participants.list('other', { max: 5 })).toEqual([]);
});
