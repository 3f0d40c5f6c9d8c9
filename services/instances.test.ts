/**
 * Goal: an account's life as its owner sees it. Method: the whole program, from outside, with a fake WAHA
 * that posts what WAHA posts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type FakeWaha, signWahaWebhook, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';

import { Program } from './testing/program.ts';

interface Made {
  readonly id: string;
  readonly webhook: string;
  readonly secret: string;
}
interface Status {
  readonly status: string;
  readonly reason: string | null;
  readonly recoveries: number;
}

let program: Program;
let waha: FakeWaha;
let made: Made;
const session = 'reception';
const phone = '5511988887777@c.us';

beforeAll(async () => {
  waha = await startFakeWaha({ apiKey: 'waha key' });
  waha.sessions.gone.add(session);
  program = await Program.start();
});
afterAll(async () => {
  await program.close();
  await waha.close();
});

const statusOf = async (): Promise<Status> =>
  (await program.api('GET', `/v1/instances/${made.id}/status`)).body as Status;
const becomes = (wanted: string) => eventually(statusOf, ({ status }) => status === wanted);

/** Posts a webhook as WAHA does. */
async function posts(event: string, payload: object): Promise<number> {
  const body = JSON.stringify({ id: `evt_${Math.random()}`, timestamp: Date.now(), event, session, payload });
  const answer = await fetch(`${program.ready.url}${made.webhook}`, {
    method: 'POST',
    headers: signWahaWebhook(body, made.secret),
    body,
  });
  return answer.status;
}
const reports = async (status: string): Promise<void> => {
  waha.setSession(session, status);
  expect(await posts('session.status', { status })).toBe(200);
};

test('is made, and unknown until somebody connects it', async () => {
  const config = { baseUrl: waha.url, session, apiKey: 'waha key' };
  const { status, body } = await program.api('POST', '/v1/instances', { provider: 'waha', name: 'reception', config });
  expect(status).toBe(201);
  made = body as Made;
  expect(await statusOf()).toMatchObject({ status: 'unknown', reason: null });
  expect((await program.api('GET', `/v1/instances/${made.id}/qr`)).status).toBe(404);
});

test('is connected: the session is made, a code is shown and changes, until a phone is linked', async () => {
  waha.sessions.next.push('SCAN_QR_CODE');
  const asked = await program.api('POST', `/v1/instances/${made.id}/connect`, {});
  expect(asked.status).toBe(202);
  await becomes('scanning');
  const read = async () =>
    (await program.api('GET', `/v1/instances/${made.id}/qr`)).body as {
      readonly code?: string;
      readonly image: string;
    };
  const first = await eventually(read, ({ code }) => code?.startsWith('2@code-') === true);
  expect(first.image).toMatch(/^data:image\/png;base64,/);
  const newer = await eventually(read, ({ code }) => code !== first.code);
  expect(newer.code).toMatch(/^2@code-/);
  await reports('WORKING');
  await becomes('working');
  expect((await program.api('GET', `/v1/instances/${made.id}/qr`)).status).toBe(404);
  expect(program.output).not.toContain('2@code-');
});

test('fails, is restarted by itself, and what was missed meanwhile is handed in once', async () => {
  await reports('FAILED');
  await becomes('recovering');
  // Nobody posts this one: it came while the session was down.
  const at = Date.now();
  waha.store({ session, chatId: phone, text: 'Alguém aí?', fromMe: false, at });
  await becomes('working');
  expect(waha.requests.map(({ path }) => path)).toContain(`/api/sessions/${session}/restart`);
  const conversations = async () =>
    (await program.api('GET', `/v1/conversations?instance=${made.id}`)).body as {
      readonly items: readonly { readonly id: string }[];
    };
  const { items } = await eventually(conversations, (seen) => seen.items.length > 0);
  const history = async () =>
    (await program.api('GET', `/v1/conversations/${items[0]?.id}/messages`)).body as {
      readonly items: readonly { readonly direction: string; readonly text?: string }[];
    };
  const written = (seen: Awaited<ReturnType<typeof history>>) =>
    seen.items.filter(({ direction }) => direction === 'in').length;
  await eventually(history, (seen) => seen.items.length >= 2);

  // The webhook comes late after all, then another message: the first is still one.
  const [stored] = waha.messages.filter(({ text }) => text === 'Alguém aí?');
  const payload = (id: string, body: string) => ({
    id: `false_${phone}_${id}`,
    timestamp: Math.floor(at / 1_000),
    from: phone,
    to: '5511900000000@c.us',
    fromMe: false,
    source: 'app',
    body,
    hasMedia: false,
  });
  expect(await posts('message.any', payload(stored?.id ?? '', 'Alguém aí?'))).toBe(200);
  expect(await posts('message.any', payload('3EB0FFFFFFFFFFFFFFFF', 'sim'))).toBe(200);
  const after = await eventually(history, (seen) => written(seen) >= 2);
  expect(written(after)).toBe(2);
});

test('is asked to restart and to log out, and does so at the provider', async () => {
  expect((await program.api('POST', `/v1/instances/${made.id}/restart`)).status).toBe(202);
  await eventually(
    () => Promise.resolve(waha.requests.filter(({ path }) => path.endsWith('/restart')).length),
    (count) => count === 2,
  );
  await becomes('working');
  expect((await program.api('POST', `/v1/instances/${made.id}/logout`)).status).toBe(202);
  await becomes('stopped');
  await eventually(
    () => Promise.resolve(waha.requests.map(({ path }) => path)),
    (paths) => paths.includes(`/api/sessions/${session}/logout`),
  );
});

test('every step is an audit event, without a code', async () => {
  const wanted = ['instance.changed', 'instance.connect-requested', 'instance.repaired', 'access.qr'];
  const readAudit = async () =>
    (await program.api('GET', `/v1/audit?conversation=${made.id}&limit=200`)).body as {
      readonly items: readonly { readonly action?: string; readonly type?: string }[];
    };
  const audit = await eventually(readAudit, ({ items }) =>
    wanted.every((one) => items.some(({ action, type }) => (action ?? type) === one)),
  );
  expect(JSON.stringify(audit)).not.toContain('2@code-');
});

test('is deleted at the provider and here, and its name is free', async () => {
  const answer = await fetch(`${program.ready.url}/v1/instances/${made.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${program.ready.apiKey}` },
  });
  expect(answer.status).toBe(202);
  const listed = async () =>
    (
      (await program.api('GET', '/v1/instances?limit=200')).body as {
        readonly items: readonly { readonly id: string }[];
      }
    ).items;
  await eventually(listed, (items) => !items.some(({ id }) => id === made.id));
  expect([...waha.sessions.gone]).toEqual([session]);
  const config = { baseUrl: waha.url, session };
  const again = await program.api('POST', '/v1/instances', { provider: 'waha', name: 'reception', config });
  expect(again.status).toBe(201);
});
