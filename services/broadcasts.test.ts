// Goal: a broadcast reaches everybody who may be written to, and nobody who said no. Method: the whole program with
// a simulated phone; people answer the question for consent, a broadcast goes to all of them and to somebody new, and
// its figures are compared with what each phone received.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { Program } from './testing/program.ts';

const [willing, unwilling, newcomer] = ['5511985550001', '5511985550002', '5511985550003'] as const;
let program: Program;

beforeAll(async () => {
  program = await Program.start();
}, 60_000);
afterAll(() => program.close());

const received = async (phone: string, text: RegExp) =>
  eventually(
    () => program.phone(phone),
    (items) => items.some((item) => text.test(item.text)),
  );

test('the figures of a broadcast are what the phones received; who said no got nothing', async () => {
  const order = async (path: string, body: object) =>
    (await program.api('POST', path, body)).body as Readonly<Record<string, unknown>>;
  for (const [phone, answer] of [
    [willing, 'sim'],
    [unwilling, 'não'],
  ] as const) {
    await program.says(phone, 'Oi');
    const asked = await received(phone, /./);
    await program.says(phone, answer);
    await eventually(
      () => program.phone(phone),
      (items) => items.length > asked.length,
    );
  }

  const instanceId = program.instance('simulator').id;
  const { id } = await order('/v1/broadcasts', {
    instanceId,
    text: 'Olá {{nome}}, a vacina chegou.',
    pacing: { perMinute: 6_000 },
  });
  const path = `/v1/broadcasts/${String(id)}`;
  const people = [willing, unwilling, newcomer].map((to, i) => ({ to, variables: { nome: `N${i}` } }));
  expect(await order(`${path}/recipients`, { recipients: people })).toMatchObject({ added: 3 });
  await order(`${path}/start`, {});
  const { progress } = await eventually(
    async () =>
      (await program.api('GET', path)).body as { status: string; progress: Readonly<Record<string, unknown>> },
    ({ status }) => status === 'finished',
    30_000,
  );
  expect(progress).toMatchObject({ waiting: 0, queued: 0, failed: 0, declined: 1, skipped: 0, cancelled: 0 });
  expect(Number(progress['sent']) + Number(progress['delivered']) + Number(progress['read'])).toBe(2);
  expect(progress['reasons']).toEqual([
    { status: 'declined', reason: expect.stringMatching(/^consent\./) as string, count: 1 },
  ]);
  const vaccine = async (phone: string) =>
    (await program.phone(phone)).flatMap(({ text }) => (text.includes('vacina') ? [text] : []));
  expect(await vaccine(willing)).toEqual(['Olá N0, a vacina chegou.']);
  expect(await vaccine(unwilling)).toEqual([]);
  expect(await vaccine(newcomer)).toEqual(['Olá N2, a vacina chegou.']);
  expect(program.output).not.toContain('vacina');
}, 60_000);
