/**
 * Our Baileys gateway as its callers see it (`#runtime/baileys/gateway.ts`), without WhatsApp behind it. A
 * message id is one message, however often it is asked for; webhooks are posted in their order, each until
 * it is taken. The gateway itself is tried against a fake of WhatsApp (`services/baileys-gateway/testing`).
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type SendAnswer,
  type SessionAnswer,
  readRequest,
  sendRequest,
  typingRequest,
} from '#runtime/baileys/gateway.ts';
import { asText } from '#schemas/plain-text.ts';

import { type JsonRoutes, answerWith, jsonBodyOf } from '../json-http.ts';
import {
  type AcceptedMessage,
  type Misdeed,
  type Personality,
  type PersonalityOptions,
  type Progress,
  type RetryPlan,
  addressesOf,
  ownNumber,
  recipientOf,
} from './personality.ts';
import { webMessageOf } from './web-message.ts';

/** Baileys' numbers. */
const statuses: Readonly<Record<Progress, number>> = { sent: 2, delivered: 3, read: 4, restricted: 0 };

const retries: RetryPlan = {
  attempts: 10_000,
  delayMs: (attempt) => Math.min(100 * 2 ** (attempt - 2), 5_000),
  final: [],
  inOrder: true,
};

const requestBytesMax = 24 * 1_024 * 1_024;
const own = { id: `${ownNumber}:3@s.whatsapp.net`, lid: '900000000000000@lid' };

/** Starts one on the loopback. */
export async function startBaileys(options: PersonalityOptions): Promise<Personality> {
  const { session, state, apiKey, control } = options;
  const sent = new Map<string, AcceptedMessage>();
  let repeated = 0;
  let sequence = 0;

  const shown = (): SessionAnswer => ({
    status: state.state,
    reason: null,
    epoch: 1,
    waiting: 0,
    ...(state.code === undefined ? {} : { qr: { code: state.code } }),
  });
  const base = '/v1/sessions/{}/{}';
  const connected = (answer: readonly [number, unknown?]): readonly [number, unknown?] =>
    state.state === 'working' ? answer : [409, { code: 'session-not-working' }];
  const act = (work: () => void): readonly [number, unknown] => {
    work();
    return [200, shown()];
  };
  const routes: JsonRoutes = {
    'GET /livez': () => [200, { status: 'alive' }],
    [`PUT ${base}`]: () => act(() => state.start()),
    [`GET ${base}`]: () => [200, shown()],
    [`DELETE ${base}`]: () => act(() => state.logOut()),
    [`POST ${base}/disconnect`]: () => act(() => state.stop()),
    [`POST ${base}/pairing-code`]: () =>
      state.code === undefined ? [409, { code: 'pairing-refused' }] : [200, { code: 'ABCD1234' }],
    [`GET ${base}/messages/{}`]: ([, , id = '']) => [200, { status: sent.has(id) ? 'sent' : 'unknown' }],
    [`POST ${base}/typing`]: (_match, body) => connected(typingRequest.safeParse(body).success ? [204] : [400]),
    [`POST ${base}/read`]: (_match, body) => connected(readRequest.safeParse(body).success ? [204] : [400]),
  };

  /** Takes a message; what was wrong with it is its caller's to see. */
  const take = (body: unknown): AcceptedMessage | undefined => {
    const { id, chat, content } = sendRequest.parse(body);
    if (sent.has(id)) {
      repeated += 1;
      return undefined;
    }
    const to = recipientOf(chat);
    return { id, to, type: content.kind, text: asText(content), choices: [], at: Date.now() };
  };

  const refusalOf = (misdeed: Misdeed | undefined): readonly [number, unknown] | undefined => {
    if (state.state !== 'working') return [409, { code: 'session-not-working' }];
    if (misdeed?.kind === 'error-before') return [503, { code: 'session-elsewhere' }];
    if (misdeed?.kind !== 'restricted') return undefined;
    return [200, { status: 'refused', code: 'provider.restricted' } satisfies SendAnswer];
  };

  const send = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const message = take(await jsonBodyOf(request, requestBytesMax));
    const misdeed = message === undefined ? undefined : options.misdeed(message.to);
    const refusal = refusalOf(misdeed);
    if (refusal !== undefined) {
      answer(...refusal);
      return;
    }
    if (message !== undefined) {
      sent.set(message.id, message);
      options.accepted(message);
    }
    if (misdeed?.kind === 'slow' || misdeed?.kind === 'ambiguous') await sleep(misdeed.ms);
    if (misdeed?.kind === 'ambiguous') response.destroy();
    else if (misdeed?.kind === 'error-after') answer(500, { code: 'internal' });
    else answer(200, { status: 'sent' } satisfies SendAnswer);
  };

  const server = createServer((request, response) => {
    if (control(request, response)) return;
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      response.writeHead(401).end();
    } else if (request.method === 'POST' && /^\/v1\/sessions\/[^/]+\/[^/]+\/messages$/.test(request.url ?? '')) {
      send(request, response).catch(() => response.writeHead(400).end());
    } else if (!answerWith(routes, request, response)) response.writeHead(404).end();
  });
  server.listen(options.port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });

  const envelope = (event: string, data: unknown): string => {
    sequence += 1;
    const id = `sim_${randomBytes(13).toString('hex')}`;
    const named = session === '' ? {} : { session };
    return JSON.stringify({ id, timestamp: Date.now(), event, ...named, sequence, epoch: 1, me: own, data });
  };
  const upsert = (key: object, message: unknown, at: number, extra: object): string => {
    const messageTimestamp = Math.floor(at / 1_000);
    return envelope('messages.upsert', { type: 'notify', messages: [{ key, message, messageTimestamp, ...extra }] });
  };
  const keyOf = ({ id, to }: AcceptedMessage) => ({
    remoteJid: `${to.id}@${to.kind === 'hidden' ? 'lid' : to.kind === 'group' ? 'g.us' : 's.whatsapp.net'}`,
    fromMe: true,
    id,
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retries,
    written(message) {
      const [remoteJid, remoteJidAlt] = addressesOf(message, 's.whatsapp.net');
      const id = `3A${randomBytes(9).toString('hex').toUpperCase()}`;
      const key = { remoteJid, fromMe: false, id, ...(remoteJidAlt === undefined ? {} : { remoteJidAlt }) };
      const { person, said, at } = message;
      return { id, body: upsert(key, webMessageOf(said), at, { pushName: person.name }) };
    },
    echo: (message) => upsert(keyOf(message), { conversation: message.text }, message.at, { sentByUs: true }),
    progress: (message, progress) =>
      envelope('messages.update', [
        {
          key: keyOf(message),
          update: {
            status: statuses[progress],
            ...(progress === 'restricted' ? { messageStubParameters: ['463'] } : {}),
          },
        },
      ]),
    sessionChanged: () => envelope('session.status', shown()),
    sign: (body, secret) => ({
      'content-type': 'application/json',
      'x-webhook-hmac-algorithm': 'sha512',
      'x-webhook-hmac': createHmac('sha512', secret).update(body).digest('hex'),
    }),
    repeats: () => repeated,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
