/** What adapters make of what providers say about accounts, and that what they find is what ingest takes. */
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import type { Instance, Provider } from '#runtime/instances/instances.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';

import type { WebhookProvider } from '../../ingest/providers/provider.ts';
import { evolution } from '../../ingest/providers/evolution.ts';
import { waha } from '../../ingest/providers/waha.ts';
import { EffectFailure } from '../handler.ts';
import type { AccountProvider } from '../ports/accounts.ts';
import { openBaileysAccounts } from './baileys-accounts.ts';
import { openCloudAccounts } from './cloud-accounts.ts';
import { openEvolutionAccounts } from './evolution-accounts.ts';
import { openWahaAccounts } from './waha-accounts.ts';

type Answer = readonly [status: number, body: unknown];
type Answers = Readonly<Record<string, Answer | readonly Answer[] | undefined>>;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A provider that answers what it is told to, by method and path; a list is gone through, its last one stays. */
async function provider(answers: Answers): Promise<{ readonly url: string; readonly calls: string[] }> {
  const calls: string[] = [];
  const server: Server = createServer((request: IncomingMessage, response) => {
    const call = `${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`;
    const times = calls.filter((one) => one === call).length;
    calls.push(call);
    const told = answers[call] ?? ([404, { message: 'unknown' }] as const);
    const list = (typeof told[0] === 'number' ? [told] : told) as readonly Answer[];
    const [status, body] = list[Math.min(times, list.length - 1)] ?? [404, {}];
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

const instanceAt = (name: Provider, baseUrl: string): Instance => ({
  id: `i_${name}`,
  tenant: 'demo',
  line: 'l_1',
  provider: name,
  name,
  settings: { baseUrl, session: 'clinica', phoneNumberId: '106' },
  credentials: { webhookToken: 'token', webhookSecret: 'secret', apiKey: 'key' },
});
const open = (account: AccountProvider): AccountProvider => {
  closers.push(() => account.close());
  return account;
};
const { signal } = new AbortController();
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    (caught: unknown) => (caught instanceof EffectFailure ? [caught.code, caught.retry] : caught),
  );

describe.each<[Provider, () => AccountProvider, string]>([
  ['waha', () => openWahaAccounts(), 'GET /api/sessions/clinica'],
  ['evolution', () => openEvolutionAccounts(), 'GET /instance/connectionState/clinica'],
  ['cloud', () => openCloudAccounts(Date.now), 'GET /v26.0/106'],
])('a look at %s', (name, adapter, call) => {
  test.each<[number, unknown]>([
    [401, ['provider.unauthorized', false]],
    [404, ['provider.session-unknown', false]],
    [429, ['provider.unavailable', true]],
    [502, ['provider.unavailable', true]],
    [400, ['provider.refused', false]],
  ])('that is answered %s', async (status, expected) => {
    const { url } = await provider({ [call]: [status, {}] });
    expect(await codeOf(open(adapter()).look(instanceAt(name, url), signal))).toEqual(expected);
  });

  test('at what is not JSON, or not what it should be, says nothing', async () => {
    for (const body of ['text', null, [], { instance: 7, status: 7, me: [] }]) {
      const { url } = await provider({ [call]: [200, body] });
      const { status } = await open(adapter()).look(instanceAt(name, url), signal);
      expect(['unknown', 'working']).toContain(status);
    }
  });

  test('at what is not there', async () => {
    const looked = open(adapter()).look(instanceAt(name, 'http://127.0.0.1:9'), signal);
    expect(await codeOf(looked)).toEqual(['provider.unreachable', true]);
  });
});

test.each([
  [{ status: 'STOPPED' }, { status: 'stopped' }],
  [{ status: 'WORKING' }, { status: 'working' }],
  [
    { status: 'WORKING', me: { reachoutTimelock: { isActive: true, timeEnforcementEnds: 1_800_000_000 } } },
    { status: 'working', restriction: { active: true, until: 1_800_000_000_000 } },
  ],
  [{ status: 'SCAN_QR_CODE' }, { status: 'scanning', qr: { code: '2@x' } }],
])('a session of WAHA that is %j', async (session, expected) => {
  const { url } = await provider({
    'GET /api/sessions/clinica': [200, session],
    'GET /api/clinica/auth/qr': [200, { value: '2@x' }],
  });
  expect(await open(openWahaAccounts()).look(instanceAt('waha', url), signal)).toEqual(expected);
});

test('WAHA gives a code to type in when a number is given', async () => {
  const { url } = await provider({
    'GET /api/sessions/clinica': [200, { status: 'SCAN_QR_CODE' }],
    'POST /api/sessions/clinica/start': [201, {}],
    'POST /api/clinica/auth/request-code': [201, { code: 'ABCD-EFGH' }],
  });
  const seen = await open(openWahaAccounts()).connect(instanceAt('waha', url), '5511999990001', signal);
  expect(seen.qr).toEqual({ code: '', pairingCode: 'ABCD-EFGH' });
});

describe('Evolution', () => {
  test('makes the instance where there is none, and gives its code', async () => {
    const { url, calls } = await provider({
      'POST /instance/create': [201, {}],
      'GET /instance/connect/clinica': [200, { code: '2@x', pairingCode: null, count: 1 }],
    });
    const seen = await open(openEvolutionAccounts()).connect(instanceAt('evolution', url), null, signal);
    expect(seen).toEqual({ status: 'scanning', qr: { code: '2@x' } });
    expect(calls).toContain('POST /instance/create');
  });

  test('connects what is closed, and so cannot be restarted', async () => {
    const { url, calls } = await provider({
      'POST /instance/restart/clinica': [500, {}],
      'GET /instance/connect/clinica': [200, {}],
      'GET /instance/connectionState/clinica': [200, { instance: { state: 'open' } }],
    });
    const seen = await open(openEvolutionAccounts()).restart(instanceAt('evolution', url), signal);
    expect([seen, calls[1]]).toEqual([{ status: 'working' }, 'GET /instance/connect/clinica']);
  });

  test('is told to log out and to forget; that it knows nothing is no failure', async () => {
    const { url, calls } = await provider({ 'DELETE /instance/logout/clinica': [400, {}] });
    const account = open(openEvolutionAccounts());
    expect(await account.logout(instanceAt('evolution', url), signal)).toEqual({ status: 'stopped' });
    expect(await account.remove(instanceAt('evolution', url), signal)).toBe(false);
    expect(calls).toContain('DELETE /instance/delete/clinica');
  });
});

describe('a number of the Cloud API', () => {
  test.each([
    ['CONNECTED', { status: 'working', restriction: { active: false } }],
    ['RESTRICTED', { status: 'working', restriction: { active: true } }],
    ['BANNED', { status: 'failed' }],
    ['PENDING', { status: 'starting' }],
    ['SOMETHING_NEW', { status: 'working' }],
  ])('that is %s', async (status, expected) => {
    const { url } = await provider({ 'GET /v26.0/106': [200, { status, id: '106' }] });
    expect(await open(openCloudAccounts(Date.now)).look(instanceAt('cloud', url), signal)).toEqual(expected);
  });

  test('is looked at every five minutes at most: Meta counts', async () => {
    let now = 0;
    const { url, calls } = await provider({ 'GET /v26.0/106': [200, { status: 'CONNECTED' }] });
    const account = open(openCloudAccounts(() => now));
    for (now = 0; now < 600_000; now += 30_000) await account.look(instanceAt('cloud', url), signal);
    expect(calls).toHaveLength(2);
  });

  test('whose token is no good says so', async () => {
    const { url } = await provider({ 'GET /v26.0/106': [400, { error: { code: 190 } }] });
    const looked = open(openCloudAccounts(Date.now)).look(instanceAt('cloud', url), signal);
    expect(await codeOf(looked)).toEqual(['provider.unauthorized', false]);
  });
});

describe('what was missed is what ingest takes', () => {
  const message = (id: string, at: number) => ({
    id: `false_5511999990001@c.us_${id}`,
    timestamp: at,
    from: '5511999990001@c.us',
    to: '5511900000000@c.us',
    fromMe: false,
    body: `message ${id}`,
    hasMedia: false,
  });
  const record = (id: string, at: number) => ({
    key: { remoteJid: '5511999990001@s.whatsapp.net', fromMe: false, id },
    message: { conversation: `message ${id}` },
    messageType: 'conversation',
    messageTimestamp: at,
  });
  const chats = [
    { id: '5511999990001@c.us', lastMessage: { timestamp: 300 } },
    // Nothing since: it and all behind it are not looked at.
    { id: '5511999990002@c.us', lastMessage: { timestamp: 50 } },
  ];

  test.each<[Provider, () => AccountProvider, WebhookProvider, Answers]>([
    [
      'waha',
      () => openWahaAccounts(),
      waha,
      {
        'GET /api/clinica/chats/overview': [200, chats],
        'GET /api/clinica/chats/5511999990001%40c.us/messages': [200, [message('B', 300), message('A', 200)]],
      },
    ],
    [
      'evolution',
      () => openEvolutionAccounts(),
      evolution,
      {
        'POST /chat/findMessages/clinica': [
          200,
          { messages: { records: [record('B', 300), record('A', 200), record('old', 20)] } },
        ],
      },
    ],
  ])('from %s', async (name, adapter, ingest, answers) => {
    const { url } = await provider(answers);
    const instance = instanceAt(name, url);
    const account = open(adapter());
    const seen: unknown[] = [];
    for await (const { body } of account.missed?.(instance, 100_000, 400_000, signal) ?? []) {
      const raw = JSON.stringify({ ...body, recovered: true });
      expect(ingest.verify(Buffer.from(raw), account.sign(instance, raw), instance)).toBe(true);
      const json = JSON.parse(raw) as Record<string, unknown>;
      for (const event of ingest.normalise({ json, raw, requestId: 'r' }, instance))
        seen.push(event.type === 'message.received' ? [event.message.stableId, event.message.content] : event.type);
    }
    expect(seen).toEqual(['A', 'B'].map((id) => [id, { kind: 'text', text: `message ${id}` }]));
  });

  const full = Array.from({ length: 100 }, (_, index) => index);
  test.each<[string, Provider, () => AccountProvider, Answers, number, number]>([
    [
      'a chat of more messages than are read',
      'waha',
      () => openWahaAccounts(),
      {
        'GET /api/clinica/chats/overview': [200, chats],
        'GET /api/clinica/chats/5511999990001%40c.us/messages': [200, full.map((id) => message(String(id), 300))],
      },
      1_000,
      11,
    ],
    [
      'more chats than are read',
      'waha',
      () => openWahaAccounts(),
      // They need no names for this.
      { 'GET /api/clinica/chats/overview': [200, full.slice(0, 50).map(() => ({ lastMessage: { timestamp: 300 } }))] },
      0,
      20,
    ],
    [
      'more messages than are read',
      'evolution',
      () => openEvolutionAccounts(),
      {
        'POST /chat/findMessages/clinica': [200, { messages: { records: full.map((id) => record(String(id), 300)) } }],
      },
      2_000,
      20,
    ],
  ])('of %s what was read is given, and then that it is not all', async (_, name, adapter, answers, given, asked) => {
    const { url, calls } = await provider(answers);
    let count = 0;
    const reading = async (): Promise<void> => {
      const missed = open(adapter()).missed?.(instanceAt(name, url), 100_000, 400_000, signal) ?? [];
      for await (const { at } of missed) if (at >= 100_000) count += 1;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'provider.history-too-long', retry: false });
    expect([count, calls.length]).toEqual([given, asked]);
  });
});

test('a session of the Baileys gateway is connected, restarted where nobody holds it, and logged out', async () => {
  const base = '/v1/sessions/demo/i_baileys';
  const session = { status: 'scanning', reason: null, epoch: 1, waiting: 0, qr: { code: '2@x' } };
  const { url, calls } = await provider({
    [`PUT ${base}`]: [200, session],
    [`POST ${base}/pairing-code`]: [200, { code: 'ABCD-EFGH' }],
    [`GET ${base}`]: [200, { ...session, status: 'working', qr: undefined }],
    [`DELETE ${base}`]: [204, null],
  });
  const runtime = { config: { baileys: { url, key: 'key' } } } as unknown as Parameters<typeof openBaileysAccounts>[0];
  const account = open(openBaileysAccounts(runtime));
  const instance = instanceAt('baileys', url);
  const linked = await account.connect(instance, '5511999990001', signal);
  expect(linked).toEqual({ status: 'scanning', qr: { code: '2@x', pairingCode: 'ABCD-EFGH' } });
  expect(await account.look(instance, signal)).toEqual({ status: 'working' });
  expect(await account.restart(instance, signal)).toEqual({ status: 'scanning', qr: { code: '2@x' } });
  expect(calls).toContain(`POST ${base}/disconnect`);
  expect(await account.logout(instance, signal)).toEqual({ status: 'stopped' });
});

test('calls end when nobody waits any more', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    silent.closeAllConnections();
    return new Promise((resolve) => silent.close(resolve));
  });
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const abort = new AbortController();
  const looked = codeOf(open(openWahaAccounts(providerHttpDefaults)).look(instanceAt('waha', url), abort.signal));
  abort.abort();
  expect(await looked).toMatchObject([expect.stringMatching(/^provider\./u), true]);
});
