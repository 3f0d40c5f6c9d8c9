/**
 * Our Baileys gateway as its callers see it (`#runtime/testing/fake-gateway.ts`) with sessions and webhooks, which
 * are posted in their order, each until it is taken. The gateway itself is tried against a fake of WhatsApp
 * (`services/baileys-gateway/testing`).
 */
import { randomBytes } from 'node:crypto';

import { type SessionAnswer, readRequest, typingRequest } from '#runtime/baileys/gateway.ts';
import { type GatewayMessage, startFakeGateway } from '#runtime/testing/fake-gateway.ts';
import { signWahaWebhook } from '#runtime/testing/fake-waha.ts';
import { asText } from '#schemas/plain-text.ts';

import { type JsonRoutes, answerWith } from '../json-http.ts';
import {
  type AcceptedMessage,
  type Personality,
  type PersonalityOptions,
  type Progress,
  type RetryPlan,
  addressesOf,
  faultOf,
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

const own = { id: `${ownNumber}:3@s.whatsapp.net`, lid: '900000000000000@lid' };

/** Starts one on the loopback. */
export async function startBaileys(options: PersonalityOptions): Promise<Personality> {
  const { session, state, apiKey } = options;
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
    [`POST ${base}/typing`]: (_match, body) => connected(typingRequest.safeParse(body).success ? [204] : [400]),
    [`POST ${base}/read`]: (_match, body) => connected(readRequest.safeParse(body).success ? [204] : [400]),
  };

  const fake = await startFakeGateway({
    port: options.port,
    ...(apiKey === undefined ? {} : { key: apiKey }),
    behave: ({ chat }) => {
      const found = options.misdeed(recipientOf(chat));
      return state.state === 'working' ? faultOf(found, 503) : { kind: 'status', status: 409 };
    },
    onMessage: (message) => options.accepted(acceptedOf(message)),
    intercept: (request, response) =>
      options.control(request, response) ||
      ((apiKey === undefined || request.headers.authorization === `Bearer ${apiKey}`) &&
        answerWith(routes, request, response)),
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
    url: fake.url,
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
    sign: (body, secret) => signWahaWebhook(body, secret),
    repeats: () => fake.repeats(),
    close: () => fake.close(),
  };
}

const acceptedOf = ({ id, chat, content, at }: GatewayMessage): AcceptedMessage => ({
  id,
  to: recipientOf(chat),
  type: content.kind,
  text: asText(content),
  choices: [],
  at,
});
