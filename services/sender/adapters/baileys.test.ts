// Goal: what the gateway answers becomes the outcome that it is, and what is asked of it is what it takes.
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { sendRequest } from '#runtime/baileys/gateway.ts';
import { readConfig } from '#runtime/config.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';
import type { OutboundContent } from '#schemas/content.ts';

import type { MessageProvider, OutboundMessage } from '../ports/provider.ts';
import { openBaileysSender } from './baileys.ts';

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

let server: Server;
let provider: MessageProvider;
const asked: Asked[] = [];
let answer: { status: number; body: unknown; headers?: Record<string, string> } | 'silence' | 'cut';

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { method, url: path, headers } = request;
      asked.push({
        method,
        path,
        authorization: headers.authorization,
        body: text === '' ? undefined : JSON.parse(text),
      });
      if (answer === 'silence') return;
      if (answer === 'cut') request.socket.destroy();
      else response.writeHead(answer.status, answer.headers).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  provider = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  await provider.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked.length = 0;
});

function open(url: string, more: Record<string, string> = {}): MessageProvider {
  const config = readConfig({ BAILEYS_GATEWAY_URL: url, BAILEYS_GATEWAY_KEY: 'key', ...more });
  const vault = { index: (tenant: string) => `key of ${tenant}` } as never;
  return openBaileysSender({ config, vault }, { ...providerHttpDefaults, callTimeoutMs: 150 });
}

const instance: Instance = {
  id: 'i_baileys',
  tenant: 'demo',
  line: 'l',
  provider: 'baileys',
  name: 'n',
  settings: {},
  credentials: { webhookToken: 't' },
};

const message = (content: OutboundContent = { kind: 'text', text: 'Olá' }): OutboundMessage => ({
  deliveryId: 'd',
  conversation: 'c',
  person: 'p_1',
  chat: '5511911111111@c.us',
  content,
  clientMessageId: '3EB0AAAAAAAAAAAAAAAAAA',
  attempt: 1,
  firstAttemptAt: 0,
  isTaken: () => Promise.resolve(false),
  confirmed: () => Promise.resolve(undefined),
  readFile: (blob) => Promise.resolve(blob === 'f_1' ? Buffer.from('bytes') : undefined),
});

const ids = { messageId: '3EB0AAAAAAAAAAAAAAAAAA', stableId: '3EB0AAAAAAAAAAAAAAAAAA' };

test.each([
  [{ status: 'sent' }, { outcome: 'sent', ...ids, httpStatus: 200 }],
  [
    { status: 'refused', code: 'provider.restricted' },
    { outcome: 'refused', code: 'provider.restricted', scope: 'cold-chats', httpStatus: 200 },
  ],
  [
    { status: 'refused', code: 'provider.whatsapp-479' },
    { outcome: 'refused', code: 'provider.whatsapp-479', httpStatus: 200 },
  ],
  [
    { status: 'pending', code: 'provider.timeout' },
    { outcome: 'unknown', code: 'provider.timeout', httpStatus: 200 },
  ],
  [
    { status: 'retry', code: 'provider.failed' },
    { outcome: 'retry', code: 'provider.failed', httpStatus: 200 },
  ],
  [
    { status: 'retry', code: 'provider.session-not-working' },
    { outcome: 'retry', code: 'provider.session-not-working', scope: 'instance', httpStatus: 200 },
  ],
  ['nothing that we know', { outcome: 'unknown', code: 'provider.answer-unexpected', httpStatus: 200 }],
])('%o is %o', async (body, outcome) => {
  answer = { status: 200, body };
  expect(await provider.send(instance, message())).toEqual(outcome);
});

test.each([
  [401, { outcome: 'refused', code: 'provider.unauthorized', scope: 'instance' }],
  [404, { outcome: 'refused', code: 'provider.session-unknown', scope: 'instance' }],
  [409, { outcome: 'retry', code: 'provider.session-not-working', scope: 'instance' }],
  [413, { outcome: 'refused', code: 'content.file-too-large' }],
  [500, { outcome: 'unknown', code: 'provider.failed' }],
])('%i is %o', async (status, outcome) => {
  answer = { status, body: {} };
  expect(await provider.send(instance, message())).toEqual({ ...outcome, httpStatus: status });
});

test('another gateway takes over: tried again when it says', async () => {
  answer = { status: 503, body: {}, headers: { 'retry-after': '1' } };
  expect(await provider.send(instance, message())).toMatchObject({
    outcome: 'retry',
    afterMs: 1_000,
    scope: 'instance',
  });
});

test('without an answer it may have been sent; what never reached the gateway was not', async () => {
  answer = 'silence';
  expect(await provider.send(instance, message())).toEqual({ outcome: 'unknown', code: 'provider.timeout' });
  answer = 'cut';
  expect(await provider.send(instance, message())).toEqual({ outcome: 'unknown', code: 'provider.connection-lost' });
  const nowhere = open('http://127.0.0.1:1');
  expect(await nowhere.send(instance, message())).toEqual({ outcome: 'retry', code: 'provider.unreachable' });
  expect(await nowhere.resolve(instance, message())).toEqual({ outcome: 'unknown', code: 'provider.unreachable' });
  await nowhere.close();
});

test('an unknown outcome is looked up; what nobody knows may be sent again, since the id is ours', async () => {
  answer = { status: 200, body: { status: 'sent' } };
  expect(await provider.resolve(instance, message())).toEqual({ outcome: 'sent', ...ids });
  for (const status of ['pending', 'unknown', 'refused']) {
    answer = { status: 200, body: { status } };
    expect(await provider.resolve(instance, message())).toEqual({ outcome: 'repeat' });
  }
  answer = { status: 503, body: {} };
  expect(await provider.resolve(instance, message())).toMatchObject({ outcome: 'unknown' });
  expect(asked[0]).toMatchObject({
    method: 'GET',
    path: '/v1/sessions/demo/i_baileys/messages/3EB0AAAAAAAAAAAAAAAAAA',
  });
});

test('what is asked for is what the gateway takes, with its key', async () => {
  answer = { status: 200, body: { status: 'sent' } };
  const media = { blob: 'f_1', mimetype: 'image/png' };
  await provider.send(instance, message({ kind: 'image', media, caption: 'Veja' }));
  const [one] = asked;
  expect(one).toMatchObject({
    method: 'POST',
    path: '/v1/sessions/demo/i_baileys/messages',
    authorization: 'Bearer key',
  });
  expect(sendRequest.parse(one?.body)).toEqual({
    id: ids.stableId,
    chat: '5511911111111@c.us',
    person: 'p_1',
    content: { kind: 'image', media, caption: 'Veja' },
    file: Buffer.from('bytes').toString('base64'),
  });
  expect(await provider.send(instance, message({ kind: 'image', media: { ...media, blob: 'gone' } }))).toEqual({
    outcome: 'refused',
    code: 'content.file-missing',
  });
  expect(asked).toHaveLength(1);
});

test('a reaction is no message: no status of it will come', async () => {
  answer = { status: 200, body: { status: 'sent' } };
  const reaction = { kind: 'reaction', target: 'T', emoji: '👍' } as const;
  expect(await provider.send(instance, message(reaction))).toEqual({ outcome: 'sent', httpStatus: 200 });
});

test('courtesies', async () => {
  answer = { status: 204, body: {} };
  await provider.showTyping?.(instance, message(), 1_500.4);
  await provider.markRead?.(instance, '5511911111111@c.us', 'M1');
  expect(asked.map(({ path, body }) => [path, body])).toEqual([
    ['/v1/sessions/demo/i_baileys/typing', { chat: '5511911111111@c.us', forMs: 1_500 }],
    ['/v1/sessions/demo/i_baileys/read', { chat: '5511911111111@c.us', id: 'M1' }],
  ]);
});

test('the key is never presented to an address of a tenant', async () => {
  answer = { status: 200, body: { status: 'sent' } };
  await provider.send({ ...instance, settings: { baseUrl: 'http://127.0.0.1:1' } }, message());
  expect(asked).toHaveLength(1);
});

test('without a configured key it is the one that the tenant’s own key makes', async () => {
  answer = { status: 200, body: { status: 'sent' } };
  const without = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { BAILEYS_GATEWAY_KEY: '' });
  await without.send(instance, message());
  expect(asked[0]?.authorization).toBe('Bearer key of demo');
  await without.close();
});
