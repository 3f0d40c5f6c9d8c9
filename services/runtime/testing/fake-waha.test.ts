/** The fake is relied on by the tests of the sender, ingest and the whole program: it is tested itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { afterEach, expect, test } from 'vitest';

import { type FakeWaha, type FakeWahaOptions, signWahaWebhook, startFakeWaha } from './fake-waha.ts';
import { endProcess } from '../components/process-guard.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function fakeWaha(options: FakeWahaOptions = {}): Promise<FakeWaha> {
  const fake = await startFakeWaha(options);
  cleanups.push(() => fake.close());
  return fake;
}

const chatId = '5511912345678@c.us';

const send = (url: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/sendText`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ session: 'default', chatId, ...body }),
  });

const history = async (url: string, query = ''): Promise<readonly { id: string; body: string }[]> => {
  const answer = await fetch(`${url}/api/default/chats/${encodeURIComponent(chatId)}/messages?${query}`);
  return (await answer.json()) as { id: string; body: string }[];
};

test('asks for the key', async () => {
  const fake = await fakeWaha({ apiKey: 'right' });
  expect((await send(fake.url, { text: 'a' }, { 'x-api-key': 'wrong' })).status).toBe(401);
  expect((await send(fake.url, { text: 'a' }, { 'x-api-key': 'right' })).status).toBe(201);
  expect(fake.sends().map(({ status }) => status)).toEqual([401, 201]);
  expect(fake.messages).toHaveLength(1);
});

test('the same id again is another request and the same message, on engines that take ids', async () => {
  const noweb = await fakeWaha({ engine: 'NOWEB' });
  const webjs = await fakeWaha({ engine: 'WEBJS' });
  for (const { url } of [noweb, noweb, webjs, webjs]) await send(url, { text: 'a', id: '3EB0AA' });
  expect(noweb.messages).toMatchObject([{ id: '3EB0AA', sends: 2 }]);
  expect(noweb.sends()).toHaveLength(2);
  expect(webjs.messages).toHaveLength(2);
});

test('the history has what was sent and what was written on the phone, newest first', async () => {
  const fake = await fakeWaha();
  await send(fake.url, { text: 'enviada', id: '3EB0AB' });
  fake.store({ session: 'default', chatId, text: 'recebida', fromMe: false, at: Date.now() + 1_000 });
  expect((await history(fake.url)).map(({ body }) => body)).toEqual(['recebida', 'enviada']);
  expect(await history(fake.url, 'filter.fromMe=true&limit=5')).toMatchObject([{ id: `true_${chatId}_3EB0AB` }]);
  const later = Math.floor(Date.now() / 1_000) + 60;
  expect(await history(fake.url, `filter.timestamp.gte=${later}`)).toEqual([]);
});

test('misbehaves as told, in order, then no more', async () => {
  const fake = await fakeWaha();
  fake.fault({ kind: 'status', status: 503 });
  fake.fault({ kind: 'drop-before' });
  fake.fault({ kind: 'drop-after' });
  fake.fault({ kind: 'restricted' });
  expect((await send(fake.url, { text: '1' })).status).toBe(503);
  await expect(send(fake.url, { text: '2' })).rejects.toThrow();
  await expect(send(fake.url, { text: '3' })).rejects.toThrow();
  expect(await (await send(fake.url, { text: '4' })).text()).toContain('463');
  expect((await send(fake.url, { text: '5' })).status).toBe(201);
  expect(fake.messages.map(({ text }) => text)).toEqual(['3', '5']);
  fake.setSession('default', 'STOPPED');
  expect((await send(fake.url, { text: '6' })).status).toBe(422);
});

test('signs as WAHA does', () => {
  // The vector of WAHA's documentation.
  const headers = signWahaWebhook('{"event":"message","session":"default","engine":"WEBJS"}', 'my-secret-key');
  expect(headers).toMatchObject({
    'x-webhook-hmac-algorithm': 'sha512',
    'x-webhook-hmac':
      '208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89',
  });
});

test('runs as a process of its own', async () => {
  const file = new URL('./fake-waha.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [file, '--port', '0', '--engine', 'GOWS'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => endProcess(child, 'SIGTERM', 2_000));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  await fetch(`${url}/__fault`, { method: 'POST', body: JSON.stringify({ kind: 'status', status: 503 }) });
  expect((await send(url, { text: 'oi', id: '3EB0AC' })).status).toBe(503);
  expect((await send(url, { text: 'oi', id: '3EB0AC' })).status).toBe(201);
  const received: unknown = await (await fetch(`${url}/__received`)).json();
  expect(received).toMatchObject({
    requests: [{ status: 503 }, { status: 201, body: { text: 'oi' } }],
    messages: [{ id: '3EB0AC', sends: 1 }],
  });
});
